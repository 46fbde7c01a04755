"""Estimators to compile, and the check that nothing changes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from common_utils.compiled import CompiledModel, CompiledScorer
from common_utils.compiled.export.pipeline import compile_pipeline

CITIES = np.array(["Lyon", "Oslo", "Rome"], dtype=object)


def people(n: int = 240, *, seed: int = 0, missing: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": CITIES[rng.integers(3, size=n)],
            "age": rng.integers(18, 90, size=n).astype(float),
            "balance": rng.normal(1000, 400, size=n),
        }
    )
    if missing:
        frame.loc[::9, "balance"] = np.nan
    return frame


def classes(frame: pd.DataFrame, k: int) -> np.ndarray:
    return ((frame["age"] // 7 + (frame["city"] == "Rome")) % k).to_numpy().astype(int)


def ordinal(last: Any, **options: Any) -> Pipeline:
    options = {"handle_unknown": "use_encoded_value", "unknown_value": -1, **options}
    encoders = ColumnTransformer([("city", OrdinalEncoder(**options), ["city"])], remainder="passthrough")
    return Pipeline([("encode", encoders), ("model", last)])


def hgb(**options: Any) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=4, max_leaf_nodes=8, early_stopping=False, random_state=0, **options)


def logistic() -> Any:
    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())


def columns_of(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    return {str(name): frame[name].to_numpy() for name in frame.columns}


def assert_same(model: Any, frame: pd.DataFrame) -> CompiledScorer:
    """The trained and the compiled model, read back from its files, agree; alone and in a batch alike."""
    scorer = CompiledScorer(CompiledModel.read(*compile_pipeline(model).files()))
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Found unknown categories")
        expected = model.predict_proba(frame) if hasattr(model, "predict_proba") else model.predict(frame)[:, None]
    found = scorer.score(columns_of(frame))
    assert (np.abs(found - expected) / np.maximum(1, np.abs(expected))).max() <= 1e-12
    records = frame.to_dict("records")
    for i in range(0, len(frame), 41):
        assert scorer.score_one({str(k): v for k, v in records[i].items()}).tobytes() == found[i].tobytes()
        assert scorer.score(columns_of(frame.iloc[i : i + 1])).tobytes() == found[i].tobytes()
    return scorer
