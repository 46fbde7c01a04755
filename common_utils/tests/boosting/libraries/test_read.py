"""One reader a library: both array forms made from it answer as the library, or both refuse."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from common_utils.boosting.forests import forest_of, forest_scores
from common_utils.boosting.grown import TreeLeaf, TreeLevels, TreeNode
from common_utils.boosting.libraries.catboost import float64_threshold
from common_utils.boosting.libraries.lightgbm import exact_threshold
from common_utils.boosting.libraries.read import read_forest
from common_utils.compiled.export.pipeline import compile_node
from common_utils.errors import CompileError

LARGEST = float(np.finfo(np.float32).max)
NAMES = ["a", "b", "c"]


def table(*, missing: bool = True, zeros: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"a": rng.normal(size=300), "b": rng.integers(-2, 3, 300) * 1.0, "c": rng.uniform(0, 1e5, 300)})
    if missing:
        X.loc[::6, "a"] = np.nan
    if not zeros:
        X["b"] += 0.5
    return X


def target(X: pd.DataFrame) -> np.ndarray:
    return (X["a"].fillna(4) * 2 + X["b"] - X["c"] / 1e5).to_numpy()


def cat(**options: Any) -> Any:
    return catboost.CatBoostRegressor(
        iterations=8, learning_rate=0.5, verbose=False, allow_writing_files=False, thread_count=1, **options
    )


def lgbm(**options: Any) -> Any:
    settings = {"n_estimators": 8, "num_leaves": 20, "min_child_samples": 2, "learning_rate": 0.5, "n_jobs": 1}
    return lightgbm.LGBMRegressor(**settings, verbose=-1, **options)


def hist(**options: Any) -> Any:
    return HistGradientBoostingRegressor(max_iter=8, max_leaf_nodes=20, min_samples_leaf=2, random_state=0, **options)


MODELS = [
    pytest.param(cat(depth=4), {}, id="catboost-levels"),
    pytest.param(cat(depth=4, nan_mode="Max"), {}, id="catboost-missing-is-largest"),
    pytest.param(cat(depth=4), {"missing": False}, id="catboost-nothing-missing"),
    pytest.param(cat(grow_policy="Lossguide", max_leaves=20), {}, id="catboost-by-leaf"),
    pytest.param(cat(grow_policy="Depthwise", depth=4, nan_mode="Max"), {}, id="catboost-by-depth"),
    pytest.param(lgbm(), {}, id="lightgbm"),
    pytest.param(lgbm(), {"missing": False}, id="lightgbm-nothing-missing"),
    pytest.param(lgbm(use_missing=False), {}, id="lightgbm-missing-is-zero"),
    pytest.param(lgbm(), {"zeros": False, "missing": False}, id="lightgbm-no-zero"),
    pytest.param(hist(), {}, id="hist"),
    pytest.param(hist(), {"missing": False}, id="hist-nothing-missing"),
]


def edges(model: Any) -> np.ndarray:
    """Rows at and beside every threshold of a model, missing values, zeros of both signs and extremes."""
    points: dict[int, set[float]] = {column: set() for column in range(len(NAMES))}
    for tree in read_forest(model).trees:
        for split in _splits(tree):
            points[split.feature].add(split.threshold)
    rows: list[np.ndarray] = []
    extremes = [np.nan, 0.0, -0.0, 1e-36, -1e-36, LARGEST, -LARGEST, 1e39, -1e39, np.inf, -np.inf]
    for column, at in points.items():
        here = np.array(sorted(at))
        values = np.concatenate([here, np.nextafter(here, np.inf), np.nextafter(here, -np.inf), extremes])
        block = np.tile([0.3, 1.0, 5e4], (len(values), 1))
        block[:, column] = values
        rows.append(block)
    return np.concatenate(rows)


def _splits(tree: TreeNode | TreeLevels) -> list[Any]:
    if isinstance(tree, TreeLevels):
        return list(tree.splits)
    return [] if isinstance(tree, TreeLeaf) else [tree.split, *_splits(tree.left), *_splits(tree.right)]


def library(model: Any, rows: np.ndarray) -> np.ndarray:
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        return np.asarray(model.predict(pd.DataFrame(rows, columns=NAMES)))


@pytest.mark.parametrize(("model", "options"), MODELS)
def test_both_array_forms_answer_as_the_library_at_every_threshold(model: Any, options: dict[str, bool]) -> None:
    X = table(**options)
    with threadpool_limits(1):
        model.fit(X, target(X))
    rows = np.concatenate([X.to_numpy(), edges(model)])
    if isinstance(model, HistGradientBoostingRegressor):
        rows = rows[~np.isinf(rows).any(axis=1)]  # scikit-learn refuses infinite values
    expected = library(model, rows)
    np.testing.assert_allclose(forest_scores(forest_of(model), rows), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(compile_node(model).rows(rows)[:, 0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("model", "options"), MODELS)
def test_the_average_is_the_mean_of_the_training_rows(model: Any, options: dict[str, bool]) -> None:
    X = table(**options)
    with threadpool_limits(1):
        model.fit(X, target(X))
    forest = forest_of(model)
    assert forest.average == pytest.approx(forest_scores(forest, X.to_numpy()).mean(), abs=0.02)


REFUSED = [
    pytest.param(lgbm(zero_as_missing=True), "zero_as_missing=True cannot be compiled", id="lightgbm-zero"),
    pytest.param(lgbm(linear_tree=True), "linear_tree=True cannot be compiled", id="lightgbm-linear"),
    pytest.param(lgbm(boosting_type="rf", bagging_freq=1, subsample=0.5), "boosting='rf' averages", id="lightgbm-rf"),
    pytest.param(hist(categorical_features=["b"]), "hist: native categorical splits", id="hist-categories"),
]


@pytest.mark.parametrize("form", [forest_of, compile_node], ids=["kept", "compiled"])
@pytest.mark.parametrize(("model", "message"), REFUSED)
def test_both_array_forms_refuse_the_same(form: Callable[[Any], object], model: Any, message: str) -> None:
    X = table(missing=False)
    X["b"] += 2
    y = target(X)
    with threadpool_limits(1):
        model.fit(X, y)
    with pytest.raises(CompileError, match=message):
        form(model)


@pytest.mark.parametrize("form", [forest_of, compile_node], ids=["kept", "compiled"])
def test_both_array_forms_refuse_a_scaled_catboost(form: Callable[[Any], object]) -> None:
    X = table()
    model = cat(depth=2).fit(X, target(X))
    model.set_scale_and_bias(2.0, 0.0)
    with pytest.raises(CompileError, match="set_scale_and_bias"):
        form(model)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_threshold_splits_doubles_where_the_library_splits_singles(border: float) -> None:
    threshold = float64_threshold(border)
    with np.errstate(over="ignore"):
        assert np.float32(threshold) <= np.float32(border)
        assert np.float32(np.nextafter(threshold, np.inf)) > np.float32(border)


def test_the_largest_single_splits_from_what_rounds_to_infinity() -> None:
    threshold = float64_threshold(LARGEST)
    assert LARGEST < threshold < 2.0**128
    with np.errstate(over="ignore"):
        assert np.isfinite(np.float32(threshold))
        assert np.isinf(np.float32(np.nextafter(threshold, np.inf)))


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        pytest.param(2.0, 2.0, id="plain"),
        pytest.param(1e300, np.inf, id="written-for-infinity"),
        pytest.param(-1e300, -np.inf, id="written-for-minus-infinity"),
        pytest.param(0.0, float(np.float32(1e-35)), id="next-to-zero-counts-as-zero"),
    ],
)
def test_what_lightgbm_writes_is_what_it_means(threshold: float, expected: float) -> None:
    assert exact_threshold(threshold) == expected
