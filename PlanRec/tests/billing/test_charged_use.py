"""What line items of bills from cells charge for: use beyond allowances, after increments, of prices that are not 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from planrec.billing.cards import parse_card, parse_request
from planrec.billing.cell_months import bill_months, count_cells, own_months, plan_sheets
from planrec.billing.events import PeriodRule, read_events

CALL = {"kind": "call", "increment": "60/60"}
TREE: dict[str, Any] = {
    "version": "v",
    "currency": "EUR",
    "timezone": "UTC",
    "plans": [
        {
            "plan_id": "p",
            "fee": "100",
            "rates": [
                {**CALL, "to": ["abroad"], "item": "calls", "per_minute": "90"},
                {**CALL, "to": ["friends"], "item": "calls", "per_minute": "0"},
                {**CALL, "item": "at home", "per_minute": "5", "also": [{"item": "network", "per_minute": "1"}]},
                {"kind": "sms", "item": "messages", "each": "0"},
                {"kind": "data", "item": "data", "block_mb": "100", "per_block": "30", "rounded": "period"},
            ],
            "allowances": [{"name": "at home", "kind": "call", "to": ["any"], "amount": "2", "unit": "minute"}],
        },
    ],
}
# 61 s abroad count as 2 minutes. At home 2 of 4 minutes are covered, and the network is paid for all of them.
EVENTS = """event,subscriber,kind,start,seconds,mb,to,at
e1,A,call,2025-03-01T10:00:00,61,,abroad,home
e2,A,call,2025-03-02T10:00:00,600,,friends,home
e3,A,call,2025-03-03T10:00:00,181,,any,home
e4,A,sms,2025-03-03T10:00:00,,,any,home
e5,A,data,2025-03-04T10:00:00,,150.5,,home
e6,A,sms,2025-04-03T10:00:00,,,any,home
e7,B,call,2025-04-03T10:00:00,30,,abroad,home
"""


def test_items_charge_for_what_allowances_leave_over() -> None:
    card = parse_card(TREE, "card")
    who = {name: {"plan": "p"} for name in "AB"}
    request = parse_request({"bill": ["2025-03", "2025-04"], "subscribers": who}, "accounts")
    events = read_events(EVENTS.encode(), "events.csv", card.timezone, request.subscribers, card.prefixes)
    periods = np.tile([PeriodRule(card.period).parse(name) for name in request.bill], (2, 1))
    own = own_months(card, count_cells(card, request, events), "AB", periods)
    plain, told = (bill_months(own, plan_sheets(card, [0]), with_use=with_use)[0] for with_use in (False, True))
    assert plain.use == {}
    assert told.totals.tolist() == plain.totals.tolist() == [[100 + 180 + 10 + 4 + 60, 100], [100, 100 + 90]]
    parts = own.frame.unit
    assert {item: use.tolist() for item, use in told.use.items()} == {
        "calls": [[[120, 0, 0], [0, 0, 0]], [[0, 0, 0], [60, 0, 0]]],
        "at home": [[[120, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]],
        "network": [[[240, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]],
        "data": [[[0, 0, int(150.5 * parts)], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]],
    }
