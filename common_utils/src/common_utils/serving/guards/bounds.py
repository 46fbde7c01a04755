"""A lint for request models: every number has two bounds, every text and list a longest length, no field is open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

__all__ = ["unbounded_fields"]

# Formats whose parser bounds the text.
_BOUNDED_FORMATS = frozenset({"date", "date-time", "time", "duration", "uuid", "ipv4", "ipv6"})
_LOWER = ("minimum", "exclusiveMinimum")
_UPPER = ("maximum", "exclusiveMaximum")


def unbounded_fields(model: type[BaseModel]) -> list[str]:
    """List what a request model lets through without a limit.

    The model's own JSON schema is walked, so nested models, optional fields, unions and containers count.

    Parameters
    ----------
    model : type of BaseModel
        A request model.

    Returns
    -------
    list of str
        `path: what is missing`, sorted; empty for a model that is safe to expose.

    Examples
    --------
    >>> class Order(BaseModel, extra="forbid"):
    ...     top: int
    >>> unbounded_fields(Order)
    ['top: needs ge/gt and le/lt']
    """
    schema = model.model_json_schema()
    definitions: Mapping[str, Any] = schema.get("$defs", {})
    return sorted(set(_findings(schema, definitions, "", frozenset())))


def _findings(
    node: Mapping[str, Any], definitions: Mapping[str, Any], path: str, seen: frozenset[str]
) -> Iterator[str]:
    reference = node.get("$ref")
    if reference is not None:
        name = reference.rsplit("/", 1)[-1]
        if name in seen:
            yield f"{path}: nests without end"
        else:
            yield from _findings(definitions[name], definitions, path, seen | {name})
        return
    branches = [branch for key in ("anyOf", "oneOf", "allOf") for branch in node.get(key, ())]
    for branch in branches:
        yield from _findings(branch, definitions, path, seen)
    if branches or "enum" in node or "const" in node:
        return
    yield from _own_findings(node, path)
    yield from _children(node, definitions, path, seen)


def _own_findings(node: Mapping[str, Any], path: str) -> Iterator[str]:
    match node.get("type"):
        case "integer" | "number":
            if not (any(key in node for key in _LOWER) and any(key in node for key in _UPPER)):
                yield f"{path}: needs ge/gt and le/lt"
        case "string":
            if "maxLength" not in node and node.get("format") not in _BOUNDED_FORMATS:
                yield f"{path}: needs max_length"
        case "array":
            if "maxItems" not in node:
                yield f"{path}: needs max_length"
        case "object":
            yield from _object_findings(node, path)
        case "boolean" | "null":
            return
        case _:
            yield f"{path}: accepts any value"


def _object_findings(node: Mapping[str, Any], path: str) -> Iterator[str]:
    others = node.get("additionalProperties", True)
    if others is False:
        return
    if "properties" in node or others is True:
        yield f"{path or 'model'}: accepts unknown fields"
        return
    if "maxProperties" not in node:
        yield f"{path}: needs max_length"
    if "maxLength" not in node.get("propertyNames", {}):
        yield f"{path}: needs max_length on its keys"


def _children(
    node: Mapping[str, Any], definitions: Mapping[str, Any], path: str, seen: frozenset[str]
) -> Iterator[str]:
    children = {f"{path}.{name}".lstrip("."): child for name, child in node.get("properties", {}).items()}
    items = [node["items"]] if isinstance(node.get("items"), Mapping) else []
    children |= {f"{path}[{place}]": child for place, child in enumerate(node.get("prefixItems", ()))}
    others = node.get("additionalProperties")
    members = [*items, *([others] if isinstance(others, Mapping) else [])]
    for name, child in (*children.items(), *((f"{path}[]", member) for member in members)):
        yield from _findings(child, definitions, name, seen)
