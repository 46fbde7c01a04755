"""Write a table as CSV or Parquet: whole or not at all, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import os
import re
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from common_utils.errors import DataError

__all__ = ["replacing", "write_table"]

# What makes a spreadsheet take text for a formula; tab and return too, as they are skipped on import.
# A sign before nothing but digits is a number or a telephone number: an id must come back as it was.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_FORMULA = re.compile(r"[=@\t\r]|[+-](?!\d+(\.\d+)?\Z)")


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame to `path`, without its index; until it is complete, what was there stays as it was.

    In CSV (UTF-8, comma, LF), text that starts with = + - @, a tab or a return is given an apostrophe, so that no
    spreadsheet runs it; numbers keep their sign, and so does text such as "+49123". `read_table` does not take it
    off again: use Parquet where text must come back as it was.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any index; not modified.
    path : Path
        Ends in `.csv` or `.parquet`; folders are made.

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
    extension = path.suffix.lower()
    if extension not in (".csv", ".parquet"):
        raise DataError(f"{path.name} ends in {extension!r}; a table is written as .csv or .parquet.")
    try:
        with replacing(path) as file:
            if extension == ".csv":
                inert = _inert(frame)
                # With LF line ends the csv module leaves a lone return unquoted, and it would end the row.
                quoting = csv.QUOTE_NONNUMERIC if _holds_returns(inert) else csv.QUOTE_MINIMAL
                inert.to_csv(file, index=False, lineterminator="\n", encoding="utf-8", quoting=quoting)
            else:
                pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), file)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}.") from error
    except (pa.ArrowException, UnicodeEncodeError):
        # Not chained: the cause repeats values.
        raise DataError(f"{path}: some column holds values that {extension} has no type for.") from None


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """Open a new file beside `path` and put it in its place once it is complete and on the disk.

    Where the block raises, what was there stays as it was and nothing is left beside it.

    Parameters
    ----------
    path : Path
        Folders are made.

    Raises
    ------
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "out" / "notices.jsonl"
    >>> with replacing(path) as file:
    ...     _ = file.write(b"{}")
    >>> path.read_bytes()
    b'{}'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _inert(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy in which no text is a formula, column names included."""
    columns = {name: _inert_column(frame.iloc[:, place]) for place, name in enumerate(map(str, frame.columns))}
    inert = pd.DataFrame(columns, index=frame.index)
    return inert.rename(columns=lambda name: f"'{name}" if _is_formula(name) else name)


def _holds_returns(frame: pd.DataFrame) -> bool:
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
