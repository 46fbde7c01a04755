"""Values of a card as text: decimals, whole numbers, one word or a list, increments and slots."""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = ["dated", "names", "number", "slots", "span", "whole"]

_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)")  # 0750 is none: in YAML 1.1 it is 488
_DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOST_DIGITS = 18


def number(value: object) -> Decimal:
    """Return a decimal from text, an int or a Decimal; a float has lost its text and is refused.

    Examples
    --------
    >>> number("18.150")
    Decimal('18.15')
    """
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return _plain(Decimal(value))
    if isinstance(value, str) and _NUMBER.fullmatch(value) and len(value) <= _MOST_DIGITS:
        return _plain(Decimal(value))
    raise ValueError(
        f"{_odd(value)}write a decimal number such as 18.15, of at most 18 characters, with no 0 before its digits"
    )


def _odd(value: object) -> str:
    """Return why a text is not a number, to begin a message with; "" where no reason is known."""
    if not isinstance(value, str):
        return ""
    text = value.strip()
    told = {
        r"-?[0-9]*,[0-9]+": f"{text!r} has a decimal comma; write a point, as in {text.replace(',', '.')}: ",
        r"[-+]?[0-9]*[.,]?[0-9]+[eE][-+]?[0-9]+": f"{text!r} is a power of ten; write it out: ",
        r"[-+]?[0-9][0-9., ]*[^0-9., _:].*|[^0-9+-]+ ?[0-9][0-9.,]*": f"{text[:20]!r} is more than a number; the unit "
        "is that of the key: ",
        r"[0-9]+(?:[.,][0-9]+){2,}": f"{text!r} has more than one point or comma: ",
        r"[0-9]+(?:_[0-9]+)+": f"{text!r} has `_` in it: ",
    }
    return next((said for form, said in told.items() if re.fullmatch(form, text)), "")


def dated(value: object) -> object:
    """Return a day or an instant as it is; a text must begin with year, month and day.

    Digits alone would be taken for seconds since 1970.

    Examples
    --------
    >>> dated("2025-03-14")
    '2025-03-14'
    """
    if not isinstance(value, (str, int, float)) or (isinstance(value, str) and _DATED.match(value)):
        return value
    raise ValueError("write a day as YYYY-MM-DD")


def _plain(value: Decimal) -> Decimal:
    short = value.normalize()
    return short.quantize(Decimal(1)) if short == short.to_integral_value() else short


def whole(value: object) -> int:
    """Return a whole number from text or an int.

    Examples
    --------
    >>> whole("28")
    28
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?(?:0|[1-9][0-9]{0,11})", value):
        return int(value)
    raise ValueError(f"{_odd(value)}write a whole number, with no 0 before its digits")


def names(value: object) -> object:
    """Return one word as a list of one.

    Examples
    --------
    >>> names("call"), names(["call", "sms"])
    (('call',), ('call', 'sms'))
    """
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def span(value: object) -> tuple[int, int]:
    """Return an increment FIRST/STEP in seconds.

    Examples
    --------
    >>> span("60/1")
    (60, 1)
    """
    match = re.fullmatch(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", value) if isinstance(value, str) else None
    pair = (int(match[1]), int(match[2])) if match else value
    if not (isinstance(pair, tuple) and len(pair) == 2 and min(pair) >= 1):
        raise ValueError("write FIRST/STEP in seconds, both 1 or more, as 60/1")
    return pair[0], pair[1]


def slots(value: object) -> object:
    """Return a price a minute as one slot from the call's first second; lists of slots are checked to rise from 0.

    Examples
    --------
    >>> slots("9"), slots([["0", "0"], ["300", "3.63"]])
    (((0, '9'),), ((0, '0'), (300, '3.63')))
    """
    if isinstance(value, (str, int, Decimal)):
        return ((0, value),)
    if not isinstance(value, (list, tuple)):
        raise ValueError("write cents a minute, or [[from second, cents], ...]")
    pairs: list[tuple[object, ...]] = [tuple(pair) if isinstance(pair, (list, tuple)) else () for pair in value]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("write slots as [[from second, cents], ...]")
    starts = [whole(pair[0]) for pair in pairs]
    if not starts or sorted(set(starts)) != starts or starts[0] < 0:
        raise ValueError("the seconds of the slots must rise from 0")
    return tuple((start, pair[1]) for start, pair in zip(starts, pairs, strict=True))
