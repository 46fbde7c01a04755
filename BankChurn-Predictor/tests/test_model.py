"""The promises every model keeps, on the shipped pipeline in small."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bankchurn.columns import CUSTOMER, EXITED
from bankchurn.config import SPEC, BankChurnConfig
from bankchurn.data import sample_customers
from bankchurn.models import boosted_pipeline, logistic_pipeline, reference_pipeline
from common_utils.boosting.config import ForestConfig
from common_utils.testing.models import ALL_CHECKS, ModelCase

ROWS = sample_customers(400, np.random.default_rng(2))
X, Y = ROWS.drop(columns=[EXITED, CUSTOMER]), ROWS[EXITED]


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ["catboost", "lightgbm", "hist"])
def test_the_shipped_pipeline_keeps_its_promises(
    settings: BankChurnConfig, kind: str, check: Callable[[ModelCase], None]
) -> None:
    members = (ForestConfig.model_validate({"kind": kind, "iterations": 5, "depth": 3, "leaves": 6}),)
    config = settings.model_copy(update={"model": settings.model.model_copy(update={"members": members})})
    check(ModelCase(lambda: boosted_pipeline(config), X, Y, lambda model, rows: model.predict_proba(rows)))


@pytest.mark.parametrize("build", [logistic_pipeline, reference_pipeline], ids=["logistic", "reference"])
def test_candidates_answer_with_probabilities_and_their_own_threshold(settings: BankChurnConfig, build) -> None:  # type: ignore[no-untyped-def]
    model = build(settings).fit(X, Y)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    final = model[-1]
    np.testing.assert_array_equal(model.predict(X), (p[:, 1] >= final.thresholds_["f1"]).astype(int))
    assert set(final.thresholds_) == {"f1", "profit"}


def test_the_shipped_forests_look_at_no_column_that_is_left_out(shipped: BankChurnConfig) -> None:
    step = boosted_pipeline(shipped)[0]
    assert not {*shipped.model.left_out, *shipped.data.drop_columns} & {*step.numbers, *step.categories}


def test_the_threshold_in_the_settings_is_the_one_that_is_used(project_folder, small) -> None:  # type: ignore[no-untyped-def]
    config = SPEC.load(project_folder, overrides=(*small, "model.threshold=profit"), environ={})
    assert boosted_pipeline(config)[-1].chosen == "profit"
