"""Usage months of a file, piece by piece, the rows of a subscriber always in one piece.

A Parquet file is never held whole. One that is not sorted by subscriber is sorted on the disk first, within a limit of
memory. A CSV file is read whole: its decimal sign and its quotes cannot be known before its end.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from common_utils.errors import DataError
from common_utils.tables import RowReport, merged_report, open_parquet
from planrec.billing import Catalogue
from planrec.columns import SUBSCRIBER
from planrec.usage.months_table import usage_months, with_known_plans
from planrec.usage.read import USAGE_TABLE, check_usage_rows, read_usage_table

__all__ = ["UsageStream"]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

_PIECE = 200_000  # rows in memory at once, a few times over; large enough that what a piece costs by itself is small
_SORT_MEMORY, _SORT_THREADS = "256MB", 2  # each thread needs its part of the memory
_KEY, _PLACE = "key", "place"


class UsageStream:
    """Usage months of a file, to be gone through once.

    Parameters
    ----------
    path : Path
        `.csv` or `.parquet`, as `data.read_usage_table` takes it.
    catalogue : Catalogue, optional
        Which plans there are, as for `data.read_usage_table`.
    piece_rows : int, default=200,000
        Rows of a piece, about; a subscriber with more makes a larger one.

    Attributes
    ----------
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

    def __init__(self, path: Path, *, catalogue: Catalogue | None = None, piece_rows: int = _PIECE) -> None:
        self._path = path
        self._catalogue = catalogue
        self._piece_rows = piece_rows
        self._reports: list[RowReport] = []
        if path.suffix.lower() == ".parquet":
            self._file = open_parquet(path, name=USAGE_TABLE)
            check_usage_rows(self._file.schema_arrow.empty_table())  # before anything is computed
            self.rows: int = self._file.metadata.num_rows
            self._pieces = self._of_parquet()
        else:
            data = read_usage_table(path, catalogue=catalogue)
            self._reports.extend(data.reports)
            self.rows = len(data.months)
            self._pieces = self._of_frame(data.months)

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """Return the pieces: usage months as `usage_data.UsageData` has them, subscribers in ascending order.

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

    def _of_parquet(self) -> Generator[pd.DataFrame]:
        for table in _whole_subscribers(self._batches(), self._piece_rows):
            result = check_usage_rows(table)
            months, account = result.frame, result.report
            if self._catalogue is not None:
                months, account = with_known_plans(months, account, self._catalogue)
            self._reports.append(account)
            if len(months):
                yield usage_months(months)
        report = self.report()
        if not report.kept:
            raise DataError(f"{report.summary()}\nNo row can be used: correct the file, or export it again.")

    def _batches(self) -> Iterator[Any]:
        try:
            if _is_sorted(self._file.iter_batches(self._piece_rows, columns=[SUBSCRIBER])):
                yield from self._file.iter_batches(self._piece_rows)
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
        written = self._file.schema_arrow
        kinds = [_storable(kind) for kind in written.types]
        numbered = [f"c{number}" for number in range(len(kinds))]  # names that differ in case only are one to SQL
        schema = pa.schema([*zip(numbered, kinds, strict=True), (_KEY, pa.string()), (_PLACE, pa.int64())])
        reader = pa.RecordBatchReader.from_batches(schema, _with_places(self._file, schema, self._piece_rows))
        with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
            connection.execute("SET memory_limit = $1", [_SORT_MEMORY])
            connection.execute("SET threads = $1", [_SORT_THREADS])
            connection.execute("SET temp_directory = $1", [folder])
            connection.register("usage", reader)
            ordered = connection.sql(f"SELECT {', '.join(numbered)} FROM usage ORDER BY {_KEY}, {_PLACE}")  # noqa: S608 - names made above
            for batch in ordered.to_arrow_reader(self._piece_rows):
                columns = [_restored(*pair) for pair in zip(batch.columns, written.types, strict=True)]
                yield pa.record_batch(columns, names=written.names)


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


def _with_places(file: Any, schema: Any, rows: int) -> Generator[Any]:
    place = 0
    for batch in file.iter_batches(rows):
        ids = _id_text(batch.column(SUBSCRIBER))
        places = pa.array(np.arange(place, place + batch.num_rows, dtype=np.int64))
        columns = [column.cast(kind) for column, kind in zip(batch.columns, schema.types[:-2], strict=True)]
        yield pa.record_batch([*columns, ids, places], schema=schema)
        place += batch.num_rows


def _storable(kind: Any) -> Any:
    """Return a type a database holds: no dictionaries, and some type where there is none."""
    kept = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.string() if pa.types.is_null(kept) else kept


def _restored(column: Any, kind: Any) -> Any:
    return pa.nulls(len(column)) if pa.types.is_null(kind) else column.cast(_storable(kind))


def _id_text(ids: Any) -> Any:
    """Return subscribers as they will be compared; what is missing comes first."""
    text = pc.fill_null(pc.utf8_trim_whitespace(ids.cast(pa.string())), "")
    return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text


def _changes(ids: Any) -> NDArray[np.bool_]:
    """Tell after which rows another subscriber begins; shape (n - 1,)."""
    return np.asarray(pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False), dtype=bool)
