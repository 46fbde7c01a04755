"""The figures of the real choices: estimates beside published ones, and how well unseen households are predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from common_utils.array_types import FloatArray, IntArray
from common_utils.evaluation import metric_intervals, paired_mean_difference
from planrec.choice.logit import likeliest_weights, negative_log_likelihood, standard_errors
from planrec.choice.personal_tastes import PersonalTastes, fitted_tastes
from planrec.panel.table import TASTES, Panel
from planrec.panel.unseen import KNOWN, Sizes, Unseen, ask_about_unseen

__all__ = ["PUBLISHED", "Published", "estimates", "measured_choices", "prediction_figures", "taste_figures"]

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Published:
    """What others report of the plain logit on all choices.

    Attributes
    ----------
    log_likelihood : float
    weights : mapping of str to float
        By taste, to the digits published.
    """

    log_likelihood: float
    weights: Mapping[str, float]


PUBLISHED = Published(
    -4958.649,
    {"pf": -0.6252, "cl": -0.1083, "loc": 1.4422, "wk": 0.9955, "tod": -5.4628, "seas": -5.8400},
)
"""R's mlogit on `Electricity`, a conditional logit without intercepts."""


def measured_choices(panel: Panel, sizes: Sizes, *, resamples: int, seed: int, step: Callable[[str], None]) -> Figures:
    """Return every figure of the real choices.

    Parameters
    ----------
    panel : Panel
    sizes : Sizes
    resamples : int
        Of the bootstrap by household.
    seed : int
    step : callable
        Told in a few words what begins.

    Returns
    -------
    dict
        `choices`, `households`; `estimates`, `cold`, `late`, `gains`, `tastes` as the functions below; plain numbers,
        ready for JSON.
    """
    step("logit on all choices")
    found = estimates(panel)
    unseen = ask_about_unseen(panel, sizes, seed=seed, step=step)
    step("personal tastes on all choices")
    tastes = fitted_tastes(
        panel.features, panel.available, panel.chosen, panel.person, n_draws=sizes.fit_draws, seed=seed
    )
    return {
        "choices": len(panel.chosen),
        "households": panel.n_people,
        "folds": sizes.folds,
        "estimates": found,
        **prediction_figures(panel, unseen, resamples=resamples, seed=seed),
        "tastes": taste_figures(tastes),
    }


def estimates(panel: Panel) -> Figures:
    """Return the plain logit on all choices, without a penalty.

    Returns
    -------
    dict
        `log_likelihood`, `steepest` (the largest entry of the mean log-likelihood's gradient, in size), `weights`:
        by taste `estimate` and `standard_error`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> people, places = np.repeat(np.arange(20), 5), np.tile(np.arange(5), 20)
    >>> found = estimates(Panel(rng.normal(size=(100, 3, 6)), rng.integers(0, 3, 100), people, places))
    >>> found["steepest"] < 1e-6, list(found["weights"])
    (True, ['pf', 'cl', 'loc', 'wk', 'tod', 'seas'])
    """
    weights = likeliest_weights(panel.features, panel.available, panel.chosen)
    value, slope = negative_log_likelihood(weights, panel.features, panel.available, panel.chosen, 0.0)
    errors = standard_errors(weights, panel.features, panel.available)
    return {
        "log_likelihood": -value * len(panel.chosen),
        "steepest": float(np.abs(slope).max()),
        "weights": {
            name: {"estimate": float(weight), "standard_error": float(error)}
            for name, weight, error in zip(TASTES, weights, errors, strict=True)
        },
    }


def prediction_figures(panel: Panel, unseen: Unseen, *, resamples: int, seed: int) -> Figures:
    """Return how well unseen households are predicted, each figure with its interval by household.

    Returns
    -------
    dict
        `cold`: by model, `log_loss`, `accuracy` and `ece` of all choices where nothing is known of the household;
        `late`: the same of the 9th choice and later ones, personal tastes by the number of earlier choices known;
        `gains`: log loss of the plain logit less that of personal tastes, of all choices cold (`all`) and of the late
        ones by the number known (`0` to `8`), paired, with `se`; `late_choices`.
    """
    everybody = np.arange(len(panel.chosen))
    late = np.flatnonzero(unseen.late)

    def scores(probabilities: FloatArray, rows: IntArray) -> Figures:
        found = metric_intervals(
            panel.chosen[rows],
            probabilities,
            panel.person[rows],
            n_resamples=resamples,
            rng=np.random.default_rng(seed),
        )
        return {name: found[name].to_dict() for name in ("log_loss", "accuracy", "ece")}

    def gain(probabilities: FloatArray, rows: IntArray) -> Figures:
        plain = _losses(unseen.logit[rows], panel.chosen[rows])
        return paired_mean_difference(
            plain,
            _losses(probabilities, panel.chosen[rows]),
            panel.person[rows],
            n_resamples=resamples,
            rng=np.random.default_rng(seed),
        ).to_dict()

    return {
        "late_choices": len(late),
        "cold": {
            "logit": scores(unseen.logit, everybody),
            "challenger": scores(unseen.challenger, everybody),
            "personal": scores(unseen.cold, everybody),
        },
        "late": {
            "logit": scores(unseen.logit[late], late),
            "challenger": scores(unseen.challenger[late], late),
            **{str(k): scores(unseen.known[k], late) for k in KNOWN},
        },
        "gains": {
            "all": gain(unseen.cold, everybody),
            **{str(k): gain(unseen.known[k], late) for k in KNOWN},
        },
    }


def taste_figures(tastes: PersonalTastes) -> Figures:
    """Return how tastes are spread.

    Returns
    -------
    dict
        `log_likelihood` (simulated), and `weights`: by taste `mean`, `sd` and `share_who_like`, the share of people
        whose weight is above 0.

    Examples
    --------
    >>> tastes = PersonalTastes(np.zeros(6), np.eye(6), np.zeros((1, 6)), (-3.0, -2.0))
    >>> found = taste_figures(tastes)
    >>> found["log_likelihood"], found["weights"]["cl"]
    (-2.0, {'mean': 0.0, 'sd': 1.0, 'share_who_like': 0.5})
    """
    spread = np.sqrt(np.diag(tastes.covariance))
    return {
        "log_likelihood": tastes.trace[-1],
        "rounds": len(tastes.trace),
        "weights": {
            name: {"mean": float(mean), "sd": float(sd), "share_who_like": float(ndtr(mean / sd))}
            for name, mean, sd in zip(TASTES, tastes.mean, spread, strict=True)
        },
    }


def _losses(probabilities: FloatArray, chosen: IntArray) -> FloatArray:
    """Surprise of each choice, in nats; no probability here is 0."""
    return -np.log(probabilities[np.arange(len(chosen)), chosen])
