"""A table checked as a whole, piece by piece, and then gone through: `read_table` for files of any size.

The file is never held. It is read up to four times: for what can only be told of the whole (how numbers and dates are
written, which keys occur more than once), for the rows of such keys, to check every row, and to be gone through. What
is refused is refused before the first row is given out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from numpy.typing import NDArray

from common_utils.errors import ConfigError, DataError
from common_utils.tables.columns import checked_mapping, renamed, selected
from common_utils.tables.convert import FileColumns, is_soft, text_columns
from common_utils.tables.encodings import check_encoding
from common_utils.tables.parquet import no_parquet
from common_utils.tables.pieces.opened import WrittenRows, open_rows
from common_utils.tables.pieces.repeats import HashStore, KeptFrames
from common_utils.tables.read import PieceOfText, TableResult, check_rows, rejected_rows
from common_utils.tables.reading import Reading
from common_utils.tables.report import RowReport, merged_report
from common_utils.tables.share import check_share
from common_utils.tables.text.csv_file import in_order
from common_utils.tables.types import check_arrow
from common_utils.tables.written.forms import Forms, forms_of
from common_utils.tables.written.table import column_kinds

__all__ = ["PIECE_ROWS", "CheckedPieces"]

PIECE_ROWS = 50_000  # at once, a few times over: of some ten columns a few megabytes
_COUNTED = ("number", "integer", "date", "month")  # columns of text whose form is decided for the whole

Hashes = NDArray[np.uint64]


class CheckedPieces:
    r"""The rows of a file that meet a schema, piece by piece, and the account of all of them from the start.

    Rows, account, rejects and refusals are those of `read_table` with `extra_columns="drop"`, however the file is cut.
    Of a Parquet file columns that the schema does not know are not read.

    Parameters
    ----------
    path, schema, name, reading
        As `read_table`. The schema has one key at most, `unique` or a column declared unique, of text or whole numbers.
    look : callable, optional
        Given the kept rows of each piece, in our columns, while the file is checked.
    piece_rows : int, optional
        Rows of a piece at most.

    Attributes
    ----------
    report : RowReport
        The account of all rows.

    Raises
    ------
    DataError, ConfigError
        As `read_table`; and if the schema has two keys.

    Examples
    --------
    >>> import tempfile
    >>> from common_utils.tables.read import id_column
    >>> path = Path(tempfile.mkdtemp()) / "usage.csv"
    >>> _ = path.write_text("id,minutes\na,1\nb,x\nc,3\na,1\n")
    >>> schema = pandera.DataFrameSchema({"id": id_column(unique=True), "minutes": pandera.Column(float)})
    >>> pieces = CheckedPieces(path, schema, name="usage", piece_rows=2)
    >>> [piece.frame["id"].tolist() for piece in pieces], pieces.report.rejected
    ([['a'], ['c']], {'minutes: not a number': 1, 'duplicate row': 1})
    """

    report: RowReport

    def __init__(
        self,
        path: Path,
        schema: pandera.DataFrameSchema,
        *,
        name: str,
        reading: Reading | None = None,
        look: Callable[[pd.DataFrame], None] | None = None,
        piece_rows: int | None = None,
    ) -> None:
        self._path, self._schema, self._name = path, schema, name
        self._reading = reading or Reading()
        self._rows = piece_rows or PIECE_ROWS
        self._kinds = column_kinds(schema, name)
        self._key = _key_of(schema, name)
        self._alone = _without_key(schema)
        mapping = checked_mapping(name, self._reading.columns, schema)
        self._opened = open_rows(path, name, {*schema.columns, *mapping})
        written: list[str] = self._opened.empty.column_names
        try:
            table, repairs, self._notes = selected(self._opened.empty, mapping, schema, name, "drop", self._opened.gaps)
        except DataError:
            for _ in self._read(written):
                pass  # what is wrong with the file itself is told first
            raise
        self._repairs = (*self._opened.repairs, *repairs)
        ours = dict(zip(written, renamed(written, mapping, schema)[0], strict=True))
        self._columns = {old: new for old, new in ours.items() if new in table.column_names}
        self._gaps = self._opened.gaps.renamed(ours)
        there = set(self._columns.values())
        # By our names, which the columns have already in pieces.
        self._sources = {s.target: s for s in self._reading.columns.values() if s.target in there}
        self._lost = dict[int, str]()
        self._text = PieceOfText(self._opened.delimiter, Forms())
        self._left_out: Mapping[str, NDArray[np.int64]] = {}
        self._text, repeated = self._looked_through(table)
        if len(repeated):
            self._left_out = self._contradicting(repeated)
        self.report = self._checked(look)

    def __iter__(self) -> Iterator[TableResult]:
        """Go through the pieces, as often as need be; some may be empty.

        Raises
        ------
        DataError
            At the end, if the file is not the one that was checked.
        """
        kept = 0
        for result in self._results():
            kept += len(result.rows)
            yield result
        if kept != self.report.kept:
            raise DataError(f"{self._name} ({self._path.name}): the file changed while it was read; run it again.")

    def _read(self, columns: list[str]) -> Iterator[WrittenRows]:
        """Yield rows under the file's names."""
        try:
            yield from self._opened.tables(self._rows, columns)
        except (OSError, pa.ArrowException) as error:
            raise DataError(no_parquet(self._path, self._name)) from error

    def _ours(self, columns: set[str]) -> Iterator[WrittenRows]:
        """Yield rows under our names; of these columns."""
        wanted = [old for old, new in self._columns.items() if new in columns]
        for some in self._read(wanted):
            yield replace(some, table=some.table.rename_columns([self._columns[name] for name in wanted]))

    def _looked_through(self, empty: Any) -> tuple[PieceOfText, Hashes]:
        """Return how the columns that are text are written, and the hashes of keys that occur more than once."""
        texts = text_columns(FileColumns.of(empty, self._opened.delimiter, {}), self._schema, self._kinds)
        counted = {column for column in texts if self._kinds[column] in _COUNTED}
        key = {*self._key} if {*self._key} <= {*empty.column_names} else set[str]()
        wide = {column for column in {*empty.column_names} - {*texts} if self._may_not_fit(column, empty)}
        forms = Forms()
        if not counted and not key and not wide and self._opened.delimiter is None:
            return replace(self._text, forms=forms), np.array([], dtype=np.uint64)
        with self._on_disk(), ExitStack() as stack:
            store = stack.enter_context(HashStore()) if key else None
            for some in self._ours(counted | key | wide):
                held = {column: some.table[column].combine_chunks().cast(pa.string()) for column in counted}
                unfit = frozenset(c for c in wide if check_arrow(some.table[c].combine_chunks(), "number") is None)
                forms = forms + forms_of(held, self._kinds) + Forms(unfit=unfit)
                self._lost |= some.rejects
                if store is not None:
                    store.add(self._keys(some)[1])
            found = [hashes[times > 1] for hashes, times in store.counted()] if store is not None else []
        return replace(self._text, forms=forms), np.concatenate([np.array([], dtype=np.uint64), *found])

    @contextmanager
    def _on_disk(self) -> Generator[None]:
        """Say in words that there is no room for what is kept on the disk; of the file itself, it is told elsewhere."""
        try:
            yield
        except OSError as error:
            raise DataError(
                f"{self._name} ({self._path.name}): whether {' and '.join(self._key)} repeats cannot be told, since "
                f"nothing can be written to the folder of temporary files ({error.strerror}). Let TMPDIR name a folder "
                "with room for 8 bytes a row, and for the rows that repeat."
            ) from error

    def _may_not_fit(self, column: str, empty: Any) -> bool:
        """Tell whether a column is an optional number of a type whose values are not all doubles."""
        kind: Any = empty.schema.field(column).type
        wide = pa.types.is_int64(kind) or pa.types.is_uint64(kind) or pa.types.is_decimal(kind)
        return wide and self._kinds[column] == "number" and is_soft(self._schema.columns[column])

    def _keys(self, some: WrittenRows) -> tuple[NDArray[np.int64], Hashes]:
        """Return the numbers of the rows whose key can be used, and a hash of each key."""
        alone = pandera.DataFrameSchema({column: self._alone.columns[column] for column in self._key})
        text = replace(self._text, forms=Forms())
        result = self._result(replace(some, table=some.table.select(self._key)), alone, text)
        hashes = pd.util.hash_pandas_object(result.frame[self._key], index=False)
        return result.rows, np.asarray(hashes, dtype=np.uint64)

    def _contradicting(self, repeated: Hashes) -> Mapping[str, NDArray[np.int64]]:
        """Return the numbers of rows that repeat another, or contradict one, by the reason."""
        with self._on_disk(), KeptFrames() as frames:
            for some in self._ours({*self._columns.values()}):
                rows, hashes = self._keys(some)
                again = np.isin(hashes, repeated)
                if not again.any():
                    continue
                places = np.searchsorted(some.rows, rows[again])
                result = self._result(WrittenRows(some.table.take(places), rows[again]), self._alone, self._text)
                kept = np.isin(rows[again], result.rows)
                frames.add(result.frame, result.rows, hashes[again][kept])
            return frames.repeated(self._schema)

    def _result(self, some: WrittenRows, schema: pandera.DataFrameSchema, text: PieceOfText) -> TableResult:
        return check_rows(
            some.table,
            schema,
            name=self._name,
            reading=replace(self._reading, columns={c: s for c, s in self._sources.items() if c in schema.columns}),
            rows=some.rows,
            gaps=self._gaps,
            text=text,
            left_out=self._left_out,
        )

    def _results(self) -> Iterator[TableResult]:
        for some in self._ours({*self._columns.values()}):
            yield self._result(some, self._alone, self._text)

    def _checked(self, look: Callable[[pd.DataFrame], None] | None) -> RowReport:
        """Return the account of the file; refuse one of which too much was rejected."""
        reports: list[RowReport] = []
        rejected: list[pd.DataFrame] = []
        for result in self._results():
            reports.append(result.report)
            rejected.append(result.rejects)
            if look is not None:
                look(result.frame)
        report = merged_report(reports)
        lost = in_order(self._lost)
        others = pd.concat(rejected)["reason"]
        counted = pd.concat([pd.Series(list(lost.values()), dtype="str"), others]).value_counts()
        rejects = pd.concat([rejected_rows(lost, self._schema), *rejected]).sort_values("row", ignore_index=True)
        whole = dict.fromkeys(self._repairs, report.kept) if report.kept else {}
        report = replace(
            report,
            read=report.read + len(lost),
            rejected={str(reason): int(count) for reason, count in counted.items()},
            repaired={**whole, **report.repaired},
            notes=(*self._opened.notes, *self._notes),
        )
        self._reading.accounts.add(report, rejects)  # before anything is refused: --rejects lists them
        check_encoding(report, self._opened.encoding)
        check_share(report, rejects, self._reading)
        return report


def _key_of(schema: pandera.DataFrameSchema, name: str) -> list[str]:
    """Return the columns of the key, none where there is no key."""
    keys = [list(schema.unique)] if schema.unique else []
    keys += [[column] for column, declared in schema.columns.items() if declared.unique]
    if len(keys) > 1:
        raise ConfigError(f"{name}: the schema has {len(keys)} keys, {keys}; a table in pieces is read by one.")
    return keys[0] if keys else []


def _without_key(schema: pandera.DataFrameSchema) -> pandera.DataFrameSchema:
    """Return a schema of rows alone: whether keys repeat is told of the whole file."""
    alone = copy.deepcopy(schema)
    alone.unique = None
    for column in alone.columns.values():
        column.unique = False
    return alone
