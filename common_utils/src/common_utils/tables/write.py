"""Write a table as CSV or Parquet: whole or not at all, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from common_utils.errors import DataError
from common_utils.outputs import blamed, is_stream, replacing

__all__ = ["csv_rows", "frame_writer", "holds_returns", "table_writer", "write_table"]

_ROW_GROUP = 1 << 20  # rows of a Parquet file, as `pyarrow.parquet.write_table` cuts it

# What makes a spreadsheet take text for a formula; tab and return too, as they are skipped on import.
# A sign before nothing but digits is a number or a telephone number: an id must come back as it was.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_CSV_TYPES = {pa.int64(): pd.Int64Dtype()}  # whole numbers stay whole where one is missing
_FORMULA = re.compile(r"[=@\t\r]|[+-](?!\d+(\.\d+)?\Z)")


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame to `path`, without its index; until it is complete, what was there stays as it was.

    In CSV (UTF-8, comma, LF), text that starts with = + - @, a tab or a return is given an apostrophe, so that no
    spreadsheet runs it; numbers keep their sign, and so does text such as "+49123". `read_table` does not take it
    off again: use Parquet where text must come back as it was. 7.125 is written as 7.1250, so that no reader takes
    the point for a thousands separator.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any index; not modified.
    path : Path
        Ends in `.csv` or `.parquet`; folders are made. A pipe or a device without an ending takes CSV.

    Raises
    ------
    DataError
        If the extension is another, or the file cannot be written (no space, no permission, values Parquet
        has no type for).

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "out" / "plans.csv"
    >>> write_table(pd.DataFrame({"plan": ["surf", "=1+1"], "gain": [-5, 3]}), path)
    >>> print(path.read_text(), end="")
    plan,gain
    surf,-5
    '=1+1,3
    """
    extension = _extension(path)
    with _blamed(path), replacing(path) as file:
        if extension == ".csv":
            _write_csv(frame, file, header=True)
        else:
            pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), file)


@contextmanager
def table_writer(path: Path, schema: Any) -> Generator[Callable[[Any], None]]:
    r"""Write a table piece by piece; until the last is there, what was at `path` stays as it was.

    The ending and the folder are looked at before anything is computed; where the caller fails, nothing is left behind.

    Parameters
    ----------
    path : Path
        Ends in `.csv` or `.parquet`; folders are made.
    schema : pyarrow.Schema
        Of every piece. Repeated text may come as dictionaries: that is quick, and read back it is plain text. What its
        metadata say is kept in Parquet.

    Yields
    ------
    function of pyarrow.Table or bytes
        Writes a piece; CSV as `write_table`, or as `csv_rows` made it before; each Parquet piece as a row group.

    Raises
    ------
    DataError
        As `write_table`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "plans.csv"
    >>> schema = pa.schema({"plan": pa.string(), "gain": pa.int64()})
    >>> with table_writer(path, schema) as write:
    ...     for gain in (1, None):
    ...         write(pa.table({"plan": ["surf"], "gain": pa.array([gain], pa.int64())}))
    >>> path.read_text()
    'plan,gain\nsurf,1\nsurf,\n'
    """
    extension = _extension(path)
    with ExitStack() as stack:
        with _blamed(path):
            file = stack.enter_context(replacing(path))
            pieces = _CsvPieces(file, schema) if extension == ".csv" else _ParquetPieces(file, schema)
            stack.callback(pieces.abandon)

        def write(piece: Any) -> None:
            with _blamed(path):
                pieces.write(piece)

        yield write
        with _blamed(path):
            pieces.finish()
            stack.close()


def csv_rows(piece: Any) -> bytes:
    r"""Return the rows of a piece as `table_writer` writes them to a CSV file, so that another process can make them.

    Parameters
    ----------
    piece : pyarrow.Table

    Examples
    --------
    >>> csv_rows(pa.table({"plan": ["surf"], "gain": pa.array([None], pa.int64())}))
    b'surf,\n'
    """
    file = io.BytesIO()
    _write_csv(piece.to_pandas(types_mapper=_CSV_TYPES.get), file, header=False)
    return file.getvalue()


@contextmanager
def frame_writer(path: Path, *, quoted: bool = False) -> Generator[Callable[[pd.DataFrame], None]]:
    r"""Write frames below each other, byte by byte as `write_table` writes them in one; whole or not at all.

    Parameters
    ----------
    path : Path
        As `write_table`.
    quoted : bool
        Whether some text in some frame holds a carriage return: `holds_returns`.

    Yields
    ------
    function of pandas.DataFrame
        Writes a frame; all have the same columns, of the same types, and one at least is written.

    Raises
    ------
    DataError
        As `write_table`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "plans.csv"
    >>> with frame_writer(path) as write:
    ...     for gain in (1, 2):
    ...         write(pd.DataFrame({"plan": ["surf"], "gain": [gain]}))
    >>> path.read_text()
    'plan,gain\nsurf,1\nsurf,2\n'
    """
    extension = _extension(path)
    with ExitStack() as stack:
        with _blamed(path):
            file = stack.enter_context(replacing(path))
            frames = _CsvFrames(file, quoted=quoted) if extension == ".csv" else _ParquetFrames(file)
            stack.callback(frames.abandon)

        def write(frame: pd.DataFrame) -> None:
            with _blamed(path):
                frames.write(frame)

        yield write
        with _blamed(path):
            frames.finish()
            stack.close()


class _CsvFrames:
    def __init__(self, file: BinaryIO, *, quoted: bool) -> None:
        self._file, self._quoted, self._header = file, quoted, True

    def write(self, frame: pd.DataFrame) -> None:
        _write_csv(frame, self._file, header=self._header, quoted=self._quoted)
        self._header = False

    def finish(self) -> None:
        """Do nothing: every row is there."""

    def abandon(self) -> None:
        """Do nothing: there is nothing to close."""


class _ParquetFrames:
    """Rows wait until they fill a row group, so that where a frame ends does not show in the file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._waiting: list[Any] = []
        self._writer: Any = None

    def write(self, frame: pd.DataFrame) -> None:
        self._waiting.append(pa.Table.from_pandas(frame, preserve_index=False))
        while sum(map(len, self._waiting)) >= _ROW_GROUP:
            whole = pa.concat_tables(self._waiting)
            self._group(whole.slice(0, _ROW_GROUP))
            self._waiting = [whole.slice(_ROW_GROUP)]

    def finish(self) -> None:
        whole = pa.concat_tables(self._waiting)
        writer = self._group(whole) if len(whole) or self._writer is None else self._writer
        writer.close()

    def abandon(self) -> None:
        """Close what is thrown away."""
        if self._writer is not None:
            _abandoned(self._writer)

    def _group(self, rows: Any) -> Any:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, rows.schema)
        self._writer.write_table(rows.combine_chunks(), row_group_size=_ROW_GROUP)
        return self._writer


class _CsvPieces:
    def __init__(self, file: BinaryIO, schema: Any) -> None:
        self._file = file
        _write_csv(schema.empty_table().to_pandas(), file, header=True)

    def write(self, piece: Any) -> None:
        self._file.write(piece if isinstance(piece, bytes) else csv_rows(piece))

    def finish(self) -> None:
        """Do nothing: every row is there."""

    def abandon(self) -> None:
        """Do nothing: there is nothing to close."""


class _ParquetPieces:
    def __init__(self, file: BinaryIO, schema: Any) -> None:
        # Without Arrow's own schema in the file, dictionaries are only how text is written, not what it is read as.
        self._writer = pq.ParquetWriter(file, schema, store_schema=False)
        if schema.metadata:
            self._writer.add_key_value_metadata(schema.metadata)

    def write(self, piece: Any) -> None:
        if piece.num_rows:
            self._writer.write_table(piece, row_group_size=piece.num_rows)

    def finish(self) -> None:
        self._writer.close()

    def abandon(self) -> None:
        """Close what is thrown away."""
        _abandoned(self._writer)


def _abandoned(writer: pq.ParquetWriter) -> None:
    """Close a writer of what is thrown away, unless it is closed; a full disk has been told of before."""
    with suppress(OSError, pa.ArrowException):
        writer.close()
    writer.is_open = False  # or it tries once more when it is collected


def _extension(path: Path) -> str:
    extension = path.suffix.lower() or (".csv" if is_stream(path) else "")
    if extension not in (".csv", ".parquet"):
        raise DataError(f"{path.name} ends in {extension!r}; a table is written as .csv or .parquet.")
    return extension


@contextmanager
def _blamed(path: Path) -> Generator[None]:
    """Turn what goes wrong while writing into an error that names the file."""
    try:
        with blamed(path):
            yield
    except (pa.ArrowException, UnicodeEncodeError):
        # Not chained: the cause repeats values.
        extension = _extension(path)
        raise DataError(f"{path}: some column holds values that {extension} has no type for.") from None


def _write_csv(frame: pd.DataFrame, file: BinaryIO, *, header: bool, quoted: bool | None = None) -> None:
    inert = _inert(frame)
    # With LF line ends the csv module leaves a lone return unquoted, and it would end the row.
    quoted = holds_returns(inert) if quoted is None else quoted
    quoting = csv.QUOTE_NONNUMERIC if quoted else csv.QUOTE_MINIMAL
    inert.to_csv(file, index=False, header=header, lineterminator="\n", encoding="utf-8", quoting=quoting)


def _inert(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy in which no text is a formula, column names included, and no number is in doubt."""
    columns = {
        name: _inert_column(_plain_numbers(frame.iloc[:, place])) for place, name in enumerate(map(str, frame.columns))
    }
    inert = pd.DataFrame(columns, index=frame.index)
    return inert.rename(columns=lambda name: f"'{name}" if _is_formula(name) else name)


def _plain_numbers(column: pd.Series) -> pd.Series:
    """Write 7.125 as 7.1250, which cannot be 7,125 to a reader, and never -0.0."""
    if not pd.api.types.is_float_dtype(column.dtype):
        return column
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    size = np.abs(values)
    three = (size >= 1) & (size < 1000) & (np.round(values, 3) == values) & (np.round(values, 2) != values)
    if (zero := (values == 0) & np.signbit(values)).any():
        column = column.mask(zero, 0.0)
    if three.any():
        column = column.astype(object)
        column[three] = [f"{value:z.4f}" for value in values[three]]
    return column


def holds_returns(frame: pd.DataFrame) -> bool:
    r"""Tell whether some text of a frame holds a carriage return; then all text in its CSV file is quoted.

    Examples
    --------
    >>> holds_returns(pd.DataFrame({"id": ["a\rb"]})), holds_returns(pd.DataFrame({"id": ["a"]}))
    (True, False)
    """
    texts = (column for _, column in frame.items() if pd.api.types.is_string_dtype(column.dtype))
    return any("\r" in str(name) for name in frame) or any(
        column.astype("str").str.contains("\r", regex=False, na=False).any() for column in texts
    )


def _is_formula(value: object) -> bool:
    return isinstance(value, str) and _FORMULA.match(value) is not None


def _inert_column(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if column.dtype == object:
        risky = column.map(_is_formula).astype(bool)
    elif pd.api.types.is_string_dtype(column.dtype):
        risky = column.str.startswith(_FORMULA_STARTS, na=False).astype(bool)
        risky[risky] = column[risky].map(_is_formula).astype(bool)
    else:
        return column
    return column.where(~risky, "'" + column[risky].astype("str")) if risky.any() else column
