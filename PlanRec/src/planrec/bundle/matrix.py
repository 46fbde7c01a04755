"""The features that the settings of a bundle ask for."""

from __future__ import annotations

from planrec.billing import Catalogue
from planrec.config import PlanRecConfig
from planrec.decisions import DecisionMatrix

__all__ = ["decision_matrix"]


def decision_matrix(config: PlanRecConfig, catalogue: Catalogue) -> DecisionMatrix:
    """Return the features that the settings ask for.

    Examples
    --------
    >>> from planrec.config import load_planrec_config
    >>> decision_matrix(load_planrec_config(project, environ={}), card).with_current_plan
    True
    """
    source = config.data.chosen()
    return DecisionMatrix(
        catalogue,
        config.features.history_months,
        source.with_current_plan,
        source.extra_columns,
        source.usage_statistics,
    )
