"""Calls that are split at the edge of a band: second by second, and only where each second has one price."""

from __future__ import annotations

from typing import Any

import pytest
from tariff_cases import translate
from tariff_check import events_csv

from common_utils.errors import DataError
from planrec.billing.events import read_events
from planrec.billing.rating import bill_events

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def calls_cents(
    night: dict[str, Any], *, start: str = "2025-03-05T21:59:30", seconds: int = 60, least: str | None = None
) -> int:
    """What a call costs that costs 6 cents a minute by day and `night` from 22:00 on.

    With `least`, a call of a minute comes first, by day, and calls are refused once they cost that.
    """
    caps = [] if least is None else [{"name": "cap", "items": ["calls"], "amount": least, "mode": "refuse"}]
    rates = [{"when": "night", **night}, {"per_minute": "6"}]
    tree: dict[str, Any] = {
        "currency": "EUR",
        "timezone": "Europe/Madrid",
        "bill": ["2025-03"],
        "bands": {"night": [{"days": DAYS, "from": "22:00", "to": "24:00"}]},
        "band_rule": "split",
        "plans": {"p": {"rates": [{"kind": "call", "item": "calls", **rate} for rate in rates], "caps": caps}},
        "subscribers": {"a": {"plan": "p"}},
    }
    row = {"event": "e", "subscriber": "a", "kind": "call", "start": start, "seconds": str(seconds), "mb": ""}
    row |= {"to": "on_net", "at": "home"}
    before = {**row, "event": "d", "start": "2025-03-05T12:00:00", "seconds": "60"}
    card, request = translate(tree)
    rows = [row] if least is None else [before, row]
    events = read_events(events_csv(rows), "events.csv", card.timezone, request.subscribers)
    return sum(line.cents for line in bill_events(card, request, events).lines() if line.item == "calls")


def test_each_second_costs_what_its_band_costs() -> None:
    assert calls_cents({"per_minute": "12"}) == 3 + 6
    assert calls_cents({"per_minute": "12"}, seconds=90) == 3 + 12
    assert calls_cents({"per_minute": "12"}, start="2025-03-05T22:00:00") == 12
    assert calls_cents({"per_minute": "12"}, start="2025-03-05T23:59:00", seconds=120) == 12 + 6


@pytest.mark.parametrize(
    "night",
    [
        pytest.param({"per_minute_from_second": [["0", "12"], ["60", "24"]]}, id="slots"),
        pytest.param({"per_minute": "12", "first": "60", "step": "60"}, id="started-minutes"),
    ],
)
def test_a_band_without_one_price_a_second_cannot_be_reached(night: dict[str, Any]) -> None:
    assert calls_cents(night, start="2025-03-05T12:00:00") == 6  # not reached
    with pytest.raises(DataError, match=r"a call reaches a band without a rate of 1/1 with `per_minute`"):
        calls_cents(night)


def test_a_call_that_passes_through_a_band_without_a_price_is_refused() -> None:
    slots = {"per_minute_from_second": [["0", "12"], ["60", "24"]]}
    with pytest.raises(DataError, match=r"a call reaches a band without a rate of 1/1 with `per_minute`"):
        calls_cents(slots, start="2025-03-05T21:59:00", seconds=2 * 3600 + 120)


def test_a_call_that_a_cap_refuses_needs_no_price() -> None:
    """The first call costs 6 cents; a cap of 6 refuses the second one, a cap of 7 does not."""
    slots = {"per_minute_from_second": [["0", "12"], ["60", "24"]]}
    assert calls_cents(slots, least="6") == 6
    with pytest.raises(DataError, match=r"a call reaches a band without a rate of 1/1 with `per_minute`"):
        calls_cents(slots, least="7")
