from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from common_utils.boosting.classifier import BoostedClassifier
from common_utils.boosting.config import ForestConfig
from common_utils.boosting.thresholds import ThresholdClassifier
from common_utils.compiled import CompiledScorer
from common_utils.errors import CompileError, ParityError
from common_utils.evaluation.binary import expected_f1_threshold
from common_utils.table_project.compiling import compile_table_model
from common_utils.table_project.feature_columns import ColumnFeatures

RNG = np.random.default_rng(0)
ROWS = pd.DataFrame({"age": RNG.uniform(18, 80, 500), "country": RNG.choice(["DE", "FR"], 500)})
ROWS.loc[::9, "age"] = np.nan
Y = (RNG.random(500) < np.where(ROWS["age"].fillna(50) > 50, 0.7, 0.2)).astype(int)


def _model(*members: ForestConfig) -> Pipeline:
    forests = BoostedClassifier(members, calibration_folds=2)
    final = ThresholdClassifier(forests, {"f1": expected_f1_threshold}, chosen="f1")
    features = ColumnFeatures(["age"], {"country": ["DE", "FR"]})
    return Pipeline([("features", features), ("model", final)]).fit(ROWS, Y)


@pytest.mark.parametrize("kind", ["catboost", "lightgbm", "hist"])
def test_the_compiled_model_answers_as_the_pipeline(kind: str) -> None:
    model = _model(ForestConfig.model_validate({"kind": kind, "iterations": 8, "leaves": 9, "depth": 4, "seeds": 2}))
    compiled, report = compile_table_model(model, ROWS, seed=1)
    assert (report.rows, report.max_difference <= 1e-12) == (100_000, True)
    scorer = CompiledScorer(compiled, model[0].step())
    columns = {"age": np.array([np.nan, 50.0]), "country": np.array(["DE", "nowhere"], dtype=object)}
    np.testing.assert_allclose(scorer.score(columns), model.predict_proba(columns), rtol=0, atol=1e-12)
    assert scorer.classes == ("0", "1")


def test_another_model_does_not_pass_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _model(ForestConfig(kind="hist", iterations=5))
    monkeypatch.setattr(BoostedClassifier, "predict_proba", lambda _, X: np.tile([0.5, 0.5], (len(X), 1)))
    with pytest.raises(ParityError, match="rows differ"):
        compile_table_model(model, ROWS, seed=1)


def test_trees_that_are_too_large_are_refused() -> None:
    large = ForestConfig.model_construct(
        **{**ForestConfig(kind="hist", iterations=1, min_leaf=1).model_dump(), "leaves": 90}
    )
    noise = RNG.integers(0, 2, 500)
    model = _model(large)
    model[-1].classifier_.fit(model[0].transform(ROWS), noise)
    with pytest.raises(CompileError, match="depth or leaves"):
        compile_table_model(model, ROWS, seed=1)
