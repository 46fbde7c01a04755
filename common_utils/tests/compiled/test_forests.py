"""Forests of three libraries, compiled: the same answers on every row that could show a difference."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from common_utils.compiled import CompiledModel, CompiledScorer
from common_utils.compiled.export.parity import parity_gate, varied_matrix
from common_utils.compiled.export.pipeline import compile_pipeline
from common_utils.errors import CompileError

N_FEATURES = 4
NAMES = [f"f{i}" for i in range(N_FEATURES)]

Maker = Callable[..., Any]


def table(rng: np.random.Generator, n: int, *, missing: bool) -> pd.DataFrame:
    X = rng.normal(size=(n, N_FEATURES))
    X[:, 1] = np.round(X[:, 1])  # few values: 0 and ties at split points
    X[:, 2] *= 1e6
    if missing:
        X[rng.random(X.shape) < 0.1] = np.nan
    return pd.DataFrame(X, columns=NAMES)


def target(rng: np.random.Generator, X: pd.DataFrame, n_classes: int) -> np.ndarray:
    score = np.nan_to_num(X.to_numpy()) @ np.array([1.0, 0.5, 1e-6, -1.0]) + rng.normal(size=len(X))
    ranks = np.argsort(np.argsort(score))
    return (ranks * n_classes // len(X)).astype(np.int64)  # every class occurs


def hgb(classes: int, leaves: int, seed: int) -> Any:
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    return kind(
        max_iter=4,
        max_leaf_nodes=leaves,
        min_samples_leaf=1,
        early_stopping=False,
        learning_rate=0.5,
        random_state=seed,
    )


def lgbm(classes: int, leaves: int, seed: int) -> Any:
    kind = lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor
    return kind(
        n_estimators=4,
        num_leaves=leaves,
        min_child_samples=1,
        learning_rate=0.5,
        random_state=seed,
        verbose=-1,
        n_jobs=1,
    )


def cat(classes: int, leaves: int, seed: int) -> Any:
    kind = catboost.CatBoostClassifier if classes else catboost.CatBoostRegressor
    shape = [
        {"depth": max(1, leaves.bit_length() - 1)},
        {"grow_policy": "Lossguide", "max_leaves": leaves},
        {"depth": max(1, leaves.bit_length() - 1), "nan_mode": "Max"},
    ][seed % 3]
    return kind(
        iterations=4,
        learning_rate=0.5,
        random_seed=seed,
        verbose=False,
        allow_writing_files=False,
        thread_count=1,
        **shape,
    )


MAKERS = [pytest.param(hgb, id="hgb"), pytest.param(lgbm, id="lightgbm"), pytest.param(cat, id="catboost")]


def fitted(make: Maker, *, classes: int, leaves: int, seed: int, missing: bool) -> tuple[Any, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    X = table(rng, 300, missing=missing)
    y = target(rng, X, classes) if classes else np.nan_to_num(X["f0"]) * 2e4 + rng.normal(size=len(X))
    with threadpool_limits(1):
        return make(classes, leaves, seed).fit(X, y), X


def answers(model: Any) -> Callable[[np.ndarray], np.ndarray]:
    def answer(rows: np.ndarray) -> np.ndarray:
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            frame = pd.DataFrame(rows, columns=NAMES)
            return model.predict_proba(frame) if hasattr(model, "predict_proba") else model.predict(frame)

    return answer


def gate(model: Any, X: pd.DataFrame, *, n: int, seed: int = 0) -> tuple[CompiledModel, float]:
    compiled = compile_pipeline(model)
    compiled = CompiledModel.read(*compiled.files())
    base = X.to_numpy()
    report = parity_gate(
        answers(model),
        CompiledScorer(compiled).score_matrix,
        lambda rng, k: varied_matrix(compiled, rng, k, base=base),
        rng=np.random.default_rng(seed),
        n=n,
    )
    return compiled, report.max_difference


@pytest.mark.parametrize("make", MAKERS)
@settings(max_examples=12, deadline=None)
@given(
    classes=st.sampled_from([0, 2, 3, 5, 8, 12]),
    leaves=st.integers(2, 64),
    seed=st.integers(0, 10_000),
    missing=st.booleans(),
)
def test_any_forest_answers_as_its_library(make: Maker, classes: int, leaves: int, seed: int, missing: bool) -> None:
    model, X = fitted(make, classes=classes, leaves=leaves, seed=seed, missing=missing)
    gate(model, X, n=400, seed=seed)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("classes", [0, 2, 3, 9])
def test_a_row_alone_gets_the_bits_it_gets_in_a_batch(make: Maker, classes: int) -> None:
    model, X = fitted(make, classes=classes, leaves=40, seed=3, missing=True)
    compiled = compile_pipeline(model)
    scorer = CompiledScorer(compiled)
    rows = varied_matrix(compiled, np.random.default_rng(1), 70, base=X.to_numpy())
    batch = scorer.score_matrix(rows)
    for i, row in enumerate(rows):
        assert scorer.score_matrix(row[None, :]).tobytes() == batch[i : i + 1].tobytes()
        assert scorer.score_one(dict(zip(NAMES, row.tolist(), strict=True))).tobytes() == batch[i].tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKERS)
def test_hundred_thousand_rows_agree_to_the_last_digits(make: Maker) -> None:
    model, X = fitted(make, classes=4, leaves=64, seed=0, missing=True)
    _, difference = gate(model, X, n=100_000)
    assert difference <= 1e-12


@pytest.mark.parametrize("make", [hgb, lgbm, cat])
def test_labels_come_back_as_text_in_the_order_of_the_scores(make: Maker) -> None:
    rng = np.random.default_rng(0)
    X = table(rng, 200, missing=False)
    labels = np.array(["smart", "ultra", "basic"], dtype=object)[target(rng, X, 3)]
    model = make(3, 8, 0).fit(X, labels)
    assert compile_pipeline(model).outputs == ("basic", "smart", "ultra")


def test_a_forest_without_a_split_answers_its_baseline() -> None:
    X = pd.DataFrame({"f0": np.zeros(50)})
    model = HistGradientBoostingRegressor(max_iter=2).fit(X, np.full(50, 7.0))
    assert CompiledScorer(compile_pipeline(model)).score({"f0": np.array([1.0, np.nan])}).tolist() == [[7.0], [7.0]]


def test_counts_and_quantiles_go_through_their_links() -> None:
    rng = np.random.default_rng(0)
    X = table(rng, 300, missing=True)
    y = rng.poisson(np.exp(np.nan_to_num(X["f0"]) / 2)) + 0.0
    for model in (
        HistGradientBoostingRegressor(loss="poisson", max_iter=5),
        HistGradientBoostingRegressor(loss="quantile", quantile=0.9, max_iter=5),
        lightgbm.LGBMRegressor(objective="poisson", n_estimators=5, verbose=-1),
        lightgbm.LGBMRegressor(objective="quantile", alpha=0.1, n_estimators=5, verbose=-1),
        catboost.CatBoostRegressor(
            loss_function="Quantile:alpha=0.3", iterations=5, verbose=False, allow_writing_files=False
        ),
        catboost.CatBoostRegressor(loss_function="Poisson", iterations=5, verbose=False, allow_writing_files=False),
        catboost.CatBoostClassifier(
            loss_function="MultiClassOneVsAll", iterations=5, verbose=False, allow_writing_files=False
        ),
        lightgbm.LGBMClassifier(objective="multiclassova", n_estimators=5, verbose=-1),
    ):
        with threadpool_limits(1):
            model.fit(X, np.minimum(y, 2))
        gate(model, X, n=500)


def test_early_stopping_keeps_the_best_iteration() -> None:
    rng = np.random.default_rng(0)
    X, noise = table(rng, 300, missing=False), rng.integers(2, size=300)
    model = lightgbm.LGBMClassifier(n_estimators=60, verbose=-1)
    stop = lightgbm.early_stopping(3, verbose=False)
    model.fit(X[:200], noise[:200], eval_X=X[200:], eval_y=noise[200:], callbacks=[stop])
    assert model.best_iteration_ < 60
    gate(model, X, n=300)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(hgb(2, 65, 0), r"65 leaves and 64 can be compiled; set max_leaf_nodes lower", id="hgb-leaves"),
        pytest.param(lgbm(2, 90, 0), r"leaves and 64 can be compiled; set num_leaves lower", id="lightgbm-leaves"),
        pytest.param(
            catboost.CatBoostClassifier(depth=7, iterations=2, verbose=False, allow_writing_files=False),
            r"128 leaves and 64 can be compiled; set depth lower",
            id="catboost-depth",
        ),
        pytest.param(
            HistGradientBoostingClassifier(categorical_features=["f1"], max_iter=2),
            "native categorical splits cannot be compiled; encode the categories as ordinals",
            id="hgb-categorical",
        ),
        pytest.param(
            lightgbm.LGBMClassifier(n_estimators=3, zero_as_missing=True, verbose=-1),
            "zero_as_missing=True cannot be compiled",
            id="lightgbm-zero",
        ),
        pytest.param(
            lightgbm.LGBMRegressor(n_estimators=3, linear_tree=True, verbose=-1),
            "linear_tree=True cannot be compiled",
            id="lightgbm-linear",
        ),
        pytest.param(
            lightgbm.LGBMClassifier(boosting_type="rf", n_estimators=3, bagging_freq=1, subsample=0.5, verbose=-1),
            "boosting='rf' averages",
            id="lightgbm-rf",
        ),
        pytest.param(
            lightgbm.LGBMRegressor(n_estimators=3, reg_sqrt=True, verbose=-1),
            "objective 'regression sqrt' cannot be compiled",
            id="lightgbm-sqrt",
        ),
        pytest.param(
            catboost.CatBoostRegressor(
                loss_function="RMSEWithUncertainty", iterations=2, verbose=False, allow_writing_files=False
            ),
            "loss_function 'RMSEWithUncertainty' cannot be compiled",
            id="catboost-loss",
        ),
    ],
)
def test_what_cannot_be_compiled_is_refused_by_name(model: Any, message: str) -> None:
    rng = np.random.default_rng(0)
    X = table(rng, 2000, missing=False)
    X["f1"] = np.abs(X["f1"])
    with threadpool_limits(1):
        model.fit(X, target(rng, X, 2))
    with pytest.raises(CompileError, match=message):
        compile_pipeline(model)


def test_native_categories_of_lightgbm_and_catboost_are_refused() -> None:
    rng = np.random.default_rng(0)
    X = table(rng, 400, missing=False)
    X["f1"] = pd.Categorical(np.array(["a", "b", "c"])[rng.integers(3, size=400)])
    y = (X["f1"] == "b").astype(int)
    with pytest.raises(CompileError, match="native categorical splits"):
        compile_pipeline(lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, y))
    model = catboost.CatBoostClassifier(iterations=3, verbose=False, allow_writing_files=False, cat_features=["f1"])
    with pytest.raises(CompileError, match=r"\['categorical_features'\] cannot be compiled"):
        compile_pipeline(model.fit(X, y))


def test_a_scaled_catboost_is_refused() -> None:
    model, _ = fitted(cat, classes=0, leaves=4, seed=0, missing=False)
    model.set_scale_and_bias(2.0, 0.0)
    with pytest.raises(CompileError, match="set_scale_and_bias"):
        compile_pipeline(model)


def test_tables_too_large_for_a_server_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = fitted(hgb, classes=2, leaves=8, seed=0, missing=False)
    monkeypatch.setattr("common_utils.compiled.export.pipeline.MAX_TABLE_BYTES", 10)
    with pytest.raises(CompileError, match="tables of a forest would take"):
        compile_pipeline(model)


def test_equal_models_give_equal_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for name in ("a", "b"):
        model, _ = fitted(hgb, classes=3, leaves=8, seed=5, missing=True)
        compile_pipeline(model).save(tmp_path / name)
    for file in ("scorer.npz", "scorer.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
