"""Events that cannot be what they should be: a whole export that is there twice, calls in seconds.

Decided from counts that add up over blocks; what is doubtful is told, what is beyond doubt is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import duckdb
import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.errors import DataError
from common_utils.tables import RowReport
from common_utils.tables.pieces.repeats import HashStore

__all__ = ["CallLengths", "Copies", "copy_hash", "copy_hashes"]

_FEWEST = 10  # different rows from which on it is no chance that each is there as often
_DAY = 86_400_000_000  # microseconds
_LONG_CALL = 60.0  # minutes; half of all calls longer than that: seconds
_SOME = 20  # calls from which on that is told


class Copies:
    """Rows of a table that repeat another one: the same subscriber, moment and amount.

    Two equal rows may be two events of a day; a table with an `id` of events tells, and is not counted here. Rows are
    told apart by 63 bits of a hash: of 20 million different rows two are taken for one once in 50,000 tables, and what
    follows is a note that says one row too many.

    Used as a context, with files of its own on the disk.

    Examples
    --------
    >>> import pyarrow as pa
    >>> calls = pa.table({"subscriber_id": ["a", "a"], "date": np.array(["2025-01-01T10:00:01"] * 2, "datetime64[us]")})
    >>> with Copies() as copies:
    ...     copies.add(copy_hashes(calls))
    ...     copies.check(RowReport("calls", read=2, kept=2)).notes
    ('1 row(s) repeat another to the second; if they are copies, remove them, or bring the id of each event',)
    """

    def __init__(self) -> None:
        self._store = HashStore()

    def __enter__(self) -> Self:
        self._store.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._store.__exit__()

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """Take some rows, as `copy_hash` tells them apart."""
        self._store.add(hashes)

    def check(self, report: RowReport) -> RowReport:
        """Refuse a table in which every event is there as often, and tell of events that are alike to the second.

        Parameters
        ----------
        report : RowReport
            Of the table.

        Raises
        ------
        DataError
            If all rows, ten different ones at least, are there twice, or three times, and so on.
        """
        different = again = alike = times = 0
        for hashes, counts in self._store.counted():
            different += len(hashes)
            again += int((counts - 1).sum())
            alike += int((counts - 1)[hashes & np.uint64(1) == 1].sum())
            times = int(np.gcd.reduce(counts, initial=times))
        if different >= _FEWEST and times > 1:
            raise DataError(
                f"{report.summary()}\n{report.table}: every row is there {times} times, as where an export was joined "
                "with itself. Remove the copies, or bring the id of each event as a column `id`."
            )
        if not alike:
            return report
        said = (
            f"{alike} row(s) repeat another to the second; if they are copies, remove them, or bring the id of each "
            "event"
        )
        return replace(report, notes=(*report.notes, said))


def copy_hashes(events: Any) -> NDArray[np.uint64]:
    """Return the hash of each row of an Arrow table: `subscriber_id`, `date`, and `amount` where there is one."""
    hashed = copy_hash("amount" if "amount" in events.column_names else None)
    return next(iter(duckdb.from_arrow(events).project(hashed).fetchnumpy().values())).astype(np.uint64)


def copy_hash(amount: str | None) -> str:
    """Return the same as SQL; the last bit says whether the event has a time of day.

    Examples
    --------
    >>> copy_hash(None)
    '((hash(subscriber_id, date) & 18446744073709551614) | (epoch_us(date) % 86400000000 <> 0)::UBIGINT) AS hashed'
    """
    columns = "subscriber_id, date" if amount is None else f"subscriber_id, date, {amount}"
    return f"((hash({columns}) & {2**64 - 2}) | (epoch_us(date) % {_DAY} <> 0)::UBIGINT) AS hashed"


@dataclass
class CallLengths:
    """How long calls are: whether half of them last longer than an hour.

    Examples
    --------
    >>> lengths = CallLengths()
    >>> lengths.add(np.array([180.0] * 20))
    >>> lengths.check(RowReport("calls", read=20, kept=20)).notes[0].split(";")[0]
    'minutes: half of the calls last longer than an hour'
    """

    _calls: int = 0
    _short: int = 0
    _longest_short: float = 0.0
    _shortest_long: float = np.inf

    def add(self, minutes: FloatArray) -> None:
        """Take the minutes of some calls; those of no length do not count."""
        short = minutes[(minutes > 0) & (minutes <= _LONG_CALL)]
        long = minutes[minutes > _LONG_CALL]
        self._calls += len(short) + len(long)
        self._short += len(short)
        self._longest_short = max(self._longest_short, short.max(initial=0.0))
        self._shortest_long = min(self._shortest_long, long.min(initial=np.inf))

    def check(self, report: RowReport) -> RowReport:
        """Tell that half of the calls last longer than an hour: then they are in seconds, or one row is a month."""
        if self._calls < _SOME or 2 * self._short > self._calls:
            return report
        if 2 * self._short == self._calls and self._longest_short + self._shortest_long <= 2 * _LONG_CALL:
            return report  # the median lies between the two
        said = (
            "minutes: half of the calls last longer than an hour; are they seconds? Then say the unit with "
            "data.table.columns (calls.billsec: {is: minutes, unit: seconds})"
        )
        return replace(report, notes=(*report.notes, said))
