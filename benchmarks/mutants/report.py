"""The figures of a run: a table of 80 columns, and JSON."""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from draw import Mutant
from tried import EQUIVALENT, KILLED, LATE, SURVIVED, Tried, Verdicts

__all__ = ["Result", "report", "write"]

_COLUMNS = (KILLED, LATE, SURVIVED, EQUIVALENT)
_Counts = dict[str, Counter[str]]


@dataclass(frozen=True, slots=True)
class Result:
    """A run: its seed, the named faults, the faults drawn, each with what became of it, and seconds."""

    seed: int
    named: list[tuple[str, Tried]]
    drawn: list[tuple[Mutant, Tried]]
    seconds: float

    def count(self, status: str) -> int:
        """Return how many of the mutants drawn ended so."""
        return sum(tried.status == status for _, tried in self.drawn)

    @property
    def killed_share(self) -> float:
        """Share of the mutants that are not equivalent in which a test failed or did not end, 0 to 1."""
        real = len(self.drawn) - self.count(EQUIVALENT)
        return (self.count(KILLED) + self.count(LATE)) / real if real else 0.0

    @property
    def equivalent_share(self) -> float:
        """Share of all mutants drawn that are listed as equivalent, 0 to 1."""
        return self.count(EQUIVALENT) / len(self.drawn) if self.drawn else 0.0


def report(result: Result) -> str:
    """Return the figures as text, at most 80 characters a line."""
    lines = ["", f"{'':<18}{'drawn':>8}" + "".join(f"{name:>12}" for name in _COLUMNS)]
    for counts in (_by(result, lambda mutant: mutant.package), _by(result, lambda mutant: mutant.kind)):
        lines += [_row(name, counts[name]) for name in sorted(counts)]
        lines.append("-" * 74)
    lines.append(_row("all", Counter(tried.status for _, tried in result.drawn)))
    alive = [name for name, tried in result.named if tried.status not in {KILLED, LATE}]
    lines += [
        f"named faults: {len(result.named) - len(alive)} of {len(result.named)} killed",
        f"{result.killed_share:.1%} of those that are not equivalent killed, seed {result.seed}",
        f"{result.seconds:.0f} s",
    ]
    return "\n".join(lines)


def write(result: Result, file: Path, root: Path, verdicts: Verdicts) -> None:
    """Write the figures, the survivors, every mutant with its verdict, and the digests of the modules of `root`."""
    modules = sorted({mutant.file for mutant, _ in result.drawn})
    figures = {
        "command": f"make mutants SEED={result.seed} COUNT={len(result.drawn)}",
        "seed": result.seed,
        "count": len(result.drawn),
        "python": platform.python_version(),
        "killed share": round(result.killed_share, 4),
        "equivalent share": round(result.equivalent_share, 4),
        "totals": {name: result.count(name) for name in _COLUMNS},
        "by package": _plain(_by(result, lambda mutant: mutant.package)),
        "by kind": _plain(_by(result, lambda mutant: mutant.kind)),
        "named": {name: {"verdict": tried.status, "test": tried.test} for name, tried in result.named},
        "not killed": [
            {
                "verdict": tried.status,
                "at": f"{mutant.file}:{mutant.line}",
                "kind": mutant.kind,
                "before": mutant.before.strip(),
                "after": mutant.after.strip(),
            }
            for mutant, tried in result.drawn
            if tried.status != KILLED
        ],
        "sources": {name: hashlib.sha256((root / name).read_bytes()).hexdigest()[:16] for name in modules},
    }
    drawn = [
        {
            "key": mutant.key,
            "mark": verdicts.mark(mutant, tried),
            "file": mutant.file,
            "kind": mutant.kind,
            "package": mutant.package,
            "before": " ".join(mutant.before.split()),
            "verdict": tried.status,
            "test": tried.test,
        }
        for mutant, tried in result.drawn
    ]
    lines = ",\n".join(f"  {json.dumps(one)}" for one in drawn)  # a line each, so that a change of one is read at sight
    file.write_text(f'{json.dumps(figures, indent=1)[:-2]},\n "drawn": [\n{lines}\n ]\n}}\n', encoding="utf-8")


def _by(result: Result, part: Callable[[Mutant], str]) -> _Counts:
    counts: _Counts = {}
    for mutant, tried in result.drawn:
        counts.setdefault(part(mutant), Counter())[tried.status] += 1
    return counts


def _plain(counts: _Counts) -> dict[str, dict[str, int]]:
    return {name: {status: counts[name][status] for status in _COLUMNS} for name in sorted(counts)}


def _row(name: str, counts: Counter[str]) -> str:
    return f"{name:<18}{counts.total():>8}" + "".join(f"{counts[status]:>12}" for status in _COLUMNS)
