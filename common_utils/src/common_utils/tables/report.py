"""What became of each row of a table: kept, repaired or rejected, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import BoolArray
from common_utils.errors import DataError

__all__ = [
    "MOST_LISTED",
    "Ledger",
    "RowReport",
    "listed_rows",
    "merged_report",
    "reasons_with_rows",
    "summary_with_rows",
]

MOST_LISTED = 5


@dataclass(frozen=True)
class RowReport:
    """The account of one table: every row read is kept, set aside or rejected, and the reasons add up.

    Attributes
    ----------
    table : str
        What messages call it.
    read, kept : int
        Rows below the header, and rows that are in the frame.
    repaired : dict of str to int
        Kept rows per repair; one row may have several.
    rejected : dict of str to int
        Rows per reason; each rejected row counts once, under the first reason found.
    set_aside : dict of str to int
        Sound rows that a rule of the project leaves out, per reason.
    notes : tuple of str
        What a reader of the account should know beside the counts.
    rows : dict of str to tuple of int
        Numbers of the first rows of repairs that lose something, such as a value taken as unknown.

    Raises
    ------
    DataError
        If the figures do not add up.

    Examples
    --------
    >>> report = RowReport("usage", read=3, kept=2, repaired={"delimiter ;": 2}, rejected={"duplicate row": 1})
    >>> print(report.summary())
    usage: 3 rows read, 2 kept, 1 rejected
      repaired: delimiter ; (2)
      rejected: duplicate row (1)
    """

    table: str
    read: int
    kept: int
    repaired: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    set_aside: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    rows: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lost = [*self.rejected.values(), *self.set_aside.values()]
        if min([self.kept, *self.repaired.values(), *lost]) < 0 or self.read != self.kept + sum(lost):
            raise DataError(f"{self.table}: rows are not accounted for: {self.to_dict()}.")
        if max(self.repaired.values(), default=0) > self.kept:
            raise DataError(f"{self.table}: more rows repaired than kept: {self.to_dict()}.")

    def to_dict(self) -> dict[str, object]:
        """Return the figures as plain types, for JSON."""
        return {
            "table": self.table,
            "read": self.read,
            "kept": self.kept,
            "repaired": dict(self.repaired),
            "rejected": dict(self.rejected),
            "set_aside": dict(self.set_aside),
        }

    def summary(self) -> str:
        """Return the figures as text: one line, then one per reason, most rows first."""
        rejected, aside = sum(self.rejected.values()), sum(self.set_aside.values())
        first = f"{self.table}: {self.read} rows read, {self.kept} kept, {rejected} rejected"
        lines = [first + (f", {aside} set aside" if aside else "")]
        said = (("repaired", self.repaired), ("rejected", self.rejected), ("set aside", self.set_aside))
        for verb, counts in said:
            lines += [
                f"  {verb}: {reason} ({count}{listed_rows(self.rows.get(reason, ()), count)})"
                for reason, count in sorted(counts.items(), key=_by_count)
            ]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])

    def after(self, set_aside: Mapping[str, int], rejected: Mapping[str, int] | None = None) -> RowReport:
        """Return the account once some of the kept rows were set aside or rejected.

        Examples
        --------
        >>> RowReport("cars", read=3, kept=3).after({"price below 100": 2}).kept
        1
        """
        more = dict(rejected or {})
        kept = self.kept - sum(set_aside.values()) - sum(more.values())
        return RowReport(
            self.table,
            self.read,
            kept,
            {why: min(count, kept) for why, count in self.repaired.items()},
            _added(self.rejected, more),
            _added(self.set_aside, set_aside),
            self.notes,
            self.rows,
        )


def merged_report(reports: Sequence[RowReport]) -> RowReport:
    """Return the account of a table that was read in pieces.

    Parameters
    ----------
    reports : sequence of RowReport
        One for each piece, at least one.

    Examples
    --------
    >>> first = RowReport("usage", read=3, kept=2, rejected={"duplicate row": 1})
    >>> print(merged_report([first, first]).summary())
    usage: 6 rows read, 4 kept, 2 rejected
      rejected: duplicate row (2)
    """
    repaired: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    set_aside: Counter[str] = Counter()
    for report in reports:
        repaired.update(report.repaired)
        rejected.update(report.rejected)
        set_aside.update(report.set_aside)
    read, kept = sum(report.read for report in reports), sum(report.kept for report in reports)
    notes = tuple(dict.fromkeys(note for report in reports for note in report.notes))
    listed: dict[str, tuple[int, ...]] = {}
    for report in reports:
        for reason, numbers in report.rows.items():
            listed[reason] = tuple(sorted((*listed.get(reason, ()), *numbers))[:MOST_LISTED])
    return RowReport(reports[0].table, read, kept, dict(repaired), dict(rejected), dict(set_aside), notes, listed)


def listed_rows(rows: Sequence[int], count: int) -> str:
    """Return row numbers as they stand behind a count, "" where there are none.

    Examples
    --------
    >>> listed_rows((3, 7), 2), listed_rows((3, 7), 9), listed_rows((), 2)
    ('; row 3, 7', '; row 3, 7, …', '')
    """
    more = ", …" if count > len(rows) else ""
    return f"; row {', '.join(map(str, rows))}{more}" if rows else ""


def summary_with_rows(report: RowReport, rejects: pd.DataFrame) -> str:
    """Return an account with the first rows of each reason."""
    return "\n".join([report.summary(), *reasons_with_rows(report, rejects)])


def reasons_with_rows(report: RowReport, rejects: pd.DataFrame) -> list[str]:
    """Return a line for each of the first reasons for which rows were rejected, with the first of these rows.

    Parameters
    ----------
    report : RowReport
    rejects : DataFrame
        Columns `row` and `reason`.

    Examples
    --------
    >>> rejects = pd.DataFrame({"row": [2, 5], "reason": ["minutes: missing"] * 2})
    >>> reasons_with_rows(RowReport("usage", read=2, kept=0, rejected={"minutes: missing": 2}), rejects)
    ['  minutes: missing (2; row 2, 5)']
    """
    lines: list[str] = []
    for reason, count in islice(report.rejected.items(), MOST_LISTED):
        rows = rejects.loc[rejects["reason"] == reason, "row"].head(MOST_LISTED)
        lines.append(f"  {reason} ({count}{listed_rows(rows.tolist(), count)})")
    if len(report.rejected) > MOST_LISTED:
        lines.append(f"  and {len(report.rejected) - MOST_LISTED} more reasons")
    return lines


def _added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {why: one.get(why, 0) + other.get(why, 0) for why in (*one, *(w for w in other if w not in one))}


def _by_count(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


class Ledger:
    """Collects what happens to the rows of a table while it is read.

    Parameters
    ----------
    rows : int64 array of shape (n_rows,)
        Number of each row in the file.

    Examples
    --------
    >>> ledger = Ledger(np.array([1, 2, 4]))
    >>> ledger.reject(np.array([False, True, False]), "minutes: missing")
    >>> ledger.reject(np.array([False, True, True]), "plan: missing")
    >>> ledger.kept.tolist(), ledger.reasons()
    ([True, False, False], {2: 'minutes: missing', 4: 'plan: missing'})
    """

    def __init__(self, rows: NDArray[np.int64]) -> None:
        self.rows = rows
        self._codes = np.zeros(len(rows), dtype=np.int32)  # 0: kept, else a place in _reasons
        self._reasons = [""]
        self._repairs: list[tuple[str, BoolArray]] = []
        self._listed: set[str] = set()

    @property
    def kept(self) -> BoolArray:
        """Which rows have not been rejected so far."""
        return self._codes == 0

    def reject(self, mask: BoolArray, reason: str) -> None:
        """Reject the rows of a full-length mask; a row keeps the first reason it was given."""
        self._reasons.append(reason)
        self._codes[mask & self.kept] = len(self._reasons) - 1

    def reject_at(self, places: NDArray[np.int64], reason: str) -> None:
        """Reject rows by their places among `rows`."""
        mask = np.zeros(len(self.rows), dtype=bool)
        mask[places] = True
        self.reject(mask, reason)

    def repair(self, mask: BoolArray, reason: str, *, listed: bool = False) -> None:
        """Note that rows were repaired: those that end up kept are counted, and `listed` names the first of them."""
        self._repairs.append((reason, mask))
        if listed:
            self._listed.add(reason)

    def reasons(self) -> dict[int, str]:
        """Return row number and reason of each rejected row, in the order of the file."""
        lost = np.flatnonzero(self._codes)
        return {int(self.rows[place]): self._reasons[self._codes[place]] for place in lost}

    def report(
        self, table: str, rejects: dict[int, str], whole_file: tuple[str, ...], notes: tuple[str, ...] = ()
    ) -> RowReport:
        """Return the account; `rejects` holds the rows lost before, `whole_file` what was done to all."""
        kept = self.kept
        every = np.ones(len(kept), dtype=bool)
        repairs = [*((reason, every) for reason in whole_file), *self._repairs]
        repaired = {reason: int((mask & kept).sum()) for reason, mask in repairs}
        listed = {
            reason: tuple(np.sort(self.rows[mask & kept])[:MOST_LISTED].tolist())
            for reason, mask in self._repairs
            if reason in self._listed and repaired[reason]
        }
        lost = pd.Series([*rejects.values(), *self.reasons().values()], dtype="str").value_counts()
        return RowReport(
            table,
            read=len(kept) + len(rejects),
            kept=int(kept.sum()),
            repaired={reason: count for reason, count in repaired.items() if count},
            rejected={str(reason): int(count) for reason, count in lost.items()},
            notes=notes,
            rows=listed,
        )
