"""Days of a quota that collect what is left over, and days that spend it: what is spent is gone."""

from __future__ import annotations

from typing import Any

from tariff_cases import translate
from tariff_check import events_csv

from planrec.billing.events import read_events
from planrec.billing.rating import bill_events


def test_what_one_day_takes_from_the_bank_the_next_day_cannot_take() -> None:
    # Monday 3 March 2025 is saved: 10 MB. Tuesday takes 6 of them, Wednesday the last 4 and pays for 2 MB.
    data = {"kind": "data", "amount": "10", "per": "day", "bank": {"collects": ["mon"], "spent_on": ["tue", "wed"]}}
    tree: dict[str, Any] = {
        "currency": "EUR",
        "timezone": "Europe/Madrid",
        "bill": ["2025-03"],
        "plans": {
            "p": {
                "allowances": [{"name": "daily", **data}],
                "rates": [{"kind": "data", "item": "data", "per_mb": "5"}],
            }
        },
        "subscribers": {"a": {"plan": "p"}},
    }
    rows = [
        {"event": f"e{day}", "subscriber": "a", "kind": "data", "start": f"2025-03-0{day}T12:00:00"}
        | {"seconds": "", "mb": "16", "to": "", "at": "home"}
        for day in (4, 5)
    ]
    card, request = translate(tree)
    events = read_events(events_csv(rows), "events.csv", card.timezone, request.subscribers)
    lines = bill_events(card, request, events).lines()
    assert [line.cents for line in lines if line.item == "data"] == [2 * 5]
