"""Damaged files against every command that reads them: refused, answered as the undamaged file, or told; never misread.

    python benchmarks/doors/doors.py --bundle PlanRec/artifacts

PlanRec: 300 files, thirty kinds in ten seeded variants each. Each project on one table: up to 21 kinds in six
variants, for the commands that answer, explain, learn and measure. What takes seconds gets one variant of each kind.
`--kind WORD` tries the kinds whose name holds it, and `--write` keeps the figures of each kind as it was last tried.
`--quick` takes one variant of each kind, `--control` plants a silent misread in the readers, which must be found out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from asked import COMMANDS, Command, Run, asked, commands_for, of_sibling, run
from judge import Verdict, judged
from kinds import KINDS, VARIANTS, Kind
from sheets import Case, sound
from siblings import SIBLINGS
from table_kinds import TABLE_KINDS, TABLE_VARIANTS, TableKind

RESULTS = Path(__file__).resolve().parents[1] / "results" / "doors.json"
MEGABYTES = "megabytes"
_BAD = (Verdict.SILENT, Verdict.UNHELPFUL, Verdict.BROKEN)


@dataclass
class Subject:
    """A project, its table, what is done to it, and who reads it.

    Attributes
    ----------
    name : str
    sound : callable
        Returns the undamaged case; `fractions` asks for amounts in quarters.
    kinds : sequence of Kind or TableKind
    variants : int
        Of each kind.
    commands : sequence of Command
    given : Path or None
        The bundle for commands that do not want one learnt from the table itself.
    folder : Path
        Where such a one is put.
    """

    name: str
    sound: Callable[..., Case]
    kinds: Sequence[Kind | TableKind]
    variants: int
    commands: Sequence[Command]
    given: Path | None
    folder: Path
    _cases: dict[bool, Case] = field(default_factory=dict)
    _undamaged: dict[tuple[str, bool], Run] = field(default_factory=dict)
    _own: Path | None = None

    def case(self, *, fractions: bool) -> Case:
        """Return the undamaged case."""
        if fractions not in self._cases:
            self._cases[fractions] = self.sound(fractions=fractions)
        return self._cases[fractions]

    def bundle(self, command: Command) -> Path | None:
        """Return the bundle a command asks; one learnt from the undamaged table is learnt now."""
        if not (command.own and command.bundle):
            return self.given
        if self._own is None:
            learn = next(c for c in self.commands if c.name.endswith("train"))
            folder = self.folder / self.name
            case = self.case(fractions=False)
            case.write(folder)
            code, _, said = run(learn.words(folder, case, None), learn.project, learn.folder)
            if code:
                raise SystemExit(f"{self.name}: the undamaged table is not learnt from: {said}")
            self._own = folder / "artifacts"
        return self._own

    def answered(self, command: Command, *, fractions: bool, listed: bool) -> Run:
        """Return what a command does with the undamaged case."""
        key = command.name, fractions
        if key not in self._undamaged:
            case = self.case(fractions=fractions)
            self._undamaged[key] = asked(command, case, self.bundle(command), listed=listed)
        return self._undamaged[key]


def subjects(bundle: Path | None, folder: Path) -> list[Subject]:
    """Return PlanRec, and the projects on one table."""
    found = [Subject("planrec", sound, KINDS, VARIANTS, COMMANDS, bundle, folder)]
    for sibling in SIBLINGS:
        kinds = [kind for kind in TABLE_KINDS if kind.fits(sibling.roles, sibling.key)]
        commands = of_sibling(sibling)
        found.append(Subject(sibling.name, sibling.sound, kinds, TABLE_VARIANTS, commands, None, folder))
    return found


@dataclass
class Tally:
    """Verdicts by subject and kind, how many files there were of each, and a line for each bad one."""

    counts: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)
    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)


def tried(subject: Subject, place: int, tally: Tally, *, variants: int | None, quick: bool, listed: bool) -> None:
    """Give the damaged files of one kind to the commands of a subject.

    Parameters
    ----------
    place : int
        Of the kind.
    variants : int or None
        Of the kind, None for all.
    quick : bool
        One variant of each kind, for three commands of PlanRec that are not slow, others for each kind, or for one of
        another project.
    """
    kind = subject.kinds[place]
    commands = commands_for(subject.commands, kind.reads, bundle=subject.name != "planrec" or bool(subject.given))
    if quick:
        fast = [c for c in commands if not c.slow]
        most = 3 if subject.name == "planrec" else 1
        commands = (fast[place % len(fast) :] + fast[: place % len(fast)])[:most] if fast else []
    counted = tally.counts.setdefault(subject.name, {}).setdefault(kind.name, Counter())
    one = place % subject.variants
    for variant in [one] if quick else range(variants or subject.variants):
        case = kind.damaged(subject.case(fractions=kind.fractions), variant)
        tally.tried[subject.name, kind.name] += 1
        for command in commands:
            if command.slow and variant not in (one, variants and 0):
                continue
            sound_run = subject.answered(command, fractions=kind.fractions, listed=listed)
            found = asked(command, case, subject.bundle(command), listed=listed)
            verdict, seen = judged(command, case, sound_run, found)
            counted[verdict] += 1
            if verdict in _BAD:
                tally.bad.append(f"{kind.name}, variant {variant}, {command.name}: {verdict}: {seen}")
                print(f"{tally.bad[-1]}\n", flush=True)


def plant() -> None:
    """Make the readers take every number that is none for the least of its column, and say nothing."""
    from common_utils.tables import convert, types

    strict = types.convert_text

    def forgiving(column: Any, kind: Any, **how: Any) -> Any:
        read = strict(column, kind, **how)
        if kind == "number" and read.faults:
            numbers = read.values.to_numpy(zero_copy_only=False)
            for _, faulty in read.faults:
                numbers = np.where(faulty, np.nanmin(numbers), numbers)
            read.values, read.faults = pa.array(numbers, from_pandas=True), []
        return read

    setattr(convert, "convert_text", forgiving)  # noqa: B010 - the readers' own name for it


def controls(chosen: Sequence[Subject], *, listed: bool) -> dict[str, bool]:
    """Plant the misread, for good, and return by subject whether it is found out."""
    plant()
    found: dict[str, bool] = {}
    for subject in chosen:
        command = next(c for c in subject.commands if c.name.endswith(("bill", "predict")))
        sound_run = subject.answered(command, fractions=False, listed=listed)
        case = subject.case(fractions=False).copy()
        used = case.roles.used or MEGABYTES
        for row in [row for row in case.usage.rows if row[used]][3:9]:
            case.usage.change(row, used, "1 234")
        seen = asked(command, case, subject.bundle(command), listed=listed)
        found[subject.name] = judged(command, case, sound_run, seen)[0] == Verdict.SILENT
    return found


def table(counts: dict[str, dict[str, Counter[str]]]) -> str:
    """Return the verdicts as a table."""
    short = dict(zip(Verdict, ("same", "told", "refused", "SILENT", "unhelpful", "broken"), strict=True))
    lines = [f"{'kind':<52}" + "".join(f"{word:>10}" for word in short.values())]
    whole: Counter[str] = Counter()
    for subject, kinds in counts.items():
        lines.append(f"{subject}:")
        for name, found in kinds.items():
            whole.update(found)
            lines.append(f"{name:<52}" + "".join(f"{found[verdict]:>10}" for verdict in short))
    lines.append(f"{'all':<52}" + "".join(f"{whole[verdict]:>10}" for verdict in short))
    return "\n".join(lines)


def keep(tally: Tally, subject: Subject, *, planted: bool | None = None) -> None:
    """Write the figures of a subject; those of kinds and projects that were not tried stay as they were."""
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    before: dict[str, Any] = found.get(subject.name, {})
    known: dict[str, dict[str, Any]] = before.get("by kind", {})
    for name, one in tally.counts.get(subject.name, {}).items():
        verdicts = {str(v): one[v] for v in Verdict if one[v]}
        known[name] = {"files": tally.tried[subject.name, name], "at": _commit(), **verdicts}
    kinds = {kind.name: known[kind.name] for kind in subject.kinds if kind.name in known}
    whole = {str(verdict): sum(one.get(str(verdict), 0) for one in kinds.values()) for verdict in Verdict}
    found["command"] = "make doors"
    found[subject.name] = {
        "files": sum(one.get("files", subject.variants) for one in kinds.values()),
        "kinds": len(kinds),
        "commands": [command.name for command in subject.commands],
        "runs": sum(whole.values()),
        "silent misreads": whole[str(Verdict.SILENT)],
        "planted misread found": before.get("planted misread found") if planted is None else planted,
        "verdicts": whole,
        "by kind": kinds,
    }
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _commit() -> str:
    """Return the commit the figures are of."""
    git = ["git", "-C", str(RESULTS.parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()


def main() -> int:
    """Try all, print the table, return 1 if anything was misread, broke off or stayed refused though stated."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, help="a bundle of PlanRec; without it its commands are left out")
    parser.add_argument("--project", action="append", help="planrec, bankchurn, carvision, telecom; default: all")
    parser.add_argument("--quick", action="store_true", help="one variant of each kind, three commands for each")
    parser.add_argument("--no-rejects", action="store_true", help="for commits whose commands have no --rejects")
    parser.add_argument("--control", action="store_true", help="plant a silent misread: must be found out")
    parser.add_argument("--variants", type=int, help="of each kind")
    parser.add_argument(
        "--kind", default="", help="only kinds whose name holds this; --write keeps the others' figures"
    )
    parser.add_argument("--write", action="store_true", help="keep the figures in benchmarks/results")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.control:
        plant()
    begun, tally = time.monotonic(), Tally()
    bundle = None if options.bundle is None else options.bundle.resolve()
    with tempfile.TemporaryDirectory(prefix="doors-bundles-") as folder:
        chosen = [s for s in subjects(bundle, Path(folder)) if not options.project or s.name in options.project]
        listed = not options.no_rejects
        for subject in chosen:
            for place, kind in enumerate(subject.kinds):
                if options.kind in kind.name:
                    tried(subject, place, tally, variants=options.variants, quick=options.quick, listed=listed)
                    if options.write:  # a run that is stopped has not been in vain
                        keep(tally, subject)
        planted = controls(chosen, listed=listed) if options.write else {}
        for subject in chosen if options.write else ():
            keep(tally, subject, planted=planted[subject.name])
    runs = sum(sum(one.values()) for kinds in tally.counts.values() for one in kinds.values())
    print(table(tally.counts))
    print(f"\n{sum(tally.tried.values())} damaged files, {runs} runs, {len(tally.bad)} bad, "
          f"{time.monotonic() - begun:.0f} s")  # fmt: skip
    for name in (name for name, found in planted.items() if not found):
        print(f"{name}: the planted misread changes no answer, so it was not found")
    return int(bool(tally.bad) or not all(planted.values()))


if __name__ == "__main__":
    sys.exit(main())
