"""Rows of a Parquet table that no rule is about, told by a query, so that the others alone need to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.parquet as pq

from common_utils.tables.parquet_folder import parquet_parts
from common_utils.tables.types import Kind

__all__ = ["ROW", "Scan", "quoted", "scan_of"]

ROW = "number of the row"
"""Column of the queries: the number of each row in the whole table, the first being 1."""

_DAYS = "BETWEEN TIMESTAMP '1000-01-01' AND TIMESTAMP '9999-12-31'"
_SELECT = "SELECT {columns} FROM {files} WHERE {condition}"
_ADDED = ("filename", "file_row_number", ROW)  # names of columns that the files may not have


@dataclass(frozen=True)
class Scan:
    """A table of Parquet files as DuckDB reads it.

    Attributes
    ----------
    columns : mapping of str to str
        Our name -> an expression of the files' column, in our type.
    conditions : mapping of str to str
        Our name -> what is true of a value that no rule rejects or repairs. Of text and ids it says only that there is
        one: whoever reads them has to convert each distinct one, and to name those that are changed.
    written : sequence of str
        The files' columns that are read.
    files : mapping of Path to int
        In the order of the rows: how many there are before each file's first.

    Examples
    --------
    >>> scan = Scan({"minutes": '"min"'}, {"minutes": '"min" BETWEEN 0 AND 9'}, ["min"], {Path("a.parquet"): 0})
    >>> print(scan.clean())
    SELECT "min" AS minutes FROM read_parquet(['a.parquet'], hive_partitioning = false) WHERE ("min" BETWEEN 0 AND 9)
    """

    columns: Mapping[str, str]
    conditions: Mapping[str, str]
    written: Sequence[str]
    files: Mapping[Path, int]

    def clean(self, without: Mapping[str, str] | None = None) -> str:
        """Return the query of the clean rows.

        Parameters
        ----------
        without : mapping of str to str, optional
            Column -> a query of values that are not clean.
        """
        return _SELECT.format(columns=self._ours(), files=self._files(""), condition=self._condition(without))

    def numbered(self, without: Mapping[str, str] | None = None) -> str:
        """Return the query of the clean rows, each with its number in `ROW`."""
        columns = f"{self._ours()}, {self._row()}"
        return _SELECT.format(columns=columns, files=self._numbered(), condition=self._condition(without))

    def others(self, without: Mapping[str, str] | None = None) -> str:
        """Return the query of all other rows, as written in the files, each with its number in `ROW`."""
        written = ", ".join(map(quoted, self.written))
        condition = f"({self._condition(without)}) IS NOT TRUE"
        return _SELECT.format(columns=f"{written}, {self._row()}", files=self._numbered(), condition=condition)

    def _ours(self) -> str:
        return ", ".join(f"{expression} AS {name}" for name, expression in self.columns.items())

    def _condition(self, without: Mapping[str, str] | None) -> str:
        odd = [f"({self.columns[name]} NOT IN ({values}))" for name, values in (without or {}).items()]
        return " AND ".join([*(f"({condition})" for condition in self.conditions.values()), *odd])

    def _files(self, options: str) -> str:
        files = ", ".join(_text(path) for path in self.files)
        return f"read_parquet([{files}], hive_partitioning = false{options})"

    def _numbered(self) -> str:
        return self._files(", filename = true, file_row_number = true")

    def _row(self) -> str:
        firsts = " ".join(f"WHEN {_text(path)} THEN {first}" for path, first in self.files.items())
        return f"CASE filename {firsts} END + file_row_number + 1 AS {quoted(ROW)}"


def scan_of(
    path: Path, file: Any, ours: Mapping[str, str], schema: pandera.DataFrameSchema, kinds: Mapping[str, Kind]
) -> Scan | None:
    """Return how DuckDB reads a table, or None where it cannot tell which rows are clean, or might read it otherwise.

    Parameters
    ----------
    path : Path
        A Parquet file, or a folder of parts.
    file : ParquetFile or ParquetFolder
        The same, opened.
    ours : mapping of str to str
        Column of the file -> our name, of those that are read.
    schema, kinds
        Of the table.
    """
    paths = parquet_parts(path) if path.is_dir() else [path]
    names = file.schema_arrow.names
    if any(set("*?[]{}") & set(str(one)) for one in paths) or set(_ADDED) & set(names):
        return None
    files: dict[Path, int] = {}
    rows = 0
    for one in paths:
        part = pq.ParquetFile(one, pre_buffer=False) if path.is_dir() else file
        if (part.schema_arrow.names, part.schema_arrow.types) != (names, file.schema_arrow.types):
            return None
        files[one] = rows
        rows += part.metadata.num_rows
    columns: dict[str, str] = {}
    conditions: dict[str, str] = {}
    for written, name in ours.items():
        known = _clean(quoted(written), file.schema_arrow.field(written).type, kinds[name], schema.columns[name])
        if known is None:
            return None
        columns[name], conditions[name] = known
    return Scan(columns, conditions, tuple(ours), files)


def _clean(column: str, kind: Any, wanted: Kind, declared: pandera.Column) -> tuple[str, str] | None:
    """Return a column in our type, and what is true of its clean values; None where a query cannot tell."""
    types: Any = pa.types
    kept = kind.value_type if types.is_dictionary(kind) else kind
    if (declared.metadata or {}).get("soft") or declared.nullable:
        return None
    if wanted == "id" and (types.is_string(kept) or types.is_large_string(kept)) and not declared.checks:
        return column, f"{column} IS NOT NULL"
    if wanted == "date" and not declared.checks:
        plain = types.is_timestamp(kind) and kind.tz is None and kind.unit in ("ms", "us")
        if plain or types.is_date32(kind):
            return f"{column}::TIMESTAMP", f"{column} {_DAYS}"
    if wanted == "number" and (types.is_float32(kind) or types.is_float64(kind)):
        ranges = [_range(check) for check in declared.checks]
        if ranges and all(ranges):
            return f"{column}::DOUBLE", " AND ".join(f"{column} {one}" for one in ranges)
    return None


def _range(check: Any) -> str | None:
    """Return the range that a check allows, as SQL; None if the check is another. NaN is in none."""
    said: Mapping[str, Any] = check.statistics
    if check.name != "in_range" or not (said["include_min"] and said["include_max"]):
        return None
    return f"BETWEEN {float(said['min_value'])!r}::DOUBLE AND {float(said['max_value'])!r}::DOUBLE"


def quoted(name: str) -> str:
    """Return a column's name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
