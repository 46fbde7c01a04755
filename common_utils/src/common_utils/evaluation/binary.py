"""Figures of a yes-or-no model over rounds of cross-validation: intervals, calibration, paired comparison, thresholds.

Everywhere: `outcome` is 0 or 1 by row; probabilities and decisions have one row per round, so that a figure is the
mean over rounds of the pooled out-of-fold figure, and an interval resamples table rows, the same in every round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common_utils.array_types import BoolArray, FloatArray
from common_utils.errors import DataError
from common_utils.evaluation.intervals import group_codes, percentile_interval, resampled_weights
from common_utils.evaluation.metrics import ECE_BINS, auc_by_weight, ece_by_weight, mass_bins
from common_utils.parts.each import on_all_cores
from common_utils.splits import Fold
from common_utils.thresholds import threshold_between

__all__ = [
    "best_f1_threshold",
    "binary_figures",
    "calibrated_ece",
    "expected_f1_threshold",
    "out_of_fold",
    "paired_differences",
]

Figure = Callable[[FloatArray], float]

PAIRED = ("auc", "average_precision", "f1", "brier", "log_loss", "ece")
_SMALLEST = float(np.finfo(np.float64).tiny)


def best_f1_threshold(probability: ArrayLike, outcome: ArrayLike) -> float:
    """Return the threshold with the largest F1: at or above it is yes.

    Parameters
    ----------
    probability : array-like of shape (n,)
    outcome : array-like of shape (n,)
        0 and 1.

    Raises
    ------
    DataError
        If nothing happened: F1 is then not defined.

    Examples
    --------
    >>> best_f1_threshold([0.1, 0.4, 0.6, 0.9], [0, 0, 1, 1])
    0.5
    """
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    if not y.sum() > 0:
        raise DataError("threshold: no row has the outcome; F1 is not defined. Bring more rows.")
    order = np.argsort(-p, kind="stable")
    ordered = p[order]
    hits = np.cumsum(y[order])
    f1 = 2 * hits / (np.arange(1, len(y) + 1) + y.sum())
    last_of_value = np.append(ordered[1:] != ordered[:-1], True)
    best = int(np.argmax(np.where(last_of_value, f1, -1)))
    below = ordered[best + 1] if best + 1 < len(ordered) else 0.0
    return threshold_between(float(below), float(ordered[best]))


def expected_f1_threshold(probability: ArrayLike, outcome: ArrayLike | None = None) -> float:
    """Return the threshold with the largest expected F1, if the probabilities are calibrated: at or above it is yes.

    It needs no outcomes, so that it varies less from sample to sample than the best threshold of one sample does.

    Parameters
    ----------
    probability : array-like of shape (n,)
        Not all 0.
    outcome : array-like, optional
        Not looked at; there so that both rules are called alike.

    Raises
    ------
    DataError
        If every probability is 0.

    References
    ----------
    Lipton, Elkan, Naryanaswamy, "Optimal thresholding of classifiers to maximize F1 measure", 2014: the best threshold
    is half of the F1 it reaches.

    Examples
    --------
    >>> expected_f1_threshold([0.9, 0.8, 0.1, 0.1])
    0.45
    """
    del outcome
    p = np.asarray(probability, dtype=np.float64)
    return best_f1_threshold(p, p)


def out_of_fold(
    build: Callable[[], Any],
    rows: Any,
    y: NDArray[Any],
    rounds: Any,
    predict: Callable[[Any, Any], Mapping[str, ArrayLike]],
    *,
    step: Callable[[str], None],
    label: str,
) -> dict[str, NDArray[Any]]:
    """Return what models say of rows they did not see, for every round of folds, on all cores.

    Parameters
    ----------
    build : callable
        Returns a new, unfitted model.
    rows : DataFrame of shape (n, m)
    y : array of shape (n,)
    rounds : sequence of sequence of (train, test)
        Every row is in exactly one test part of each round.
    predict : callable
        `predict(model, test_rows)` returns arrays by name, one value per row: of probabilities, decisions, …
    step : callable
        Told in a few words what begins.
    label : str
        What `step` calls the model.

    Returns
    -------
    dict of str to array of shape (n_rounds, n)

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.dummy import DummyClassifier
    >>> rounds = [[(np.array([0, 1]), np.array([2])), (np.array([2]), np.array([0, 1]))]]
    >>> found = out_of_fold(DummyClassifier, pd.DataFrame({"x": [1, 2, 3]}), np.array([1, 1, 0]), rounds,
    ...     lambda model, part: {"said": model.predict(part)}, step=lambda _: None, label="dummy")
    >>> found["said"].tolist()
    [[0, 0, 1]]
    """
    found: dict[str, NDArray[Any]] = {}
    folds: list[tuple[int, int, Fold]] = [
        (number, part, fold) for number, folds in enumerate(rounds) for part, fold in enumerate(folds, start=1)
    ]

    def answered(fold: Fold) -> dict[str, NDArray[Any]]:
        fit_on, score_on = fold
        model = build().fit(rows.iloc[fit_on], y[fit_on])
        return {name: np.asarray(values) for name, values in predict(model, rows.iloc[score_on]).items()}

    answers = on_all_cores(answered, [fold for _, _, fold in folds])
    for number, part, (_, score_on) in folds:
        step(f"{label}: round {number + 1} of {len(rounds)}, fold {part} of {len(rounds[number])}")
        for name, array in next(answers).items():
            found.setdefault(name, np.zeros((len(rounds), len(y)), dtype=array.dtype))[number, score_on] = array
    return found


def binary_figures(
    outcome: ArrayLike,
    probability: ArrayLike,
    decided: ArrayLike,
    *,
    n_resamples: int,
    rng: np.random.Generator,
    groups: ArrayLike | None = None,
) -> dict[str, dict[str, float]]:
    """Return how good probabilities and decisions are, each figure with its interval.

    Parameters
    ----------
    outcome : array-like of shape (n,)
        0 and 1, both.
    probability : array-like of shape (n_rounds, n) or (n,)
    decided : bool array-like of the same shape
        Whether the row was called a yes, by a threshold that did not see it.
    n_resamples : int
    rng : Generator
    groups : array-like of shape (n,), optional
        Drawn whole; each row is its own group where None.

    Returns
    -------
    dict of str to dict
        auc, average_precision, f1, precision, recall, accuracy, brier, log_loss, ece (10 equal-mass bins of the
        probability of yes), ece_if_perfect (as `calibrated_ece`), each with estimate, low, high.

    Raises
    ------
    DataError
        If shapes differ, a probability is outside [0, 1], or one outcome is missing.

    Examples
    --------
    >>> found = binary_figures([0, 1], [0.2, 0.6], [False, True], n_resamples=2, rng=np.random.default_rng(5))
    >>> found["auc"]["estimate"], round(found["brier"]["estimate"], 2)
    (1.0, 0.1)
    """
    y, p, said = _checked(outcome, probability, decided)
    codes, n_groups = group_codes(groups, len(y))
    figures = _mean_over_rounds(y, p, said)
    found: dict[str, list[float]] = {name: [] for name in figures}
    for weights in resampled_weights(n_groups, n_resamples, rng):
        by_row = weights[codes]
        for name, figure in figures.items():
            found[name].append(figure(by_row))
    ones = np.ones(len(y))
    answer: dict[str, dict[str, float]] = {}
    for name, figure in figures.items():
        values, estimate = np.array(found[name], dtype=np.float64), figure(ones)
        if name == "ece":
            values = np.clip(_centred(values, estimate), 0.0, 1.0)
        interval = percentile_interval(estimate, values[np.isfinite(values)], 0.95)
        answer[name] = {"estimate": interval.estimate, "low": interval.low, "high": interval.high}
    answer["ece_if_perfect"] = calibrated_ece(p, n_draws=n_resamples, rng=rng.spawn(1)[0])
    return answer


def calibrated_ece(probability: ArrayLike, *, n_draws: int, rng: np.random.Generator) -> dict[str, float]:
    """Return the calibration error of a model whose every probability is true: what chance alone makes of n rows.

    Outcomes are drawn by the probabilities themselves, the same of a row in every round, and scored like real ones.

    Parameters
    ----------
    probability : array-like of shape (n_rounds, n) or (n,)
        Of yes.
    n_draws : int
    rng : Generator

    Returns
    -------
    dict of str to float
        estimate (mean of the draws), low and high (95 of 100 draws lie between).

    Examples
    --------
    >>> calibrated_ece([0.0, 1.0, 1.0], n_draws=9, rng=np.random.default_rng(0))
    {'estimate': 0.0, 'low': 0.0, 'high': 0.0}
    """
    rounds = np.atleast_2d(np.asarray(probability, dtype=np.float64))
    bins = [mass_bins(p, ECE_BINS) for p in rounds]
    found = np.empty(n_draws)
    for draw in range(n_draws):
        lots = rng.random(rounds.shape[1])
        gaps = [
            np.bincount(number, weights=(lots < p) - p, minlength=ECE_BINS)
            for number, p in zip(bins, rounds, strict=True)
        ]
        found[draw] = np.abs(gaps).sum(axis=1).mean() / rounds.shape[1]
    interval = percentile_interval(float(found.mean()), found, 0.95)
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high}


def paired_differences(
    outcome: ArrayLike,
    first: tuple[ArrayLike, ArrayLike],
    second: tuple[ArrayLike, ArrayLike],
    *,
    n_resamples: int,
    rng: np.random.Generator,
    groups: ArrayLike | None = None,
) -> dict[str, dict[str, float]]:
    """Return the first model's figures less the second's, on the same rows and folds, with intervals.

    Parameters
    ----------
    outcome : array-like of shape (n,)
    first, second : tuple of probability and decided
        As `binary_figures`.
    n_resamples, rng, groups
        As `binary_figures`.

    Returns
    -------
    dict of str to dict
        auc, average_precision, f1, brier, log_loss and ece, each with estimate, low, high and se.

    Examples
    --------
    >>> good, bad = ([0.1, 0.9], [False, True]), ([0.5, 0.5], [False, True])
    >>> found = paired_differences([0, 1], good, bad, n_resamples=9, rng=np.random.default_rng(0))
    >>> found["auc"]["estimate"]
    0.5
    """
    y, p, said = _checked(outcome, *first)
    other = _mean_over_rounds(*_checked(outcome, *second))
    codes, n_groups = group_codes(groups, len(y))
    figures = {name: figure for name, figure in _mean_over_rounds(y, p, said).items() if name in PAIRED}
    found: dict[str, list[float]] = {name: [] for name in figures}
    for weights in resampled_weights(n_groups, n_resamples, rng):
        by_row = weights[codes]
        for name, figure in figures.items():
            found[name].append(figure(by_row) - other[name](by_row))
    ones = np.ones(len(y))
    answer: dict[str, dict[str, float]] = {}
    for name, figure in figures.items():
        values, estimate = np.array(found[name], dtype=np.float64), figure(ones) - other[name](ones)
        values = values[np.isfinite(values)]
        if name == "ece":
            values = _centred(values, estimate)
        interval = percentile_interval(estimate, values, 0.95)
        answer[name] = {
            "estimate": interval.estimate,
            "low": interval.low,
            "high": interval.high,
            "se": float(values.std()),
        }
    return answer


def _centred(values: FloatArray, estimate: float) -> FloatArray:
    """Move resampled calibration errors around their estimate: a resample repeats rows, which makes each larger."""
    return values - values.mean() + estimate


def _mean_over_rounds(y: FloatArray, p: FloatArray, said: BoolArray) -> dict[str, Figure]:
    rounds = [_figures(y, p[number], said[number]) for number in range(len(p))]

    def mean_of(name: str) -> Figure:
        return lambda weights: float(np.mean([figures[name](weights) for figures in rounds]))

    return {name: mean_of(name) for name in rounds[0]}


def _figures(y: FloatArray, p: FloatArray, said: BoolArray) -> dict[str, Figure]:
    yes = said.astype(np.float64)
    squared, hit = (p - y) ** 2, (said == (y == 1)).astype(np.float64)
    surprise = -np.log(np.maximum(np.where(y == 1, p, 1 - p), _SMALLEST))

    def f1(weights: FloatArray) -> float:
        total = weights @ yes + weights @ y
        return float(2 * (weights @ (yes * y)) / total) if total else np.nan

    def share(values: FloatArray, of: FloatArray) -> Figure:
        def figure(weights: FloatArray) -> float:
            total = weights @ of
            return float(weights @ (values * of) / total) if total else np.nan

        return figure

    every = np.ones(len(y))
    return {
        "auc": auc_by_weight(y.astype(np.int64), np.column_stack([1 - p, p])),
        "average_precision": _average_precision(y, p),
        "f1": f1,
        "precision": share(y, yes),
        "recall": share(yes, y),
        "accuracy": share(hit, every),
        "brier": share(squared, every),
        "log_loss": share(surprise, every),
        "ece": ece_by_weight(p, y, ECE_BINS),
    }


def _average_precision(y: FloatArray, p: FloatArray) -> Figure:
    order = np.argsort(-p, kind="stable")
    happened = y[order]
    last_of_value = np.append(p[order][1:] != p[order][:-1], True)

    def figure(weights: FloatArray) -> float:
        mass = weights[order]
        hits, called = np.cumsum(mass * happened)[last_of_value], np.cumsum(mass)[last_of_value]
        if not hits[-1]:
            return np.nan
        precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
        return float(np.diff(hits, prepend=0.0) @ precision / hits[-1])

    return figure


def _checked(
    outcome: ArrayLike, probability: ArrayLike, decided: ArrayLike
) -> tuple[FloatArray, FloatArray, BoolArray]:
    y = np.asarray(outcome, dtype=np.float64)
    p, said = np.atleast_2d(np.asarray(probability, dtype=np.float64)), np.atleast_2d(np.asarray(decided, dtype=bool))
    if y.ndim != 1 or p.shape[1:] != y.shape or said.shape != p.shape:
        raise DataError(f"{p.shape} probabilities and {said.shape} decisions for {y.shape} outcomes; give one per row.")
    if not ((p >= 0) & (p <= 1)).all() or sorted(set(y.tolist())) != [0.0, 1.0]:
        raise DataError("a probability is outside [0, 1], or the outcomes are not both 0 and 1. Check the columns.")
    return y, p, said
