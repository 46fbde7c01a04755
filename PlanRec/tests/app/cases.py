"""A subscriber's months, and a model whose answers can be worked out by hand."""

from __future__ import annotations

import numpy as np

from common_utils.compiled import CompiledChoice
from planrec.billing import Catalogue
from planrec.bundle import ChoiceModel
from planrec.decisions.alternatives import ALTERNATIVE_FEATURES

USAGE = [
    {"month": "2025-09", "minutes": 100, "messages": 5, "megabytes": 3000},
    {"month": "2025-10", "minutes": 120, "messages": 5, "megabytes": 4000.5},
]


def by_bill_alone(catalogue: Catalogue) -> ChoiceModel:
    """A plan that is 10.00 dearer over the months known is taken e times less often."""
    weights = np.where(np.array(ALTERNATIVE_FEATURES) == "expected_bill", -0.1, 0.0)
    return ChoiceModel(catalogue, 6, with_current_plan=True, logit=CompiledChoice(ALTERNATIVE_FEATURES, weights))
