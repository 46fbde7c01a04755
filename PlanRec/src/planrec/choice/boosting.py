"""The challenger of the conditional logit: monotone boosted trees over the same alternatives.

Each plan of a choice set is one row, taken or not, and the trees may never like a plan better for a dearer or less
certain bill. They see the logit's utility beside the features, so what is linear need not be learnt again, and an
unseen plan is carried by it. The rows' chances are then made to add up within each choice set. On its way to a leaf a
tree looks at one number of the subscriber's own, so that all trees are tables (`planrec.decisions.plan_tables`).
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from common_utils.array_types import BoolArray, FloatArray
from common_utils.compiled import softmax_within
from planrec.billing import Catalogue
from planrec.choice.any_plan import ChoiceEstimator
from planrec.choice.logit import ConditionalLogit, chosen_of
from planrec.config import ChallengerConfig
from planrec.decisions.choice_sets import (
    BOOSTING_FEATURES,
    DECIDED_FEATURES,
    LOGIT_UTILITY,
    Alternatives,
    ChoiceRows,
    tree_rows,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MonotoneBoosting", "forest_probabilities", "grown_forest"]


_FALLS = ("recent_bill", "recent_spread", "expected_bill", "bill_spread")


def grown_forest(
    rows: FloatArray,
    taken: BoolArray,
    directions: Sequence[int],
    sizes: ChallengerConfig,
    *,
    seed: int,
    together: Sequence[AbstractSet[int]] | None = None,
) -> HistGradientBoostingClassifier:
    """Fit monotone trees that tell which alternatives are taken.

    Parameters
    ----------
    rows : float64 array of shape (available alternatives of all choices, n_features)
        NaN where unknown.
    taken : bool array of shape (available alternatives of all choices,)
    directions : sequence of int
        One for each feature: 1 may only raise the chance, -1 only lower it, 0 either.
    sizes : ChallengerConfig
    seed : int
    together : sequence of set of int, optional
        Positions of features that may stand on one way from root to leaf; any may unless given.

    Examples
    --------
    >>> rows, sizes = np.tile([[0.0], [1.0]], (20, 1)), ChallengerConfig(max_iter=5, min_samples_leaf=5)
    >>> forest = grown_forest(rows, np.tile([False, True], 20), [1], sizes, seed=0)
    >>> forest.predict(np.array([[0.0], [1.0]])).tolist()
    [False, True]
    """
    forest = HistGradientBoostingClassifier(
        max_iter=sizes.max_iter,
        learning_rate=sizes.learning_rate,
        max_leaf_nodes=sizes.max_leaf_nodes,
        min_samples_leaf=sizes.min_samples_leaf,
        l2_regularization=sizes.l2_regularization,
        monotonic_cst=list(directions),
        interaction_cst=together,
        early_stopping=False,  # pyright: ignore[reportArgumentType] - documented as 'auto' or bool
        random_state=seed,
    )
    with threadpool_limits(1):
        forest.fit(rows, taken)
    return forest


def forest_probabilities(forest: HistGradientBoostingClassifier, rows: FloatArray, available: BoolArray) -> FloatArray:
    """Return the trees' chances, made to add up to 1 within each choice set.

    Parameters
    ----------
    forest : HistGradientBoostingClassifier
        Of `grown_forest`.
    rows : float64 array of shape (available alternatives of all choices, n_features)
    available : bool array of shape (n, n_plans)

    Returns
    -------
    float64 array of shape (n, n_plans)
        0 outside the choice set.

    Examples
    --------
    >>> rows, sizes = np.tile([[0.0], [1.0]], (20, 1)), ChallengerConfig(max_iter=5, min_samples_leaf=5)
    >>> forest = grown_forest(rows, np.tile([False, True], 20), [1], sizes, seed=0)
    >>> forest_probabilities(forest, np.array([[1.0], [1.0]]), np.array([[True, False, True]])).tolist()
    [[0.5, 0.0, 0.5]]
    """
    utility = np.zeros(available.shape)
    with threadpool_limits(1):
        utility[available] = -np.logaddexp(0.0, -forest.decision_function(rows))
    return softmax_within(utility, available)


class MonotoneBoosting(ChoiceEstimator):
    """Monotone gradient boosting on decision rows.

    Parameters
    ----------
    catalogue : Catalogue
        The plans to score; may be replaced after fitting, because no tree knows a plan.
    config : ChallengerConfig, optional
        Size of the forest; the defaults where None.
    history_months : int, default=6
        Months of history in a row, >= 1.
    with_current_plan : bool, default=True
        Whether the plan held before may be used.
    seed : int, default=0
    one_number : bool, default=True
        Whether a tree looks at one number of the subscriber's own on its way to a leaf; without, it is no table and
        cannot be shipped.

    Attributes
    ----------
    logit_ : ConditionalLogit
        Fitted on the same rows.
    known_ : int64 array of shape (n_features,)
        Positions in `BOOSTING_FEATURES` of what at least one row knows: trees cannot bin the others.
    forest_ : HistGradientBoostingClassifier
        Over those columns.
    """

    FITTED = "forest_"

    def __init__(
        self,
        catalogue: Catalogue,
        config: ChallengerConfig | None = None,
        history_months: int = 6,
        with_current_plan: bool = True,  # noqa: FBT001 - scikit-learn's clone passes parameters by name
        seed: int = 0,
        one_number: bool = True,  # noqa: FBT001 - as above
    ) -> None:
        self.catalogue = catalogue
        self.config = config
        self.history_months = history_months
        self.with_current_plan = with_current_plan
        self.seed = seed
        self.one_number = one_number

    def fit(self, X: pd.DataFrame | ChoiceRows, y: NDArray[np.object_]) -> MonotoneBoosting:
        """Fit the logit, then the trees.

        Parameters
        ----------
        X : DataFrame or mapping of str to array of shape (n,)
            Decision rows.
        y : array of shape (n,)
            Plan ids taken.

        Raises
        ------
        DataError
            If a plan taken is not in the catalogue.
        """
        chosen = chosen_of(y, self.catalogue)
        self.logit_ = ConditionalLogit(
            self.catalogue, history_months=self.history_months, with_current_plan=self.with_current_plan
        ).fit(X, y)
        alternatives = self.alternatives(X)
        alternatives.available[np.arange(len(chosen)), chosen] = True
        taken = np.arange(len(self.catalogue.plans)) == chosen[:, None]
        matrix = self._matrix(X, alternatives)
        self.known_ = np.flatnonzero(~np.isnan(matrix).all(axis=0))
        names = [BOOSTING_FEATURES[column] for column in self.known_]
        self.forest_ = grown_forest(
            matrix[:, self.known_],
            taken[alternatives.available],
            [_direction(name) for name in names],
            self.config or ChallengerConfig(),
            seed=self.seed,
            together=_together(names) if self.one_number else None,
        )
        return self

    def predict_proba(self, X: pd.DataFrame | ChoiceRows) -> FloatArray:
        """Return P(take) by catalogue position.

        Returns
        -------
        float64 array of shape (n, n_plans)
            0 outside the choice set; each row adds up to 1.
        """
        check_is_fitted(self, self.FITTED)
        alternatives = self.alternatives(X)
        return forest_probabilities(self.forest_, self._matrix(X, alternatives)[:, self.known_], alternatives.available)

    def matrix(self, X: pd.DataFrame | ChoiceRows) -> FloatArray:
        """Return what the trees see: a row for each plan of each choice set, float64 of shape (n, n_features)."""
        return self._matrix(X, self.alternatives(X))[:, self.known_]

    def _matrix(self, X: pd.DataFrame | ChoiceRows, alternatives: Alternatives) -> FloatArray:
        return tree_rows(X, alternatives, self.catalogue, utility=self.logit_.utilities(alternatives))


def _direction(name: str) -> int:
    return -1 if name in _FALLS else 1 if name == LOGIT_UTILITY else 0


def _together(names: Sequence[str]) -> list[set[int]]:
    """Return each number of the subscriber's own with all that a plan and the plan held decide."""
    decided = {place for place, name in enumerate(names) if name in DECIDED_FEATURES}
    return [decided | {place} for place in range(len(names)) if place not in decided]
