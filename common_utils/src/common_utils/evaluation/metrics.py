"""How good predictions are: choice metrics with intervals, ranking, calibration. Arrays in, plain numbers out.

Classes are codes 0 … k-1, the columns of the probabilities. Intervals resample whole groups. What `intervals` and
`ranking` hold is offered here, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError
from common_utils.evaluation.intervals import (
    Interval,
    group_codes,
    percentile_interval,
    resampled_weights,
)
from common_utils.evaluation.ranking import chosen_ranks, column_codes, hit_at_k, ndcg_at_k

__all__ = [
    "auc_by_weight",
    "classification_metrics",
    "ece_by_weight",
    "expected_calibration_error",
    "mass_bins",
    "metric_intervals",
    "reliability_table",
]


ECE_BINS = 10
HIT_K, NDCG_K = 3, 5

_SUM_TOLERANCE = 1e-6
_SMALLEST = float(np.finfo(np.float64).tiny)
_DEFINED_SHARE = 0.5  # fewer resamples than this with every class present, and an interval would mislead


def classification_metrics(
    y_true: ArrayLike, probabilities: ArrayLike, classes: Sequence[object]
) -> dict[str, float | None]:
    """Return how well class probabilities fit what happened.

    Parameters
    ----------
    y_true : int array-like of shape (n,)
        Code of the true class, in [0, k).
    probabilities : array-like of shape (n, k)
        Rows sum to 1.
    classes : sequence of length k, k >= 2
        What the columns stand for.

    Returns
    -------
    dict of str to float or None
        accuracy; f1_macro (over classes that occur or are predicted, as scikit-learn); auc_ovr (mean over classes of
        one against the rest, for two classes the plain AUC; None when a class does not occur); log_loss (natural
        logarithm); brier (half the squared distance to the one-hot truth, in [0, 1]: for two classes the usual
        Brier score); ece (top label, 10 equal-mass bins); hit_at_3; ndcg_at_5.

    Raises
    ------
    DataError
        If shapes differ, a code is outside [0, k), or rows are not probabilities.

    Examples
    --------
    >>> found = classification_metrics([0, 1], [[0.8, 0.2], [0.4, 0.6]], ["smart", "ultra"])
    >>> found["accuracy"], found["auc_ovr"], round(found["brier"], 3)
    (1.0, 1.0, 0.1)
    """
    y, p = _checked(y_true, probabilities)
    if p.shape[1] != len(classes):
        raise DataError(f"{p.shape[1]} columns of probabilities for {len(classes)} classes. Give one column per class.")
    weights = np.ones(len(y))
    means = {name: float(values.mean()) for name, values in _row_metrics(y, p).items()}
    rest = {name: metric(weights) for name, metric in _whole_metrics(y, p).items()}
    found = {**means, **{name: None if np.isnan(value) else value for name, value in rest.items()}}
    return {name: found[name] for name in _ORDER}


def metric_intervals(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    n_resamples: int = 300,
    level: float = 0.95,
    rng: np.random.Generator,
) -> dict[str, Interval]:
    """Return the interval of every metric of `classification_metrics`, all from the same resamples.

    Parameters
    ----------
    y_true, probabilities
        As `classification_metrics`.
    groups : array-like of shape (n,), optional
        Drawn whole, for example subscribers; each row is its own group where None.

    Returns
    -------
    dict of str to Interval
        A metric without a value is left out. AUC uses the resamples in which every class occurs, and is left out when
        those are fewer than half.

    Raises
    ------
    DataError
        As `classification_metrics`, and with fewer than two groups.

    Notes
    -----
    A resample repeats rows, which makes the calibration error larger by itself; the interval of `ece` is moved by
    that bias, so that it lies around its estimate.

    Examples
    --------
    >>> p = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.4, 0.6]])
    >>> metric_intervals([0, 1, 1, 0], p, rng=np.random.default_rng(0))["accuracy"].estimate
    0.5
    """
    y, p = _checked(y_true, probabilities)
    codes, n_groups = group_codes(groups, len(y))
    rows, whole = _row_metrics(y, p), _whole_metrics(y, p)
    sums = np.stack([np.bincount(codes, weights=values, minlength=n_groups) for values in rows.values()], axis=1)
    sizes = np.bincount(codes, minlength=n_groups).astype(np.float64)
    found: dict[str, list[float]] = {name: [] for name in (*rows, *whole)}
    for weights in resampled_weights(n_groups, n_resamples, rng):
        for name, value in zip(rows, weights @ sums / (weights @ sizes), strict=True):
            found[name].append(float(value))
        by_row = weights[codes]
        for name, metric in whole.items():
            found[name].append(metric(by_row))
    estimates = classification_metrics(y, p, range(p.shape[1]))
    return _intervals(estimates, {name: np.array(values) for name, values in found.items()}, level)


def expected_calibration_error(probability: ArrayLike, outcome: ArrayLike, bins: int = ECE_BINS) -> float:
    """Return the mean distance between predicted probability and observed rate over equal-mass bins.

    Parameters
    ----------
    probability : array-like of shape (n,)
        In [0, 1]. Equal values share a bin, so that the order of rows does not matter.
    outcome : array-like of shape (n,)
        Whether it happened: bool, or 0 and 1.
    bins : int
        At least 1.

    Examples
    --------
    >>> round(expected_calibration_error([0.2, 0.2, 0.8, 0.8], [0, 0, 1, 0], bins=2), 3)
    0.25
    """
    p, happened = _calibration_input(probability, outcome)
    return ece_by_weight(p, happened, bins)(np.ones(len(p)))


def reliability_table(probability: ArrayLike, outcome: ArrayLike, bins: int = ECE_BINS) -> list[dict[str, float]]:
    """Return, per equal-mass bin of the probability, what was predicted and what happened.

    Parameters
    ----------
    probability, outcome, bins
        As `expected_calibration_error`.

    Returns
    -------
    list of dict
        In rising probability: n (rows), predicted (mean probability), observed (rate). Empty bins are left out.

    Examples
    --------
    >>> reliability_table([0.25, 0.25, 0.75, 0.75], [0, 1, 1, 1], bins=2)
    [{'n': 2, 'predicted': 0.25, 'observed': 0.5}, {'n': 2, 'predicted': 0.75, 'observed': 1.0}]
    """
    p, happened = _calibration_input(probability, outcome)
    number = mass_bins(p, bins)
    table: list[dict[str, float]] = []
    for inside in (number == bin_number for bin_number in range(bins)):
        if inside.any():
            predicted, observed = float(p[inside].mean()), float(happened[inside].mean())
            table.append({"n": int(inside.sum()), "predicted": predicted, "observed": observed})
    return table


def mass_bins(p: FloatArray, bins: int) -> IntArray:
    """Return the bin of each probability, bins of equal mass; equal probabilities share one.

    Examples
    --------
    >>> mass_bins(np.array([0.9, 0.1, 0.1, 0.5]), 2).tolist()
    [1, 0, 0, 1]
    """
    inverse = np.unique(p, return_inverse=True)[1]
    return _mass_bins(np.bincount(inverse).astype(np.float64), bins)[inverse]


_ORDER = ("accuracy", "f1_macro", "auc_ovr", "log_loss", "brier", "ece", f"hit_at_{HIT_K}", f"ndcg_at_{NDCG_K}")


def _row_metrics(y: IntArray, p: FloatArray) -> dict[str, FloatArray]:
    """Metrics that are means over rows, row by row."""
    row = np.arange(len(y))
    true = p[row, y]
    ranks = chosen_ranks(p, y)
    return {
        "accuracy": (ranks == 1).astype(np.float64),
        "log_loss": -np.log(np.maximum(true, _SMALLEST)),
        "brier": ((p**2).sum(axis=1) - 2 * true + 1) / 2,
        f"hit_at_{HIT_K}": hit_at_k(ranks, HIT_K),
        f"ndcg_at_{NDCG_K}": ndcg_at_k(ranks, NDCG_K),
    }


def _whole_metrics(y: IntArray, p: FloatArray) -> dict[str, Callable[[FloatArray], float]]:
    """Metrics of the whole table as functions of row weights; NaN where undefined."""
    top = p.argmax(axis=1)
    return {
        "f1_macro": _f1_by_weight(y, top, p.shape[1]),
        "auc_ovr": auc_by_weight(y, p),
        "ece": ece_by_weight(p.max(axis=1), (top == y).astype(np.float64), ECE_BINS),
    }


def _f1_by_weight(y: IntArray, predicted: IntArray, n_classes: int) -> Callable[[FloatArray], float]:
    cell = y * n_classes + predicted

    def f1(weights: FloatArray) -> float:
        table = np.bincount(cell, weights=weights, minlength=n_classes**2).reshape(n_classes, n_classes)
        total = table.sum(axis=0) + table.sum(axis=1)
        seen = total > 0
        return float((2 * table.diagonal()[seen] / total[seen]).mean())

    return f1


def auc_by_weight(y: IntArray, p: FloatArray) -> Callable[[FloatArray], float]:
    """Return the AUC as a function of row weights, for resampling: mean over classes, for two classes the plain AUC.

    Parameters
    ----------
    y : int64 array of shape (n,)
        Class of each row, a column of `p`.
    p : float64 array of shape (n, k)

    Returns
    -------
    callable
        float64 weights of shape (n,) -> AUC, NaN where a class has no weight.

    Examples
    --------
    >>> auc_by_weight(np.array([0, 1]), np.array([[0.8, 0.2], [0.4, 0.6]]))(np.ones(2))
    1.0
    """
    columns = [1] if p.shape[1] == 2 else range(p.shape[1])
    prepared: list[tuple[IntArray, IntArray, FloatArray]] = []
    for column in columns:
        order = np.argsort(p[:, column], kind="stable")
        prepared.append((order, _block_starts(p[order, column]), (y[order] == column).astype(np.float64)))

    def auc(weights: FloatArray) -> float:
        found: list[float] = []
        for order, starts, positive in prepared:
            mass = weights[order]
            hits = np.add.reduceat(mass * positive, starts)
            misses = np.add.reduceat(mass, starts) - hits
            pairs = hits.sum() * misses.sum()
            below = np.cumsum(misses) - misses / 2  # equal scores count half
            found.append(float(hits @ below / pairs) if pairs > 0 else np.nan)
        return float(np.mean(found))

    return auc


def ece_by_weight(p: FloatArray, happened: FloatArray, bins: int) -> Callable[[FloatArray], float]:
    """Return `expected_calibration_error` as a function of row weights, for resampling.

    Parameters
    ----------
    p, happened : float64 arrays of shape (n,)
    bins : int

    Returns
    -------
    callable
        float64 weights of shape (n,) -> calibration error.

    Examples
    --------
    >>> ece_by_weight(np.array([0.25, 0.75]), np.array([0.0, 1.0]), bins=1)(np.ones(2))
    0.0
    """
    order = np.argsort(p, kind="stable")
    gap, starts = (happened - p)[order], _block_starts(p[order])

    def ece(weights: FloatArray) -> float:
        mass = weights[order]
        number = _mass_bins(np.add.reduceat(mass, starts), bins)
        gaps = np.bincount(number, weights=np.add.reduceat(mass * gap, starts), minlength=bins)
        return float(np.abs(gaps).sum() / mass.sum())

    return ece


def _block_starts(ordered: FloatArray) -> IntArray:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]).astype(np.int64)


def _mass_bins(mass: FloatArray, bins: int) -> IntArray:
    """Bin of each block of equal values, by the middle of its mass."""
    middle = np.cumsum(mass) - mass / 2
    return np.minimum(bins * middle / mass.sum(), bins - 1).astype(np.int64)


def _intervals(
    estimates: Mapping[str, float | None], found: Mapping[str, FloatArray], level: float
) -> dict[str, Interval]:
    intervals: dict[str, Interval] = {}
    for name, estimate in estimates.items():
        values = found[name][np.isfinite(found[name])]
        if estimate is None or values.size < _DEFINED_SHARE * found[name].size:
            continue
        if name == "ece":
            values = np.clip(values - values.mean() + estimate, 0.0, 1.0)
        intervals[name] = percentile_interval(estimate, values, level)
    return intervals


def _checked(y_true: ArrayLike, probabilities: ArrayLike) -> tuple[IntArray, FloatArray]:
    p = np.asarray(probabilities, dtype=np.float64)
    y = column_codes(y_true, p)
    if p.shape[1] < 2:
        raise DataError("one class only: there is nothing to tell apart. Give a column for each class.")
    if not ((p >= 0) & (p <= 1)).all() or np.abs(p.sum(axis=1) - 1).max() > _SUM_TOLERANCE:
        raise DataError("probabilities: a row is outside [0, 1] or does not sum to 1. Give predict_proba's output.")
    return y, p


def _calibration_input(probability: ArrayLike, outcome: ArrayLike) -> tuple[FloatArray, FloatArray]:
    p, happened = np.asarray(probability, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    if p.ndim != 1 or p.shape != happened.shape or not p.size:
        raise DataError(f"{p.shape} probabilities for {happened.shape} outcomes. Give one outcome per probability.")
    if not ((p >= 0) & (p <= 1)).all() or not np.isin(happened, (0, 1)).all():
        raise DataError("a probability is outside [0, 1] or an outcome is neither 0 nor 1. Check the columns.")
    return p, happened
