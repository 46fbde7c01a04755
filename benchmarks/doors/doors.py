"""Damaged files against every command that reads them: refused, answered as the undamaged file, or told; never misread.

    python benchmarks/doors/doors.py --bundle PlanRec/artifacts

300 files: thirty kinds, ten seeded variants each. `--quick` takes one variant of each kind, `--control` plants a silent
misread in the readers, which must be found out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from asked import COMMANDS, Run, asked, commands_for
from judge import Verdict, judged
from kinds import KINDS, VARIANTS, Kind
from sheets import sound

RESULTS = Path(__file__).resolve().parents[1] / "results" / "doors.json"
_BAD = (Verdict.SILENT, Verdict.UNHELPFUL, Verdict.BROKEN)
_CASES = {fractions: sound(fractions=fractions) for fractions in (False, True)}


def tried(
    kinds: tuple[Kind, ...],
    variants: dict[str, list[int]],
    bundle: Path | None,
    *,
    most: int | None = None,
    listed: bool = True,
) -> tuple[dict[str, Counter[str]], list[str]]:
    """Return the verdicts by kind, and a line for each bad one; `most` commands a file, others for each kind."""
    undamaged: dict[tuple[str, bool], Run] = {}
    counts: dict[str, Counter[str]] = {}
    bad: list[str] = []
    for place, kind in enumerate(kinds):
        commands = commands_for(kind.reads, bundle=bundle is not None)
        turned = commands[place % len(commands) :] + commands[: place % len(commands)]
        counts[kind.name] = Counter()
        for variant in variants[kind.name]:
            case = kind.damaged(_CASES[kind.fractions], variant)
            for command in turned[:most]:
                key = command.name, kind.fractions
                if key not in undamaged:
                    undamaged[key] = asked(command, _CASES[kind.fractions], bundle, listed=listed)
                verdict, seen = judged(command, case, undamaged[key], asked(command, case, bundle, listed=listed))
                counts[kind.name][verdict] += 1
                if verdict in _BAD:
                    print(f"{kind.name}, variant {variant}, {command.name}: {verdict}: {seen}\n", flush=True)
                    bad.append(f"{kind.name}, variant {variant}, {command.name}: {verdict}: {seen}")
    return counts, bad


def plant() -> None:
    """Make the readers take every number that is none for 0, and say nothing."""
    from common_utils.tables import convert, types

    strict = types.convert_text

    def forgiving(column: Any, kind: Any, **how: Any) -> Any:
        read = strict(column, kind, **how)
        if kind == "number":
            read.values, read.faults = read.values.fill_null(0.0), []
        return read

    setattr(convert, "convert_text", forgiving)  # noqa: B010 - the readers' own name for it


def table(counts: dict[str, Counter[str]]) -> str:
    """Return the verdicts as a table."""
    short = dict(zip(Verdict, ("same", "told", "refused", "SILENT", "unhelpful", "broken"), strict=True))
    lines = [f"{'kind':<52}" + "".join(f"{word:>10}" for word in short.values())]
    whole: Counter[str] = Counter()
    for name, found in counts.items():
        whole.update(found)
        lines.append(f"{name:<52}" + "".join(f"{found[verdict]:>10}" for verdict in short))
    lines.append(f"{'all':<52}" + "".join(f"{whole[verdict]:>10}" for verdict in short))
    return "\n".join(lines)


def kept(counts: dict[str, Counter[str]], files: int, *, bundle: bool) -> dict[str, object]:
    """Return the figures as they are committed."""
    whole: Counter[str] = sum(counts.values(), Counter())
    return {
        "command": "make doors",
        "files": files,
        "kinds": len(counts),
        "commands": [command.name for command in COMMANDS if bundle or not command.bundle],
        "runs": sum(whole.values()),
        "silent misreads": whole[Verdict.SILENT],
        "verdicts": {str(verdict): whole[verdict] for verdict in Verdict},
        "by kind": {name: {str(v): found[v] for v in Verdict if found[v]} for name, found in counts.items()},
    }


def main() -> int:
    """Try all, print the table, return 1 if anything was misread, broke off or stayed refused though stated."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, help="a bundle of PlanRec; without it its commands are left out")
    parser.add_argument("--quick", action="store_true", help="one variant of each kind, three commands for each")
    parser.add_argument("--no-rejects", action="store_true", help="for commits whose commands have no --rejects")
    parser.add_argument("--control", action="store_true", help="plant a silent misread: must be found out")
    parser.add_argument("--variants", type=int, default=VARIANTS, help="of each kind")
    parser.add_argument("--kind", help="only kinds whose name holds this")
    parser.add_argument("--write", action="store_true", help="keep the figures in benchmarks/results")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.control:
        plant()
    begun = time.monotonic()
    kinds = tuple(kind for kind in KINDS if options.kind is None or options.kind in kind.name)
    chosen = {
        kind.name: [place % VARIANTS] if options.quick else list(range(options.variants))
        for place, kind in enumerate(kinds)
    }
    bundle = None if options.bundle is None else options.bundle.resolve()
    counts, bad = tried(kinds, chosen, bundle, most=3 if options.quick else None, listed=not options.no_rejects)
    files = sum(map(len, chosen.values()))
    print(table(counts))
    print(f"\n{files} damaged files, {sum(sum(c.values()) for c in counts.values())} runs, {len(bad)} bad, "
          f"{time.monotonic() - begun:.0f} s")  # fmt: skip
    if options.write:
        RESULTS.write_text(
            json.dumps(kept(counts, files, bundle=bundle is not None), indent=1) + "\n", encoding="utf-8"
        )
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
