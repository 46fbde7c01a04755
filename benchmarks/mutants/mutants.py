"""Plant small faults in the code, one by one, in a private copy, and see whether a test fails for each.

    make mutants SEED=1 COUNT=400

The faults are drawn by a seed, of ten packages and eight kinds in equal shares. A survivor wants a test; a change that
changes nothing goes into `equivalents.toml`, with the reason. A stopped run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from draw import Mutant, draw, packages_of
from faults import KINDS
from listed import Equivalent, equivalents_of, named_of
from report import Result, report, write
from room import room_of
from tried import EQUIVALENT, KILLED, LATE, SURVIVED, Tried, Trier, Verdicts

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "mutants.json"
LEAST_KILLED, MOST_EQUIVALENT, LEAST_COUNT = 0.97, 0.03, 400


def main() -> int:
    """Return 1 where a named fault survives, or fewer than 97 % are killed, or more than 3 % are called equivalent."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the copy is removed
    seed = secrets.randbelow(100_000) if options.seed is None else options.seed
    print(f"== {options.count} mutants of SEED={seed}", flush=True)
    began = time.monotonic()
    settings: Path = options.settings
    every, warm = packages_of(settings / "packages.toml")
    packages = [one for one in every if options.package in {"", one.name}]
    drawn = draw(options.tree, packages, seed=seed, count=options.count, kind=options.kind)
    if options.list:
        print(
            "\n".join(
                f"{one.file}:{one.line} {one.kind}\n- {one.before.strip()}\n+ {one.after.strip()}" for one in drawn
            )
        )
        return 0
    same = equivalents_of(options.tree, settings / "equivalents.toml")
    named = named_of(options.tree, settings / "named.toml")
    wanted = [mutant for _, mutant in named] + drawn
    how = Triers(options.tree, warm, options.jobs, options.patience)
    results = RESULTS if options.tree == ROOT else options.tree / "mutants.json"
    verdicts = Verdicts(options.tree, results)
    tried = try_all(wanted, same, verdicts, how)
    result = Result(
        seed,
        [(name, one) for (name, _), one in zip(named, tried, strict=False)],
        list(zip(drawn, tried[len(named) :], strict=True)),
        time.monotonic() - began,
    )
    print(report(result))
    if options.write:
        write(result, results, options.tree, verdicts)
    return _verdict(result, options.count)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="drawn and printed where not given")
    parser.add_argument("--count", type=int, default=LEAST_COUNT)
    parser.add_argument("--package", default="", help="only this one of packages.toml")
    parser.add_argument("--kind", default="", choices=["", *KINDS], help="only this kind of fault")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time, each in a copy of its own")
    parser.add_argument("--patience", type=float, default=60, help="seconds for the nearest tests")
    parser.add_argument("--list", action="store_true", help="only print what is drawn")
    parser.add_argument("--write", action="store_true", help="keep the figures in benchmarks/results")
    parser.add_argument("--tree", type=Path, default=ROOT, help="another repository to plant faults in")
    parser.add_argument("--settings", type=Path, default=Path(__file__).parent, help="folder of packages.toml")
    options = parser.parse_args()
    options.tree = options.tree.resolve()
    return options


@dataclass(frozen=True, slots=True)
class Triers:
    """How mutants are tried: so many at a time, each in a copy of `tree`, in a process that has imported `warm`."""

    tree: Path
    warm: list[str]
    jobs: int
    patience: float


def try_all(mutants: list[Mutant], same: list[Equivalent], verdicts: Verdicts, how: Triers) -> list[Tried]:
    """Return what becomes of each mutant, in order; what an earlier run found and still holds is not tried again."""
    found: dict[str, Tried] = {}
    for mutant in mutants:
        known = Tried(EQUIVALENT) if any(one.matches(mutant) for one in same) else verdicts.known(mutant)
        if known is not None:
            found[mutant.key] = known
    open_ = list({mutant.key: mutant for mutant in mutants if mutant.key not in found}.values())
    print(f"   {len(mutants) - len(open_)} known, {len(open_)} to try", flush=True)
    with ExitStack() as stack:
        triers: SimpleQueue[Trier] = SimpleQueue()
        for _ in range(min(how.jobs, len(open_))):
            triers.put(Trier(stack.enter_context(room_of(how.tree, how.warm)), how.patience))
        pool = stack.enter_context(ThreadPoolExecutor(how.jobs))

        def one(mutant: Mutant) -> None:
            trier = triers.get()
            try:
                tried = trier.try_(mutant)
            finally:
                triers.put(trier)
            found[mutant.key] = tried
            verdicts.keep(mutant, tried)
            _tell(mutant, tried, len(found), len(mutants))

        for _ in pool.map(one, open_):
            pass
    return [found[mutant.key] for mutant in mutants]


def _tell(mutant: Mutant, tried: Tried, number: int, of: int) -> None:
    by = f" by {tried.test}" if tried.test else ""
    print(
        f"{number}/{of} {tried.status} {tried.seconds:.1f} s {mutant.file}:{mutant.line} {mutant.kind}{by}", flush=True
    )
    if tried.status == SURVIVED:
        print(f"- {mutant.before.rstrip()}\n+ {mutant.after.rstrip()}", flush=True)


def _verdict(result: Result, count: int) -> int:
    broken: list[str] = []
    alive = [name for name, tried in result.named if tried.status not in {KILLED, LATE}]
    if alive:
        broken.append(f"named faults that no test notices: {', '.join(alive)}")
    if result.killed_share < LEAST_KILLED:
        broken.append(f"{result.killed_share:.1%} killed, at least {LEAST_KILLED:.0%} are needed")
    if result.equivalent_share > MOST_EQUIVALENT:
        broken.append(f"{result.equivalent_share:.1%} called equivalent, at most {MOST_EQUIVALENT:.0%} may be")
    if len(result.drawn) < count:
        broken.append(f"the packages hold {len(result.drawn)} possible faults, not {count}")
    for one in broken:
        print(f"mutants: {one}", file=sys.stderr)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
