"""YAML whose numbers keep their text: a price is a decimal as written, never a float on its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from common_utils.config.yaml_text import Location, WrittenNumber, YamlTextError, decode_text, read_content
from common_utils.errors import ConfigError

__all__ = ["MarkedTree", "Tree", "read_marked_tree"]

Tree: TypeAlias = "dict[str, Tree] | list[Tree] | str | bool | None"

_MOST_NODES = 200_000  # aliases of aliases grow without end; no card comes near


@dataclass(frozen=True)
class MarkedTree:
    """A YAML file as mappings, lists and text, with the line of each key and list item."""

    tree: Tree
    lines: Mapping[Location, int] = field(default_factory=dict)


def read_marked_tree(data: bytes, name: str) -> MarkedTree:
    """Return a YAML file as mappings, lists and text, read by the reader of everything that people write.

    Parameters
    ----------
    data : bytes
    name : str
        What messages call it.

    Raises
    ------
    ConfigError
        If the bytes are not YAML in UTF-8, a key stands twice in one mapping or is not a word, or aliases grow.

    Examples
    --------
    >>> marked = read_marked_tree(b"{setup: 18.150, minutes: [0, ~], open: true}", "card")
    >>> marked.tree, marked.lines[("setup",)]
    ({'setup': '18.150', 'minutes': ['0', None], 'open': True}, 1)
    """
    try:
        content = read_content(decode_text(data), anchors=True)
    except YamlTextError as error:
        raise ConfigError(f"{name}: {error}. Correct it and try again.") from error
    return MarkedTree(_texts(content.value, name, [_MOST_NODES]), content.lines)


def _texts(value: object, name: str, left: list[int]) -> Tree:
    """Return a value with its numbers as text."""
    left[0] -= 1
    if left[0] < 0:
        raise ConfigError(f"{name}: more than {_MOST_NODES:,} values; a card is smaller. Do not nest aliases.")
    if isinstance(value, dict):
        return {key: _texts(part, name, left) for key, part in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_texts(part, name, left) for part in cast("list[object]", value)]
    if isinstance(value, WrittenNumber):
        return value.text
    return value if value is None or isinstance(value, bool) else str(value)
