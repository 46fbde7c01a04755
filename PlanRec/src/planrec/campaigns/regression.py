"""Logistic regression with what is known of its weights: by ridge, with a covariance that is robust within groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.errors import DataError
from common_utils.evaluation.intervals import group_codes
from planrec.offers.logistic import logistic

__all__ = ["Fitted", "Prior", "fit_logistic"]

_STEPS, _CLOSE = 100, 1e-10


@dataclass(frozen=True, slots=True)
class Fitted:
    """Weights in the features' own units, the intercept last.

    Attributes
    ----------
    weights : float64 array of shape (k + 1,)
    covariance : float64 array of shape (k + 1, k + 1)
        Sandwich estimate; each group counts as one observation.
    curvature : float64 array of shape (k + 1, k + 1)
        Second derivative of what was minimised.
    """

    weights: FloatArray
    covariance: FloatArray
    curvature: FloatArray


@dataclass(frozen=True, slots=True)
class Prior:
    """What is held of one sum of weights before any row is seen: a normal distribution.

    Attributes
    ----------
    direction : float64 array of shape (k + 1,)
        Factor of each weight in the sum, of the intercept last.
    mean, sd : float
        sd > 0.
    """

    direction: FloatArray
    mean: float
    sd: float


def fit_logistic(
    features: FloatArray,
    outcome: FloatArray,
    *,
    groups: NDArray[np.object_] | None = None,
    C: float = 1.0,
    prior: Prior | None = None,
) -> Fitted:
    """Fit the chance of an outcome, or a chance itself, by Newton's method.

    Parameters
    ----------
    features : float64 array of shape (n, k)
    outcome : float64 array of shape (n,)
        0 to 1.
    groups : object array of shape (n,), optional
        Subscriber of each row; each row is its own where None.
    C : float
        Inverse of the ridge penalty on the features in standard deviations, > 0.
    prior : Prior, optional
        Counts beside the ridge penalty as much as its spread allows.

    Raises
    ------
    DataError
        If every outcome is the same.

    Examples
    --------
    >>> fitted = fit_logistic(np.array([[0.0], [0], [1], [1]]), np.array([0.0, 1, 1, 1]), C=1e9)
    >>> round(float(fitted.weights[1]), 3)
    0.0
    """
    if not len(outcome) or (outcome == outcome[0]).all():
        raise DataError("offers: every outcome is the same, so nothing can be learnt; log more offers.")
    design = np.column_stack([features, np.ones(len(features))])
    penalty = np.append(features.var(axis=0), 0.0) / C
    penalty[:-1][penalty[:-1] == 0] = 1.0  # a feature that never varies keeps weight 0
    pull, towards = np.diag(penalty), np.zeros(design.shape[1])
    if prior is not None:
        pull = pull + np.outer(prior.direction, prior.direction) / prior.sd**2
        towards = prior.direction * prior.mean / prior.sd**2
    weights = np.zeros(design.shape[1])
    curvature = pull
    for _ in range(_STEPS):
        chance = logistic(design @ weights)
        spread = np.maximum(chance * (1 - chance), 1e-12)
        curvature = (design * spread[:, None]).T @ design + pull
        step = np.linalg.solve(curvature, design.T @ (outcome - chance) - pull @ weights + towards)
        largest = float(np.abs(step).max())
        weights = weights + step * min(1.0, 5.0 / max(largest, 1e-300))
        if largest < _CLOSE:
            break
    scores = design * (outcome - logistic(design @ weights))[:, None]
    if groups is not None:
        codes, _ = group_codes(groups, len(outcome), at_least=1)
        scores = np.column_stack([np.bincount(codes, weights=column) for column in scores.T])
    inverse = np.linalg.inv(curvature)
    return Fitted(weights, inverse @ (scores.T @ scores) @ inverse, curvature)
