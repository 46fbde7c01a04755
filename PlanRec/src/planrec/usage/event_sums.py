"""Events judged block by block and summed by subscriber and month in DuckDB, within a limit of memory.

Amounts are summed as decimals, or as whole minutes where each call is rounded up: exactly, in either case.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Self

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError, PortfolioError
from planrec.columns import SUBSCRIBER

__all__ = [
    "AFTER_CHURN",
    "BEFORE",
    "MEMORY",
    "NEAR",
    "NOT_LISTED",
    "REASONS",
    "EventBlock",
    "EventSums",
    "People",
    "SubscriberCodes",
    "people_of",
]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

NO_DAY, NOT_LISTED, BEFORE, AFTER_CHURN = (
    "no such day",
    "subscriber not in the list",
    "before reg_date",
    "after churn_date",
)
REASONS = ("", NO_DAY, NOT_LISTED, BEFORE, AFTER_CHURN)
"""Why an event is in no month, by its code in `sums`."""

_EPOCH = 1970 * 12  # month index of what NumPy calls month 0
MEMORY, _THREADS = "192MB", 1
_REASON_BITS, _MONTH_BITS = 3, 18  # of the key of a group; months of any year with four digits fit
NEAR = 2e-6  # a minute; nearer to a whole one, a call's length has to be rounded to millionths before it is rounded up

_CREATE = """
CREATE TABLE sums (source VARCHAR, code INTEGER, month INTEGER, reason TINYINT, events BIGINT, amount DECIMAL(38, 12))
"""

# A millionth of a unit is the finest step, as in the rater; a sixtieth of a minute needs more digits until then.
_SUM = f"""
INSERT INTO sums
SELECT $1, (key >> {_MONTH_BITS})::INTEGER,
    ((key >> {_REASON_BITS}) & {(1 << _MONTH_BITS - _REASON_BITS) - 1})::INTEGER,
    (key & {(1 << _REASON_BITS) - 1})::TINYINT, events, amount
FROM (SELECT key, count(*) AS events, {{amount}} AS amount FROM judged GROUP BY key)
"""  # noqa: S608 - whole numbers named above
_AMOUNTS = {
    "whole": "sum(amount)::DECIMAL(38, 12)",
    "decimal": "sum(amount::DECIMAL(26, 12))",
    "none": "count(*)::DECIMAL(38, 12)",
}


@dataclass(frozen=True)
class EventBlock:
    """Some events of a table.

    Attributes
    ----------
    subscribers : int64 array of shape (n,)
        Codes, as `SubscriberCodes` gives them.
    times : datetime64[us] array of shape (n,)
        Not a time where a day does not exist.
    amounts : float64 array of shape (n,), or None
        Minutes or megabytes; None: each event counts as one.
    rows : int64 array of shape (n,)
        Number of each event in its file.
    """

    subscribers: IntArray
    times: NDArray[np.datetime64]
    amounts: FloatArray | None
    rows: IntArray


@dataclass(frozen=True)
class People:
    """The list of subscribers.

    Attributes
    ----------
    ids : list of str of length n
    joined, left : datetime64[D] arrays of shape (n,)
        First and last day; not a time where there is none.
    """

    ids: list[str] = field(default_factory=list[str])
    joined: NDArray[np.datetime64] = field(default_factory=lambda: np.array([], dtype="datetime64[D]"))
    left: NDArray[np.datetime64] = field(default_factory=lambda: np.array([], dtype="datetime64[D]"))


class SubscriberCodes:
    """Numbers of subscribers: those of the list first, then as they are met.

    Parameters
    ----------
    known : sequence of str
        Ids of the list, each once.

    Attributes
    ----------
    ids : pyarrow.Array of str
        By code.

    Examples
    --------
    >>> codes = SubscriberCodes(["b"])
    >>> codes.of(pa.array(["a", "b", "a"])).tolist(), codes.ids.to_pylist()
    ([1, 0, 1], ['b', 'a'])
    """

    def __init__(self, known: Sequence[str] = ()) -> None:
        self.ids: Any = pa.array(known, pa.string())

    def of(self, subscribers: Any) -> IntArray:
        """Return the codes of ids: an Arrow array of text without nulls, as it is or behind a dictionary."""
        behind = subscribers if pa.types.is_dictionary(subscribers.type) else subscribers.dictionary_encode()
        texts = behind.dictionary.cast(pa.string())
        places = pc.index_in(texts, value_set=self.ids)
        new = texts.filter(pc.and_(pc.is_null(places), pc.is_valid(texts))).unique()
        if len(new):
            self.ids = pa.concat_arrays([self.ids, new])
            places = pc.index_in(texts, value_set=self.ids)
        codes = pc.fill_null(places, 0).to_numpy()  # a null in a dictionary is of no row that is left
        return codes[behind.indices.to_numpy()].astype(np.int64)


class EventSums:
    """Sums of events by table, subscriber, month and reason.

    Used as a context; its connection, and what it put on the disk, are gone at the end.

    Parameters
    ----------
    people : People or None
        None: whoever has an event is a subscriber.
    churn_cut : bool
        Whether events after the last day of a subscriber are set aside.

    Attributes
    ----------
    connection : duckdb.DuckDBPyConnection
        With the tables `sums`, and `listed`: `subscriber_id`, `joined` and `gone`.
    listed, churn_cut : bool
        Whether there is a list; whether events after the last day are set aside.
    rejected : list of DataFrame
        `table`, `row` and `reason` of events that are of nobody, or of no day.

    Examples
    --------
    >>> march = np.array(["2025-03-01", "2025-03-02"], dtype="datetime64[us]")
    >>> block = EventBlock(np.array([0, 0]), march, np.array([0.1, 0.2]), np.array([1, 2]))
    >>> with EventSums(None, churn_cut=False) as sums:
    ...     sums.add("sessions", [block], per_event=False)
    ...     sums.connection.execute("SELECT month, events, amount FROM sums").fetchall()
    [(24302, 2, Decimal('0.300000000000'))]
    """

    def __init__(self, people: People | None, *, churn_cut: bool) -> None:
        self._people, self.churn_cut = people or People(), churn_cut
        self.listed = people is not None
        self._open = ExitStack()
        self.rejected: list[pd.DataFrame] = []

    def __enter__(self) -> Self:
        folder = self._open.enter_context(tempfile.TemporaryDirectory())
        self.connection = self._open.enter_context(duckdb.connect())
        for setting, value in (("memory_limit", MEMORY), ("threads", _THREADS), ("temp_directory", folder)):
            self.connection.execute(f"SET {setting} = $1", [value])
        self.connection.execute("SET preserve_insertion_order = false")
        self.connection.execute(_CREATE)
        listed = {SUBSCRIBER: pa.array(self._people.ids, pa.string())}
        days = {"joined": self._people.joined, "gone": self._people.left}
        self.connection.register("people_read", pa.table(listed | {name: pa.array(day) for name, day in days.items()}))
        self.connection.execute("CREATE TABLE listed AS SELECT * FROM people_read")
        self.connection.unregister("people_read")
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, table: str, blocks: Iterable[EventBlock], *, per_event: bool) -> None:
        """Take the events of a table.

        Parameters
        ----------
        table : str
        blocks : iterable of EventBlock
            All with amounts, or all without.
        per_event : bool
            Whether each amount is rounded up to a whole one before it is summed.

        Raises
        ------
        DataError
            If there is no room for what is put on the disk; and what `blocks` raises.
        """
        walk = iter(blocks)
        first = next(walk, None)
        if first is None:
            return
        kind = "none" if first.amounts is None else "whole" if per_event else "decimal"
        failed: list[PortfolioError] = []

        def judged() -> Generator[Any]:
            try:
                for block in chain([first], walk):
                    yield self._judged(table, block, kind)
            except PortfolioError as error:  # DuckDB would put its own in the place of ours
                failed.append(error)

        amount = pa.int64() if kind == "whole" else pa.float64()
        schema = pa.schema([("key", pa.int64()), *([] if kind == "none" else [("amount", amount)])])
        self.connection.register("judged", pa.RecordBatchReader.from_batches(schema, judged()))
        try:
            self.connection.execute(_SUM.format(amount=_AMOUNTS[kind]), [table])
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise DataError(
                f"{table}: the events cannot be summed on the disk ({type(error).__name__}); let TMPDIR name a folder "
                "with room for a copy of them."
            ) from error
        self.connection.unregister("judged")
        if failed:
            raise failed[0]

    def _judged(self, table: str, block: EventBlock, kind: str) -> Any:
        codes = block.subscribers
        days = block.times.astype("datetime64[D]")
        months = block.times.astype("datetime64[M]").astype(np.int64) + _EPOCH
        reasons = self._reasons(codes, days)
        if (lost := np.flatnonzero((reasons > 0) & (reasons < REASONS.index(AFTER_CHURN)))).size:
            names = np.array(REASONS, dtype=object)[reasons[lost]]
            self.rejected.append(pd.DataFrame({"table": table, "row": block.rows[lost], "reason": names}))
        months = np.where(np.isnat(days), 0, months)
        key = pa.array((codes << _MONTH_BITS) | (months << _REASON_BITS) | reasons)
        if block.amounts is None or kind == "none":
            return pa.record_batch([key], names=["key"])
        amounts = self._whole(block.amounts) if kind == "whole" else block.amounts
        return pa.record_batch([key, pa.array(amounts)], names=["key", "amount"])

    def _reasons(self, codes: IntArray, days: NDArray[np.datetime64]) -> IntArray:
        """Return the code of the first reason that an event is in no month for; 0: it is in one."""
        reasons = np.zeros(len(codes), dtype=np.int64)
        if self.listed:
            there = codes < len(self._people.ids)
            joined = np.full(len(codes), np.datetime64("NaT"), dtype="datetime64[D]")
            left = joined.copy()
            joined[there], left[there] = self._people.joined[codes[there]], self._people.left[codes[there]]
            if self.churn_cut:
                reasons[days > left] = REASONS.index(AFTER_CHURN)
            reasons[days < joined] = REASONS.index(BEFORE)
            reasons[np.isnat(joined)] = REASONS.index(NOT_LISTED)
        reasons[np.isnat(days)] = REASONS.index(NO_DAY)
        return reasons

    def _whole(self, amounts: FloatArray) -> IntArray:
        """Return amounts rounded to millionths and then up to whole ones."""
        whole = np.ceil(amounts)
        near = np.flatnonzero((np.abs(amounts - np.rint(amounts)) < NEAR) & (amounts != whole))
        if len(near):
            asked = pa.table({"amount": amounts[near]})
            exact = duckdb.from_arrow(asked).project("ceil(round(amount::DECIMAL(26, 12), 6))::DOUBLE").fetchnumpy()
            whole[near] = next(iter(exact.values()))
        return whole.astype(np.int64)


def people_of(frame: pd.DataFrame, joined: str, left: str) -> People:
    """Return the list of subscribers of a frame.

    Parameters
    ----------
    frame : DataFrame
        `subscriber_id` and two columns of dates, as text or as days; the second may be missing.
    joined, left : str
        Their names.

    Examples
    --------
    >>> people_of(pd.DataFrame({"subscriber_id": ["a"], "in": ["2025-01-02"]}), "in", "out").joined.tolist()
    [datetime.date(2025, 1, 2)]
    """
    nothing = pd.Series(pd.NaT, index=frame.index)
    first, last = (
        pd.to_datetime(frame.get(name, nothing)).to_numpy().astype("datetime64[D]") for name in (joined, left)
    )
    return People(frame[SUBSCRIBER].astype("str").tolist(), first, last)
