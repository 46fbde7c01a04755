"""Billing periods: which one a day lies in, its name, its first day and its length."""

from __future__ import annotations

import re
from datetime import date
from typing import Protocol

import numpy as np

from common_utils.array_types import IntArray
from common_utils.errors import ConfigError

__all__ = ["PeriodRule", "PeriodSpec", "day_number", "month_later"]

_EPOCH = date(1970, 1, 1)


class PeriodSpec(Protocol):
    """What a card says of its periods."""

    @property
    def kind(self) -> str:
        """Calendar_month, days or anniversary."""
        ...

    @property
    def length(self) -> int | None:
        """Days of a period."""
        ...

    @property
    def first_day(self) -> date | None:
        """First day of one period."""
        ...

    @property
    def day(self) -> int | None:
        """Day of the month."""
        ...


def day_number(day: date) -> int:
    """Return days since 1970.

    Examples
    --------
    >>> day_number(date(1970, 2, 1))
    31
    """
    return (day - _EPOCH).days


def month_later(day: int, months: int) -> int:
    """Return the same day so many months later, the month's last where it has no such day; days since 1970.

    Examples
    --------
    >>> str(np.datetime64(month_later(day_number(date(2024, 2, 29)), 12), "D"))
    '2025-02-28'
    """
    at = np.datetime64(day, "D")
    month = at.astype("datetime64[M]")
    place = int((at - month.astype("datetime64[D]")).astype(int))
    return int(_day_in_month(np.array([int(month.astype(int)) + months]), place + 1)[0])


def _day_in_month(months: IntArray, day: int) -> IntArray:
    starts = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    ends = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return starts + np.minimum(day, ends - starts) - 1


class PeriodRule:
    """How time is cut into periods; periods are whole numbers in order of time.

    Parameters
    ----------
    period : PeriodSpec
        `kind` calendar_month, days or anniversary with its keys.
    """

    def __init__(self, period: PeriodSpec) -> None:
        self.period = period
        self._kind = period.kind
        self._length = period.length or 1
        self._first = day_number(period.first_day) if period.first_day else 0
        self._day = period.day or 1

    def index(self, days: IntArray) -> IntArray:
        """Return the period of each day; int64 arrays of shape (n,)."""
        if self._kind == "days":
            return (days - self._first) // self._length
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        if self._kind == "anniversary":
            months = months - (days < _day_in_month(months, self._day))
        return months

    def start(self, index: IntArray) -> IntArray:
        """Return the first day of each period, days since 1970; int64 arrays of shape (n,)."""
        if self._kind == "days":
            return self._first + index * self._length
        return _day_in_month(index, self._day if self._kind == "anniversary" else 1)

    def name(self, index: int) -> str:
        """Return the name of a period: YYYY-MM of a calendar month, else its first day."""
        if self._kind == "calendar_month":
            return str(np.datetime64(index, "M"))
        return str(np.datetime64(int(self.start(np.array([index]))[0]), "D"))

    def parse(self, name: str) -> int:
        """Return the period of a name.

        Raises
        ------
        ConfigError
            If the name is no period of this rule.
        """
        wanted = r"\d{4}-(?:0[1-9]|1[0-2])" if self._kind == "calendar_month" else r"\d{4}-\d\d-\d\d"
        try:
            if not re.fullmatch(wanted, name):
                raise ValueError(name)
            first = name + "-01" if self._kind == "calendar_month" else name
            index = int(self.index(np.array([day_number(date.fromisoformat(first))]))[0])
        except ValueError as error:
            raise ConfigError(f"period {name!r}: write {self._form()}.") from error
        if self.name(index) != name:
            raise ConfigError(
                f"period {name!r} is not the first day of a period; the one it lies in is {self.name(index)!r}."
            )
        return index

    def _form(self) -> str:
        return "YYYY-MM" if self._kind == "calendar_month" else "the period's first day, YYYY-MM-DD"
