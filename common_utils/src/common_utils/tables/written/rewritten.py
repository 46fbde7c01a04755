"""Columns in our units and our spelling, each change noted as a repair."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pyarrow.compute

from common_utils.tables.numbers import CLOCK
from common_utils.tables.types import Converted, any_of, mask_of

__all__ = ["scaled", "spelled"]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them


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
    >>> from common_utils.tables.types import convert_text
    >>> column = pa.array(["60", "61"])
    >>> scaled(column, convert_text(column, "number"), "seconds", Fraction(1, 60)).values.to_pylist()
    [1.0, 1.0166666666666666]
    """
    if unit != "hh:mm:ss":
        values = pc.divide(pc.multiply(read.values, float(factor.numerator)), float(factor.denominator))
        repairs = [*read.repairs, (f"converted from {unit}", mask_of(pc.is_valid(values)))]
        return Converted(values, read.missing, read.faults, repairs)
    trimmed = pc.utf8_trim_whitespace(pc.fill_null(text, ""))
    clock = pc.match_substring_regex(trimmed, CLOCK)
    parts = pc.split_pattern(pc.if_else(clock, trimmed, "0:0:0"), ":")
    hours, minutes, seconds = (pc.list_element(parts, place).cast(pa.float64()) for place in range(3))
    total = pc.add(pc.add(pc.multiply(hours, 3600.0), pc.multiply(minutes, 60.0)), seconds)
    values = pc.divide(pc.multiply(total, float(factor.numerator)), float(factor.denominator))
    faults = [("not hh:mm:ss", ~mask_of(clock) & ~read.missing)]
    return Converted(
        pc.if_else(clock, values, None),
        read.missing,
        [(reason, mask) for reason, mask in faults if mask.any()],
        [("converted from hh:mm:ss", mask_of(clock))],
    )


def spelled(read: Converted, words: Sequence[str]) -> Converted:
    """Return a text column whose values in another letter case are written as the words are; others stay.

    Parameters
    ----------
    read : Converted
        The column as text.
    words : sequence of str
        No two differ in letter case alone.

    Examples
    --------
    >>> from common_utils.tables.types import convert_text
    >>> read = spelled(convert_text(pa.array(["suv", "SUV", "pearl"]), "text"), ["SUV", "van"])
    >>> read.values.to_pylist(), [(reason, mask.tolist()) for reason, mask in read.repairs]
    (['SUV', 'SUV', 'pearl'], [('letter case changed to that of the known values', [True, False, False])])
    """
    known = pa.array([word.lower() for word in words], read.values.type)
    taken = pc.take(pa.array(words, read.values.type), pc.index_in(pc.utf8_lower(read.values), value_set=known))
    changed = pc.fill_null(pc.not_equal(taken, read.values), False)
    if not any_of(changed):
        return read
    values = pc.if_else(changed, taken, read.values)
    repairs = [*read.repairs, ("letter case changed to that of the known values", mask_of(changed))]
    return Converted(values, read.missing, read.faults, repairs)
