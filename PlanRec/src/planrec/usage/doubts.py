"""What is odd about amounts of usage in the unit they should have, from counts that add up; needs no table library.

Files and requests are judged alike: `usage.amounts` counts tables, `record_doubts` the months of one request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from common_utils.units import factors
from planrec.billing import Catalogue
from planrec.billing.detailed_plan import HELD_DETAILED
from planrec.columns import MEGABYTES, MESSAGES, MINUTES, MOST_USED

__all__ = [
    "AmountCounts",
    "Doubt",
    "HoldingRecord",
    "UsedMonth",
    "amount_doubts",
    "by_size",
    "likely_units",
    "record_doubts",
    "record_notes",
]

_EDGES = np.array([first * 10.0**power for power in range(-3, 13) for first in range(1, 10)])  # .001, .002 ... 9e12
_ENOUGH = 100  # months from which on a median is more than chance
_SOME = 20  # months from which on a lack of large amounts is told
_FEW = 0.01  # share of months above which an impossible amount is more than a slip in some rows
# Half of the months of Megaline have 430 minutes or more and 17,000 MB, of the simulated operator 280 and 8,200.
_LONG, _TOO_LONG = 3_000.0, 6_000.0  # half of all months with calls: 100 minutes a day is odd, 200 no set of people
_SHORT = 10.0
_MUCH, _TOO_MUCH = 1e5, 1e6  # megabytes, half of all months with data: 100 GB, 1 TB
_LITTLE, _TOO_LITTLE = 500.0, 100.0
_A_GIGABYTE = 1000.0  # among phones, one month in a hundred surely reaches it
_MEDIANS = {MINUTES: (_SHORT, _LONG), MEGABYTES: (50.0, 500_000.0)}  # in the right unit
_UNITS: Mapping[str, Mapping[str, Fraction]] = {MINUTES: factors.MINUTES, MEGABYTES: factors.megabytes()}
_OFTEN = {MINUTES: ("seconds", "milliseconds", "hours"), MEGABYTES: ("kB", "bytes", "GB")}
_WORDS = {"GB": "gigabytes (GB)"}


def _none() -> IntArray:
    return np.zeros(len(_EDGES) + 1, dtype=np.int64)


@dataclass(frozen=True)
class AmountCounts:
    """What the amounts of usage months look like; counts of blocks add up.

    Attributes
    ----------
    minutes, megabytes : int64 array of shape (145,)
        Months with calls, and with data, by the first digit and the power of ten of their amount, from below .001 to
        9 * 10^12 and above.
    beyond_a_month : int
        Months with more minutes than a month has.
    rows : tuple of int
        Numbers of the first rows with more minutes than a month has, or more than 100 TB, or a million messages.
    beyond : tuple of int and int
        Months with more than 100 TB, and with more than a million messages.

    Examples
    --------
    >>> (AmountCounts(beyond_a_month=2) + AmountCounts(beyond_a_month=1)).beyond_a_month
    3
    """

    minutes: IntArray = field(default_factory=_none)
    megabytes: IntArray = field(default_factory=_none)
    beyond_a_month: int = 0
    rows: tuple[int, ...] = ()
    beyond: tuple[int, int] = (0, 0)

    def __add__(self, other: AmountCounts) -> AmountCounts:
        return AmountCounts(
            self.minutes + other.minutes,
            self.megabytes + other.megabytes,
            self.beyond_a_month + other.beyond_a_month,
            (*self.rows, *other.rows),
            (self.beyond[0] + other.beyond[0], self.beyond[1] + other.beyond[1]),
        )


@dataclass(frozen=True)
class Doubt:
    """What is odd about a column.

    Attributes
    ----------
    column, said : str
    impossible : bool
        Whether the amounts cannot be in their unit; else they are only unlikely.
    """

    column: str
    said: str
    impossible: bool = False


def _unlisted(_found: int) -> str:
    return ""


def amount_doubts(counts: AmountCounts, listed: Callable[[int], str] = _unlisted) -> list[Doubt]:
    """Return what is odd about amounts.

    Parameters
    ----------
    counts : AmountCounts
    listed : callable, optional
        Returns the numbers of the first rows that hold more than a month can, as text that follows their count.

    Examples
    --------
    >>> counts = AmountCounts(minutes=by_size(np.array([16_000.0])))
    >>> [doubt.said for doubt in amount_doubts(counts)]
    ['minutes: half of the months with calls have 6,000 or more; are they seconds?']
    """
    found = {MINUTES: _minutes(counts, listed), MEGABYTES: _megabytes(counts)}
    doubts = [Doubt(column, said, impossible) for column, (said, impossible) in found.items() if said]
    impossible = {doubt.column for doubt in doubts if doubt.impossible}
    doubts += [
        Doubt(unit, f"{unit}: {count} month(s) have more than {most}{listed(count)}")
        for unit, most, count in zip((MEGABYTES, MESSAGES), ("100 TB", "a million"), counts.beyond, strict=True)
        if count and unit not in impossible
    ]
    return doubts


class UsedMonth(Protocol):
    """One month of a subscriber."""

    @property
    def minutes(self) -> float:
        """Minutes called."""
        ...

    @property
    def megabytes(self) -> float:
        """Megabytes used."""
        ...


class HoldingRecord(Protocol):
    """One subscriber: the months, and the plan held where it is said."""

    @property
    def months(self) -> Sequence[UsedMonth]:
        """Usage months."""
        ...

    @property
    def current_plan(self) -> str | None:
        """Identifier of the plan held."""
        ...


def record_notes(record: HoldingRecord, catalogue: Catalogue) -> tuple[str, ...]:
    """Return what an answer says of a record: that the plan held is not priced by three totals, and odd amounts.

    Examples
    --------
    >>> from planrec.decisions import SubscriberRecord, UsageMonth
    >>> record_notes(SubscriberRecord((UsageMonth(24310, 18_000, 20, 9000),), current_plan="surf"), megaline)
    ('minutes: half of the months with calls have 6,000 or more; are they seconds?',)
    """
    held = (HELD_DETAILED,) if record.current_plan in catalogue.detailed_ids else ()
    return held + record_doubts(record.months)


def record_doubts(months: Sequence[UsedMonth]) -> tuple[str, ...]:
    """Return what is odd about the months of one subscriber, as the account of a file with these rows says it.

    Parameters
    ----------
    months : sequence of UsedMonth

    Examples
    --------
    >>> from planrec.decisions import UsageMonth
    >>> record_doubts([UsageMonth(24310, 300, 20, 9000)])
    ()
    >>> record_doubts([UsageMonth(24310, 18_000, 20, 9000)])
    ('minutes: half of the months with calls have 6,000 or more; are they seconds?',)
    """
    few, little = (_SHORT, _LITTLE) if len(months) >= _SOME else (0.0, _TOO_LITTLE)
    for month in months:  # most subscribers have no month that could be odd, and looking is all it costs them
        calls, data = month.minutes, month.megabytes
        if (calls and not few <= calls < _LONG) or (data and not little <= data < _MUCH):
            break
    else:
        return ()
    minutes = np.array([month.minutes for month in months], dtype=np.float64)
    megabytes = np.array([month.megabytes for month in months], dtype=np.float64)
    counts = AmountCounts(by_size(minutes), by_size(megabytes))
    return tuple(doubt.said for doubt in amount_doubts(counts))


def _minutes(counts: AmountCounts, listed: Callable[[int], str]) -> tuple[str, bool]:
    """Return what is odd about minutes, "" where nothing is, and whether it is impossible."""
    sizes, found = counts.minutes, counts.beyond_a_month
    months = int(sizes.sum())
    asked = _asked(MINUTES, sizes)
    if found > _FEW * months:
        said = f"{found} of {months} months with calls have more minutes than a month has"
        return f"{MINUTES}: {said}{listed(found)}; {asked}", True
    for bound in (_TOO_LONG, _LONG):
        if months and _half_at_least(sizes, bound):
            said = f"{MINUTES}: half of the months with calls have {bound:z,.0f} or more; {asked}"
            return said, bound == _TOO_LONG and months >= _ENOUGH
    if found:
        said = f"{found} of {months} months with calls have more minutes than a month has"
        return f"{MINUTES}: {said}{listed(found)}; are they seconds?", False
    if months >= _SOME and not _half_at_least(sizes, _SHORT):
        return f"{MINUTES}: half of the months with calls have fewer than {_SHORT:z.0f}; {asked}", False
    return "", False


def _megabytes(counts: AmountCounts) -> tuple[str, bool]:
    """Return what is odd about megabytes, "" where nothing is, and whether it is impossible."""
    sizes = counts.megabytes
    months = int(sizes.sum())
    if not months:
        return "", False
    enough = months >= _ENOUGH
    asked = _asked(MEGABYTES, sizes)
    for bound, words, refused in (
        (MOST_USED[MEGABYTES], "100 TB", True),
        (_TOO_MUCH, "a TB", enough),
        (_MUCH, "100 GB", False),
    ):
        if _half_at_least(sizes, bound):
            return f"{MEGABYTES}: half of the months with data have {words} or more; {asked}", refused
    few = _at_least(sizes, _A_GIGABYTE) < _FEW * months
    also = " and not one in a hundred has 1,000" if few else ""
    if not _half_at_least(sizes, _TOO_LITTLE):
        said = f"{MEGABYTES}: half of the months with data have fewer than {_TOO_LITTLE:z.0f}{also}; {asked}"
        return said, enough and few
    if few and months >= _SOME and not _half_at_least(sizes, _LITTLE):
        return f"{MEGABYTES}: half of the months with data have fewer than {_LITTLE:z.0f}{also}; {asked}", False
    return "", False


def _asked(column: str, sizes: IntArray) -> str:
    return f"are they {' or '.join(_WORDS.get(unit, unit) for unit in likely_units(column, sizes))}?"


def likely_units(column: str, sizes: IntArray) -> list[str]:
    """Return the units in which half of the months would have what people use, the most frequent unit where none is.

    Parameters
    ----------
    column : str
        `minutes` or `megabytes`.
    sizes : int64 array of shape (145,)
        As `by_size`.

    Examples
    --------
    >>> likely_units("minutes", by_size(np.array([16_000.0])))
    ['seconds']
    """
    at = int(np.searchsorted(np.cumsum(sizes), sizes.sum() / 2))
    median = float(_EDGES[max(at - 1, 0)])
    low, high = _MEDIANS[column]
    units = [unit for unit in _OFTEN[column] if low <= median * float(_UNITS[column][unit]) <= high]
    return units or [_OFTEN[column][0] if median > low else _OFTEN[column][-1]]


def by_size(amounts: FloatArray) -> IntArray:
    """Return how many of the amounts above 0 lie between each two edges, as `AmountCounts` has them.

    Examples
    --------
    >>> int(by_size(np.array([0.0, 1.0, 2.0])).sum())
    2
    """
    places = np.searchsorted(_EDGES, amounts[amounts > 0], side="right")
    return np.bincount(places, minlength=len(_EDGES) + 1).astype(np.int64)


def _half_at_least(sizes: IntArray, amount: float) -> bool:
    """Tell whether half of the months have so much, an edge."""
    return 2 * _at_least(sizes, amount) >= int(sizes.sum())


def _at_least(sizes: IntArray, amount: float) -> int:
    """Return how many months have so much, an edge."""
    return int(sizes[int(np.searchsorted(_EDGES, amount, side="right")) :].sum())
