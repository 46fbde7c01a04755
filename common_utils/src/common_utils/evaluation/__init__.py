"""Metrics, intervals, paired comparisons, ranking figures."""

from __future__ import annotations

from common_utils.evaluation.intervals import (
    FEW_GROUPS,
    Interval,
    PairedDifference,
    bootstrap_interval,
    bootstrap_mean,
    paired_mean_difference,
    segment_table,
)
from common_utils.evaluation.metrics import (
    auc_by_weight,
    classification_metrics,
    ece_by_weight,
    expected_calibration_error,
    metric_intervals,
    reliability_table,
)
from common_utils.evaluation.ranking import chosen_ranks, hit_at_k, ndcg_at_k

__all__ = [
    "FEW_GROUPS",
    "Interval",
    "PairedDifference",
    "auc_by_weight",
    "bootstrap_interval",
    "bootstrap_mean",
    "chosen_ranks",
    "classification_metrics",
    "ece_by_weight",
    "expected_calibration_error",
    "hit_at_k",
    "metric_intervals",
    "ndcg_at_k",
    "paired_mean_difference",
    "reliability_table",
    "segment_table",
]
