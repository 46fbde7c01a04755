"""What scores columns: the port of a model, and its checks."""

from __future__ import annotations

from common_utils.scoring.scorer import Columns, Scorer, checked_scores, row_count

__all__ = ["Columns", "Scorer", "checked_scores", "row_count"]
