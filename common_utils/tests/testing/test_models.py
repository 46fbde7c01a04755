from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.validation import check_is_fitted

from common_utils.errors import NotReadyError
from common_utils.testing import models as contracts
from common_utils.testing.models import (
    ALL_CHECKS,
    ModelCase,
    check_batch_equals_rows,
    check_column_order_does_not_matter,
    check_input_untouched,
    check_refuses_unfitted,
    check_same_seed_same_answer,
    check_save_and_load_changes_nothing,
)

RNG = np.random.default_rng(0)
X = pd.DataFrame(
    {"minutes": RNG.gamma(2, 100, 60), "megabytes": RNG.gamma(2, 5000, 60), "plan": ["smart", "ultra"] * 30}
)
Y = pd.Series((X["minutes"] > 200).to_numpy(), name="leaves")


class Mean(BaseEstimator):
    """Answers each row with a weighted sum learnt from nothing but the mean; keeps every promise."""

    def fit(self, X: pd.DataFrame, y: pd.Series) -> Mean:
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        check_is_fitted(self)
        return self.mean_ + np.asarray(X["minutes"])


class AddsAColumn(Mean):
    def fit(self, X: pd.DataFrame, y: pd.Series) -> Mean:
        X["extra"] = 1
        return super().fit(X, y)


class ChangesTheTarget(Mean):
    def fit(self, X: pd.DataFrame, y: pd.Series) -> Mean:
        y.iloc[0] = not y.iloc[0]
        return super().fit(X, y)


class ChangesWhenAsked(Mean):
    def predict(self, X: pd.DataFrame) -> np.ndarray:
        answer = super().predict(X)
        X["minutes"] = 0.0
        return answer


class RanksWithinTheBatch(Mean):
    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return super().predict(X) - X["minutes"].mean()


class RemembersPosition(Mean):
    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return super().predict(X) + (np.arange(len(X)) >= 20)


class ForgetsARow(Mean):
    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return super().predict(X)[1:]


class FitsAtRandom(Mean):
    def fit(self, X: pd.DataFrame, y: pd.Series) -> Mean:
        super().fit(X, y)
        self.mean_ += np.random.default_rng().normal()
        return self


class AnswersAtRandom(Mean):
    def predict(self, X: pd.DataFrame) -> np.ndarray:
        answer = super().predict(X)
        self.calls_ = getattr(self, "calls_", 0) + 1
        return answer + (self.calls_ > 1)


class LosesState(Mean):
    def __getstate__(self) -> dict[str, Any]:
        return {"mean_": self.mean_ + 1e-6}


class TrustsPositions(Mean):
    def predict(self, X: pd.DataFrame) -> np.ndarray:
        check_is_fitted(self)
        return np.asarray(X.iloc[:, 0]) if isinstance(X.iloc[0, 0], float) else np.zeros(len(X))


class AnswersUnfitted(Mean):
    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return np.asarray(X["minutes"])


class StumblesUnfitted(Mean):
    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return self.mean_ + np.asarray(X["minutes"])


class NotReady(Mean):
    def predict(self, X: pd.DataFrame) -> np.ndarray:
        if not hasattr(self, "mean_"):
            raise NotReadyError("fit first")
        return super().predict(X)


def _proba(model: Any, X: Any) -> np.ndarray:
    return model.predict_proba(X)


def _pipeline() -> Any:
    columns = make_column_transformer((StandardScaler(), ["minutes", "megabytes"]), (OneHotEncoder(), ["plan"]))
    return make_pipeline(columns, LogisticRegression())


KEEPING = {
    "mean": ModelCase(Mean, X, Y),
    "not-ready": ModelCase(NotReady, X, Y),
    "pipeline": ModelCase(_pipeline, X, Y, _proba),
    "labels": ModelCase(_pipeline, X, Y.map({True: "leaves", False: "stays"})),
    "forest-on-arrays": ModelCase(
        lambda: RandomForestClassifier(5, random_state=0), X[["minutes", "megabytes"]].to_numpy(), Y.to_numpy(), _proba
    ),
}


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", KEEPING)
def test_a_model_that_keeps_its_promises_passes(name: str, check: Callable[[ModelCase], None]) -> None:
    check(KEEPING[name])


@pytest.mark.parametrize(
    ("make", "check", "match"),
    [
        pytest.param(AddsAColumn, check_input_untouched, "fit changed the DataFrame", id="adds-a-column"),
        pytest.param(ChangesTheTarget, check_input_untouched, "fit changed the Series", id="changes-target"),
        pytest.param(ChangesWhenAsked, check_input_untouched, "predict changed the DataFrame", id="changes-when-asked"),
        pytest.param(RanksWithinTheBatch, check_batch_equals_rows, "row 0 alone and in a batch: 1 of 1", id="ranks"),
        pytest.param(RemembersPosition, check_batch_equals_rows, "rows in the opposite order: 40 of 60", id="position"),
        pytest.param(ForgetsARow, check_batch_equals_rows, "59 answers for 60 rows", id="forgets-a-row"),
        pytest.param(FitsAtRandom, check_same_seed_same_answer, "two models with the same seed: 60 of 60", id="fit"),
        pytest.param(AnswersAtRandom, check_same_seed_same_answer, "the same model asked twice", id="answer"),
        pytest.param(LosesState, check_save_and_load_changes_nothing, "before saving and after loading", id="state"),
        pytest.param(TrustsPositions, check_column_order_does_not_matter, "columns in the opposite order", id="order"),
        pytest.param(AnswersUnfitted, check_refuses_unfitted, "an unfitted model answers", id="answers"),
        pytest.param(StumblesUnfitted, check_refuses_unfitted, "raises AttributeError, not NotFitted", id="stumbles"),
    ],
)
def test_a_broken_promise_is_seen_and_named(make: type[Mean], check: Callable[[ModelCase], None], match: str) -> None:
    with pytest.raises(AssertionError, match=match):
        check(ModelCase(make, X, Y))


def test_a_model_that_refuses_columns_in_another_order_breaks_the_promise() -> None:
    case = ModelCase(LogisticRegression, X[["minutes", "megabytes"]], Y)
    with pytest.raises(AssertionError, match="opposite order are refused: The feature names should match"):
        check_column_order_does_not_matter(case)


class ScalesInPlace(BaseEstimator):
    def fit(self, X: np.ndarray, y: np.ndarray) -> ScalesInPlace:
        X /= X.max()
        self.fitted_ = True
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        check_is_fitted(self)
        return X.sum(axis=1, keepdims=len(X) > 1)


def test_checks_work_on_arrays() -> None:
    case = ModelCase(ScalesInPlace, X[["minutes", "megabytes"]].to_numpy(), Y.to_numpy())
    with pytest.raises(AssertionError, match="fit changed the ndarray"):
        check_input_untouched(case)
    with pytest.raises(AssertionError, match=r"row 0 alone and in a batch: answers of shape \(1,\) and \(1, 1\)"):
        check_batch_equals_rows(case)


def test_the_case_itself_stays_as_it_was() -> None:
    before = X.copy()
    for check in ALL_CHECKS:
        with contextlib.suppress(AssertionError):
            check(ModelCase(AddsAColumn, X, Y))
    pd.testing.assert_frame_equal(X, before)


def test_all_checks_are_all_there_are() -> None:
    named = {name for name in contracts.__all__ if name.startswith("check_")}
    assert {check.__name__ for check in ALL_CHECKS} == named
