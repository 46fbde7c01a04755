"""Which tests have to notice a fault in a module: the nearest first, then those of its package, then of its users.

1. The examples in the module's docstrings, and the test file that mirrors it: `tests/billing/test_month_bills.py` for
   `billing/month_bills.py`.
2. Every test file of the package, the examples of its modules, and test files that import the module, or the innermost
   package it stands in, by name; what a test imports through a helper beside the tests counts.
3. What mirrors the modules that use a name of this one.
"""

from __future__ import annotations

import ast
from functools import cached_property
from pathlib import Path

__all__ = ["Tests"]


class Tests:
    """The tests of a member.

    Parameters
    ----------
    folder : Path
        Of the member: with `src/<package>/` and `tests/`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def levels(self, module: str) -> list[list[str]]:
        """Return the files to give to pytest, nearest first; none stands twice.

        Parameters
        ----------
        module : str
            File of the module, relative to the member.
        """
        parts = Path(module).with_suffix("").parts[1:]  # planrec, billing, month_bills
        folders = "/".join(("src", *parts[:2])) + "/", f"tests/{parts[1]}/"
        examples, around = ([file for file in self._imports if file.startswith(folder)] for folder in folders)
        around = [file for file in around if file in self._tests()]
        inner = ".".join(parts if len(parts) == 3 else parts[:-1])
        named = [file for file in self._tests() if any(_within(one, inner) for one in self._through_helpers(file))]
        used = [file for user in self._users(module) for file in self._mirrored(user)]
        levels: list[list[str]] = []
        seen: set[str] = set()
        for level in (self._mirrored(module), [*examples, *around, *named], used):
            files = [file for file in dict.fromkeys(level) if file not in seen]
            seen.update(files)
            levels.append(files)
        return levels

    def _mirrored(self, module: str) -> list[str]:
        """Return a module's file, for its examples, and the test file that mirrors it: `rating/` may be left out."""
        parts = Path(module).with_suffix("").parts[2:]
        found = [
            "/".join(("tests", *parts[:length], f"test_{parts[-1]}.py")) for length in range(len(parts) - 1, -1, -1)
        ]
        return [module, *(file for file in found if file in self._imports)]

    def _users(self, module: str) -> list[str]:
        """Return the modules that import a name which this one defines, from itself or through a face."""
        name = ".".join(Path(module).with_suffix("").parts[1:])
        faces = [name.rsplit(".", 1)[0], ".".join(name.split(".")[:2])]
        wanted = {f"{face}.{one}" for face in (name, *faces) for one in _defined(self.folder / module)}
        return [
            file
            for file in self._imports
            if file.startswith("src/") and file != module and wanted & self._imports[file]
        ]

    def _through_helpers(self, test: str) -> set[str]:
        """Return what a test file imports, itself and through helpers below `tests/`."""
        names, seen, left = set[str](), {test}, [test]
        while left:
            found = self._imports[left.pop()]
            names |= found
            helpers = {file for name in found for file in _helpers(name)} & self._imports.keys() - seen
            seen |= helpers
            left += helpers
        return names

    def _tests(self) -> list[str]:
        return [file for file in self._imports if Path(file).name.startswith("test_")]

    @cached_property
    def _imports(self) -> dict[str, set[str]]:
        """What each source and each test file imports."""
        sources, tests = (
            sorted((self.folder / part).rglob(name)) for part, name in (("src", "*.py"), ("tests", "*.py"))
        )
        return {file.relative_to(self.folder).as_posix(): _names(file) for file in (*sources, *tests)}


def _defined(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names


def _helpers(name: str) -> list[str]:
    """Return the files below `tests/` a dotted name of three parts may come from: `a.py`, `a/b.py` or `a/b/c.py`."""
    parts = name.removeprefix("tests.").split(".")
    return [f"tests/{'/'.join(parts[:length])}.py" for length in range(1, len(parts) + 1)]


def _within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def _names(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found
