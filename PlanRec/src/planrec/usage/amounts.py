"""Amounts that cannot be in the unit they should have: minutes in seconds, megabytes in bytes or gigabytes.

Decided from counts that add up over blocks of a table.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from common_utils.array_types import IntArray
from common_utils.errors import DataError
from common_utils.tables import RowReport
from common_utils.tables.report import MOST_LISTED, listed_rows
from planrec.columns import MEGABYTES, MESSAGES, MINUTES

__all__ = ["AmountCounts", "check_amounts", "counts_of"]

MINUTES_OF_A_MONTH = 31 * 24 * 60
_EDGES = 10.0 ** np.arange(-3, 13)  # megabytes; the median is known to a power of ten
_FEW = 0.01  # share of months above which an impossible amount is more than a slip in some rows
_MOST_MEGABYTES = 1e8  # half of all months above it: 100 TB each, so the numbers are bytes or kB
_MOST_MESSAGES = 1e6
_MANY_MEGABYTES = 1e6  # a terabyte
_LEAST_MEGABYTES = 100.0  # half of all months with data below it: gigabytes, or very light users
_A_GIGABYTE = 1000.0  # among phones, one month in a hundred surely reaches it
_ENOUGH = 100  # months with data from which on a median is more than chance


@dataclass(frozen=True)
class AmountCounts:
    """What the amounts of usage months look like; counts of blocks add up.

    Attributes
    ----------
    with_minutes, beyond_a_month : int
        Months with minutes, and those with more of them than a month has.
    rows : tuple of int
        Numbers of the first rows with more minutes than a month has, or more than 100 TB, or a million messages.
    beyond : tuple of int and int
        Months with more than 100 TB, and with more than a million messages.
    megabytes : int64 array of shape (17,)
        Months with data by power of ten of their megabytes, from below .001 to 10^12 and above.

    Examples
    --------
    >>> (AmountCounts(2, 1) + AmountCounts(1)).with_minutes
    3
    """

    with_minutes: int = 0
    beyond_a_month: int = 0
    megabytes: IntArray = field(default_factory=lambda: np.zeros(len(_EDGES) + 1, dtype=np.int64))
    rows: tuple[int, ...] = ()
    beyond: tuple[int, int] = (0, 0)

    def __add__(self, other: AmountCounts) -> AmountCounts:
        return AmountCounts(
            self.with_minutes + other.with_minutes,
            self.beyond_a_month + other.beyond_a_month,
            self.megabytes + other.megabytes,
            (*self.rows, *other.rows)[:MOST_LISTED],
            (self.beyond[0] + other.beyond[0], self.beyond[1] + other.beyond[1]),
        )


def counts_of(months: pd.DataFrame, rows: IntArray | None = None) -> AmountCounts:
    """Return the counts of a block of usage months; `rows` are their numbers in the file.

    Examples
    --------
    >>> counts = counts_of(pd.DataFrame({"minutes": [0.0, 50_000.0], "megabytes": [4.2, 0.0]}))
    >>> counts.with_minutes, counts.beyond_a_month, int(counts.megabytes.sum())
    (1, 1, 1)
    """
    minutes = months[MINUTES].to_numpy(dtype=np.float64)
    megabytes = months[MEGABYTES].to_numpy(dtype=np.float64)
    places = np.searchsorted(_EDGES, megabytes[megabytes > 0], side="right")
    too_long, too_much = minutes > MINUTES_OF_A_MONTH, megabytes > _MOST_MEGABYTES
    too_many = (
        months[MESSAGES].to_numpy(dtype=np.float64) > _MOST_MESSAGES
        if MESSAGES in months
        else np.zeros(len(months), dtype=np.bool_)
    )
    odd = np.flatnonzero(too_long | too_much | too_many)[:MOST_LISTED]
    return AmountCounts(
        int((minutes > 0).sum()),
        int(too_long.sum()),
        np.bincount(places, minlength=len(_EDGES) + 1).astype(np.int64),
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
    >>> check_amounts(AmountCounts(200, 1), RowReport("usage", read=1, kept=1)).notes
    ('minutes: 1 of 200 months with calls have more minutes than a month has; are they seconds?',)
    """
    doubts: list[str] = []
    impossible: list[str] = []
    if counts.beyond_a_month:
        said = (
            f"minutes: {counts.beyond_a_month} of {counts.with_minutes} months with calls have more minutes than a "
            f"month has{listed_rows(counts.rows, counts.beyond_a_month)}; are they seconds?"
        )
        (impossible if counts.beyond_a_month > _FEW * counts.with_minutes else doubts).append(said)
    months = int(counts.megabytes.sum())
    enough = months >= _ENOUGH
    if months and _half_at_least(counts, _MOST_MEGABYTES):
        impossible.append("megabytes: half of the months with data have more than 100 TB; are they bytes or kB?")
    elif months and _half_at_least(counts, _MANY_MEGABYTES):
        said = "megabytes: half of the months with data have more than a TB; are they kB?"
        (impossible if enough else doubts).append(said)
    elif months and not _half_at_least(counts, _LEAST_MEGABYTES):
        few = _at_least(counts, _A_GIGABYTE) < _FEW * months
        said = "megabytes: half of the months with data have fewer than 100"
        said += " and not one in a hundred has 1,000" if few else ""
        (impossible if enough and few else doubts).append(f"{said}; are they gigabytes?")
    for unit, most, found in zip(("megabytes", "messages"), ("100 TB", "a million"), counts.beyond, strict=True):
        if found and not any(said.startswith(unit) for said in impossible):
            doubts.append(f"{unit}: {found} month(s) have more than {most}{listed_rows(counts.rows, found)}")
    if impossible and not accept:
        raise DataError(
            f"{report.summary()}\n{report.table}: {'; '.join(impossible)} Say the unit with data.table.columns "
            "({is: minutes, unit: seconds}), or take them as they are with --accept-units."
        )
    return replace(report, notes=(*report.notes, *doubts, *impossible))


def _half_at_least(counts: AmountCounts, megabytes: float) -> bool:
    """Tell whether half of the months with data hold so many megabytes, a power of ten."""
    return 2 * _at_least(counts, megabytes) >= int(counts.megabytes.sum())


def _at_least(counts: AmountCounts, megabytes: float) -> int:
    """Return how many months hold so many megabytes, a power of ten."""
    return int(counts.megabytes[int(np.searchsorted(_EDGES, megabytes, side="right")) :].sum())
