"""The choice sets of decision rows: what each plan would mean to those who decide, and which of them they may take.

What learns from them (`planrec.choice`) and what scores them from a bundle (`planrec.bundle`) read the same arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, Union

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, FloatArray, IntArray
from planrec.billing import Catalogue
from planrec.columns import AGE, CURRENT_PLAN, MONTH, TENURE
from planrec.decisions.alternatives import (
    ALTERNATIVE_FEATURES,
    CONTEXT_FEATURES,
    alternative_features,
    context_features,
)
from planrec.decisions.matrix import plan_indices
from planrec.months import month_indices
from planrec.outlook import history_of
from planrec.rules import ExclusionCode, exclusions

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BOOSTING_FEATURES",
    "LEAST_CHANCE",
    "RISING_FEATURES",
    "Alternatives",
    "ChoiceRows",
    "alternatives_of",
    "tree_rows",
]

ChoiceRows: TypeAlias = Mapping[str, NDArray[np.generic]]
"""Decision rows as a mapping of column names to arrays of shape (n,)."""

RISING_FEATURES = ("logit_utility", "logit_log_probability")
BOOSTING_FEATURES = (*ALTERNATIVE_FEATURES, *CONTEXT_FEATURES, *RISING_FEATURES, AGE, TENURE)
LEAST_CHANCE = 1e-12
"""Of an alternative that a model holds for impossible, so that its logarithm is finite."""


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The choice sets of n decisions.

    Attributes
    ----------
    features : float64 array of shape (n, n_plans, 8)
        As `alternatives.ALTERNATIVE_FEATURES`.
    available : bool array of shape (n, n_plans)
    current : int64 array of shape (n,)
        Index of the plan held, -1 where unknown.
    """

    features: FloatArray
    available: BoolArray
    current: IntArray


def alternatives_of(
    X: Union[pd.DataFrame, ChoiceRows],  # noqa: UP007 - pandas is there for the type checker alone
    catalogue: Catalogue,
    *,
    history_months: int,
    with_current_plan: bool,
) -> Alternatives:
    """Return what each plan would mean to those who decide, and which of them they may take.

    Parameters
    ----------
    X : DataFrame or mapping of str to array of shape (n,)
        Decision rows: `outlook.history.history_columns`, `month`, and where known `current_plan` and `age`.
    catalogue : Catalogue
    history_months : int
    with_current_plan : bool
        Whether the plan held before may be looked at.
    """
    columns = {str(name): np.asarray(X[str(name)]) for name in X}
    if with_current_plan:
        current = plan_indices(columns[CURRENT_PLAN], catalogue)
    else:
        current = np.full(len(columns[MONTH]), -1, dtype=np.int64)
    age = np.asarray(columns[AGE], dtype=np.float64) if AGE in columns else np.full(len(current), np.nan)
    codes = exclusions(catalogue, month_indices(columns[MONTH]), current, age)
    history = history_of(columns, history_months)
    return Alternatives(alternative_features(history, catalogue, current), codes == ExclusionCode.NONE, current)


def tree_rows(
    X: Union[pd.DataFrame, ChoiceRows],  # noqa: UP007 - as above
    alternatives: Alternatives,
    catalogue: Catalogue,
    *,
    utility: FloatArray,
    probabilities: FloatArray,
) -> FloatArray:
    """Return the rows of trees over alternatives: one for each available plan of each decision.

    Parameters
    ----------
    X : DataFrame or mapping of str to array of shape (n,)
        The decision rows of `alternatives`; `age` and `tenure_months` are read where present.
    alternatives : Alternatives
    catalogue : Catalogue
    utility, probabilities : float64 arrays of shape (n, n_plans)
        Of the logit, which the trees see beside the features.

    Returns
    -------
    float64 array of shape (available plans of all decisions, len(BOOSTING_FEATURES))
    """
    shape = alternatives.available.shape
    best = np.where(alternatives.available, utility, -np.inf).max(axis=1, keepdims=True)
    people = [
        np.asarray(X[name], dtype=np.float64) if name in X else np.full(shape[0], np.nan) for name in (AGE, TENURE)
    ]
    parts = [
        alternatives.features,
        context_features(alternatives.features, catalogue, alternatives.current),
        (utility - best)[..., None],
        np.log(np.maximum(probabilities, LEAST_CHANCE))[..., None],
        *(np.broadcast_to(column[:, None], shape)[..., None] for column in people),
    ]
    return np.concatenate(parts, axis=2)[alternatives.available]
