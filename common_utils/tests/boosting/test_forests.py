"""Forests as arrays answer as the library that grew them, to the last few bits, and explain what adds up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.boosting.forests import forest_contributions, forest_of, forest_scores, mean_forest
from common_utils.errors import CompileError

RNG = np.random.default_rng(0)
MATRIX = np.column_stack([RNG.normal(size=400), RNG.integers(0, 4, 400), RNG.uniform(0, 1e5, 400)]).astype(float)
MATRIX[::7, 0] = np.nan
LOG_ODDS = np.nan_to_num(MATRIX[:, 0]) + (MATRIX[:, 1] == 2) - MATRIX[:, 2] / 1e5
Y = (RNG.random(400) < 1 / (1 + np.exp(-LOG_ODDS))).astype(int)


def _catboost(**given: Any) -> Any:
    from catboost import CatBoostClassifier

    return CatBoostClassifier(iterations=20, depth=4, verbose=False, allow_writing_files=False, thread_count=1, **given)


def _lightgbm() -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=20, num_leaves=15, min_child_samples=5, n_jobs=1, verbose=-1)


def _hist() -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=15, min_samples_leaf=5)


def _raw(model: Any, matrix: np.ndarray) -> np.ndarray:
    name = type(model).__name__
    if name.startswith("CatBoost"):
        return np.asarray(model.predict(matrix, prediction_type="RawFormulaVal"))
    if name.startswith("LGBM"):
        return np.asarray(model.predict(matrix, raw_score=True))
    return np.asarray(model.decision_function(matrix) if hasattr(model, "decision_function") else model.predict(matrix))


BUILDERS = [_catboost, _lightgbm, _hist]
FITTED = {build.__name__: build().fit(MATRIX, Y) for build in BUILDERS}


def _edges(forest: Any) -> np.ndarray:
    """Rows at and beside every threshold, missing values and extremes."""
    rows = []
    inner = forest.left != np.arange(len(forest.left))
    for column in range(MATRIX.shape[1]):
        at = forest.threshold[inner & (forest.feature == column)]
        values = np.concatenate([at, np.nextafter(at, np.inf), np.nextafter(at, -np.inf), [np.nan, 1e30, -1e30, 0.0]])
        block = np.tile(MATRIX[1], (len(values), 1))
        block[:, column] = values
        rows.append(block)
    return np.concatenate(rows)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("name", FITTED)
def test_arrays_score_as_the_library_at_every_threshold(name: str) -> None:
    model = FITTED[name]
    forest = forest_of(model)
    rows = np.concatenate([MATRIX, _edges(forest)])
    np.testing.assert_allclose(forest_scores(forest, rows), _raw(model, rows), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", FITTED)
def test_contributions_and_average_add_up_to_the_score(name: str) -> None:
    forest = forest_of(FITTED[name])
    parts = forest_contributions(forest, MATRIX)
    np.testing.assert_allclose(forest.average + parts.sum(axis=1), forest_scores(forest, MATRIX), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", FITTED)
def test_the_average_is_the_mean_score_of_the_training_rows(name: str) -> None:
    forest = forest_of(FITTED[name])
    assert forest.average == pytest.approx(forest_scores(forest, MATRIX).mean(), abs=0.02)


def test_a_column_no_tree_looks_at_contributes_nothing() -> None:
    matrix = np.column_stack([MATRIX, np.zeros(len(MATRIX))])
    parts = forest_contributions(forest_of(_hist().fit(matrix, Y)), matrix)
    assert not parts[:, 3].any()


def test_the_mean_of_forests_scores_the_mean() -> None:
    forests = [forest_of(model) for model in FITTED.values()]
    expected = np.mean([forest_scores(forest, MATRIX) for forest in forests], axis=0)
    mean = mean_forest(forests)
    np.testing.assert_allclose(forest_scores(mean, MATRIX), expected, rtol=0, atol=1e-12)
    assert mean.average == pytest.approx(np.mean([forest.average for forest in forests]))
    assert mean.leaves <= 16


def test_regressors_are_kept_as_well() -> None:
    from catboost import CatBoostRegressor
    from lightgbm import LGBMRegressor
    from sklearn.ensemble import HistGradientBoostingRegressor

    for model in (
        CatBoostRegressor(iterations=10, depth=3, verbose=False, allow_writing_files=False, thread_count=1),
        LGBMRegressor(n_estimators=10, n_jobs=1, verbose=-1),
        HistGradientBoostingRegressor(max_iter=10),
    ):
        model.fit(MATRIX, LOG_ODDS)
        scores = forest_scores(forest_of(model), MATRIX)
        expected = model.predict(MATRIX) if "LGBM" not in type(model).__name__ else model.booster_.predict(MATRIX)
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


def test_many_rows_are_walked_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    forest = forest_of(FITTED["_hist"])
    whole, parts = forest_scores(forest, MATRIX), forest_contributions(forest, MATRIX)
    monkeypatch.setattr("common_utils.boosting.forests._CELLS", 100)
    np.testing.assert_array_equal(forest_scores(forest, MATRIX), whole)
    np.testing.assert_array_equal(forest_contributions(forest, MATRIX), parts)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(1, 6), st.sampled_from(["catboost", "hist"]))
def test_any_forest_scores_and_adds_up(seed: int, depth: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.choice([np.nan, 0.0, 1.0, 2.5, 1e6], size=(80, 3)) + rng.normal(size=(80, 3)).round(1)
    y = (rng.random(80) < 0.5).astype(int)
    y[:2] = 0, 1
    if kind == "hist":
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=2**depth, min_samples_leaf=2)
    else:
        from catboost import CatBoostClassifier

        model = CatBoostClassifier(
            iterations=3, depth=depth, random_seed=1, verbose=False, allow_writing_files=False, thread_count=1
        )
    model.fit(matrix, y)
    forest = forest_of(model)
    scores = forest_scores(forest, matrix)
    np.testing.assert_allclose(scores, _raw(model, matrix), rtol=0, atol=1e-12)
    np.testing.assert_allclose(forest.average + forest_contributions(forest, matrix).sum(axis=1), scores, atol=1e-12)


def test_what_cannot_be_kept_is_refused_by_name() -> None:
    from catboost import CatBoostClassifier
    from lightgbm import LGBMClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    codes = MATRIX[:, [1]].astype(int)
    three = np.arange(len(Y)) % 3
    quiet = {"verbose": False, "allow_writing_files": False, "thread_count": 1, "iterations": 3}
    with pytest.raises(CompileError, match="LogisticRegression cannot be kept as arrays"):
        forest_of(LogisticRegression().fit(codes, Y))
    with pytest.raises(CompileError, match=r"catboost: \['categorical_features'\] cannot"):
        forest_of(CatBoostClassifier(cat_features=[0], one_hot_max_size=10, **quiet).fit(codes, Y))
    with pytest.raises(CompileError, match="catboost: a model with several outputs"):
        forest_of(CatBoostClassifier(**quiet).fit(MATRIX, three))
    with pytest.raises(CompileError, match="lightgbm: native categorical splits"):
        forest_of(LGBMClassifier(n_estimators=3, verbose=-1).fit(codes, codes[:, 0] % 2, categorical_feature=[0]))
    with pytest.raises(CompileError, match="lightgbm: a model with several outputs"):
        forest_of(LGBMClassifier(n_estimators=2, verbose=-1).fit(MATRIX, three))
    with pytest.raises(CompileError, match="hist: native categorical splits"):
        forest_of(HistGradientBoostingClassifier(max_iter=3, categorical_features=[0]).fit(codes, codes[:, 0] % 2))
    with pytest.raises(CompileError, match="hist: a model with several outputs"):
        forest_of(HistGradientBoostingClassifier(max_iter=2).fit(MATRIX, three))
