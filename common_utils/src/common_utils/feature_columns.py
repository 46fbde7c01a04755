"""Named columns to a feature matrix, the same way for a table and for one record.

The formulas are NumPy functions over columns, written once in a project's `formulas.py`. pandas is not imported: a
service that opens a fitted pipeline needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from common_utils.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ColumnFeatures", "Formula", "table_columns"]

FloatArray = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Formula:
    """A feature that is computed from others.

    Attributes
    ----------
    name : str
    inputs : sequence of str
        Columns, numbers or categories (then as codes), in the order of the function's arguments.
    function : callable
        Takes float64 arrays of shape (n,), returns one. A module's own function, so that it can be pickled.

    Examples
    --------
    >>> Formula("per_product", ("Balance", "NumOfProducts"), np.divide).inputs
    ('Balance', 'NumOfProducts')
    """

    name: str
    inputs: Sequence[str]
    function: Callable[..., FloatArray]


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
    """Numbers, categories as codes or as indicators, and formulas: one float64 matrix.

    Parameters
    ----------
    numbers : sequence of str
        Numeric columns; a missing value is NaN.
    categories : mapping of str to sequence of str
        Text columns and the values that have a code, 0, 1, …; any other value, and a missing one, is NaN.
    formulas : sequence of Formula
        Those whose inputs are not all there (in `numbers` or `categories`) are left out.
    indicators : bool
        Whether categories become one 0/1 column per value instead of one column of codes, for linear models.

    Attributes
    ----------
    names_ : tuple of str
        The matrix's columns.

    Examples
    --------
    >>> step = ColumnFeatures(["minutes"], {"plan": ["smart", "ultra"]})
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
    ) -> None:
        self.numbers = numbers
        self.categories = categories
        self.formulas = formulas
        self.indicators = indicators

    def fit(self, X: pd.DataFrame | Columns, y: object = None) -> ColumnFeatures:
        """Fix the order of the columns; nothing is learnt from rows.

        Raises
        ------
        DataError
            If a column is missing, or none is asked for.
        """
        del y
        names = list(self.numbers)
        for name, values in (self.categories or {}).items():
            names += [f"{name}={value}" for value in values] if self.indicators else [name]
        names += [formula.name for formula in self._usable()]
        if not names:
            raise DataError("features: no column is left; take some out of `data.drop_columns`.")
        self.names_ = tuple(names)
        self.transform(X)
        return self

    def transform(self, X: pd.DataFrame | Columns) -> FloatArray:
        """Return the matrix, float64 of shape (n, len(names_)); columns are found by name.

        Raises
        ------
        DataError
            If a column is missing or a number's column holds something else.
        """
        check_is_fitted(self)
        columns = X if isinstance(X, Mapping) else table_columns(X)
        values = {name: _numbers(columns, name) for name in self.numbers}
        parts = list(values.values())
        for name, known in (self.categories or {}).items():
            codes = _codes(columns, name, known)
            values[name] = codes
            parts += [(codes == code).astype(np.float64) for code in range(len(known))] if self.indicators else [codes]
        parts += [formula.function(*(values[name] for name in formula.inputs)) for formula in self._usable()]
        return np.column_stack(parts)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return the names of the matrix's columns, as scikit-learn asks for them."""
        del input_features
        check_is_fitted(self)
        return np.array(self.names_, dtype=object)

    def _usable(self) -> list[Formula]:
        there = {*self.numbers, *(self.categories or {})}
        return [formula for formula in self.formulas if there.issuperset(formula.inputs)]


def _column(columns: Columns, name: str) -> NDArray[Any]:
    if name not in columns:
        raise DataError(f"features: column {name!r} is missing; found {sorted(columns)[:5]}. Bring it, or drop it.")
    return np.asarray(columns[name])


def _numbers(columns: Columns, name: str) -> FloatArray:
    try:
        return _column(columns, name).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"features: column {name!r} holds something else than numbers.") from error


def _codes(columns: Columns, name: str, known: Sequence[str]) -> FloatArray:
    values = _column(columns, name)
    codes = np.full(len(values), np.nan)
    for code, value in enumerate(known):
        codes[values == value] = code
    return codes
