"""Models made worse on purpose, each trained and judged as retraining trains and judges: none may challenge.

Each seed is one simulated operator: a live bundle of its first twelve months, and a table three months longer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from common_utils.bundle import Bundle
from common_utils.bundle.signing import INTEGRITY_ONLY
from common_utils.lifecycle.chain import trained_and_judged
from common_utils.lifecycle.gate import GateReport
from planrec.billing import load_catalogue
from planrec.columns import CURRENT_PLAN, MEGABYTES, MONTH, SUBSCRIBER
from planrec.config import PlanRecConfig, load_planrec_config
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.lifecycle.retraining import UsageTraining
from planrec.rules import configured_rules
from planrec.simulator.operator import simulate
from planrec.usage.months_table import UsageData

__all__ = ["LEAN", "LIVE_UNTIL", "PLANTED", "PlantedOperator"]

LIVE_UNTIL, NEW_UNTIL, SLIPPED = "2025-12", "2026-03", "2025-09"
LEAN = (
    "releases.signatures=development",
    "simulator.months=15",
    "training.challenger.max_iter=4",
    "training.challenger.folds=2",
    "training.split.folds=2",
    "evaluation.resamples=50",
    "lifecycle.gate.resamples=500",
)
_PARITY_ROWS = 2_000  # the same proof as in a training, on fewer rows: these bundles are thrown away


@dataclass
class PlantedOperator:
    """One simulated operator, and its live bundle.

    Parameters
    ----------
    project, folder : Path
        Of PlanRec, and where bundles go.
    seed, subscribers : int
    settings : tuple of str
        Of world and training, as `--set` takes them.
    """

    project: Path
    folder: Path
    seed: int
    subscribers: int
    settings: tuple[str, ...] = LEAN

    def __post_init__(self) -> None:
        config = self.config()
        self.card = load_catalogue(self.project / config.data.chosen().plans)
        self.rules = configured_rules(config.rules, self.project, self.card)
        self.told = simulate(config.simulator, self.card, np.random.default_rng(self.seed))
        self.months = self.told.months
        training = self.training(self.until(LIVE_UNTIL))
        self.live = training.train(self.folder / "live", "")

    def config(self, *more: str) -> PlanRecConfig:
        """Return the settings of a training."""
        own = (
            f"training.seed={self.seed}",
            f"simulator.subscribers={self.subscribers}",
            f"tracking.folder={self.folder / 'runs'}",
        )
        return load_planrec_config(self.project, overrides=[*self.settings, *own, *more], environ={})

    def until(self, last: str) -> pd.DataFrame:
        """Return the usage months up to one."""
        return self.months[self.months[MONTH] <= last].reset_index(drop=True)

    def training(self, months: pd.DataFrame, *more: str) -> UsageTraining:
        """Return a training on some months."""
        return UsageTraining(
            self.config(*more),
            self.project,
            self.folder / "no-artifacts",
            INTEGRITY_ONLY,
            self.card,
            self.rules,
            UsageData(months, (), "planted"),
            lambda _: None,
            parity_rows=_PARITY_ROWS,
        )

    def judged(self, name: str) -> GateReport:
        """Return what the chain finds of a planted model, or of an honest one."""
        data = PLANTED[name](self)
        return trained_and_judged(data, self.work(name), self.live, "", INTEGRITY_ONLY, lambda _: None)[0]

    def work(self, name: str) -> Path:
        """Return an empty root for a new bundle."""
        folder = self.folder / name.replace(" ", "_")
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class _Shuffled(UsageTraining):
    """A training whose rows learn the plan that somebody else took; what it is judged on is sound."""

    def train(self, root: Path, snapshot: str) -> Bundle:
        """Train on shuffled plans."""
        prepared = self.prepared()
        rows = prepared.decisions.copy()
        plans = rows[CHOSEN_PLAN].to_numpy(dtype=object, copy=True)
        plans[prepared.train_index] = np.random.default_rng(3).permutation(plans[prepared.train_index])
        shuffled = replace(prepared, decisions=rows.assign(**{CHOSEN_PLAN: plans}))
        return self.write(shuffled, root, snapshot)


def _same(operator: PlantedOperator) -> UsageTraining:
    return operator.training(operator.until(LIVE_UNTIL))


def _sound(operator: PlantedOperator) -> UsageTraining:
    return operator.training(operator.until(NEW_UNTIL))


def _shuffled(operator: PlantedOperator) -> UsageTraining:
    sound = _sound(operator)
    return _Shuffled(**{name: getattr(sound, name) for name in UsageTraining.__dataclass_fields__})


def _slipped(operator: PlantedOperator) -> UsageTraining:
    months = operator.until(NEW_UNTIL)
    gigabytes = np.where(months[MONTH] == SLIPPED, months[MEGABYTES] / 1024, months[MEGABYTES])
    return operator.training(months.assign(**{MEGABYTES: gigabytes}))


def _leaking(operator: PlantedOperator) -> UsageTraining:
    months = operator.until(NEW_UNTIL)
    ahead = months.groupby(SUBSCRIBER, sort=False)[CURRENT_PLAN].shift(-1).fillna(months[CURRENT_PLAN])
    codes = pd.Series(pd.factorize(ahead)[0], index=months.index, dtype="float64")
    return operator.training(months.assign(loyalty_code=codes), "data.simulator.extra_columns=[age, loyalty_code]")


def _forgotten(operator: PlantedOperator) -> UsageTraining:
    return operator.training(operator.until(NEW_UNTIL), "data.simulator.extra_columns=[]")


PLANTED: dict[str, Callable[[PlantedOperator], UsageTraining]] = {
    "shuffled labels": _shuffled,
    "one month in another unit": _slipped,
    "a leak": _leaking,
    "a forgotten feature": _forgotten,
    "the same data again": _same,
    "three months more": _sound,
}
"""Planted models by name; the last two are honest."""
