"""Small cards billed by hand: one plan, a few uses, the items of the bill."""

from __future__ import annotations

from typing import Any

from planrec.billing.cards import parse_card, parse_request
from planrec.billing.events import read_events
from planrec.billing.rating import bill_events
from planrec.billing.usage_detail import number_key

__all__ = ["ANY", "APRIL", "CALL", "DATA", "FREE", "SMS", "Row", "bill", "call", "data", "options", "sms"]

Row = dict[str, Any]
ANY: Row = {"kind": "call", "item": "calls", "per_minute": "6"}
CALL: Row = {**ANY, "increment": "60/60"}
DATA: Row = {"kind": "data", "item": "data", "per_mb": "1"}
SMS: Row = {"kind": "sms", "item": "messages", "each": "9"}
FREE: Row = {"name": "free", "kind": "call", "amount": "unlimited"}


def call(seconds: int, start: str = "2025-03-03T12:00:00", **more: str) -> Row:
    return {"kind": "call", "start": start, "seconds": str(seconds), **more}


def data(mb: str, start: str = "2025-03-03T12:00:00", **more: str) -> Row:
    return {"kind": "data", "start": start, "mb": mb, **more}


def sms(start: str = "2025-03-03T12:00:00", **more: str) -> Row:
    return {"kind": "sms", "start": start, **more}


def bill(plan: Row, uses: list[Row], card: Row | None = None, accounts: Row | None = None, **who: Any) -> Row:
    """Return the items of all bills that are not 0, `ITEM` of the first period and `PERIOD ITEM` of later ones."""
    tree: Row = {"version": "v", "currency": "EUR", "timezone": "Europe/Madrid", **(card or {})}
    parsed = parse_card({"plans": [{"plan_id": "p", **plan}], **tree}, "card")
    told = {"bill": ["2025-03"], "subscribers": {"A": {"plan": "p", **who}}, **(accounts or {})}
    request = parse_request(told, "accounts")
    told_by = ("to", "number") if any("number" in use for use in uses) else ("to",)
    columns = ("event", "subscriber", "kind", "start", "seconds", "mb", *told_by, "at")
    rows = [{"event": f"e{i:03}", "subscriber": "A", "at": "home", **use} for i, use in enumerate(uses)]
    lines = [",".join(columns), *(",".join(row.get(c, "") for c in columns) for row in rows)]
    text = "\n".join(lines) + "\n"
    events = read_events(
        text.encode(),
        "events.csv",
        parsed.timezone,
        request.subscribers,
        parsed.prefixes,
        number_for=number_key(parsed),
    )
    found: Row = {}
    for line in bill_events(parsed, request, events).lines():
        first = line.period == request.bill[0] and line.subscriber == "A"
        where = "" if first else f"{line.subscriber if line.subscriber != 'A' else line.period} "
        if line.item != "total":
            found[where + line.item] = line.quantity or line.cents
    return found


def options(*rows: Row) -> Row:
    return {"options": [{"option_id": f"o{i}", "name": f"o{i}", **row} for i, row in enumerate(rows)]}


APRIL = {"bill": ["2025-03", "2025-04"]}
