"""Usage months of a file, piece by piece, the rows of a subscriber always in one piece.

A Parquet file is never held whole. One that is not sorted by subscriber is sorted on the disk first, within a limit of
memory. A CSV file is read whole: its decimal sign and its quotes cannot be known before its end.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from common_utils.errors import DataError
from common_utils.tables import Reading, RowReport, check_share, merged_report, open_parquet
from common_utils.tables.columns import check_gaps, checked_mapping, plain_kind, renamed, unfound
from common_utils.tables.encodings import comparable_id, readable_table
from common_utils.tables.files import kind_of_table
from common_utils.tables.parquet import gaps_of
from planrec.billing import Catalogue
from planrec.columns import SUBSCRIBER
from planrec.usage.amounts import check_amounts, counts_of
from planrec.usage.doubts import AmountCounts
from planrec.usage.months_table import (
    asked_until,
    beyond,
    gap_notes,
    usage_months,
    with_known_plans,
    withheld,
)
from planrec.usage.read import USAGE_TABLE, check_usage_rows, read_usage_table, usage_schema

__all__ = ["PIECE_ROWS", "UsageStream"]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

PIECE_ROWS = 200_000  # in memory at once, a few times over; large enough that what a piece costs by itself is small
_SORT_MEMORY, _SORT_THREADS = "256MB", 2  # each thread needs its part of the memory
_KEY, _PLACE = "key", "place_in_file"


class UsageStream:
    """Usage months of a file, to be gone through once.

    Parameters
    ----------
    path : Path
        `.csv` or `.parquet`, as `usage.read.read_usage_table` takes it.
    catalogue : Catalogue, optional
        Which plans there are, as for `usage.read.read_usage_table`.
    piece_rows : int, default=200,000
        Rows of a piece, about; a subscriber with more makes a larger one.
    reading : Reading, optional
        How the columns are written, and how much may be rejected.
    as_of : int, optional
        Month index: subscribers whose last usable month up to it lies before one that was rejected are left out.
    keep_plans : bool
        Whether plans held that are not in the catalogue stay as they are.

    Attributes
    ----------
    refused : int
        Subscribers left out so far.
    rows : int
        Rows of the file that were or will be gone through.

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
    ) -> None:
        self._path = path
        self._catalogue = catalogue
        self._piece_rows = piece_rows or PIECE_ROWS
        self._reading = reading or Reading()
        self._as_of = as_of
        self._keep_plans = keep_plans
        self._reports: list[RowReport] = []
        self._rejects: list[pd.DataFrame] = []
        self.refused = 0
        if kind_of_table(path, name=USAGE_TABLE) in ("parquet", "folder"):
            self._file = open_parquet(path, name=USAGE_TABLE)
            self._columns = self._wanted_columns()
            check_usage_rows(self._empty(), reading=self._units(), gaps=self._gaps)  # before anything is computed
            self.rows: int = self._file.metadata.num_rows
            self._pieces = self._of_parquet()
        else:
            data = read_usage_table(path, catalogue=catalogue, reading=self._reading, keep_plans=keep_plans)
            self._reports += data.reports if as_of is None else asked_until(data, as_of, reading=self._reading).reports
            months = self._answerable(data.months, data.lost)
            self.rows = len(months)
            self._pieces = self._of_frame(months)

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """Return the pieces: usage months as `usage.months_table.UsageData` has them, subscribers in ascending order.

        Raises
        ------
        DataError
            At the end, if no row of the file could be used.
        """
        return self._pieces

    def report(self) -> RowReport:
        """Return the account of all rows gone through so far."""
        return merged_report(self._reports)

    def _of_frame(self, months: pd.DataFrame) -> Generator[pd.DataFrame]:
        last = len(months)
        ends = np.append(np.flatnonzero(_changes(pa.array(months[SUBSCRIBER]))) + 1, last)
        start = 0
        while start < last:
            end = int(ends[np.searchsorted(ends, min(start + self._piece_rows, last))])
            yield months.iloc[start:end].reset_index(drop=True)
            start = end

    def _answerable(self, months: pd.DataFrame, lost: pd.DataFrame | None) -> pd.DataFrame:
        if self._as_of is None or lost is None:
            return months
        answerable, refused = withheld(months, lost, as_of=self._as_of)
        self.refused += refused
        return answerable

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
        return replace(self._reading, columns=sources)

    def _empty(self) -> Any:
        whole = self._file.schema_arrow.empty_table()
        return whole.select(list(self._columns)).rename_columns(list(self._columns.values()))

    def _read(self, columns: list[str] | None = None) -> Iterator[Any]:
        """Yield batches under our names."""
        wanted = [old for old, new in self._columns.items() if columns is None or new in columns]
        for batch in self._file.iter_batches(self._piece_rows, columns=wanted):
            picked = readable_table(batch.select(wanted))
            yield picked.rename_columns([self._columns[name] for name in wanted])

    def _of_parquet(self) -> Generator[pd.DataFrame]:
        counts, units = AmountCounts(), self._units()
        gigabyte = self._catalogue.rounding.data_unit_megabytes if self._catalogue is not None else 1024
        for table in _whole_subscribers(self._batches(), self._piece_rows):
            rows = table.column(_PLACE).to_numpy() + 1
            result = check_usage_rows(
                table.drop_columns([_PLACE]), reading=units, rows=rows, gigabyte=gigabyte, gaps=self._gaps
            )
            months, account = result.frame, result.report
            if self._catalogue is not None:
                months, account = with_known_plans(
                    months, account, self._catalogue, keep=self._keep_plans, rows=result.rows
                )
            self._rejects.append(result.rejects)
            counts += counts_of(months, result.rows)
            if self._as_of is not None:
                account = beyond(account, months, self._as_of)
            months = self._answerable(months, result.lost)
            if len(months):
                months = usage_months(months)
                account = replace(account, notes=(*account.notes, *gap_notes(months)))
            self._reports.append(account)
            if len(months):
                yield months
        report = self.report()
        whole = dict.fromkeys(self._repairs, report.kept) if report.kept else {}
        report = replace(report, notes=(*self._notes, *report.notes), repaired={**report.repaired, **whole})
        check_share(report, pd.concat(self._rejects).sort_values("row", ignore_index=True), self._reading)
        self._reports = [check_amounts(counts, report, accept=self._reading.accept_units)]
        self._reading.accounts.update(self._reports[0])

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
        schema = pa.schema([*zip(numbered, kinds, strict=True), (_PLACE, pa.int64()), (_KEY, pa.string())])
        reader = pa.RecordBatchReader.from_batches(schema, _with_keys(_with_places(self._read()), schema))
        names = [*written.names, _PLACE]
        with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
            connection.execute("SET memory_limit = $1", [_SORT_MEMORY])
            connection.execute("SET threads = $1", [_SORT_THREADS])
            connection.execute("SET temp_directory = $1", [folder])
            connection.register("usage", reader)
            picked = ", ".join([*numbered, _PLACE])
            ordered = connection.sql(f"SELECT {picked} FROM usage ORDER BY {_KEY}, {_PLACE}")  # noqa: S608 - names made above
            for batch in ordered.to_arrow_reader(self._piece_rows):
                columns = [_restored(*pair) for pair in zip(batch.columns, [*written.types, pa.int64()], strict=True)]
                yield pa.record_batch(columns, names=names)


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
        yield pa.record_batch([*batch.columns, places], names=[*batch.schema.names, _PLACE])
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
