"""Today's module names over an older commit's modules: a pytest plugin, so that today's tests can be run there.

    NAMES_THEN=moves.json python -m pytest -p names_then tests

The file maps each package of today to where the names of its face lie, and each module of today to the module that git
says it was. Nothing is added: what was not there yet stays missing, and a test that asks for it cannot be imported.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import TypedDict

__all__ = ["moves"]


class Moves(TypedDict):
    """Module of today -> module of then; package of today -> name -> module that holds it today."""

    were: dict[str, str]
    faces: dict[str, dict[str, str]]


ROOT = Path(__file__).resolve().parents[1]


def moves(commit: str, members: Sequence[str]) -> Moves:
    """Return by module of today what git says it was at a commit, and by package where its names come from."""
    git = ["git", "-C", str(ROOT), "diff", "-M40%", "--name-status", "--diff-filter=R", commit, "HEAD", "--"]
    listed = subprocess.run([*git, *members], capture_output=True, text=True, check=True).stdout.splitlines()
    were = {_module(new): _module(old) for _, old, new in (line.split("\t") for line in listed) if "/src/" in new}
    faces: dict[str, dict[str, str]] = {}
    for member in members:
        for path in sorted((ROOT / member / "src").rglob("__init__.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            froms = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module and not node.level]
            faces[_module(str(path))] = {a.name: str(node.module) for node in froms for a in node.names}
    return {"were": were, "faces": faces}


def _module(path: str) -> str:
    return path.rpartition("/src/")[2].removesuffix(".py").removesuffix("/__init__").replace("/", ".")


# What only tests use is today's.
_HELPERS = {
    f"common_utils.testing.{name}": ROOT / "common_utils" / "src" / "common_utils" / "testing" / f"{name}.py"
    for name in ("once", "unhurried")
}


class _Then(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules of today that are not there: under their name of then, or as a package of what is."""

    def __init__(self, were: dict[str, str], faces: dict[str, dict[str, str]]) -> None:
        self._were, self._faces, self._finding = were, faces, set[str]()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target  # where it lies is not asked
        if fullname in _HELPERS:
            return importlib.util.spec_from_file_location(fullname, _HELPERS[fullname])
        if fullname in self._finding or (fullname not in self._were and fullname not in self._faces):
            return None
        self._finding.add(fullname)
        try:
            there = importlib.util.find_spec(fullname)
        except (ImportError, AttributeError, ValueError):
            there = None
        finally:
            self._finding.discard(fullname)
        package = fullname in self._faces
        if there is not None and (not package or there.submodule_search_locations is not None):
            return None
        if not package and self._were[fullname] == fullname:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=package)

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        for known in (name, self._were.get(name, "")):
            module.__dict__.update(_of_then(known, but=name if known == name else ""))
        for wanted, source in self._faces.get(name, {}).items():
            with suppress(ImportError, AttributeError):
                setattr(module, wanted, getattr(importlib.import_module(source), wanted))


def _of_then(name: str, *, but: str) -> dict[str, object]:
    """Return what a module of then holds; one that a package of today hides is read from its file."""
    if not name:
        return {}
    if name == but:
        relative = name.replace(".", "/") + ".py"
        paths = [Path(folder) / relative for folder in os.environ["PYTHONPATH"].split(os.pathsep)]  # not today's
        found = next((path for path in paths if path.is_file()), None)
        if found is None:
            return {}
        module = ModuleType(name)
        importlib.machinery.SourceFileLoader(name, str(found)).exec_module(module)
    else:
        try:
            module = importlib.import_module(name)
        except ImportError:
            return {}
    return {key: value for key, value in vars(module).items() if not key.startswith("__")}


if "NAMES_THEN" in os.environ:
    _said = json.loads(Path(os.environ["NAMES_THEN"]).read_text(encoding="utf-8"))
    sys.meta_path.insert(0, _Then(_said["were"], _said["faces"]))
