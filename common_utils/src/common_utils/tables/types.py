"""Text or Arrow columns to typed ones, with the rows that do not fit named instead of guessed at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute

from common_utils.array_types import BoolArray
from common_utils.tables.dates import FIRST_DAY, local_times, month_of, read_dates
from common_utils.tables.encodings import LOST, NOT_UTF8, OUR_MARK, TEXT_FORMULA, visible
from common_utils.tables.numbers import THOUSANDS, DecimalSign, NumberCounts, count_numbers, decimal_sign_of

__all__ = [
    "Converted",
    "Kind",
    "any_of",
    "check_arrow",
    "convert_distinct",
    "convert_text",
    "decimal_sign",
    "mask_of",
    "refuse",
]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

Kind = Literal["text", "id", "month", "integer", "number", "boolean", "date"]
"""What a column holds; months are text that a first day may stand for (see `common_utils.tables.read.month_column`)."""

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
_MARKED_ID = "^['`\u2019][^=+@-]"
# An id that no rule is about: at most some letters, and digits. Most columns hold nothing else.
_PLAIN_ID = r"^[A-Za-z]{0,12}[0-9]{1,24}$"
# What stands for no id at all: its rows would become one person, or a report's last line one more. As databases and
# Python write it: "null" and "none" in small letters may be somebody's id.
_NO_ID = (
    r"^(NULL|None|NONE|(?i:nil|nan|nat|n/?a|#?n/a|<na>|"
    r'#(value|ref|name|num|null|div/0)[!?]?|\\n|=""|\(null\)|\[null\]|'
    r"#+|undefined|unknown|anonymous|restricted|withheld|private|unavailable|-+|\?+|"
    r"((grand|sub)[ -]?)?totals?|sum|summe))$"
)
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
    kind : {"text", "id", "month", "integer", "number", "boolean", "date"}
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
    seen = text if kind == "text" else visible(text)
    trimmed = pc.utf8_trim_whitespace(seen)
    missing = mask_of(pc.equal(trimmed, ""))
    result = Converted(pc.if_else(pc.equal(trimmed, ""), None, trimmed), missing)
    result.repairs.append(("whitespace trimmed", mask_of(pc.not_equal(seen, trimmed))))
    _refuse_lost(result)
    if seen is not text:
        result.repairs.append(("invisible characters taken out", mask_of(pc.not_equal(text, seen))))
    if kind == "id":
        _compose(result)
    match kind:
        case "text":
            pass
        case "id":
            _to_id(result)
        case "month":
            first = pc.match_substring_regex(result.values, FIRST_DAY)
            result.values = month_of(result.values)
            result.repairs.append(("first day of the month read as the month", mask_of(first)))
        case "integer":
            _to_integer(result, decimals, bounds, stated=stated)
        case "number":
            _to_number(result, decimals, stated=stated)
        case "boolean":
            _to_boolean(result)
        case "date":
            result.values = read_dates(result.values, timezone)
            result.faults.append(("not a date (YYYY-MM-DD)", mask_of(pc.is_null(result.values)) & ~result.missing))
    result.faults = [(reason, mask) for reason, mask in result.faults if mask.any()]
    result.repairs = [(reason, mask) for reason, mask in result.repairs if mask.any()]
    return result


def convert_distinct(column: Any, kind: Kind, *, encoded: bool = False) -> Converted:
    """Return what `convert_text` does for text that often repeats: each distinct value is looked at once.

    Parameters
    ----------
    column : pyarrow array of shape (n_rows,)
        Text or whole numbers, as they are or behind a dictionary.
    kind : {"text", "id", "month"}
    encoded : bool
        Whether the values come as indices into a dictionary, in which values may repeat or be null.

    Examples
    --------
    >>> convert_distinct(pa.array([" a", "b", None, "a"]), "id").values.to_pylist()
    ['a', 'b', None, 'a']
    """
    behind = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    texts = behind.dictionary.cast(pa.string())
    if not encoded and 2 * len(texts) > len(column):
        return convert_text(behind.dictionary_decode().cast(pa.string()), kind)
    if behind.indices.null_count:
        texts = pa.concat_arrays([texts, pa.nulls(1, pa.string())])  # the last stands for no value
    plain = kind == "id" and pc.all(pc.match_substring_regex(texts, _PLAIN_ID), skip_nulls=False).as_py()
    read = Converted(texts, np.zeros(len(texts), dtype=bool)) if plain else convert_text(texts, kind)
    places = pc.fill_null(behind.indices.cast(pa.int32()), len(texts) - 1)
    indices = places.to_numpy()

    def spread(mask: BoolArray) -> BoolArray:
        return mask[indices] if mask.any() else np.zeros(len(indices), dtype=bool)

    values = pa.DictionaryArray.from_arrays(places, read.values) if encoded else read.values.take(places)
    faults, repairs = (
        [(why, spread(mask)) for why, mask in found if mask[indices].any()] for found in (read.faults, read.repairs)
    )
    return Converted(values, spread(read.missing), faults, repairs)


def check_arrow(
    column: Any, kind: Kind, *, bounds: str = "int64", timezone: str | None = None, encoded: bool = False
) -> Converted | None:
    """Return an Arrow column that already has a type, or None if that is not the declared one.

    Integers and decimals may stand for numbers, integers for text (an exporter takes an id of digits for a number;
    noted as a repair), dates may carry a time of day, and a zone where `timezone` is given, NaN is missing. `encoded`
    as for `convert_distinct`.

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
    if kind in ("date", "month") and (pa.types.is_date(kept) or pa.types.is_timestamp(kept)):
        return _day(column.cast(kept), kind, timezone)
    if kind in ("text", "id", "month"):
        read = convert_distinct(column, kind, encoded=encoded)
        if pa.types.is_integer(kept):
            read.repairs.append(("whole number read as text", ~read.missing))
        return read
    target = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}.get(kind, pa.timestamp("us"))
    try:
        values = column.cast(target)
    except pa.ArrowInvalid:
        return None
    if kind == "number":
        values = pc.if_else(pc.is_nan(values), None, values)
    result = Converted(values, mask_of(pc.is_null(values)))
    if kind == "integer":
        _refuse_out_of_bounds(result, bounds)
    if kind == "number":
        _refuse_infinite(result)
    result.faults = [(reason, mask) for reason, mask in result.faults if mask.any()]
    return result


def _day(column: Any, kind: Kind, timezone: str | None) -> Converted | None:
    """Return a column of dates or time stamps as days or as months, None where it is not said whose days count."""
    if pa.types.is_timestamp(column.type):
        if column.type.tz is not None and timezone is None:
            return None
        column = local_times(column, timezone)
    if kind == "month":
        return convert_text(column.cast(pa.string()), kind)
    times = column.cast(pa.timestamp("us"))
    return Converted(times, mask_of(pc.is_null(times)))


def _fits(arrow_type: Any, kind: Kind) -> bool:
    types: Any = pa.types
    match kind:
        case "month" if types.is_date(arrow_type) or types.is_timestamp(arrow_type):
            return True
        case "text" | "id" | "month":
            return types.is_string(arrow_type) or types.is_large_string(arrow_type) or types.is_integer(arrow_type)
        case "integer":
            return types.is_integer(arrow_type)
        case "number":
            return types.is_integer(arrow_type) or types.is_floating(arrow_type) or types.is_decimal(arrow_type)
        case "boolean":
            return types.is_boolean(arrow_type)
        case "date":
            return types.is_date(arrow_type) or types.is_timestamp(arrow_type)


def _compose(result: Converted) -> None:
    """Write an accented letter as one character: as letter and accent it looks the same, and is another id."""
    if pc.all(pc.string_is_ascii(result.values)).as_py() is False:
        composed = pc.utf8_normalize(result.values, form="NFC")
        result.repairs.append(("accents composed (Unicode NFC)", mask_of(pc.not_equal(result.values, composed))))
        result.values = composed


def _refuse_lost(result: Converted) -> None:
    """Make values faults that hold what stands for bytes that are not UTF-8: nobody knows what they were."""
    if pc.all(pc.string_is_ascii(result.values)).as_py() is False:
        lost = pc.match_substring(result.values, LOST)
        if any_of(lost):
            refuse(result, NOT_UTF8, lost)


def _to_id(result: Converted) -> None:
    formula = pc.match_substring_regex(result.values, TEXT_FORMULA)
    if any_of(formula):
        result.values = pc.replace_substring_regex(result.values, TEXT_FORMULA, r"\1")
        result.repairs.append(('taken out of ="..."', mask_of(formula)))
    ours = pc.match_substring_regex(result.values, OUR_MARK)
    if any_of(ours):
        result.values = pc.replace_substring_regex(result.values, OUR_MARK, r"\1")
        result.repairs.append(("apostrophe before a formula's sign taken off", mask_of(ours)))
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
    digits = pc.replace_substring_regex(text, r"\.0+$", "") if any_of(with_zeros) else text
    result.values = pc.if_else(whole, digits, None).cast(pa.int64())
    grouped = pc.and_(pc.invert(whole), pc.match_substring_regex(text, THOUSANDS))
    result.faults.append(("a thousands separator", mask_of(grouped)))
    result.faults.append(("not a whole number", mask_of(pc.invert(whole))))
    _refuse_out_of_bounds(result, bounds)
    result.repairs.append(("decimals .0 dropped", mask_of(with_zeros)))


def _without_groups(result: Converted, decimals: DecimalSign) -> Any:
    """Return the text without the thousands separators that a stated decimal sign allows."""
    pattern, separator = _GROUPS["comma" if decimals == "comma" else "point"]
    grouped = pc.match_substring_regex(result.values, pattern)
    result.repairs.append((f"thousands separator {separator} taken out", mask_of(grouped)))
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
    result.faults.append((reason, mask_of(where)))


def _to_number(result: Converted, decimals: DecimalSign, *, stated: bool) -> None:
    text = result.values
    if stated:
        text = _without_groups(result, decimals)
    elif decimals != "point":
        doubtful = pc.match_substring_regex(text, _POINT_OR_THOUSANDS)
        result.faults.append(("the point may mark decimals or thousands", mask_of(doubtful)))
        text = pc.if_else(doubtful, None, text)
    with_comma = pc.match_substring_regex(text, _COMMA_NUMBER)
    if any_of(with_comma):
        if decimals == "comma":
            text = pc.if_else(with_comma, pc.replace_substring(text, ",", "."), text)
            result.repairs.append(("decimal comma", mask_of(with_comma)))
        else:
            doubtful = pc.match_substring_regex(text, _COMMA_OR_THOUSANDS)
            result.faults.append(("the comma may mark decimals or thousands", mask_of(doubtful)))
    if stated and decimals == "comma":
        text = pc.if_else(pc.and_(pc.match_substring(result.values, "."), pc.equal(text, result.values)), "?", text)
    number = pc.match_substring_regex(text, _NUMBER)
    result.values = pc.if_else(number, text, None).cast(pa.float64())
    grouped = pc.and_(pc.invert(number), pc.match_substring_regex(text, THOUSANDS))
    result.faults.append(("a thousands separator", mask_of(grouped)))
    result.faults.append(("not a number", mask_of(pc.invert(number))))
    _refuse_infinite(result)


def _to_boolean(result: Converted) -> None:
    text = pc.utf8_lower(result.values)
    true, false = (pc.is_in(text, value_set=pa.array(words)) for words in _WORDS)
    result.values = pc.if_else(pc.or_(true, false), true, None)
    result.faults.append(("not true or false", ~mask_of(pc.or_(true, false)) & ~result.missing))


def mask_of(array: Any) -> BoolArray:
    """Return an Arrow boolean array as NumPy, null as False."""
    return np.asarray(pc.fill_null(array, False).to_numpy(zero_copy_only=False), dtype=bool)


def any_of(array: Any) -> bool:
    """Return whether an Arrow boolean array holds a true."""
    return bool(pc.any(array).as_py())
