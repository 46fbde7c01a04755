"""Text or Arrow columns to typed ones, with the rows that do not fit named instead of guessed at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute

from common_utils.array_types import BoolArray
from common_utils.tables.dates import local_times, read_dates
from common_utils.tables.encodings import LOST, NOT_UTF8
from common_utils.tables.numbers import CLOCK, THOUSANDS, DecimalSign, NumberCounts, count_numbers, decimal_sign_of

__all__ = ["Converted", "Kind", "check_arrow", "convert_text", "decimal_sign", "refuse", "scaled"]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

Kind = Literal["text", "id", "integer", "number", "boolean", "date"]
"""What a column holds; months are text (see `common_utils.tables.read.month_column`)."""

# RE2 syntax, whole value. Whole numbers are limited to what surely fits 64 bits.
_WHOLE = r"^-?[0-9]{1,18}$"
_WHOLE_WITH_ZEROS = r"^-?[0-9]{1,18}\.0+$"
_NUMBER = r"^-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?$"
_COMMA_NUMBER = r"^-?[0-9]*,[0-9]+([eE][+-]?[0-9]{1,4})?$"
_COMMA_OR_THOUSANDS = r"^-?[1-9][0-9]{0,2},[0-9]{3}$"
_POINT_OR_THOUSANDS = r"^-?[1-9][0-9]{0,2}\.[0-9]{3}$"
_GROUPS = {
    "comma": (r"^-?[0-9]{1,3}(\.[0-9]{3})+(,[0-9]*)?$", "."),
    "point": (r"^-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?$", ","),
}
# What spreadsheets and data frames make of ids: 4.91512E+11 has lost its digits, 1001.0 is the same as 1001.
_SCIENTIFIC_ID = r"^[+-]?[0-9]([.,][0-9]+)?[eE]\+[0-9]{1,3}$|^[+-]?[0-9][.,][0-9]+[eE][0-9]{1,3}$"
_DECIMAL_ID = r"^[+-]?[0-9]+[.,]0+$"
_MARKED_ID = "^['`\u2019][^=+@-]"  # not before what a spreadsheet would take for a formula: our writer marks that
# What stands for no id at all: its rows would become one person, or a report's last line one more. As databases and
# Python write it: "null" and "none" in small letters may be somebody's id.
_NO_ID = (
    r"^(NULL|None|NONE|(?i:nil|nan|nat|n/?a|#?n/a|<na>|"
    r'#(value|ref|name|num|null|div/0)[!?]?|\\n|=""|\(null\)|\[null\]|'
    r"undefined|unknown|anonymous|restricted|withheld|private|unavailable|-+|\?+|"
    r"((grand|sub)[ -]?)?totals?|sum|summe))$"
)
_TEXT_FORMULA = r'^="([^"]+)"$'  # how exports keep a spreadsheet from making a number of an id
_INVISIBLE = r"\p{Cf}"  # zero-width and bidirectional marks, soft hyphens: two values that look alike would never meet
_WORDS = (["true", "1", "1.0", "yes"], ["false", "0", "0.0", "no"])


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
    counts = sum(map(count_numbers, columns), NumberCounts())
    return decimal_sign_of(counts, delimiter=delimiter)


def convert_text(
    column: Any,
    kind: Kind,
    *,
    decimals: DecimalSign = "point",
    stated: bool = False,
    bounds: str = "int64",
    timezone: str | None = None,
) -> Converted:
    """Return a text column as what it is declared to be.

    Only the empty field is missing: "NA", "None" and "null" are text, and faults in any other kind.

    Parameters
    ----------
    column : pyarrow string array of shape (n_rows,)
        Fields as written; null counts as empty.
    kind : {"text", "id", "integer", "number", "boolean", "date"}
        An id is text that no spreadsheet has made a number of. Dates are YYYY-MM-DD in the years 1700 to 2199, with or
        without a time of day; the day counts.
    decimals : {"point", "comma", "doubtful"}
        See `decimal_sign`.
    stated : bool
        Whether the user said so; then the other sign may separate thousands.
    bounds : str
        NumPy integer type whose range an integer must be in.
    timezone : str, optional
        Whose days count where a time has a zone.

    Examples
    --------
    >>> read = convert_text(pa.array(["7", " 8", "8.0", "1,000", ""]), "integer")
    >>> read.values.to_pylist(), [(reason, mask.tolist()) for reason, mask in read.faults]
    ([7, 8, 8, None, None], [('not a whole number', [False, False, False, True, False])])
    >>> [reason for reason, _ in read.repairs]
    ['whitespace trimmed', 'decimals .0 dropped']
    """
    text = pc.fill_null(column, "")
    seen = text if kind == "text" else _visible(text)
    trimmed = pc.utf8_trim_whitespace(seen)
    missing = _mask(pc.equal(trimmed, ""))
    result = Converted(pc.if_else(pc.equal(trimmed, ""), None, trimmed), missing)
    result.repairs.append(("whitespace trimmed", _mask(pc.not_equal(seen, trimmed))))
    _refuse_lost(result)
    if seen is not text:
        result.repairs.append(("invisible characters taken out", _mask(pc.not_equal(text, seen))))
    match kind:
        case "text":
            pass
        case "id":
            _to_id(result)
        case "integer":
            _to_integer(result, decimals, bounds, stated=stated)
        case "number":
            _to_number(result, decimals, stated=stated)
        case "boolean":
            _to_boolean(result)
        case "date":
            result.values = read_dates(result.values, timezone)
            result.faults.append(("not a date (YYYY-MM-DD)", _mask(pc.is_null(result.values)) & ~result.missing))
    result.faults = [(reason, mask) for reason, mask in result.faults if mask.any()]
    result.repairs = [(reason, mask) for reason, mask in result.repairs if mask.any()]
    return result


def check_arrow(column: Any, kind: Kind, *, bounds: str = "int64", timezone: str | None = None) -> Converted | None:
    """Return an Arrow column that already has a type, or None if that is not the declared one.

    Integers and decimals may stand for numbers, integers for text (an exporter takes an id of digits for a number;
    noted as a repair), dates may carry a time of day, and a zone where `timezone` is given, NaN is missing.

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
    if kind in ("text", "id"):
        read = convert_text(column.cast(kept).cast(pa.string()), kind)
        if pa.types.is_integer(kept):
            read.repairs.append(("whole number read as text", ~read.missing))
        return read
    if kind == "date" and pa.types.is_timestamp(kept):
        if kept.tz is not None and timezone is None:
            return None
        times = local_times(column.cast(kept), timezone)
        return Converted(times, _mask(pc.is_null(times)))
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
        case "text" | "id":
            return types.is_string(arrow_type) or types.is_large_string(arrow_type) or types.is_integer(arrow_type)
        case "integer":
            return types.is_integer(arrow_type)
        case "number":
            return types.is_integer(arrow_type) or types.is_floating(arrow_type) or types.is_decimal(arrow_type)
        case "boolean":
            return types.is_boolean(arrow_type)
        case "date":
            return types.is_date(arrow_type) or types.is_timestamp(arrow_type)


def _visible(text: Any) -> Any:
    """Return text without the characters nobody sees; the same object where there are none."""
    if pc.all(pc.string_is_ascii(text)).as_py() is not False or not _any(pc.match_substring_regex(text, _INVISIBLE)):
        return text
    return pc.replace_substring_regex(text, _INVISIBLE, "")


def _refuse_lost(result: Converted) -> None:
    """Make values faults that hold what stands for bytes that are not UTF-8: nobody knows what they were."""
    if pc.all(pc.string_is_ascii(result.values)).as_py() is False:
        lost = pc.match_substring(result.values, LOST)
        if _any(lost):
            refuse(result, NOT_UTF8, lost)


def _to_id(result: Converted) -> None:
    formula = pc.match_substring_regex(result.values, _TEXT_FORMULA)
    if _any(formula):
        result.values = pc.replace_substring_regex(result.values, _TEXT_FORMULA, r"\1")
        result.repairs.append(('taken out of ="..."', _mask(formula)))
    text = result.values
    for reason, pattern in (
        ("an id in scientific notation: its digits are lost; export ids as text", _SCIENTIFIC_ID),
        ("an id with decimals (.0): export ids as text", _DECIMAL_ID),
        ("a word that stands for no id; leave its rows out", _NO_ID),
        ("an id behind the apostrophe of a spreadsheet: export ids as text", _MARKED_ID),
    ):
        refuse(result, reason, pc.match_substring_regex(text, pattern))


def _to_integer(result: Converted, decimals: DecimalSign, bounds: str, *, stated: bool) -> None:
    text = result.values
    if stated:
        text = _without_groups(result, decimals)
    with_zeros = pc.match_substring_regex(text, _WHOLE_WITH_ZEROS)
    whole = pc.or_(pc.match_substring_regex(text, _WHOLE), with_zeros)
    digits = pc.replace_substring_regex(text, r"\.0+$", "") if _any(with_zeros) else text
    result.values = pc.if_else(whole, digits, None).cast(pa.int64())
    grouped = pc.and_(pc.invert(whole), pc.match_substring_regex(text, THOUSANDS))
    result.faults.append(("a thousands separator", _mask(grouped)))
    result.faults.append(("not a whole number", _mask(pc.invert(whole))))
    _refuse_out_of_bounds(result, bounds)
    result.repairs.append(("decimals .0 dropped", _mask(with_zeros)))


def _without_groups(result: Converted, decimals: DecimalSign) -> Any:
    """Return the text without the thousands separators that a stated decimal sign allows."""
    pattern, separator = _GROUPS["comma" if decimals == "comma" else "point"]
    grouped = pc.match_substring_regex(result.values, pattern)
    result.repairs.append((f"thousands separator {separator} taken out", _mask(grouped)))
    return pc.if_else(grouped, pc.replace_substring(result.values, separator, ""), result.values)


def _refuse_out_of_bounds(result: Converted, bounds: str) -> None:
    limits = np.iinfo(bounds)
    low, high = max(limits.min, np.iinfo("int64").min), min(limits.max, np.iinfo("int64").max)
    outside = pc.or_(pc.less(result.values, low), pc.greater(result.values, high))
    refuse(result, f"out of range for {bounds}", outside)


def _refuse_infinite(result: Converted) -> None:
    refuse(result, "not a finite number", pc.is_inf(result.values))


def refuse(result: Converted, reason: str, where: Any) -> None:
    """Make the values at an Arrow mask faults of a column, for a reason."""
    result.values = pc.if_else(where, None, result.values)
    result.faults.append((reason, _mask(where)))


def _to_number(result: Converted, decimals: DecimalSign, *, stated: bool) -> None:
    text = result.values
    if stated:
        text = _without_groups(result, decimals)
    elif decimals != "point":
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
    if stated and decimals == "comma":
        text = pc.if_else(pc.and_(pc.match_substring(result.values, "."), pc.equal(text, result.values)), "?", text)
    number = pc.match_substring_regex(text, _NUMBER)
    result.values = pc.if_else(number, text, None).cast(pa.float64())
    grouped = pc.and_(pc.invert(number), pc.match_substring_regex(text, THOUSANDS))
    result.faults.append(("a thousands separator", _mask(grouped)))
    result.faults.append(("not a number", _mask(pc.invert(number))))
    _refuse_infinite(result)


def _to_boolean(result: Converted) -> None:
    text = pc.utf8_lower(result.values)
    true, false = (pc.is_in(text, value_set=pa.array(words)) for words in _WORDS)
    result.values = pc.if_else(pc.or_(true, false), true, None)
    result.faults.append(("not true or false", ~_mask(pc.or_(true, false)) & ~result.missing))


def scaled(text: Any, read: Converted, unit: str, factor: Fraction) -> Converted:
    """Return a number column in our unit; of text, hh:mm:ss is read where `unit` is that.

    Parameters
    ----------
    text : pyarrow string array of shape (n_rows,)
        As written; used for hh:mm:ss only.
    read : Converted
        The column as numbers.
    unit : str
        It is written in; `hh:mm:ss`, or a word.
    factor : Fraction
        Our unit in one of its; of seconds for hh:mm:ss.

    Examples
    --------
    >>> column = pa.array(["60", "61"])
    >>> scaled(column, convert_text(column, "number"), "seconds", Fraction(1, 60)).values.to_pylist()
    [1.0, 1.0166666666666666]
    """
    if unit != "hh:mm:ss":
        values = pc.divide(pc.multiply(read.values, float(factor.numerator)), float(factor.denominator))
        repairs = [*read.repairs, (f"converted from {unit}", _mask(pc.is_valid(values)))]
        return Converted(values, read.missing, read.faults, repairs)
    trimmed = pc.utf8_trim_whitespace(pc.fill_null(text, ""))
    clock = pc.match_substring_regex(trimmed, CLOCK)
    parts = pc.split_pattern(pc.if_else(clock, trimmed, "0:0:0"), ":")
    hours, minutes, seconds = (pc.list_element(parts, place).cast(pa.float64()) for place in range(3))
    total = pc.add(pc.add(pc.multiply(hours, 3600.0), pc.multiply(minutes, 60.0)), seconds)
    values = pc.divide(pc.multiply(total, float(factor.numerator)), float(factor.denominator))
    faults = [("not hh:mm:ss", ~_mask(clock) & ~read.missing)]
    return Converted(
        pc.if_else(clock, values, None),
        read.missing,
        [(reason, mask) for reason, mask in faults if mask.any()],
        [("converted from hh:mm:ss", _mask(clock))],
    )


def _mask(array: Any) -> BoolArray:
    """Return an Arrow boolean array as NumPy, null as False."""
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), dtype=bool)


def _any(array: Any) -> bool:
    return bool(pc.any(array).as_py())
