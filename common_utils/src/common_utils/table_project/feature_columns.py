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
from common_utils.table_project.explanations import Contribution

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ColumnFeatures", "column_contributions", "table_columns"]

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


def column_contributions(
    step: ColumnStep, X: pd.DataFrame | Columns, features: FloatArray, parts: FloatArray
) -> list[Contribution]:
    """Return what each column of the table adds to one record's score, the largest first by size.

    Parameters
    ----------
    step : ColumnStep
    X : table or columns of one row
        Its text is shown instead of the codes.
    features, parts : float64 array of shape (len(step.feature_names),)
        The record's features, and what each adds.

    Examples
    --------
    >>> step = ColumnStep(["age"], {"plan": ["smart"]}, [Formula("half", ("age",), np.sqrt)])
    >>> record = {"age": np.array([58.0]), "plan": np.array(["smart"], dtype=object)}
    >>> column_contributions(step, record, step(record)[0], np.array([0.5, -0.25, 0.5]))[0]
    Contribution(feature='age', value='58', amount=1.0)
    """
    columns = X if isinstance(X, Mapping) else table_columns(X)
    shown = {name: _shown(value) for name, value in zip(step.numbers, features.tolist(), strict=False)}
    shown |= {name: _text(columns[name][0]) for name in step.categories}
    named = [Contribution(name, shown[name], amount) for name, amount in step.by_column(parts).items()]
    return sorted(named, key=lambda part: -abs(part.amount))


def _shown(value: float) -> str:
    return "missing" if np.isnan(value) else f"{value:,.6g}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else "missing"


class ColumnFeatures(TransformerMixin, BaseEstimator):
    """The transformer of a `ColumnStep`; parameters as its attributes.

    Attributes
    ----------
    names_ : tuple of str
        The matrix's columns.

    Examples
    --------
    >>> step = ColumnFeatures.of(ColumnStep(["minutes"], {"plan": ["smart", "ultra"]}))
    >>> step.fit({"minutes": np.array([3.0]), "plan": np.array(["ultra"], dtype=object)}).names_
    ('minutes', 'plan')
    >>> step.transform({"minutes": np.array([4.0]), "plan": np.array(["gold"], dtype=object)}).tolist()
    [[4.0, nan]]
    """

    def __init__(
        self,
        numbers: Sequence[str] = (),
        categories: Mapping[str, Sequence[str]] | None = None,
        formulas: Sequence[Formula] = (),
        *,
        indicators: bool = False,
        filled: Mapping[str, float] | None = None,
    ) -> None:
        self.numbers = numbers
        self.categories = categories
        self.formulas = formulas
        self.indicators = indicators
        self.filled = filled

    @classmethod
    def of(cls, step: ColumnStep) -> ColumnFeatures:
        """Return the unfitted transformer of a step."""
        return cls(step.numbers, step.categories, step.formulas, indicators=step.indicators, filled=step.filled)

    def step(self) -> ColumnStep:
        """Return what computes the matrix; a service calls it without scikit-learn."""
        return ColumnStep(self.numbers, self.categories or {}, self.formulas, self.indicators, self.filled or {})

    def fit(self, X: pd.DataFrame | Columns, y: object = None) -> ColumnFeatures:
        """Fix the order of the columns; nothing is learnt from rows.

        Raises
        ------
        DataError
            If a column is missing, or none is asked for.
        """
        del y
        self.names_ = self.step().feature_names
        self.transform(X)
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
