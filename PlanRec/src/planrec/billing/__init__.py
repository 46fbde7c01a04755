"""Exact money: the rate card, and what usage months cost on each of its plans."""

from __future__ import annotations

from planrec.billing.catalogue import UNLIMITED, Catalogue, Plan, load_catalogue, parse_catalogue
from planrec.billing.month_bills import MAX_USAGE, Bills, Usage, bill_totals, rate

__all__ = [
    "MAX_USAGE",
    "UNLIMITED",
    "Bills",
    "Catalogue",
    "Plan",
    "Usage",
    "bill_totals",
    "load_catalogue",
    "parse_catalogue",
    "rate",
]
