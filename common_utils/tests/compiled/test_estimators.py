"""Linear models, encoders, calibration and means, compiled: what scikit-learn answers, to the last digits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from tests.compiled.cases import assert_same, classes, columns_of, hgb, logistic, ordinal, people

from common_utils.compiled import CompiledModel, CompiledScorer
from common_utils.compiled.export.pipeline import compile_node, compile_pipeline
from common_utils.errors import ArtifactError, CompileError, DataError


@pytest.mark.parametrize("k", [2, 3, 7])
def test_linear_models_behind_imputer_and_scaler(k: int) -> None:
    frame = people()
    assert_same(ordinal(logistic()).fit(frame, classes(frame, k)), frame)


@pytest.mark.parametrize("kind", [LinearRegression, Ridge, Lasso, ElasticNet])
def test_linear_regressors(kind: Any) -> None:
    frame = people(missing=False)
    model = ordinal(kind()).fit(frame, frame["age"] * 300 + frame["balance"])
    assert assert_same(model, frame).classes == ("prediction",)


def test_a_scaler_without_mean_or_spread_changes_nothing() -> None:
    frame = people(missing=False)
    scaler = StandardScaler(with_mean=False, with_std=False)
    assert_same(ordinal(make_pipeline(scaler, LinearRegression())).fit(frame, frame["age"]), frame)


def test_a_linear_model_refuses_a_missing_feature() -> None:
    frame = people(missing=False)
    scorer = assert_same(ordinal(LinearRegression()).fit(frame, frame["age"]), frame)
    with pytest.raises(DataError, match=r"missing or infinite.*train with an imputer"):
        scorer.score_one({"city": "Rome", "age": None, "balance": 3.0})


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("ensemble", [True, False])
def test_calibration_of_forest_and_linear_model(k: int, method: str, ensemble: bool) -> None:
    frame = people(400)
    for inner in (hgb(), logistic()):
        model = CalibratedClassifierCV(inner, method=method, cv=3, ensemble=ensemble)
        assert_same(ordinal(model).fit(frame, classes(frame, k)), people(300, seed=1))


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_calibration_on_probabilities(k: int, method: str) -> None:
    frame = people(400)
    voting = VotingClassifier([("a", hgb()), ("b", hgb(l2_regularization=3.0))], voting="soft")
    model = ordinal(CalibratedClassifierCV(voting, method=method, cv=3)).fit(frame, classes(frame, k))
    assert_same(model, people(300, seed=1))


def test_calibration_of_a_frozen_model() -> None:
    frame = people(400)
    encoders = ColumnTransformer([("city", OrdinalEncoder(), ["city"])], remainder="passthrough").fit(frame)
    X, y = encoders.transform(frame), classes(frame, 2)
    inner = hgb().fit(X[:200], y[:200])
    model = Pipeline(
        [("encode", encoders), ("model", CalibratedClassifierCV(FrozenEstimator(inner)).fit(X[200:], y[200:]))]
    )
    assert_same(model, frame)
    assert compile_node(FrozenEstimator(inner)).n_outputs == 2


def test_isotonic_says_zero_for_every_class_and_none_is_preferred() -> None:
    from common_utils.compiled.calibration import CalibratedNode
    from common_utils.compiled.nodes import LinearNode

    child = LinearNode(np.eye(3), np.zeros(3), "identity")
    steps = np.array([[0.0, 1.0], [0.0, 1.0]])
    node = CalibratedNode((child,), "isotonic", "decision", 3, (steps, steps, steps))
    assert node.row(np.array([-1.0, 0.0, -5.0])).tolist() == [1 / 3] * 3
    assert node.row(np.array([0.5, 0.25, 0.25])).tolist() == [0.5, 0.25, 0.25]


@pytest.mark.parametrize("weights", [None, [3.0, 1.0]])
def test_means_of_classifiers_and_regressors(weights: list[float] | None) -> None:
    frame = people()
    members = [("forest", hgb()), ("linear", logistic())]
    model = ordinal(VotingClassifier(members, voting="soft", weights=weights)).fit(frame, classes(frame, 3))
    assert_same(model, frame)
    two = [("a", HistGradientBoostingRegressor(max_iter=3)), ("b", make_pipeline(SimpleImputer(), Ridge()))]
    assert_same(ordinal(VotingRegressor(two, weights=weights)).fit(frame, frame["age"]), frame)


@pytest.mark.parametrize(("func", "inverse"), [(np.log, np.exp), (np.log1p, np.expm1)])
def test_a_logarithmic_target_comes_back_in_its_own_unit(func: Any, inverse: Any) -> None:
    frame = people()
    inner = HistGradientBoostingRegressor(max_iter=3)
    for regressor in (inner, make_pipeline(SimpleImputer(), Ridge())):
        model = TransformedTargetRegressor(regressor, func=func, inverse_func=inverse)
        assert_same(ordinal(model).fit(frame, frame["age"] * 100), frame)


@settings(max_examples=20, deadline=None)
@given(
    known=st.lists(st.sampled_from(["a", "b", "c", None, np.nan]), min_size=2, max_size=12),
    asked=st.lists(st.sampled_from(["a", "b", "c", "new", None, np.nan]), min_size=1, max_size=8),
    coded_missing=st.sampled_from([np.nan, -2.0]),
)
def test_ordinal_and_onehot_codes_are_the_encoders_own(
    known: list[Any], asked: list[Any], coded_missing: float
) -> None:
    if None in known and any(v is not None and v != v for v in known):
        known = [None if v != v else v for v in known]
    fit_on = pd.DataFrame({"x": pd.Series(known, dtype=object)})
    rows = pd.DataFrame({"x": pd.Series(asked, dtype=object)})
    # For the encoder None and NaN are two things; for us both are missing.
    stored_none = None in known
    asked_there = [(None if stored_none else np.nan) if v is None or v != v else v for v in asked]
    same = pd.DataFrame({"x": pd.Series(asked_there, dtype=object)})
    for encoder in (
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=coded_missing),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    ):
        transformer = ColumnTransformer([("x", encoder, ["x"])]).fit(fit_on)
        expected = transformer.transform(same)
        model = Pipeline([("encode", transformer), ("model", LinearRegression())])
        model.named_steps["model"].fit(np.zeros((2, expected.shape[1])), np.zeros(2))
        ours = compile_pipeline(model)
        again = CompiledModel.read(*ours.files())
        assert again.encoder is not None
        np.testing.assert_array_equal(again.encoder.rows(columns_of(rows)), expected)


def test_unknown_categories_are_refused_where_the_encoder_refuses_them() -> None:
    frame = people()
    model = ordinal(hgb(), handle_unknown="error", unknown_value=None).fit(frame, classes(frame, 2))
    scorer = assert_same(model, frame)
    with pytest.raises(DataError, match=r"column 'city': a category that was not there in training") as caught:
        scorer.score_one({"city": "Atlantis", "age": 3, "balance": 1})
    assert "Atlantis" not in str(caught.value)
    with pytest.raises(DataError, match=r"column 'age' holds text") as caught:
        scorer.score_one({"city": "Rome", "age": "secret", "balance": 1})
    assert "secret" not in str(caught.value)
    with pytest.raises(DataError, match=r"Missing column\(s\) \['balance'\]"):
        scorer.score_one({"city": "Rome", "age": 3})


def test_one_hot_columns_and_dropped_ones() -> None:
    frame = people()
    encoders = ColumnTransformer(
        [("city", OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["city"]), ("age", "passthrough", [1])]
    )
    model = make_pipeline(encoders, LogisticRegression(max_iter=1000)).fit(frame, classes(frame, 2))
    scorer = assert_same(model, frame)
    assert scorer.model.feature_names == ("city=0", "city=1", "city=2", "age")
    scorer.score_one({"city": "Atlantis", "age": 3})


class Rows(FunctionTransformer):
    """A project's own formulas: age in decades."""

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        return np.array(["decades"], dtype=object)


class Decades:
    """The same formulas on a server."""

    fingerprint = "decades/1"
    feature_names = ("unused", "decades")

    def __call__(self, columns: Any) -> Any:
        age = np.asarray(columns["age"], dtype=np.float64)
        return np.column_stack([np.zeros(len(age)), age / 10])


def with_own_formulas() -> tuple[Pipeline, pd.DataFrame]:
    frame = people()
    own = Rows(lambda X: X[["age"]].to_numpy() / 10)
    return Pipeline([("features", own), ("model", hgb())]).fit(frame, classes(frame, 2)), frame


def test_own_formulas_are_passed_in_and_their_columns_chosen_by_name() -> None:
    model, frame = with_own_formulas()
    compiled = CompiledModel.read(*compile_pipeline(model, features=Decades()).files())
    scorer = CompiledScorer(compiled, Decades())
    assert np.abs(scorer.score(columns_of(frame)) - model.predict_proba(frame)).max() <= 1e-12
    with pytest.raises(DataError, match="takes columns; use `score`"):
        scorer.score_one({"age": 3})


def test_other_formulas_than_those_of_training_are_refused() -> None:
    model, _ = with_own_formulas()
    compiled = compile_pipeline(model, features=Decades())
    other, poor = Decades(), Decades()
    other.fingerprint = "decades/2"
    poor.feature_names = ("unused",)
    with pytest.raises(ArtifactError, match=r"trained with the formulas 'decades/1', opened with 'decades/2'"):
        CompiledScorer(compiled, other)
    with pytest.raises(ArtifactError, match=r"the formulas make no \['decades'\]"):
        CompiledScorer(compiled, poor)
    with pytest.raises(ArtifactError, match="open it with `features=`"):
        CompiledScorer(compiled)
    with pytest.raises(CompileError, match="give `features=` exactly where"):
        compile_pipeline(model)


class Named:
    """Formulas that give columns, for encoders after them."""

    fingerprint = "named/1"
    feature_names = ("city", "age", "balance")

    def __call__(self, columns: Any) -> Any:
        return columns


def test_own_formulas_may_give_columns_for_encoders() -> None:
    frame = people()
    encoders = ColumnTransformer([("city", OrdinalEncoder(), ["city"])], remainder="passthrough")
    own = FunctionTransformer(feature_names_out="one-to-one")
    model = Pipeline([("features", own), ("encode", encoders), ("model", hgb())]).fit(frame, classes(frame, 2))
    compiled = CompiledModel.read(*compile_pipeline(model, features=Named()).files())
    found = CompiledScorer(compiled, Named()).score(columns_of(frame))
    assert np.abs(found - model.predict_proba(frame)).max() <= 1e-12

    class Matrix(Named):
        def __call__(self, columns: Any) -> Any:
            return np.zeros((1, 3))

    with pytest.raises(ArtifactError, match="formulas and the model's encoders do not fit"):
        CompiledScorer(compiled, Matrix()).score(columns_of(frame))
