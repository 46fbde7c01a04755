"""Prepaid credit, by hand: what costs exactly what is left is taken, a cent more is not."""

from __future__ import annotations

from typing import Any

import pytest
from tariff_cases import translate
from tariff_check import events_csv

from planrec.billing.events import read_events
from planrec.billing.rating import bill_events


def taken(cents: int, *events: dict[str, str], minute: str = "6") -> dict[str, int]:
    """What events take from a credit: `minute` cents a minute, 20 a message, 10 a MB, no pack."""
    tree: dict[str, Any] = {
        "currency": "EUR",
        "timezone": "Europe/Madrid",
        "bill": ["2025-03"],
        "prepaid": "true",
        "plans": {"p": {"per_minute": minute, "per_message": "20", "per_mb": "10"}},
        "subscribers": {"a": {"plan": "p", "topups": [{"at": "2025-03-01T00:00:00", "cents": str(cents)}]}},
    }
    rows = [
        {
            "event": f"e{n}",
            "subscriber": "a",
            "start": f"2025-03-0{n + 2}T12:00:00",
            "seconds": "",
            "mb": "",
            "at": "home",
        }
        | {"to": "on_net" if event["kind"] != "data" else "", **event}
        for n, event in enumerate(events)
    ]
    card, request = translate(tree)
    read = read_events(events_csv(rows), "events.csv", card.timezone, request.subscribers)
    lines = bill_events(card, request, read).lines()
    return {line.item: line.cents for line in lines if line.cents and line.item != "total"}


MESSAGE = {"kind": "sms"}


@pytest.mark.parametrize(
    ("credit", "events", "expected"),
    [
        pytest.param(20, [MESSAGE], {"messages": 20}, id="a-message-for-all-that-is-left"),
        pytest.param(19, [MESSAGE], {}, id="a-message-for-a-cent-more"),
        pytest.param(40, [MESSAGE] * 3, {"messages": 40}, id="two-of-three-messages"),
        pytest.param(12, [{"kind": "call", "seconds": "120"}], {"calls": 12}, id="a-call-for-all-that-is-left"),
        pytest.param(11, [{"kind": "call", "seconds": "120"}], {"calls": 6}, id="a-call-cut-to-whole-minutes"),
        pytest.param(20, [{"kind": "data", "mb": "2"}], {"data": 20}, id="a-session-for-all-that-is-left"),
        pytest.param(15, [{"kind": "data", "mb": "2"}, MESSAGE], {"data": 15}, id="a-session-takes-what-is-left"),
    ],
)
def test_credit_is_taken_as_far_as_it_goes(credit: int, events: list[dict[str, str]], expected: dict[str, int]) -> None:
    assert taken(credit, *events) == expected


@pytest.mark.parametrize(
    ("minute", "credit", "cents"),
    [
        pytest.param("0.9", 8, 8, id="9-minutes-are-8.1"),
        pytest.param("0.9", 4, 4, id="4-minutes-are-3.6"),
        pytest.param("2.5", 7, 5, id="3-minutes-are-7.5-and-round-to-8"),
        pytest.param("2.5", 8, 8, id="3-minutes-for-all-that-is-left"),
    ],
)
def test_a_call_takes_the_most_whole_minutes_whose_rounded_price_is_covered(
    minute: str, credit: int, cents: int
) -> None:
    assert taken(credit, {"kind": "call", "seconds": "1200"}, minute=minute) == {"calls": cents}
