"""How values are to be written, in words: what a message says in place of a regular expression."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

__all__ = ["BOOLEAN", "FORMS", "NUMBER", "form_of", "odd_values", "section_of"]

FORMS = {
    r"^[0-9]{4}-(0[1-9]|1[0-2])$": "write a month as YYYY-MM, such as 2025-09",
    r"^[A-Z]{3}$": "write three capital letters, such as EUR",
    r"^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$": "write a time of day as HH:MM, 00:00 to 24:00",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$": "write letters, digits and _ . - between, at most 64 of them",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": "write a plain file name: letters, digits and _ . - between",
    r"^(sqlite:///|postgresql://)": "write sqlite:/// and the path of a file, or postgresql:// and a server's address",
    r"^$|^(https?|sqlite|postgresql|postgresql\+psycopg)://": "write the http address of a server, or nothing",
    r"^(/[A-Za-z0-9._~-]+)*$": "write a path such as /planrec, without a / at its end",
}
"""The patterns of settings, cards and rules, each in words; a test holds that every pattern is here."""

NUMBER = "write a number: digits, no 0 before them, no `_`"
BOOLEAN = "write true or false"
_ODD_NUMBER = re.compile(r"[-+]?(0[0-9_]+|[0-9][0-9_]*_[0-9_]*)(\.[0-9_]*)?")


def form_of(detail: ErrorDetails) -> str | None:
    """Return in words how a text is to be written that does not follow its pattern, None for other errors.

    Examples
    --------
    >>> from pydantic import Field, ValidationError
    >>> class Window(BaseModel):
    ...     to: str = Field(pattern=r"^[A-Z]{3}$")
    >>> try:
    ...     _ = Window(to="euro")
    ... except ValidationError as error:
    ...     form_of(error.errors()[0])
    'write three capital letters, such as EUR'
    """
    if detail["type"] != "string_pattern_mismatch":
        return None
    pattern = detail["msg"].partition("pattern '")[2].removesuffix("'")
    return FORMS.get(pattern)


def odd_values(
    model: type[BaseModel], tree: object, above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield key and form of settings that hold what is only taken for a number (0750, 1_000) or for a boolean (yes, 1).

    Parameters
    ----------
    model : type of pydantic model
    tree : object
        What it is filled with, as read; numbers and booleans are such there already.
    above : tuple of str
        Key of the section.

    Examples
    --------
    >>> class Training(BaseModel):
    ...     seed: int
    ...     refit: bool = False
    >>> list(odd_values(Training, {"seed": "042"})), list(odd_values(Training, {"seed": 42, "refit": True}))
    ([(('seed',), 'write a number: digits, no 0 before them, no `_`')], [])
    >>> list(odd_values(Training, {"refit": "yes"}))
    [(('refit',), 'write true or false')]
    """
    for name, value in cast("dict[str, object]", tree).items() if isinstance(tree, dict) else ():
        field = model.model_fields.get(name)
        annotation = None if field is None else field.annotation
        section = section_of(annotation)
        if section is None:
            if isinstance(value, str) and _takes_only(annotation, int, float) and _ODD_NUMBER.fullmatch(value.strip()):
                yield (*above, name), NUMBER
            if _takes_only(annotation, bool) and value is not None and not isinstance(value, bool):
                yield (*above, name), BOOLEAN
            continue
        for key, part in _sections(annotation, value):
            yield from odd_values(section, part, (*above, name, *key))


def _sections(annotation: Any, value: object) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield key and content of each section that a setting holds: one, or several in a mapping or a list."""
    if isinstance(value, list):
        yield from (((str(place),), part) for place, part in enumerate(cast("list[object]", value)))
    elif isinstance(value, dict) and get_origin(annotation) is dict:
        yield from (((key,), part) for key, part in cast("dict[str, object]", value).items())
    else:
        yield (), value


def section_of(annotation: Any) -> type[BaseModel] | None:
    """Return the section inside `Section | None`, `dict[str, Section]`, `tuple[Section, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for found in map(section_of, get_args(annotation)) if found), None)


def _takes_only(annotation: Any, *kinds: type) -> bool:
    """Tell whether a setting takes values of some types, or none, and nothing else."""
    accepted = set(get_args(annotation)) if get_origin(annotation) in (UnionType, Union) else {annotation}
    return bool(accepted & set(kinds)) and accepted <= {*kinds, type(None)}
