"""Today's module names over an older commit's modules: a pytest plugin, so that today's tests can be run there.

    NAMES_THEN=moves.json python -m pytest -p names_then tests

The file maps each package of today to where the names of its face lie, and each module of today to the module that git
says it was. What was not there yet can be imported, so that the other tests of a file run, and raises `AbsentError`
where it is used. What only tests use, `common_utils.testing`, is today's.
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
from typing import NoReturn, TypedDict

import pytest

__all__ = ["moves"]


class Moves(TypedDict):
    """Module of today -> module of then; package of today -> name -> module that holds it today; modules of today."""

    were: dict[str, str]
    faces: dict[str, dict[str, str]]
    now: list[str]


class AbsentError(ImportError):
    """A test used a name that was not there yet."""


class Absent:
    """Stands for a name that was not there yet; whatever is done with it raises."""

    def __init__(self, name: str) -> None:
        self._name = name

    def _raise(self, *_: object, **__: object) -> NoReturn:
        raise AbsentError(f"{self._name} was not there")

    def __getattr__(self, name: str) -> object:
        """Raise, but for what Python and pytest look for on anything."""
        if name.startswith(("__", "_pytest")) or name == "pytestmark":
            raise AttributeError(name)
        self._raise()

    __call__ = __iter__ = __len__ = __getitem__ = __contains__ = __eq__ = __lt__ = __add__ = __radd__ = _raise
    __mul__ = __rmul__ = __or__ = __ror__ = __format__ = __enter__ = __float__ = __index__ = __fspath__ = _raise
    __hash__ = object.__hash__


ROOT = Path(__file__).resolve().parents[1]


def moves(commit: str, members: Sequence[str]) -> Moves:
    """Return by module of today what git says it was at a commit, and by package where its names come from."""
    git = ["git", "-C", str(ROOT), "diff", "-M40%", "--name-status", "--diff-filter=R", commit, "HEAD", "--"]
    listed = subprocess.run([*git, *members], capture_output=True, text=True, check=True).stdout.splitlines()
    were = {_module(new): _module(old) for _, old, new in (line.split("\t") for line in listed) if "/src/" in new}
    faces: dict[str, dict[str, str]] = {}
    now: list[str] = []
    for member in members:
        now += [_module(str(path)) for path in sorted((ROOT / member / "src").rglob("*.py"))]
        for path in sorted((ROOT / member / "src").rglob("__init__.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            froms = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module and not node.level]
            faces[_module(str(path))] = {a.name: str(node.module) for node in froms for a in node.names}
    return {"were": were, "faces": faces, "now": now}


def _module(path: str) -> str:
    return path.rpartition("/src/")[2].removesuffix(".py").removesuffix("/__init__").replace("/", ".")


_TESTING = ROOT / "common_utils" / "src" / "common_utils" / "testing"


class _Then(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules of today that are not there: under their name of then, or as a package of what is."""

    def __init__(self, said: Moves) -> None:
        self._were, self._faces, self._now = said["were"], said["faces"], frozenset(said["now"])
        self._packages = {name.partition(".")[0] for name in self._now}
        self._finding = set[str]()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target  # where it lies is not asked
        if fullname.startswith("common_utils.testing."):
            return importlib.util.spec_from_file_location(fullname, _TESTING / f"{fullname.rpartition('.')[2]}.py")
        if fullname in self._finding or fullname.partition(".")[0] not in self._packages:
            return None
        self._finding.add(fullname)
        try:
            there = importlib.util.find_spec(fullname)
        except (ImportError, AttributeError, ValueError):
            there = None
        finally:
            self._finding.discard(fullname)
        package = fullname in self._faces
        if there is not None and there.loader is not None:
            if not package or there.submodule_search_locations is not None:
                there.loader = _Lenient(there.loader)
                return there
        elif fullname not in self._now:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=package)

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        _hidden_by(module)
        module.__dict__.update(_of_then(self._were.get(name, ""), but=name))
        for wanted, source in self._faces.get(name, {}).items():
            with suppress(ImportError, AttributeError):
                setattr(module, wanted, getattr(importlib.import_module(source), wanted))
        _forgive(module)


class _Lenient(importlib.abc.Loader):
    """Loads a module of then as it is, and lets names of today be imported from it."""

    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        _forgive(module)

    def __getattr__(self, name: str) -> object:
        """Return what else the loader offers, such as its data files."""
        return getattr(self._loader, name)


def _forgive(module: ModuleType) -> None:
    """Let a module give an `Absent` for each name it does not have."""

    def missing(name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        full = f"{module.__name__}.{name}"
        if hasattr(module, "__path__"):
            with suppress(ModuleNotFoundError):
                return importlib.import_module(full)
        return Absent(full)

    module.__dict__.setdefault("__getattr__", missing)


def _hidden_by(module: ModuleType) -> None:
    """Run the module of then that a package of today hides, in the package's own name: dataclasses look there."""
    relative = module.__name__.replace(".", "/") + ".py"
    paths = [Path(folder) / relative for folder in os.environ["PYTHONPATH"].split(os.pathsep)]  # not today's
    found = next((path for path in paths if path.is_file()), None)
    if found is not None:
        importlib.machinery.SourceFileLoader(module.__name__, str(found)).exec_module(module)


def _of_then(name: str, *, but: str) -> dict[str, object]:
    """Return what the module of then holds that another one of today was."""
    if name in ("", but):
        return {}
    try:
        module = importlib.import_module(name)
    except ImportError:
        return {}
    return {key: value for key, value in vars(module).items() if not key.startswith("__")}


if "NAMES_THEN" in os.environ:
    sys.meta_path.insert(0, _Then(json.loads(Path(os.environ["NAMES_THEN"]).read_text(encoding="utf-8"))))


def pytest_configure(config: pytest.Config) -> None:
    """Know today's markers: a commit that does not refuses to leave them out."""
    for marker in ("slow", "realdata"):
        config.addinivalue_line("markers", f"{marker}: of today")
