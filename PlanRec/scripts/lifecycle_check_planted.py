"""Measure what retraining promises: planted worse models refused, the same data never better; `make planted-check`.

Each operator is simulated and has a live bundle. `--operators` takes fewer of them. `--write` keeps the figures in
benchmarks/results/retraining.json and the table of docs/lifecycle.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from planted_models import PLANTED, PlantedOperator

from common_utils.testing.gates import Gates

PROJECT = Path(__file__).resolve().parents[1]
FIGURES = PROJECT.parent / "benchmarks" / "results" / "retraining.json"
PAGE = PROJECT / "docs" / "lifecycle.md"
OPERATORS = 20
_FIRST_SEED = 201
_SUBSCRIBERS = 2_500
_HONEST = ("the same data again", "three months more")


def planted(gates: Gates, seeds: Sequence[int], subscribers: int) -> None:
    """Judge every planted model of some operators."""
    verdicts: dict[str, Counter[str]] = {name: Counter() for name in PLANTED}
    named: dict[str, Counter[str]] = {name: Counter() for name in PLANTED}
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            operator = PlantedOperator(PROJECT, Path(folder) / str(seed), seed, subscribers)
            for name in PLANTED:
                report = operator.judged(name)
                verdicts[name][report.verdict] += 1
                if report.verdict != "passes":
                    named[name][report.reasons[0].partition(":")[0]] += 1
    for name, found in verdicts.items():
        words = ", ".join(f"{verdict} {count}" for verdict, count in sorted(found.items()))
        by = "; first reason: " + ", ".join(f"{what} {count}" for what, count in named[name].most_common(3))
        kept = found["refused"] == (0 if name == _HONEST[0] else len(seeds))
        kept = None if name == _HONEST[1] else kept
        gates.show(name, f"{words} of {len(seeds)} operators{by if named[name] else ''}", kept=kept)
    gates.show("CPU time of these", f"{(time.process_time() - began) / 60:.1f} minutes", kept=None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and return 5 if a gate is not kept."""
    parser = argparse.ArgumentParser(description="Measure the gates of retraining.")
    parser.add_argument("--operators", type=int, default=OPERATORS)
    parser.add_argument("--subscribers", type=int, default=_SUBSCRIBERS)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(arguments)
    gates = Gates("planted-check")
    seeds = range(_FIRST_SEED, _FIRST_SEED + asked.operators)
    gates.measure("planted models", lambda: planted(gates, seeds, asked.subscribers))
    if asked.write:
        gates.write(_FIRST_SEED, FIGURES, PAGE)
    return 0 if gates.kept else 5


if __name__ == "__main__":
    sys.exit(main())
