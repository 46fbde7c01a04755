"""The transformer that turns decision rows into features; the formulas are those of `formulas.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from common_utils.array_types import FloatArray
from common_utils.errors import ConfigError
from planrec.billing import Catalogue
from planrec.decisions import DecisionMatrix

if TYPE_CHECKING:  # the transformer itself runs on plain arrays, so that a server needs no pandas
    import pandas as pd

__all__ = ["DecisionFeatures"]


class DecisionFeatures(TransformerMixin, BaseEstimator):
    """Turn decision rows into the matrix of `formulas.decision_features`.

    Parameters
    ----------
    catalogue : Catalogue
        The plans that past usage is rated on.
    history_months : int, default=6
        Months of history in a row, >= 1.
    with_current_plan : bool, default=True
        Whether the plan held before, tenure and contract may be used. Where the target *is* the plan held, it may not.
    extra_columns : tuple of str, default=()
        Further numeric columns, passed through; missing values stay NaN.
    usage_statistics : bool, default=True
        As `formulas.decision_features`.

    Attributes
    ----------
    known_ : int64 array of shape (n_features,)
        Positions of the columns that hold a number in at least one of the rows fitted on. The others, such as tenure
        and contract where a source has neither, are left out: there is nothing to learn, and trees cannot bin them.
    feature_names_out_ : tuple of str
        Names of the columns of the matrix.

    Examples
    --------
    >>> rows = {"minutes_1": [510.0], "messages_1": [0.0], "megabytes_1": [0.0], "current_plan": ["surf"]}
    >>> features = DecisionFeatures(megaline, history_months=1).fit(rows)
    >>> matrix = features.transform(rows)
    >>> float(matrix[0, features.feature_names_out_.index("current_bill")])
    2030.0
    """

    def __init__(
        self,
        catalogue: Catalogue,
        history_months: int = 6,
        with_current_plan: bool = True,  # noqa: FBT001 - scikit-learn's clone passes parameters by name
        extra_columns: tuple[str, ...] = (),
        usage_statistics: bool = True,  # noqa: FBT001 - as above
    ) -> None:
        self.catalogue = catalogue
        self.history_months = history_months
        self.with_current_plan = with_current_plan
        self.extra_columns = extra_columns
        self.usage_statistics = usage_statistics

    def fit(self, X: Mapping[str, NDArray[np.generic]] | pd.DataFrame, y: object = None) -> DecisionFeatures:  # noqa: ARG002 - scikit-learn's signature
        """Check parameters and columns, and learn which columns there is anything known of.

        Raises
        ------
        ConfigError
            If `history_months` < 1.
        DataError
            If a column is missing, or one of `extra_columns` holds text.
        """
        if self.history_months < 1:
            raise ConfigError(f"history_months is {self.history_months!r}; give at least 1.")
        step = self.step()
        self.known_ = np.flatnonzero(~np.isnan(step(_arrays(X))).all(axis=0))
        self.feature_names_out_ = tuple(step.feature_names[position] for position in self.known_)
        return self

    def transform(self, X: Mapping[str, NDArray[np.generic]] | pd.DataFrame) -> FloatArray:
        """Return the features of decision rows.

        Parameters
        ----------
        X : DataFrame or mapping of str to array of shape (n,)
            `history_columns(history_months)`, `extra_columns` and, with the current plan, `current_plan`;
            `tenure_months` and `contract_months_left` are read where present.

        Returns
        -------
        float64 array of shape (n, n_features)
        """
        check_is_fitted(self, "feature_names_out_")
        return self.step()(_arrays(X))[:, self.known_]

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:  # noqa: ARG002 - scikit-learn's signature
        """Return the names of the columns of the matrix."""
        check_is_fitted(self, "feature_names_out_")
        return np.array(self.feature_names_out_, dtype=object)

    def step(self) -> DecisionMatrix:
        """Return the same formulas as a service calls them."""
        return DecisionMatrix(
            self.catalogue, self.history_months, self.with_current_plan, self.extra_columns, self.usage_statistics
        )


def _arrays(X: Mapping[str, NDArray[np.generic]] | pd.DataFrame) -> dict[str, NDArray[np.generic]]:
    return {str(name): np.asarray(X[str(name)]) for name in X}
