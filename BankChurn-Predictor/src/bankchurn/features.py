"""Which columns become features: the numbers and codes of the table, and the formulas over them."""

from __future__ import annotations

from collections.abc import Collection

from bankchurn.columns import CATEGORIES, NUMBERS
from bankchurn.config import BankChurnConfig
from bankchurn.formulas import INPUTS
from common_utils.table_project.column_step import ColumnStep, Formula

__all__ = ["churn_step", "shipped_step"]


def churn_step(dropped: Collection[str], *, indicators: bool = False) -> ColumnStep:
    """Return what makes the features, without the columns that are dropped and what is computed from them.

    Parameters
    ----------
    dropped : collection of str
        Column names, as `data.drop_columns`.
    indicators : bool
        As `common_utils.table_project.column_step.ColumnStep`.

    Examples
    --------
    >>> step = churn_step(["Gender", "Geography"])
    >>> len(step.categories), "male_age" in step.feature_names
    (0, False)
    """
    numbers = tuple(name for name in NUMBERS if name not in dropped)
    categories = {name: values for name, values in CATEGORIES.items() if name not in dropped}
    computed = tuple(Formula(function.__name__, inputs, function) for function, inputs in INPUTS.items())
    return ColumnStep(numbers, categories, computed, indicators)


def shipped_step(config: BankChurnConfig, *, without: Collection[str] = ()) -> ColumnStep:
    """Return what makes the features of the shipped model; the service opens it with the same.

    Parameters
    ----------
    config : BankChurnConfig
    without : collection of str
        Columns left out besides those of the settings.
    """
    return churn_step({*config.data.drop_columns, *config.model.left_out, *without})
