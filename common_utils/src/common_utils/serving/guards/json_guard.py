"""What a JSON body must be before any model looks at it (RFC 8259, I-JSON): one meaning, bounded, real numbers."""

from __future__ import annotations

import json
import re
from json import JSONDecoder
from typing import Any, NoReturn

import numpy as np

from common_utils.serving.problems import ProblemError

__all__ = ["check_json", "read_json"]

# Consumes an unterminated string too, so that no quote is a second starting point: linear in the body.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_ONLY_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = bytes.maketrans(b"[]{}", b"\x01\xff\x01\xff")  # +1 and -1 as int8


def check_json(body: bytes, max_depth: int) -> None:
    """Refuse a body that parsers read differently, or that some cannot read at all.

    As `read_json`, without the value.

    Examples
    --------
    >>> check_json(b'{"minutes": 512}', max_depth=32)
    """
    read_json(body, max_depth)


def read_json(body: bytes, max_depth: int) -> Any:
    """Return the value of a body; refuse one that parsers read differently, or that some cannot read at all.

    Parameters
    ----------
    body : bytes
        As received, already bounded in size.
    max_depth : int
        Deepest nesting of arrays and objects, >= 1.

    Raises
    ------
    ProblemError
        Status 400 for a byte order mark, an encoding other than UTF-8, a syntax error, NaN or Infinity, a number beyond
        float64, an integer of more than 4,300 digits, a repeated key, a lone surrogate, or nesting beyond `max_depth`.

    Examples
    --------
    >>> read_json(b'{"minutes": 512}', max_depth=32)
    {'minutes': 512}
    >>> read_json(b'{"minutes": NaN}', max_depth=32)
    Traceback (most recent call last):
    common_utils.serving.problems.ProblemError: Numbers must be finite.
    """
    if body.count(b"[") + body.count(b"{") > max_depth and _deeper_than(body, max_depth):
        _refuse(f"Arrays and objects may be nested {max_depth} deep.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refusal("The body must be UTF-8.") from error
    try:
        value = _DECODER.decode(text)
    except ValueError as error:  # syntax, a byte order mark, or too many digits
        raise _refusal("The body is not valid JSON.") from error
    if "\\u" in text:
        _check_surrogates(value)
    return value


def _deeper_than(body: bytes, max_depth: int) -> bool:
    bare = _STRING.sub(b"", body) if b'"' in body else body
    steps = np.frombuffer(bare.translate(_STEPS, _ONLY_BRACKETS), dtype=np.int8)
    return bool(steps.size) and int(np.cumsum(steps, dtype=np.int64).max()) > max_depth


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise _refusal("Strings must be valid Unicode: a surrogate stands alone.") from error


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        _refuse("An object repeats a key.")
    return members


def _finite(literal: str) -> float:
    number = float(literal)
    if number - number != 0.0:
        _refuse("Numbers must be finite.")
    return number


def _not_a_number(literal: str) -> NoReturn:  # noqa: ARG001  the decoder passes the token
    _refuse("Numbers must be finite.")


def _refusal(detail: str) -> ProblemError:
    return ProblemError(400, "malformed_json", detail)


def _refuse(detail: str) -> NoReturn:
    raise _refusal(detail)


_DECODER = JSONDecoder(object_pairs_hook=_distinct, parse_float=_finite, parse_constant=_not_a_number)
