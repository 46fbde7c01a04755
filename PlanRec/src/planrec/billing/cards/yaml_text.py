"""YAML whose numbers keep their text: a price is a decimal as written, never a float on its way."""

from __future__ import annotations

import re
from typing import TypeAlias

import yaml

from common_utils.errors import ConfigError

__all__ = ["Tree", "read_tree"]

Tree: TypeAlias = "dict[str, Tree] | list[Tree] | str | bool | None"

_MOST_NODES = 200_000  # aliases of aliases grow without end; no card comes near


class _TextLoader(yaml.SafeLoader):
    """Scalars stay text, but for true, false, null and the merge key."""


_TextLoader.yaml_implicit_resolvers = {}
_TextLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_TextLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
_TextLoader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^<<$"), ["<"])


def read_tree(data: bytes, name: str) -> Tree:
    """Return a YAML file as mappings, lists and text; `name` is what messages call it.

    Raises
    ------
    ConfigError
        If the bytes are not YAML, a key stands twice in one mapping, or a key is no text.

    Examples
    --------
    >>> read_tree(b"{setup: 18.150, minutes: [0, ~], open: true}", "card")
    {'setup': '18.150', 'minutes': ['0', None], 'open': True}
    """
    try:
        loader = _TextLoader(data)
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_twins(node, name, [_MOST_NODES])
        return loader.construct_document(node)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        raise ConfigError(f"{name}: not UTF-8 YAML{where} ({type(error).__name__}).") from error


def _refuse_twins(node: yaml.Node, name: str, left: list[int]) -> None:
    left[0] -= 1
    if left[0] < 0:
        raise ConfigError(f"{name}: more than {_MOST_NODES:,} values; a card is smaller. Do not nest aliases.")
    if isinstance(node, yaml.SequenceNode):
        for part in node.value:
            _refuse_twins(part, name, left)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError(f"{name}: line {line}: a key must be a word.")
            if key.value in seen and key.value != "<<":
                raise ConfigError(f"{name}: line {line}: {key.value!r} stands twice in one mapping.")
            seen.add(key.value)
            if key.tag != "tag:yaml.org,2002:merge":
                key.tag = "tag:yaml.org,2002:str"
            _refuse_twins(value, name, left)
