"""Settings and rate cards that a wheel brings along, for a folder that has none of its own.

A wheel holds the project's `configs/` in `<package>/_project`. A relative path such as `configs/plans.yaml` counts from
the folder one works in; where there is no such file, the packaged one is read. `<command> init` copies them to edit.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from common_utils.errors import ConfigError

__all__ = ["CONFIGS", "defaults_of", "packaged_path", "use_packaged", "write_defaults"]

CONFIGS = "configs"
_PACKAGED = "_project"
# One process runs one project; what it may fall back on is known once its settings were asked for.
_fallbacks: dict[str, Path] = {}


def defaults_of(package: str) -> Path | None:
    """Return the folder around a project's `configs/`: the wheel's, else the source tree's, else None.

    Examples
    --------
    >>> defaults_of("no_such_package") is None
    True
    """
    spec = find_spec(package)
    places = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]
    found = (folder for place in places for folder in (place / _PACKAGED, place.parents[1]))
    return next((folder for folder in found if (folder / CONFIGS / "config.yaml").is_file()), None)


def use_packaged(package: str) -> None:
    """Let relative paths below `configs/` fall back on what the wheel of a package holds."""
    spec = find_spec(package)
    for place in () if spec is None else spec.submodule_search_locations or ():
        if (Path(place) / _PACKAGED / CONFIGS).is_dir():
            _fallbacks[package] = Path(place) / _PACKAGED


def packaged_path(path: Path) -> Path | None:
    """Return the packaged file that a relative path below `configs/` means, if there is one."""
    if path.is_absolute() or path.parts[:1] != (CONFIGS,):
        return None
    found = (folder / path for folder in _fallbacks.values())
    return next((file for file in found if file.is_file()), None)


def write_defaults(package: str, folder: Path) -> list[Path]:
    """Copy a project's settings and rate cards to `<folder>/configs`, to be edited; return the files.

    Raises
    ------
    ConfigError
        If one of the files is there already, which is left as it is, or the package holds none.
    """
    source = defaults_of(package)
    if source is None:
        raise ConfigError(f"{package}: its package holds no settings; install its wheel, or work in its source tree.")
    target = folder / CONFIGS
    files = {path: target / path.name for path in sorted((source / CONFIGS).iterdir()) if path.is_file()}
    if there := [path.name for path in files.values() if path.exists()]:
        raise ConfigError(f"{target}: holds {there[:5]} already; name another folder, or move them away.")
    target.mkdir(parents=True, exist_ok=True)
    for path, copy in files.items():
        shutil.copyfile(path, copy)
    return list(files.values())
