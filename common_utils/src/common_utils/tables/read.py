"""Read a CSV or Parquet table against a declared schema and account for every row; write one whole or not at all.

Nothing is guessed: a field is what the schema says or its row is rejected, with its number in the file and the
reason, never the value. Where a whole file cannot be trusted, a DataError says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from numpy.typing import NDArray
from pandera import dtypes

from common_utils.errors import ConfigError, DataError
from common_utils.tables.checks import failed_checks, repeated_rows
from common_utils.tables.csv_text import read_csv_text
from common_utils.tables.parquet import read_parquet
from common_utils.tables.report import Ledger, RowReport
from common_utils.tables.types import Converted, DecimalSign, Kind, check_arrow, convert_text, decimal_sign

__all__ = ["TableResult", "check_rows", "month_column", "read_table"]

_MOST_REPORTED = 5
_MONTH = r"^(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])$"


@dataclass(frozen=True)
class TableResult:
    """A table that was read.

    Attributes
    ----------
    frame : pandas.DataFrame
        The rows kept, in the order of the file; columns in the order of the schema, extra ones last.
        Text is of dtype `str`, dates are datetime64[us], the rest is what the schema declares.
    report : RowReport
        The account of all rows.
    rejects : pandas.DataFrame
        Columns `row` (number in the file, the first below the header being 1) and `reason`.
    """

    frame: pd.DataFrame
    report: RowReport
    rejects: pd.DataFrame


@dataclass(frozen=True)
class _Source:
    """A file before its values are looked at; `decimals` stands for text columns, None for typed ones."""

    table: Any
    rows: NDArray[np.int64]
    rejects: dict[int, str]
    repairs: tuple[str, ...]
    delimiter: str | None


def month_column(*, nullable: bool = False, description: str | None = None) -> pandera.Column:
    """Return the schema column of a month, kept as text "YYYY-MM" (years 1900 to 2099).

    Text sorts by time, survives CSV and needs no invented day.

    Examples
    --------
    >>> month_column().checks[0].error
    'not a month (YYYY-MM)'
    """
    check = pandera.Check.str_matches(_MONTH, error="not a month (YYYY-MM)")
    return pandera.Column(str, check, nullable=nullable, description=description)


def read_table(
    path: Path,
    schema: pandera.DataFrameSchema,
    *,
    name: str,
    columns: Mapping[str, str] | None = None,
    on_bad_rows: Literal["reject", "error"] = "reject",
    extra_columns: Literal["error", "drop", "keep"] = "error",
) -> TableResult:
    r"""Return the rows of a table that meet its schema, and the account of all rows.

    Repaired and stated: byte order marks, UTF-16, semicolons or tabs, decimal commas where the comma does not
    separate fields, whitespace around values, "8.0" for a whole number. Only the empty field is missing.
    Rejected, in this order: rows of a wrong shape, values of a wrong type, values that fail a check of the
    schema, rows seen before, and rows that contradict an earlier one with the same key (`schema.unique`).

    Parameters
    ----------
    path : Path
        `.csv` or `.parquet`.
    schema : pandera.DataFrameSchema
        Columns of type int, float, bool, str or datetime64 ('Int64' or 'boolean' where values may be
        missing), their checks, and `unique` as the key. `coerce`, `strict` and parsers are not used.
    name : str
        What messages call the table.
    columns : mapping of str to str, optional
        Column of the file -> column of the schema; the others keep their names.
    on_bad_rows : {"reject", "error"}
        Whether rows that cannot be used are left out or stop the run.
    extra_columns : {"error", "drop", "keep"}
        What to do with columns the schema does not know; kept ones stay text in CSV.

    Raises
    ------
    DataError
        If the file cannot be read or trusted, columns are missing, too many or of another type, no row can be
        used, or `on_bad_rows` is "error" and some row cannot.
    ConfigError
        If `columns` or the schema asks for what is not there.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "usage.csv"
    >>> _ = path.write_text("user;minutes\n007;12,5\n008;x\n")
    >>> schema = pandera.DataFrameSchema({"subscriber_id": pandera.Column(str), "minutes": pandera.Column(float)})
    >>> result = read_table(path, schema, name="usage", columns={"user": "subscriber_id"})
    >>> result.frame.to_dict("records")
    [{'subscriber_id': '007', 'minutes': 12.5}]
    >>> print(result.report.summary())
    usage: 2 rows read, 1 kept, 1 rejected
      repaired: delimiter ; (1)
      repaired: minutes: decimal comma (1)
      rejected: minutes: not a number (1)
    """
    kinds = _kinds(schema, name)
    mapping = _checked_mapping(name, columns or {}, schema)
    source = _open(path, name, {*schema.columns, *mapping})
    result = _checked(_select(source, mapping, schema, name, extra_columns), schema, kinds, name)
    if len(result.rejects) and (on_bad_rows == "error" or not result.report.kept):
        raise DataError(
            _complaint(result.report, dict(zip(result.rejects["row"], result.rejects["reason"], strict=True)))
        )
    return result


def check_rows(
    table: Any,
    schema: pandera.DataFrameSchema,
    *,
    name: str,
    columns: Mapping[str, str] | None = None,
    extra_columns: Literal["error", "drop", "keep"] = "error",
) -> TableResult:
    """Return the rows of a piece of a Parquet file that meet a schema: `read_table` for an Arrow table.

    Rows with one key have to be in one piece, or their repetition is not seen. Nothing is raised because of rows, so
    that a piece may hold none that can be used; an empty table checks the columns alone.

    Parameters
    ----------
    table : pyarrow.Table
    schema, name, columns, extra_columns
        As `read_table`.

    Raises
    ------
    DataError
        If columns are missing, too many or of another type.
    ConfigError
        If `columns` or the schema asks for what is not there.

    Examples
    --------
    >>> schema = pandera.DataFrameSchema({"minutes": pandera.Column(float)})
    >>> result = check_rows(pa.table({"minutes": [1, None]}), schema, name="usage")
    >>> result.frame["minutes"].tolist(), result.report.rejected
    ([1.0], {'minutes: missing': 1})
    """
    kinds = _kinds(schema, name)
    mapping = _checked_mapping(name, columns or {}, schema)
    source = _Source(table, np.arange(1, table.num_rows + 1, dtype=np.int64), {}, (), None)
    return _checked(_select(source, mapping, schema, name, extra_columns), schema, kinds, name)


def _checked(source: _Source, schema: pandera.DataFrameSchema, kinds: Mapping[str, Kind], name: str) -> TableResult:
    ledger = Ledger(source.rows)
    converted = _convert(source, schema, kinds, ledger, name)
    frame = _frame(converted, source, schema, ledger)
    for reason, positions in failed_checks(frame, schema, table=name).items():
        ledger.reject_at(frame.index.to_numpy()[positions], reason)
    frame = frame[ledger.kept[frame.index.to_numpy()]]
    for reason, positions in repeated_rows(frame, schema).items():
        ledger.reject_at(frame.index.to_numpy()[positions], reason)
    reasons = source.rejects | ledger.reasons()
    rejects = pd.DataFrame({"row": list(reasons), "reason": pd.Series(list(reasons.values()), dtype="str")})
    return TableResult(
        frame=frame[ledger.kept[frame.index.to_numpy()]].reset_index(drop=True),
        report=ledger.report(name, source.rejects, source.repairs),
        rejects=rejects.astype({"row": "int64"}).sort_values("row", ignore_index=True),
    )


def _kinds(schema: pandera.DataFrameSchema, name: str) -> dict[str, Kind]:
    return {column: _kind(name, column, declared) for column, declared in schema.columns.items()}


def _kind(table: str, column: str, declared: pandera.Column) -> Kind:
    dtype: Any = declared.dtype
    if dtype is not None:
        may_be_missing = isinstance(dtype.type, pd.api.extensions.ExtensionDtype) or not declared.nullable
        if dtypes.is_string(dtype):
            return "text"
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


def _checked_mapping(table: str, columns: Mapping[str, str], schema: pandera.DataFrameSchema) -> dict[str, str]:
    unknown = sorted(set(columns.values()) - set(schema.columns))
    if unknown:
        raise ConfigError(
            f"{table}: `columns` leads to {unknown[:_MOST_REPORTED]}, which the table does not have; "
            f"it has {list(schema.columns)}."
        )
    twice = sorted({target for target in columns.values() if list(columns.values()).count(target) > 1})
    if twice:
        raise ConfigError(f"{table}: `columns` leads to {twice[:_MOST_REPORTED]} more than once.")
    return dict(columns)


def _open(path: Path, name: str, expected: set[str]) -> _Source:
    match path.suffix.lower():
        case ".csv":
            text = read_csv_text(path, name=name, expected=expected)
            return _Source(text.table, text.rows, text.rejects, text.repairs, text.delimiter)
        case ".parquet":
            table = read_parquet(path, name=name)
            return _Source(table, np.arange(1, table.num_rows + 1, dtype=np.int64), {}, (), None)
        case other:
            raise DataError(f"{name}: {path.name} ends in {other!r}; give a .csv or .parquet file.")


def _select(
    source: _Source,
    mapping: Mapping[str, str],
    schema: pandera.DataFrameSchema,
    name: str,
    extra_columns: Literal["error", "drop", "keep"],
) -> _Source:
    """Return the table under the schema's names, in its order, with extra columns last or gone."""
    found: list[str] = source.table.column_names
    renamed = [mapping.get(column, column) for column in found]
    twice = sorted({column for column in renamed if renamed.count(column) > 1})
    if twice:
        raise DataError(f"{name}: two columns of the file stand for {twice}; remove one or change `columns:`.")
    required = [column for column, declared in schema.columns.items() if declared.required]
    missing = [column for column in required if column not in renamed]
    if missing:
        raise DataError(
            f"{name}: missing column(s) {missing[:_MOST_REPORTED]}; found {sorted(found)[:20]}. "
            "Rename them under `columns:` in the config, or export the table again."
        )
    extra = [column for column in renamed if column not in schema.columns]
    if extra and extra_columns == "error":
        raise DataError(
            f"{name}: unknown column(s) {extra[:_MOST_REPORTED]}; the table has {list(schema.columns)}. "
            "Remove them, or allow extra columns."
        )
    table = source.table.rename_columns(renamed)
    wanted = [column for column in schema.columns if column in renamed] + (extra if extra_columns == "keep" else [])
    dropped = () if extra_columns == "keep" else tuple(f"extra column {column!r} dropped" for column in extra)
    return _Source(table.select(wanted), source.rows, source.rejects, (*source.repairs, *dropped), source.delimiter)


def _convert(
    source: _Source, schema: pandera.DataFrameSchema, kinds: Mapping[str, Kind], ledger: Ledger, name: str
) -> dict[str, Converted]:
    """Return the typed columns and enter faults and repairs into the ledger."""
    table = source.table
    present = [column for column in schema.columns if column in table.column_names]
    decimals: DecimalSign = "point"
    if source.delimiter is not None:
        numbers = [table[column] for column in present if kinds[column] == "number"]
        decimals = decimal_sign(numbers, delimiter=source.delimiter)
    converted: dict[str, Converted] = {}
    for column in present:
        declared = schema.columns[column]
        values, bounds = table[column].combine_chunks(), _bounds(declared)
        if source.delimiter is not None:
            read = convert_text(values, kinds[column], decimals=decimals, bounds=bounds)
        else:
            typed = check_arrow(values, kinds[column], bounds=bounds)
            if typed is None:
                raise DataError(
                    f"{name}: column {column!r} is {values.type} in the file, {kinds[column]} is needed; "
                    "export it with that type."
                )
            read = typed
        if not declared.nullable:
            ledger.reject(read.missing, f"{column}: missing")
        for reason, mask in read.faults:
            ledger.reject(mask, f"{column}: {reason}")
        for reason, mask in read.repairs:
            ledger.repair(mask, f"{column}: {reason}")
        converted[column] = read
    return converted


def _bounds(declared: pandera.Column) -> str:
    dtype: Any = declared.dtype
    return str(dtype.type).lower() if dtypes.is_int(dtype) else "int64"


def _frame(
    converted: Mapping[str, Converted], source: _Source, schema: pandera.DataFrameSchema, ledger: Ledger
) -> pd.DataFrame:
    """Return the rows kept so far, typed; the index is the place in the source."""
    kept = pa.array(ledger.kept)
    frame: dict[str, pd.Series[Any]] = {}
    for column in source.table.column_names:
        if column not in converted:
            frame[column] = source.table[column].filter(kept).to_pandas()
            continue
        values = converted[column].values.filter(kept)
        dtype: Any = getattr(schema.columns[column].dtype, "type", None)
        if hasattr(dtype, "__from_arrow__") and not isinstance(dtype, pd.StringDtype):
            frame[column] = pd.Series(dtype.__from_arrow__(values))
        else:
            series = values.to_pandas()
            frame[column] = series if dtypes.is_datetime(schema.columns[column].dtype) else series.astype(dtype)
    return pd.DataFrame(frame).set_axis(np.flatnonzero(ledger.kept))


def _complaint(report: RowReport, reasons: Mapping[int, str]) -> str:
    lines = [f"{report.table}: {len(reasons)} of {report.read} rows cannot be used:"]
    for reason, count in islice(report.rejected.items(), _MOST_REPORTED):
        rows = islice((row for row in sorted(reasons) if reasons[row] == reason), _MOST_REPORTED)
        lines.append(f"  {reason} ({count}; row {', '.join(map(str, rows))}{', …' if count > _MOST_REPORTED else ''})")
    if len(report.rejected) > _MOST_REPORTED:
        lines.append(f"  and {len(report.rejected) - _MOST_REPORTED} more reasons")
    return "\n".join(lines)
