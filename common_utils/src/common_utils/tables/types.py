"""Text or Arrow columns to typed ones, with the rows that do not fit named instead of guessed at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute

from common_utils.array_types import BoolArray

__all__ = ["Converted", "DecimalSign", "Kind", "check_arrow", "convert_text", "decimal_sign"]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

Kind = Literal["text", "integer", "number", "boolean", "date"]
"""What a column holds; months are text (see `common_utils.tables.read.month_column`)."""

DecimalSign = Literal["point", "comma", "doubtful"]
"""How a file writes decimals; doubtful: with a comma, though the comma also separates its fields."""

# RE2 syntax, whole value. Whole numbers are limited to what surely fits 64 bits.
_WHOLE = r"^-?[0-9]{1,18}$"
_WHOLE_WITH_ZEROS = r"^-?[0-9]{1,18}\.0+$"
_NUMBER = r"^-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?$"
_COMMA_NUMBER = r"^-?[0-9]*,[0-9]+([eE][+-]?[0-9]{1,4})?$"
# One comma that cannot separate thousands: 12,5 or 0,125 or 1234,125.
_CLEARLY_DECIMAL_COMMA = r"^-?([0-9]*,([0-9]{1,2}|[0-9]{4,})|0[0-9]*,[0-9]+|[0-9]{4,},[0-9]+|,[0-9]+)$"
_COMMA_OR_THOUSANDS = r"^-?[1-9][0-9]{0,2},[0-9]{3}$"
_POINT_OR_THOUSANDS = r"^-?[1-9][0-9]{0,2}\.[0-9]{3}$"
_DATE = r"^(1[7-9]|2[01])[0-9]{2}-[0-9]{2}-[0-9]{2}$"


@dataclass
class Converted:
    """A column after conversion.

    Attributes
    ----------
    values : pyarrow.Array of shape (n_rows,)
        Typed; null where the field is missing or faulty.
    missing : bool array of shape (n_rows,)
        Where the field is empty.
    faults, repairs : list of (str, bool array of shape (n_rows,))
        Reason and rows.
    """

    values: Any
    missing: BoolArray
    faults: list[tuple[str, BoolArray]] = field(default_factory=list)
    repairs: list[tuple[str, BoolArray]] = field(default_factory=list)


def decimal_sign(columns: Iterable[Any], *, delimiter: str) -> DecimalSign:
    """Return how a file writes decimals, from the number columns as text.

    A comma counts only where it cannot separate thousands, as in "12,5"; "1,250" alone says nothing.

    Examples
    --------
    >>> decimal_sign([pa.array(["1,250", "12,5"])], delimiter=";")
    'comma'
    >>> decimal_sign([pa.array(["1,250", "12.5"])], delimiter=";")
    'point'
    """
    if not any(_any(pc.match_substring_regex(column, _CLEARLY_DECIMAL_COMMA)) for column in columns):
        return "point"
    return "doubtful" if delimiter == "," else "comma"


def convert_text(column: Any, kind: Kind, *, decimals: DecimalSign = "point", bounds: str = "int64") -> Converted:
    """Return a text column as what it is declared to be.

    Only the empty field is missing: "NA", "None" and "null" are text, and faults in any other kind.

    Parameters
    ----------
    column : pyarrow string array of shape (n_rows,)
        Fields as written; null counts as empty.
    kind : {"text", "integer", "number", "boolean", "date"}
        Dates are YYYY-MM-DD in the years 1700 to 2199.
    decimals : {"point", "comma", "doubtful"}
        See `decimal_sign`.
    bounds : str
        NumPy integer type whose range an integer must be in.

    Examples
    --------
    >>> read = convert_text(pa.array(["7", " 8", "8.0", "1,000", ""]), "integer")
    >>> read.values.to_pylist(), [(reason, mask.tolist()) for reason, mask in read.faults]
    ([7, 8, 8, None, None], [('not a whole number', [False, False, False, True, False])])
    >>> [reason for reason, _ in read.repairs]
    ['whitespace trimmed', 'decimals .0 dropped']
    """
    text = pc.fill_null(column, "")
    trimmed = pc.utf8_trim_whitespace(text)
    missing = _mask(pc.equal(trimmed, ""))
    result = Converted(pc.if_else(pc.equal(trimmed, ""), None, trimmed), missing)
    result.repairs.append(("whitespace trimmed", _mask(pc.not_equal(text, trimmed))))
    match kind:
        case "text":
            pass
        case "integer":
            _to_integer(result, bounds)
        case "number":
            _to_number(result, decimals)
        case "boolean":
            _to_boolean(result)
        case "date":
            _to_date(result)
    result.faults = [(reason, mask) for reason, mask in result.faults if mask.any()]
    result.repairs = [(reason, mask) for reason, mask in result.repairs if mask.any()]
    return result


def check_arrow(column: Any, kind: Kind, *, bounds: str = "int64") -> Converted | None:
    """Return an Arrow column that already has a type, or None if that is not the declared one.

    Integers and decimals may stand for numbers, integers for text (an exporter takes an id of digits for a number;
    noted as a repair), dates may carry a time of day but no time zone, and NaN is missing.

    Examples
    --------
    >>> check_arrow(pa.array([7, None]), "text").values.to_pylist()
    ['7', None]
    >>> check_arrow(pa.array([1.0]), "integer") is None
    True
    >>> check_arrow(pa.array([1, None]), "number").values.to_pylist()
    [1.0, None]
    """
    kept = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not pa.types.is_null(kept) and not _fits(kept, kind):
        return None
    if kind == "text":
        read = convert_text(column.cast(kept).cast(pa.string()), "text")
        if pa.types.is_integer(kept):
            read.repairs.append(("whole number read as text", ~read.missing))
        return read
    target = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "date": pa.timestamp("us")}[kind]
    try:
        values = column.cast(target)
    except pa.ArrowInvalid:
        return None
    if kind == "number":
        values = pc.if_else(pc.is_nan(values), None, values)
    result = Converted(values, _mask(pc.is_null(values)))
    if kind == "integer":
        _refuse_out_of_bounds(result, bounds)
    if kind == "number":
        _refuse_infinite(result)
    result.faults = [(reason, mask) for reason, mask in result.faults if mask.any()]
    return result


def _fits(arrow_type: Any, kind: Kind) -> bool:
    types: Any = pa.types
    match kind:
        case "text":
            return types.is_string(arrow_type) or types.is_large_string(arrow_type) or types.is_integer(arrow_type)
        case "integer":
            return types.is_integer(arrow_type)
        case "number":
            return types.is_integer(arrow_type) or types.is_floating(arrow_type) or types.is_decimal(arrow_type)
        case "boolean":
            return types.is_boolean(arrow_type)
        case "date":
            return types.is_date(arrow_type) or (types.is_timestamp(arrow_type) and arrow_type.tz is None)


def _to_integer(result: Converted, bounds: str) -> None:
    text = result.values
    with_zeros = pc.match_substring_regex(text, _WHOLE_WITH_ZEROS)
    whole = pc.or_(pc.match_substring_regex(text, _WHOLE), with_zeros)
    digits = pc.replace_substring_regex(text, r"\.0+$", "") if _any(with_zeros) else text
    result.values = pc.if_else(whole, digits, None).cast(pa.int64())
    result.faults.append(("not a whole number", _mask(pc.invert(whole))))
    _refuse_out_of_bounds(result, bounds)
    result.repairs.append(("decimals .0 dropped", _mask(with_zeros)))


def _refuse_out_of_bounds(result: Converted, bounds: str) -> None:
    limits = np.iinfo(bounds)
    low, high = max(limits.min, np.iinfo("int64").min), min(limits.max, np.iinfo("int64").max)
    outside = pc.or_(pc.less(result.values, low), pc.greater(result.values, high))
    _refuse(result, f"out of range for {bounds}", outside)


def _refuse_infinite(result: Converted) -> None:
    _refuse(result, "not a finite number", pc.is_inf(result.values))


def _refuse(result: Converted, reason: str, where: Any) -> None:
    result.values = pc.if_else(where, None, result.values)
    result.faults.append((reason, _mask(where)))


def _to_number(result: Converted, decimals: DecimalSign) -> None:
    text = result.values
    if decimals != "point":
        doubtful = pc.match_substring_regex(text, _POINT_OR_THOUSANDS)
        result.faults.append(("the point may mark decimals or thousands", _mask(doubtful)))
        text = pc.if_else(doubtful, None, text)
    with_comma = pc.match_substring_regex(text, _COMMA_NUMBER)
    if _any(with_comma):
        if decimals == "comma":
            text = pc.if_else(with_comma, pc.replace_substring(text, ",", "."), text)
            result.repairs.append(("decimal comma", _mask(with_comma)))
        else:
            doubtful = pc.match_substring_regex(text, _COMMA_OR_THOUSANDS)
            result.faults.append(("the comma may mark decimals or thousands", _mask(doubtful)))
    number = pc.match_substring_regex(text, _NUMBER)
    result.values = pc.if_else(number, text, None).cast(pa.float64())
    result.faults.append(("not a number", _mask(pc.invert(number))))
    _refuse_infinite(result)


def _to_boolean(result: Converted) -> None:
    text = pc.utf8_lower(result.values)
    true, false = (pc.is_in(text, value_set=pa.array(words)) for words in (["true", "1"], ["false", "0"]))
    result.values = pc.if_else(pc.or_(true, false), true, None)
    result.faults.append(("not true or false", ~_mask(pc.or_(true, false)) & ~result.missing))


def _to_date(result: Converted) -> None:
    shaped = pc.if_else(pc.match_substring_regex(result.values, _DATE), result.values, None)
    parsed = pd.to_datetime(shaped.to_pandas(), format="%Y-%m-%d", errors="coerce")  # 02-30 becomes NaT
    result.values = pa.array(parsed, type=pa.timestamp("us"), from_pandas=True)
    result.faults.append(("not a date (YYYY-MM-DD)", _mask(pc.is_null(result.values)) & ~result.missing))


def _mask(array: Any) -> BoolArray:
    """Return an Arrow boolean array as NumPy, null as False."""
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), dtype=bool)


def _any(array: Any) -> bool:
    return bool(pc.any(array).as_py())
