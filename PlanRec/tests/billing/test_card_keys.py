"""The page on full cards lists every key of a card and of accounts, with what it takes, as the schema has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from planrec.billing.cards import BillRequest, FullCard

_PAGE = Path(__file__).parents[2] / "docs" / "rate_cards.md"
_HEAD = ["| key | what | takes | where not told |", "|---|---|---|---|"]
_TEXTS = {
    r"^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$": "time of day `HH:MM`, to `24:00`",
    r"^[A-Z]{3}$": "three capital letters",
}
_WRITTEN = {  # what is read from a text of its own
    "plans.rates.increment": "`FIRST/STEP` in seconds, each 1 to 999,999",
    "plans.rates.per_minute": "decimal, or list of: pair [whole number; decimal]",
}
_FORMATS = {"date": "day `YYYY-MM-DD`", "date-time": "instant `YYYY-MM-DDTHH:MM:SS`, with or without offset"}


def _bounds(part: dict[str, Any]) -> str:
    low = f"{part['minimum']:,.0f}" if "minimum" in part else ""
    if "exclusiveMinimum" in part:
        return f" above {part['exclusiveMinimum']:,.0f}, to {part['maximum']:,.0f}"
    return f" {low} to {part['maximum']:,.0f}" if "maximum" in part else f" from {low}" if low else ""


def _takes(part: dict[str, Any], parts: dict[str, Any]) -> tuple[str, str]:
    """Return what a value may be, and the part of the schema that describes mappings in it."""
    if "$ref" in part:
        name = part["$ref"].rsplit("/", 1)[-1]
        return "keys below", name
    if "enum" in part or "const" in part:
        return ", ".join(f"`{one}`" for one in part.get("enum", [part.get("const")])), ""
    if "anyOf" in part:
        kinds = [p for p in part["anyOf"] if p.get("type") != "null"]
        number = next((p for p in kinds if p.get("type") == "number"), None)
        if number is not None:  # a decimal, as text or not
            others = [_takes(p, parts)[0] for p in kinds if p.get("type") not in ("number", "string") or "const" in p]
            return " or ".join([*others, f"decimal{_bounds(number)}"]), ""
        found = [_takes(p, parts) for p in kinds]
        return " or ".join(text for text, _ in found), next((name for _, name in found if name), "")
    kind = part.get("type")
    if kind == "object":
        text, name = _takes(part["additionalProperties"], parts)
        return f"mapping of names to: {text}", name
    if kind == "array":
        return _list(part, parts)
    if kind == "string":
        return _FORMATS.get(part.get("format", "")) or _TEXTS.get(part.get("pattern", "")) or "text", ""
    return {"integer": f"whole number{_bounds(part)}", "boolean": "`true`, `false`"}[str(kind)], ""


def _list(part: dict[str, Any], parts: dict[str, Any]) -> tuple[str, str]:
    if "prefixItems" in part:
        return f"pair [{'; '.join(_takes(p, parts)[0] for p in part['prefixItems'])}]", ""
    text, name = _takes(part["items"], parts)
    one = not name and ("enum" in part["items"] or part["items"].get("type") == "string")
    return f"{'one or a ' if one and 'format' not in part['items'] else ''}list of: {text}", name


def _keys(schema: dict[str, Any], part: dict[str, Any], above: str, seen: dict[str, str]) -> Iterator[str]:
    parts = schema.get("$defs", {})
    for key, value in part["properties"].items():
        takes, name = _takes(value, parts)
        takes = _WRITTEN.get(f"{above}{key}", takes)
        if name in seen:
            takes = takes.replace("keys below", f"keys as `{seen[name]}`")
        what = value.get("description", "").replace("|", "or")
        yield f"| `{above}{key}` | {what} | {takes} | {_default(key, part)} |"
        if name and name not in seen:
            seen[name] = f"{above}{key}"
            inside = f"{above}{key}.*." if value.get("type") == "object" else f"{above}{key}."  # `*`: any name
            yield from _keys(schema, parts[name], inside, seen)


def _default(key: str, part: dict[str, Any]) -> str:
    if key in part.get("required", []):
        return "must be told"
    default = part["properties"][key].get("default")
    if key == "increment":
        return "`1/1`"
    if isinstance(default, list):
        return ", ".join(f"`{one}`" for one in default)
    return "" if default in (None, "", {}) else f"`{str(default).lower()}`"


def _table(model: type[BaseModel]) -> list[str]:
    schema = model.model_json_schema()
    return [*_HEAD, *_keys(schema, schema, "", {})]


def test_tables_of_the_page_are_the_schema() -> None:
    page = _PAGE.read_text(encoding="utf-8")
    for model in (FullCard, BillRequest):
        table = "\n".join(_table(model))
        assert table in page, f"write this table of {model.__name__} into {_PAGE.name}:\n{table}"
