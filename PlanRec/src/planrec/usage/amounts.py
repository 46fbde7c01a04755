"""Amounts that cannot be in the unit they should have: minutes in seconds, megabytes in bytes or gigabytes.

Decided from counts that add up over blocks of a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
import pandas as pd

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError
from common_utils.tables import RowReport
from common_utils.tables.report import MOST_LISTED, listed_rows
from common_utils.units import factors
from planrec.columns import MEGABYTES, MESSAGES, MINUTES, MOST_USED

__all__ = ["AmountCounts", "check_amounts", "counts_of"]

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
            (*self.rows, *other.rows)[:MOST_LISTED],
            (self.beyond[0] + other.beyond[0], self.beyond[1] + other.beyond[1]),
        )


def counts_of(months: pd.DataFrame, rows: IntArray | None = None) -> AmountCounts:
    """Return the counts of a block of usage months; `rows` are their numbers in the file.

    Examples
    --------
    >>> counts = counts_of(pd.DataFrame({"minutes": [0.0, 50_000.0], "megabytes": [4.2, 0.0]}))
    >>> int(counts.minutes.sum()), counts.beyond_a_month, int(counts.megabytes.sum())
    (1, 1, 1)
    """
    minutes = months[MINUTES].to_numpy(dtype=np.float64)
    megabytes = months[MEGABYTES].to_numpy(dtype=np.float64)
    too_long, too_much = minutes > MOST_USED[MINUTES], megabytes > MOST_USED[MEGABYTES]
    too_many = (
        months[MESSAGES].to_numpy(dtype=np.float64) > MOST_USED[MESSAGES]
        if MESSAGES in months
        else np.zeros(len(months), dtype=np.bool_)
    )
    odd = np.flatnonzero(too_long | too_much | too_many)[:MOST_LISTED]
    return AmountCounts(
        _by_size(minutes),
        _by_size(megabytes),
        int(too_long.sum()),
        () if rows is None else tuple(rows[odd].tolist()),
        (int(too_much.sum()), int(too_many.sum())),
    )


def check_amounts(counts: AmountCounts, report: RowReport, *, accept: bool = False) -> RowReport:
    """Return the account with a note of each doubt about units.

    Parameters
    ----------
    counts : AmountCounts
        Of all blocks.
    report : RowReport
        Of the table.
    accept : bool
        Whether the user says that the amounts are right (`--accept-units`).

    Raises
    ------
    DataError
        If the amounts are impossible in their unit, unless they are accepted.

    Examples
    --------
    >>> counts = counts_of(pd.DataFrame({"minutes": [16_000.0], "megabytes": [0.0]}))
    >>> check_amounts(counts, RowReport("usage", read=1, kept=1)).notes
    ('minutes: half of the months with calls have 6,000 or more; are they seconds?',)
    """
    doubts: list[str] = []
    impossible: dict[str, str] = {}  # column -> what is said
    for column, (said, refused) in {MINUTES: _minutes(counts), MEGABYTES: _megabytes(counts)}.items():
        if refused:
            impossible[column] = said
        elif said:
            doubts.append(said)
    for unit, most, found in zip((MEGABYTES, MESSAGES), ("100 TB", "a million"), counts.beyond, strict=True):
        if found and unit not in impossible:
            doubts.append(f"{unit}: {found} month(s) have more than {most}{listed_rows(counts.rows, found)}")
    if impossible and not accept:
        units = {"minutes": counts.minutes, "megabytes": counts.megabytes}
        examples = " or ".join(f"{{is: {c}, unit: {_likely(c, units[c])[0]}}}" for c in impossible)
        raise DataError(
            f"{report.summary()}\n{report.table}: {'; '.join(impossible.values())} Say the unit with "
            f"data.table.columns ({examples}), or take them as they are with --accept-units."
        )
    return replace(report, notes=(*report.notes, *doubts, *impossible.values()))


def _minutes(counts: AmountCounts) -> tuple[str, bool]:
    """Return what is odd about minutes, "" where nothing is, and whether it is impossible."""
    sizes, found = counts.minutes, counts.beyond_a_month
    months = int(sizes.sum())
    asked = _asked(MINUTES, sizes)
    if found > _FEW * months:
        said = f"{found} of {months} months with calls have more minutes than a month has"
        return f"{MINUTES}: {said}{listed_rows(counts.rows, found)}; {asked}", True
    for bound in (_TOO_LONG, _LONG):
        if months and _half_at_least(sizes, bound):
            said = f"{MINUTES}: half of the months with calls have {bound:z,.0f} or more; {asked}"
            return said, bound == _TOO_LONG and months >= _ENOUGH
    if found:
        said = f"{found} of {months} months with calls have more minutes than a month has"
        return f"{MINUTES}: {said}{listed_rows(counts.rows, found)}; are they seconds?", False
    if months >= _ENOUGH and not _half_at_least(sizes, _SHORT):
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
    return f"are they {' or '.join(_WORDS.get(unit, unit) for unit in _likely(column, sizes))}?"


def _likely(column: str, sizes: IntArray) -> list[str]:
    """Return the units in which half of the months would have what people use, the most frequent unit where none is."""
    at = int(np.searchsorted(np.cumsum(sizes), sizes.sum() / 2))
    median = float(_EDGES[max(at - 1, 0)])
    low, high = _MEDIANS[column]
    units = [unit for unit in _OFTEN[column] if low <= median * float(_UNITS[column][unit]) <= high]
    return units or [_OFTEN[column][0] if median > low else _OFTEN[column][-1]]


def _by_size(amounts: FloatArray) -> IntArray:
    """Return how many of the amounts above 0 lie between each two edges."""
    places = np.searchsorted(_EDGES, amounts[amounts > 0], side="right")
    return np.bincount(places, minlength=len(_EDGES) + 1).astype(np.int64)


def _half_at_least(sizes: IntArray, amount: float) -> bool:
    """Tell whether half of the months have so much, an edge."""
    return 2 * _at_least(sizes, amount) >= int(sizes.sum())


def _at_least(sizes: IntArray, amount: float) -> int:
    """Return how many months have so much, an edge."""
    return int(sizes[int(np.searchsorted(_EDGES, amount, side="right")) :].sum())
