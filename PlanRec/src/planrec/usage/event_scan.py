"""Clean events of Parquet files grouped inside DuckDB: only ids, each once, and what is odd come out of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.tables.pieces.blocks import BLOCK_ROWS
from common_utils.tables.pieces.scan import ROW, Scan, quoted
from common_utils.tables.types import convert_distinct
from planrec.columns import SUBSCRIBER
from planrec.usage.event_doubts import copy_hash
from planrec.usage.event_sums import (
    AFTER_CHURN,
    BEFORE,
    MEMORY,
    NEAR,
    NOT_LISTED,
    REASONS,
    EventSums,
    SubscriberCodes,
)

__all__ = ["ScannedEvents"]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

_MEMORY = (
    "320MB"  # while a table is grouped: nothing else is in memory yet; with less, a million months cost twice as much
)
_BITS = 3  # of the key, for the reason
_GROUP = """
CREATE OR REPLACE TEMP TABLE grouped AS
SELECT subscriber_id, (((datepart('year', date) * 12 + datepart('month', date) - 1) << {bits}) | {reason})::INTEGER
    AS key, count(*) AS events, {amount} AS amount
FROM ({events}) {people} GROUP BY subscriber_id, key
"""
_TAKE = f"""
INSERT INTO sums
SELECT $1, code, (key >> {_BITS})::INTEGER, (key & {(1 << _BITS) - 1})::TINYINT, events, amount
FROM grouped JOIN coded USING (subscriber_id)
"""  # noqa: S608 - whole numbers named above
_PEOPLE = "LEFT JOIN listed USING (subscriber_id)"
_REASON = f"""CASE WHEN joined IS NULL THEN {REASONS.index(NOT_LISTED)} WHEN date < joined THEN {REASONS.index(BEFORE)}
    WHEN {{cut}} AND date::DATE > gone THEN {REASONS.index(AFTER_CHURN)} ELSE 0 END"""
# A millionth of a minute is the finest step: nearer to a whole minute, a call is rounded to it before it is rounded up.
# Whole minutes add up exactly in a double.
_EACH = f"""sum(CASE WHEN abs({{amount}} - round({{amount}})) < {NEAR} AND {{amount}} <> round({{amount}})
    THEN ceil(round({{amount}}::DECIMAL(26, 12), 6))::DOUBLE ELSE ceil({{amount}}) END)::BIGINT::DECIMAL(38, 12)"""
_LOST = f"{REASONS.index(NOT_LISTED)}, {REASONS.index(BEFORE)}"
_COUNT = "SELECT coalesce(sum(events), 0) FROM grouped WHERE subscriber_id NOT IN (SELECT subscriber_id FROM odd)"
_HASHES = "SELECT {hashed}{amount} FROM ({events})"
_REJECTED = f"SELECT count(*) FROM grouped WHERE key & {(1 << _BITS) - 1} IN ({_LOST})"  # noqa: S608 - whole numbers
_ROWS = f"""
SELECT * FROM (SELECT {{row}} AS row, {{reason}} AS reason FROM ({{events}}) {_PEOPLE}) WHERE reason IN ({_LOST})
"""  # noqa: S608 - whole numbers, and what stands above
_ODD = {SUBSCRIBER: "SELECT subscriber_id FROM odd"}


class ScannedEvents:
    """The clean events of a table, by queries that read its files.

    Parameters
    ----------
    scan : Scan
        `subscriber_id`, `date`, and an amount where there is one.
    sums : EventSums
        Whose connection is used, and which the sums are added to.
    table : str
    amount : str or None
        The column of the amounts.
    per_event : bool
        Whether each amount is rounded up to a whole one before it is summed.
    """

    def __init__(self, scan: Scan, sums: EventSums, table: str, amount: str | None, *, per_event: bool) -> None:
        self._scan, self._sums, self._table, self._amount, self._per_event = scan, sums, table, amount, per_event
        self._ask = sums.connection
        self._folder = str(self._ask.execute("SELECT current_setting('temp_directory')").fetchall()[0][0])
        self._without: dict[str, str] | None = None

    def group(self) -> int:
        """Sum the clean events by id as written; return how many they are. Nothing is added yet."""
        if self._amount is None:
            amount = "count(*)::DECIMAL(38, 12)"
        else:
            amount = (_EACH if self._per_event else "sum({amount}::DECIMAL(26, 12))").format(amount=self._amount)
        reason = _REASON.format(cut=self._sums.churn_cut) if self._sums.listed else "0"
        people = _PEOPLE if self._sums.listed else ""
        events = self._scan.clean()
        self._ask.execute("SET memory_limit = $1", [_MEMORY])
        self._ask.execute(_GROUP.format(bits=_BITS, reason=reason, amount=amount, events=events, people=people))
        ids = self._ask.sql("SELECT DISTINCT subscriber_id FROM grouped").to_arrow_table()
        self._ids = ids[SUBSCRIBER].combine_chunks().cast(pa.string())
        read = convert_distinct(self._ids, "id", encoded=True).values.dictionary_decode()
        odd = pc.fill_null(pc.not_equal(read, self._ids), True)
        self._odd = pa.table({SUBSCRIBER: self._ids.filter(odd)})
        self._register("odd", self._odd)
        self._ids = self._ids.filter(pc.invert(odd))
        self._without = _ODD if pc.any(odd).as_py() else None
        return int(self._ask.execute(_COUNT).fetchall()[0][0])

    def hashes(self) -> Iterator[tuple[NDArray[np.uint64], FloatArray | None]]:
        """Yield a hash of each clean event, as `copy_hash`, and its amount."""
        amount = "" if self._amount is None else f", {self._amount}"
        asked = _HASHES.format(hashed=copy_hash(self._amount), amount=amount, events=self._scan.clean(self._without))
        for batch in self._ask.sql(asked).to_arrow_reader(BLOCK_ROWS):
            yield batch.column(0).to_numpy(), None if self._amount is None else batch.column(1).to_numpy()

    def take(self, codes: SubscriberCodes) -> None:
        """Add the groups to the sums, all or none, and the rows of those that are of nobody to the rejected."""
        self._register("coded", pa.table({SUBSCRIBER: self._ids, "code": pa.array(codes.of(self._ids))}))
        rejected = [self._rejected()] if self._ask.execute(_REJECTED).fetchall()[0][0] else []
        self._ask.execute(_TAKE, [self._table])
        self._sums.rejected += rejected

    def done(self) -> None:
        """Give back the memory that grouping took."""
        self._ask.execute("DROP TABLE IF EXISTS grouped")
        self._ask.execute("SET memory_limit = $1", [MEMORY])

    def others(self) -> Iterator[Any]:
        """Yield the rows that are not clean, as written in the files."""
        with duckdb.connect() as ask:  # the one of the sums is busy taking what these become
            for setting, value in (("memory_limit", MEMORY), ("temp_directory", self._folder)):
                ask.execute(f"SET {setting} = $1", [value])
            ask.execute("SET threads = 1")  # rows come in the order of the files
            ask.register("odd", self._odd)
            for batch in ask.sql(self._scan.others(self._without)).to_arrow_reader(BLOCK_ROWS):
                yield pa.Table.from_batches([batch])

    def _rejected(self) -> Any:
        reason = _REASON.format(cut=self._sums.churn_cut)
        asked = _ROWS.format(row=quoted(ROW), reason=reason, events=self._scan.numbered(self._without))
        found = self._ask.execute(asked).fetchdf()
        names = np.array(REASONS, dtype=object)[found["reason"].to_numpy()]
        return found.assign(table=self._table, reason=names)[["table", "row", "reason"]]

    def _register(self, name: str, table: Any) -> None:
        self._ask.register("read_from", table)
        self._ask.execute(f"CREATE OR REPLACE TABLE {name} AS FROM read_from")
        self._ask.unregister("read_from")
