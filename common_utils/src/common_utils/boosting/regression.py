"""Boosted forests for a quantity: any quantile of it, the median by absolute error; kept as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common_utils.array_types import FloatArray
from common_utils.boosting.classifier import booster_settings, filled_where_empty
from common_utils.boosting.config import ForestConfig
from common_utils.boosting.forests import Forest, forest_of, mean_forest

__all__ = ["grow_quantile_forest", "new_regressor", "quantile_regressors"]


_MEDIAN = 0.5


def grow_quantile_forest(
    members: Sequence[ForestConfig], matrix: FloatArray, y: FloatArray, *, quantile: float, seed: int
) -> Forest:
    """Return the mean of forests grown for a quantile; member after member, seed after seed.

    Parameters
    ----------
    members : sequence of ForestConfig
    matrix : float64 array of shape (n, m)
        NaN is missing.
    y : float64 array of shape (n,)
    quantile : float
        Inside (0, 1); 0.5 is the median, which least absolute error finds, or about, with `huber`, Huber's loss.
    seed : int

    Examples
    --------
    >>> import numpy as np
    >>> X = np.repeat([0.0, 1.0], 50)[:, None]
    >>> from common_utils.boosting.forests import forest_scores
    >>> members = [ForestConfig(kind="hist", iterations=40, learning_rate=0.3, l2=0)]
    >>> forest = grow_quantile_forest(members, X, 10 * X[:, 0], quantile=0.5, seed=1)
    >>> forest_scores(forest, np.array([[0.0], [1.0]])).round(1).tolist()
    [0.0, 10.0]
    """
    return mean_forest([forest_of(m) for m in quantile_regressors(members, matrix, y, quantile=quantile, seed=seed)])


def quantile_regressors(
    members: Sequence[ForestConfig], matrix: FloatArray, y: FloatArray, *, quantile: float, seed: int
) -> list[Any]:
    """Return the fitted regressors themselves, member after member, seed after seed; their mean is the forest's score.

    Parameters
    ----------
    members, matrix, y, quantile, seed
        As `grow_quantile_forest`.
    """
    there = filled_where_empty(matrix)
    return [
        new_regressor(member, quantile=quantile, seed=seed + number).fit(there, y)
        for member in members
        for number in range(member.seeds)
    ]


def new_regressor(config: ForestConfig, *, quantile: float, seed: int) -> Any:
    """Return an unfitted regressor of the library that a setting names, on one thread, for a quantile.

    Examples
    --------
    >>> new_regressor(ForestConfig(kind="hist"), quantile=0.5, seed=1).loss
    'absolute_error'
    """
    settings = booster_settings(config, seed=seed)
    median = quantile == _MEDIAN
    match config.kind:
        case "catboost":
            from catboost import CatBoostRegressor

            return CatBoostRegressor(**settings, loss_function="MAE" if median else f"Quantile:alpha={quantile}")
        case "lightgbm":
            from lightgbm import LGBMRegressor

            if median and config.huber:
                return LGBMRegressor(**settings, objective="huber", alpha=config.huber)
            if median:
                return LGBMRegressor(**settings, objective="l1")
            return LGBMRegressor(**settings, objective="quantile", alpha=quantile)
        case "hist":
            from sklearn.ensemble import HistGradientBoostingRegressor

            if median:
                return HistGradientBoostingRegressor(**settings, loss="absolute_error")
            return HistGradientBoostingRegressor(**settings, loss="quantile", quantile=quantile)
