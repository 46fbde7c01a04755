"""Bills of single events by a full rate card: exact, in columns, with line items."""

from __future__ import annotations

from planrec.billing.rating.allowances import amount_of
from planrec.billing.rating.bill import BillBook, BillLine, bill_events, bill_frame, decimal_text
from planrec.billing.rating.cells import CardCells
from planrec.billing.rating.corrections import (
    CODES,
    Outside,
    ToldEvent,
    bill_with_corrections,
    late_events,
    unbilled_events,
)
from planrec.billing.rating.explain import allowance_use, explain_event
from planrec.billing.rating.holdings import accounts_of
from planrec.billing.rating.plan_totals import NOT_SOLD, plan_totals
from planrec.billing.rating.sheet import Sheet

__all__ = [
    "CODES",
    "NOT_SOLD",
    "BillBook",
    "BillLine",
    "CardCells",
    "Outside",
    "Sheet",
    "ToldEvent",
    "accounts_of",
    "allowance_use",
    "amount_of",
    "bill_events",
    "bill_frame",
    "bill_with_corrections",
    "decimal_text",
    "explain_event",
    "late_events",
    "plan_totals",
    "unbilled_events",
]
