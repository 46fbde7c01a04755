"""The one reader of YAML that people write: strict, with the line of every value, and numbers that keep their text.

Plain values follow YAML 1.2: `no`, `9:30`, `0750`, `0x1F` and `2026-01-01` are text, so that where a number is needed
they are refused. A key given twice is refused. Settings, rate cards, drafts and rules are all read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml

__all__ = [
    "Content",
    "Location",
    "WrittenNumber",
    "YamlTextError",
    "decode_text",
    "exact_decimal",
    "line_of",
    "read_content",
]

Location = tuple[int | str, ...]  # keys and list positions, from the top of the text

_PREFIX = "tag:yaml.org,2002:"
_TAGS = {_PREFIX + kind for kind in ("str", "int", "float", "bool", "null", "map", "seq", "merge")}
_MERGE = _PREFIX + "merge"
_NUMBER = re.compile(r"[-+]?[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?")


class YamlTextError(ValueError):
    """What is wrong with a text, with its line where there is one; the caller says which file."""


class WrittenNumber(float):
    """A number with a decimal point that remembers how it was written.

    Attributes
    ----------
    text : str
        As in the file.

    Examples
    --------
    >>> WrittenNumber("1.10"), WrittenNumber("1.10").text
    (1.1, '1.10')
    """

    text: str

    def __new__(cls, text: str) -> WrittenNumber:
        """Return the number of a text that Python reads as a float."""
        number = super().__new__(cls, text)
        number.text = text
        return number


@dataclass(frozen=True, slots=True)
class Content:
    """What a YAML text says.

    Attributes
    ----------
    value : object
        Sections as dict with text keys, lists, text, int, `WrittenNumber`, bool or None.
    lines : mapping of Location to int
        Line of each key and list item, the first being 1; `()` is the whole text.
    """

    value: object
    lines: Mapping[Location, int]


def exact_decimal(value: object) -> Decimal:
    """Return the number that was written, to its last digit; for a field of type Decimal, before validation.

    Raises
    ------
    ValueError
        If the value is not a number of a YAML text.

    Examples
    --------
    >>> exact_decimal(WrittenNumber("0.10")), exact_decimal(3)
    (Decimal('0.10'), Decimal('3'))
    """
    if isinstance(value, WrittenNumber):
        return Decimal(value.text)
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, Decimal):
        return value
    raise ValueError("write a number: digits, and a point before decimals")


def decode_text(data: bytes) -> str:
    r"""Return the text of a file.

    Raises
    ------
    YamlTextError
        If it is not UTF-8.

    Examples
    --------
    >>> decode_text(b"\xef\xbb\xbfversion: x")
    'version: x'
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise YamlTextError(f"line {line}: not UTF-8 (byte {error.start}). Save it as UTF-8") from error


def read_content(text: str, *, anchors: bool = False) -> Content:
    r"""Return what a YAML text says, with the line of everything in it.

    Parameters
    ----------
    text : str
    anchors : bool
        Whether `&name`, `*name` and `<<` may be used; what refers to itself is refused in any case.

    Raises
    ------
    YamlTextError
        With line and reason: not YAML, a key given twice, a tag, a key that is not a plain word, sections too deep.

    Examples
    --------
    >>> content = read_content("fee: 0750\nshare: 0.10")
    >>> content.value, content.value["share"].text, content.lines[("share",)]
    ({'fee': '0750', 'share': 0.1}, '0.10', 2)
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
        reader = _Reader(anchors=anchors)
        value = None if root is None else reader.plain(root, ())
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise YamlTextError(f"line {line}: {error.reason}. Take the character out") from error
    except yaml.YAMLError as error:
        raise YamlTextError(_described(error)) from error
    except RecursionError as error:
        raise YamlTextError("sections lie too deep in each other") from error
    return Content(value, reader.lines)


def line_of(lines: Mapping[Any, int], where: tuple[int | str, ...]) -> int:
    """Return the line of a place, or of the nearest section around it.

    Examples
    --------
    >>> line_of({(): 1, ("plans",): 4}, ("plans", 0, "fee"))
    4
    """
    return next((lines[where[:k]] for k in range(len(where), -1, -1) if where[:k] in lines), 1)


class _Loader(yaml.SafeLoader):
    """Safe, refuses a key given twice, and takes YAML 1.2's view of plain values."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - overrides PyYAML's own class attribute; filled below

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Here, before merge keys (`<<`) are resolved: a key that came by one may be given again.
        node = super().compose_mapping_node(anchor)
        first: dict[str, int] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in first:
                problem = f"key {key.value!r} is given twice, first on line {first[key.value] + 1}"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            first[key.value] = key.start_mark.line
        return node


# Each is no wider than PyYAML's own rule for the type, so that what safe_dump leaves unquoted reads back as it was.
_PLAIN: dict[str, re.Pattern[str]] = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]*(?:[eE][-+][0-9]+)?", "-+0123456789"),
    ("merge", r"<<", "<"),
):
    _PLAIN[_PREFIX + _tag] = re.compile(rf"^(?:{_pattern})$")
    _Loader.add_implicit_resolver(_PREFIX + _tag, _PLAIN[_PREFIX + _tag], list(_first))


class _Reader:
    """Turns nodes into plain values and notes their lines."""

    def __init__(self, *, anchors: bool) -> None:
        self.lines: dict[Location, int] = {}
        self._anchors = anchors
        self._done: dict[int, object] = {}
        self._open: set[int] = set()

    def plain(self, node: yaml.Node, here: Location) -> object:
        self.lines.setdefault(here, node.start_mark.line + 1)
        if id(node) in self._open:
            raise _refused(node, "an anchor (&, *) refers to itself; write the lines out")
        if id(node) in self._done:
            if not self._anchors:
                raise _refused(node, "an anchor (&, *) is used; write the lines out")
            return self._done[id(node)]
        self._open.add(id(node))
        self._done[id(node)] = value = self._value(node, here)
        self._open.discard(id(node))
        return value

    def _value(self, node: yaml.Node, here: Location) -> object:
        if node.tag not in _TAGS:
            raise _refused(node, f"the tag {node.tag.removeprefix(_PREFIX)!r} is not allowed here")
        if isinstance(node, yaml.MappingNode):
            return self._section(node, here)
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(item, (*here, i)) for i, item in enumerate(node.value)]
        return _scalar(node)

    def _section(self, node: yaml.MappingNode, here: Location) -> dict[str, object]:
        merged: dict[str, object] = {}
        own: dict[str, object] = {}
        for key, value in node.value:
            if self._anchors and key.tag == _MERGE:
                for section in self._merged(value, here):
                    merged = {**section, **merged}
                continue
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                raise _refused(key, "a key is not a plain word")
            at = (*here, key.value)
            self.lines[at] = key.start_mark.line + 1
            own[key.value] = self.plain(value, at)
        return {**merged, **own}

    def _merged(self, node: yaml.Node, here: Location) -> Iterator[dict[str, object]]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for one in nodes:
            value = self.plain(one, (*here, "<<"))
            if not isinstance(value, dict):
                raise _refused(one, "`<<` needs a section of `key: value` lines")
            yield value


def _scalar(node: yaml.Node) -> object:
    plain = _PLAIN.get(node.tag)
    if plain is not None and not plain.fullmatch(node.value):  # `!!int 0750` would be 488
        raise _refused(node, "the value does not fit its kind")
    try:
        value: object = yaml.SafeLoader("").construct_object(node)  # pyright: ignore[reportUnknownVariableType] - no stub
    except (KeyError, ValueError) as error:  # `!!int one`, or more digits than Python reads
        raise _refused(node, "the value does not fit its kind") from error
    return WrittenNumber(node.value) if isinstance(value, float) and _NUMBER.fullmatch(node.value) else value


def _refused(node: yaml.Node, message: str) -> YamlTextError:
    return YamlTextError(f"line {node.start_mark.line + 1}: {message}")


def _described(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "unreadable"
    return f"line {mark.line + 1}: {problem}" if mark else str(problem)
