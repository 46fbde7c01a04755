"""Usage months of a file, piece by piece, the rows of a subscriber always in one piece.

A Parquet file is never held whole. One that is not sorted by subscriber is sorted on the disk first, within a limit of
memory. A CSV file is read whole: its decimal sign and its quotes cannot be known before its end.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from common_utils.errors import ConfigError, DataError
from common_utils.tables import Accounts, Reading, RowReport, check_share, merged_report, open_parquet
from common_utils.tables.columns import check_gaps, checked_mapping, plain_kind, renamed, unfound
from common_utils.tables.encodings import comparable_id, readable_table
from common_utils.tables.files import kind_of_table
from common_utils.tables.parquet import gaps_of
from planrec.billing import Catalogue
from planrec.columns import SUBSCRIBER
from planrec.usage.amounts import check_amounts
from planrec.usage.doubts import AmountCounts
from planrec.usage.months_table import asked_until, withheld
from planrec.usage.pieces.block import PLACE, BlockAccount, BlockCheck, CheckedBlock
from planrec.usage.read import USAGE_TABLE, check_usage_rows, read_usage_table, usage_schema

__all__ = ["PIECE_ROWS", "UsageStream", "part_blocks", "subscriber_names"]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

PIECE_ROWS = (
    200_000  # rows in memory at once, a few times over; large enough that what a piece costs by itself is small
)
_SORT_MEMORY, _SORT_THREADS = "256MB", 2  # each thread needs its part of the memory
_KEY = "key"


class UsageStream:
    """Usage months of a file, to be gone through once.

    Parameters
    ----------
    path : Path
        `.csv` or `.parquet`, as `usage.read.read_usage_table` takes it.
    catalogue : Catalogue, optional
        Which plans there are, as for `usage.read.read_usage_table`.
    piece_rows : int, default=200,000
        Rows of a block, about; a subscriber with more makes a larger one.
    reading : Reading, optional
        How the columns are written, and how much may be rejected.
    as_of : int, optional
        Month index: subscribers whose last usable month up to it lies before one that was rejected are left out.
    keep_plans : bool
        Whether plans held that are not in the catalogue stay as they are.
    keep_refused : bool
        Whether subscribers that `as_of` would leave out stay all the same, for a caller that judges by itself.

    Attributes
    ----------
    refused : int
        Subscribers left out so far.
    rows : int
        Rows of the file that were or will be gone through.
    check : BlockCheck
        What a block is checked with, here or in another process.

    Raises
    ------
    DataError
        If the file cannot be read or lacks a column; a CSV file also if no row of it can be used.

    Examples
    --------
    >>> import tempfile
    >>> import pyarrow.parquet as pq
    >>> path = Path(tempfile.mkdtemp()) / "usage.parquet"
    >>> pq.write_table(pa.table({"subscriber_id": ["b", "a", "b"], "month": ["2025-01"] * 3, "minutes": [1, 2, 1],
    ...                          "messages": [0, 0, 0], "megabytes": [5, 6, 5]}), path)
    >>> stream = UsageStream(path)
    >>> [piece["subscriber_id"].tolist() for piece in stream], stream.report().rejected
    ([['a', 'b']], {'duplicate row': 1})
    """

    def __init__(
        self,
        path: Path,
        *,
        catalogue: Catalogue | None = None,
        piece_rows: int | None = None,
        reading: Reading | None = None,
        as_of: int | None = None,
        keep_plans: bool = False,
        keep_refused: bool = False,
    ) -> None:
        self._path = path
        self._piece_rows = piece_rows or PIECE_ROWS
        self._reading = reading or Reading()
        self._accounts: list[BlockAccount] = []
        self._reports: list[RowReport] = []
        self.refused = 0
        self._stored = kind_of_table(path, name=USAGE_TABLE) in ("parquet", "folder")
        if self._stored:
            self._file = open_parquet(path, name=USAGE_TABLE)
            self._columns = self._wanted_columns()
            check_usage_rows(self._empty(), reading=self._units(), gaps=self._gaps)  # before anything is computed
            self.rows: int = self._file.metadata.num_rows
            self.check = BlockCheck(self._units(), catalogue, self._gaps, as_of, keep_plans, keep_refused)
        else:
            data = read_usage_table(path, catalogue=catalogue, reading=self._reading, keep_plans=keep_plans)
            self._reports += data.reports if as_of is None else asked_until(data, as_of, reading=self._reading).reports
            self._months = data.months
            self._lost = data.months.iloc[:0] if data.lost is None else data.lost.sort_values(SUBSCRIBER, kind="stable")
            if as_of is not None and data.lost is not None and not keep_refused:
                self._months, self.refused = withheld(data.months, data.lost, as_of=as_of)
            self.rows = len(self._months)
            self.check = BlockCheck(Reading())

    @property
    def block_count(self) -> int:
        """How many blocks there are, about."""
        return -(-self.rows // self._piece_rows)

    def __iter__(self) -> Generator[pd.DataFrame]:
        """Yield the pieces: usage months as `usage.months_table.UsageData` has them, subscribers in ascending order.

        Raises
        ------
        DataError
            At the end, if no row of the file could be used.
        """
        for block in self.blocks():
            checked = self.check.check(block)
            self.take(checked.account)
            if len(checked.months):
                yield checked.months
        self.finish()

    def blocks(self) -> Iterator[Any]:
        """Yield what `check` takes: rows of whole subscribers, in ascending order, as they are read."""
        return _whole_subscribers(self._batches(), self._piece_rows) if self._stored else self._of_frame(self._months)

    def numbered(self) -> Generator[Any]:
        """Yield the rows as they stand in the file, under our names and with `PLACE`; of a Parquet table only.

        Raises
        ------
        ConfigError
            If the table is a CSV file or a workbook.
        """
        if not self._stored:
            raise ConfigError(
                f"{USAGE_TABLE} ({self._path.name}): answers in parts are made of a Parquet table; bring it as "
                "Parquet, or name a file with --output."
            )
        return _with_places(self._read())

    def take(self, account: BlockAccount | None) -> None:
        """Add the account of a block."""
        if account is not None:
            self._accounts.append(account)
            self._reports.append(account.report)
            self.refused += account.refused

    def finish(self, wrote: str = "nothing was written", every: Callable[[], pd.DataFrame] | None = None) -> None:
        """See that the file can be trusted, once every block is accounted for.

        Parameters
        ----------
        wrote, every
            As `check_share`.

        Raises
        ------
        DataError
            If no row could be used, too many were rejected, or the amounts cannot be in their unit.
        """
        if not self._stored:
            return
        report = self.report()
        whole = dict.fromkeys(self._repairs, report.kept) if report.kept else {}
        report = replace(report, notes=(*self._notes, *report.notes), repaired={**report.repaired, **whole})
        rejects = pd.concat([account.rejects for account in self._accounts])
        rejects = rejects.sort_values("row", ignore_index=True)
        check_share(report, rejects, self._reading, wrote=wrote, every=every)
        counts = sum((account.counts for account in self._accounts), AmountCounts())
        self._reports = [check_amounts(counts, report, accept=self._reading.accept_units)]
        self._reading.accounts.update(self._reports[0])

    def report(self) -> RowReport:
        """Return the account of all rows gone through so far."""
        return merged_report(self._reports)

    def _of_frame(self, months: pd.DataFrame) -> Generator[CheckedBlock]:
        last = len(months)
        ends = np.append(np.flatnonzero(_changes(pa.array(months[SUBSCRIBER]))) + 1, last)
        start = done = 0
        while start < last:
            end = int(ends[np.searchsorted(ends, min(start + self._piece_rows, last))])
            until = len(self._lost)
            if end < last:  # rejected rows go with the subscribers they stand among
                until = int(self._lost[SUBSCRIBER].searchsorted(months[SUBSCRIBER].iloc[end - 1], side="right"))
            yield CheckedBlock(
                months.iloc[start:end].reset_index(drop=True), None, self._lost.iloc[done:until].reset_index(drop=True)
            )
            start, done = end, until

    def _wanted_columns(self) -> dict[str, str]:
        """Return the columns of the file that are read, each with our name."""
        written = self._file.schema_arrow
        mapping = checked_mapping(USAGE_TABLE, self._reading.columns, usage_schema())
        schema, gaps = usage_schema(), gaps_of(self._file)
        check_gaps(gaps, written.names, mapping, schema, USAGE_TABLE)
        names, repairs = renamed(written.names, mapping, schema)
        self._gaps = gaps.renamed(dict(zip(written.names, names, strict=True)))
        self._notes = unfound(mapping, written.names, names)
        pairs = zip(written.names, names, written.types, strict=True)
        wanted = {old: new for old, new, kind in pairs if new in schema.columns or plain_kind(kind)}
        self._repairs = [*repairs, *(f"extra column {old!r} dropped" for old in written.names if old not in wanted)]
        return wanted

    def _units(self) -> Reading:
        """Return the reading of columns that have our names already."""
        there = set(self._columns.values())
        sources = {source.target: source for source in self._reading.columns.values() if source.target in there}
        return replace(self._reading, columns=sources, accounts=Accounts())

    def _empty(self) -> Any:
        whole = self._file.schema_arrow.empty_table()
        return whole.select(list(self._columns)).rename_columns(list(self._columns.values()))

    def _read(self, columns: list[str] | None = None) -> Iterator[Any]:
        """Yield batches under our names."""
        wanted = [old for old, new in self._columns.items() if columns is None or new in columns]
        for batch in self._file.iter_batches(self._piece_rows, columns=wanted):
            picked = readable_table(batch.select(wanted))
            yield picked.rename_columns([self._columns[name] for name in wanted])

    def _batches(self) -> Iterator[Any]:
        try:
            if _is_sorted(self._read([SUBSCRIBER])):
                yield from _with_places(self._read())
            else:
                yield from self._sorted()
        except (OSError, pa.ArrowException, duckdb.Error) as error:
            raise DataError(
                f"{USAGE_TABLE} ({self._path.name}): cannot be read to its end, or sorted by subscriber on the disk "
                f"({type(error).__name__}). Export it again, sorted by {SUBSCRIBER}, or let TMPDIR name a folder with "
                "room for a copy of it."
            ) from error

    def _sorted(self) -> Iterator[Any]:
        """Yield the rows ordered by subscriber, those of one as they stand in the file."""
        written = self._empty().schema
        kinds = [_storable(kind) for kind in written.types]
        numbered = [f"c{number}" for number in range(len(kinds))]  # names that differ in case only are one to SQL
        schema = pa.schema([*zip(numbered, kinds, strict=True), (PLACE, pa.int64()), (_KEY, pa.string())])
        reader = pa.RecordBatchReader.from_batches(schema, _with_keys(_with_places(self._read()), schema))
        names = [*written.names, PLACE]
        with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
            connection.execute("SET memory_limit = $1", [_SORT_MEMORY])
            connection.execute("SET threads = $1", [_SORT_THREADS])
            connection.execute("SET temp_directory = $1", [folder])
            connection.register("usage", reader)
            picked = ", ".join([*numbered, PLACE])
            ordered = connection.sql(f"SELECT {picked} FROM usage ORDER BY {_KEY}, {PLACE}")  # noqa: S608 - names made above
            for batch in ordered.to_arrow_reader(self._piece_rows):
                columns = [_restored(*pair) for pair in zip(batch.columns, [*written.types, pa.int64()], strict=True)]
                yield pa.record_batch(columns, names=names)


def part_blocks(batches: Iterable[Any], rows: int) -> Generator[Any]:
    """Yield blocks of whole subscribers, in ascending order, of a part of a table that fits in memory.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        As `UsageStream.numbered` has them.
    rows : int
        Rows of a block, about.

    Examples
    --------
    >>> table = pa.table({"subscriber_id": ["b", "a", "b"], "place_in_file": [0, 4, 9]})
    >>> [block["place_in_file"].to_pylist() for block in part_blocks(table.to_batches(), 1)]
    [[4], [0, 9]]
    """
    table = pa.Table.from_batches(batches)
    if not _is_sorted(table.select([SUBSCRIBER]).to_batches()):
        keys = pa.table({_KEY: _id_text(table.column(SUBSCRIBER)), PLACE: table.column(PLACE)})
        table = table.take(pc.sort_indices(keys, sort_keys=[(_KEY, "ascending"), (PLACE, "ascending")]))
    return _whole_subscribers(table.to_batches(max_chunksize=rows), rows)


def subscriber_names(ids: Any) -> Any:
    """Return subscribers as they are compared: text without the blanks around it, missing ones empty."""
    return pc.fill_null(_id_text(ids), "")


def _is_sorted(batches: Iterable[Any]) -> bool:
    """Tell whether subscribers ascend, as text without the spaces around it."""
    last: Any = None
    for batch in batches:
        ids = _id_text(batch.column(0))
        if last is not None:
            ids = pa.concat_arrays([pa.array([last], ids.type), ids])
        if pc.any(pc.less(ids[1:], ids[:-1])).as_py():
            return False
        last = ids[-1].as_py()
    return True


def _whole_subscribers(batches: Iterable[Any], rows: int) -> Generator[Any]:
    """Yield tables of about so many rows, cut where a subscriber ends."""
    waiting: list[Any] = []
    for batch in batches:
        waiting.append(batch)
        if sum(part.num_rows for part in waiting) < rows:
            continue
        table = pa.Table.from_batches(waiting)
        changes = np.flatnonzero(_changes(_id_text(table.column(SUBSCRIBER))))
        if len(changes):
            cut = int(changes[-1]) + 1
            yield table.slice(0, cut)
            waiting = table.slice(cut).to_batches()
    if waiting:
        yield pa.Table.from_batches(waiting)


def _with_places(batches: Iterable[Any]) -> Generator[Any]:
    """Yield batches with the place of each row in the file."""
    place = 0
    for batch in batches:
        places = pa.array(np.arange(place, place + batch.num_rows, dtype=np.int64))
        yield pa.record_batch([*batch.columns, places], names=[*batch.schema.names, PLACE])
        place += batch.num_rows


def _with_keys(batches: Iterable[Any], schema: Any) -> Generator[Any]:
    for batch in batches:
        ids = _id_text(batch.column(batch.schema.get_field_index(SUBSCRIBER)))
        columns = [column.cast(kind) for column, kind in zip(batch.columns, schema.types[:-1], strict=True)]
        yield pa.record_batch([*columns, ids], schema=schema)


def _storable(kind: Any) -> Any:
    """Return a type a database holds: no dictionaries, and some type where there is none."""
    kept = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.string() if pa.types.is_null(kept) else kept


def _restored(column: Any, kind: Any) -> Any:
    return pa.nulls(len(column)) if pa.types.is_null(kind) else column.cast(_storable(kind))


def _id_text(ids: Any) -> Any:
    """Return subscribers as they will be compared; what is missing comes first."""
    text = comparable_id(ids.cast(pa.string()))
    return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text


def _changes(ids: Any) -> NDArray[np.bool_]:
    """Tell after which rows another subscriber begins; shape (n - 1,)."""
    return np.asarray(pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False), dtype=bool)
