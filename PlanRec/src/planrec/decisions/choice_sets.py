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
    "DECIDED_FEATURES",
    "LOGIT_UTILITY",
    "NUMBER_FEATURES",
    "Alternatives",
    "ChoiceRows",
    "alternatives_of",
    "tree_numbers",
    "tree_rows",
]

ChoiceRows: TypeAlias = Mapping[str, NDArray[np.generic]]
"""Decision rows as a mapping of column names to arrays of shape (n,)."""

LOGIT_UTILITY = "logit_utility"
BOOSTING_FEATURES = (*ALTERNATIVE_FEATURES, *CONTEXT_FEATURES, LOGIT_UTILITY, AGE, TENURE)
NUMBER_FEATURES = (*ALTERNATIVE_FEATURES[:4], LOGIT_UTILITY, "current_above_cheapest", AGE, TENURE)
DECIDED_FEATURES = (*ALTERNATIVE_FEATURES[4:], *(name for name in CONTEXT_FEATURES if name not in NUMBER_FEATURES))
"""What a plan and the plan held decide; the others, `NUMBER_FEATURES`, are numbers of the subscriber's own.

On its way from root to leaf a tree looks at any of these, and at one number: all trees together are then as many tables
as there are numbers, for each plan and plan held.
"""


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
) -> FloatArray:
    """Return the rows of trees over alternatives: one for each available plan of each decision.

    Parameters
    ----------
    X : DataFrame or mapping of str to array of shape (n,)
        The decision rows of `alternatives`; `age` and `tenure_months` are read where present.
    alternatives : Alternatives
    catalogue : Catalogue
    utility : float64 array of shape (n, n_plans)
        Of the logit, which the trees see beside the features, less that of the best available plan.

    Returns
    -------
    float64 array of shape (available plans of all decisions, len(BOOSTING_FEATURES))
    """
    features, available = alternatives.features, alternatives.available
    *_, above, _, age, tenure = tree_numbers(X, alternatives, utility=utility)
    context = context_features(features, catalogue, alternatives.current)
    parts = [features, context, *(np.broadcast_to(part, available.shape)[..., None] for part in (above, age, tenure))]
    return np.concatenate(parts, axis=2)[available]


def tree_numbers(
    X: Union[pd.DataFrame, ChoiceRows],  # noqa: UP007 - as above
    alternatives: Alternatives,
    *,
    utility: FloatArray,
) -> list[FloatArray]:
    """Return `NUMBER_FEATURES` of every plan, available or not.

    Parameters
    ----------
    X, alternatives, utility
        As for `tree_rows`.

    Returns
    -------
    list of float64 arrays of shape (n, n_plans) or, where it is the same for all plans, (n, 1)
        NaN where unknown.
    """
    n, current = len(alternatives.current), alternatives.current
    best = np.where(alternatives.available, utility, -np.inf).max(axis=1, keepdims=True)
    bills = [alternatives.features[:, :, place] for place in range(4)]
    today = np.where(current >= 0, bills[0][np.arange(n), np.maximum(current, 0)], np.nan)
    people = [np.asarray(X[name], dtype=np.float64) if name in X else np.full(n, np.nan) for name in (AGE, TENURE)]
    return [*bills, utility - best, *(column[:, None] for column in (today, *people))]
