"""Amounts that are unlikely in the unit they should have: thousands of miles, gigabytes, cents.

A schema says in the metadata of a column, under `usual`, between which bounds half of a table's amounts may lie. That
is decided from counts that add up over the pieces of a table; where they leave a doubt, the amounts are gone through
once more for the exact median.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError
from common_utils.tables import RowReport
from common_utils.units.factors import Units

__all__ = ["SizeCounts", "check_amounts", "check_sizes", "sizes_of"]

_ENOUGH = 100  # amounts from which on a median is more than chance
_SOME = 20  # amounts from which on it is more than chance that most are out of range
_OUT_OF_RANGE = "not between "  # how schemas word it
_FAR = 5.0  # times a bound: what lies beyond is no odd table, but another unit
_LEFT_OFF = np.uint64(40)  # bits of a double that a size leaves off: one size is 1/4,096 of a power of two wide


def _none() -> IntArray:
    return np.array([], dtype=np.int64)


@dataclass(frozen=True)
class SizeCounts:
    """How large the amounts of a column are; counts of pieces add up, and take the same memory for any number of rows.

    Attributes
    ----------
    held : int
        Amounts that are known, 0 included.
    sizes : int64 array of shape (m,)
        Different sizes of amounts above 0, ascending: a double's sign, exponent and first 12 bits.
    counts : int64 array of shape (m,)
        Amounts of each size.

    Examples
    --------
    >>> one = SizeCounts.of(np.array([0.0, 5.0, np.nan, 7.0]))
    >>> (one + one).held, (one + one).counts.tolist()
    (6, [2, 2])
    """

    held: int = 0
    sizes: IntArray = field(default_factory=_none)
    counts: IntArray = field(default_factory=_none)

    @classmethod
    def of(cls, amounts: FloatArray) -> SizeCounts:
        """Return the counts of a piece; NaN is not known."""
        sizes, counts = np.unique(_sizes(amounts[amounts > 0]), return_counts=True)
        return cls(int(np.isfinite(amounts).sum()), sizes, counts)

    def __add__(self, other: SizeCounts) -> SizeCounts:
        sizes, counts = _added(self.sizes, self.counts, other.sizes, other.counts)
        return SizeCounts(self.held + other.held, sizes, counts)

    @property
    def known(self) -> int:
        """Amounts above 0."""
        return int(self.counts.sum())

    def between(self) -> tuple[float, float]:
        """Return two amounts between which the median of those above 0 lies, either included; there has to be one.

        Examples
        --------
        >>> low, high = SizeCounts.of(np.array([1.0, 10.0, 100.0])).between()
        >>> bool(low <= 10.0 <= high < 10.01)
        True
        """
        first, last = self._middle_sizes()
        ends = np.array([first, last + 1], dtype=np.uint64) << _LEFT_OFF
        return float(ends[:1].view(np.float64)[0]), float((ends[1:] - np.uint64(1)).view(np.float64)[0])

    def median(self, amounts: Iterable[FloatArray]) -> float:
        """Return the median of the amounts above 0.

        Parameters
        ----------
        amounts : iterable of float64 array
            The same amounts once more, in pieces.

        Examples
        --------
        >>> amounts = np.array([0.0, 1.0, 2.0, 4.0, 8.0])
        >>> SizeCounts.of(amounts).median([amounts[:2], amounts[2:]])
        3.0
        """
        first, last = self._middle_sizes()
        values, counts = np.array([], dtype=np.float64), _none()
        for some in amounts:
            above = some[some > 0]
            sizes = _sizes(above)
            near = np.unique(above[(sizes == first) | (sizes == last)], return_counts=True)
            values, counts = _added(values, counts, *near)
        ends = np.cumsum(counts) + int(self.counts[self.sizes < first].sum())
        low, high = values[np.searchsorted(ends, self._middle(), side="right")]
        return float((low + high) / 2)

    def _middle(self) -> tuple[int, int]:
        """Return the places of the two amounts in the middle, which are one where their number is odd."""
        return (self.known - 1) // 2, self.known // 2

    def _middle_sizes(self) -> tuple[int, int]:
        first, last = self.sizes[np.searchsorted(np.cumsum(self.counts), self._middle(), side="right")]
        return int(first), int(last)


def _sizes(amounts: FloatArray) -> IntArray:
    """Return sizes of amounts above 0: doubles above 0 ascend as their bits do."""
    return (np.ascontiguousarray(amounts).view(np.uint64) >> _LEFT_OFF).astype(np.int64)


def _added(values: Any, counts: IntArray, others: Any, their_counts: IntArray) -> tuple[Any, IntArray]:
    """Return different values, ascending, and the counts of both for each."""
    found, places = np.unique(np.concatenate([values, others]), return_inverse=True)
    total = np.zeros(len(found), dtype=np.int64)
    np.add.at(total, places, np.concatenate([counts, their_counts]))
    return found, total


def sizes_of(frame: pd.DataFrame, schema: pandera.DataFrameSchema) -> dict[str, SizeCounts]:
    """Return the counts of the columns of a table, or of a piece, whose schema says what is usual.

    Examples
    --------
    >>> schema = pandera.DataFrameSchema({"odometer": pandera.Column(float, metadata={"usual": (1.0, 9.0)})})
    >>> sizes_of(pd.DataFrame({"odometer": [3.0, 0.0]}), schema)["odometer"].known
    1
    """
    said = [column for column, declared in schema.columns.items() if "usual" in (declared.metadata or {})]
    return {column: SizeCounts.of(frame[column].to_numpy(dtype=np.float64)) for column in said if column in frame}


def check_amounts(
    frame: pd.DataFrame, schema: pandera.DataFrameSchema, report: RowReport, *, accept: bool = False
) -> RowReport:
    """Return the account of a table with a note of each column whose unit is in doubt.

    Parameters
    ----------
    frame : DataFrame
        Rows kept, in our units; amounts of 0 say nothing and do not count.
    schema : pandera.DataFrameSchema
        With `usual` and `units` in the metadata of a column.
    report : RowReport
    accept : bool
        Whether the user says that the amounts are right (`--accept-units`).

    Raises
    ------
    DataError
        If at least 100 amounts of a column have a median five times beyond its bounds, or 20 of an optional one, and
        more than half, are out of its range, unless that is accepted.

    Examples
    --------
    >>> metadata = {"usual": (1000.0, 400_000.0), "units": {"miles": 1, "thousand_miles": 1000}}
    >>> schema = pandera.DataFrameSchema({"odometer": pandera.Column(float, metadata=metadata)})
    >>> cars = pd.DataFrame({"odometer": [120.0, 80.0, 95.0]})
    >>> check_amounts(cars, schema, RowReport("cars", read=3, kept=3)).notes
    ('odometer: half of the 3 amounts are 95 miles or less, and 1,000 is usual; are they thousand_miles?',)
    """
    return check_sizes(
        sizes_of(frame, schema),
        schema,
        report,
        lambda column: [frame[column].to_numpy(dtype=np.float64)],
        accept=accept,
    )


def check_sizes(
    sizes: Mapping[str, SizeCounts],
    schema: pandera.DataFrameSchema,
    report: RowReport,
    amounts: Callable[[str], Iterable[FloatArray]],
    *,
    accept: bool = False,
) -> RowReport:
    """Return what `check_amounts` does, of a table in pieces.

    Parameters
    ----------
    sizes : mapping of str to SizeCounts
        As `sizes_of`, of all pieces.
    schema, report, accept
        As `check_amounts`.
    amounts : callable
        Returns the amounts of a column once more, in pieces; called where the counts leave a doubt.

    Raises
    ------
    DataError
        As `check_amounts`.
    """
    doubts: list[str] = []
    impossible: list[str] = []
    for column, counts in sizes.items():
        if said := _beyond(column, report, counts.held):
            impossible.append(said)
            continue
        if not counts.known:
            continue
        metadata: Mapping[str, Any] = schema.columns[column].metadata or {}
        (least, most), (low, high) = counts.between(), metadata["usual"]
        if low <= least and most <= high:
            continue
        median = counts.median(amounts(column))
        if low <= median <= high:
            continue
        said = f"{column}: {_doubt(counts.known, median, low, high, metadata['units'])}"
        far = not low / _FAR <= median <= high * _FAR
        (impossible if far and counts.known >= _ENOUGH else doubts).append(said)
    if impossible and not accept:
        raise DataError(
            f"{report.summary()}\n{report.table}: {'; '.join(impossible)} Say the unit with data.table.columns "
            "({is: our name, unit: its unit}), or take the amounts as they are with --accept-units."
        )
    return replace(report, notes=(*report.notes, *doubts, *impossible))


def _beyond(column: str, report: RowReport, held: int) -> str:
    """Return what is odd where most amounts of an optional column became unknown, "" where nothing is."""
    lost = sum(count for why, count in report.repaired.items() if why.startswith(f"{column}: {_OUT_OF_RANGE}"))
    if lost < _SOME or lost <= held:
        return ""
    return f"{column}: {lost} of {lost + held} amounts are out of its range; are they in another unit?"


def _doubt(count: int, median: float, low: float, high: float, units: Units) -> str:
    ours, *others = units
    likely = [unit for unit in others if low <= median * float(units[unit]) <= high and unit != "hh:mm:ss"]
    compared = f"{median:,.6g} {ours} or {'less' if median < low else 'more'}"
    usual = f"{low if median < low else high:,.6g}"
    return (
        f"half of the {count} amounts are {compared}, and {usual} is usual; "
        f"are they {' or '.join(likely) if likely else 'in another unit'}?"
    )
