"""The columns of a table to their types: doubts decided for whole columns, faults of optional facts made unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray
from pandera import dtypes

from common_utils.errors import DataError
from common_utils.tables.dates import SETTING, DateCounts, MonthCounts, count_months, date_complaint, month_complaint
from common_utils.tables.encodings import LOST, NOT_UTF8
from common_utils.tables.numbers import (
    DecimalSign,
    NumberCounts,
    count_numbers,
    decimal_sign_of,
    doubtful_point,
    plain_numbers,
)
from common_utils.tables.reading import ColumnSource, Reading
from common_utils.tables.report import Ledger
from common_utils.tables.types import Converted, Kind, check_arrow, convert_distinct, convert_text, mask_of
from common_utils.tables.written.forms import Forms, forms_of
from common_utils.tables.written.rewritten import scaled, spelled

__all__ = [
    "UNKNOWN",
    "FileColumns",
    "convert",
    "extra_text",
    "is_soft",
    "number_or_text",
    "soften",
    "text_columns",
]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

UNKNOWN = "taken as unknown"
_TYPES: Mapping[Kind, str] = {
    "text": "text (string)",
    "id": "text (string)",
    "month": "text (YYYY-MM)",
    "integer": "a whole number (int64)",
    "number": "a number (double)",
    "boolean": "boolean",
    "date": "date or timestamp",
}


@dataclass(frozen=True)
class FileColumns:
    """What a file's columns are.

    Attributes
    ----------
    table : pyarrow.Table
        Under the schema's names.
    delimiter : str or None
        Of a CSV file; None: columns have types.
    units : mapping of str to str
        Column -> the unit the file has it in.
    """

    table: Any
    delimiter: str | None
    units: Mapping[str, str]

    @classmethod
    def of(cls, table: Any, delimiter: str | None, mapping: Mapping[str, ColumnSource]) -> FileColumns:
        """Return the columns of a table that was renamed by a mapping."""
        units = {source.target: source.unit for source in mapping.values() if source.unit is not None}
        return cls(table, delimiter, units)


def convert(
    columns: FileColumns,
    schema: pandera.DataFrameSchema,
    kinds: Mapping[str, Kind],
    ledger: Ledger,
    name: str,
    reading: Reading,
    *,
    forms: Forms | None = None,
    encoded: bool = False,
) -> dict[str, Converted]:
    """Return the typed columns and enter faults and repairs into the ledger.

    Parameters
    ----------
    columns, schema, kinds, ledger, name, reading
        Of the table.
    forms : Forms, optional
        How the columns of the whole table are written, where this is a piece of it.
    encoded : bool
        Whether text and ids may stay behind a dictionary.

    Raises
    ------
    DataError
        If a column is of another type, or it is in doubt how its numbers or dates are written.
    """
    table = columns.table
    present = [column for column in schema.columns if column in table.column_names]
    texts = text_columns(columns, schema, kinds)
    if forms is None:
        forms = forms_of({c: table[c].cast(pa.string()) for c in texts if kinds[c] != "month"}, kinds)
    counts = forms.numbers
    decimals = _decided(counts, columns, schema, name, reading)
    # In an optional fact a doubtful point stops no file: the value is unknown until it is said what the point is.
    doubted = {c for c, count in counts.items() if reading.decimal is None and doubtful_point(count)}
    converted: dict[str, Converted] = {}
    for column in present:
        declared, values = schema.columns[column], table[column].combine_chunks()
        if column in texts:
            values = values.cast(pa.string())
            if column in forms.dates:
                _check_dates(forms.dates[column], name, column, reading)
            sign: DecimalSign = "doubtful" if column in doubted else decimals
            read = _text(values, kinds[column], declared, sign, reading, encoded=encoded)
        else:
            where, fits = f"{name}: column {column!r}", column not in forms.unfit
            read = _typed(values, kinds[column], declared, where, reading, encoded=encoded, fits=fits)
        if kinds[column] == "month":
            _check_months(forms.months.get(column) or count_months(read.values), name, column)
        unit = columns.units.get(column) or _seen_unit(counts.get(column), declared, f"{name}: column {column!r}")
        read = _as_ours(values, read, declared, unit)
        if is_soft(declared):
            read = _softened(column, read, declared, ledger)
        elif not declared.nullable:
            ledger.reject(read.missing, f"{column}: missing")
        for reason, mask in read.faults:
            ledger.reject(mask, f"{column}: {reason}")
        for reason, mask in read.repairs:
            ledger.repair(mask, f"{column}: {reason}")
        converted[column] = read
    return converted


def _text(
    values: Any, kind: Kind, declared: pandera.Column, decimals: DecimalSign, reading: Reading, *, encoded: bool
) -> Converted:
    """Return a column of text as what it is declared to be."""
    if kind in ("text", "id", "month"):
        return convert_distinct(values, kind, encoded=encoded)
    plain = plain_numbers(values) if kind == "number" and decimals == "point" else None
    if plain is not None:
        return Converted(plain, mask_of(pc.is_null(plain)))
    return convert_text(
        values,
        kind,
        decimals=decimals,
        stated=reading.decimal is not None,
        bounds=_bounds(declared),
        timezone=reading.timezone,
    )


def _as_ours(written: Any, read: Converted, declared: pandera.Column, unit: str | None) -> Converted:
    """Return a column in our unit and our spelling."""
    if unit is not None:
        factor = _units(declared)[unit]
        read = read if factor == Fraction(1) and unit != "hh:mm:ss" else scaled(written, read, unit, factor)
    words = (declared.metadata or {}).get("words")
    return spelled(read, words) if words else read


def text_columns(columns: FileColumns, schema: pandera.DataFrameSchema, kinds: Mapping[str, Kind]) -> tuple[str, ...]:
    """Return the columns of the schema that are read by the rules of text, in the order of the schema."""
    table = columns.table
    present = [column for column in schema.columns if column in table.column_names]
    return tuple(c for c in present if columns.delimiter is not None or _as_text(table[c].type, kinds[c], schema, c))


def is_soft(declared: pandera.Column) -> bool:
    """Tell whether a column is an optional fact: what is wrong with a value makes it unknown, never its row."""
    return bool((declared.metadata or {}).get("soft"))


def _unknown(declared: pandera.Column) -> str:
    """Return what an odd value of an optional fact is taken as."""
    return (declared.metadata or {}).get("unknown", UNKNOWN)


def soften(frame: pd.DataFrame, failed: Mapping[str, NDArray[np.int64]], schema: Any, ledger: Ledger) -> set[str]:
    """Make values of optional facts that fail a check unknown; return the reasons that are dealt with by that.

    Parameters
    ----------
    frame : DataFrame
        Changed in place; its index is the place in the ledger.
    failed : mapping of str to int64 array
        Positions in the frame by reason.
    """
    done: set[str] = set()
    for reason, positions in failed.items():
        column = reason.partition(":")[0]
        if column not in schema.columns or not is_soft(schema.columns[column]):
            continue
        frame[column] = frame[column].mask(pd.Series(np.isin(np.arange(len(frame)), positions), index=frame.index))
        mask = np.zeros(len(ledger.rows), dtype=bool)
        mask[frame.index.to_numpy()[positions]] = True
        ledger.repair(mask, f"{reason}, {_unknown(schema.columns[column])}", listed=True)
        done.add(reason)
    return done


def extra_text(values: Any, column: str, ledger: Ledger) -> Any:
    """Return a column that the schema does not know; text that is not UTF-8 is missing, a repair of its row.

    Parameters
    ----------
    values : pyarrow.Array of shape (n_rows,)
        Of any type.
    """
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return values
    if pc.all(pc.string_is_ascii(values)).as_py() is not False:
        return values
    lost = pc.fill_null(pc.match_substring(values, LOST), False)
    mask = np.asarray(lost.to_numpy(zero_copy_only=False), dtype=bool)
    if mask.any():
        ledger.repair(mask, f"{column}: {NOT_UTF8}, {UNKNOWN}", listed=True)
    return pc.if_else(lost, None, values)


def number_or_text(column: pd.Series) -> pd.Series:
    """Return a column of text as numbers where every value is one beyond doubt.

    Examples
    --------
    >>> number_or_text(pd.Series(["1.5", ""])).tolist(), number_or_text(pd.Series(["7.500"])).tolist()
    ([1.5, nan], ['7.500'])
    """
    if not (pd.api.types.is_string_dtype(column.dtype) or column.dtype == object):
        numeric = pd.api.types.is_numeric_dtype(column.dtype)
        return column.astype("float64") if numeric else column
    text = pa.array(column.astype("string"), pa.string(), from_pandas=True)
    if doubtful_point(count_numbers(text)):
        return column
    read = convert_text(text, "number")
    return column if read.faults else pd.Series(read.values.to_pandas(), index=column.index, dtype="float64")


def _decided(
    counts: Mapping[str, NumberCounts], columns: FileColumns, schema: Any, name: str, reading: Reading
) -> DecimalSign:
    """Return the decimal sign of a file; refuse columns whose points may all separate thousands."""
    if reading.decimal is not None:
        return reading.decimal
    doubtful = [c for c, count in counts.items() if doubtful_point(count) and _decides(schema.columns[c])]
    if doubtful:
        raise DataError(
            f"{name}: column(s) {sorted(doubtful)[:5]}: every number with a point has three digits after it, as in "
            "7.500, so that the point may be a thousands separator. Say what it is with --decimal point (7.5) or "
            "--decimal comma (7500), or the setting data.table.decimal."
        )
    whole = sum(counts.values(), NumberCounts())
    return decimal_sign_of(whole, delimiter=columns.delimiter or ",")


def _decides(declared: pandera.Column) -> bool:
    """Tell whether a doubtful point in a column stops the file: not in an optional fact, unless it has a unit."""
    return bool(_units(declared)) or not is_soft(declared)


def _as_text(kind: Any, wanted: Kind, schema: Any, column: str) -> bool:
    """Tell whether a typed column holds text that is read by the rules of text: optional facts, and dates."""
    if wanted in ("text", "id", "month"):
        return False
    kept = kind.value_type if pa.types.is_dictionary(kind) else kind
    held = pa.types.is_string(kept) or pa.types.is_large_string(kept)
    if wanted == "date" and held:
        return True
    soft = is_soft(schema.columns[column])
    return soft and (held or (wanted == "boolean" and (pa.types.is_integer(kept) or pa.types.is_floating(kept))))


def _typed(
    values: Any, kind: Kind, declared: pandera.Column, where: str, reading: Reading, *, encoded: bool, fits: bool
) -> Converted:
    values = _as_written(values, kind)
    read = check_arrow(values, kind, bounds=_bounds(declared), timezone=reading.timezone, encoded=encoded)
    if read is not None and fits:
        return read
    if is_soft(declared):
        nothing = pa.nulls(len(values), {"number": pa.float64(), "boolean": pa.bool_()}.get(kind, pa.string()))
        held = np.asarray(pc.is_valid(values).to_numpy(zero_copy_only=False), dtype=bool)
        return Converted(nothing, ~held, [(f"{values.type} in the file", held)])
    if kind in ("date", "month") and pa.types.is_timestamp(values.type):
        raise DataError(f"{where}: its times carry a zone; say whose calendar days count with the setting {SETTING}.")
    raise DataError(f"{where} is {values.type} in the file, {kind} is needed; export it as {_TYPES[kind]}.")


def _as_written(values: Any, kind: Kind) -> Any:
    """Return text that a database keeps as bytes, and whole numbers it keeps as decimals, as text."""
    if kind not in ("text", "id", "month"):
        return values
    held = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    if pa.types.is_binary(held.type) or pa.types.is_large_binary(held.type):
        texts = [None if v is None else v.decode("utf-8", "replace") for v in held.to_pylist()]
        return pa.array(texts, pa.string())
    if pa.types.is_decimal(held.type) and held.type.scale == 0:
        return pa.array([None if v is None else str(int(v)) for v in held.to_pylist()], pa.string())
    return values


def _check_dates(counts: DateCounts, name: str, column: str, reading: Reading) -> None:
    complaint = date_complaint(counts, reading.timezone)
    if complaint is not None:
        raise DataError(f"{name}: column {column!r}: {complaint}.")


def _check_months(counts: MonthCounts, name: str, column: str) -> None:
    complaint = month_complaint(counts)
    if complaint is not None:
        raise DataError(f"{name}: column {column!r}: {complaint}.")


def _seen_unit(counts: NumberCounts | None, declared: pandera.Column, where: str) -> str | None:
    """Return hh:mm:ss where a column is written so; refuse one that is only partly."""
    if counts is None or not counts.clock or "hh:mm:ss" not in _units(declared):
        return None
    if counts.plain:
        raise DataError(
            f"{where}: {counts.clock} values are written hh:mm:ss and {counts.plain} are plain numbers; "
            "export one form."
        )
    return "hh:mm:ss"


def _units(declared: pandera.Column) -> Mapping[str, Fraction]:
    return (declared.metadata or {}).get("units", {})


def _softened(column: str, read: Converted, declared: pandera.Column, ledger: Ledger) -> Converted:
    """Return an optional fact whose faults are unknown and whose default stands where it is."""
    metadata: Mapping[str, Any] = declared.metadata or {}
    values = read.values
    told = np.zeros(len(read.missing), dtype=bool)
    for reason, mask in read.faults:  # a value has the first reason that is found, as a rejected row does
        ledger.repair(mask & ~told, f"{column}: {reason}, {_unknown(declared)}", listed=True)
        told |= mask
    if "floor" in metadata:
        below = pc.fill_null(pc.less(values, metadata["floor"]), False)
        values = pc.if_else(below, pa.scalar(metadata["floor"], values.type), values)
        reason = f"{column}: {metadata['floor_reason']}"
        ledger.repair(np.asarray(below.to_numpy(zero_copy_only=False), dtype=bool), reason, listed=True)
    if "default" in metadata:
        if read.missing.any():
            ledger.repair(read.missing, f"{column}: missing, {metadata['default_reason']}", listed=True)
        values = pc.fill_null(values, metadata["default"])
    return Converted(values, read.missing, [], read.repairs)


def _bounds(declared: pandera.Column) -> str:
    dtype: Any = declared.dtype
    return str(dtype.type).lower() if dtypes.is_int(dtype) else "int64"
