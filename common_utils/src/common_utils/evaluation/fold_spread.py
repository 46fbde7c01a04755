"""How much a figure of a yes-or-no model varies from fold to fold and from round to round of cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, log_loss, roc_auc_score

from common_utils.errors import DataError
from common_utils.splits import Fold

__all__ = ["FOLD_FIGURES", "fold_error", "fold_spread", "fold_values"]

FOLD_FIGURES = ("auc", "f1", "accuracy", "brier", "log_loss")
"""Figures that a single fold has rows enough for."""


def fold_values(
    outcome: ArrayLike, probability: ArrayLike, decided: ArrayLike, rounds: Sequence[Sequence[Fold]]
) -> dict[str, NDArray[np.float64]]:
    """Return each figure of each fold.

    Parameters
    ----------
    outcome : array-like of shape (n,)
        0 and 1, both in every fold.
    probability : array-like of shape (n_rounds, n)
        Out of fold.
    decided : bool array-like of shape (n_rounds, n)
    rounds : sequence of sequence of (train, test)
        The same number of folds in each.

    Returns
    -------
    dict of str to float64 array of shape (n_rounds, n_folds)
        By the names of `FOLD_FIGURES`.

    Raises
    ------
    DataError
        If there are not as many rounds of folds as of probabilities.

    Examples
    --------
    >>> folds = [(np.array([2, 3]), np.array([0, 1])), (np.array([0, 1]), np.array([2, 3]))]
    >>> found = fold_values([0, 1, 0, 1], [[0.2, 0.6, 0.7, 0.6]], [[False, True, True, True]], [folds])
    >>> found["auc"].tolist(), found["accuracy"].tolist()
    ([[1.0, 0.0]], [[1.0, 0.5]])
    """
    y, p, said = np.asarray(outcome), np.asarray(probability, dtype=np.float64), np.asarray(decided, dtype=np.int64)
    if p.shape != (len(rounds), len(y)) or said.shape != p.shape:
        raise DataError(f"{p.shape} probabilities for {len(rounds)} rounds of {len(y)} rows; give one for each.")
    found = [
        [_figures(y[test], p[number, test], said[number, test]) for _, test in folds]
        for number, folds in enumerate(rounds)
    ]
    return {name: np.array([[fold[name] for fold in folds] for folds in found]) for name in FOLD_FIGURES}


def fold_spread(values: NDArray[np.float64], rounds: Sequence[Sequence[Fold]]) -> dict[str, float]:
    """Return the mean of a figure, or of a difference of two, over folds and rounds, and how much it varies.

    Parameters
    ----------
    values : float64 array of shape (n_rounds, n_folds)
        As `fold_values`.
    rounds : sequence of sequence of (train, test)

    Returns
    -------
    dict of str to float
        mean; fold_sd (over all folds of all rounds); fold_se (standard error of the mean, for the folds' overlap of
        training rows); round_se (standard error that is left from how rows fell into folds; 0 of one round).

    References
    ----------
    Nadeau, Bengio, "Inference for the generalization error", 2003: variance times (1 / number of folds in all + test
    rows / training rows). Rows are taken as independent; that several may be of one person is not counted.

    Examples
    --------
    >>> folds = [(np.arange(2), np.array([2])), (np.arange(1, 3), np.array([0]))]
    >>> found = fold_spread(np.array([[0.5, 0.7]]), [folds])
    >>> round(found["mean"], 3), round(found["fold_sd"], 4), round(found["fold_se"], 4), found["round_se"]
    (0.6, 0.1414, 0.1414, 0.0)
    """
    train, test = rounds[0][0]
    sd = float(values.std(ddof=1))
    by_round = values.mean(axis=1)
    return {
        "mean": float(values.mean()),
        "fold_sd": sd,
        "fold_se": fold_error(values, len(test) / len(train)),
        "round_se": float(by_round.std(ddof=1) / np.sqrt(len(by_round))) if len(by_round) > 1 else 0.0,
    }


def fold_error(values: NDArray[np.float64], test_over_train: float) -> float:
    """Return the standard error of the mean of a figure, or of a difference of two, over folds.

    Parameters
    ----------
    values : float64 array of any shape
        One number a fold, two or more.
    test_over_train : float
        Rows tested over rows learnt from in one fold, for their overlap; 0 where the parts are independent.

    References
    ----------
    As `fold_spread`.

    Examples
    --------
    >>> round(fold_error(np.array([0.5, 0.7]), 0.5), 4), round(fold_error(np.array([0.5, 0.7]), 0), 4)
    (0.1414, 0.1)
    """
    return float(values.std(ddof=1)) * float(np.sqrt(1 / values.size + test_over_train))


def _figures(y: NDArray[Any], p: NDArray[np.float64], said: NDArray[np.int64]) -> dict[str, float]:
    return {
        "auc": float(roc_auc_score(y, p)),
        "f1": float(f1_score(y, said)),
        "accuracy": float(accuracy_score(y, said)),
        "brier": float(brier_score_loss(y, p)),
        "log_loss": float(log_loss(y, p, labels=[0, 1])),
    }
