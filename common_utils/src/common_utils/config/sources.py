"""Where settings come from: a YAML file, the environment, and the layers they are merged into."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from common_utils.errors import ConfigError

__all__ = ["Layers", "compose_yaml", "describe_yaml_error", "environment_settings", "parse_scalar", "read_yaml"]


class Layers:
    """Settings merged from several sources that remembers where each value came from.

    Examples
    --------
    >>> layers = Layers()
    >>> layers.put((), {"training": {"seed": 1, "folds": 5}}, "config.yaml")
    >>> layers.put(("training", "seed"), 7, "X__TRAINING__SEED")
    >>> layers.tree
    {'training': {'seed': 7, 'folds': 5}}
    >>> layers.sources(("training",))
    ['config.yaml', 'X__TRAINING__SEED']
    """

    def __init__(self) -> None:
        self.tree: dict[object, object] = {}
        self._origins: dict[tuple[str, ...], str] = {}

    def put(self, key: tuple[object, ...], value: object, origin: str) -> None:
        """Set the value under `key`; a mapping is merged into what is there, anything else replaces it."""
        if isinstance(value, dict) and (value or not key):
            for name, item in value.items():
                self.put((*key, name), item, origin)
            return
        branch = self.tree
        for part in key[:-1]:
            below = branch.get(part)
            if not isinstance(below, dict):
                below = branch[part] = {}
            branch = below
        branch[key[-1]] = value
        texts = tuple(map(str, key))
        self._origins = {k: o for k, o in self._origins.items() if not _related(k, texts)} | {texts: origin}

    @property
    def origins(self) -> dict[tuple[str, ...], str]:
        """The source of each single value, by its key."""
        return dict(self._origins)

    def sources(self, key: tuple[str, ...]) -> list[str]:
        """Return the sources of the value under `key`, of all values below it, or of the value it lies in."""
        return list(dict.fromkeys(origin for known, origin in self._origins.items() if _related(known, key)))


def _related(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def read_yaml(path: Path) -> dict[object, object]:
    """Return the mapping a YAML file holds, an empty one for an empty file.

    Plain values follow YAML 1.2: `no`, `12:30`, `0123` and `2026-01-01` are text.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not UTF-8, is not valid YAML, gives a key twice or holds no mapping.
    """
    try:
        value = _parse(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 (byte {error.start}). Save it as UTF-8.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: not valid YAML: {describe_yaml_error(error)}.") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: holds a {type(value).__name__}; sections with `key: value` are needed.")
    return value


def parse_scalar(text: str, source: str) -> object:
    """Return what a short YAML text stands for; `source` names it in the error, which never repeats the text.

    Examples
    --------
    >>> parse_scalar("7", "--set a"), parse_scalar("[a, no]", "--set a"), parse_scalar("", "--set a")
    (7, ['a', 'no'], None)
    """
    try:
        return _parse(text)
    except (yaml.YAMLError, ValueError):
        raise ConfigError(f"{source}: the value is not valid YAML; put quotes round it.") from None


def environment_settings(environ: Mapping[str, str], prefix: str) -> list[tuple[str, tuple[str, ...], str]]:
    """Return name, key parts and text of each `PREFIX__A__B` variable, whole sections before single values.

    Raises
    ------
    ConfigError
        If two variables name the same setting, or one looks like a setting but for a single underscore
        after the prefix. Other `PREFIX_...` names belong to others (Kubernetes sets some).
    """
    found: dict[tuple[str, ...], tuple[str, str]] = {}
    for name in sorted(environ):
        upper, start = name.upper(), f"{prefix.upper()}__"
        if not upper.startswith(start):
            rest = upper.removeprefix(f"{prefix.upper()}_")
            if rest != upper and "__" in rest:
                raise ConfigError(f"{name}: unknown setting; did you mean {start}{rest}?")
            continue
        parts = tuple(upper.removeprefix(start).split("__"))
        if parts in found:
            raise ConfigError(f"{found[parts][0]} and {name} name the same setting; remove one.")
        found[parts] = (name, environ[name])
    by_depth = sorted(found.items(), key=lambda item: len(item[0]))
    return [(name, parts, text) for parts, (name, text) in by_depth]


class _Loader(yaml.SafeLoader):
    """Safe, refuses a key given twice, and takes YAML 1.2's view of plain values."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - overrides PyYAML's own class attribute; filled below

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Here, before merge keys (`<<`) are resolved: a key that came by one may be given again.
        node = super().compose_mapping_node(anchor)
        first: dict[tuple[str, str], int] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if (key.tag, key.value) in first:
                problem = f"key {key.value!r} is given twice, first on line {first[key.tag, key.value] + 1}"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            first[key.tag, key.value] = key.start_mark.line
        return node


# Each is no wider than PyYAML's own rule for the type, so that what safe_dump leaves unquoted reads back as it was.
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?[0-9]+\.[0-9]*(?:[eE][-+][0-9]+)?", "-+0123456789"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first))


def compose_yaml(text: str) -> yaml.Node | None:
    r"""Return the node tree of a YAML text, with a line in every node; None where there is nothing.

    Raises
    ------
    yaml.YAMLError
        If the text is not YAML, or gives a key twice.

    Examples
    --------
    >>> [(key.value, key.start_mark.line + 1) for key, _ in compose_yaml("a: 1\nb: no").value]
    [('a', 1), ('b', 2)]
    """
    return yaml.compose(text, Loader=_Loader)


def _parse(text: str) -> object:
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader


def describe_yaml_error(error: Exception) -> str:
    """Return line and problem of what PyYAML raised.

    Examples
    --------
    >>> describe_yaml_error(ValueError("?"))
    'unreadable'
    """
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    return f"line {mark.line + 1}: {problem}" if mark else str(problem)
