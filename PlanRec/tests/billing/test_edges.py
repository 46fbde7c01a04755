"""Edges of cards that random events seldom meet, each worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tariff_check import events_csv, fast_lines, slow_lines

from common_utils.errors import ConfigError
from planrec.billing.cards import FullCard, MarkedTree, Tree, parse_card, parse_request
from planrec.billing.complete_cards import refuse_gaps
from planrec.billing.events import read_events
from planrec.billing.order_free import order_reasons
from planrec.billing.rating import Sheet, bill_events
from planrec.billing.rating.charges.caps import NEVER, CapLimit, cut_by_caps
from planrec.billing.rating.money import round_charge

Row = dict[str, Any]
WHEN = "2025-03-{}T10:00:00+00:00"


def _tree(plan: Row, **more: Any) -> Row:
    tree: Row = {"case": "x", "currency": "EUR", "timezone": "UTC", "bill": ["2025-03"], "plans": {"p": plan}}
    return {**tree, "subscribers": {"A": {"plan": "p"}}, **more}


def _event(event: str, day: str, kind: str, to: str = "", seconds: str = "", mb: str = "") -> Row:
    row = {"event": event, "subscriber": "A", "kind": kind, "start": WHEN.format(day), "seconds": seconds, "mb": mb}
    return {**row, "to": to, "at": "home"}


def _items(tree: Row, rows: list[Row], period: str = "2025-03") -> dict[str, int]:
    """Return the items of a bill, of which both raters say the same."""
    lines = fast_lines(tree, rows)
    assert lines is not None
    assert sorted(lines) == sorted(slow_lines(tree, rows) or [])
    return {line[2]: int(line[4]) for line in lines if line[1] == period and line[2] != "total"}


def test_a_cap_that_is_reached_to_the_cent_refuses_what_comes_after() -> None:
    """One minute of 60 cents reaches the cap of 60; the next call is refused whole, its service price too."""
    rates: list[Row] = [
        {"kind": "call", "to": "intl", "item": "abroad", "per_minute": "60"},
        {
            "kind": "call",
            "to": "premium",
            "item": "access",
            "per_minute": "1",
            "also": [{"item": "service", "per_call": "500"}],
        },
    ]
    caps = [{"name": "cap", "items": ["abroad", "access"], "amount": "60", "mode": "refuse"}]
    calls = [_event("e1", "01", "call", "intl", "60"), _event("e2", "02", "call", "premium", "60")]
    assert _items(_tree({"rates": rates, "caps": caps}), calls) == {"abroad": 60}
    dearer = [{**caps[0], "amount": "61"}]
    assert _items(_tree({"rates": rates, "caps": dearer}), calls) == {"abroad": 60, "access": 1, "service": 500}


def test_a_charge_that_meets_two_caps_reaches_the_tighter_one_alone() -> None:
    """12 in both caps: the one of 8 cuts it to 8; the one of 10 has 2 left for the next charge, which is its own."""
    holds = np.ones(1, dtype=bool)
    both = CapLimit(np.array([True, True]), holds, 10)
    tight = CapLimit(np.array([True, False]), holds, 8)
    cut, reached = cut_by_caps(np.array([12, 6]), np.zeros(2, dtype=np.int64), [both, tight])
    assert cut.tolist() == [8, 2]
    assert [int(r[0]) for r in reached] == [1, 0]
    looser = CapLimit(np.array([True, True]), holds, 15)
    cut, reached = cut_by_caps(np.array([12, 6]), np.zeros(2, dtype=np.int64), [looser, tight])
    assert cut.tolist() == [8, 6]
    assert [int(r[0]) for r in reached] == [NEVER, 0]


@pytest.mark.parametrize(
    ("start", "cents"),
    [
        pytest.param("2025-03-14T23:59:59+01:00", 60, id="the-last-second-before"),
        pytest.param("2025-03-15T00:00:00+01:00", 90, id="the-first-second"),
    ],
)
@pytest.mark.parametrize("more", [{"valid_from": "2025-03-15"}, {}], ids=["dated", "behind-it"])
def test_a_price_holds_from_the_first_moment_of_its_first_day(start: str, cents: int, more: dict[str, Tree]) -> None:
    """10 minutes at 6 cents until 14 March, at 9 from the 15th; the neutral notation has no such dates."""
    old: Tree = {"kind": "call", "item": "calls", "per_minute": "6", "valid_to": "2025-03-14"}
    new: Tree = {"kind": "call", "item": "calls", "per_minute": "9", **more}
    tree: Tree = {"version": "v", "currency": "EUR", "timezone": "Europe/Madrid"}
    card = parse_card({**tree, "plans": [{"plan_id": "p", "rates": [old, new]}]}, "card")
    request = parse_request({"bill": ["2025-03"], "subscribers": {"A": {"plan": "p"}}}, "request")
    row = {**_event("e1", "15", "call", "fixed", "600"), "start": start}
    book = bill_events(card, request, read_events(events_csv([row]), "events.csv", card.timezone, ["A"]))
    assert book.totals.tolist() == [[cents]]


def test_what_rolls_over_within_an_option_stays_with_a_change_of_plan_and_that_of_a_plan_does_not() -> None:
    """10 minutes each: unused in March, the option's roll over into April on another plan, the plan's are lost."""
    rolls = {"kind": "call", "amount": "10", "unit": "minute", "rollover": {"used": "last", "lasts": "1 period"}}
    rate = {"kind": "call", "item": "calls", "per_minute": "6"}
    bare: Row = {"rates": [rate]}
    change = {"plan_changes": [{"from_period": "2025-04", "plan": "q"}]}
    april = [{**_event("e1", "01", "call", "fixed", "1500"), "start": "2025-04-02T10:00:00+00:00"}]
    of_option = _tree(bare, bill=["2025-03", "2025-04"], options={"o": {"name": "o", "allowances": [rolls]}})
    of_option |= {"plans": {"p": bare, "q": bare}, "subscribers": {"A": {"plan": "p", "options": ["o"], **change}}}
    assert _items(of_option, april, "2025-04") == {"calls": 30}  # 25 minutes less 20
    owned = {"rates": [rate], "allowances": [rolls]}
    of_plan = _tree(bare, bill=["2025-03", "2025-04"])
    of_plan |= {"plans": {"p": owned, "q": owned}, "subscribers": {"A": {"plan": "p", **change}}}
    assert _items(of_plan, april, "2025-04") == {"calls": 90}  # 25 minutes less 10


@pytest.mark.parametrize(
    ("unit", "amounts", "expected"),
    [(5, [2, 3, 7, 8], [0, 5, 5, 10]), (4, [1, 2, 5, 6], [0, 4, 4, 8]), (1, [3], [3])],
)
def test_half_a_unit_rounds_up_for_odd_and_even_units(unit: int, amounts: list[int], expected: list[int]) -> None:
    assert round_charge(np.array(amounts), unit, "half_up").tolist() == expected


@pytest.mark.parametrize(("last", "cents"), [("2025-02-27", 500), ("2025-03-30", 0), ("2025-03-31", 0)])
def test_who_leaves_in_the_period_in_which_the_term_ends_owes_no_fee(last: str, cents: int) -> None:
    """Three months from 1 January end on 31 March; to leave in February costs half of March's fee of 10 EUR."""
    term = {"months": "3", "percent_of_remaining_fees": "50", "item": "early end"}
    tree = _tree({"fee": "1000", "minimum_term": term}, bill=["2025-01", "2025-02", "2025-03"])
    tree["subscribers"] = {"A": {"plan": "p", "from": "2025-01-01", "to": last}}
    assert _items(tree, [], last[:7]).get("early end", 0) == cents


def _calls(**rate: Tree) -> FullCard:
    """A plan with one rate of calls and 100 minutes."""
    minutes: Tree = {"name": "minutes", "kind": "call", "amount": "100", "unit": "minute"}
    plan: Tree = {"plan_id": "p", "rates": [{"kind": "call", "item": "calls", **rate}], "allowances": [minutes]}
    return parse_card({"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [plan]}, "card")


def test_the_largest_price_of_a_minute_is_taken_and_the_next_is_refused() -> None:
    """5,000,000 seconds counted twice at N/60,000 cents stay below 2**60 up to N = 115,292,150,460."""
    Sheet(_calls(per_minute="115292150.459"))
    with pytest.raises(ConfigError, match=r"plans\.p\.rates\[0\]\.per_minute: the largest charge .* beyond 64 bits"):
        Sheet(_calls(per_minute="115292150.461"))


@pytest.mark.parametrize(
    ("increment", "free"),
    [("60/60", True), ("30/60", False), ("60/30", False), ("60/1", False), ("1/1", True)],
)
def test_minutes_are_order_free_only_where_what_is_left_of_a_call_has_the_increment_of_the_call(
    increment: str, free: bool
) -> None:
    assert (order_reasons(_calls(per_minute="9", increment=increment), "p") == []) == free


def test_minutes_for_two_prices_matter_in_their_order() -> None:
    plan: Tree = {
        "plan_id": "p",
        "rates": [
            {"kind": "call", "to": "fixed", "item": "calls", "per_minute": "6", "increment": "60/60"},
            {"kind": "call", "item": "calls", "per_minute": "9", "increment": "60/60"},
        ],
        "allowances": [{"name": "minutes", "kind": "call", "amount": "100", "unit": "minute"}],
    }
    card = parse_card({"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [plan]}, "card")
    assert order_reasons(card, "p") == ["plans.p.allowances[0]: covers uses of different price, item or increment"]


@pytest.mark.parametrize("limit", ["per_call_max", "per_day_max"])
def test_unlimited_calls_with_a_limit_leave_a_use_without_a_price(limit: str) -> None:
    free: Tree = {"name": "calls", "kind": "call", "amount": "unlimited", "unit": "minute"}
    plans: list[Tree] = [{"plan_id": "p", "allowances": [free]}]
    tree: dict[str, Tree] = {"version": "v", "currency": "EUR", "timezone": "UTC", "plans": plans}
    refuse_gaps(parse_card(tree, "card"), MarkedTree(tree), "card")
    limited: dict[str, Tree] = {**tree, "plans": [{"plan_id": "p", "allowances": [{**free, limit: "60"}]}]}
    with pytest.raises(ConfigError, match="no price and no unlimited allowance for a call"):
        refuse_gaps(parse_card(limited, "card"), MarkedTree(limited), "card")


def test_what_is_left_of_a_call_in_whole_steps_is_never_more_than_the_call() -> None:
    """30 s count as 60; 6 are covered; the other 54 are two steps of 50, but the call has only 60: 6 cents."""
    rate = {"kind": "call", "item": "calls", "first": "60", "step": "50", "per_minute": "6"}
    minutes = {"kind": "call", "amount": "0.1", "unit": "minute"}
    tree = _tree({"rates": [rate], "allowances": [minutes]})
    assert _items(tree, [_event("e1", "01", "call", "fixed", "30")]) == {"calls": 6}


def test_a_session_that_an_allowance_covers_in_part_opens_a_pass_though_a_cap_refuses_the_rest() -> None:
    """A call reaches the cap; of 15 MB abroad, 10 are covered as at home, on a day pass; 5 do not take place."""
    rates = [
        {"kind": "call", "item": "calls", "per_minute": "60"},
        {"kind": "data", "at": ["home", "eu"], "item": "data", "per_mb": "2"},
    ]
    caps = [{"name": "cap", "items": ["calls", "data"], "amount": "60", "mode": "refuse"}]
    passes = [{"at": "eu", "kinds": ["data"], "fee": "300", "lasts": "day", "treat_as": "home", "item": "days"}]
    plan = {"rates": rates, "caps": caps, "passes": passes, "allowances": [{"kind": "data", "amount": "10"}]}
    abroad = {**_event("e2", "02", "data", mb="15"), "at": "eu"}
    assert _items(_tree(plan), [_event("e1", "01", "call", "fixed", "60"), abroad]) == {"calls": 60, "days": 300}
