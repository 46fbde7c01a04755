from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.choice.boosting import MonotoneBoosting
from planrec.config import ChallengerConfig
from planrec.decisions.choice_sets import BOOSTING_FEATURES, DECIDED_FEATURES, NUMBER_FEATURES

SMALL = ChallengerConfig(max_iter=15, min_samples_leaf=20)
HELD = ("basic-6", "smart-12", "data-20", "unlimited")
BILLS = ("recent_bill", "recent_spread", "expected_bill", "bill_spread")


def rows_of(seed: int, n: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "minutes_1": rng.gamma(2, 200, n),
            "messages_1": rng.poisson(20, n).astype(float),
            "megabytes_1": rng.gamma(2, 6000, n),
            "minutes_2": rng.gamma(2, 200, n),
            "messages_2": rng.poisson(20, n).astype(float),
            "megabytes_2": rng.gamma(2, 6000, n),
            "current_plan": rng.choice(HELD, n),
            "month": "2025-12",
            "age": rng.uniform(18, 80, n),
            "tenure_months": rng.integers(0, 40, n).astype(float),
        }
    )


def choices(rows: pd.DataFrame, seed: int) -> np.ndarray:
    """Two in three stay; the others take one of the common plans, the heavy ones more often a large one."""
    rng = np.random.default_rng(seed)
    heavy = np.where(rows["megabytes_1"] > 12_000, "unlimited", "basic-6")
    moved = np.where(rng.random(len(rows)) < 0.7, heavy, rng.choice(HELD, len(rows)))
    return np.where(rng.random(len(rows)) < 2 / 3, rows["current_plan"], moved).astype(object)


def boosting(catalogue: Catalogue, **changes: object) -> MonotoneBoosting:
    return MonotoneBoosting(catalogue, SMALL, history_months=2, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def fitted(catalogue: Catalogue) -> MonotoneBoosting:
    rows = rows_of(0, 800)
    return boosting(catalogue).fit(rows, choices(rows, 1))


def column(name: str) -> int:
    return BOOSTING_FEATURES.index(name)


@given(
    st.integers(0, 2**31),
    st.lists(st.floats(0, 60), min_size=4, max_size=4).filter(any),
    st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_a_dearer_or_less_certain_bill_never_raises_the_raw_chance(
    fitted: MonotoneBoosting, seed: int, more: list[float], unknown: bool
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.uniform(-5, 60, (30, len(BOOSTING_FEATURES)))
    rows[:, column("is_current")] = rng.integers(0, 2, 30)
    rows[:, column("logit_utility")] = -rng.gamma(1, 2, 30)
    if unknown:
        rows[:, [column("current_above_cheapest"), column("age")]] = np.nan
    dearer = rows.copy()
    dearer[:, [column(name) for name in BILLS]] += more
    first, second = (fitted.forest_.predict_proba(part)[:, 1] for part in (rows, dearer))
    assert (second <= first + 1e-12).all()


def test_a_dearer_bill_never_raises_the_raw_chance_through_the_current_one(fitted: MonotoneBoosting) -> None:
    # Plans not held, against a fixed current one.
    rng = np.random.default_rng(0)
    n = 5000
    rows = np.zeros((n, len(BOOSTING_FEATURES)))
    rows[:, column("recent_bill")] = rows[:, column("expected_bill")] = rng.uniform(0, 60, n)
    rows[:, column("current_above_cheapest")] = rng.uniform(0, 60, n)
    rows[:, column("perks")] = rng.integers(0, 4, n)
    rows[:, column("fee_distance")] = rng.uniform(0, 2, n)
    rows[:, column("logit_utility")] = -rng.gamma(1, 2, n)
    dearer = rows.copy()
    dearer[:, [column(name) for name in ("recent_bill", "expected_bill")]] += 5
    first, second = (fitted.forest_.predict_proba(part)[:, 1] for part in (rows, dearer))
    assert (second <= first + 1e-12).all()


@given(st.integers(0, 2**31), st.floats(0.1, 5))
@settings(deadline=None, max_examples=20)
def test_what_the_logit_likes_better_never_has_a_lower_raw_chance(
    fitted: MonotoneBoosting, seed: int, more: float
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.uniform(-5, 60, (30, len(BOOSTING_FEATURES)))
    rows[:, column("logit_utility")] = -rng.gamma(1, 2, 30)
    better = rows.copy()
    better[:, column("logit_utility")] += more
    first, second = (fitted.forest_.predict_proba(part)[:, 1] for part in (rows, better))
    assert (second >= first - 1e-12).all()


def test_trees_learn_from_bills(fitted: MonotoneBoosting) -> None:
    # The laws above would hold for trees that never look at a bill.
    rows = np.zeros((2, len(BOOSTING_FEATURES)))
    rows[1, [column("recent_bill"), column("expected_bill")]] = 60
    rows[:, column("logit_utility")] = [-0.1, -8]
    first, second = fitted.forest_.predict_proba(rows)[:, 1]
    assert second < first


def test_a_tree_looks_at_one_number_on_its_way_to_a_leaf(fitted: MonotoneBoosting) -> None:
    names = [BOOSTING_FEATURES[place] for place in fitted.known_]
    seen = set[str]()

    def numbers(nodes: np.ndarray, at: int, above: frozenset[str]) -> None:
        node = nodes[at]
        if node["is_leaf"]:
            assert len(above) <= 1
            seen.update(above)
            return
        name = names[node["feature_idx"]]
        below = above if name in DECIDED_FEATURES else above | {name}
        numbers(nodes, node["left"], below)
        numbers(nodes, node["right"], below)

    for (predictor,) in fitted.forest_._predictors:
        numbers(predictor.nodes, 0, frozenset())
    assert len(seen) > 2
    assert set(DECIDED_FEATURES) | set(NUMBER_FEATURES) == set(BOOSTING_FEATURES)


def test_probabilities_are_those_of_the_choice_set(fitted: MonotoneBoosting, catalogue: Catalogue) -> None:
    rows = rows_of(5, 100)
    rows.loc[0, "current_plan"] = "flex-5"
    p = fitted.predict_proba(rows)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=0, atol=1e-12)
    flex, young, senior = (p[:, catalogue.index(plan)] for plan in ("flex-5", "young-10", "senior-talk"))
    assert flex[0] > 0  # withdrawn, but who holds it may keep it
    assert (flex[1:] == 0).all()
    assert ((young > 0) == (rows["age"] <= 27)).all()
    assert ((senior > 0) == (rows["age"] >= 60)).all()


def test_a_plan_never_seen_in_training_gets_its_probability(fitted: MonotoneBoosting, catalogue: Catalogue) -> None:
    taken = set(choices(rows_of(0, 800), 1))
    assert "max-voice" not in taken
    p = fitted.predict_proba(rows_of(6, 200))[:, catalogue.index("max-voice")]
    assert (p > 0).all()
    assert p.mean() < 0.5


def test_staying_is_learnt(fitted: MonotoneBoosting, catalogue: Catalogue) -> None:
    rows = rows_of(7, 200)
    held = [catalogue.index(plan) for plan in rows["current_plan"]]
    assert 0.4 < fitted.predict_proba(rows)[np.arange(200), held].mean() < 0.9


def test_same_seed_gives_the_same_answer_and_input_is_left_alone(catalogue: Catalogue) -> None:
    rows, more = rows_of(8, 300), rows_of(9, 50)
    y = choices(rows, 2)
    before = rows.copy(), y.copy(), more.copy()
    first, second = (boosting(catalogue, seed=3).fit(rows, y).predict_proba(more) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    pd.testing.assert_frame_equal(rows, before[0])
    assert y.tolist() == before[1].tolist()
    pd.testing.assert_frame_equal(more, before[2])


def test_estimator_can_be_cloned_and_knows_the_plans_of_its_catalogue(
    fitted: MonotoneBoosting, catalogue: Catalogue
) -> None:
    again = clone(fitted)
    assert again.config == SMALL
    assert (again.history_months, again.with_current_plan, again.seed) == (2, True, 0)
    with pytest.raises(NotFittedError):
        _ = again.classes_
    with pytest.raises(NotFittedError):
        again.predict_proba(rows_of(0, 2))
    assert fitted.classes_.tolist() == list(catalogue.plan_ids)


def test_size_of_the_forest_is_that_of_the_settings(fitted: MonotoneBoosting, catalogue: Catalogue) -> None:
    assert fitted.forest_.n_iter_ == 15
    rows = rows_of(0, 60)
    default = MonotoneBoosting(catalogue, history_months=2).fit(rows, choices(rows, 1))
    assert default.forest_.n_iter_ == ChallengerConfig().max_iter


def test_a_table_and_plain_arrays_give_the_same(fitted: MonotoneBoosting) -> None:
    rows = rows_of(10, 40)
    arrays = {str(name): rows[name].to_numpy() for name in rows.columns}
    np.testing.assert_array_equal(fitted.predict_proba(rows), fitted.predict_proba(arrays))


def test_rows_may_lack_what_the_trees_were_fitted_with(fitted: MonotoneBoosting) -> None:
    p = fitted.predict_proba(rows_of(11, 20).drop(columns=["age", "tenure_months"]).assign(current_plan=None))
    np.testing.assert_allclose(p.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("missing", "with_current_plan"),
    [
        pytest.param(["age", "tenure_months"], True, id="no-age-or-tenure"),
        pytest.param(["current_plan"], False, id="no-current-plan"),
    ],
)
def test_a_source_may_lack_what_is_optional(catalogue: Catalogue, missing: list[str], with_current_plan: bool) -> None:
    rows = rows_of(12, 200)
    y = choices(rows, 1)
    model = boosting(catalogue, with_current_plan=with_current_plan).fit(rows.drop(columns=missing), y)
    np.testing.assert_allclose(model.predict_proba(rows.drop(columns=missing)).sum(axis=1), 1)


def test_who_took_a_plan_outside_the_choice_set_could_take_it(catalogue: Catalogue) -> None:
    rows = rows_of(13, 60)
    y = choices(rows, 1)
    y[:5] = "flex-5"
    assert np.isfinite(boosting(catalogue).fit(rows, y).predict_proba(rows)).all()


def test_a_plan_outside_the_rate_card_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(DataError, match=r"1 plan\(s\) taken are not in rate card 'operator-2025-01'"):
        boosting(catalogue).fit(rows_of(0, 2), np.array(["gone", "unlimited"], dtype=object))
