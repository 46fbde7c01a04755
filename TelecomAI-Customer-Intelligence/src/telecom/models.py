"""The shipped pipeline, and what it is compared with on the same folds; all unfitted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from common_utils.boosting.classifier import BoostedClassifier
from common_utils.boosting.thresholds import ThresholdClassifier, ThresholdRule
from common_utils.evaluation.binary import expected_f1_threshold
from common_utils.table_project.feature_columns import ColumnFeatures
from telecom.config import TelecomConfig
from telecom.features import shipped_step, usage_step

__all__ = ["F1", "LIKELIER", "boosted_pipeline", "logistic_pipeline", "one_half", "reference_pipeline"]

LIKELIER, F1 = "likelier", "f1"


def one_half(probability: NDArray[np.float64], outcome: NDArray[np.int64]) -> float:
    """Return the threshold of the likelier plan, 0.5, whatever the rows.

    Examples
    --------
    >>> one_half(np.array([0.9]), np.array([1]))
    0.5
    """
    del probability, outcome
    return 0.5


def boosted_pipeline(config: TelecomConfig, *, bills: bool | None = None) -> Pipeline:
    """Return what ships: features, forests with a sigmoid, thresholds.

    Parameters
    ----------
    config : TelecomConfig
    bills : bool, optional
        Instead of `model.bills`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from telecom.config import SPEC
    >>> config = SPEC.load(Path(__file__).parents[2], environ={})
    >>> [name for name, _ in boosted_pipeline(config).steps]
    ['features', 'classifier']
    """
    model = config.model
    forests = BoostedClassifier(model.members, calibration_folds=model.calibration_folds, seed=config.training.seed)
    features = ColumnFeatures.of(shipped_step(config, bills=bills))
    return Pipeline([("features", features), ("classifier", _with_thresholds(config, forests, expected_f1_threshold))])


def logistic_pipeline(config: TelecomConfig, *, bills: bool) -> Pipeline:
    """Return a logistic regression with or without the bills, with thresholds chosen as the shipped ones are."""
    return Pipeline(
        [
            ("features", ColumnFeatures.of(usage_step(config.data.drop_columns, bills=bills))),
            ("scaled", StandardScaler()),
            ("classifier", _with_thresholds(config, LogisticRegression(max_iter=1000), expected_f1_threshold)),
        ]
    )


def reference_pipeline(config: TelecomConfig) -> Pipeline:
    """Return the public reference's configuration: gradient boosting on the table's columns, threshold one half.

    References
    ----------
    DuqueOM/ML-MLOps-Portfolio, TelecomAI-Customer-Intelligence/configs/config.yaml at 35a5364, `model`, `threshold`.
    """
    boosting = GradientBoostingClassifier(
        n_estimators=200, max_depth=2, learning_rate=0.05, random_state=config.training.seed
    )
    return Pipeline(
        [
            ("features", ColumnFeatures.of(usage_step(config.data.drop_columns, bills=False))),
            ("classifier", _with_thresholds(config, boosting, one_half)),
        ]
    )


def _with_thresholds(config: TelecomConfig, classifier: Any, f1: ThresholdRule) -> ThresholdClassifier:
    return ThresholdClassifier(
        classifier,
        {LIKELIER: one_half, F1: f1},
        chosen=config.model.threshold,
        folds=config.model.calibration_folds,
        seed=config.training.seed,
    )
