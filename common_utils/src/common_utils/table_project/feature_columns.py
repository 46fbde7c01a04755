"""Named columns to a feature matrix as a scikit-learn transformer, the same way for a table and for one record.

The formulas are NumPy functions over columns, written once in a project's `formulas.py`; `column_step` computes them.
pandas is not imported: what opens a fitted pipeline needs none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from common_utils.array_types import FloatArray
from common_utils.table_project.column_step import ColumnStep, Formula
from common_utils.table_project.names import learn_names

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ColumnFeatures", "table_columns"]

Columns = Mapping[str, NDArray[Any]]


def table_columns(frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Return a table as columns by name: text as objects, everything else as float64 with NaN for missing.

    Examples
    --------
    >>> import pandas as pd
    >>> table_columns(pd.DataFrame({"plan": ["smart"], "minutes": [3]}))["minutes"].tolist()
    [3.0]
    """
    columns: dict[str, NDArray[Any]] = {}
    for name in frame.columns:
        column = frame[name]
        if column.dtype.kind in "iufb":
            columns[str(name)] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        else:
            columns[str(name)] = column.astype(object).to_numpy()
    return columns


class ColumnFeatures(TransformerMixin, BaseEstimator):
    """The transformer of a `ColumnStep`; parameters as its attributes.

    Attributes
    ----------
    names_ : tuple of str
        The matrix's columns.
    values_ : dict of str to tuple of str
        What the rows say of each category that is learnt.

    Examples
    --------
    >>> step = ColumnFeatures.of(ColumnStep(["minutes"], {"plan": ["smart", "ultra"]}))
    >>> step.fit({"minutes": np.array([3.0]), "plan": np.array(["ultra"], dtype=object)}).names_
    ('minutes', 'plan')
    >>> step.transform({"minutes": np.array([4.0]), "plan": np.array(["gold"], dtype=object)}).tolist()
    [[4.0, nan]]
    """

    learnt: Mapping[str, int] | None = None  # of pipelines that were pickled before there was one
    values_: Mapping[str, Sequence[str]] | None = None

    def __init__(
        self,
        numbers: Sequence[str] = (),
        categories: Mapping[str, Sequence[str]] | None = None,
        formulas: Sequence[Formula] = (),
        *,
        indicators: bool = False,
        filled: Mapping[str, float] | None = None,
        learnt: Mapping[str, int] | None = None,
    ) -> None:
        self.numbers = numbers
        self.categories = categories
        self.formulas = formulas
        self.indicators = indicators
        self.filled = filled
        self.learnt = learnt

    @classmethod
    def of(cls, step: ColumnStep) -> ColumnFeatures:
        """Return the unfitted transformer of a step."""
        return cls(
            step.numbers,
            step.categories,
            step.formulas,
            indicators=step.indicators,
            filled=step.filled,
            learnt=step.learnt,
        )

    def step(self) -> ColumnStep:
        """Return what computes the matrix; a service calls it without scikit-learn."""
        step = ColumnStep(
            self.numbers, self.categories or {}, self.formulas, self.indicators, self.filled or {}, self.learnt or {}
        )
        return step.with_values(self.values_ or {})

    def fit(self, X: pd.DataFrame | Columns, y: object = None) -> ColumnFeatures:
        """Fix the order of the columns, and find the values of the categories that are learnt.

        Raises
        ------
        DataError
            If a column is missing, or none is asked for.
        """
        del y
        columns = X if isinstance(X, Mapping) else table_columns(X)
        learnt = {name: fewest for name, fewest in (self.learnt or {}).items() if name in columns}
        self.values_ = {name: learn_names(columns[name], fewest) for name, fewest in learnt.items()}
        self.names_ = self.step().feature_names
        self.transform(columns)
        return self

    def transform(self, X: pd.DataFrame | Columns) -> FloatArray:
        """Return the matrix, float64 of shape (n, len(names_)).

        Raises
        ------
        DataError
            As `ColumnStep`.
        """
        check_is_fitted(self)
        return self.step()(X if isinstance(X, Mapping) else table_columns(X))

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return the names of the matrix's columns, as scikit-learn asks for them."""
        del input_features
        check_is_fitted(self)
        return np.array(self.names_, dtype=object)
