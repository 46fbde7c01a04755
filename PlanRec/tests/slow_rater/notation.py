"""The second rater reads the neutral notation: mappings of text, and nothing of the product.

`rater.py` bills a case. The modules follow the format's sentences one after another, event by event, in exact
fractions; a test reads their imports.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any
from zoneinfo import ZoneInfo

__all__ = [
    "DAYS",
    "Case",
    "Event",
    "InvalidCaseError",
    "Periods",
    "Row",
    "as_list",
    "day_of",
    "half_up",
    "months_later",
    "yes",
]

Row = dict[str, Any]
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class InvalidCaseError(Exception):
    """The case cannot be billed."""


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def yes(value: Any) -> bool:
    return value in (True, "true")


def half_up(x: Fraction) -> int:
    return -half_up(-x) if x < 0 else floor(x + Fraction(1, 2))


def day_of(text: Any) -> date:
    return text if isinstance(text, date) else date.fromisoformat(str(text))


def months_later(day: date, months: int) -> date:
    m = day.year * 12 + day.month - 1 + months
    year, month = divmod(m, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


class Periods:
    """First day and name of periods; a period is known by its first day."""

    def __init__(self, spec: Row | None) -> None:
        self.spec = spec or {"kind": "calendar_month"}

    def first(self, day: date) -> date:
        kind = self.spec["kind"]
        if kind == "calendar_month":
            return day.replace(day=1)
        if kind == "days":
            start, length = day_of(self.spec["first_day"]), int(self.spec["length"])
            return start + timedelta(days=(day - start).days // length * length)
        begin = self._anniversary(day.year, day.month)
        if day >= begin:
            return begin
        before = day.replace(day=1) - timedelta(days=1)
        return self._anniversary(before.year, before.month)

    def _anniversary(self, year: int, month: int) -> date:
        return date(year, month, min(int(self.spec["day"]), calendar.monthrange(year, month)[1]))

    def next(self, first: date) -> date:
        if self.spec["kind"] == "days":
            return first + timedelta(days=int(self.spec["length"]))
        after = months_later(first.replace(day=1), 1)
        return after if self.spec["kind"] == "calendar_month" else self._anniversary(after.year, after.month)

    def count(self, start: date, end: date) -> int:
        """Return how many periods lie from the one that begins on `start` to the one that begins on `end`."""
        steps = 0
        while start < end:
            start, steps = self.next(start), steps + 1
        while start > end:
            start, steps = self.first(start - timedelta(days=1)), steps - 1
        return steps

    def parse(self, name: str) -> date:
        return day_of(name + "-01") if self.spec["kind"] == "calendar_month" else day_of(name)


class Event:
    """One event with its local time."""

    def __init__(self, row: Row, zone: ZoneInfo) -> None:
        self.row, self.id, self.who, self.kind = row, row["event"], row["subscriber"], row["kind"]
        at = datetime.fromisoformat(row["start"])
        self.instant = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=zone, fold=0).astimezone(UTC)
        self.local = self.instant.astimezone(zone)
        self.day = self.local.date()
        self.number = "".join(filter(str.isdigit, row.get("number") or ""))
        self.to, self.at = row.get("to") or "", row.get("at") or "home"
        self.quantity = Fraction(1)
        if self.kind in ("call", "call_in"):
            self.quantity = Fraction(int(row["seconds"]))
        elif self.kind == "data":
            self.quantity = Fraction(row["mb"])


class Case:
    """What all subscribers share."""

    def __init__(self, tree: Row) -> None:
        self.tree = tree
        self.zone = ZoneInfo(tree["timezone"])
        self.periods = Periods(tree.get("period"))
        self.bill = [self.periods.parse(str(name)) for name in tree["bill"]]
        self.names = [str(name) for name in tree["bill"]]
        self.bands = tree.get("bands") or {}
        self.rounding = tree.get("rounding") or {"each": "item"}
        self.options = tree.get("options") or {}

    def in_band(self, band: str, local: datetime) -> bool:
        clock, weekday = local.strftime("%H:%M"), DAYS[local.weekday()]
        if local.date().isoformat() in self.tree.get("holidays", []):
            weekday = "sun"
        return any(weekday in as_list(w["days"]) and w["from"] <= clock < w["to"] for w in self.bands[band])

    def fits(self, row: Row, kind: str, to: str, place: str, local: datetime) -> bool:
        return (
            kind in as_list(row["kind"])
            and ("to" not in row or to in as_list(row["to"]))
            and place in as_list(row.get("at", ["home"]))
            and ("when" not in row or self.in_band(row["when"], local))
        )

    def charge_rounded(self, x: Fraction) -> Fraction:
        if self.rounding["each"] != "event":
            return x
        to = Fraction(self.rounding.get("to", "1"))
        units = x / to
        return to * (ceil(units) if self.rounding["how"] == "up" else half_up(units))
