from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad
from sklearn.base import clone

from common_utils.errors import DataError
from planrec.catalogue import Catalogue
from planrec.choice import ConditionalLogit, negative_log_likelihood
from planrec.features import CHOSEN_PLAN
from planrec.formulas import ALTERNATIVE_FEATURES, alternative_features, history_of
from planrec.preparation import Prepared, prepare

MONTH = "2025-12"


@pytest.fixture(scope="module")
def prepared(settings, project_folder: Path) -> Prepared:  # type: ignore[no-untyped-def]
    return prepare(settings, project_folder, lambda _: None)


def rows_of(rng: np.random.Generator, n: int, current: list[str | None] | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "minutes_1": rng.gamma(2, 200, n),
            "messages_1": rng.poisson(20, n).astype(float),
            "megabytes_1": rng.gamma(2, 6000, n),
            "current_plan": pd.Series(current or [None] * n, dtype=object),
            "month": MONTH,
            "age": 40.0,
        }
    )


@given(st.integers(0, 2**31))
@settings(deadline=None, max_examples=25)
def test_gradient_is_that_of_the_likelihood(seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(12, 5, 3))
    available = rng.random((12, 5)) < 0.7
    chosen = rng.integers(0, 5, 12)
    available[np.arange(12), chosen] = True

    def value(weights: np.ndarray) -> float:
        return negative_log_likelihood(weights, features, available, chosen, 0.1)[0]

    def gradient(weights: np.ndarray) -> np.ndarray:
        return negative_log_likelihood(weights, features, available, chosen, 0.1)[1]

    assert check_grad(value, gradient, rng.normal(size=3)) < 1e-5


def test_alternative_features_by_hand(megaline: Catalogue) -> None:
    row = {"minutes_1": [1000.0], "messages_1": [0.0], "megabytes_1": [1024.0]}
    surf, ultimate = alternative_features(history_of(row, 1), megaline, np.array([0]))[0]
    named = dict(zip(ALTERNATIVE_FEATURES, surf.tolist(), strict=True))
    assert named["expected_bill"] == 0  # 35.00, the cheaper one
    assert named["is_current"] == 1
    assert named["minutes_headroom"] == -0.5
    assert named["data_headroom"] == 2  # capped
    assert ultimate[ALTERNATIVE_FEATURES.index("expected_bill")] == 35


def test_known_weights_are_found_again(catalogue: Catalogue) -> None:
    rng = np.random.default_rng(3)
    plans = [p for p in catalogue.plan_ids if p not in ("flex-5", "young-10", "senior-talk")]
    rows = rows_of(rng, 6000, rng.choice(plans, 6000).tolist())
    truth = ConditionalLogit(catalogue, history_months=1)
    truth.weights_ = np.array([-0.15, 0.0, 1.5, -0.4, 0.8, 0.2, 0.1, 0.0])
    probabilities = truth.predict_proba(rows)
    chosen = np.array([rng.choice(13, p=p) for p in probabilities])
    y = np.array(catalogue.plan_ids, dtype=object)[chosen]
    found = ConditionalLogit(catalogue, history_months=1).fit(rows, y)
    np.testing.assert_allclose(found.weights_[[0, 2, 3, 4]], truth.weights_[[0, 2, 3, 4]], atol=0.12)
    assert np.abs(found.predict_proba(rows) - probabilities).mean() < 0.01


def test_probabilities_are_those_of_the_choice_set(catalogue: Catalogue) -> None:
    model = ConditionalLogit(catalogue, history_months=1)
    model.weights_ = np.zeros(len(ALTERNATIVE_FEATURES))
    p = model.predict_proba(rows_of(np.random.default_rng(0), 2, [None, "flex-5"]))
    off = [catalogue.index(plan) for plan in ("flex-5", "young-10", "senior-talk")]
    assert p[0, off].tolist() == [0, 0, 0]
    assert p[1, catalogue.index("flex-5")] == pytest.approx(1 / 11)  # held, so it may be kept
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=0, atol=1e-12)


def test_a_plan_never_seen_in_training_gets_its_probability(prepared: Prepared, catalogue: Catalogue) -> None:
    train = prepared.train
    assert "max-voice" not in set(train[CHOSEN_PLAN])
    model = ConditionalLogit(prepared.catalogue).fit(train, train[CHOSEN_PLAN].to_numpy(dtype=object))
    october = prepared.test[prepared.test["month"] == "2025-10"]
    launched = model.predict_proba(october)[:, catalogue.index("max-voice")]
    assert 0.01 < launched.mean() < 0.5
    assert model.weights_[ALTERNATIVE_FEATURES.index("expected_bill")] < 0  # dearer plans are taken less
    assert model.weights_[ALTERNATIVE_FEATURES.index("is_current")] > 0  # inertia


def test_without_the_current_plan_it_is_not_looked_at(prepared: Prepared) -> None:
    train = prepared.train[prepared.train["month"] <= "2025-08"]
    kept = train[~train[CHOSEN_PLAN].isin(["flex-5"])]
    model = ConditionalLogit(prepared.catalogue, with_current_plan=False)
    model = model.fit(kept, kept[CHOSEN_PLAN].to_numpy(dtype=object))
    changed = kept.assign(current_plan="unlimited")
    np.testing.assert_array_equal(model.predict_proba(kept), model.predict_proba(changed))


def test_who_took_a_plan_outside_the_choice_set_could_take_it(catalogue: Catalogue) -> None:
    rows = rows_of(np.random.default_rng(0), 2)
    model = ConditionalLogit(catalogue, history_months=1)
    model.fit(rows, np.array(["flex-5", "unlimited"], dtype=object))
    assert np.isfinite(model.weights_).all()


def test_a_plan_outside_the_rate_card_is_refused(catalogue: Catalogue) -> None:
    rows = rows_of(np.random.default_rng(0), 2)
    with pytest.raises(DataError, match=r"1 plan\(s\) taken are not in rate card 'operator-2025-01'"):
        ConditionalLogit(catalogue, history_months=1).fit(rows, np.array(["gone", "unlimited"], dtype=object))


def test_estimator_can_be_cloned_and_leaves_its_input_alone(catalogue: Catalogue) -> None:
    rows = rows_of(np.random.default_rng(0), 50)
    before = rows.copy()
    model = clone(ConditionalLogit(catalogue, history_months=1)).fit(rows, np.full(50, "unlimited", dtype=object))
    pd.testing.assert_frame_equal(rows, before)
    assert model.classes_.tolist() == list(catalogue.plan_ids)
