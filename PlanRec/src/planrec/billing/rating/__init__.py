"""Bills of single events by a full rate card: exact, in columns, with line items."""

from __future__ import annotations

from planrec.billing.rating.bill import BillBook, BillLine, bill_events, decimal_text
from planrec.billing.rating.cells import CardCells
from planrec.billing.rating.explain import allowance_use, explain_event
from planrec.billing.rating.plan_totals import plan_totals
from planrec.billing.rating.sheet import Sheet

__all__ = [
    "BillBook",
    "BillLine",
    "CardCells",
    "Sheet",
    "allowance_use",
    "bill_events",
    "decimal_text",
    "explain_event",
    "plan_totals",
]
