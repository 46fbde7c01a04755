"""Named columns to a feature matrix without scikit-learn or pandas: what a service computes before a compiled model.

`feature_columns.ColumnFeatures` calls the same object, so that training and service cannot drift apart; the fingerprint
lets a service refuse a model that was trained on other formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.bundle import fingerprint_bytes
from common_utils.errors import DataError
from common_utils.table_project.names import in_one_spelling, name_codes

__all__ = ["ColumnStep", "Formula"]

Columns = Mapping[str, NDArray[Any]]

_MADE_UP = np.array([0.0, 1.0, 2.0, 3.5, 17.0, 250.0])  # rows whose formulas enter the fingerprint
_PROBE_DECIMALS = 6  # sums in another order must not make another fingerprint


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
    knows : str
        A category whose values the function is given besides, as a tuple named `known`; empty: none.

    Examples
    --------
    >>> Formula("per_product", ("Balance", "NumOfProducts"), np.divide).inputs
    ('Balance', 'NumOfProducts')
    """

    name: str
    inputs: Sequence[str]
    function: Callable[..., FloatArray]
    knows: str = ""


@dataclass(frozen=True)
class ColumnStep:
    """Numbers, categories as codes or as indicators, and formulas: one float64 matrix.

    Attributes
    ----------
    numbers : sequence of str
        Numeric columns; a missing value is NaN.
    categories : mapping of str to sequence of str
        Text columns and the values that have a code, 0, 1, …; any other value, and a missing one, is NaN.
    formulas : sequence of Formula
        Those whose inputs are not all there (in `numbers` or `categories`) are left out.
    indicators : bool
        Whether categories become one 0/1 column per value instead of one column of codes, for linear models.
    filled : mapping of str to float
        Numbers whose empty field has a meaning, and which value that is: an empty `is_4wd` means 0.
    learnt : mapping of str to int
        Categories whose values training finds, with the rows a value needs to count. They are names: case, blanks and
        hyphens do not count (`names.folded`).

    Examples
    --------
    >>> step = ColumnStep(["minutes"], {"plan": ["smart", "ultra"]})
    >>> step.feature_names
    ('minutes', 'plan')
    >>> step({"minutes": np.array([4.0]), "plan": np.array(["gold"], dtype=object)}).tolist()
    [[4.0, nan]]
    """

    numbers: Sequence[str] = ()
    categories: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    formulas: Sequence[Formula] = ()
    indicators: bool = False
    filled: Mapping[str, float] = field(default_factory=dict[str, float])
    learnt: Mapping[str, int] = field(default_factory=dict[str, int])

    def with_values(self, values: Mapping[str, Sequence[str]]) -> ColumnStep:
        """Return the step with the values that training found for some categories."""
        return replace(self, categories={name: values.get(name, own) for name, own in self.categories.items()})

    @property
    def usable(self) -> tuple[Formula, ...]:
        """The formulas whose inputs are all there."""
        there = {*self.numbers, *self.categories}
        return tuple(formula for formula in self.formulas if there.issuperset(formula.inputs))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the matrix's columns."""
        names = list(self.numbers)
        for name, values in self.categories.items():
            names += [f"{name}={value}" for value in values] if self.indicators else [name]
        return (*names, *(formula.name for formula in self.usable))

    @property
    def fingerprint(self) -> str:
        """Sha256 of the columns, of what empty fields mean, and of what the formulas say of a few made-up rows."""
        numbers: dict[str, NDArray[Any]] = {name: np.roll(_MADE_UP, at) for at, name in enumerate(self.numbers)}
        texts = {
            name: np.resize(np.array(values or ("",), dtype=object), len(_MADE_UP))
            for name, values in self.categories.items()
        }
        with np.errstate(divide="ignore", invalid="ignore"):
            said = np.round(self({**numbers, **texts}), _PROBE_DECIMALS) + 0.0  # no -0
        known = [f"{name}: {', '.join(values)}" for name, values in self.categories.items()]
        known += [f"{name}: empty is {value!r}" for name, value in self.filled.items()]
        return fingerprint_bytes("\n".join([*self.feature_names, *known]).encode() + said.tobytes())

    def __call__(self, columns: Columns) -> FloatArray:
        """Return the matrix, float64 of shape (n, len(feature_names)); columns are found by name.

        Raises
        ------
        DataError
            If no column is asked for, one is missing, or a number's column holds something else.
        """
        values = {name: _numbers(columns, name) for name in self.numbers}
        for name, value in self.filled.items():
            values[name] = np.where(np.isnan(values[name]), value, values[name])
        parts = list(values.values())
        for name, known in self.categories.items():
            column = _column(columns, name)
            codes = name_codes(column, known) if name in self.learnt else _codes(column, known)
            values[name] = codes
            parts += [(codes == code).astype(np.float64) for code in range(len(known))] if self.indicators else [codes]
        parts += [self._computed(formula, values) for formula in self.usable]
        if not parts:
            raise DataError("features: no column is left; take some out of `data.drop_columns`.")
        return np.column_stack(parts)

    def watched(self, columns: Columns) -> dict[str, NDArray[Any]]:
        """Return the columns read, before any encoding, by the table's names: what monitoring counts.

        Parameters
        ----------
        columns : mapping of str to array of shape (n,)
            Others, and those that are not there, are left out. Names of things come in one spelling.

        Examples
        --------
        >>> step = ColumnStep(["odometer"], {"model": ()}, learnt={"model": 1})
        >>> cars = {"model": np.array(["FORD  F-150"], dtype=object), "odometer": np.array([3.0])}
        >>> {name: column.tolist() for name, column in step.watched({**cars, "price": np.array([9.0])}).items()}
        {'odometer': [3.0], 'model': ['ford f 150']}
        """
        there = {name: columns[name] for name in (*self.numbers, *self.categories) if name in columns}
        return in_one_spelling(there, self.learnt)

    def _computed(self, formula: Formula, values: Mapping[str, FloatArray]) -> FloatArray:
        inputs = [values[name] for name in formula.inputs]
        if not formula.knows:
            return formula.function(*inputs)
        return formula.function(*inputs, known=tuple(self.categories[formula.knows]))

    def by_column(self, parts: FloatArray) -> dict[str, float]:
        """Return what each column of the table adds to a score, from what each feature adds.

        Parameters
        ----------
        parts : float64 array of shape (len(feature_names),)
            What a formula adds is shared equally by the columns it is computed from.

        Returns
        -------
        dict of str to float
            By the names of `numbers` and `categories`, in their order; the sum is that of the parts.

        Examples
        --------
        >>> step = ColumnStep(["a", "b"], formulas=[Formula("product", ("a", "b"), np.multiply)])
        >>> step.by_column(np.array([1.0, 2.0, 0.5]))
        {'a': 1.25, 'b': 2.25}
        """
        left = iter(parts.tolist())
        own = {name: next(left) for name in self.numbers}
        for name, values in self.categories.items():
            own[name] = sum(next(left) for _ in values) if self.indicators else next(left)
        for formula in self.usable:
            amount = next(left) / len(formula.inputs)
            for name in formula.inputs:
                own[name] += amount
        return own


def _column(columns: Columns, name: str) -> NDArray[Any]:
    if name not in columns:
        raise DataError(f"features: column {name!r} is missing; found {sorted(columns)[:5]}. Bring it, or drop it.")
    return np.asarray(columns[name])


def _numbers(columns: Columns, name: str) -> FloatArray:
    try:
        return _column(columns, name).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"features: column {name!r} holds something else than numbers.") from error


def _codes(values: NDArray[Any], known: Sequence[str]) -> FloatArray:
    codes = np.full(len(values), np.nan)
    for code, value in enumerate(known):
        codes[values == value] = code
    return codes
