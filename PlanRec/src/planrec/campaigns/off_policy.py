"""What another policy would have brought, from the log of the one that ran: IPS, SNIPS and the doubly robust estimator.

Each logged offer carries the chance with which it was made. Weighting the reward by target chance over logged chance
(Horvitz & Thompson 1952) undoes the choice of the logging policy. SNIPS divides by the sum of the weights (Swaminathan
& Joachims 2015). The doubly robust estimator weights only what an outcome model leaves over (Dudik, Langford & Li
2011).

The value is the mean reward of an offer over the population that the logged subscribers are a sample of. Its interval
is that of a ratio over whole subscribers (Cochran, Sampling Techniques, 6.4): it covers whose offers were logged, which
plan each was offered and how they answered. It does not cover an outcome model fitted on the same rows, nor the bias
that clipped weights bring, nor a great reward so rare that the log does not hold it.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from common_utils.array_types import FloatArray
from common_utils.errors import DataError
from common_utils.evaluation import Interval
from common_utils.evaluation.intervals import group_codes

__all__ = [
    "PolicyValue",
    "doubly_robust",
    "effective_sample_size",
    "importance_weights",
    "inverse_propensity",
    "self_normalised",
]

_SLACK = 1e-9  # chances that were rounded when they were logged


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """Estimated mean reward of an offer under a target policy.

    Attributes
    ----------
    interval : Interval
        Estimate and bounds, in the unit of the reward.
    se : float
        Standard error, by subscriber.
    effective_sample_size : float
        So many equally weighted offers would be as informative, 1 to `offers`; few mean that the target policy hardly
        ever does what was logged.
    clipped_share : float
        Share of the offers whose weight was cut.
    offers : int
    """

    interval: Interval
    se: float
    effective_sample_size: float
    clipped_share: float
    offers: int


def importance_weights(propensities: ArrayLike, target: ArrayLike, *, max_weight: float | None = None) -> FloatArray:
    """Return how much each logged offer counts for the target policy.

    Parameters
    ----------
    propensities : array-like of shape (n,)
        Chance with which the logging policy made the offer, in (0, 1].
    target : array-like of shape (n,)
        Chance with which the target policy would have made it, in [0, 1].
    max_weight : float, optional
        Weights above are cut down to it: less noise, at the price of bias.

    Returns
    -------
    float64 array of shape (n,)

    Raises
    ------
    DataError
        If a chance is missing or outside its range, the shapes differ, or `max_weight` is not positive.

    Examples
    --------
    >>> importance_weights([0.5, 0.1], [0.25, 0.9], max_weight=5).tolist()
    [0.5, 5.0]
    """
    logged = _column(propensities, "propensities")
    wanted = _column(target, "target", len(logged))
    if (logged <= 0).any() or (logged > 1 + _SLACK).any():
        raise DataError(
            "propensities: not all in (0, 1]. An offer that could not be made cannot have been logged; leave out the "
            "hold-out, or log the chance with each offer."
        )
    if (wanted < 0).any() or (wanted > 1 + _SLACK).any():
        raise DataError("target: not all in [0, 1]. Give the chance of the logged offer under the target policy.")
    if max_weight is not None and not max_weight > 0:
        raise DataError(f"max_weight is {max_weight!r}; give a positive number, or None for no clipping.")
    weights = wanted / logged
    return weights if max_weight is None else np.minimum(weights, max_weight)


def effective_sample_size(weights: FloatArray) -> float:
    """Return the number of equally weighted rows that would be as informative (Kish 1965), 0 where nothing counts.

    Parameters
    ----------
    weights : float64 array of shape (n,)
        >= 0.

    Examples
    --------
    >>> effective_sample_size(np.array([1.0, 1.0, 0.0])), effective_sample_size(np.array([3.0, 1.0]))
    (2.0, 1.6)
    """
    squares = float(weights @ weights)
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def inverse_propensity(
    rewards: ArrayLike,
    propensities: ArrayLike,
    target: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    max_weight: float | None = None,
    level: float = 0.95,
) -> PolicyValue:
    """Return the value by inverse propensity weighting: the mean of weight x reward.

    Parameters
    ----------
    rewards : array-like of shape (n,)
        What each offer brought, in any unit.
    propensities, target : array-like of shape (n,)
        As in `importance_weights`.
    groups : array-like of shape (n,), optional
        Subscriber of each offer; each offer is its own where None.
    max_weight : float, optional
        Clipping makes the estimate biased towards 0, and the interval does not know.
    level : float, default=0.95
        Nominal coverage, in (0, 1).

    Returns
    -------
    PolicyValue

    Raises
    ------
    DataError
        As `importance_weights`; also with fewer than two subscribers, or a reward that is missing.

    Examples
    --------
    >>> value = inverse_propensity([2.0, 0.0, 1.0, 3.0], [0.5, 0.5, 0.25, 0.5], [0.5, 0.5, 0.5, 0.0])
    >>> value.interval.estimate, value.effective_sample_size
    (1.0, 2.6666666666666665)
    """
    weights = importance_weights(propensities, target, max_weight=max_weight)
    reward = _column(rewards, "rewards", len(weights))
    terms = weights * reward
    return _value(float(terms.mean()), terms - terms.mean(), weights, (propensities, target), groups, level)


def self_normalised(
    rewards: ArrayLike,
    propensities: ArrayLike,
    target: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    max_weight: float | None = None,
    level: float = 0.95,
) -> PolicyValue:
    """Return the value by self-normalised weighting (SNIPS): the weighted mean of the rewards.

    Always between the smallest and the largest reward, and indifferent to a constant added to all of them.

    Parameters
    ----------
    rewards, propensities, target, groups, max_weight, level
        As in `inverse_propensity`.

    Returns
    -------
    PolicyValue

    Raises
    ------
    DataError
        As `inverse_propensity`, and if the target policy never makes a logged offer.

    Examples
    --------
    >>> value = self_normalised([2.0, 0.0, 1.0, 3.0], [0.5, 0.5, 0.25, 0.5], [0.5, 0.5, 0.5, 0.0])
    >>> value.interval.estimate  # (2 + 0 + 2 x 1) / (1 + 1 + 2)
    1.0
    """
    weights = importance_weights(propensities, target, max_weight=max_weight)
    reward = _column(rewards, "rewards", len(weights))
    total = float(weights.sum())
    if total == 0:
        raise DataError("target: no logged offer would be made by this policy; its value cannot be told from this log.")
    estimate = float(weights @ reward) / total
    residuals = weights * (reward - estimate) * (len(weights) / total)
    return _value(estimate, residuals, weights, (propensities, target), groups, level)


def doubly_robust(
    rewards: ArrayLike,
    propensities: ArrayLike,
    target: ArrayLike,
    predicted_logged: ArrayLike,
    predicted_target: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    max_weight: float | None = None,
    level: float = 0.95,
) -> PolicyValue:
    """Return the doubly robust value: what a model predicts, plus the weighted mean of what it got wrong.

    Without clipping it is unbiased whatever the model, as long as that was not fitted on the same rows: fit it on
    other subscribers, or cross-fit it. The better the model, the narrower the interval.

    Parameters
    ----------
    rewards, propensities, target, groups, max_weight, level
        As in `inverse_propensity`.
    predicted_logged : array-like of shape (n,)
        Reward the model expects of the logged offer.
    predicted_target : array-like of shape (n,)
        Reward it expects of the target policy: the mean over the plans by their chance under it.

    Returns
    -------
    PolicyValue

    Raises
    ------
    DataError
        As `inverse_propensity`, for the predictions too.

    Examples
    --------
    >>> value = doubly_robust([2.0, 0.0], [0.5, 0.5], [1.0, 0.0], [1.0, 1.0], [1.5, 0.5])
    >>> value.interval.estimate  # 1.5 + 2 x (2 - 1), and 0.5
    2.0
    """
    weights = importance_weights(propensities, target, max_weight=max_weight)
    n = len(weights)
    left_over = _column(rewards, "rewards", n) - _column(predicted_logged, "predicted_logged", n)
    terms = _column(predicted_target, "predicted_target", n) + weights * left_over
    return _value(float(terms.mean()), terms - terms.mean(), weights, (propensities, target), groups, level)


def _value(
    estimate: float,
    residuals: FloatArray,
    weights: FloatArray,
    chances: tuple[ArrayLike, ArrayLike],
    groups: ArrayLike | None,
    level: float,
) -> PolicyValue:
    if not 0 < level < 1:
        raise DataError(f"level {level!r} is not inside (0, 1). Use 0.95.")
    n = len(residuals)
    codes, n_groups = group_codes(groups, n)
    sums = np.bincount(codes, weights=residuals, minlength=n_groups)
    se = float(np.sqrt(n_groups / (n_groups - 1) * (sums @ sums))) / n
    reach = NormalDist().inv_cdf((1 + level) / 2) * se
    return PolicyValue(
        interval=Interval(estimate, estimate - reach, estimate + reach, level),
        se=se,
        effective_sample_size=effective_sample_size(weights),
        clipped_share=float((weights < importance_weights(*chances)).mean()),
        offers=n,
    )


def _column(values: ArrayLike, name: str, length: int | None = None) -> FloatArray:
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1 or not data.size or not np.isfinite(data).all():
        raise DataError(f"{name}: not a non-empty column of finite numbers. Leave out offers without a value.")
    if length is not None and len(data) != length:
        raise DataError(f"{name}: {len(data)} values for {length} offers. Give one value per offer.")
    return data
