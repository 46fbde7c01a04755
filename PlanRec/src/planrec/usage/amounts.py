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
from planrec.columns import MEGABYTES, MINUTES

__all__ = ["AmountCounts", "check_amounts", "counts_of"]

MINUTES_OF_A_MONTH = 31 * 24 * 60
_EDGES = 10.0 ** np.arange(-3, 13)  # megabytes; the median is known to a power of ten
_FEW = 0.01  # share of months above which an impossible amount is no slip of some rows
_MOST_MEGABYTES = 1e8  # half of all months above it: 100 TB each, so the numbers are bytes or kB
_MANY_MEGABYTES = 1e6  # a terabyte
_LEAST_MEGABYTES = 100.0  # half of all months with data below it: gigabytes, or very light users


@dataclass(frozen=True)
class AmountCounts:
    """What the amounts of usage months look like; counts of blocks add up.

    Attributes
    ----------
    with_minutes, beyond_a_month : int
        Months with minutes, and those with more of them than a month has.
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

    def __add__(self, other: AmountCounts) -> AmountCounts:
        return AmountCounts(
            self.with_minutes + other.with_minutes,
            self.beyond_a_month + other.beyond_a_month,
            self.megabytes + other.megabytes,
        )


def counts_of(months: pd.DataFrame) -> AmountCounts:
    """Return the counts of a block of usage months.

    Examples
    --------
    >>> counts = counts_of(pd.DataFrame({"minutes": [0.0, 50_000.0], "megabytes": [4.2, 0.0]}))
    >>> counts.with_minutes, counts.beyond_a_month, int(counts.megabytes.sum())
    (1, 1, 1)
    """
    minutes = months[MINUTES].to_numpy(dtype=np.float64)
    megabytes = months[MEGABYTES].to_numpy(dtype=np.float64)
    places = np.searchsorted(_EDGES, megabytes[megabytes > 0], side="right")
    return AmountCounts(
        int((minutes > 0).sum()),
        int((minutes > MINUTES_OF_A_MONTH).sum()),
        np.bincount(places, minlength=len(_EDGES) + 1).astype(np.int64),
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
            "month has; are they seconds?"
        )
        (impossible if counts.beyond_a_month > _FEW * counts.with_minutes else doubts).append(said)
    months = int(counts.megabytes.sum())
    if months and _half_at_least(counts, _MOST_MEGABYTES):
        impossible.append("megabytes: half of the months with data have more than 100 TB; are they bytes or kB?")
    elif months and _half_at_least(counts, _MANY_MEGABYTES):
        doubts.append("megabytes: half of the months with data have more than a TB; are they kB?")
    elif months and not _half_at_least(counts, _LEAST_MEGABYTES):
        doubts.append("megabytes: half of the months with data have fewer than 100; are they gigabytes?")
    if impossible and not accept:
        raise DataError(
            f"{report.summary()}\n{report.table}: {'; '.join(impossible)} Say the unit with data.table.columns "
            "({is: minutes, unit: seconds}), or take them as they are with --accept-units."
        )
    return replace(report, notes=(*report.notes, *doubts, *impossible))


def _half_at_least(counts: AmountCounts, megabytes: float) -> bool:
    """Tell whether half of the months with data hold so many megabytes, a power of ten."""
    place = int(np.searchsorted(_EDGES, megabytes, side="right"))
    return 2 * int(counts.megabytes[place:].sum()) >= int(counts.megabytes.sum())
