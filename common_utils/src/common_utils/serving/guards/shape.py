"""How many members a body of a model can have, so that a flood of them is refused before anything is built of it.

Validating a body costs by the error: 125,000 unknown fields in one megabyte take a second. Counting bytes costs less
than a millisecond a megabyte, and tells most floods; only a body that looks like one is read token by token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, Self

from pydantic import BaseModel

from common_utils.serving.problems import MOST_ERRORS, CutValidationError, ProblemError

__all__ = ["IN_BODY", "Shape", "check_members"]

IN_BODY = "x-most-in-body"
"""Key of a list's `json_schema_extra`, if it cannot be null: the most elements all such lists of a body have."""

# Bodies below this cannot cost more than a prediction.
_SMALL_BYTES = 1024
# Unknown fields that validation may find: it tells them better, and takes less than a millisecond for so few.
_UNKNOWN_ALLOWED = 100
_MOST_MEMBERS = 20_000
_FIRST_PART = 1 << 14
_STRING = rb'"((?:[^"\\]++|\\.)*+)"'
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # the last one may be cut off
_TOKENS = re.compile(_STRING + rb"(\s*+:)?|[{}\[\],]", re.DOTALL)


class _Amount(NamedTuple):
    """The most a part of a body can hold."""

    objects: int = 0
    members: int = 0
    items: int = 0

    def times(self, count: int) -> _Amount:
        return _Amount(*(count * one for one in self))

    def plus(self, other: _Amount) -> _Amount:
        return _Amount(*(a + b for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Shape:
    """What a body of one model can hold at most.

    Attributes
    ----------
    names : frozenset of bytes
        Field names anywhere in it.
    free : frozenset of bytes
        Fields whose keys are free; their number is bounded.
    widest : int
        Members of one object.
    objects, members, items : int
        In the whole body: objects, pairs of key and value, and elements of arrays.
    by_rows : bool
        Whether it is a batch, so that too many objects are too many records.

    Examples
    --------
    >>> from pydantic import Field
    >>> class Call(BaseModel, extra="forbid", strict=True):
    ...     minutes: list[float] = Field(max_length=3)
    >>> shape = Shape.of(Call, rows=10)
    >>> shape.objects, shape.members, shape.items
    (1, 1, 3)
    >>> shape.check(b'{"minutes": [1, 2, 3]}')
    """

    names: frozenset[bytes]
    free: frozenset[bytes]
    widest: int
    objects: int
    members: int
    items: int
    by_rows: bool

    @classmethod
    def of(cls, model: type[BaseModel], rows: int) -> Self:
        """Return the shape of a bounded model whose `records`, if it has any, are `rows` at most."""
        schema = model.model_json_schema()
        records = schema.get("properties", {}).get("records")
        if records is not None:
            schema["properties"]["records"] = {**records, "maxItems": min(rows, records["maxItems"])}
        names: set[str] = set()
        free: set[str] = set()
        widths = [1]
        shared: dict[int, _Amount] = {}
        most = _most(schema, schema.get("$defs", {}), names, free, widths, shared)
        for amount in shared.values():
            most = most.plus(amount)
        encoded, open_to_any = (frozenset(name.encode() for name in found) for found in (names, free))
        return cls(encoded, open_to_any, max(widths), *most, by_rows=records is not None)

    def check(self, body: bytes) -> None:
        """Refuse a body with more members than any valid one has.

        Raises
        ------
        CutValidationError
            With the first unknown fields, where there is a flood of them.
        ProblemError
            413 for too many records or members, 400 for keys that must be repeated.
        """
        if len(body) < _SMALL_BYTES:
            return
        unknown = body.count(b":") - sum(body.count(b'"' + name + b'":') for name in self.names)
        if unknown > _UNKNOWN_ALLOWED + (self.members if self.free else 0):
            self._refuse_unknown(body)
        if self._crowded(body):
            self._refuse_crowded(body)

    def _refuse_crowded(self, body: bytes) -> None:
        """Refuse if there are as many members outside of texts, which the first part of a flood tells already."""
        size = _FIRST_PART
        while True:
            bare = _STRINGS.sub(b"", body[:size])
            if self._crowded(bare):
                break
            if size >= len(body):
                return
            size *= 4
        objects = bare.count(b"{")
        if objects <= self.objects and bare.count(b":") > self.widest * objects:
            raise ProblemError(400, "malformed_json", "An object repeats a key.")
        if self.by_rows:
            raise ProblemError(413, "batch_too_large", "The batch has more records than allowed; send several.")
        raise ProblemError(413, "too_many_members", "The body has more members than any valid one.")

    def _crowded(self, text: bytes) -> bool:
        """Whether there are more members than a body can have, or than its objects can: true of its first part, too."""
        objects = text.count(b"{")
        return (
            objects > self.objects
            or text.count(b":") > min(self.members, self.widest * objects)
            or text.count(b",") > self.members + self.items
        )

    def _refuse_unknown(self, body: bytes) -> None:
        found = _unknown_fields(body, self.names, self.free)
        if len(found) > MOST_ERRORS:
            errors = [{"type": "extra_forbidden", "loc": ("body", *at), "msg": "Not permitted"} for at in found]
            raise CutValidationError(errors)


def check_members(body: bytes, most: int = _MOST_MEMBERS) -> None:
    """Refuse a body of a route without a `Shape` that has too many members and elements to be validated quickly.

    Examples
    --------
    >>> check_members(b'{"a": [1, 2]}', most=3)
    >>> check_members(b'{"a": [1, 2, 3]}', most=2)
    Traceback (most recent call last):
    common_utils.serving.problems.ProblemError: The body may have 2 members and elements.
    """
    if body.count(b":") + body.count(b",") > most and _separators(body, most) > most:
        raise ProblemError(413, "too_many_members", f"The body may have {most} members and elements.")


def _separators(body: bytes, most: int) -> int:
    """Return how many colons and commas stand outside strings, or the first count above `most`.

    Not one call that takes all strings out: that would hold the interpreter for 40 ms of a body of 1 MB.
    """
    found = begin = 0
    for string in _STRINGS.finditer(body):
        found += body.count(b":", begin, string.start()) + body.count(b",", begin, string.start())
        if found > most:
            return found
        begin = string.end()
    return found + body.count(b":", begin) + body.count(b",", begin)


def _most(
    node: Mapping[str, Any],
    definitions: Mapping[str, Any],
    names: set[str],
    free: set[str],
    widths: list[int],
    shared: dict[int, _Amount],
) -> _Amount:
    """Return what a node of a schema can hold, and note its names; nothing nests without end (`unbounded_fields`).

    What arrays hold that are bounded `IN_BODY` is noted in `shared` instead, by the node.
    """
    if "$ref" in node:
        return _most(definitions[node["$ref"].rsplit("/", 1)[-1]], definitions, names, free, widths, shared)
    branches = [branch for key in ("anyOf", "oneOf", "allOf") for branch in node.get(key, ())]
    if branches:
        found = [_most(branch, definitions, names, free, widths, shared) for branch in branches]
        return _Amount(*(max(column) for column in zip(*found, strict=True)))
    if node.get("type") == "array":
        count = node["maxItems"]
        parts = [*node.get("prefixItems", ()), *([node["items"]] if isinstance(node.get("items"), Mapping) else [])]
        inner = [_most(part, definitions, names, free, widths, shared) for part in parts]
        widest = _Amount(*(max(column) for column in zip(*inner, strict=True))) if inner else _Amount()
        if IN_BODY in node:
            shared[id(node)] = widest.plus(_Amount(items=1)).times(node[IN_BODY])
            return _Amount()
        return widest.plus(_Amount(items=1)).times(count)
    if node.get("type") != "object":
        return _Amount()
    properties: Mapping[str, Any] = node.get("properties", {})
    total = _Amount(objects=1, members=len(properties))
    names.update(properties)
    for name, child in properties.items():
        total = total.plus(_most(child, definitions, names, free, widths, shared))
        if _is_free(child):
            free.add(name)
    others = node.get("additionalProperties")
    width = len(properties)
    if isinstance(others, Mapping):
        width = node["maxProperties"]
        total = total.plus(
            _most(others, definitions, names, free, widths, shared).plus(_Amount(members=1)).times(width)
        )
    widths.append(width)
    return total


def _is_free(node: Mapping[str, Any]) -> bool:
    branches = [branch for key in ("anyOf", "oneOf", "allOf") for branch in node.get(key, ())]
    return isinstance(node.get("additionalProperties"), Mapping) or any(_is_free(branch) for branch in branches)


def _unknown_fields(body: bytes, names: frozenset[bytes], free: frozenset[bytes]) -> list[tuple[str | int, ...]]:
    """Return where the first unknown fields are, one more than are told; reads no further than that."""
    found: list[tuple[str | int, ...]] = []
    path: list[bytes | int] = []
    for token in _tokens(body, names):
        sign = body[token.start()]
        if sign in b"{[":
            path.append(0 if sign == ord("[") else b"")
        elif sign in b"}]":
            if not path:
                break
            path.pop()
        elif sign == ord(","):
            if path and isinstance(path[-1], int):
                path[-1] += 1
        elif token[2] is not None and path:
            path[-1] = name = _plain(token[1])
            if name not in names and not (len(path) > 1 and path[-2] in free):
                found.append(tuple(part if isinstance(part, int) else part.decode("utf-8", "replace") for part in path))
                if len(found) > MOST_ERRORS:
                    break
    return found


def _tokens(body: bytes, names: frozenset[bytes]) -> Iterator[re.Match[bytes]]:
    """Yield the tokens of a body, but for those of flat objects of known fields, which are passed as a whole."""
    return (token for token in _pattern(names).finditer(body) if token[0][:1] != b"{" or token[0] == b"{")


@cache
def _pattern(names: frozenset[bytes]) -> re.Pattern[bytes]:
    known = b"|".join(re.escape(name) for name in sorted(names))
    field = rb'\s*+"(?>' + known + rb')"\s*+:\s*+(?>"[^"\\]*+"|[^"\[\]{},]*+)\s*+,?+'
    return re.compile(rb"\{(?>" + field + rb")++\}|" + _TOKENS.pattern, re.DOTALL)


def _plain(key: bytes) -> bytes:
    if b"\\" not in key:
        return key
    try:
        return str(json.loads(b'"' + key + b'"')).encode("utf-8", "replace")
    except ValueError:
        return key
