"""A calibrated binary classifier: forests averaged in log-odds, with a sigmoid fitted on out-of-fold scores.

It is stored as arrays: after fitting, nothing of the library that grew the trees is left. Predicting needs NumPy alone,
and a service's image carries no booster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from common_utils.array_types import FloatArray
from common_utils.boosting.config import ForestConfig
from common_utils.boosting.forests import Forest, forest_contributions, forest_of, forest_scores, mean_forest
from common_utils.splits import stratified_folds

__all__ = ["BoostedClassifier", "booster_settings", "filled_where_empty", "grow_forest", "new_booster"]


_UNPENALISED = 1e6  # C of the sigmoid's logistic regression


class BoostedClassifier(ClassifierMixin, BaseEstimator):
    """Mean of boosted forests with a sigmoid on top, for two classes.

    Parameters
    ----------
    members : sequence of ForestConfig
        Every member counts the same; `seeds` grows one several times.
    calibration_folds : int
        Folds whose out-of-fold scores the sigmoid is fitted on, >= 2.
    seed : int
        Of the forests and the folds.

    Attributes
    ----------
    classes_ : array of shape (2,)
    forest_ : Forest
        Mean of all members, grown on all rows; its score times `slope_` plus `intercept_` are log-odds.
    slope_, intercept_ : float
    out_of_fold_ : float64 array of shape (n,)
        Calibrated probability of the second class of each training row, by forests that did not see it: what a
        threshold may be chosen on.

    Examples
    --------
    >>> X = np.repeat(np.arange(8.0), 10)[:, None]
    >>> y = (np.arange(80) % 10 < np.repeat(np.arange(8), 10) + 1).astype(int)
    >>> model = BoostedClassifier([ForestConfig(kind="hist", iterations=5, min_leaf=5)], calibration_folds=2)
    >>> p = model.fit(X, y).predict_proba(X)[:, 1]
    >>> bool(p[0] < p[40] < p[-1])
    True
    """

    def __init__(self, members: Sequence[ForestConfig], *, calibration_folds: int = 4, seed: int = 42) -> None:
        self.members = members
        self.calibration_folds = calibration_folds
        self.seed = seed

    def fit(self, X: FloatArray, y: NDArray[Any]) -> BoostedClassifier:
        """Fit the sigmoid on out-of-fold scores, then the forest on all rows.

        Raises
        ------
        ValueError
            If there are not exactly two classes.
        DataError
            If a class has fewer rows than there are calibration folds.
        """
        matrix = np.asarray(X, dtype=np.float64)
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        if len(self.classes_) != 2:
            raise ValueError(f"two classes are needed, y holds {len(self.classes_)}")
        scores = np.empty(len(matrix))
        for grown_on, scored in stratified_folds(codes, n_splits=self.calibration_folds, seed=self.seed):
            forest = grow_forest(self.members, matrix[grown_on], codes[grown_on], seed=self.seed)
            scores[scored] = forest_scores(forest, matrix[scored])
        sigmoid = LogisticRegression(C=_UNPENALISED, max_iter=1000).fit(scores[:, None], codes)
        self.slope_, self.intercept_ = float(sigmoid.coef_[0, 0]), float(sigmoid.intercept_[0])
        self.out_of_fold_ = expit(self.slope_ * scores + self.intercept_)
        self.forest_ = grow_forest(self.members, matrix, codes, seed=self.seed)
        self.n_features_in_ = matrix.shape[1]
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Return calibrated log-odds of the second class, shape (n,)."""
        check_is_fitted(self)
        return self.slope_ * forest_scores(self.forest_, np.asarray(X, dtype=np.float64)) + self.intercept_

    def predict_proba(self, X: FloatArray) -> FloatArray:
        """Return probabilities of shape (n, 2)."""
        positive = expit(self.decision_function(X))
        return np.column_stack([1 - positive, positive])

    def predict(self, X: FloatArray) -> NDArray[Any]:
        """Return the likelier class of each row."""
        return self.classes_[(self.decision_function(X) > 0).astype(np.int64)]

    def contributions(self, X: FloatArray) -> tuple[float, FloatArray]:
        """Return the average log-odds and what each column adds: together exactly `decision_function`.

        Returns
        -------
        tuple of float and float64 array of shape (n, m)

        Notes
        -----
        Path contributions, averaged over the members by construction
        (`common_utils.boosting.forests.forest_contributions`); the sigmoid only scales and shifts them.
        """
        check_is_fitted(self)
        parts = forest_contributions(self.forest_, np.asarray(X, dtype=np.float64))
        return self.slope_ * self.forest_.average + self.intercept_, self.slope_ * parts


def grow_forest(members: Sequence[ForestConfig], matrix: FloatArray, y: NDArray[Any], *, seed: int) -> Forest:
    """Return the mean of forests grown on rows; member after member, seed after seed.

    Parameters
    ----------
    members : sequence of ForestConfig
    matrix : float64 array of shape (n, m)
    y : array of shape (n,)
        0 and 1.
    seed : int
    """
    there = filled_where_empty(matrix)
    return mean_forest([forest_of(booster.fit(there, y)) for booster in _boosters(members, seed)])


def filled_where_empty(matrix: FloatArray) -> FloatArray:
    """Return features with 0 in those that no row has: they tell nothing, and not every library bins them.

    Examples
    --------
    >>> filled_where_empty(np.array([[1.0, np.nan], [np.nan, np.nan]])).tolist()
    [[1.0, 0.0], [nan, 0.0]]
    """
    empty = np.isnan(matrix).all(axis=0)
    return np.where(empty, 0.0, matrix) if empty.any() else matrix


def _boosters(members: Sequence[ForestConfig], seed: int) -> Iterator[Any]:
    for member in members:
        for number in range(member.seeds):
            yield new_booster(member, seed=seed + number)


def new_booster(config: ForestConfig, *, seed: int) -> Any:
    """Return an unfitted classifier of the library that a setting names, on one thread.

    Examples
    --------
    >>> type(new_booster(ForestConfig(kind="hist"), seed=1)).__name__
    'HistGradientBoostingClassifier'
    """
    settings = booster_settings(config, seed=seed)
    match config.kind:
        case "catboost":
            from catboost import CatBoostClassifier

            return CatBoostClassifier(**settings)
        case "lightgbm":
            from lightgbm import LGBMClassifier

            return LGBMClassifier(**settings)
        case "hist":
            from sklearn.ensemble import HistGradientBoostingClassifier

            return HistGradientBoostingClassifier(**settings)


def booster_settings(config: ForestConfig, *, seed: int) -> dict[str, Any]:
    """Return a setting in the words of its library, for one thread; the same for classes and quantities.

    Examples
    --------
    >>> booster_settings(ForestConfig(kind="hist", iterations=7), seed=1)["max_iter"]
    7
    """
    match config.kind:
        case "catboost":
            return {
                "iterations": config.iterations,
                "learning_rate": config.learning_rate,
                "depth": config.depth,
                "l2_leaf_reg": config.l2,
                "rsm": config.column_share,
                "random_strength": config.random_strength,
                "random_seed": seed,
                "thread_count": 1,
                "verbose": False,
                "allow_writing_files": False,
            }
        case "lightgbm":
            return {
                "n_estimators": config.iterations,
                "learning_rate": config.learning_rate,
                "num_leaves": config.leaves,
                "min_child_samples": config.min_leaf,
                "reg_lambda": config.l2,
                "colsample_bytree": config.column_share,
                "subsample": config.row_share,
                "subsample_freq": int(config.row_share < 1),
                "random_state": seed,
                "n_jobs": 1,
                "verbose": -1,
            }
        case "hist":
            return {
                "max_iter": config.iterations,
                "learning_rate": config.learning_rate,
                "max_leaf_nodes": config.leaves,
                "min_samples_leaf": config.min_leaf,
                "l2_regularization": config.l2,
                "max_features": config.column_share,
                "early_stopping": False,
                "random_state": seed,
            }
