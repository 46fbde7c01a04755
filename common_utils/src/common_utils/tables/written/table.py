"""A file before its values are looked at: the table as written, row numbers, and what was done to the whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
from numpy.typing import NDArray
from pandera import dtypes

from common_utils.errors import ConfigError
from common_utils.tables.files import kind_of_table
from common_utils.tables.parquet import read_parquet
from common_utils.tables.parquet_folder import NO_GAPS, Gaps
from common_utils.tables.text.csv_file import read_csv_text
from common_utils.tables.types import Kind

__all__ = ["LACKING", "WrittenTable", "column_kinds", "open_source", "open_text"]

LACKING = "not in the part of the folder"


@dataclass(frozen=True)
class WrittenTable:
    """A file before its values are looked at.

    Attributes
    ----------
    table : pyarrow.Table
        As written.
    rows : int64 array of shape (n_rows,)
        Number of each row in the file.
    rejects : dict of int to str
        Row number and reason of rows that have no place in `table`.
    repairs, notes : tuple of str
        What was done to the whole; what a reader of the account should know.
    delimiter : str or None
        Of a CSV file; None: columns have types.
    encoding, ragged
        As `text.csv_file.TextTable`.
    gaps : Gaps
        What the parts of a folder do not have in common.
    """

    table: Any
    rows: NDArray[np.int64]
    rejects: dict[int, str]
    repairs: tuple[str, ...]
    delimiter: str | None
    notes: tuple[str, ...] = ()
    encoding: str | None = None
    ragged: Any = None
    gaps: Gaps = NO_GAPS


def open_source(path: Path, name: str, expected: set[str]) -> WrittenTable:
    """Return the whole of a file.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    if kind_of_table(path, name=name) not in ("parquet", "folder"):
        return open_text(path, name, expected)
    table, gaps = read_parquet(path, name=name)
    return WrittenTable(table, np.arange(1, table.num_rows + 1, dtype=np.int64), {}, (), None, gaps=gaps)


def open_text(path: Path, name: str, expected: set[str]) -> WrittenTable:
    """Return a CSV file, or what is read like one, as text; `read_csv_text` says how."""
    text = read_csv_text(path, name=name, expected=expected, kind=kind_of_table(path, name=name))
    return WrittenTable(
        text.table, text.rows, text.rejects, text.repairs, text.delimiter, text.notes, text.encoding, text.ragged
    )


def column_kinds(schema: pandera.DataFrameSchema, name: str) -> dict[str, Kind]:
    """Return what each column of a schema holds.

    Raises
    ------
    ConfigError
        If it is nothing that a file can hold.

    Examples
    --------
    >>> column_kinds(pandera.DataFrameSchema({"minutes": pandera.Column(float)}), "usage")
    {'minutes': 'number'}
    """
    return {column: _kind(name, column, declared) for column, declared in schema.columns.items()}


def _kind(table: str, column: str, declared: pandera.Column) -> Kind:
    dtype: Any = declared.dtype
    if dtype is not None:
        extension = isinstance(dtype.type, pd.api.extensions.ExtensionDtype)
        may_be_missing = extension or not declared.nullable
        if dtypes.is_string(dtype):
            metadata = declared.metadata or {}
            return "id" if metadata.get("id") else "month" if metadata.get("month") else "text"
        if dtypes.is_datetime(dtype) and getattr(dtype.type, "tz", None) is None:
            return "date"
        if dtypes.is_float(dtype):
            return "number"
        if dtypes.is_int(dtype) and may_be_missing:
            return "integer"
        if dtypes.is_bool(dtype) and may_be_missing:
            return "boolean"
    raise ConfigError(
        f"{table}: the schema's column {column!r} cannot be read as {dtype}. "
        "Use int, float, bool, str or datetime64, and 'Int64' or 'boolean' where values may be missing."
    )
