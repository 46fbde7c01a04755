"""Answers as records: what counts in them, their digests, and where two runs differ."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

__all__ = ["MARK_LENGTH", "WORDS", "Item", "digest", "figures_of", "first_difference", "neutral", "parted", "summary"]

WORDS = frozenset({"detail", "meaning", "message", "reason", "reasons", "text"})
"""Fields that hold sentences. They are compared apart, so that a reworded sentence hides no changed figure."""

MARK_LENGTH = 2
"""Base64 characters kept of each record: one difference in 4,096 is missed in the count, none in the digest."""

_VERSION = re.compile(r"\b\d{8}T\d{6}Z-[0-9a-f]{12}\b")
_FIGURE = re.compile(r"[-\u2212]?\d+(?:[.,:]\d+)*")
_FIELD_DEPTH = 2
_FIELD_LENGTH = 8
_ITEM_LENGTH = 16


@dataclass(frozen=True)
class Item:
    """One thing that is compared.

    Attributes
    ----------
    name : str
        Which route, command or file.
    records : list
        JSON values: one for each request, subscriber, array or printed line.
    """

    name: str
    records: list[Any]


def neutral(text: str) -> str:
    """Return a text without the names of bundles, which hold the time of their training.

    Examples
    --------
    >>> neutral('"model_version": "20250102T030405Z-0123456789ab"')
    '"model_version": "VERSION"'
    """
    return _VERSION.sub("VERSION", text)


def figures_of(text: str) -> list[str]:
    """Return the numbers in a text, in order: what is printed, whatever the words around it.

    Examples
    --------
    >>> figures_of("The advice changes for 1,193 of 2,166 subscriber(s): -3.20 EUR.")
    ['1,193', '2,166', '-3.20']
    """
    return _FIGURE.findall(neutral(text))


def parted(value: Any) -> tuple[Any, Any]:
    """Return a JSON value without its sentences, and its sentences alone (None where it has none).

    Examples
    --------
    >>> parted({"advice": [{"rank": 1, "reason": "Less."}, {"rank": 2}]})
    ({'advice': [{'rank': 1}, {'rank': 2}]}, {'advice': [{'reason': 'Less.'}, None]})
    """
    if isinstance(value, list):
        both = [parted(part) for part in value]
        words = [words for _, words in both]
        return [figures for figures, _ in both], words if any(part is not None for part in words) else None
    if not isinstance(value, dict):
        return value, None
    figures: dict[str, Any] = {}
    words_of: dict[str, Any] = {}
    for name, part in value.items():
        if name in WORDS and isinstance(part, str):
            words_of[name] = part
            continue
        figures[name], inner = parted(part)
        if inner is not None:
            words_of[name] = inner
    return figures, words_of or None


def digest(value: Any) -> bytes:
    """Return the sha256 of a JSON value; the order of keys does not count, the last digit does.

    Examples
    --------
    >>> digest({"a": 1, "b": 0.1}) == digest({"b": 0.1, "a": 1})
    True
    >>> digest(0.1) == digest(0.1 + 2**-56)
    False
    """
    return hashlib.sha256(_text(value).encode()).digest()


def summary(records: list[Any]) -> dict[str, Any]:
    """Return what is kept of an item: its digest, a short mark a record, a digest a field.

    Examples
    --------
    >>> kept = summary([{"status": 200, "advice": [{"rank": 1}]}, {"status": 422}])
    >>> kept["records"], len(kept["marks"]), sorted(kept["fields"])
    (2, 4, ['advice[].rank', 'status'])
    """
    whole = hashlib.sha256()
    marks: list[str] = []
    fields: defaultdict[str, Any] = defaultdict(hashlib.sha256)
    for number, record in enumerate(records):
        one = digest(record)
        whole.update(one)
        marks.append(base64.b64encode(one).decode()[:MARK_LENGTH])
        for name, text in _fields(record, "", _FIELD_DEPTH):
            fields[name].update(f"{number} {text}\n".encode())
    return {
        "sha256": whole.hexdigest()[:_ITEM_LENGTH],
        "records": len(records),
        "marks": "".join(marks),
        "fields": {name: fields[name].hexdigest()[:_FIELD_LENGTH] for name in sorted(fields)},
    }


def first_difference(before: Any, after: Any, path: str = "") -> str | None:
    """Return the first place where two JSON values differ, with both values; None where they are equal.

    Examples
    --------
    >>> first_difference({"advice": [{"rank": 1, "cents": 3.1}]}, {"advice": [{"rank": 1, "cents": 3.2}]})
    'advice[0].cents: 3.1 -> 3.2'
    """
    if _text(before) == _text(after):
        return None
    for place, one, other in _pairs(before, after, path):
        found = first_difference(one, other, place)
        if found is not None:
            return found
    return f"{path or 'all'}: {_short(before)} -> {_short(after)}"


def _pairs(before: Any, after: Any, path: str) -> Iterable[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted({*before, *after})
        return [(f"{path}.{name}".lstrip("."), before.get(name), after.get(name)) for name in names]
    if isinstance(before, list) and isinstance(after, list):
        return [(f"{path}[{place}]", *both) for place, both in enumerate(zip_longest(before, after))]
    return []


def _fields(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and depth:
        for name in sorted(value):
            yield from _fields(value[name], f"{path}.{name}".lstrip("."), depth - 1)
    elif isinstance(value, list) and depth and any(isinstance(part, dict) for part in value):
        for part in value:
            yield from _fields(part, f"{path}[]", depth)
    else:
        yield path or "value", _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _short(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
