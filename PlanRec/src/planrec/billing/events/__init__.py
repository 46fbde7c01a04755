"""Events with local time: the table, the clock of a zone, the billing periods."""

from __future__ import annotations

from planrec.billing.events.clock import DAY, LocalClock
from planrec.billing.events.periods import PeriodRule, day_number, month_later
from planrec.billing.events.table import CALL, CALL_IN, DATA, KINDS, MICRO, SMS, Events, class_finder, read_events

__all__ = [
    "CALL",
    "CALL_IN",
    "DATA",
    "DAY",
    "KINDS",
    "MICRO",
    "SMS",
    "Events",
    "LocalClock",
    "PeriodRule",
    "class_finder",
    "day_number",
    "month_later",
    "read_events",
]
