"""Where settings come from: a YAML file, the environment, and the layers they are merged into."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from common_utils.config.yaml_text import Location, YamlTextError, decode_text, line_of, read_content
from common_utils.errors import ConfigError

__all__ = ["Layers", "environment_settings", "parse_scalar", "read_settings_file", "read_yaml"]


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
        self.tree: dict[str, object] = {}
        self._origins: dict[tuple[str, ...], str] = {}
        self._lines: dict[str, dict[tuple[str, ...], int]] = {}  # by source that is a file

    def put(
        self, key: tuple[str, ...], value: object, origin: str, lines: Mapping[Location, int] | None = None
    ) -> None:
        """Set the value under `key`; a mapping is merged into what is there, anything else replaces it.

        `lines` says on which line of its file each part of the value lies; places count from `key`.
        """
        if lines:
            self._lines[origin] = {(*key, *map(str, where)): line for where, line in lines.items()}
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
        self._origins = {k: o for k, o in self._origins.items() if not _related(k, key)} | {key: origin}

    @property
    def origins(self) -> dict[tuple[str, ...], str]:
        """The source of each single value, by its key."""
        return dict(self._origins)

    def sources(self, key: tuple[str, ...]) -> list[str]:
        """Return the sources of the value under `key`, of all values below it, or of the value it lies in."""
        found = dict.fromkeys(origin for known, origin in self._origins.items() if _related(known, key))
        return [
            f"{origin} line {line_of(self._lines[origin], key)}" if origin in self._lines else origin
            for origin in found
        ]


def _related(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def read_yaml(path: Path) -> dict[str, object]:
    """Return the mapping a YAML file holds, an empty one for an empty file.

    Plain values follow YAML 1.2: `no`, `12:30`, `0123` and `2026-01-01` are text.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not UTF-8, is not valid YAML, gives a key twice or holds no mapping.
    """
    return read_settings_file(path)[0]


def read_settings_file(path: Path) -> tuple[dict[str, object], Mapping[Location, int]]:
    """Return the mapping a YAML file holds, as `read_yaml`, and the line of everything in it."""
    try:
        content = read_content(decode_text(path.read_bytes()), anchors=True)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from error
    except YamlTextError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}.") from error
    if content.value is None:
        return {}, content.lines
    if not isinstance(content.value, dict):
        kind = type(content.value).__name__
        raise ConfigError(f"{path}: holds a {kind}; sections with `key: value` are needed.")
    return content.value, content.lines


def parse_scalar(text: str, source: str) -> object:
    """Return what a short YAML text stands for; `source` names it in the error, which never repeats the text.

    Examples
    --------
    >>> parse_scalar("7", "--set a"), parse_scalar("[a, no]", "--set a"), parse_scalar("", "--set a")
    (7, ['a', 'no'], None)
    """
    try:
        return read_content(text, anchors=True).value
    except YamlTextError:
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
