"""Laws of bills on random cards, with the exceptions named; a law that a card may break is not asked of it."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from random_tariffs.case import random_case
from tariff_check import fast_lines

from common_utils.errors import ConfigError

Row = dict[str, Any]


def _totals(tree: Row, rows: list[Row]) -> dict[tuple[str, str], int] | None:
    lines = fast_lines(tree, rows)
    return None if lines is None else {(x[0], x[1]): int(x[4]) for x in lines if x[2] == "total"}


def _more_can_cost_less(tree: Row) -> bool:
    """Return whether a card is an exception of the law that more usage never lowers a bill.

    The exceptions: caps that refuse, passes (they move use to cheaper places), limits inside an allowance, prepaid
    credit, discounts on items of use.
    """
    if tree.get("prepaid") or tree.get("choose"):
        return True
    owners = [*tree["plans"].values(), *(tree.get("options") or {}).values()]
    for owner in owners:
        caps = any(cap["mode"] == "refuse" for cap in owner.get("caps") or [])
        discounts = any(d.get("of") not in (None, "fee", owner.get("fee_item")) for d in owner.get("discounts") or [])
        within = any("within" in a for a in owner.get("allowances") or [])
        if caps or discounts or within or owner.get("passes"):
            return True
    return False


def _cases(seeds: range) -> list[tuple[Row, list[Row]]]:
    found = []
    for seed in seeds:
        tree, rows, _ = random_case(seed)
        try:
            if rows and _totals(tree, rows) is not None:
                found.append((tree, rows))
        except ConfigError:
            continue  # beyond 64 bits
    return found


@pytest.fixture(scope="module")
def cases() -> list[tuple[Row, list[Row]]]:
    return _cases(range(5000, 5050))


def test_order_of_rows_never_changes_a_bill(cases: list[tuple[Row, list[Row]]]) -> None:
    for tree, rows in cases:
        shuffled = rows[:]
        random.Random(1).shuffle(shuffled)  # noqa: S311 - repeatable
        assert fast_lines(tree, shuffled) == fast_lines(tree, rows)


def test_parts_add_up(cases: list[tuple[Row, list[Row]]]) -> None:
    for tree, rows in cases:
        sums: dict[tuple[str, str], int] = {}
        for who, period, item, _, cents in fast_lines(tree, rows) or []:
            sums[who, period] = sums.get((who, period), 0) + (0 if item == "total" else int(cents))
        assert sums == _totals(tree, rows)


def test_a_further_last_event_never_lowers_a_bill_but_for_the_exceptions(cases: list[tuple[Row, list[Row]]]) -> None:
    asked = 0
    for tree, rows in cases:
        if _more_can_cost_less(tree):
            continue
        asked += 1
        last = max(rows, key=lambda row: row["start"])
        fewer = _totals(tree, [row for row in rows if row is not last]) or {}
        more = _totals(tree, rows) or {}
        assert all(more[key] >= cents for key, cents in fewer.items())
    assert asked > 5


def _larger(row: Row) -> Row:
    """Return an event of more use: a longer call, a larger session."""
    if row["seconds"]:
        return {**row, "seconds": str(2 * int(row["seconds"]) + 61)}
    return {**row, "mb": str(Decimal(row["mb"] or "0") + Decimal("40.5"))}


def test_a_larger_event_never_lowers_a_bill_but_for_the_exceptions(cases: list[tuple[Row, list[Row]]]) -> None:
    asked = 0
    for tree, rows in cases:
        if _more_can_cost_less(tree):
            continue
        fewer = _totals(tree, rows) or {}
        for i, row in enumerate(rows[:4]):
            if row["kind"] == "sms" or (row["kind"] == "call_in"):
                continue
            more = _totals(tree, [*rows[:i], _larger(row), *rows[i + 1 :]])
            if more is None:
                continue  # a use that allowances covered whole had no price beyond them
            asked += 1
            assert all(more[key] >= cents for key, cents in fewer.items()), (tree["case"], row)
    assert asked > 10


def test_an_exception_of_the_law_is_one() -> None:
    """A cap that refuses: an earlier call reaches it, and a dearer one with a service price is refused whole."""
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
    tree: Row = {
        "case": "x",
        "currency": "EUR",
        "timezone": "UTC",
        "bill": ["2025-03"],
        "subscribers": {"A": {"plan": "p"}},
    }
    tree["plans"] = {"p": {"rates": rates, "caps": caps}}

    def row(event: str, day: str, to: str) -> Row:
        start = f"2025-03-{day}T10:00:00+00:00"
        return {
            "event": event,
            "subscriber": "A",
            "kind": "call",
            "start": start,
            "seconds": "60",
            "mb": "",
            "to": to,
            "at": "home",
        }

    premium, abroad = row("e2", "02", "premium"), row("e1", "01", "intl")
    assert _totals(tree, [premium]) == {("A", "2025-03"): 501}
    assert _totals(tree, [abroad, premium]) == {("A", "2025-03"): 60}
