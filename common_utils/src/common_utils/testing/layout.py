"""Promises of a package's layout: a face lists what it holds, tests mirror the packages, light imports stay light."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

__all__ = ["HEAVY", "face_faults", "format_faults", "loaded_by", "mirror_faults"]

HEAVY = ("duckdb", "joblib", "matplotlib", "pandas", "pandera", "pyarrow", "scipy", "sklearn")
"""Libraries that light imports must not load."""


def face_faults(package: str) -> list[str]:
    """Return where the `__init__` of a package, or of one inside, differs from what it lists; empty where none does.

    Parameters
    ----------
    package : str
        Name of a package that can be imported. An `__init__` without imports and `__all__` needs nothing.

    Examples
    --------
    >>> face_faults("common_utils.config")
    []
    """
    faults: list[str] = []
    for path in sorted(_folder(package).rglob("__init__.py")):
        inner = ".".join([package, *path.parent.relative_to(_folder(package)).parts])
        bound = set(_bound_names(ast.parse(path.read_text(encoding="utf-8"))))
        module = importlib.import_module(inner)
        listed = list[str](getattr(module, "__all__", []))
        faults += [f"{inner}: {name} is bound and not in __all__" for name in sorted(bound - set(listed))]
        faults += [f"{inner}: {name} is in __all__ and not bound" for name in sorted(set(listed) - bound)]
        faults += [f"{inner}: {name} cannot be imported" for name in listed if not hasattr(module, name)]
        if len(set(listed)) < len(listed):
            faults.append(f"{inner}: __all__ names something twice")
    return faults


def mirror_faults(package: str, tests: Path, *, beside: Iterable[str] = ()) -> list[str]:
    """Return folders of tests that mirror no package; tests of a module stand in its package's folder.

    Parameters
    ----------
    package : str
        Name of a package that can be imported.
    tests : Path
        Folder of its tests.
    beside : iterable of str
        Folders that mirror something else, for example `app`.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> (tests := Path(mkdtemp())).joinpath("cellar").mkdir()
    >>> mirror_faults("common_utils", tests)
    ['cellar/: there is no package common_utils.cellar']
    """
    source, others, faults = _folder(package), set(beside), list[str]()
    for folder in sorted(path for path in tests.rglob("*") if path.is_dir() and path.name != "__pycache__"):
        inner = folder.relative_to(tests)
        if inner.parts[0] not in others and not (source / inner / "__init__.py").is_file():
            faults.append(f"{inner.as_posix()}/: there is no package {'.'.join([package, *inner.parts])}")
    return faults


def format_faults(package: str) -> list[str]:
    """Return f-strings that round a number and could show "-0": their format needs a `z`, as in `:z.2f`.

    Examples
    --------
    >>> format_faults("common_utils")
    []
    """
    faults: list[str] = []
    for path in sorted(_folder(package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
                said = "".join(str(part.value) for part in node.format_spec.values if isinstance(part, ast.Constant))
                if (
                    (said.endswith((".f", "%")) or re.search(r"\.\d+f$", said))
                    and "z" not in said
                    and "testing" not in path.parts
                ):
                    faults.append(f"{path.name}:{node.lineno}: {said}")
    return faults


def loaded_by(statement: str, *, heavy: Iterable[str] = HEAVY) -> list[str]:
    """Return which heavy libraries a statement loads in a fresh interpreter.

    Examples
    --------
    >>> loaded_by("import common_utils.errors")
    []
    """
    code = f"{statement}\nimport sys; print(*sorted({set(heavy)!r} & set(sys.modules)))"
    return subprocess.run(  # noqa: S603 - our own interpreter and a test's own statement
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


def _folder(package: str) -> Path:
    file = importlib.import_module(package).__file__
    if file is None:
        raise ValueError(f"{package} has no __init__.py")
    return Path(file).parent


def _bound_names(tree: ast.Module) -> Iterable[str]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name) and target.id != "__all__")
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name
