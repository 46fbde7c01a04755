"""One mutant against its tests, and what is remembered of earlier runs so that a stopped one goes on."""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from covering import Tests
from draw import Mutant
from room import Room

__all__ = ["Tried", "Trier", "Verdicts"]

KILLED, SURVIVED, EQUIVALENT, LATE = "killed", "survived", "equivalent", "timed out"
_PATIENCE = (1, 5, 10)  # of the nearest tests, those of the package, those of its users


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a mutant: `status`, the `test` that failed first, and the seconds it took."""

    status: str
    test: str = ""
    seconds: float = 0.0


class Trier:
    """Tries mutants in a room.

    Parameters
    ----------
    room : Room
    patience : float
        Seconds of work for the nearest tests, after which one that does not end counts as failed; more for those
        further off.
    """

    def __init__(self, room: Room, patience: float = 60) -> None:
        self._patience = patience
        self._room = room
        self._tests: dict[str, Tests] = {}
        self._sound: set[tuple[str, ...]] = set()

    def levels(self, member: str, file: str) -> list[list[str]]:
        """Return the test files of a module, nearest first."""
        if member not in self._tests:
            self._tests[member] = Tests(self._room.root / member)
        return self._tests[member].levels(file.removeprefix(f"{member}/"))

    def try_(self, mutant: Mutant) -> Tried:
        """Return what becomes of a mutant; what fails with it must pass without it."""
        seconds = 0.0
        for level, patience in zip(self.levels(mutant.member, mutant.file), _PATIENCE, strict=False):
            if not level:
                continue
            limit = patience * self._patience
            with self._room.planted(mutant.file, mutant.source):
                answer = self._room.ask(mutant.member, level, timeout=limit)
            seconds = round(seconds + answer.seconds, 2)
            if answer.status in {"failed", "broken"}:
                self._without_fault(mutant.member, [answer.test] if answer.test else level, limit)
                return Tried(KILLED, answer.test or answer.status, seconds)
            if answer.status == "late":
                self._without_fault(mutant.member, level, limit)
                return Tried(LATE, "", seconds)
        return Tried(SURVIVED, "", seconds)

    def _without_fault(self, member: str, tests: list[str], limit: float) -> None:
        if (member, *tests) in self._sound:
            return
        answer = self._room.ask(member, tests, timeout=limit)
        if answer.status not in {"passed", "empty"}:
            raise SystemExit(
                f"mutants: {answer.test or tests} fails without a fault ({answer.status}); mend it first\n{answer.said}"
            )
        self._sound.add((member, *tests))


class Verdicts:
    """What earlier runs found: those that were committed, and those in a file that Git ignores.

    A kill counts as long as the module and the test that killed are as they were; anything else as long as the member's
    sources and tests are.

    Parameters
    ----------
    root : Path
        The repository.
    committed : Path
        Figures of an earlier run, with the verdict of each mutant; need not be there.
    """

    def __init__(self, root: Path, committed: Path) -> None:
        self._root = root
        self._file = root / ".mutants" / "verdicts.json"
        self._kept: dict[str, list[str | float]] = {}
        if committed.is_file():
            drawn = json.loads(committed.read_text(encoding="utf-8")).get("drawn", [])
            tried = [one for one in drawn if one["verdict"] != EQUIVALENT]  # that is for `equivalents.toml` to say
            self._kept = {one["key"]: [one["mark"], one["verdict"], one["test"], 0.0] for one in tried}
        if self._file.is_file():
            self._kept |= json.loads(self._file.read_text(encoding="utf-8"))
        self._members: dict[str, str] = {}

    def known(self, mutant: Mutant) -> Tried | None:
        """Return what is known of a mutant and still holds, or None."""
        kept = self._kept.get(mutant.key)
        if kept is None:
            return None
        tried = Tried(str(kept[1]), str(kept[2]), float(kept[3]))
        return tried if kept[0] == self.mark(mutant, tried) else None

    def keep(self, mutant: Mutant, tried: Tried) -> None:
        """Remember what became of a mutant."""
        self._kept[mutant.key] = [self.mark(mutant, tried), *asdict(tried).values()]
        self._file.parent.mkdir(exist_ok=True)
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(self._kept, indent=0), encoding="utf-8")
        new.replace(self._file)

    def mark(self, mutant: Mutant, tried: Tried) -> str:
        """Return a digest of what a verdict rests on."""
        if tried.status != KILLED:
            return self._whole(mutant.member)
        name, _, test = tried.test.partition("::")
        file = self._root / mutant.member / name
        text = _function(file, test.split("[")[0]) if file.is_file() else ""
        return hashlib.sha256((self._root / mutant.file).read_bytes() + text.encode()).hexdigest()[:16]

    def _whole(self, member: str) -> str:
        if member not in self._members:
            folders = [self._root / member / part for part in ("src", "tests")]
            self._members[member] = _digest([file for folder in folders for file in folder.rglob("*.py")], self._root)
        return self._members[member]


def _function(file: Path, name: str) -> str:
    """Return the text of a test; the whole file where it holds no such function, as with examples in docstrings."""
    text = file.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return "\n".join([*map(ast.unparse, node.decorator_list), ast.get_source_segment(text, node) or ""])
    return text


def _digest(files: list[Path], root: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
