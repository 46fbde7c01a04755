"""Three models asked about households they never saw: the plain logit, its challenger, and tastes that differ.

Everything is fitted on the households of the other folds. The model of personal tastes is asked when nothing is known
of a household, and again after each of its first choices; those only say which tastes the household may have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from common_utils.array_types import BoolArray, FloatArray
from common_utils.compiled import softmax_within
from common_utils.splits import assert_apart, grouped_folds
from planrec.choice.boosting import forest_probabilities, grown_forest
from planrec.choice.logit import likeliest_weights
from planrec.choice.personal_tastes import PersonalTastes, fitted_tastes
from planrec.config import ChallengerConfig
from planrec.panel.table import TASTES, Panel

__all__ = ["KNOWN", "Sizes", "Unseen", "ask_about_unseen"]

KNOWN = range(9)
"""Earlier choices of a household that are known; what is scored comes after the last of them."""

_FALLS = ("pf",)  # the trees may never like a contract better for a higher price
_LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the models are.

    Attributes
    ----------
    challenger : ChallengerConfig
    folds : int
        Parts of the households, each asked about by models fitted on the others.
    fit_draws, ask_draws : int
        Draws of tastes while fitting and while asking; powers of 2.
    """

    challenger: ChallengerConfig
    folds: int = 5
    fit_draws: int = 256
    ask_draws: int = 2048


@dataclass(frozen=True, slots=True)
class Unseen:
    """What the models said of choices of households they never saw.

    Attributes
    ----------
    logit, challenger, cold : float64 arrays of shape (n, n_contracts)
        P(take) by the plain logit, the boosted challenger, and personal tastes without any known choice.
    late : bool array of shape (n,)
        The 9th choice of a household and those after it.
    known : float64 array of shape (9, n_late, n_contracts)
        Of the late choices: personal tastes after the first 0 to 8 choices of the household.
    """

    logit: FloatArray
    challenger: FloatArray
    cold: FloatArray
    late: BoolArray
    known: FloatArray


def ask_about_unseen(panel: Panel, sizes: Sizes, *, seed: int, step: Callable[[str], None]) -> Unseen:
    """Fit on some households, ask about the others, until everybody was asked about once.

    Parameters
    ----------
    panel : Panel
    sizes : Sizes
    seed : int
        Of folds, draws and trees.
    step : callable
        Told in a few words what begins.

    Raises
    ------
    DataError
        If there are fewer households than folds.
    """
    late = panel.place >= KNOWN[-1]
    at = np.cumsum(late) - 1  # of a late choice among the late ones
    shape = panel.features.shape[:2]
    logit, challenger, cold = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    known = np.zeros((len(KNOWN), int(late.sum()), shape[1]))
    for number, (fit_on, ask) in enumerate(grouped_folds(panel.person, n_splits=sizes.folds, seed=seed), start=1):
        assert_apart(panel.person, fit_on, ask)
        train, test = panel.rows(fit_on), panel.rows(ask)
        step(f"fold {number} of {sizes.folds}: logit and challenger")
        weights = likeliest_weights(train.features, train.available, train.chosen)
        logit[ask] = softmax_within(test.features @ weights, test.available)
        challenger[ask] = _boosted(train, test, weights, sizes.challenger, seed)
        step(f"fold {number} of {sizes.folds}: personal tastes")
        tastes = fitted_tastes(
            train.features, train.available, train.chosen, train.person, n_draws=sizes.fit_draws, seed=seed
        ).redrawn(sizes.ask_draws, seed=seed + 1)
        cold[ask] = _after(tastes, test, np.ones(len(ask), dtype=np.bool_), 0)
        for k in KNOWN:
            known[k, at[ask][late[ask]]] = _after(tastes, test, late[ask], k)
    return Unseen(logit, challenger, cold, late, known)


def _after(tastes: PersonalTastes, test: Panel, asked: BoolArray, k: int) -> FloatArray:
    """P(take) of the choices asked about, when the first k choices of each household are known."""
    before = test.place < k
    weights = tastes.known_of(
        test.features[before], test.available[before], test.chosen[before], test.person[before], test.n_people
    )
    return tastes.probabilities(test.features[asked], test.available[asked], weights[test.person[asked]])


def _boosted(train: Panel, test: Panel, weights: FloatArray, sizes: ChallengerConfig, seed: int) -> FloatArray:
    taken = np.arange(train.features.shape[1]) == train.chosen[:, None]
    directions = [-1 if name in _FALLS else 0 for name in TASTES] + [1, 1]
    forest = grown_forest(_tree_rows(train, weights), taken.ravel(), directions, sizes, seed=seed)
    return forest_probabilities(forest, _tree_rows(test, weights), test.available)


def _tree_rows(panel: Panel, weights: FloatArray) -> FloatArray:
    """One row for each contract of each choice: what it is, and what the logit says of it."""
    utility = panel.features @ weights
    probabilities = softmax_within(utility, panel.available)
    parts = [
        panel.features,
        (utility - utility.max(axis=1, keepdims=True))[..., None],
        np.log(np.maximum(probabilities, _LEAST_PROBABILITY))[..., None],
    ]
    return np.concatenate(parts, axis=2).reshape(-1, len(TASTES) + 2)
