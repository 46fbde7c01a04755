from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad
from sklearn.base import clone
from xlogit import MultinomialLogit

from common_utils.compiled import softmax_within
from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.choice.logit import (
    ConditionalLogit,
    chosen_of,
    likeliest_weights,
    negative_log_likelihood,
    standard_errors,
)
from planrec.decisions.alternatives import ALTERNATIVE_FEATURES
from planrec.decisions.choice_sets import alternatives_of
from planrec.decisions.rows import CHOSEN_PLAN
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


@given(st.integers(0, 2**31), st.floats(0, 50))
@settings(deadline=None, max_examples=25)
def test_likelihood_knows_no_level(seed: int, level: float) -> None:
    """What is added to the utility of every plan of a choice changes neither likelihood nor gradient."""
    features, available, chosen = some_choices(seed, 12)
    moved = features + np.random.default_rng(seed).uniform(-level, level, (12, 1, 2))
    weights = np.array([0.4, -1.1])
    value, gradient = negative_log_likelihood(weights, features, available, chosen, 0.0)
    other, slope = negative_log_likelihood(weights, moved, available, chosen, 0.0)
    assert other == pytest.approx(value, abs=1e-9)
    np.testing.assert_allclose(slope, gradient, atol=1e-9)


def some_choices(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Choices at random among up to three plans of two features each."""
    rng = np.random.default_rng(seed)
    features, available, chosen = rng.normal(size=(n, 3, 2)), rng.random((n, 3)) < 0.8, rng.integers(0, 3, n)
    available[np.arange(n), chosen] = True
    return features, available, chosen


def other_logit(  # type: ignore[no-untyped-def]
    features: np.ndarray, available: np.ndarray, chosen: np.ndarray, **how
) -> MultinomialLogit:
    """The same choices fitted by xlogit, which shares no line with ours."""
    n, n_plans, k = features.shape
    model = MultinomialLogit()
    model.fit(
        X=features.reshape(-1, k),
        y=np.eye(n_plans)[chosen].ravel(),
        varnames=[f"x{i}" for i in range(k)],
        ids=np.repeat(np.arange(n), n_plans),
        alts=np.tile(np.arange(n_plans), n),
        avail=available.ravel().astype(float),
        fit_intercept=False,
        verbose=0,
        **how,
    )
    return model


@pytest.mark.parametrize("seed", [1, 2])
def test_estimates_and_standard_errors_are_those_of_xlogit(seed: int) -> None:
    choices = some_choices(seed, 400)
    weights = likeliest_weights(*choices)
    other = other_logit(*choices, num_hess=True, tol_opts={"ftol": 1e-12})
    np.testing.assert_allclose(weights, other.coeff_, atol=1e-5)
    value, slope = negative_log_likelihood(weights, *choices, 0.0)
    assert -400 * value == pytest.approx(other.loglikelihood, abs=1e-6)
    assert np.abs(slope).max() < 1e-8
    np.testing.assert_allclose(standard_errors(weights, *choices[:2]), other.stderr, rtol=1e-4)


def test_likelihood_and_gradient_away_from_the_top_are_those_of_xlogit() -> None:
    choices = some_choices(3, 400)
    # One step from a far start: xlogit says where it is, and likelihood and gradient there.
    other = other_logit(*choices, init_coeff=np.array([0.3, -0.7]), maxiter=0, skip_std_errs=True)
    value, gradient = negative_log_likelihood(other.coeff_, *choices, 0.0)
    assert -400 * value == pytest.approx(other.loglikelihood, rel=1e-12)
    assert np.abs(gradient).max() > 0.01
    np.testing.assert_allclose(-400 * gradient, other.grad_n.sum(axis=0), rtol=1e-9)


def test_weights_that_nothing_tells_apart_have_no_standard_errors() -> None:
    features, available, _ = some_choices(4, 50)
    features[..., 1] = 2 * features[..., 0]
    with pytest.raises(DataError, match="do not tell all weights apart"):
        standard_errors(np.zeros(2), features, available)


def test_a_penalty_makes_weights_smaller_and_usual_tolerances_come_close() -> None:
    choices = some_choices(5, 400)
    free, held = likeliest_weights(*choices), likeliest_weights(*choices, l2=1.0)
    assert np.linalg.norm(held) < np.linalg.norm(free)
    np.testing.assert_allclose(likeliest_weights(*choices, exact=False), free, atol=1e-3)


def test_softmax_within_by_hand() -> None:
    utility = np.array([[np.log(1.0), np.log(3.0), 50.0], [1e4, 1e4, 0.0]])
    available = np.array([[True, True, False], [True, True, True]])
    np.testing.assert_allclose(softmax_within(utility, available), [[0.25, 0.75, 0], [0.5, 0.5, 0]], atol=1e-15)


@given(st.integers(0, 2**31), st.floats(-100, 100))
def test_softmax_within_adds_up_to_1_and_knows_no_level(seed: int, level: float) -> None:
    rng = np.random.default_rng(seed)
    utility, available = rng.normal(0, 20, (6, 5)), rng.random((6, 5)) < 0.5
    available[:, 0] = True
    p = softmax_within(utility, available)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert (p[~available] == 0).all()
    np.testing.assert_allclose(softmax_within(utility + level, available), p, atol=1e-9)


def test_chosen_of_gives_positions_and_counts_what_is_not_there(megaline: Catalogue) -> None:
    assert chosen_of(np.array(["ultimate", "surf"], dtype=object), megaline).tolist() == [1, 0]
    with pytest.raises(DataError, match=r"2 plan\(s\) taken are not in rate card 'megaline-2018'; add the plans\."):
        chosen_of(np.array(["gone", "surf", None], dtype=object), megaline)


def test_alternatives_of_follow_sale_age_and_the_plan_held(catalogue: Catalogue) -> None:
    rows = rows_of(np.random.default_rng(0), 3, ["flex-5", "unlimited", None]).assign(age=[20.0, 70.0, np.nan])
    found = alternatives_of(rows, catalogue, history_months=1, with_current_plan=True)
    assert found.current.tolist() == [catalogue.index("flex-5"), catalogue.index("unlimited"), -1]
    flex, young, senior = (found.available[:, catalogue.index(p)] for p in ("flex-5", "young-10", "senior-talk"))
    assert flex.tolist() == [True, False, False]  # withdrawn, but who holds it may keep it
    assert young.tolist() == [True, False, False]
    assert senior.tolist() == [False, True, False]
    held = found.features[..., ALTERNATIVE_FEATURES.index("is_current")]
    assert held.sum(axis=1).tolist() == [1, 1, 0]


def test_alternatives_of_take_plain_arrays_and_do_without_age_and_plan(catalogue: Catalogue) -> None:
    rows = rows_of(np.random.default_rng(0), 4, ["unlimited"] * 4)
    arrays = {str(c): rows[c].to_numpy() for c in rows.columns if c not in ("age", "current_plan")}
    found = alternatives_of(arrays, catalogue, history_months=1, with_current_plan=False)
    table = alternatives_of(rows.assign(age=np.nan), catalogue, history_months=1, with_current_plan=False)
    assert found.current.tolist() == [-1] * 4
    np.testing.assert_array_equal(found.features, table.features)
    np.testing.assert_array_equal(found.available, table.available)


def test_utility_is_the_weighted_sum_of_the_features(catalogue: Catalogue) -> None:
    model = ConditionalLogit(catalogue, history_months=1)
    model.weights_ = np.eye(len(ALTERNATIVE_FEATURES))[ALTERNATIVE_FEATURES.index("perks")] * 2
    rows = rows_of(np.random.default_rng(0), 1)
    alternatives = alternatives_of(rows, catalogue, history_months=1, with_current_plan=True)
    assert model.utilities(alternatives)[0].tolist() == (2 * catalogue.perk_counts).tolist()


def test_known_weights_are_found_again(catalogue: Catalogue) -> None:
    rng = np.random.default_rng(3)
    plans = [p for p in catalogue.plan_ids if p not in ("flex-5", "young-10", "senior-talk")]
    rows = rows_of(rng, 6000, rng.choice(plans, 6000).tolist())
    truth = ConditionalLogit(catalogue, history_months=1)
    known = {
        "recent_bill": -0.15,
        "is_current": 1.5,
        "new_contract_years": -0.4,
        "unlimited_share": 0.8,
        "perks": 0.2,
    }
    truth.weights_ = np.array([known.get(name, 0.0) for name in ALTERNATIVE_FEATURES])
    probabilities = truth.predict_proba(rows)
    chosen = np.array([rng.choice(len(catalogue.plans), p=p) for p in probabilities])
    y = np.array(catalogue.plan_ids, dtype=object)[chosen]
    found = ConditionalLogit(catalogue, history_months=1).fit(rows, y)
    weights = dict(zip(ALTERNATIVE_FEATURES, found.weights_.tolist(), strict=True))
    for name in ("is_current", "new_contract_years", "unlimited_share", "perks"):
        assert weights[name] == pytest.approx(known[name], abs=0.15), name
    # The two bills are hardly told apart; together they weigh what the recent one does.
    assert weights["recent_bill"] + weights["expected_bill"] == pytest.approx(-0.15, abs=0.02)
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
    weights = dict(zip(ALTERNATIVE_FEATURES, model.weights_.tolist(), strict=True))
    assert weights["recent_bill"] + weights["expected_bill"] < 0  # dearer plans are taken less
    assert weights["is_current"] > 0  # inertia


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


def test_the_penalty_counts_weights_a_standard_deviation(catalogue: Catalogue) -> None:
    # Few rows and a strong penalty: the optimum depends on what a unit is. It is the standard deviation of a feature
    # over the plans that could be taken, of these plans themselves and not of a larger population.
    rows = rows_of(np.random.default_rng(5), 3)
    found = ConditionalLogit(catalogue, history_months=1, l2=1.0)
    alternatives = alternatives_of(rows, catalogue, history_months=1, with_current_plan=True)
    y = np.array([catalogue.plan_ids[int(np.flatnonzero(open_)[2])] for open_ in alternatives.available], dtype=object)
    found.fit(rows, y)
    scale = np.maximum(alternatives.features[alternatives.available].std(axis=0), 1e-9)
    _, gradient = negative_log_likelihood(
        found.weights_ * scale, alternatives.features / scale, alternatives.available, chosen_of(y, catalogue), 1.0
    )
    assert np.abs(found.weights_ * scale).max() > 0.05
    np.testing.assert_allclose(gradient, 0, atol=1e-4)
