"""What retraining is worth: twelve months of operators whose usage grows and who launch a plan, under three policies.

Never retrain; retrain each month; retrain in months where the monitor alarms. Each month the live bundle advises every
subscriber that no training learns from, by the function that the gate asks it with, and the simulator's truth judges
what it says. What is trained goes live without the gate; a training that is refused leaves the live bundle. `make -C
PlanRec lifecycle-worth` takes hours; `--quick` some minutes, with one operator and smaller models, which say less.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from monitor_operator import FIRST, after, looked
from numpy.typing import NDArray
from planted_models import LEAN, PlantedOperator

from common_utils.array_types import FloatArray
from common_utils.bundle import Bundle
from common_utils.errors import DataError, GateError
from common_utils.evaluation import bootstrap_mean, paired_mean_difference
from common_utils.lifecycle.reasons import blocked_by
from common_utils.monitoring.day import MonitorDay
from common_utils.reporting.cards import replace_block
from planrec.billing import Catalogue
from planrec.bundle import PlanRecBundle
from planrec.columns import SUBSCRIBER
from planrec.lifecycle.measures import advised_plans
from planrec.lifecycle.rows import set_aside
from planrec.months import month_index, month_text
from planrec.policies.compare import BillsAhead, JudgedDecisions, advice_scores, money_of_advice
from planrec.rules import ExclusionCode, apply_rules, configured_rules
from planrec.simulator.drift import card_text
from planrec.study.worlds import asking_months, moments_of

PROJECT = Path(__file__).resolve().parents[1]
FIGURES = PROJECT.parent / "benchmarks" / "results" / "lifecycle_worth.json"
PAGE, BLOCK = PROJECT / "docs" / "lifecycle.md", "lifecycle-worth"
SEEDS = (301, 302, 303, 304, 305)
MONTHS = after(FIRST, 12)
GROWS, LAUNCH = MONTHS[3], MONTHS[7]
POLICIES = ("never", "monthly", "monitor")
MEASURES = {
    "regret_cents": "regret, cents a month",
    "accepted_saving_cents": "accepted saving, cents a month",
    "share_worse_off": "share worse off",
}
_WORLD = (
    "releases.signatures=development",
    "simulator.months=24",
    "simulator.later_months=2",
    "simulator.offers.truth_of_all=true",
    f'simulator.drift=[{{"kind": "data_growth", "start": "{GROWS}", "size": 1.5}}, '
    f'{{"kind": "flagship_launch", "start": "{LAUNCH}", "size": 40}}]',
)
_RESAMPLES = 2_000


@dataclass
class Lived:
    """What twelve months of one operator brought under one policy.

    Attributes
    ----------
    trained, refused : list of str
        Months whose bundle was trained anew, and those whose training was refused.
    cpu_seconds : float
        Of these trainings.
    values : mapping of str to float64 array of shape (n,)
        By `MEASURES`: of each subscriber in each month.
    """

    trained: list[str] = field(default_factory=list[str])
    refused: list[str] = field(default_factory=list[str])
    cpu_seconds: float = 0.0
    values: Mapping[str, FloatArray] = field(default_factory=dict[str, FloatArray])


class World:
    """One operator, the bundles trained for its months, and the subscribers no training learns from."""

    def __init__(self, folder: Path, seed: int, subscribers: int, *, lean: bool) -> None:
        self.operator = PlantedOperator(PROJECT, folder, seed, subscribers, settings=(*(LEAN if lean else ()), *_WORLD))
        self._made: dict[str, tuple[Bundle | None, float]] = {}
        told, config = self.operator.told, self.operator.config()
        people = told.months[SUBSCRIBER].unique().astype(object)
        aside = told.months[told.months[SUBSCRIBER].isin(people[set_aside(config, people)])].reset_index(drop=True)
        self.moments = moments_of(config, told, asking_months(told, aside), month_index(FIRST))
        rules = configured_rules(config.rules, PROJECT, told.catalogue)
        # Who is bound by a contract cannot move: the rules say what could have been advised, whichever bundle is live.
        excluded = apply_rules(rules, told.catalogue, self.moments.facts, "advice").codes
        whole = np.ones(len(excluded), dtype=np.bool_)
        self.situation = JudgedDecisions(
            subscribers=np.array([f"{seed} {one}" for one in self.moments.subscribers], dtype=object),
            available=excluded == ExclusionCode.NONE,
            chosen=self.moments.current,
            current=self.moments.current,
            ahead=BillsAhead(self.moments.bills, whole),
            resamples=_RESAMPLES,
            seed=seed,
        )

    def card(self, month: str) -> Catalogue:
        """Return the rate card that the operator knows in a month."""
        return self.operator.told.catalogue if month >= LAUNCH else self.operator.card

    def trained(self, month: str) -> tuple[Bundle | None, float]:
        """Return the bundle trained for a month on all months before it, and its CPU seconds; once for all policies."""
        if month not in self._made:
            operator, card = self.operator, self.card(month)
            rules = configured_rules(operator.config().rules, PROJECT, card)
            before = operator.until(month_text(month_index(month) - 1))
            # The bundle takes its card from the file that the settings name.
            file = operator.folder / f"{card.version}.yaml"
            file.write_text(card_text(card), encoding="utf-8")
            training = replace(operator.training(before, f"data.simulator.plans={file}"), card=card, rules=rules)
            began = _cpu_seconds()
            try:
                bundle = training.train(operator.work(f"bundle {month}"), "")
            except (DataError, GateError) as error:
                print(f"  {month}: refused: {str(error)[:200]}", flush=True)
                bundle = None
            self._made[month] = bundle, _cpu_seconds() - began
        return self._made[month]

    def alarmed(self, live: PlanRecBundle, month: str, days: list[MonitorDay]) -> bool:
        """Look at the month before one, note the day, and tell whether it alarms and may be learnt from."""
        period = month_text(month_index(month) - 1)
        days.append(looked(live, self.operator.months, self.operator.told.catalogue, period, days))
        for one in days[-1].at("alarm"):
            print(f"  {month}: alarm: {one.sentence}", flush=True)
        return bool(days[-1].at("alarm")) and not blocked_by(days)

    def lived(self, policy: str) -> Lived:
        """Live twelve months under a policy."""
        found, days = Lived(), list[MonitorDay]()
        live = self._opened(self.operator.live)
        advised = np.full(len(self.moments.rows), -1, dtype=np.int64)
        for month in MONTHS:
            wanted = policy == "monthly" or (policy == "monitor" and self.alarmed(live, month, days))
            if wanted:
                bundle, seconds = self.trained(month)
                found.cpu_seconds += seconds
                (found.trained if bundle else found.refused).append(month)
                live = self._opened(bundle) if bundle else live
            rows = self.moments.as_of == month_index(month) - 1
            asked = self.moments.rows[rows].reset_index(drop=True)
            advised[rows] = advised_plans(live, asked, self.operator.told.catalogue)
        return replace(found, values=self._judged(advised))

    def _opened(self, bundle: Bundle) -> PlanRecBundle:
        return PlanRecBundle(bundle, self.operator.config())

    def _judged(self, advised: NDArray[np.int64]) -> dict[str, FloatArray]:
        order = np.full(self.situation.available.shape, -1, dtype=np.int64)
        order[:, 0], order[:, 1] = advised, self.moments.current
        money = money_of_advice(advice_scores(order), self.situation)
        accept = self.moments.accept[np.arange(len(advised)), advised]
        accepted = accepted_saving(money["saving_cents"], accept)
        return {**{name: money[name] for name in MEASURES if name in money}, "accepted_saving_cents": accepted}


def accepted_saving(saving: FloatArray, accept: FloatArray) -> FloatArray:
    """Return what advice saves times the true chance that it is taken; nothing of who may not or need not move.

    Parameters
    ----------
    saving : float64 array of shape (n,)
        Cents a month; negative where the plan advised costs more.
    accept : float64 array of shape (n,)
        Chance that an offer of the plan advised is accepted; NaN where it is the plan held, or cannot be offered.
    """
    return saving * np.nan_to_num(accept, nan=0.0)


def summary(lives: Mapping[str, Sequence[Lived]], subscribers: NDArray[Any], *, seed: int) -> dict[str, Any]:
    """Return each policy's figures, and how they differ from never retraining.

    Parameters
    ----------
    lives : mapping of str to sequence of Lived
        By policy, `never` among them; one of each operator, the operators in the same order.
    subscribers : array of shape (n,)
        Whom each row of all operators is about, with the operator; drawn whole.
    seed : int
        Of the bootstrap.

    Returns
    -------
    dict
        By policy: `trainings`, `refused`, `cpu_hours`, and by measure `mean`, `less_never` (both with their 95 %
        interval) and `less_never_by_operator`.
    """
    found: dict[str, Any] = {}
    for policy, each in lives.items():
        row: dict[str, Any] = {
            "trainings": [one.trained for one in each],
            "refused": [one.refused for one in each],
            "cpu_hours": sum(one.cpu_seconds for one in each) / 3600,
        }
        for name in MEASURES:
            own, never = ([one.values[name] for one in arm] for arm in (each, lives["never"]))
            first, second = np.concatenate(own), np.concatenate(never)
            row[name] = {
                "mean": bootstrap_mean(
                    first, subscribers, n_resamples=_RESAMPLES, rng=np.random.default_rng(seed)
                ).to_dict(),
                "less_never": paired_mean_difference(
                    first, second, subscribers, n_resamples=_RESAMPLES, rng=np.random.default_rng(seed)
                ).interval.to_dict(),
                "less_never_by_operator": [float((a - b).mean()) for a, b in zip(own, never, strict=True)],
            }
        found[policy] = row
    return found


def table(figures: Mapping[str, Any]) -> str:
    """Return the figures as lines of at most 80 characters."""
    lines = [f"{'policy':<8} {'trained':>7} {'refused':>7} {'CPU hours':>9}"]
    for policy, row in figures.items():
        trained, refused = (sum(map(len, row[name])) for name in ("trainings", "refused"))
        lines.append(f"{policy:<8} {trained:>7} {refused:>7} {row['cpu_hours']:>9.3f}")
    for name, words in MEASURES.items():
        lines += ["", f"{words:<31} {'mean':>9}  less never retraining [95 %]"]
        for policy, row in figures.items():
            less = row[name]["less_never"]
            span = f"{less['estimate']:z.4f} [{less['low']:z.4f}, {less['high']:z.4f}]"
            lines.append(f"  {policy:<29} {row[name]['mean']['estimate']:>9.4f}  {span}")
    return "\n".join(lines)


def page_table(kept: Mapping[str, Any]) -> str:
    """Return kept figures as the table of the page: means, and what they differ from never retraining by."""
    heads = ["policy", "trainings", "CPU hours", *(f"{words} | less never" for words in MEASURES.values())]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * (len(heads) + len(MEASURES))]
    for policy, row in kept["policies"].items():
        cells = [policy, str(sum(map(len, row["trainings"]))), f"{row['cpu_hours']:z.2f}"]
        for name in MEASURES:
            less = row[name]["less_never"]
            span = f"{less['estimate']:z#.3g} [{less['low']:z#.3g}, {less['high']:z#.3g}]"
            cells += [f"{row[name]['mean']['estimate']:z#.3g}", "" if policy == POLICIES[0] else span]
        lines.append(f"| {' | '.join(cells)} |")
    first, last = kept["months"]
    about = f"{len(kept['seeds'])} operators of {kept['subscribers']:,} subscribers, {first} to {last}"
    return "\n".join([f"{about}; 95 % intervals:", "", *lines])


def _cpu_seconds() -> float:
    """Return the seconds of all threads of this process, and of its processes that ended."""
    return sum(os.times()[:4])


def main(arguments: Sequence[str] | None = None) -> int:
    """Live every policy, print the table, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one operator, 1,500 subscribers, smaller models")
    parser.add_argument("--subscribers", type=int, default=None, help="of each operator; 5,000")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {FIGURES.name}")
    asked = parser.parse_args(arguments)
    if asked.quick and asked.write:
        parser.error("--quick --write: figures of the smaller form are not kept; leave out one of the two")
    seeds = SEEDS[:1] if asked.quick else SEEDS
    size = asked.subscribers or (1_500 if asked.quick else 5_000)
    lives: dict[str, list[Lived]] = {policy: [] for policy in POLICIES}
    subscribers: list[NDArray[Any]] = []
    with tempfile.TemporaryDirectory(prefix="worth-") as folder:
        for seed in seeds:
            world = World(Path(folder) / str(seed), seed, size, lean=asked.quick)
            subscribers.append(world.situation.subscribers)
            for policy in POLICIES:
                lives[policy].append(world.lived(policy))
                told = ", ".join(lives[policy][-1].trained) or "nothing"
                print(f"operator {seed}, {policy}: trained {told}", flush=True)
    figures = summary(lives, np.concatenate(subscribers), seed=seeds[0])
    print(table(figures))
    if asked.write:
        about = {"seeds": list(seeds), "subscribers": size, "quick": asked.quick, "months": [MONTHS[0], MONTHS[-1]]}
        kept = {**about, "data_growth": GROWS, "launch": LAUNCH, "policies": figures}
        FIGURES.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        page = replace_block(PAGE.read_text(encoding="utf-8"), BLOCK, page_table(kept))
        PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
