"""Champion or challenger: tried on unseen subscribers in later months, calibrated there, and fitted on everything.

The conditional logit is the champion. The challenger takes its place only where it ranks better by more than two
standard errors, paired by subscriber: a tie is not a reason to ship the larger model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.base import clone

from common_utils.array_types import FloatArray, IntArray
from common_utils.evaluation import chosen_ranks, ndcg_at_k, paired_mean_difference
from common_utils.parts.each import on_all_cores
from common_utils.splits import grouped_stratified_folds
from planrec.billing import Catalogue
from planrec.bundle.choice_model import tempered
from planrec.choice.boosting import MonotoneBoosting
from planrec.choice.logit import ConditionalLogit, chosen_of
from planrec.columns import MONTH, SUBSCRIBER
from planrec.config import PlanRecConfig
from planrec.decisions.choice_sets import ChoiceRows
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.months import month_indices
from planrec.preparation import Step

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "CalibratedChoice",
    "Selection",
    "best_temperature",
    "later_folds",
    "select_choice_model",
]


CHAMPION, CHALLENGER = "conditional logit", "monotone boosting"
_LATER_MONTHS = 2  # of the training months, which the models are tried on


@dataclass(frozen=True)
class Selection:
    """How the models were tried.

    Attributes
    ----------
    chosen : str
        `CHAMPION` or `CHALLENGER`.
    model : CalibratedChoice
        Fitted on all rows given.
    trial : mapping
        `rows`, `months`, NDCG@5 and temperature of both, the paired difference challenger less champion, `chosen`;
        no more than `chosen` and `skipped` where the rows span too few months to try a model on later ones: the
        champion ships then.
    """

    chosen: str
    model: CalibratedChoice
    trial: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class CalibratedChoice:
    """A choice model whose probabilities are tempered by a factor found on rows it had not seen.

    Attributes
    ----------
    model : ConditionalLogit or MonotoneBoosting
        Fitted.
    temperature : float
        > 0; 1 leaves the probabilities as they are.
    """

    model: ConditionalLogit | MonotoneBoosting
    temperature: float = 1.0

    @property
    def with_current_plan(self) -> bool:
        """Whether the plan held before is looked at."""
        return self.model.with_current_plan

    @property
    def classes_(self) -> NDArray[np.object_]:
        """Plan ids in the order of the probabilities."""
        return self.model.classes_

    def predict_proba(self, X: pd.DataFrame | ChoiceRows) -> FloatArray:
        """Return P(take) by catalogue position; float64 array of shape (n, n_plans)."""
        return tempered(self.model.predict_proba(X), self.temperature)

    def with_catalogue(self, catalogue: Catalogue) -> CalibratedChoice:
        """Return the same model for another catalogue, for example one with a plan that is only drafted."""
        return replace(self, model=self.model.with_catalogue(catalogue))


def select_choice_model(config: PlanRecConfig, catalogue: Catalogue, rows: pd.DataFrame, step: Step) -> Selection:
    """Try both models on unseen subscribers in the last months of `rows`, and fit the better one on all of them.

    Parameters
    ----------
    config : PlanRecConfig
    catalogue : Catalogue
    rows : DataFrame
        Training decision rows.
    step : callable
        Told in a few words what begins.

    Returns
    -------
    Selection

    Raises
    ------
    DataError
        If a plan taken is not in the catalogue, or there are too few subscribers for the folds.
    """
    y = rows[CHOSEN_PLAN].to_numpy(dtype=object)
    chosen = chosen_of(y, catalogue)
    folds = list(later_folds(config, rows, y))
    if not folds:
        step(f"fitting the {CHAMPION}")
        model = _contenders(config, catalogue)[CHAMPION].fit(rows, y)
        skipped = f"the training decisions span fewer than {_LATER_MONTHS + 1} months"
        return Selection(CHAMPION, CalibratedChoice(model), {"chosen": CHAMPION, "skipped": skipped})
    tried = np.sort(np.concatenate([score_on for _, score_on in folds]))
    found: dict[str, tuple[FloatArray, float]] = {}
    contenders = _contenders(config, catalogue)

    def scored(trial: tuple[str, tuple[IntArray, IntArray]]) -> FloatArray:
        name, (fit_on, score_on) = trial
        fresh: Any = clone(contenders[name])
        fresh.fit(rows.iloc[fit_on], y[fit_on])
        return fresh.predict_proba(rows.iloc[score_on])

    answers = on_all_cores(scored, [(name, fold) for name in contenders for fold in folds])
    for name in contenders:
        probabilities = np.zeros((len(rows), len(catalogue.plans)))
        for number, (_, score_on) in enumerate(folds, start=1):
            step(f"trying the {name}, fold {number} of {len(folds)}")
            probabilities[score_on] = next(answers)
        found[name] = probabilities[tried], best_temperature(probabilities[tried], chosen[tried])
    gap = paired_mean_difference(
        *(ndcg_at_k(chosen_ranks(found[name][0], chosen[tried]), 5) for name in (CHALLENGER, CHAMPION)),
        groups=rows[SUBSCRIBER].to_numpy()[tried],
        n_resamples=config.evaluation.resamples,
        rng=np.random.default_rng(config.training.seed),
    )
    winner = CHALLENGER if gap.mean > 2 * gap.se else CHAMPION
    step(f"fitting the {winner}")
    model = contenders[winner].fit(rows, y)
    months = rows[MONTH].iloc[tried]
    trial = {
        "rows": len(tried),
        "months": [months.min(), months.max()],
        "ndcg_at_5": {n: float(ndcg_at_k(chosen_ranks(p, chosen[tried]), 5).mean()) for n, (p, _) in found.items()},
        "temperature": {name: temperature for name, (_, temperature) in found.items()},
        "challenger_less_champion": gap.to_dict(),
        "chosen": winner,
    }
    return Selection(winner, CalibratedChoice(model, found[winner][1]), trial)


def _contenders(config: PlanRecConfig, catalogue: Catalogue) -> dict[str, ConditionalLogit | MonotoneBoosting]:
    months, current = config.features.history_months, config.data.chosen().with_current_plan
    return {
        CHAMPION: ConditionalLogit(catalogue, history_months=months, with_current_plan=current),
        CHALLENGER: MonotoneBoosting(
            catalogue, config.training.challenger, months, with_current_plan=current, seed=config.training.seed
        ),
    }


def later_folds(
    config: PlanRecConfig, rows: pd.DataFrame, y: NDArray[np.object_]
) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield positions to fit on (others' earlier months) and to score (later months); none without earlier months.

    Parameters
    ----------
    config : PlanRecConfig
    rows : DataFrame
        Training decision rows.
    y : array of shape (n,)
        Plan ids taken.

    Yields
    ------
    tuple of int64 arrays
    """
    months = month_indices(rows[MONTH])
    first_later = int(months.max()) - _LATER_MONTHS + 1
    if first_later <= months.min():
        return
    folds = grouped_stratified_folds(
        y, rows[SUBSCRIBER].to_numpy(), n_splits=config.training.challenger.folds, seed=config.training.seed
    )
    for fit_on, score_on in folds:
        yield fit_on[months[fit_on] < first_later], score_on[months[score_on] >= first_later]


def best_temperature(probabilities: FloatArray, chosen: IntArray) -> float:
    """Return the temperature that makes the choices most likely.

    Parameters
    ----------
    probabilities : float64 array of shape (n, n_plans)
        Each row adds up to 1.
    chosen : int64 array of shape (n,)
        Positions of the plans taken.

    Returns
    -------
    float
        Between 1/e and e.

    Examples
    --------
    >>> round(best_temperature(np.array([[0.9, 0.1]] * 4), np.array([0, 0, 0, 1])), 1)  # too sure: 3 in 4 are right
    2.0
    """
    rows = np.arange(len(chosen))

    def loss(log_temperature: float) -> float:
        own = tempered(probabilities, float(np.exp(log_temperature)))[rows, chosen]
        return -float(np.log(np.maximum(own, 1e-12)).mean())

    found: Any = minimize_scalar(loss, bounds=(-1.0, 1.0), method="bounded")
    return float(np.exp(found.x))
