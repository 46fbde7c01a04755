"""On how many days other rules of drift tell something, on the worlds of `make -C PlanRec monitor-check`.

`python benchmarks/monitoring/peers.py --write` keeps the figures in results/monitoring_peers.json. Rules: a stability
index above .1 on any feature, any p below .05, our check, and river's detectors (ADWIN, Page-Hinkley, KSWIN, one for
each feature, defaults, on the days' mean ranks). river is not locked: `pip install --target FOLDER river==0.26.1`, and
name the folder with --river; without it those rows are left out, and the output says so.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from common_utils.monitoring.drift.comparison import cells_of, difference_of
from common_utils.monitoring.profiles.profile import Profile
from common_utils.testing.monitoring.measured import FOUR, SimulatedDay, days, is_told, told

RESULTS = Path(__file__).resolve().parents[1] / "results" / "monitoring_peers.json"
_WORLDS: dict[str, Mapping[str, float] | None] = {"no drift": None, "x1.1 on 4": FOUR, "x1.5 on 1": {"megabytes": 1.5}}
_PSI, _P = 0.1, 0.05
_DETECTORS = ("ADWIN", "PageHinkley", "KSWIN")


def usual_psi(now: IntArray, before: IntArray) -> float:
    """Return the index as it is usually taken: all cells, a share of .0001 for an empty one, no correction."""
    mine, theirs = (np.maximum(one / one.sum(), 1e-4) for one in (now, before))
    return float(((mine - theirs) * np.log(mine / theirs)).sum())


def psi_rule(day: SimulatedDay) -> bool:
    """Tell a day on which any feature's index against training is above .1."""
    return any(usual_psi(cells.now, cells.before) > _PSI for cells in cells_of(day.now, day.training).values())


def any_p(day: SimulatedDay) -> bool:
    """Tell a day on which any feature's p against training is below .05."""
    found = difference_of(day.now, day.training).values()
    return any(one.tests.get("spread", 1.0) < _P * len(one.tests) for one in found)


def mean_ranks(profile: Profile, reference: Profile) -> Iterator[tuple[str, float]]:
    """Yield the mean rank of each number's bins among the reference's, between 0 and 1."""
    for name, counts in profile.numbers.items():
        theirs = reference.numbers[name].counts
        rank: FloatArray = (np.cumsum(theirs) - theirs / 2) / theirs.sum()
        yield name, float(counts.counts @ rank / counts.counts.sum())


def river_rule(name: str, drift: Any) -> Callable[[SimulatedDay], bool]:
    """Return a rule that gives each feature a detector, which starts anew with each reference."""
    detectors: dict[str, Any] = {}
    known: list[Profile] = []

    def rule(day: SimulatedDay) -> bool:
        if not known or known[-1] is not day.training:
            known.append(day.training)
            detectors.clear()
        fired = False
        for feature, value in mean_ranks(day.now, day.training):
            detector = detectors.setdefault(feature, getattr(drift, name)())
            detector.update(value)
            fired |= bool(detector.drift_detected)
        return fired

    return rule


def river_shift(name: str, drift: Any, n: int, times: Mapping[str, float], runs: int) -> int:
    """Return in how many runs a detector that saw 60 quiet days tells a shift within the next 30."""
    found = 0
    for run in range(runs):
        rule = river_rule(name, drift)
        for day in days(90 + run, n, references=1, each=60):
            rule(day)
        found += told(days(90 + run, n, references=1, each=30, times=times), rule).days > 0
    return found


def main() -> int:
    """Print the table; with --write keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--quick", action="store_true", help="few days, for a test; nothing is kept")
    parser.add_argument("--river", type=Path, help="folder river was installed into")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    references, each = (1, 5) if options.quick else (10, 20)
    rules: dict[str, Callable[[SimulatedDay], bool]] = {"ours": is_told, "index > .1": psi_rule, "any p < .05": any_p}
    figures: dict[str, dict[str, str]] = {}
    for world, times in _WORLDS.items():
        for n in (200,) if options.quick else (200, 1_000, 5_000):
            row = figures.setdefault(f"{world}, n = {n:,}", {})
            for name, rule in rules.items():
                found = told(days(options.seed, n, references=references, each=each, times=times), rule)
                row[name] = f"{found.share:.1%}"
            print(f"{world}, n = {n:,}: {row}", flush=True)
    if options.river is not None:
        sys.path.insert(0, str(options.river))  # river is not in the lock; it is installed into this folder by hand
        drift = importlib.import_module("river.drift")
        for name in _DETECTORS:
            row = figures.setdefault(f"river {name}, n = 1,000", {})
            quiet = told(days(options.seed, 1_000, references=references, each=100), river_rule(name, drift))
            row["days told without drift"] = f"{quiet.share:.1%}"
            found = river_shift(name, drift, 1_000, FOUR, runs=5)
            row["x1.1 on 4, told within 30 days after 60 quiet ones"] = f"{found} of 5"
            print(f"river {name}: {row}", flush=True)
    else:
        print("river's detectors: not measured, --river names no folder")
    if options.write and not options.quick:
        content = {"command": "python benchmarks/monitoring/peers.py --write", "seed": options.seed, "told": figures}
        RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
