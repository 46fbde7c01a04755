"""Promises every model keeps; each project's tests run all of them on its own estimators.

A check gets a `ModelCase` and raises AssertionError with what differed. Use it as
`@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda check: check.__name__)`.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

from common_utils.errors import NotReadyError

__all__ = [
    "ALL_CHECKS",
    "ModelCase",
    "check_batch_equals_rows",
    "check_column_order_does_not_matter",
    "check_input_untouched",
    "check_refuses_unfitted",
    "check_same_seed_same_answer",
    "check_save_and_load_changes_nothing",
]

Table = pd.DataFrame | NDArray[Any]

_ROWS_ALONE = 20
# Matrix products add up in another order for one row than for many: a few units in the last place, never more.
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class ModelCase:
    """A model and the data to try it on.

    Attributes
    ----------
    make : callable
        Returns a new, unfitted estimator, every time with the same settings and seed.
    X : DataFrame or array of shape (n, m), n >= 2
        Training table.
    y : Series or array of shape (n,)
        Target.
    predict : callable
        `predict(model, X)` returns an array with n rows, for example probabilities. Default: its own `predict(X)`.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> case = ModelCase(DummyClassifier, np.zeros((4, 1)), np.array([0, 1, 1, 1]))
    >>> for check in ALL_CHECKS:
    ...     check(case)
    """

    make: Callable[[], Any]
    X: Table
    y: pd.Series | NDArray[Any]
    predict: Callable[[Any, Any], Any] = lambda model, X: model.predict(X)

    def fitted(self) -> Any:
        """Return a new estimator fitted on copies of the data."""
        model = self.make()
        model.fit(self.X.copy(), self.y.copy())
        return model

    def answer(self, model: Any, X: Table) -> NDArray[Any]:
        """Return the model's answer for a table, as an array."""
        return np.asarray(self.predict(model, X))


def check_input_untouched(case: ModelCase) -> None:
    """Promise that neither fit nor predict changes the caller's table or target.

    Raises
    ------
    AssertionError
        Naming the call that changed them.
    """
    X, y = case.X.copy(), case.y.copy()
    model = case.make()
    model.fit(X, y)
    _assert_untouched("fit", X, case.X)
    _assert_untouched("fit", y, case.y)
    case.answer(model, X)
    _assert_untouched("predict", X, case.X)


def check_batch_equals_rows(case: ModelCase) -> None:
    """Promise that a row gets the same answer alone, among others and in any order.

    Raises
    ------
    AssertionError
        Naming the first row that differs; at most 20 rows are tried.
    """
    model = case.fitted()
    batch = case.answer(model, case.X)
    if len(batch) != len(case.X):
        raise AssertionError(f"predict gave {len(batch)} answers for {len(case.X)} rows")
    for row in range(min(_ROWS_ALONE, len(batch))):
        alone = case.answer(model, _rows(case.X, slice(row, row + 1)))
        _assert_equal(alone, batch[row : row + 1], f"row {row} alone and in a batch", tolerance=_TOLERANCE)
    backwards = case.answer(model, _rows(case.X, slice(None, None, -1)))
    _assert_equal(backwards[::-1], batch, "rows in the opposite order", tolerance=_TOLERANCE)


def check_same_seed_same_answer(case: ModelCase) -> None:
    """Promise that models made and fitted alike answer alike, to the last bit, and a model twice the same.

    Raises
    ------
    AssertionError
        Naming the first row that differs.
    """
    one, two = case.fitted(), case.fitted()
    answer = case.answer(one, case.X)
    _assert_equal(case.answer(two, case.X), answer, "two models with the same seed")
    _assert_equal(case.answer(one, case.X), answer, "the same model asked twice")


def check_save_and_load_changes_nothing(case: ModelCase) -> None:
    """Promise that a model saved and loaded with joblib answers as before, to the last bit.

    Raises
    ------
    AssertionError
        Naming the first row that differs.
    """
    model = case.fitted()
    before = case.answer(model, case.X)
    stream = io.BytesIO()
    joblib.dump(model, stream)
    stream.seek(0)
    loaded = joblib.load(stream)  # what was written two lines above
    _assert_equal(case.answer(loaded, case.X), before, "the model before saving and after loading")


def check_column_order_does_not_matter(case: ModelCase) -> None:
    """Promise that the order of columns does not matter; an array has no names, so nothing is asked of it.

    Raises
    ------
    AssertionError
        Naming the first row that differs, or the error raised.
    """
    if not isinstance(case.X, pd.DataFrame):
        return
    model = case.fitted()
    try:
        turned = case.answer(model, case.X[case.X.columns[::-1]])
    except (KeyError, ValueError) as error:
        raise AssertionError(f"columns in the opposite order are refused: {error}") from error
    _assert_equal(turned, case.answer(model, case.X), "columns in the opposite order")


def check_refuses_unfitted(case: ModelCase) -> None:
    """Promise that a model that was not fitted says so, with NotFittedError or NotReadyError.

    Raises
    ------
    AssertionError
        If it answers, or fails with another error.
    """
    try:
        case.answer(case.make(), case.X)
    except (NotFittedError, NotReadyError):
        return
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise AssertionError(f"an unfitted model raises {type(error).__name__}, not NotFittedError") from error
    raise AssertionError("an unfitted model answers")


ALL_CHECKS: tuple[Callable[[ModelCase], None], ...] = (
    check_input_untouched,
    check_batch_equals_rows,
    check_same_seed_same_answer,
    check_save_and_load_changes_nothing,
    check_column_order_does_not_matter,
    check_refuses_unfitted,
)


def _rows(table: Table, rows: slice) -> Table:
    return table.iloc[rows] if isinstance(table, pd.DataFrame) else table[rows]


def _assert_untouched(call: str, now: Any, before: Any) -> None:
    if isinstance(before, pd.DataFrame):
        same = now.equals(before) and now.columns.equals(before.columns) and now.index.equals(before.index)
        same = same and list(now.dtypes) == list(before.dtypes)
    elif isinstance(before, pd.Series):
        same = now.equals(before) and now.index.equals(before.index) and now.dtype == before.dtype
    else:
        same = _same(np.asarray(now), np.asarray(before)).all()
    if not same:
        raise AssertionError(f"{call} changed the {type(before).__name__} it was given")


def _assert_equal(found: NDArray[Any], expected: NDArray[Any], what: str, *, tolerance: float = 0.0) -> None:
    if found.shape != expected.shape:
        raise AssertionError(f"{what}: answers of shape {found.shape} and {expected.shape}")
    wrong = np.flatnonzero(~_same(found, expected, tolerance).reshape(len(expected), -1).all(axis=1))
    if wrong.size:
        row = int(wrong[0])
        raise AssertionError(
            f"{what}: {wrong.size} of {len(expected)} answers differ, first in row {row}: "
            f"{found[row]!r} and {expected[row]!r}"
        )


def _same(found: NDArray[Any], expected: NDArray[Any], tolerance: float = 0.0) -> NDArray[np.bool_]:
    if np.issubdtype(found.dtype, np.number) and np.issubdtype(expected.dtype, np.number):
        return np.isclose(found, expected, rtol=tolerance, atol=tolerance, equal_nan=True)
    return np.asarray(found == expected)
