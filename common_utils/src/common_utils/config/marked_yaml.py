"""Read a hand-edited YAML file into a model; whatever is wrong with it is told with its line.

Settings come from several sources and are merged (`config.py`); this is for a file that stands alone and is
edited by people who are not programmers. Plain values, lists and sections only: no anchors, no tags, no key twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from common_utils.config.forms import BOOLEAN, form_of
from common_utils.config.settings import suggest_key
from common_utils.config.yaml_text import Location, YamlTextError, decode_text, line_of, read_content
from common_utils.errors import ConfigError

__all__ = ["YamlProblem", "read_marked"]

YamlProblem = tuple[Location, str]  # where, and what is wrong there

_MOST_REPORTED = 5
_WHOLE = "write a whole number: digits alone, no leading 0, no `0x`, no `:`, no `_`"
_WANTED = {
    "missing": "required; add it",
    "bool_type": BOOLEAN,
    "int_type": _WHOLE,
    "int_from_float": _WHOLE,
    "string_type": "write text; a number or true needs quotes round it",
    "tuple_type": "write a list: [a, b]",
    "model_type": "write a section of `key: value` lines",
}

M = TypeVar("M", bound=BaseModel)


def read_marked(
    model: type[M],
    data: bytes,
    name: str,
    *,
    check: Callable[[M], Sequence[YamlProblem]] | None = None,
    anchors: bool = False,
    strict: bool = False,
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
    anchors : bool
        Whether `&name`, `*name` and `<<` may be used.
    strict : bool
        Whether text that looks like a number is refused where a number is needed, though the model would take it from
        the environment.

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
    line 2, contacts: write a whole number: digits alone, no leading 0, no `0x`, no `:`, no `_`
    """
    try:
        content = read_content(decode_text(data), anchors=anchors)
    except YamlTextError as error:
        raise ConfigError(f"{name}: {error}. Correct it and try again.") from error
    if not isinstance(content.value, dict):
        found = "empty" if content.value is None else "not a section"
        raise ConfigError(f"{name}: line 1: the file is {found}; `key: value` lines are needed.")
    try:
        # Strict JSON takes a list for a tuple, and a whole number for one with decimals, as YAML writes them.
        filled = (
            model.model_validate_json(json.dumps(content.value), strict=True)
            if strict
            else model.model_validate(content.value)
        )
    except ValidationError as error:
        problems = [_problem(model, detail) for detail in error.errors(include_url=False, include_input=False)]
    else:
        problems = list(check(filled)) if check is not None else []
        if not problems:
            return filled
    raise ConfigError(f"{name}: {_report(problems, content.lines)}")


def _problem(model: type[BaseModel], detail: ErrorDetails) -> YamlProblem:
    if detail["type"] == "extra_forbidden":
        key = tuple(part for part in detail["loc"] if isinstance(part, str))
        return detail["loc"], f"unknown key; {suggest_key(model, key)}"
    message = detail["msg"].removeprefix("Value error, ")
    said = form_of(detail) or _WANTED.get(detail["type"], message[:1].lower() + message[1:])
    return detail["loc"], said


def _report(problems: Sequence[YamlProblem], lines: Mapping[Location, int]) -> str:
    said = [f"{len(problems)} problem{'s' * (len(problems) > 1)}:"]
    for where, message in problems[:_MOST_REPORTED]:
        dotted = ".".join(map(str, where)) or "file"
        said.append(f"line {line_of(lines, where)}, {dotted}: {message}")
    if len(problems) > _MOST_REPORTED:
        said.append(f"and {len(problems) - _MOST_REPORTED} more")
    return "\n".join(said)
