"""A table read block by block against a schema, with the decisions and the account of a table read at once.

The file is never held whole. Which rows repeat a key cannot be told from a block: that is for the caller, who is given
typed columns and the number of each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from numpy.typing import NDArray

from common_utils.errors import DataError
from common_utils.tables.checks import failed_checks
from common_utils.tables.columns import checked_mapping, renamed, selected
from common_utils.tables.convert import UNKNOWN, FileColumns, convert, text_columns
from common_utils.tables.encodings import check_encoding
from common_utils.tables.pieces.opened import OpenedParquet, WrittenRows, open_rows
from common_utils.tables.pieces.scan import ROW, Scan, scan_of
from common_utils.tables.read import rejected_rows
from common_utils.tables.reading import Reading
from common_utils.tables.report import Ledger, RowReport, merged_report
from common_utils.tables.share import check_share
from common_utils.tables.written.forms import Forms, forms_of
from common_utils.tables.written.table import LACKING, column_kinds

__all__ = ["BLOCK_ROWS", "Block", "TableBlocks"]

BLOCK_ROWS = 250_000  # unless it is said; of a block of few columns: some 10 MB, a few times over


@dataclass(frozen=True)
class Block:
    """Rows of a table that were kept.

    Attributes
    ----------
    columns : mapping of str to pyarrow.Array of shape (n,)
        Typed; text and ids behind a dictionary, in which values may repeat.
    rows : int64 array of shape (n,)
        Number of each row in the file.
    """

    columns: Mapping[str, Any]
    rows: NDArray[np.int64]


class TableBlocks:
    """A table to be gone through block by block, more than once if need be.

    Parameters
    ----------
    path, schema, name, reading
        As `common_utils.tables.read.read_table`. Keys of the schema are not looked at, and none of its columns is
        `soft`.
    block_rows : int, optional
        Rows of a block.

    Raises
    ------
    DataError
        If the file cannot be read or trusted, columns are missing or of another type, or the signs of its numbers or
        the form of its dates are in doubt; later, if it is damaged further on.

    Examples
    --------
    >>> import tempfile
    >>> import pyarrow.parquet as pq
    >>> path = Path(tempfile.mkdtemp()) / "calls.parquet"
    >>> pq.write_table(pa.table({"minutes": [1.5, None, 2.0]}), path)
    >>> table = TableBlocks(path, pandera.DataFrameSchema({"minutes": pandera.Column(float)}), name="calls",
    ...                     reading=Reading())
    >>> [block.columns["minutes"].to_pylist() for block in table], table.report().rejected
    ([[1.5, 2.0]], {'minutes: missing': 1})
    """

    def __init__(
        self,
        path: Path,
        schema: pandera.DataFrameSchema,
        *,
        name: str,
        reading: Reading,
        block_rows: int | None = None,
    ) -> None:
        self.name = name
        self._path, self._schema, self._reading = path, schema, reading
        self._rows = block_rows or BLOCK_ROWS
        self._kinds = column_kinds(schema, name)
        self._mapping = checked_mapping(name, reading.columns, schema)
        self._reports: list[RowReport] = []
        self._rejects: list[pd.DataFrame] = []
        self._left_out: Mapping[str, NDArray[np.int64]] = {}
        self._clean = 0
        self._others: Callable[[], Iterator[Any]] | None = None
        self._opened = open_rows(path, name, {*schema.columns, *self._mapping})
        table, repairs, self._notes = self._selected(self._opened.empty)
        self._columns = tuple(table.column_names)
        self._repairs = (*self._opened.repairs, *repairs)
        found: list[str] = self._opened.empty.column_names
        self._names = renamed(found, self._mapping, schema)[0]
        self._forms = self._counted(table)
        self._block(table, np.array([], dtype=np.int64), {})  # types and doubts are told before any row
        self._reports, self._rejects = [], []

    def __contains__(self, column: str) -> bool:
        return column in self._columns

    def __iter__(self) -> Iterator[Block]:
        """Return the blocks; the account begins anew."""
        self._reports, self._rejects = [], []
        if self._others is not None:
            self._block(self._named(self._opened.empty), np.array([], dtype=np.int64), {})
            repaired = dict.fromkeys(self._repairs, self._clean) if self._clean else {}
            self._reports.append(RowReport(self.name, self._clean, self._clean, repaired=repaired))
        return self._checked()

    @property
    def rows(self) -> int:
        """How many rows of the file there are."""
        return self._opened.n_rows

    def scan(self) -> Scan | None:
        """Return how a query tells the clean rows, or None where all have to be gone through."""
        opened = self._opened
        if not isinstance(opened, OpenedParquet) or any(source.unit is not None for source in self._mapping.values()):
            return None
        ours = dict(zip(opened.empty.column_names, self._names, strict=True))
        return scan_of(opened.path, opened.file, {c: ours[c] for c in self._needed()}, self._schema, self._kinds)

    def only(self, others: Callable[[], Iterator[Any]], *, clean: int) -> None:
        """Go through other rows only from now on; those that are clean are accounted for as kept.

        Parameters
        ----------
        others : callable
            Returns an iterator of tables, as `Scan.others` queries them.
        clean : int
            Rows that are clean.
        """
        self._others, self._clean = others, clean

    def leave_out(self, rows: Mapping[str, NDArray[np.int64]]) -> None:
        """Reject rows, by their numbers, from the next time on that the table is gone through, for these reasons."""
        self._left_out = rows

    def report(self) -> RowReport:
        """Return the account of the rows gone through."""
        whole = merged_report(self._reports)
        rejected = dict(sorted(whole.rejected.items(), key=lambda one: -one[1]))
        return replace(whole, rejected=rejected, notes=(*self._opened.notes, *self._notes))

    def rejects(self) -> pd.DataFrame:
        """Return row, reason and column of the rows rejected so far."""
        return pd.concat(self._rejects).sort_values("row", ignore_index=True)

    def check(self, report: RowReport, rejects: pd.DataFrame) -> None:
        """Refuse a table of which too much was rejected, as `read_table` does; the accounts take the report.

        Raises
        ------
        DataError
        """
        self._reading.accounts.add(report, rejects)
        check_encoding(report, self._opened.encoding)
        check_share(report, rejects, self._reading)

    def _selected(self, table: Any) -> Any:
        return selected(table, self._mapping, self._schema, self.name, "drop", self._opened.gaps)

    def _counted(self, empty: Any) -> Forms:
        """Count how the columns are written that are text: looked at once before they are read."""
        file_columns = FileColumns.of(empty, self._opened.delimiter, self._mapping)
        counted = (
            ("number", "integer", "date") if self._opened.delimiter is None else ("number", "integer", "date", "month")
        )
        texts = [c for c in text_columns(file_columns, self._schema, self._kinds) if self._kinds[c] in counted]
        forms = Forms()
        if texts or self._opened.delimiter is not None:  # of a CSV file rows are counted, too
            ours = dict(zip(self._opened.empty.column_names, self._names, strict=True))
            written = [name for name in ours if ours[name] in texts]
            for some in self._tables(written):
                texts_here = {ours[c]: some.table[c].combine_chunks().cast(pa.string()) for c in written}
                forms = forms + forms_of(texts_here, self._kinds)
        return forms

    def _read(self) -> Iterator[WrittenRows]:
        """Yield rows under the file's names."""
        if self._others is not None:
            return map(self._as_written, self._others())
        return self._tables(self._needed())

    def _tables(self, columns: list[str]) -> Iterator[WrittenRows]:
        try:
            yield from self._opened.tables(self._rows, columns)
        except (OSError, pa.ArrowException) as error:
            raise DataError(
                f"{self.name} ({self._path.name}): {self._path} is cut short or damaged. Export it again."
            ) from error

    def _as_written(self, others: Any) -> WrittenRows:
        """Return rows that a query found as the file has them."""
        rows = others[ROW].to_numpy().astype(np.int64)
        kinds = pa.schema([self._opened.empty.schema.field(name).remove_metadata() for name in self._needed()])
        return WrittenRows(others.select(kinds.names).cast(kinds), rows)

    def _named(self, table: Any) -> Any:
        ours = dict(zip(self._opened.empty.column_names, self._names, strict=True))
        return table.rename_columns([ours[c] for c in table.column_names]).select(list(self._columns))

    def _needed(self) -> list[str]:
        """Return the columns of the file that the schema knows, as written."""
        written = self._opened.empty.column_names
        return [name for name, ours in zip(written, self._names, strict=True) if ours in self._columns]

    def _checked(self) -> Iterator[Block]:
        for some in self._read():
            yield self._block(self._named(some.table), some.rows, some.rejects)

    def _block(self, table: Any, rows: NDArray[np.int64], lost: Mapping[int, str]) -> Block:
        schema, ledger = self._schema, Ledger(rows)
        gaps = self._opened.gaps.renamed(dict(zip(self._opened.empty.column_names, self._names, strict=True)))
        for column in schema.columns:
            ledger.repair(gaps.rows(column, rows), f"{column}: {LACKING}, {UNKNOWN}", listed=True)
        columns = FileColumns.of(table, self._opened.delimiter, self._mapping)
        converted = convert(
            columns, schema, self._kinds, ledger, self.name, self._reading, forms=self._forms, encoded=True
        )
        kept = ledger.kept
        looked_at = {c: converted[c].values for c in converted if schema.columns[c].checks}
        if looked_at:
            frame = pd.DataFrame({c: _filtered(values, kept).to_pandas() for c, values in looked_at.items()})
            places = np.flatnonzero(kept)
            checks = pandera.DataFrameSchema({c: schema.columns[c] for c in looked_at})
            for reason, positions in failed_checks(frame, checks, table=self.name).items():
                ledger.reject_at(places[positions], reason)
        for reason, numbers in self._left_out.items():
            ledger.reject(np.isin(rows, numbers), reason)
        kept = ledger.kept
        self._reports.append(ledger.report(self.name, dict(lost), self._repairs))
        self._rejects.append(rejected_rows({**lost, **ledger.reasons()}, schema))
        return Block({c: _filtered(read.values, kept) for c, read in converted.items()}, rows[kept])


def _filtered(values: Any, kept: NDArray[np.bool_]) -> Any:
    return values if kept.all() else values.filter(pa.array(kept))
