"""A Parquet file, a folder of parts or a CSV file, opened to be gone through in tables as written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from common_utils.tables.encodings import readable_table
from common_utils.tables.files import kind_of_table
from common_utils.tables.parquet import gaps_of, open_parquet
from common_utils.tables.parquet_folder import NO_GAPS, Gaps
from common_utils.tables.text.csv_file import CsvFile

__all__ = ["OpenedCsv", "OpenedParquet", "OpenedTable", "WrittenRows", "open_rows"]


@dataclass(frozen=True)
class WrittenRows:
    """Some rows of a file as written.

    Attributes
    ----------
    table : pyarrow.Table
        Under the file's names.
    rows : int64 array of shape (n,)
        Number of each row in the file.
    rejects : mapping of int to str
        Row number and reason of rows among them that have no place in a table.
    ragged : sequence of sequence of str
        As `text.rows.TextRows`.
    """

    table: Any
    rows: NDArray[np.int64]
    rejects: Mapping[int, str] = field(default_factory=dict[int, str])
    ragged: Sequence[Sequence[str]] = ()


class OpenedTable(Protocol):
    """A file whose rows are gone through as often as need be."""

    empty: Any
    """pyarrow.Table without rows: the columns as written."""
    gaps: Gaps
    """What the parts of a folder do not have in common."""
    repairs: tuple[str, ...]
    """What was done to the whole."""
    delimiter: str | None
    """Of a CSV file; None: columns have types."""
    encoding: str | None
    """What it is most likely written in, in words; None: it is UTF-8."""

    @property
    def n_rows(self) -> int:
        """How many rows it has; of a CSV file as many as were counted when it was last gone through."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the account should know, once it was gone through."""
        ...

    def tables(self, rows: int, columns: list[str] | None = None) -> Iterator[WrittenRows]:
        """Yield the rows, so many at once at most; of columns, by their names in the file, or of all."""
        ...


def open_rows(path: Path, name: str, expected: Collection[str]) -> OpenedTable:
    """Return a file opened; nothing but its end, or its dialect, is read.

    Parameters
    ----------
    path : Path
    name : str
        What messages call the table.
    expected : collection of str
        Columns that a CSV file's header is looked through for.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    kind = kind_of_table(path, name=name)
    if kind in ("parquet", "folder"):
        return OpenedParquet(path, name)
    return OpenedCsv(CsvFile(path, name=name, expected=expected, kind=kind))


class OpenedParquet:
    """A Parquet file, or a folder of parts."""

    repairs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    delimiter: str | None = None
    encoding: str | None = None

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.file = open_parquet(path, name=name)
        self.gaps = gaps_of(self.file)
        self.empty = self.file.schema_arrow.empty_table()

    @property
    def n_rows(self) -> int:
        """How many rows it has."""
        return int(self.file.metadata.num_rows)

    def tables(self, rows: int, columns: list[str] | None = None) -> Iterator[WrittenRows]:
        """Yield the rows; of a file that is damaged further on Arrow says so there."""
        first = 1
        for batch in self.file.iter_batches(rows, columns=columns):
            table = readable_table(pa.Table.from_batches([batch]))
            yield WrittenRows(table, np.arange(first, first + len(table), dtype=np.int64))
            first += len(table)


class OpenedCsv:
    """A CSV file, or what is read like one."""

    gaps = NO_GAPS

    def __init__(self, file: CsvFile) -> None:
        self._file = file
        self.empty = pa.schema([(name, pa.string()) for name in file.names]).empty_table()
        self.repairs: tuple[str, ...] = file.repairs
        self.delimiter: str | None = file.delimiter
        self.encoding = file.encoding
        self.n_rows = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """As `CsvFile`."""
        return self._file.notes

    def tables(self, rows: int, columns: list[str] | None = None) -> Iterator[WrittenRows]:
        """Yield the rows."""
        counted = 0
        for piece in self._file.pieces():
            counted += len(piece.rows) + len(piece.rejects)
            table = piece.table if columns is None else piece.table.select(columns)
            yield WrittenRows(table.slice(0, rows), piece.rows[:rows], piece.rejects, piece.ragged)
            for start in range(rows, len(table), rows):
                yield WrittenRows(table.slice(start, rows), piece.rows[start : start + rows])
        self.n_rows = counted
