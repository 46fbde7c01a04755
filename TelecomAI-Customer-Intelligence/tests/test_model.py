"""The promises every model keeps, on the shipped pipeline in small."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from common_utils.boosting.config import ForestConfig
from common_utils.testing.models import ALL_CHECKS, ModelCase
from telecom.columns import IS_ULTRA
from telecom.config import SPEC, TelecomConfig
from telecom.data import sample_months
from telecom.models import F1, LIKELIER, boosted_pipeline, logistic_pipeline, reference_pipeline

ROWS = sample_months(400, np.random.default_rng(2))
X, Y = ROWS.drop(columns=[IS_ULTRA]), ROWS[IS_ULTRA]


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ["catboost", "lightgbm", "hist"])
def test_the_shipped_pipeline_keeps_its_promises(
    settings: TelecomConfig, kind: str, check: Callable[[ModelCase], None]
) -> None:
    members = (ForestConfig.model_validate({"kind": kind, "iterations": 5, "depth": 3, "leaves": 6}),)
    config = settings.model_copy(update={"model": settings.model.model_copy(update={"members": members})})
    check(ModelCase(lambda: boosted_pipeline(config), X, Y, lambda model, rows: model.predict_proba(rows)))


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda config: logistic_pipeline(config, bills=True), id="logistic"),
        pytest.param(reference_pipeline, id="reference"),
        pytest.param(lambda config: boosted_pipeline(config, bills=True), id="with-bills"),
    ],
)
def test_candidates_answer_with_probabilities_and_both_thresholds(
    settings: TelecomConfig, build: Callable[[TelecomConfig], object]
) -> None:
    model = build(settings).fit(X, Y)  # type: ignore[attr-defined]
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert set(model[-1].thresholds_) == {LIKELIER, F1}
    assert model[-1].thresholds_[LIKELIER] == 0.5


def test_the_reference_keeps_its_own_threshold(settings: TelecomConfig) -> None:
    assert reference_pipeline(settings).fit(X, Y)[-1].thresholds_ == {LIKELIER: 0.5, F1: 0.5}


@pytest.mark.parametrize("rule", [LIKELIER, F1])
def test_the_threshold_in_the_settings_is_the_one_that_is_used(project_folder, small, rule: str) -> None:
    config = SPEC.load(project_folder, overrides=(*small, f"model.threshold={rule}"), environ={})
    model = boosted_pipeline(config).fit(X, Y)
    p = model.predict_proba(X)[:, 1]
    np.testing.assert_array_equal(model.predict(X), (p >= model[-1].thresholds_[rule]).astype(int))


def test_the_shipped_forests_are_of_a_kind_that_compiles(shipped: TelecomConfig) -> None:
    assert not boosted_pipeline(shipped)[0].categories
    for member in shipped.model.members:
        assert 2**member.depth <= 64
        assert member.leaves <= 64
