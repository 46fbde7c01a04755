"""Which columns become features: the table's numbers and, where asked for, the bills on both tariffs."""

from __future__ import annotations

from collections.abc import Collection

from common_utils.feature_columns import ColumnFeatures, Formula
from telecom.columns import NUMBERS
from telecom.formulas import INPUTS

__all__ = ["usage_features"]


def usage_features(dropped: Collection[str], *, bills: bool) -> ColumnFeatures:
    """Return the first step of a pipeline, without the columns that are dropped and what is computed from them.

    Parameters
    ----------
    dropped : collection of str
        Column names, as `data.drop_columns`.
    bills : bool
        Whether bills and overage on both tariffs are features: they tell a linear model what trees find themselves.

    Examples
    --------
    >>> usage_features([], bills=False).numbers
    ('calls', 'minutes', 'messages', 'mb_used')
    >>> [formula.name for formula in usage_features(["messages", "mb_used"], bills=True).formulas]
    ['smart_minutes_overage']
    """
    numbers = tuple(name for name in NUMBERS if name not in dropped)
    computed = tuple(
        Formula(function.__name__, inputs, function)
        for function, inputs in INPUTS.items()
        if bills and not set(inputs) & set(dropped)
    )
    return ColumnFeatures(numbers, {}, computed)
