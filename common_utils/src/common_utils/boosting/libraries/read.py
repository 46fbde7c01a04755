"""The one reader of fitted forests: told apart by the name of their class, so that no library has to be there."""

from __future__ import annotations

from typing import Any

from common_utils.boosting.grown import GrownForest
from common_utils.boosting.libraries.catboost import read_catboost
from common_utils.boosting.libraries.hist import read_hist
from common_utils.boosting.libraries.lightgbm import read_lightgbm
from common_utils.errors import CompileError

__all__ = ["READABLE", "read_forest"]

READABLE = {
    "CatBoostClassifier": read_catboost,
    "CatBoostRegressor": read_catboost,
    "HistGradientBoostingClassifier": read_hist,
    "HistGradientBoostingRegressor": read_hist,
    "LGBMClassifier": lambda model: read_lightgbm(model.booster_.dump_model()),
    "LGBMRegressor": lambda model: read_lightgbm(model.booster_.dump_model()),
}
"""Reader of a fitted model by the name of its class."""


def read_forest(model: Any) -> GrownForest:
    """Return the trees of a fitted CatBoost, LightGBM or histogram gradient boosting model.

    Raises
    ------
    CompileError
        If the model is of another kind, or holds what neither array form can: the message names it.

    Examples
    --------
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> read_forest(HistGradientBoostingClassifier(max_iter=2).fit([[0.0], [1.0]] * 30, [0, 1] * 30)).loss
    'log_loss'
    """
    name = type(model).__name__
    if name not in READABLE:
        raise CompileError(f"{name} cannot be kept as arrays; use one of {', '.join(READABLE)}.")
    return READABLE[name](model)
