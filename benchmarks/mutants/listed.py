"""The committed lists: changes that alter no answer, with the reason, and faults that people once planted."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from draw import Mutant

__all__ = ["Equivalent", "equivalents_of", "named_of"]


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A change that no test can notice: the file, the lines before and after it, and why."""

    file: str
    before: str
    after: str
    reason: str

    def matches(self, mutant: Mutant) -> bool:
        """Whether this is that change; how far lines are indented does not count."""
        return self.file == mutant.file and (self.before, self.after) == (_bare(mutant.before), _bare(mutant.after))


def equivalents_of(root: Path, file: Path) -> list[Equivalent]:
    """Return the changes of `equivalents.toml`; each must still be possible, and have a reason."""
    if not file.is_file():
        return []
    found: list[Equivalent] = []
    for one in tomllib.loads(file.read_text(encoding="utf-8")).get("equivalent", []):
        path = root / one["file"]
        if not path.is_file() or _bare(one["before"]) not in _bare(path.read_text(encoding="utf-8")):
            raise SystemExit(f"mutants: {one['file']} no longer holds {one['before']!r}; mend {file.name}")
        if len(one["reason"].split()) < 4:
            raise SystemExit(f"mutants: say why {one['after']!r} changes nothing, in {file.name}")
        found.append(Equivalent(one["file"], _bare(one["before"]), _bare(one["after"]), one["reason"]))
    return found


def named_of(root: Path, file: Path) -> list[tuple[str, Mutant]]:
    """Return the faults of `named.toml`, each with its name; a text that is not found once is an error."""
    if not file.is_file():
        return []
    found: list[tuple[str, Mutant]] = []
    for one in tomllib.loads(file.read_text(encoding="utf-8")).get("fault", []):
        path = root / one["file"]
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if text.count(one["before"]) != 1:
            raise SystemExit(
                f"mutants: {one['name']!r} no longer applies: {one['file']} holds {one['before']!r} "
                f"{text.count(one['before'])} times, not once; mend {file.name}"
            )
        put = text.replace(one["before"], one["after"])
        line = text[: text.index(one["before"])].count("\n") + 1
        key = hashlib.sha256("\0".join((one["file"], one["before"], one["after"])).encode()).hexdigest()[:16]
        member = one["file"].split("/")[0]
        mutant = Mutant(key, "named", member, one["file"], line, "named", one["before"], one["after"], put.encode())
        found.append((one["name"], mutant))
    return found


def _bare(text: str) -> str:
    return " ".join(text.split())
