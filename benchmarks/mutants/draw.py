"""Which faults are tried: some of each package and kind, drawn by a seed, whatever else changes in the code."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faults import Fault, faults_in, planted
from spans import Text

__all__ = ["Mutant", "Package", "draw", "packages_of"]


@dataclass(frozen=True, slots=True)
class Package:
    """Modules under one name: files or folders below the root, of one member."""

    name: str
    member: str
    paths: tuple[str, ...]

    def modules(self, root: Path) -> list[str]:
        """Return the modules' files, relative to the root."""
        found = [file for path in self.paths for file in _files(root / path)]
        return sorted({file.relative_to(root).as_posix() for file in found})


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one fault in it.

    Attributes
    ----------
    key : str
        The same as long as the function, the line and the change are the same.
    before, after : str
        The whole lines that change.
    source : bytes
        The module with the fault.
    """

    key: str
    package: str
    member: str
    file: str
    line: int
    kind: str
    before: str
    after: str
    source: bytes


def packages_of(file: Path) -> tuple[list[Package], list[str]]:
    """Return the packages that `packages.toml` lists, and the modules to import once and for all."""
    listed = tomllib.loads(file.read_text(encoding="utf-8"))
    packages = [Package(one["name"], one["member"], tuple(one["paths"])) for one in listed["package"]]
    return packages, listed.get("warm", [])


def draw(root: Path, packages: list[Package], *, seed: int, count: int, kind: str = "") -> list[Mutant]:
    """Return mutants, each package and each kind in its turn; a smaller count gives the first of a larger one.

    A mutant's place depends on the seed and its key alone, so that a change elsewhere leaves it where it is.
    """
    found: list[Mutant] = []
    turns = [_turns(root, package, seed, kind) for package in packages]
    while turns and len(found) < count:
        going: list[Iterator[Mutant]] = []
        for turn in turns:
            drawn = next(turn, None)
            if drawn is not None:
                found.append(drawn)
                going.append(turn)
        turns = going
    return found[:count]


def _turns(root: Path, package: Package, seed: int, kind: str) -> Iterator[Mutant]:
    """Yield a package's mutants, one of each kind in turn, each kind in the order of the seed."""
    by_kind: defaultdict[str, list[tuple[str, str, Fault, bytes]]] = defaultdict(list)
    for file in package.modules(root):
        source = (root / file).read_bytes()
        for key, fault in _keyed(file, source):
            if kind in {"", fault.kind}:
                by_kind[fault.kind].append((key, file, fault, source))
    kinds = [
        iter(sorted(listed, key=lambda one: _place(seed, one[0])))
        for _, listed in sorted(by_kind.items(), key=lambda one: _place(seed, f"{package.name} {one[0]}"))
    ]
    while kinds:
        going: list[Iterator[tuple[str, str, Fault, bytes]]] = []
        for turn in kinds:
            drawn = next((made for one in turn if (made := _mutant(package, *one))), None)
            if drawn is not None:
                yield drawn
                going.append(turn)
        kinds = going


def _keyed(file: str, source: bytes) -> Iterator[tuple[str, Fault]]:
    seen: Counter[str] = Counter()
    text = Text(source)
    for fault in faults_in(source):
        first, last = text.lines(fault.start, fault.end)
        words = (file, fault.inside, fault.kind, source[first : fault.start].strip(), source[fault.end : last].strip())
        name = "\0".join(str(word) for word in (*words, fault.text))
        seen[name] += 1
        yield hashlib.sha256(f"{name}\0{seen[name]}".encode()).hexdigest()[:16], fault


def _place(seed: int, key: str) -> str:
    return hashlib.sha256(f"{seed} {key}".encode()).hexdigest()


def _mutant(package: Package, key: str, file: str, fault: Fault, source: bytes) -> Mutant | None:
    put = planted(source, fault)
    if put is None:
        return None
    first, last = Text(source).lines(fault.start, fault.end)
    before, after = source[first:last].decode(), put[first : last + len(put) - len(source)].decode()
    line = source[: fault.start].count(b"\n") + 1
    return Mutant(key, package.name, package.member, file, line, fault.kind, before, after, put)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise SystemExit(f"mutants: {path} does not exist; mend packages.toml")
    return [path] if path.is_file() else [file for file in path.rglob("*.py") if file.name != "__init__.py"]
