"""What retraining is worth: twelve months of operators whose usage grows and who launch a plan, under three policies.

Never retrain; retrain each month; retrain in months where a reason of `planrec retrain` holds, the schedule left out.
Each month the live bundle advises every subscriber that no training learns from, by the function that the gate asks it
with, and the simulator's truth judges what it says. What is trained goes live without the gate; a training that is
refused leaves the live bundle. Advice rests on forecast, rate card and rules: the choice models of these bundles are
small, and a training as shipped is timed and must make the same forecast. Each operator is kept under `--state` when it
is done, so a run that was killed goes on. `--write` keeps the figures and the table of docs/lifecycle.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from monitor_operator import FIRST, after, looked
from numpy.typing import NDArray
from planted_models import LEAN, PlantedOperator
from scipy.stats import t as student

from common_utils.array_types import FloatArray
from common_utils.bundle import Bundle, fingerprint_bytes, git_commit
from common_utils.errors import DataError, GateError
from common_utils.evaluation.fold_spread import fold_error
from common_utils.lifecycle.reasons import blocked_by, reasons_to_train
from common_utils.monitoring.day import MonitorDay
from common_utils.outputs import write_text
from common_utils.releases.trained import trained_settings
from common_utils.reporting.cards import replace_block
from planrec.billing import Catalogue
from planrec.bundle import PlanRecBundle
from planrec.bundle.contents import CATALOGUE_FILE, FORECAST_FILE
from planrec.choice.compiling import MATRIX_ROWS
from planrec.columns import SUBSCRIBER
from planrec.config import SPEC, PlanRecConfig
from planrec.lifecycle.measures import advised_plans
from planrec.lifecycle.retraining import UsageTraining
from planrec.lifecycle.rows import set_aside
from planrec.months import month_index, month_text
from planrec.policies.compare import BillsAhead, JudgedDecisions, advice_scores, money_of_advice
from planrec.rules import ExclusionCode, apply_rules, configured_rules
from planrec.simulator.drift import card_text
from planrec.study.worlds import asking_months, moments_of

PROJECT = Path(__file__).resolve().parents[1]
FIGURES = PROJECT.parent / "benchmarks" / "results" / "lifecycle_worth.json"
PAGE = PROJECT / "docs" / "lifecycle.md"
MARK = "lifecycle-worth"
SEEDS = (301, 302, 303, 304, 305)
MONTHS = after(FIRST, 12)
GROWS, LAUNCH = MONTHS[3], MONTHS[7]
SPANS = {"before the growth": MONTHS[:3], "between growth and launch": MONTHS[3:7], "from the launch on": MONTHS[7:]}
POLICIES = {"never": "never", "monthly": "each month", "monitor": "by the monitor"}
FLOOR, BEST = "stay", "best"
NAMES = {FLOOR: "no advice", **POLICIES, BEST: "perfect foresight"}
MEASURES = {
    "regret_cents": "regret, cents a month",
    "accepted_saving_cents": "accepted saving, cents a month",
    "accepted_of_moved_cents": "accepted saving of those moved, cents a month",
    "moved_percent": "moved, %",
    "harmed_percent": "worse off among those moved, %",
    **{f"regret_cents {span}": f"regret {span}, cents a month" for span in SPANS},
}
_WORLD = (
    "releases.signatures=development",
    "simulator.months=24",
    "simulator.later_months=2",
    "simulator.offers.truth_of_all=true",
    f'simulator.drift=[{{"kind": "data_growth", "start": "{GROWS}", "size": 1.5}}, '
    f'{{"kind": "flagship_launch", "start": "{LAUNCH}", "size": 40}}]',
)
_NO_SCHEDULE = 3_650


@dataclass
class Lived:
    """What twelve months of one operator brought under one policy.

    Attributes
    ----------
    trained, refused : list of str
        Months whose bundle was trained anew, and those whose training was refused.
    reasons : dict of str to list of str
        By month, the kinds of reasons that held.
    looked_seconds : float
        CPU time of monitoring.
    figures : dict of str to float or None
        By `MEASURES`; None where nobody was moved.
    """

    trained: list[str] = field(default_factory=list[str])
    refused: list[str] = field(default_factory=list[str])
    reasons: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    looked_seconds: float = 0.0
    figures: dict[str, float | None] = field(default_factory=dict[str, float | None])


class World:
    """One operator, the bundles trained for its months, and the subscribers no training learns from."""

    def __init__(self, folder: Path, seed: int, subscribers: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.operator = PlantedOperator(PROJECT, folder, seed, subscribers, settings=(*LEAN, *_WORLD))
        self._made: dict[str, Bundle | None] = {}
        told, config = self.operator.told, self.operator.config()
        self._card_files = {False: PROJECT / config.data.chosen().plans, True: folder / "launched.yaml"}
        write_text(self._card_files[True], card_text(told.catalogue))
        people = told.months[SUBSCRIBER].unique().astype(object)
        aside = told.months[told.months[SUBSCRIBER].isin(people[set_aside(config, people)])].reset_index(drop=True)
        self.moments = moments_of(config, told, asking_months(told, aside), month_index(FIRST))
        rules = configured_rules(config.rules, PROJECT, told.catalogue)
        # Who is bound by a contract cannot move: the rules say what could have been advised, whichever bundle is live.
        excluded = apply_rules(rules, told.catalogue, self.moments.facts, "advice").codes
        self.situation = JudgedDecisions(
            subscribers=self.moments.subscribers,
            available=excluded == ExclusionCode.NONE,
            chosen=self.moments.current,
            current=self.moments.current,
            ahead=BillsAhead(self.moments.bills, np.ones(len(excluded), dtype=np.bool_)),
            resamples=1,
            seed=seed,
        )

    def card(self, month: str) -> Catalogue:
        """Return the rate card that the operator knows in a month."""
        return self.operator.told.catalogue if month >= LAUNCH else self.operator.card

    def training(self, month: str) -> UsageTraining:
        """Return the training of a month: on all months before it, with the card that is known in it."""
        operator, card = self.operator, self.card(month)
        before = operator.until(month_text(month_index(month) - 1))
        found = operator.training(before, f"data.simulator.plans={self._card_files[month >= LAUNCH]}")
        return replace(found, card=card, rules=configured_rules(found.config.rules, PROJECT, card))

    def trained(self, month: str) -> Bundle | None:
        """Return the bundle trained for a month, once for all policies; None where the training was refused."""
        if month not in self._made:
            try:
                self._made[month] = self.training(month).train(self.operator.work(f"bundle {month}"), "")
            except (DataError, GateError) as error:
                print(f"  {month}: refused: {str(error)[:200]}", flush=True)
                self._made[month] = None
        return self._made[month]

    def shipped_seconds(self, month: str) -> float:
        """Return the CPU seconds of a month's training as shipped; its forecast must be that of the small training."""
        small = self.trained(month)
        own = tuple(one for one in LEAN if one.startswith("releases.")) + _WORLD
        lean, self.operator.settings = self.operator.settings, own
        began = _cpu_seconds()
        whole = replace(self.training(month), parity_rows=MATRIX_ROWS).train(self.operator.work(f"shipped {month}"), "")
        seconds, self.operator.settings = _cpu_seconds() - began, lean
        if small is None or small.read_bytes(FORECAST_FILE) != whole.read_bytes(FORECAST_FILE):
            raise DataError(f"{month}: the small training's forecast is not that of a training as shipped.")
        return seconds

    def reasons(self, live: PlanRecBundle, month: str, days: list[MonitorDay]) -> list[str]:
        """Look at the month before one, note the day, and return which reasons hold to train; none where it may not."""
        period, first = month_text(month_index(month) - 1), date.fromisoformat(f"{month}-01")
        days.append(looked(live, self.operator.months, self.card(month), period, days))
        if blocked_by(days):
            return []
        cards = live.bundle.read_bytes(CATALOGUE_FILE), self._card_files[month >= LAUNCH].read_bytes()
        was, now = ({"rate_card": fingerprint_bytes(card)} for card in cards)
        found = reasons_to_train(first, trained=first, every_days=_NO_SCHEDULE, day=days[-1], live=was, now=now)
        return [reason.kind for reason in found]

    def lived(self, policy: str) -> Lived:
        """Live twelve months under a policy."""
        found, days = Lived(), list[MonitorDay]()
        live = _opened(self.operator.live)
        advised = np.full(len(self.moments.rows), -1, dtype=np.int64)
        for month in MONTHS:
            if policy == "monitor":
                began = _cpu_seconds()
                reasons = self.reasons(live, month, days)
                found.looked_seconds += _cpu_seconds() - began
                found.reasons |= {month: reasons} if reasons else {}
            if policy == "monthly" or month in found.reasons:
                bundle = self.trained(month)
                (found.trained if bundle else found.refused).append(month)
                live = _opened(bundle) if bundle else live
            rows = self.moments.as_of == month_index(month) - 1
            asked = self.moments.rows[rows].reset_index(drop=True)
            advised[rows] = advised_plans(live, asked, self.operator.told.catalogue)
        return replace(found, figures=self.judged(advised))

    def judged(self, advised: NDArray[np.int64]) -> dict[str, float | None]:
        """Return the figures of advice to everybody in every month: positions in the card, the plan held for stay."""
        order = np.full(self.situation.available.shape, -1, dtype=np.int64)
        order[:, 0], order[:, 1] = advised, self.moments.current
        money = money_of_advice(advice_scores(order), self.situation)
        accept = self.moments.accept[np.arange(len(advised)), advised]
        return figures_of(money, accepted_saving(money["saving_cents"], accept), self.spans())

    def bounds(self) -> dict[str, Lived]:
        """Return the floor and the bound: nobody advised, and the best that could be had, each figure by itself."""
        moments, at = self.moments, np.arange(len(self.moments.rows))
        open_to = self.situation.available
        best = self.judged(np.where(open_to, moments.bills, np.inf).argmin(axis=1))
        saving = moments.bills[at, moments.current][:, None] - moments.bills
        taken = np.where(open_to, accepted_saving(saving, moments.accept), 0.0).max(axis=1)
        best |= {"accepted_saving_cents": float(np.maximum(taken, 0).mean()), "accepted_of_moved_cents": None}
        return {FLOOR: Lived(figures=self.judged(moments.current)), BEST: Lived(figures=best)}

    def spans(self) -> dict[str, NDArray[np.bool_]]:
        """Return which rows are about which span of months."""
        change = self.moments.as_of + 1
        return {name: np.isin(change, [month_index(month) for month in span]) for name, span in SPANS.items()}


def figures_of(
    money: Mapping[str, FloatArray], accepted: FloatArray, spans: Mapping[str, NDArray[np.bool_]]
) -> dict[str, float | None]:
    """Return an operator's figures by `MEASURES` from what its rows brought.

    Parameters
    ----------
    money : mapping of str to float64 array of shape (n,)
        As `money_of_advice`.
    accepted : float64 array of shape (n,)
        As `accepted_saving`.
    spans : mapping of str to bool array of shape (n,)
    """
    moved = money["share_moved"] == 1
    regret = money["regret_cents"]
    return {
        "regret_cents": float(regret.mean()),
        "accepted_saving_cents": float(accepted.mean()),
        "accepted_of_moved_cents": float(accepted[moved].mean()) if moved.any() else None,
        "moved_percent": 100 * float(moved.mean()),
        "harmed_percent": 100 * float(money["share_worse_off"][moved].mean()) if moved.any() else None,
        **{f"regret_cents {name}": float(regret[rows].mean()) for name, rows in spans.items()},
    }


def accepted_saving(saving: FloatArray, accept: FloatArray) -> FloatArray:
    """Return what advice saves times the true chance that it is taken; nothing of who may not or need not move.

    Parameters
    ----------
    saving : float64 array
        Cents a month; negative where the plan advised costs more.
    accept : float64 array of the same shape
        Chance that an offer of the plan advised is accepted; NaN where it is the plan held, or cannot be offered.
    """
    return saving * np.nan_to_num(accept, nan=0.0)


def lived_by(seed: int, subscribers: int, folder: Path) -> dict[str, Any]:
    """Return what one operator lived under every policy, and between which bounds."""
    world = World(folder, seed, subscribers)
    lives = {policy: world.lived(policy) for policy in POLICIES} | world.bounds()
    found = {policy: vars(lived) for policy, lived in lives.items()}
    return {"rows": len(world.moments.rows), "training_seconds": world.shipped_seconds(MONTHS[-1]), "lives": found}


def interval(values: Iterable[float | None]) -> dict[str, float] | None:
    """Return mean and 95 % interval over operators by Student's t; None where one operator has no figure.

    Examples
    --------
    >>> {name: round(value, 3) for name, value in interval([1.0, 2.0, 3.0]).items()}
    {'mean': 2.0, 'low': -0.484, 'high': 4.484}
    """
    given = list(values)
    known = [value for value in given if value is not None]
    if not known or len(known) < len(given):
        return None
    mean = float(np.mean(known))
    if len(known) == 1:
        return {"mean": mean}
    half = float(student.ppf(0.975, len(known) - 1)) * float(fold_error(np.array(known), 0.0))
    return {"mean": mean, "low": mean - half, "high": mean + half}


def summary(operators: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return by policy: `trainings`, `refused`, `cpu_hours` of all operators; by measure `of` and `less_never`.

    Parameters
    ----------
    operators : sequence of mapping
        As `lived_by`. CPU hours are trainings times the time of the operator's largest, as shipped, plus monitoring.
    """
    found: dict[str, Any] = {}
    for policy in NAMES:
        lives = [one["lives"][policy] for one in operators]
        seconds = sum(
            len(lived["trained"]) * one["training_seconds"] + lived["looked_seconds"]
            for one, lived in zip(operators, lives, strict=True)
        )
        row: dict[str, Any] = {name: sum(len(lived[name]) for lived in lives) for name in ("trained", "refused")}
        row["cpu_hours"] = seconds / 3600
        for name in MEASURES:
            own = [lived["figures"][name] for lived in lives]
            never = [one["lives"]["never"]["figures"][name] for one in operators]
            less = [None if a is None or b is None else a - b for a, b in zip(own, never, strict=True)]
            row[name] = {"of": interval(own), "less_never": interval(less)}
        found[policy] = row
    return found


def table(found: Mapping[str, Any]) -> str:
    """Return the summary as Markdown: figures of each policy, and how much they are above never retraining."""
    lines = [f"| figure | {' | '.join(NAMES.values())} |", f"|---|{'---|' * len(NAMES)}"]
    for words, key, form in (
        ("trainings", "trained", "d"),
        ("refused", "refused", "d"),
        ("CPU hours", "cpu_hours", "z.2f"),
    ):
        told = (format(found[name][key], form) if name in POLICIES else "" for name in NAMES)
        lines.append(f"| {words} | {' | '.join(told)} |")
    for name, words in MEASURES.items():
        lines.append(f"| {words} | " + " | ".join(_told(found[policy][name]["of"]) for policy in NAMES) + " |")
        others = [_told(found[policy][name]["less_never"]) if policy != "never" else "" for policy in NAMES]
        lines.append("| … above never retraining | " + " | ".join(others) + " |")
    return "\n".join([*lines, "", *(_verdict(found, policy) for policy in POLICIES if policy != "never")])


def _told(value: Mapping[str, float] | None) -> str:
    if value is None:
        return ""
    span = f" [{value['low']:z.2f}, {value['high']:z.2f}]" if value.get("low") != value.get("high") else ""
    return f"{value['mean']:z.2f}{span}"


def _verdict(found: Mapping[str, Any], policy: str) -> str:
    """Say of which figures the interval of the difference leaves out 0, and of which it does not."""
    sure, unsure = list[str](), list[str]()
    for name, words in MEASURES.items():
        less = found[policy][name]["less_never"]
        if less is not None and "low" in less:
            told = unsure if less["low"] <= 0 <= less["high"] else sure
            told.append(f"{words}: {less['mean']:+z.2f}")
    known, unknown = ("; ".join(told) or "nothing" for told in (sure, unsure))
    return f"- {NAMES[policy]}: interval without 0 in {known}. No difference can be told in {unknown}."


def _opened(bundle: Bundle) -> PlanRecBundle:
    return PlanRecBundle(bundle, trained_settings(bundle, PlanRecConfig, SPEC.name))


def _cpu_seconds() -> float:
    """Return the seconds of all threads of this process, and of its processes that ended."""
    return sum(os.times()[:4])


def kept_or_lived(state: Path, seed: int, subscribers: int) -> dict[str, Any]:
    """Return an operator's record from an earlier run of the same code and size, or live it and keep it."""
    file = state / f"{seed}-{subscribers}.json"
    code = git_commit(PROJECT)
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if known.get("code") != code:
        with tempfile.TemporaryDirectory(prefix="worth-") as folder:
            known = {"code": code, **lived_by(seed, subscribers, Path(folder))}
        state.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps(known, indent=1) + "\n")
    return known


def main(arguments: Sequence[str] | None = None) -> int:
    """Live every policy, print the table, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one operator of 1,500 subscribers; not with --write")
    parser.add_argument("--subscribers", type=int, default=3_000, help="of each operator; 3,000")
    parser.add_argument("--state", type=Path, default=PROJECT / "data" / "lifecycle-worth", help="of operators done")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {FIGURES.name} and {PAGE.name}")
    asked = parser.parse_args(arguments)
    if asked.quick and asked.write:
        parser.error("--quick measures too little to be kept; leave out --quick or --write.")
    seeds, size = (SEEDS[:1], 1_500) if asked.quick else (SEEDS, asked.subscribers)
    operators: list[dict[str, Any]] = []
    for seed in seeds:
        operators.append(kept_or_lived(asked.state, seed, size))
        for policy in POLICIES:
            lived = operators[-1]["lives"][policy]
            print(f"operator {seed}, {policy}: trained {', '.join(lived['trained']) or 'nothing'}", flush=True)
    found = summary(operators)
    print(table(found))
    if asked.write:
        about = {"seeds": list(seeds), "subscribers": size, "rows": [one["rows"] for one in operators]}
        reasons = {str(seed): one["lives"]["monitor"]["reasons"] for seed, one in zip(seeds, operators, strict=True)}
        about |= {"months": [MONTHS[0], MONTHS[-1]], "data_growth": GROWS, "launch": LAUNCH, "reasons": reasons}
        write_text(FIGURES, json.dumps({**about, "policies": found}, indent=1) + "\n")
        write_text(PAGE, replace_block(PAGE.read_text(encoding="utf-8"), MARK, table(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
