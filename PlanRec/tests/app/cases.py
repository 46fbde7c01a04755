"""A subscriber's months, and a model whose answers can be worked out by hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common_utils.scoring import Columns, row_count

USAGE = [
    {"month": "2025-09", "minutes": 100, "messages": 5, "megabytes": 3000},
    {"month": "2025-10", "minutes": 120, "messages": 5, "megabytes": 4000.5},
]


class FewMinutesScorer:
    """Half the probability on each of two plans, more on the first the less was called."""

    classes = ("basic-6", "unlimited")

    def score(self, columns: Columns) -> NDArray[np.float64]:
        first = 1 / (1 + columns["minutes_1"] / 100)
        return np.column_stack([first, 1 - first]) if row_count(columns) else np.empty((0, 2))
