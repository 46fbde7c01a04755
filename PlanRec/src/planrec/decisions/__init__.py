"""Decision rows, the subscriber's record, and the matrix of features that models read."""

from __future__ import annotations

from planrec.decisions.alternatives import alternative_features
from planrec.decisions.matrix import DecisionMatrix, plan_indices
from planrec.decisions.record import SubscriberRecord, UsageMonth
from planrec.decisions.rows import columns_of, decision_table, latest_rows, recent_rows

__all__ = [
    "DecisionMatrix",
    "SubscriberRecord",
    "UsageMonth",
    "alternative_features",
    "columns_of",
    "decision_table",
    "latest_rows",
    "plan_indices",
    "recent_rows",
]
