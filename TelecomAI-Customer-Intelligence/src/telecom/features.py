"""Which columns become features: the table's numbers and, where asked for, the bills on both tariffs."""

from __future__ import annotations

from collections.abc import Collection

from common_utils.table_project.column_step import ColumnStep, Formula
from telecom.columns import NUMBERS
from telecom.config import TelecomConfig
from telecom.formulas import INPUTS

__all__ = ["shipped_step", "usage_step"]


def usage_step(dropped: Collection[str], *, bills: bool) -> ColumnStep:
    """Return what makes the features, without the columns that are dropped and what is computed from them.

    Parameters
    ----------
    dropped : collection of str
        Column names, as `data.drop_columns`.
    bills : bool
        Whether bills and overage on both tariffs are features: they tell a linear model what trees find themselves.

    Examples
    --------
    >>> usage_step([], bills=False).feature_names
    ('calls', 'minutes', 'messages', 'mb_used')
    >>> usage_step(["messages", "mb_used"], bills=True).feature_names
    ('calls', 'minutes', 'smart_minutes_overage')
    """
    numbers = tuple(name for name in NUMBERS if name not in dropped)
    computed = tuple(Formula(function.__name__, inputs, function) for function, inputs in INPUTS.items() if bills)
    return ColumnStep(numbers, formulas=computed)


def shipped_step(config: TelecomConfig, *, bills: bool | None = None) -> ColumnStep:
    """Return what makes the features of the shipped model; the service opens it with the same.

    Parameters
    ----------
    config : TelecomConfig
    bills : bool, optional
        Instead of `model.bills`.
    """
    return usage_step(config.data.drop_columns, bills=config.model.bills if bills is None else bills)
