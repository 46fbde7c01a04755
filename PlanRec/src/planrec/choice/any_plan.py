"""What both choice models share: a rate card that may be replaced, and the alternatives it gives each subscriber."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from common_utils.array_types import FloatArray
from planrec.billing import Catalogue
from planrec.decisions.choice_sets import Alternatives, ChoiceRows, alternatives_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ChoiceEstimator"]


class ChoiceEstimator(BaseEstimator, ABC):
    """A model of P(take) in which no number belongs to a plan.

    Attributes
    ----------
    catalogue : Catalogue
        The plans to score.
    history_months : int
        Months of history in a row, >= 1.
    with_current_plan : bool
        Whether the plan held before may be used.
    """

    FITTED: ClassVar[str]  # the attribute that `fit` sets
    catalogue: Catalogue
    history_months: int
    with_current_plan: bool

    @property
    def classes_(self) -> NDArray[np.object_]:
        """Plan ids in the order of the probabilities; those of the catalogue as it is now."""
        check_is_fitted(self, self.FITTED)
        return np.array(self.catalogue.plan_ids, dtype=object)

    @abstractmethod
    def fit(self, X: pd.DataFrame | ChoiceRows, y: NDArray[np.object_]) -> Self:
        """Learn from decision rows and the plan ids taken."""

    @abstractmethod
    def predict_proba(self, X: pd.DataFrame | ChoiceRows) -> FloatArray:
        """Return P(take) by catalogue position; float64 array of shape (n, n_plans)."""

    def with_catalogue(self, catalogue: Catalogue) -> Self:
        """Return the same model for another catalogue, for example one with a plan that is only drafted."""
        model = copy(self)
        model.catalogue = catalogue
        return model

    def alternatives(self, X: pd.DataFrame | ChoiceRows) -> Alternatives:
        """Return what each plan would mean to each subscriber."""
        return alternatives_of(
            X, self.catalogue, history_months=self.history_months, with_current_plan=self.with_current_plan
        )
