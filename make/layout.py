"""How the code is laid out: lines a module, modules a folder, import circles on every level, imports inside functions.

`python make/layout.py` prints the figures of every member; it leaves with 1 where a bound is broken. The bounds stand
here, beside the figures they judge.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from check_documents import tracked_files
from members import MEMBERS, ROOT

MOST_LINES = 400  # of a module or test file
LONGER = {"PlanRec/src/planrec/quick/advice.py": 408}  # may shrink, and not grow
MOST_MODULES = 16  # beside `__init__.py` and the packages of a folder
FLAT = 30  # a package with fewer modules may stay flat
# Imports inside functions of each package, as they were before modules became packages: they must not grow, because
# a circle is easily hidden there.
MOST_INNER_IMPORTS = {"common_utils": 23, "planrec": 27}


@dataclass(frozen=True)
class Import:
    """One import statement of one of our modules: who imports what, and whether inside a function."""

    importer: str
    imported: str
    inner: bool


@dataclass(frozen=True)
class Layout:
    """What was seen of a package.

    Attributes
    ----------
    crowded : dict of str to int
        Folders with more than `MOST_MODULES` modules.
    circles : dict of str to list of str
        A circle of imports by the package on whose level it lies.
    inner_imports : int
        Imports inside functions, of our own packages.
    """

    crowded: dict[str, int]
    circles: dict[str, list[str]]
    inner_imports: int


def main(packages: Sequence[Path] | None = None) -> int:
    """Print the layout of packages, every member's unless told; return 1 where a bound is broken."""
    broken = False
    for source in packages or package_folders():
        seen = layout_of(source)
        most = MOST_INNER_IMPORTS.get(source.name)
        over = most is not None and seen.inner_imports > most
        print(f"{source.name}: {seen.inner_imports} imports inside functions" + (f", at most {most}" if over else ""))
        for folder, count in seen.crowded.items():
            print(f"  {folder}: {count} modules side by side, at most {MOST_MODULES}; make a package of some")
        for level, circle in seen.circles.items():
            print(f"  {level}: imports in a circle: {' -> '.join(circle)}; move what both need to one below")
        broken = broken or over or bool(seen.crowded) or bool(seen.circles)
    if packages is None:
        for name, lines in long_files(ROOT):
            print(f"{name}: {lines} lines, at most {LONGER.get(name, MOST_LINES)}; split it by meaning")
            broken = True
    return int(broken)


def long_files(root: Path) -> list[tuple[str, int]]:
    """Return the Python files of a repository that are too long, tests among them, each with its lines."""
    sizes = [
        (name, len((root / name).read_bytes().splitlines())) for name in tracked_files(root) if name.endswith(".py")
    ]
    return [(name, lines) for name, lines in sizes if lines > LONGER.get(name, MOST_LINES)]


def package_folders() -> list[Path]:
    """Return the package of each member."""
    return sorted(
        package
        for member in MEMBERS
        for package in (ROOT / member / "src").iterdir()
        if (package / "__init__.py").is_file()
    )


def layout_of(package: Path) -> Layout:
    """Return what is seen of a package.

    Parameters
    ----------
    package : Path
        The folder that holds its `__init__.py`.
    """
    found = list(imports_of(package))
    names = {module_name(path, package): path for path in package.rglob("*.py")}
    circles: dict[str, list[str]] = {}
    for level in sorted(name for name, path in names.items() if path.name == "__init__.py"):
        circle = _circle(level, found, names)
        if circle:
            circles[level] = circle
    crowded = {
        str(folder.relative_to(package.parent)): count
        for folder, count in _modules_a_folder(package)
        if count > MOST_MODULES and len(names) >= FLAT
    }
    return Layout(crowded, circles, sum(one.inner for one in found))


def module_name(path: Path, package: Path) -> str:
    """Return the dotted name of a module's file."""
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(package: Path) -> Iterator[Import]:
    """Yield the imports of a package's modules from itself; those for the type checker alone are left out."""
    for path in sorted(package.rglob("*.py")):
        importer = module_name(path, package)
        for node, inner in _statements(ast.parse(path.read_text(encoding="utf-8"))):
            for imported in _imported(node):
                if imported.split(".")[0] == package.name:
                    yield Import(importer, imported, inner)


def _statements(tree: ast.Module) -> Iterator[tuple[ast.stmt, bool]]:
    stack: list[tuple[ast.AST, bool]] = [(tree, False)]
    while stack:
        node, inner = stack.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, inner
        inside = inner or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        stack.extend((child, inside) for child in ast.iter_child_nodes(node))


def _imported(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _circle(level: str, found: Iterable[Import], names: dict[str, Path]) -> list[str] | None:
    """Return a circle among the children of a package, or None; what its own `__init__` imports is a face."""
    graph: defaultdict[str, set[str]] = defaultdict(set)
    for one in found:
        source, target = _child(level, one.importer), _child(level, one.imported)
        if source and target and source != target and f"{level}.{target}" in names:
            graph[source].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return None


def _child(level: str, name: str) -> str:
    return name.removeprefix(f"{level}.").split(".")[0] if name.startswith(f"{level}.") else ""


def _modules_a_folder(package: Path) -> Iterator[tuple[Path, int]]:
    for folder in sorted({path.parent for path in package.rglob("*.py")}):
        yield folder, sum(path.name != "__init__.py" for path in folder.glob("*.py"))


if __name__ == "__main__":
    sys.exit(main())
