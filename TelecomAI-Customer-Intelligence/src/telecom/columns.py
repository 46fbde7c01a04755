"""Names of the table's columns, in one place; the API's fields carry them as aliases."""

from __future__ import annotations

__all__ = ["CALLS", "IS_ULTRA", "MEGABYTES", "MESSAGES", "MINUTES", "NUMBERS"]

CALLS, MINUTES, MESSAGES, MEGABYTES = "calls", "minutes", "messages", "mb_used"
IS_ULTRA = "is_ultra"

NUMBERS = (CALLS, MINUTES, MESSAGES, MEGABYTES)
"""Every column but the target, in the order of the table."""
