"""Say in words what a model asks for: the allowed names, and the form of a text, never a regular expression."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel

__all__ = ["FORM", "explained", "fields_without_form"]

FORM = "x-form"
"""Key of a field's `json_schema_extra` that describes the form of its text, where `description` says something else."""


def explained(model: type[BaseModel], errors: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return pydantic's errors with messages that help whoever wrote the body.

    Parameters
    ----------
    model : type of BaseModel
    errors : iterable of mapping
        As pydantic's `errors()` returns them, their locations beginning with "body".

    Returns
    -------
    list of dict
        An unknown field lists the names allowed in its place, once for each place; a text of another form gets the
        `FORM` or description of its field, a text that is too long or short the `FORM`.

    Examples
    --------
    >>> class Call(BaseModel, extra="forbid"):
    ...     minutes: float
    >>> error = {"type": "extra_forbidden", "loc": ("body", "hours"), "msg": "Extra inputs are not permitted"}
    >>> explained(Call, [error])[0]["msg"]
    'This field is not permitted; allowed here: minutes.'
    """
    schema = _schema(model)
    told: set[tuple[str, ...]] = set()
    found: list[dict[str, Any]] = []
    for error in errors:
        place = tuple(error["loc"])[1:]
        message = None
        if error["type"] == "extra_forbidden":
            names = tuple(sorted(_at(schema, schema, place[:-1]).get("properties", {})))
            message = "This field is not permitted" + ("." if names in told or not names else _allowed(names))
            told.add(names)
        elif error["type"] == "string_pattern_mismatch":
            node = _at(schema, schema, place)
            said = node.get(FORM, node.get("description"))
            message = said and f"This text does not follow the field's pattern: {said}."
        elif error["type"] in ("string_too_long", "string_too_short"):
            said = _at(schema, schema, place).get(FORM)
            message = said and f"{error['msg']}: {said}."
        found.append({**error, "msg": message} if message else dict(error))
    return found


def fields_without_form(model: type[BaseModel]) -> list[str]:
    """List the fields of a model whose text follows a pattern that is nowhere said in words; sorted.

    Examples
    --------
    >>> from pydantic import Field
    >>> class Call(BaseModel):
    ...     code: str = Field(pattern="^[A-Z]$")
    ...     kind: str = Field(pattern="^[A-Z]$", description="one capital letter")
    >>> fields_without_form(Call)
    ['Call.code']
    """
    schema = _schema(model)
    return sorted(
        f"{owner}.{name}"
        for owner, node in {model.__name__: schema, **schema.get("$defs", {})}.items()
        for name, field in node.get("properties", {}).items()
        if not (FORM in field or "description" in field) and _has_wordless_pattern(field)
    )


def _has_wordless_pattern(node: Any) -> bool:
    """Whether a text in a part of a schema has a pattern, and neither form nor description."""
    if isinstance(node, list):
        return any(map(_has_wordless_pattern, node))
    if not isinstance(node, Mapping) or FORM in node or "description" in node:
        return False
    return "pattern" in node or any(map(_has_wordless_pattern, node.values()))


@cache
def _schema(model: type[BaseModel]) -> Mapping[str, Any]:
    return model.model_json_schema()


def _allowed(names: Sequence[str]) -> str:
    return "; allowed here: " + ", ".join(names) + "."


def _at(schema: Mapping[str, Any], node: Mapping[str, Any], place: Sequence[str | int]) -> Mapping[str, Any]:
    """Return the node of a schema that a location leads to; empty where it leads nowhere."""
    if "$ref" in node:
        described = {name: node[name] for name in ("description",) if name in node}
        return _at(schema, {**schema["$defs"][node["$ref"].rsplit("/", 1)[-1]], **described}, place)
    branches = [branch for key in ("anyOf", "oneOf", "allOf") for branch in node.get(key, ())]
    if branches:
        reached = [found for branch in branches if (found := _at(schema, branch, place))]
        own = {"description": node["description"]} if "description" in node and not place else {}
        return {**next((one for one in reached if one.get("type") != "null"), {}), **own}
    if not place:
        return node
    part, rest = place[0], place[1:]
    inside = node.get("items") if isinstance(part, int) else node.get("properties", {}).get(part)
    return _at(schema, inside, rest) if isinstance(inside, Mapping) else {}
