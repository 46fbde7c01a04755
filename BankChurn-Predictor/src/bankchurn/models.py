"""The shipped pipeline, and what it is compared with on the same folds; all unfitted."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from bankchurn.config import BankChurnConfig
from bankchurn.features import churn_step, shipped_step
from bankchurn.retention import best_profit_threshold, economics_of
from common_utils.boosting.classifier import BoostedClassifier
from common_utils.boosting.thresholds import ThresholdClassifier
from common_utils.evaluation.binary import expected_f1_threshold
from common_utils.table_project.feature_columns import ColumnFeatures

__all__ = ["boosted_pipeline", "logistic_pipeline", "reference_pipeline"]


def boosted_pipeline(config: BankChurnConfig, *, without: Collection[str] = ()) -> Pipeline:
    """Return what ships: features, forests with a sigmoid, thresholds.

    Parameters
    ----------
    config : BankChurnConfig
    without : collection of str
        Columns left out besides `data.drop_columns`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from bankchurn.config import SPEC
    >>> config = SPEC.load(Path(__file__).parents[2], environ={})
    >>> [name for name, _ in boosted_pipeline(config).steps]
    ['features', 'classifier']
    """
    model = config.model
    forests = BoostedClassifier(model.members, calibration_folds=model.calibration_folds, seed=config.training.seed)
    features = ColumnFeatures.of(shipped_step(config, without=without))
    return Pipeline([("features", features), ("classifier", _with_thresholds(config, forests))])


def logistic_pipeline(config: BankChurnConfig) -> Pipeline:
    """Return a logistic regression on the same columns and formulas, with thresholds chosen the same way."""
    return _linear_start(config, _with_thresholds(config, LogisticRegression(max_iter=1000)))


def reference_pipeline(config: BankChurnConfig) -> Pipeline:
    """Return the public reference's configuration: balanced logistic regression and random forest, averaged; 0.5.

    It is given the same formulas, which lift it well above what it reaches on the table's columns.

    References
    ----------
    DuqueOM/ML-MLOps-Portfolio, BankChurn-Predictor/configs/config.yaml, `model`; without its resampling, which would
    repeat what the class weights do.
    """
    seed = config.training.seed
    logistic = LogisticRegression(C=0.1, class_weight="balanced", solver="liblinear", max_iter=1000)
    forest = RandomForestClassifier(
        n_estimators=100,
        max_depth=10,
        min_samples_split=10,
        min_samples_leaf=5,
        class_weight="balanced_subsample",
        random_state=seed,
    )
    voting = VotingClassifier([("logistic", logistic), ("forest", forest)], voting="soft", weights=[0.4, 0.6])
    half = ThresholdClassifier(
        voting, {"f1": _one_half, "profit": _one_half}, chosen="f1", folds=config.model.calibration_folds, seed=seed
    )
    return _linear_start(config, half)


def _linear_start(config: BankChurnConfig, classifier: Any) -> Pipeline:
    return Pipeline(
        [
            ("features", ColumnFeatures.of(churn_step(config.data.drop_columns, indicators=True))),
            ("filled", SimpleImputer(strategy="median", add_indicator=True)),
            ("scaled", StandardScaler()),
            ("classifier", classifier),
        ]
    )


def _with_thresholds(config: BankChurnConfig, classifier: Any) -> ThresholdClassifier:
    rules = {"f1": expected_f1_threshold, "profit": partial(best_profit_threshold, economics=economics_of(config))}
    return ThresholdClassifier(
        classifier,
        rules,
        chosen=config.model.threshold,
        folds=config.model.calibration_folds,
        seed=config.training.seed,
    )


def _one_half(probability: NDArray[np.float64], outcome: NDArray[np.int64]) -> float:
    del probability, outcome
    return 0.5
