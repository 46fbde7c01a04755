"""Each of our names has one address: outside a package with a face the face, inside it the module that defines it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from check_documents import tracked_files
from members import MEMBERS

TREES = (*MEMBERS, "benchmarks", "infra", "make", "scripts")


class Addresses:
    """Where the names of our packages are defined, and which faces hand them on."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources = {path.parent.name: path.parent.parent for path in root.glob("*/src/*/__init__.py")}
        self._imports = cache(self._read)

    def faults(self, file: str) -> Iterator[str]:
        """Yield imports of a file that do not take the one address of a name."""
        path = self.root / file
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.module or not self.ours(node.module):
                continue
            for alias in node.names:
                wanted = self.address(node.module, alias.name, path)
                if wanted != node.module:
                    yield f"{file}:{node.lineno}: {alias.name} from {node.module}; its address is {wanted}"

    def lent(self, file: str) -> list[str]:
        """Return what a module lists in `__all__` and does not define; a face may."""
        path = self.root / file
        if path.name == "__init__.py" or "src" not in path.parts:
            return []
        tree = ast.parse(path.read_text(encoding="utf-8"))
        taken = {
            alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
        }
        return [f"{file}: __all__ lists {name} of another module" for name in sorted(taken & _listed(tree))]

    def ours(self, module: str) -> bool:
        """Whether a module is one of our packages'."""
        return module.split(".")[0] in self.sources

    def address(self, module: str, name: str, importer: Path) -> str:
        """Return where an importer takes a name from that it finds in a module."""
        home = module
        while name in self._imports(home):
            home = self._imports(home)[name]
        parts = home.split(".")
        for depth in range(1, len(parts)):
            face = ".".join(parts[:depth])
            if name in self._imports(face) and not importer.is_relative_to(self._folder(face)):
                return face
        return home

    def _folder(self, module: str) -> Path:
        return self.sources[module.split(".")[0]] / Path(*module.split("."))

    def _read(self, module: str) -> dict[str, str]:
        """Return what a module imports by name from our packages, modules apart."""
        folder = self._folder(module)
        path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
        if not path.is_file():
            return {}
        return {
            alias.asname or alias.name: node.module
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.ImportFrom) and node.module and self.ours(node.module)
            for alias in node.names
            if not self._is_module(f"{node.module}.{alias.name}")
        }

    def _is_module(self, name: str) -> bool:
        return self._folder(name).is_dir() or self._folder(name).with_suffix(".py").is_file()


def _listed(tree: ast.Module) -> set[object]:
    lists = [n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__"]
    return {one.value for value in lists for one in ast.walk(value) if isinstance(one, ast.Constant)}


def test_every_name_is_imported_from_its_one_address(root: Path) -> None:
    addresses = Addresses(root)
    files = [name for name in tracked_files(root) if name.endswith(".py") and name.split("/")[0] in TREES]
    assert [fault for name in files for fault in addresses.faults(name)] == []
    assert [fault for name in files for fault in addresses.lent(name)] == []


@pytest.fixture
def house(tmp_path: Path) -> Addresses:
    """A package with a face over one room, and a hall without a face."""
    package = tmp_path / "House" / "src" / "house"
    (package / "cellar").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "cellar" / "__init__.py").write_text("from house.cellar.racks import pour\n")
    (package / "cellar" / "racks.py").write_text("def pour(): ...\ndef dust(): ...\n")
    (package / "hall.py").write_text("from house.cellar import pour\ndef walk(): ...\n")
    return Addresses(tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "wanted"),
    [
        pytest.param("house/attic.py", "from house.cellar import pour\n", None, id="outside-the-face"),
        pytest.param("house/attic.py", "from house.cellar.racks import pour\n", "house.cellar", id="past-the-face"),
        pytest.param("house/attic.py", "from house.cellar.racks import dust\n", None, id="not-on-the-face"),
        pytest.param("house/attic.py", "from house.hall import pour\n", "house.cellar", id="by-a-third"),
        pytest.param("house/attic.py", "from house.hall import walk\n", None, id="of-a-module"),
        pytest.param("house/attic.py", "from house.cellar import racks\n", None, id="a-module"),
        pytest.param("house/cellar/corks.py", "from house.cellar.racks import pour\n", None, id="inside-the-module"),
        pytest.param(
            "house/cellar/corks.py", "from house.cellar import pour\n", "house.cellar.racks", id="inside-face"
        ),
        pytest.param(
            "house/attic.py", "def f():\n    from house.cellar.racks import pour\n", "house.cellar", id="in-a-function"
        ),
    ],
)
def test_a_second_address_is_told(house: Addresses, file: str, text: str, wanted: str | None) -> None:
    path = house.root / "House" / "src" / file
    path.write_text(text)
    found = list(house.faults(f"House/src/{file}"))
    assert [fault.rpartition(" ")[2] for fault in found] == ([wanted] if wanted else [])


def test_a_module_that_lists_what_another_defines_is_told(house: Addresses) -> None:
    path = house.root / "House" / "src" / "house" / "attic.py"
    path.write_text("from house.hall import walk\n__all__ = ['climb', 'walk']\ndef climb(): ...\n")
    assert house.lent("House/src/house/attic.py") == ["House/src/house/attic.py: __all__ lists walk of another module"]
