"""Order-free plans are proven from their rows: permuting the uses of a cell never changes their bills."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date
from typing import Any

import pytest
from random_tariffs.dice import CLASSES
from tariff_check import events_csv

from planrec.billing.cards import BillRequest, FullCard, Tree, parse_card, parse_request
from planrec.billing.events import read_events
from planrec.billing.order_free import order_reasons
from planrec.billing.rating import bill_events
from planrec.billing.usage_detail import number_key

Row = dict[str, Any]
PRICES = ["0", "9", "3.63", "18.15"]


def _card(dice: random.Random) -> FullCard:
    def increment() -> str:
        return dice.choice(["1/1", "60/60", "60/1", "30/30", "60/7"])

    def call(to: list[str]) -> Row:
        row: Row = {"kind": "call", "to": to, "item": dice.choice(["calls", "more calls"]), "increment": increment()}
        row["per_minute"] = dice.choice([*PRICES, [["0", "0"], ["90", "3"]]])
        for key in ("setup", "minimum"):
            if dice.random() < 0.2:
                row[key] = dice.choice(PRICES)
        return row

    rates = [call(CLASSES[:2]), call(CLASSES)]
    blocks: Row = {"block_mb": "10", "per_block": "7", "rounded": dice.choice(["session", "day", "period"])}
    rates.append({"kind": "data", "item": "data", **dice.choice([{"per_mb": "0.7"}, blocks, {"day_fee": "15"}])})
    if dice.random() < 0.1 and rates[-1].get("rounded") != "period" and "day_fee" not in rates[-1]:
        rates[-1]["day_minimum"] = "12"
    allowances: list[Row] = []
    for name in range(dice.randint(0, 2)):
        to = dice.choice([CLASSES[:2], CLASSES, CLASSES[1:]])
        calls = {"kind": "call", "to": to, "amount": dice.choice(["1", "5", "unlimited"]), "unit": "minute"}
        allowances.append({"name": f"a{name}", **dice.choice([calls, {"kind": "data", "amount": "25"}])})
        if allowances[-1]["kind"] == "call" and dice.random() < 0.2:
            new = {"per_week_max": "3"}, {"numbers": {"most": "2", "per": dice.choice(["period", "week", "day"])}}
            allowances[-1].update(dice.choice(new))
    plan: Row = {"plan_id": "p", "fee": "100", "rates": rates, "allowances": allowances}
    if dice.random() < 0.3:
        mode, items = dice.choice(["free", "refuse"]), dice.choice([["calls"], ["calls", "data"]])
        plan["caps"] = [{"name": "cap", "items": items, "amount": "37.5", "mode": mode}]
    tree: Row = {"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [plan]}
    _add_own_keys(dice, tree, call(CLASSES[:3]))
    if dice.random() < 0.2:
        tree["rounding"] = {"each": "event", "how": "up"}
    return parse_card(tree, "card")


def _add_own_keys(dice: random.Random, tree: Row, weekend: Row) -> None:
    """Add a discount by volume, an option bought one by one, a cheaper weekend with holidays."""
    plan = tree["plans"][0]
    if dice.random() < 0.2:
        steps = [["0", "5"], ["60", "20"]]
        plan["discounts"] = [{"item": "volume", "of": "calls", "steps": steps, "of_all": dice.choice([True, False])}]
    if dice.random() < 0.2:
        more = {"name": "more", "kind": "data", "amount": "5"}
        tree["options"] = [{"option_id": "o", "name": "o", "fee": "10", "starts": "day", "allowances": [more]}]
    if dice.random() < 0.2:
        tree["holidays"] = ["2025-03-12", "2025-03-13"]
        tree["bands"] = {"weekend": [{"days": ["sat", "sun"], "from": "00:00", "to": "24:00"}]}
        plan["rates"].insert(0, {**weekend, "when": "weekend", "per_minute": "1"})


def _rows(dice: random.Random) -> list[Row]:
    rows: list[Row] = []
    for i in range(14):
        kind = dice.choice(["call", "call", "data"])
        start = f"2025-03-{dice.randint(1, 28):02d}T{dice.randint(0, 23):02d}:00:00+00:00"
        row: Row = {"event": f"e{i:02d}", "subscriber": "A", "kind": kind, "start": start, "to": "", "at": "home"}
        row["seconds"] = str(dice.choice([1, 59, 60, 61, 90, 300])) if kind == "call" else ""
        row["mb"] = str(dice.choice(["0.5", "10", "10.001", "7"])) if kind == "data" else ""
        row["to"] = dice.choice(CLASSES[:4]) if kind == "call" else ""
        row["number"] = dice.choice(["34600", "34601", "34602"]) if kind == "call" else ""
        rows.append(row)
    return rows


def _permuted(dice: random.Random, card: FullCard, rows: list[Row]) -> list[Row]:
    """Return the rows with their starts exchanged, each within its bands: a cell's uses stay its own."""

    def weekend(row: Row) -> bool:
        day = date.fromisoformat(row["start"][:10])
        return bool(card.bands) and (day.weekday() > 4 or day in card.holidays)

    moved: list[Row] = []
    for part in (True, False):
        here = [row for row in rows if weekend(row) == part]
        starts = [row["start"] for row in here]
        dice.shuffle(starts)
        moved += [{**row, "start": start} for row, start in zip(here, starts, strict=True)]
    return moved


def _bill(card: FullCard, request: BillRequest, rows: list[Row]) -> str:
    events = read_events(events_csv(rows), "events.csv", "UTC", ["A"], number_for=number_key(card))
    return bill_events(card, request, events).to_csv()


def _differences(seeds: range) -> dict[bool, list[bool]]:
    """Return, for proven plans and for the others, whether a permutation changed the bill."""
    found: dict[bool, list[bool]] = defaultdict(list)
    for seed in seeds:
        dice = random.Random(seed)  # noqa: S311 - a seed repeats a card
        card, rows = _card(dice), _rows(dice)
        options = tuple(o.option_id for o in card.options)
        bought: list[Tree] = [{"option": o, "on": f"2025-03-{day}"} for o in options for day in ("08", "20")]
        told: Tree = {"bill": ["2025-03"], "subscribers": {"A": {"plan": "p", "bought": bought}}}
        request = parse_request(told, "request")
        bills = {_bill(card, request, rows), _bill(card, request, _permuted(dice, card, rows))}
        found[not order_reasons(card, "p", options)].append(len(bills) > 1)
    return found


def test_permutations_change_no_bill_of_a_proven_plan() -> None:
    found = _differences(range(100))
    assert len(found[True]) > 10
    assert sum(found[True]) == 0
    assert sum(found[False]) > 5  # the proof keeps apart plans whose bills do change


@pytest.mark.slow
def test_permutations_of_ten_thousand_cards_change_no_bill_of_a_proven_plan() -> None:
    assert sum(_differences(range(10_000, 20_000))[True]) == 0


def test_an_unlimited_allowance_behind_part_of_a_finite_one_is_order_dependent() -> None:
    rate: Row = {"kind": "call", "item": "calls", "per_minute": "9", "increment": "60/60"}
    finite: Row = {"name": "minutes", "kind": "call", "to": ["fixed", "mobile"], "amount": "5", "unit": "minute"}
    free: Row = {"name": "mobile", "kind": "call", "to": ["mobile"], "amount": "unlimited", "unit": "minute"}
    plan: Row = {"plan_id": "p", "rates": [rate], "allowances": [finite, free]}
    tree = {"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [plan]}
    assert order_reasons(parse_card(tree, "card"), "p") == [
        "plans.p.allowances[1]: takes a part of what plans.p.allowances[0] leaves, so it matters which use came first"
    ]
    plan["allowances"] = [free, finite]  # the finite one then covers calls to fixed lines alone
    assert order_reasons(parse_card(tree, "card"), "p") == []


def test_what_the_catalogue_of_constructs_names_is_order_dependent() -> None:
    rate: Row = {"kind": "call", "item": "calls", "setup": "10", "per_minute": "9", "increment": "60/60"}
    minutes: Row = {"name": "minutes", "kind": "call", "amount": "2", "unit": "minute"}
    plan: Row = {"plan_id": "p", "rates": [rate], "allowances": [minutes]}
    card = parse_card({"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [plan]}, "card")
    request = parse_request({"bill": ["2025-03"], "subscribers": {"A": {"plan": "p"}}}, "request")

    def cents(seconds: list[int]) -> int:
        rows = [
            {"event": f"e{i}", "subscriber": "A", "kind": "call", "start": f"2025-03-01T1{i}:00:00Z", "mb": ""}
            | {"seconds": str(s), "to": "fixed", "at": "home"}
            for i, s in enumerate(seconds)
        ]
        events = read_events(events_csv(rows), "events.csv", "UTC", ["A"])
        return int(bill_events(card, request, events).totals.sum())

    assert (cents([60, 60, 300]), cents([300, 60, 60])) == (55, 65)
    assert order_reasons(card, "p") != []


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        pytest.param(CLASSES[:2], CLASSES[1:3], True, id="one-class-in-common"),
        pytest.param(CLASSES[:2], CLASSES[:2], False, id="the-same"),
        pytest.param(CLASSES[:1], CLASSES[1:3], False, id="none-in-common"),
        pytest.param(CLASSES[:1], CLASSES[:3], True, id="one-within-the-other"),
    ],
)
def test_allowances_that_share_some_uses_only_depend_on_the_order(
    first: list[str], second: list[str], overlap: bool
) -> None:
    price = {"kind": "call", "to": CLASSES, "item": "calls", "increment": "60/60", "per_minute": "9"}
    allowances = [
        {"name": name, "kind": "call", "to": to, "amount": "5", "unit": "minute"}
        for name, to in (("a", first), ("b", second))
    ]
    plan: Row = {"plan_id": "p", "fee": "100", "rates": [price], "allowances": allowances}
    card = parse_card({"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [plan]}, "card")
    said = [reason for reason in order_reasons(card, "p") if "overlaps" in reason]
    assert bool(said) == overlap
