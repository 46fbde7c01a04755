"""The shipped pipeline, and what it is compared with on the same folds; all unfitted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from carvision.columns import LISTING, TYPE
from carvision.config import CarVisionConfig
from carvision.features import CAR, HIDDEN, shipped_step
from carvision.price_model import PriceModel
from common_utils.table_project.feature_columns import ColumnFeatures

__all__ = ["price_pipeline", "random_forest_pipeline", "ridge_pipeline"]


def price_pipeline(config: CarVisionConfig, *, interval: bool = True) -> Pipeline:
    """Return what ships: features, and the forests of price and interval.

    Parameters
    ----------
    config : CarVisionConfig
    interval : bool
        Whether the interval's forests are grown as well; where only the price is measured, they are not needed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from carvision.config import SPEC
    >>> config = SPEC.load(Path(__file__).parents[2], environ={})
    >>> [name for name, _ in price_pipeline(config).steps]
    ['features', 'regressor']
    """
    model, step = config.model, shipped_step(config)
    places = {name: place for place, name in enumerate(step.feature_names)}
    regressor = PriceModel(
        model.members,
        model.interval_members if interval else (),
        coverage=model.coverage,
        calibration_folds=model.calibration_folds,
        car_columns=[places[name] for name in CAR],
        hidden_columns=[places[name] for name in HIDDEN],
        hidden_share=model.hidden_share,
        interval_hidden_share=model.interval_hidden_share,
        kind_column=places[TYPE],
        listing_columns=[places[name] for name in LISTING] if interval else (),
        seed=config.training.seed,
    )
    return Pipeline([("features", ColumnFeatures.of(step)), ("regressor", regressor)])


def ridge_pipeline(config: CarVisionConfig) -> Pipeline:
    """Return a ridge regression of the logarithm of the price, one 0/1 column for each category."""
    step = replace(shipped_step(config), indicators=True)
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    linear = [("filled", imputer), ("scaled", StandardScaler())]
    return Pipeline([("features", ColumnFeatures.of(step)), *linear, ("regressor", _of_logs(Ridge()))])


def random_forest_pipeline(config: CarVisionConfig) -> Pipeline:
    """Return a random forest of the logarithm of the price on the shipped features."""
    forest = RandomForestRegressor(
        n_estimators=30, min_samples_leaf=3, max_features=0.4, random_state=config.training.seed
    )
    return Pipeline([("features", ColumnFeatures.of(shipped_step(config))), ("regressor", _of_logs(forest))])


def _of_logs(regressor: Any) -> TransformedTargetRegressor:
    return TransformedTargetRegressor(regressor, func=np.log, inverse_func=np.exp)
