"""Measure the gates of monitoring, print each, and leave with 5 if one is not kept: `make monitor-check`.

The seed is printed. `--scale` makes everything smaller, for a test: bounds are then wider, and failing means less.
`--write` keeps the figures in benchmarks/results/monitoring.json and the table of docs/monitoring.md.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from monitor_operator import FIRST, START, Operator, after, told_in

from common_utils.monitoring.drift.lasting import ShiftAgainst
from common_utils.monitoring.findings import Level
from common_utils.testing.gates import Gates
from common_utils.testing.monitoring.measured import FOUR, bias_found, days, shift_waits, told, years_fired

PROJECT = Path(__file__).resolve().parents[1]
FIGURES = PROJECT.parent / "benchmarks" / "results" / "monitoring.json"
PAGE = PROJECT / "docs" / "monitoring.md"
_REFERENCES = 20
_MOST_FALSE, _LEAST_SEEN, _MOST_YEARS, _MOST_PERIODS = 0.025, 0.9, 0.10, 30
OPERATOR_SEEDS = (101, 102, 103, 104, 105)
_SUBSCRIBERS = 4_000


@dataclass(frozen=True)
class _Change:
    """A planted change, the check that has to find it, in which month, and in what share of the operators."""

    kind: str
    size: float
    check: str
    least: float | None = 1.0
    months: int = 1
    levels: tuple[Level, ...] = ("alarm",)


_CHANGES = {
    "data_growth 1.5": _Change("data_growth", 1.5, "drift_from_training megabytes"),
    "unit_slip 2 %": _Change("unit_slip", 0.02, "own_median_below_hundredth megabytes"),
    "unit_slip .5 %": _Change("unit_slip", 0.005, "own_median_below_hundredth megabytes", 0.8),
    "flagship_launch": _Change("flagship_launch", 40, "card_plans_launched"),
    "price_rise 10 %": _Change("price_rise", 0.1, "card_prices"),
    "roaming_ban, nine tenths lost": _Change("roaming_ban", 0.9, "own_median_below_tenth megabytes"),
    "roaming_ban, half lost": _Change("roaming_ban", 0.5, "own_median_below_tenth megabytes", None),
    "new_segment, four fifths of those who join": _Change(
        "new_segment", 0.8, "drift_from_training messages", None, months=3, levels=("notice", "alarm")
    ),
}
_AGAINST: dict[str, ShiftAgainst | None] = {
    "independent p-values": None,
    "days after one reference": "all before",
    "days, each against the day before": "before",
}


def _references(scale: float) -> int:
    return _REFERENCES if scale == 1 else 4


def no_drift(gates: Gates, seed: int, n: int, each: int, scale: float) -> None:
    """Count days without drift on which anything is told."""
    references = _references(scale)
    found = told(days(seed, n, references=references, each=max(2, round(each * scale))))
    words = f"{found.days} of {found.total:,} days after {references} references told, upper bound {found.upper:.2%}"
    bound = _MOST_FALSE if scale == 1 else 0.50
    gates.show(f"no drift, 20 features, n = {n:,}", words, kept=found.upper <= bound)


def shifts(gates: Gates, seed: int, scale: float) -> None:
    """Count days of planted shifts that are told."""
    planted: list[tuple[str, int, Mapping[str, float], float, float]] = [
        ("x1.1 on 4 features", 1_000, FOUR, _LEAST_SEEN, 1.0),
        ("x1.5 on one feature", 200, {"megabytes": 1.5}, 1.0, 1.0),
        ("x1.02 on 4 features", 100_000, dict.fromkeys(FOUR, 1.02), 0.0, 0.0),
    ]
    for name, n, times, least, most in planted:
        found = told(days(seed, n, references=_references(scale), each=max(1, round(15 * scale)), times=times))
        words = f"told on {found.days} of {found.total} days"
        gates.show(f"{name}, n = {n:,}", words, kept=least <= found.share <= most)
    wide = {"tenure": 1.1, "spread": 1.1, "roaming_minutes": 1.1, "premium_cents": 1.1}
    found = told(days(seed, 1_000, references=_references(scale), each=max(1, round(5 * scale)), times=wide))
    words = f"told on {found.days} of {found.total} days: these are wide (.7 to 1) or 40 % zeros"
    gates.show("x1.1 on 4 wide features, n = 1,000", words, kept=None)


def lasting(gates: Gates, seed: int, scale: float) -> None:
    """Count years in which the detector of lasting shifts is false, and how long a shift waits."""
    for name, against in _AGAINST.items():
        years = max(20, round((200 if against == "before" else 1_000) * scale))
        found = years_fired(seed, years, against)
        bound = _MOST_YEARS if scale == 1 else 0.30
        words = f"false in {found.days} of {found.total:,} years, upper bound {found.upper:.1%}"
        gates.show(f"lasting shifts, {name}", words, kept=found.upper <= bound)
    for name, against in list(_AGAINST.items())[:2]:
        waits = shift_waits(seed, max(9, round(200 * scale)), against)
        words = f"one sigma found after a median of {np.median(waits):.0f} periods, of {len(waits)} runs "
        words += f"{np.isfinite(waits).mean():.0%} at all"
        gates.show(f"lasting shift, {name}", words, kept=bool(np.median(waits) <= _MOST_PERIODS))


def bias(gates: Gates, seed: int, scale: float) -> None:
    """Count runs in which halved offers are found, and runs in which anything is found where nothing is planted."""
    runs = max(20, round(200 * scale))
    halved, nothing = (bias_found(seed, runs, halved=planted) for planted in (True, False))
    gates.show(
        "offers of a fifth halved, base 10 %, 5,000 decisions",
        f"found in {halved} of {runs}",
        kept=halved >= 0.95 * runs,
    )
    gates.show("no bias planted, 4 groups x 5 measures", f"told in {nothing} of {runs}", kept=nothing <= 0.05 * runs)


def operator(gates: Gates, seeds: Sequence[int], subscribers: int) -> None:
    """Watch operators for a year with nothing planted, and for the first months of each change.

    Every seed is one operator trained on twelve months. What is found counts where the same month of the same operator
    without the change does not find it.
    """
    false: list[str] = []
    found: dict[str, list[set[str]]] = {name: [] for name in _CHANGES}
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="monitor-check-") as folder:
            watched = Operator(PROJECT, Path(folder), seed, subscribers)
            sound = watched.look(watched.sound, after(FIRST, 12))
            false += [f"seed {seed}, {day.period}: {', '.join(sorted(told_in(day)))}" for day in sound if told_in(day)]
            for name, change in _CHANGES.items():
                days = watched.look(watched.months(change.kind, change.size), after(START, change.months))
                known = next(day for day in sound if day.period == days[-1].period)
                found[name].append(told_in(days[-1], *change.levels) - told_in(known, *change.levels))
    words = f"alarms in {len(false)} of {12 * len(seeds)} months, seeds {', '.join(map(str, seeds))}"
    gates.show("operator, nothing planted", "; ".join([words, *false]), kept=not false)
    for name, change in _CHANGES.items():
        hits = sum(any(check.startswith(change.check) for check in each) for each in found[name])
        least = math.ceil(change.least * len(seeds)) if change.least else None
        month = "first" if change.months == 1 else f"{change.months}rd"
        words = f"`{change.check}`: {change.levels[0]} in the {month} month, {hits} of {len(seeds)} operators"
        gates.show(f"operator, {name}", words, kept=None if least is None else hits >= least)


def main() -> int:
    """Run every gate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full numbers, for a test")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {FIGURES.name} and {PAGE.name}")
    options = parser.parse_args()
    seed, scale = int(options.seed), float(options.scale)
    print(f"seed {seed}", flush=True)
    gates = Gates("monitor-check")
    for n, each in ((200, 60), (1_000, 60), (5_000, 60), (100_000, 18)):
        gates.measure(f"no drift, n = {n:,}", lambda n=n, each=each: no_drift(gates, seed, n, each, scale))
    gates.measure("shifts", lambda: shifts(gates, seed, scale))
    gates.measure("lasting shifts", lambda: lasting(gates, seed, scale))
    gates.measure("operator", lambda: operator(gates, OPERATOR_SEEDS[: max(1, round(5 * scale))], _SUBSCRIBERS))
    gates.measure("bias", lambda: bias(gates, seed, scale))
    if options.write:
        gates.write(seed, FIGURES, PAGE)
    return 0 if gates.kept else 5


if __name__ == "__main__":
    sys.exit(main())
