"""Read a hand-edited YAML file into a model; whatever is wrong with it is told with its line.

Settings come from several sources and are merged (`config.py`); this is for a file that stands alone and that people
edit who are no programmers. Plain values, lists and sections only: no anchors, no tags, no key twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from common_utils.config.settings import suggest_key
from common_utils.config.sources import compose_yaml, describe_yaml_error
from common_utils.errors import ConfigError

__all__ = ["Location", "YamlProblem", "read_marked"]

Location = tuple[int | str, ...]  # keys and list positions, from the top of the file
YamlProblem = tuple[Location, str]  # where, and what is wrong there

_MOST_REPORTED = 5
_SCALARS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null")}
_WANTED = {
    "missing": "required; add it",
    "bool_type": "write true or false",
    "int_type": "write a whole number",
    "int_from_float": "write a whole number",
    "string_type": "write text; a number or true needs quotes round it",
    "tuple_type": "write a list: [a, b]",
    "model_type": "write a section of `key: value` lines",
}

M = TypeVar("M", bound=BaseModel)


class _Refused(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, node: yaml.Node, message: str) -> None:
        super().__init__(f"line {node.start_mark.line + 1}: {message}")


def read_marked(
    model: type[M], data: bytes, name: str, *, check: Callable[[M], Sequence[YamlProblem]] | None = None
) -> M:
    r"""Return the model a YAML file fills.

    Parameters
    ----------
    model : type of pydantic model
        Refuses unknown keys (`extra="forbid"`).
    data : bytes
        UTF-8.
    name : str
        What messages call the file.
    check : callable, optional
        Told the finished model; returns what is wrong with it all the same.

    Raises
    ------
    ConfigError
        At most five problems, each with line, dotted key, reason and what is allowed.

    Examples
    --------
    >>> class Limits(BaseModel, extra="forbid", strict=True):
    ...     contacts: int
    >>> read_marked(Limits, b"contacts: 2", "limits.yaml")
    Limits(contacts=2)
    >>> read_marked(Limits, b"# ours\ncontacts: two", "limits.yaml")
    Traceback (most recent call last):
    common_utils.errors.ConfigError: limits.yaml: 1 problem:
    line 2, contacts: write a whole number
    """
    lines: dict[Location, int] = {}
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{name}: line {line}: not UTF-8. Save it as UTF-8.") from error
    content = _content(text, name, lines)
    try:
        filled = model.model_validate(content)
    except ValidationError as error:
        problems = [_problem(model, detail) for detail in error.errors(include_url=False, include_input=False)]
    else:
        problems = list(check(filled)) if check is not None else []
        if not problems:
            return filled
    raise ConfigError(f"{name}: {_report(problems, lines)}")


def _content(text: str, name: str, lines: dict[Location, int]) -> dict[object, object]:
    """Return the sections of the file; `lines` learns where each lies."""
    try:
        root = compose_yaml(text)
        content = None if root is None else _plain(root, (), lines, set())
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise ConfigError(f"{name}: line {line}: {error.reason}. Take the character out.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: {describe_yaml_error(error)}. Correct it and try again.") from error
    except RecursionError as error:
        raise ConfigError(f"{name}: sections lie too deep in each other.") from error
    except _Refused as error:
        raise ConfigError(f"{name}: {error}.") from error
    if not isinstance(content, dict):
        found = "empty" if content is None else "no section"
        raise ConfigError(f"{name}: line 1: the file is {found}; `key: value` lines are needed.")
    return content


def _plain(node: yaml.Node, here: Location, lines: dict[Location, int], seen: set[int]) -> object:
    """Return the value of a node, and note the line of everything in it."""
    lines.setdefault(here, node.start_mark.line + 1)
    if id(node) in seen:
        raise _Refused(node, "an anchor (&, *) is used; write the lines out")
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        return dict(_entries(node, here, lines, seen))
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*here, i), lines, seen) for i, item in enumerate(node.value)]
    return _scalar(node)


def _entries(
    node: yaml.MappingNode, here: Location, lines: dict[Location, int], seen: set[int]
) -> Sequence[tuple[str, object]]:
    entries: list[tuple[str, object]] = []
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            raise _Refused(key, "a key is no plain word")
        at = (*here, key.value)
        lines[at] = key.start_mark.line + 1
        entries.append((key.value, _plain(value, at, lines, seen)))
    return entries


def _scalar(node: yaml.Node) -> object:
    if node.tag not in _SCALARS:
        raise _Refused(node, f"the tag {node.tag.removeprefix('tag:yaml.org,2002:')!r} is not allowed here")
    try:
        return yaml.SafeLoader("").construct_object(node)  # pyright: ignore[reportUnknownVariableType] - no stub
    except (KeyError, ValueError) as error:  # `!!int one`, or more digits than Python reads
        raise _Refused(node, "the value does not fit its kind") from error


def _problem(model: type[BaseModel], detail: ErrorDetails) -> YamlProblem:
    if detail["type"] == "extra_forbidden":
        key = tuple(part for part in detail["loc"] if isinstance(part, str))
        return detail["loc"], f"unknown key; {suggest_key(model, key)}"
    message = detail["msg"].removeprefix("Value error, ")
    return detail["loc"], _WANTED.get(detail["type"], message[:1].lower() + message[1:])


def _report(problems: Sequence[YamlProblem], lines: dict[Location, int]) -> str:
    said = [f"{len(problems)} problem{'s' * (len(problems) > 1)}:"]
    for where, message in problems[:_MOST_REPORTED]:
        depth = next(k for k in range(len(where), -1, -1) if where[:k] in lines)
        dotted = ".".join(map(str, where)) or "file"
        said.append(f"line {lines[where[:depth]]}, {dotted}: {message}")
    if len(problems) > _MOST_REPORTED:
        said.append(f"and {len(problems) - _MOST_REPORTED} more")
    return "\n".join(said)
