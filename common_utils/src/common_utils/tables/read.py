"""Read a CSV or Parquet table against a declared schema and account for every row; write one whole or not at all.

Nothing is guessed: a field is what the schema says or its row is rejected, with its number in the file and the
reason, never the value. Where a whole file cannot be trusted, a DataError says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from numpy.typing import NDArray
from pandera import dtypes

from common_utils.errors import DataError
from common_utils.tables.checks import differing_copies, failed_checks, repeated_rows
from common_utils.tables.columns import Extra, checked_mapping, renamed, selected
from common_utils.tables.convert import UNKNOWN, FileColumns, convert, extra_text, soften
from common_utils.tables.dates import month_of
from common_utils.tables.encodings import check_encoding
from common_utils.tables.parquet_folder import NO_GAPS, Gaps
from common_utils.tables.reading import ColumnSource, Reading
from common_utils.tables.report import Ledger, RowReport, reasons_with_rows
from common_utils.tables.share import check_share
from common_utils.tables.types import Converted, Kind
from common_utils.tables.written.forms import Forms
from common_utils.tables.written.table import LACKING, WrittenTable, column_kinds, open_source

__all__ = [
    "PieceOfText",
    "TableResult",
    "check_rows",
    "id_column",
    "month_column",
    "read_table",
    "rejected_rows",
]

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
        Columns `row` (number in the file, the first below the header being 1), `reason` and `column` (empty where the
        row as a whole is at fault).
    rows : int64 array of shape (n,)
        Number in the file of each row of `frame`.
    lost : pandas.DataFrame
        Of the rejected rows that are not copies, the columns of the key (`unique` in the schema), as text, "" where
        missing.
    """

    frame: pd.DataFrame
    report: RowReport
    rejects: pd.DataFrame
    rows: NDArray[np.int64]
    lost: pd.DataFrame


@dataclass(frozen=True)
class PieceOfText:
    """What is known of a file with columns of text when a piece of it is checked.

    Attributes
    ----------
    delimiter : str or None
        Of a CSV file; None: columns have types.
    forms : Forms
        How the columns of the whole file are written.
    ragged : pyarrow.Table or None
        Fields of rows of another shape, whose keys count as lost, under the names of the piece.
    """

    delimiter: str | None
    forms: Forms
    ragged: Any = None


def id_column(*, required: bool = True, unique: bool = False, nullable: bool = False) -> pandera.Column:
    """Return the schema column of an id: text, refused where a spreadsheet or a data frame made a number of it.

    Examples
    --------
    >>> id_column().metadata
    {'id': True}
    """
    return pandera.Column(str, required=required, unique=unique, nullable=nullable, metadata={"id": True})


def month_column(*, nullable: bool = False, description: str | None = None) -> pandera.Column:
    """Return the schema column of a month, kept as text "YYYY-MM" (years 1900 to 2099).

    Text sorts by time, survives CSV and needs no invented day. Where a file has a date, a first day is the month.

    Examples
    --------
    >>> month_column().checks[0].error
    'not a month (YYYY-MM)'
    """
    check = pandera.Check.str_matches(_MONTH, error="not a month (YYYY-MM)")
    return pandera.Column(str, check, nullable=nullable, description=description, metadata={"month": True})


def read_table(
    path: Path,
    schema: pandera.DataFrameSchema,
    *,
    name: str,
    columns: Mapping[str, str] | None = None,
    on_bad_rows: Literal["reject", "error"] = "reject",
    extra_columns: Extra = "error",
    reading: Reading | None = None,
) -> TableResult:
    r"""Return the rows of a table that meet its schema, and the account of all rows.

    Repaired and stated: byte order marks, UTF-16, semicolons or tabs, decimal commas where the comma does not
    separate fields, whitespace around values, "8.0" for a whole number, letter case and blanks of the header. Only
    the empty field is missing. A time of day is cut off a date. Bytes that are not UTF-8 cost the value they stand
    in. Rejected, in this order: rows of a wrong shape, values of a wrong type, values that fail a check of the
    schema, copies of a row seen before, and all rows that contradict each other under one key (`unique` in the
    schema). A column whose metadata says `soft` costs no row: what is wrong there becomes unknown.

    Parameters
    ----------
    path : Path
        `.csv`, `.csv.gz`, `.xlsx` (its first sheet), `.parquet`, or a folder of Parquet parts.
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
    reading : Reading, optional
        What settings and command line say of columns, units, decimals, zones and of how much may be rejected.

    Raises
    ------
    DataError
        If the file cannot be read or trusted, columns are missing, too many or of another type, the signs of its
        numbers are in doubt, its dates are of several forms, most of its rows are in another encoding, no row can be
        used, more are rejected than `reading` allows, or `on_bad_rows` is "error" and some row is.
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
    kinds = column_kinds(schema, name)
    reading = reading or Reading()
    given = {**reading.columns, **{k: ColumnSource(v) for k, v in (columns or {}).items()}}
    mapping = checked_mapping(name, given, schema)
    source = open_source(path, name, {*schema.columns, *mapping})
    result = _checked(source, mapping, schema, kinds, name, extra_columns, reading)
    reading.accounts.add(result.report, result.rejects)  # before anything is refused: --rejects lists them
    check_encoding(result.report, source.encoding)
    if len(result.rejects) and on_bad_rows == "error":
        raise DataError(_complaint(result))
    check_share(result.report, result.rejects, reading)
    return result


def check_rows(
    table: Any,
    schema: pandera.DataFrameSchema,
    *,
    name: str,
    columns: Mapping[str, str] | None = None,
    extra_columns: Extra = "error",
    reading: Reading | None = None,
    rows: NDArray[np.int64] | None = None,
    gaps: Gaps = NO_GAPS,
    text: PieceOfText | None = None,
    left_out: Mapping[str, NDArray[np.int64]] | None = None,
) -> TableResult:
    """Return the rows of a piece of a file that meet a schema: `read_table` for an Arrow table.

    Rows with one key have to be in one piece, or their repetition is not seen. Nothing is raised because of rows, so
    that a piece may hold none that can be used; an empty table checks the columns alone.

    Parameters
    ----------
    table : pyarrow.Table
    schema, name, columns, extra_columns, reading
        As `read_table`; the share that may be rejected is left to the caller.
    rows : int64 array, optional
        Number of each row in the file; else they are counted from 1.
    gaps : Gaps
        What the parts of a folder do not have in common, under the names of `table`.
    text : PieceOfText, optional
        Where columns of the file are text.
    left_out : mapping of str to int64 array, optional
        Numbers of rows that are rejected though nothing is wrong with them alone, by reason.

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
    kinds = column_kinds(schema, name)
    reading = reading or Reading()
    given = {**reading.columns, **{k: ColumnSource(v) for k, v in (columns or {}).items()}}
    mapping = checked_mapping(name, given, schema)
    numbers = np.arange(1, table.num_rows + 1, dtype=np.int64) if rows is None else rows
    delimiter, forms, ragged = (None, None, None) if text is None else (text.delimiter, text.forms, text.ragged)
    source = WrittenTable(table, numbers, {}, (), delimiter, ragged=ragged, gaps=gaps)
    return _checked(source, mapping, schema, kinds, name, extra_columns, reading, forms, left_out)


def _checked(
    opened: WrittenTable,
    mapping: Mapping[str, ColumnSource],
    schema: pandera.DataFrameSchema,
    kinds: Mapping[str, Kind],
    name: str,
    extra_columns: Extra,
    reading: Reading,
    forms: Forms | None = None,
    left_out: Mapping[str, NDArray[np.int64]] | None = None,
) -> TableResult:
    table, repairs, notes = selected(opened.table, mapping, schema, name, extra_columns, opened.gaps)
    source = WrittenTable(table, opened.rows, opened.rejects, (*opened.repairs, *repairs), opened.delimiter)
    ledger = Ledger(source.rows)
    found: list[str] = opened.table.column_names
    names = renamed(found, mapping, schema)[0]
    gaps = opened.gaps.renamed(dict(zip(found, names, strict=True)))
    for column in (c for c, declared in schema.columns.items() if "default" not in (declared.metadata or {})):
        ledger.repair(gaps.rows(column, source.rows), f"{column}: {LACKING}, {UNKNOWN}", listed=True)
    columns = FileColumns.of(table, source.delimiter, mapping)
    converted = convert(columns, schema, kinds, ledger, name, reading, forms=forms)
    frame = _frame(converted, source, schema, ledger)
    failed = failed_checks(frame, schema, table=name)
    softened = soften(frame, failed, schema, ledger)
    for reason, positions in failed.items():
        if reason not in softened:
            ledger.reject_at(frame.index.to_numpy()[positions], reason)
    frame = frame[ledger.kept[frame.index.to_numpy()]].copy(deep=False)
    lost = ~ledger.kept
    repeated = repeated_rows(frame, schema)
    if "duplicate row" in repeated:
        _forget_differences(frame, schema, ledger)
    for reason, positions in repeated.items():
        places = frame.index.to_numpy()[positions]
        ledger.reject_at(places, reason)
        if reason != "duplicate row":
            lost[places] = True
    for reason, numbers in (left_out or {}).items():
        ledger.reject(np.isin(source.rows, numbers), reason)
    reasons = source.rejects | ledger.reasons()
    kept = ledger.kept[frame.index.to_numpy()]
    return TableResult(
        frame=frame[kept].reset_index(drop=True),
        report=ledger.report(name, source.rejects, source.repairs, (*opened.notes, *notes)),
        rejects=rejected_rows(reasons, schema),
        rows=source.rows[frame.index.to_numpy()[kept]],
        lost=_lost(table, lost, schema, kinds, None if opened.ragged is None else opened.ragged.rename_columns(names)),
    )


def _forget_differences(frame: pd.DataFrame, schema: pandera.DataFrameSchema, ledger: Ledger) -> None:
    """Make values unknown in which copies of a row differ, so that nothing depends on the order of the file."""
    for column, positions in differing_copies(frame, schema).items():
        mask = np.zeros(len(ledger.rows), dtype=bool)
        mask[frame.index.to_numpy()[positions]] = True
        frame[column] = frame[column].mask(pd.Series(mask[frame.index.to_numpy()], index=frame.index))
        ledger.repair(mask, f"{column}: differs among copies of the row, {UNKNOWN}", listed=True)


def rejected_rows(reasons: Mapping[int, str], schema: pandera.DataFrameSchema) -> pd.DataFrame:
    """Return row, reason and column of rejected rows, by their number.

    Examples
    --------
    >>> schema = pandera.DataFrameSchema({"minutes": pandera.Column(float)})
    >>> rejected_rows({3: "minutes: missing"}, schema).to_dict("list")
    {'row': [3], 'reason': ['minutes: missing'], 'column': ['minutes']}
    """
    columns = [reason.partition(":")[0] for reason in reasons.values()]
    rejects = pd.DataFrame(
        {
            "row": list(reasons),
            "reason": pd.Series(list(reasons.values()), dtype="str"),
            "column": pd.Series([c if c in schema.columns else "" for c in columns], dtype="str"),
        }
    )
    return rejects.astype({"row": "int64"}).sort_values("row", ignore_index=True)


def _lost(
    table: Any, lost: NDArray[np.bool_], schema: pandera.DataFrameSchema, kinds: Mapping[str, Kind], ragged: Any
) -> pd.DataFrame:
    """Return the key of each lost row as it is written; of a ragged one, what stands in its place."""
    key = [column for column in schema.unique or [] if column in table.column_names]
    part = table.select(key).filter(pa.array(lost))
    odd = table[:0] if ragged is None else ragged
    written = {c: _joined(part[c], odd[c]) for c in key}
    written |= {c: month_of(text) for c, text in written.items() if kinds.get(c) == "month"}
    texts = {c: written[c].to_pandas().fillna("").astype("str").str.strip() for c in key}
    return pd.DataFrame(texts)


def _joined(*parts: Any) -> Any:
    return pa.chunked_array([chunk for part in parts for chunk in part.cast(pa.string()).chunks], pa.string())


def _frame(
    converted: Mapping[str, Converted], source: WrittenTable, schema: pandera.DataFrameSchema, ledger: Ledger
) -> pd.DataFrame:
    """Return the rows kept so far, typed; the index is the place in the source."""
    kept = pa.array(ledger.kept)
    frame: dict[str, pd.Series[Any]] = {}
    for column in source.table.column_names:
        if column not in converted:
            frame[column] = extra_text(source.table[column].combine_chunks(), column, ledger).filter(kept).to_pandas()
            continue
        values = converted[column].values.filter(kept)
        dtype: Any = getattr(schema.columns[column].dtype, "type", None)
        if hasattr(dtype, "__from_arrow__") and not isinstance(dtype, pd.StringDtype):
            frame[column] = pd.Series(dtype.__from_arrow__(values))
        else:
            series = values.to_pandas()
            frame[column] = series if dtypes.is_datetime(schema.columns[column].dtype) else series.astype(dtype)
    return pd.DataFrame(frame).set_axis(np.flatnonzero(ledger.kept))


def _complaint(result: TableResult) -> str:
    lines = [f"{result.report.table}: {len(result.rejects)} of {result.report.read} rows cannot be used:"]
    return "\n".join([*lines, *reasons_with_rows(result.report, result.rejects)])
