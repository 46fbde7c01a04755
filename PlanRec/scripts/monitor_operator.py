"""A small operator watched for a year after its training: each month looked at, with a change and without.

Each seed is one operator and one bundle. A change begins in the fifth month after the training, `START`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from common_utils.monitoring.day import MonitorDay
from common_utils.monitoring.findings import Level
from common_utils.monitoring.judge import judged
from planrec.billing import Catalogue, load_catalogue
from planrec.bundle import PlanRecBundle
from planrec.columns import MONTH
from planrec.config import PlanRecConfig, load_planrec_config
from planrec.monitoring.look import look_at_month
from planrec.months import month_index, month_text
from planrec.simulator.operator import USAGE_MONTHS_FILE, simulate
from planrec.training import train

__all__ = ["FIRST", "START", "Operator", "Watched", "after", "looked", "told_in"]

FIRST = "2026-01"
"""The first month looked at; training ends before it."""
START = "2026-05"
"""The first month of a change."""
_MONTHS = 24
_LEAN = (
    "releases.signatures=development",
    "simulator.later_months=2",
    "simulator.joins_late=0.4",
    "training.challenger.max_iter=4",
    "training.challenger.folds=2",
    "training.split.folds=2",
    "evaluation.resamples=50",
)


@dataclass(frozen=True)
class Watched:
    """Usage months as the operator recorded them, and the rate card of each month."""

    months: pd.DataFrame
    cards: Mapping[str, Catalogue]

    def card(self, period: str) -> Catalogue:
        """Return the card in force in a month."""
        return self.cards[max(begun for begun in self.cards if begun <= period)]


class Operator:
    """One simulated operator, and the bundle trained on its first twelve months.

    Parameters
    ----------
    project, folder : Path
        Of PlanRec, and where tables and bundle go.
    seed, subscribers : int
    """

    def __init__(self, project: Path, folder: Path, seed: int, subscribers: int) -> None:
        self._project, self.seed = project, seed
        self._sets = (*_LEAN, f"training.seed={seed}", f"simulator.subscribers={subscribers}")
        self.sound = self.months()
        folder.mkdir(parents=True, exist_ok=True)
        learnt = self.sound.months[self.sound.months[MONTH] < FIRST]
        learnt.to_parquet(folder / USAGE_MONTHS_FILE, index=False)
        artifacts = folder / "artifacts"
        if not artifacts.exists():
            train(self._config(f"data.folder={folder}"), project, artifacts=artifacts, step=lambda _: None)
        self.bundle = PlanRecBundle.open(artifacts)

    def _config(self, *more: str) -> PlanRecConfig:
        return load_planrec_config(self._project, overrides=[*self._sets, *more], environ={})

    def months(self, kind: str = "", size: float = 0.0) -> Watched:
        """Return two years, with a change from `START` on if one is named."""
        change = f'simulator.drift=[{{"kind": "{kind}", "start": "{START}", "size": {size}}}]'
        config = self._config(f"simulator.months={_MONTHS}", *([change] if kind else []))
        card = load_catalogue(self._project / config.data.chosen().plans)
        told = simulate(config.simulator, card, np.random.default_rng(self.seed))
        return Watched(told.months, told.rate_cards)

    def look(self, watched: Watched, periods: Iterable[str]) -> list[MonitorDay]:
        """Return the verdict on each of some months, each seen with all months before it."""
        days: list[MonitorDay] = []
        for period in periods:
            days.append(looked(self.bundle, watched.months, watched.card(period), period, days))
        return days


def looked(
    bundle: PlanRecBundle, months: pd.DataFrame, card: Catalogue, period: str, before: Sequence[MonitorDay]
) -> MonitorDay:
    """Return the verdict on a month, seen on the first day after it with all months before it."""
    after = month_index(period) + 1
    as_of = date(after // 12, after % 12 + 1, 1)
    sight = look_at_month(bundle, months[months[MONTH] <= period], as_of, card=card)
    return judged(sight, project="planrec", bundle="gate", as_of=as_of, inputs="0" * 64, before=before)


def after(start: str, count: int) -> list[str]:
    """Return so many successive months from one on."""
    return [month_text(month_index(start) + at) for at in range(count)]


def told_in(day: MonitorDay, *levels: Level) -> set[str]:
    """Return the checks of a day at some levels, alarms unless said, each with its feature."""
    return {f"{one.check} {one.feature}".strip() for one in day.at(*(levels or ("alarm",)))}
