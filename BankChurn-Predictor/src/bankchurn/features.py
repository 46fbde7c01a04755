"""Which columns become features: the numbers and codes of the table, and the formulas over them."""

from __future__ import annotations

from collections.abc import Collection

from bankchurn.columns import CATEGORIES, NUMBERS
from bankchurn.formulas import INPUTS
from common_utils.feature_columns import ColumnFeatures, Formula

__all__ = ["churn_features"]


def churn_features(dropped: Collection[str], *, indicators: bool = False) -> ColumnFeatures:
    """Return the first step of a pipeline, without the columns that are dropped and what is computed from them.

    Parameters
    ----------
    dropped : collection of str
        Column names, as `data.drop_columns`.
    indicators : bool
        As `common_utils.feature_columns.ColumnFeatures`.

    Examples
    --------
    >>> step = churn_features(["Gender", "Geography"])
    >>> len(step.categories), "male_age" in [formula.name for formula in step.formulas]
    (0, False)
    """
    numbers = tuple(name for name in NUMBERS if name not in dropped)
    categories = {name: values for name, values in CATEGORIES.items() if name not in dropped}
    computed = tuple(
        Formula(function.__name__, inputs, function)
        for function, inputs in INPUTS.items()
        if not set(inputs) & set(dropped)
    )
    return ColumnFeatures(numbers, categories, computed, indicators=indicators)
