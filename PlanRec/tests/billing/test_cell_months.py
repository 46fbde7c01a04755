"""Bills from cells: the same cents as from the events; plans that sums do not price are left out, with the reason."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from random_tariffs.case import random_case
from small_cards.order_free import ease
from tariff_check import card_and_events

from common_utils.errors import ConfigError, DataError
from planrec.billing.cards import BillRequest, FullCard, parse_card, parse_request
from planrec.billing.cell_months import (
    bill_cells,
    bill_cells_on_every_plan,
    cell_reasons,
    count_cells,
    scheme_of,
)
from planrec.billing.events import read_events
from planrec.billing.rating import bill_events
from planrec.usage.cell_files import read_cells, write_cells

CALLS = {"kind": "call", "item": "calls", "setup": "10", "increment": "60/1", "per_minute": [["0", "0"], ["90", "6"]]}
PLAN: dict[str, Any] = {"plan_id": "p", "rates": [CALLS, {"kind": "data", "item": "data", "per_mb": "2"}]}
TREE: dict[str, Any] = {"version": "v", "currency": "EUR", "timezone": "Europe/Madrid", "plans": [PLAN]}
ACCOUNTS = {"bill": ["2025-03"], "subscribers": {"A": {"plan": "p"}}}
EVENTS = """event,subscriber,kind,start,seconds,mb,to,at
e1,A,call,2025-03-01T10:00:00,30,,fixed,home
e2,A,call,2025-03-02T10:00:00,100,,fixed,home
e3,A,data,2025-03-02T10:00:00,,2.5,,home
"""


def _case(**plan: Any) -> tuple[FullCard, BillRequest]:
    card = parse_card({**TREE, "plans": [{**PLAN, **plan}]}, "card")
    return card, parse_request(ACCOUNTS, "accounts")


def _file(path: Path, card: FullCard, request: BillRequest) -> Path:
    events = read_events(EVENTS.encode(), "events.csv", card.timezone, request.subscribers)
    write_cells(count_cells(card, request, events), path)
    return path


def _agree(seeds: range, path: Path) -> Counter[str]:
    """Bill random cases from events and from the file of their cells; count lines and what is not billed."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        tree, rows, _ = random_case(seed)
        ease(random.Random(seed), tree)  # noqa: S311 - a seed repeats a card
        try:
            card, request, events = card_and_events(tree, rows)
            whole = bill_events(card, request, events)
            cells = count_cells(card, request, events)
            if len(cells):
                write_cells(cells, path)
                cells = read_cells(path, card)
            found = bill_cells(card, request, cells)
        except (ConfigError, DataError):
            seen["refused"] += 1
            continue
        kept = set(found.book.names)
        assert sorted(map(str, found.book.lines())) == sorted(str(x) for x in whole.lines() if x.subscriber in kept)
        seen["lines"] += sum(line.subscriber in kept for line in whole.lines())
        seen["left out"] += len(found.left_out)
    return seen


def test_cells_of_random_cards_bill_as_their_events(tmp_path: Path) -> None:
    seen = _agree(range(40), tmp_path / "cells.parquet")
    assert seen["lines"] > 300
    assert seen["left out"] > 2


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_cells_of_many_random_cards_bill_as_their_events(tmp_path: Path, ending: str) -> None:
    assert _agree(range(1000, 1250), tmp_path / f"cells.{ending}")["lines"] > 2_500


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_of_cells_bills_to_the_cent(tmp_path: Path, ending: str) -> None:
    card, request = _case()
    path = _file(tmp_path / f"cells.{ending}", card, request)
    found = bill_cells(card, request, read_cells(path, card))
    # Two set-ups; 10 seconds beyond the ninetieth at 6 cents a minute; 2.5 MB at 2 cents.
    assert [(x.item, x.cents) for x in found.book.lines()] == [("calls", 21), ("data", 5), ("total", 26)]


def test_cells_are_what_the_increments_say(tmp_path: Path) -> None:
    card, request = _case()
    lines = _file(tmp_path / "cells.csv", card, request).read_text(encoding="utf-8").splitlines()
    digest = scheme_of(card).digest
    assert lines == [
        "subscriber_id,month,kind,to,at,band,valid_from,increment,events,seconds,data_parts,blocks,"
        "seconds_beyond_90,scheme",
        f"A,2025-03,call,fixed,home,,,1/1,2,130,,,10,{digest}",
        f"A,2025-03,call,fixed,home,,,60/1,2,160,,,10,{digest}",
        f"A,2025-03,data,,home,,,exact,1,,2500000,,,{digest}",
    ]


def test_other_prices_bill_the_same_cells(tmp_path: Path) -> None:
    card, request = _case()
    path = _file(tmp_path / "cells.parquet", card, request)
    dearer, _ = _case(fee="500", rates=[{**CALLS, "setup": "20"}, PLAN["rates"][1]])
    assert bill_cells(dearer, request, read_cells(path, dearer)).book.totals.tolist() == [[546]]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"rates": [{**CALLS, "increment": "60/60"}, PLAN["rates"][1]]}, id="increment"),
        pytest.param({"rates": [{**CALLS, "per_minute": [["0", "0"], ["91", "6"]]}, PLAN["rates"][1]]}, id="slot"),
        pytest.param({"rates": [{**CALLS, "valid_from": "2025-03-02"}, CALLS, PLAN["rates"][1]]}, id="date"),
    ],
)
def test_cells_of_another_scheme_are_refused(tmp_path: Path, other: dict[str, Any], ending: str) -> None:
    card, request = _case()
    path = _file(tmp_path / f"cells.{ending}", card, request)
    another, _ = _case(**other)
    digests = f"scheme {scheme_of(card).digest[:12]}, not by that of card v .{scheme_of(another).digest[:12]}"
    with pytest.raises(DataError, match=rf"{digests}\), so that no plan .*NEEDS_USAGE_DETAIL\). Needed are cells by"):
        read_cells(path, another)
    cells = read_cells(path, card)
    with pytest.raises(DataError, match="counted by another scheme"):
        bill_cells(another, request, cells)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("A,2025-03,call,fixed,home,,,60/1,2,160", "", "lack an increment", id="row-lost"),
        pytest.param("60/1,2,160", "1/1,2,130", "stands twice", id="row-twice"),
        pytest.param("60/1,2,160", "60/1,3,160", "contradict", id="counts-differ"),
        pytest.param("60/1,2,160", "60/1,2,1e3", "column 'seconds': 1 value", id="no-number"),
        pytest.param("60/1,2,160", "60/2,2,160", "column 'increment': 1 value", id="increment"),
        pytest.param("60/1,2,160", "60/1,2,", "lack what their kind counts", id="empty"),
        pytest.param("exact,1,,2500000", "exact,1,,9000000000000", "more megabytes", id="too-much"),
        pytest.param("seconds_beyond_90", "beyond", r"missing column\(s\) \['seconds_beyond_90'\]", id="column"),
    ],
)
def test_a_damaged_file_of_cells_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    card, request = _case()
    path = _file(tmp_path / "cells.csv", card, request)
    lines = [line.replace(old, new) for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("\n".join(line for line in lines if new or not line.startswith(",")) + "\n", encoding="utf-8")
    if not new:
        path.write_text("\n".join(line for line in lines if line.startswith(("A", "sub"))) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        bill_cells(card, request, read_cells(path, card))


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        pytest.param({"rates": [{**CALLS, "minimum": "20"}, PLAN["rates"][1]]}, "rates[0].minimum", id="least-price"),
        pytest.param(
            {"allowances": [{"name": "m", "kind": "call", "amount": "2", "unit": "minute"}]}, "set-up", id="allowance"
        ),
        pytest.param({"caps": [{"items": ["calls"], "amount": "5", "mode": "refuse"}]}, "refuses use", id="cap"),
    ],
)
def test_plans_that_sums_do_not_price_are_left_out(plan: dict[str, Any], reason: str) -> None:
    card, request = _case(**plan)
    events = read_events(EVENTS.encode(), "events.csv", card.timezone, request.subscribers)
    cells = count_cells(card, request, events)
    assert any(reason in text for text in cell_reasons(card, "p"))
    with pytest.raises(DataError, match=r"nobody holds a plan that they price. plan p is left out \(NEEDS_USAGE_DET"):
        bill_cells(card, request, cells)
    assert list(bill_cells_on_every_plan(card, cells)[1]) == ["p"]


def test_rounding_of_each_charge_needs_the_events() -> None:
    card = parse_card({**TREE, "rounding": {"each": "event"}}, "card")
    assert cell_reasons(card, "p") == ["rounding.each: each charge is rounded, so each use must be known"]


def test_every_plan_is_billed_and_use_that_it_does_not_sell_is_told() -> None:
    free = {"plan_id": "q", "fee": "700", "rates": [{"kind": "data", "item": "data", "per_mb": "0"}]}
    card = parse_card({**TREE, "plans": [PLAN, free]}, "card")
    request = parse_request(ACCOUNTS, "accounts")
    events = read_events(EVENTS.encode(), "events.csv", card.timezone, request.subscribers)
    found, left_out = bill_cells_on_every_plan(card, count_cells(card, request, events))
    assert left_out == {}
    assert {plan: bills.book.totals.tolist() for plan, bills in found.items()} == {"p": [[26]], "q": [[700]]}
    assert (found["p"].unsold.tolist(), found["q"].unsold.tolist()) == ([[False]], [[True]])
