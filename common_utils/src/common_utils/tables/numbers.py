"""Numbers as text: what may be a decimal point, a thousands separator or an hh:mm:ss, decided from counts.

Whether a column uses the point or the comma is decided once for the column, from counts that add up over blocks, never
row by row. Where only numbers like 1.234 are seen, nothing is decided and the file is refused.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute

__all__ = [
    "CLOCK",
    "THOUSANDS",
    "DecimalSign",
    "NumberCounts",
    "count_numbers",
    "decimal_sign_of",
    "doubtful_point",
    "plain_numbers",
]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

DecimalSign = Literal["point", "comma", "doubtful"]
"""How a file writes decimals; doubtful: with a comma, though the comma also separates its fields."""

CLOCK = r"^[0-9]{1,5}:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?$"
# Blanks (also the narrow and the non-breaking one) or apostrophes between groups of three, or several equal marks.
THOUSANDS = (
    "^-?[0-9]{1,3}([ \u00a0\u202f\u2009'\u2019][0-9]{3})+([.,][0-9]+)?$"
    r"|^-?[0-9]{1,3}(\.[0-9]{3}){2,}(,[0-9]+)?$|^-?[0-9]{1,3}(,[0-9]{3}){2,}(\.[0-9]+)?$"
    r"|^-?[0-9]{1,3}\.[0-9]{3},[0-9]+$|^-?[0-9]{1,3},[0-9]{3}\.[0-9]+$"
)
_PLAIN_BYTES = b"0123456789.-"
_POINTED = r"^-?[0-9]*\.[0-9]*([eE][+-]?[0-9]+)?$"
_POINT_OR_THOUSANDS = r"^-?[1-9][0-9]{0,2}\.[0-9]{3}$"
# One comma that cannot separate thousands: 12,5 or 0,125 or 1234,125.
_CLEAR_COMMA = r"^-?([0-9]*,([0-9]{1,2}|[0-9]{4,})|0[0-9]*,[0-9]+|[0-9]{4,},[0-9]+|,[0-9]+)$"


@dataclass(frozen=True)
class NumberCounts:
    """What the values of a column look like; counts of blocks add up.

    Attributes
    ----------
    pointed : int
        Values with one point.
    point_or_thousands : int
        Of these, those like 1.234, 12.345 and 123.456.
    clear_comma : int
        Values whose comma cannot separate thousands.
    clock : int
        Values such as 01:02:30.
    plain : int
        Values of digits, with or without a sign, point or comma.

    Examples
    --------
    >>> (NumberCounts(pointed=1, point_or_thousands=1) + NumberCounts(pointed=1)).pointed
    2
    """

    pointed: int = 0
    point_or_thousands: int = 0
    clear_comma: int = 0
    clock: int = 0
    plain: int = 0

    def __add__(self, other: NumberCounts) -> NumberCounts:
        return NumberCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def count_numbers(column: Any) -> NumberCounts:
    """Return the counts of a text column.

    Examples
    --------
    >>> import pyarrow as pa
    >>> count_numbers(pa.array(["7.500", "12.5", "3,5", "00:01:02", ""]))
    NumberCounts(pointed=2, point_or_thousands=1, clear_comma=1, clock=1, plain=3)
    """
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if plain_numbers(column) is not None:
        return _plain_counts(column)
    text = pc.utf8_trim_whitespace(pc.fill_null(column, ""))
    patterns = (_POINTED, _POINT_OR_THOUSANDS, _CLEAR_COMMA, CLOCK, r"^-?[0-9]+([.,][0-9]+)?$")
    return NumberCounts(*(_count(pc.match_substring_regex(text, pattern)) for pattern in patterns))


def plain_numbers(text: Any) -> Any:
    """Return text as float64 where every value is one of digits, at most a sign and a point, or empty; else None.

    Most columns of numbers are such, and no rule has to look at them value by value.

    Examples
    --------
    >>> import pyarrow as pa
    >>> plain_numbers(pa.array(["7", "-1.5", "", None])).to_pylist(), plain_numbers(pa.array(["7", " 8"]))
    ([7.0, -1.5, None, None], None)
    """
    if _bytes_of(text).translate(None, _PLAIN_BYTES):
        return None
    try:
        values = pc.if_else(pc.equal(text, ""), None, text).cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    return None if pc.any(pc.is_inf(values)).as_py() else values


def _plain_counts(text: Any) -> NumberCounts:
    """Return the counts of `plain_numbers`."""
    text = text.filter(pc.not_equal(text, ""))
    pointed = _bytes_of(text).count(b".")
    if not pointed:
        return NumberCounts(plain=len(text))
    behind = pc.subtract(pc.binary_length(text), pc.find_substring(text, "."))  # the point and what follows it
    three = text.filter(pc.and_(pc.equal(behind, 4), pc.match_substring(text, ".")))
    bare = _count(pc.or_(pc.or_(pc.starts_with(text, "."), pc.starts_with(text, "-.")), pc.ends_with(text, ".")))
    return NumberCounts(pointed, _count(pc.match_substring_regex(three, _POINT_OR_THOUSANDS)), plain=len(text) - bare)


def _bytes_of(text: Any) -> bytes:
    """Return the bytes of all values of an Arrow string array, one behind the other."""
    _, offsets, data = text.buffers()
    if data is None or not len(text):
        return b""
    start, end = np.frombuffer(offsets, dtype=np.int32, count=text.offset + len(text) + 1)[[text.offset, -1]]
    return bytes(memoryview(data)[int(start) : int(end)])


def doubtful_point(counts: NumberCounts) -> bool:
    """Tell whether a column's points may all separate thousands, and no comma in it shows what decimals look like.

    Examples
    --------
    >>> doubtful_point(NumberCounts(pointed=2, point_or_thousands=2)), doubtful_point(NumberCounts(pointed=2))
    (True, False)
    """
    return 0 < counts.pointed == counts.point_or_thousands and not counts.clear_comma


def decimal_sign_of(counts: NumberCounts, *, delimiter: str) -> DecimalSign:
    """Return how a file writes decimals, from the counts of all its number columns.

    A comma counts only where it cannot separate thousands, as in "12,5"; "1,250" alone says nothing.

    Examples
    --------
    >>> decimal_sign_of(NumberCounts(clear_comma=1), delimiter=";")
    'comma'
    """
    if not counts.clear_comma:
        return "point"
    return "doubtful" if delimiter == "," else "comma"


def _count(mask: Any) -> int:
    return int(pc.sum(mask).as_py() or 0)
