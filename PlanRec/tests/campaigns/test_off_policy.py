from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from planrec.campaigns.off_policy import (
    PolicyValue,
    doubly_robust,
    effective_sample_size,
    importance_weights,
    inverse_propensity,
    self_normalised,
)

# Four offers: the weights are 1, 1, 2 and 0.
REWARDS = [2.0, 0.0, 1.0, 3.0]
LOGGED = [0.5, 0.5, 0.25, 0.5]
TARGET = [0.5, 0.5, 0.5, 0.0]


def test_importance_weights_are_target_over_logged_and_cut_where_asked() -> None:
    assert importance_weights(LOGGED, TARGET).tolist() == [1, 1, 2, 0]
    assert importance_weights(LOGGED, TARGET, max_weight=1.5).tolist() == [1, 1, 1.5, 0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param(
            {"propensities": [0.5, 0.0]}, r"propensities: not all in \(0, 1\]\. An offer", id="impossible-offer"
        ),
        pytest.param({"propensities": [0.5, 1.1]}, r"propensities: not all in \(0, 1\]", id="above-one"),
        pytest.param({"propensities": [0.5, np.nan]}, "propensities: not a non-empty column of finite", id="hold-out"),
        pytest.param({"propensities": 0.5}, "propensities: not a non-empty column", id="no-column"),
        pytest.param({"propensities": [], "target": []}, "propensities: not a non-empty column", id="empty"),
        pytest.param({"target": [0.5]}, r"target: 1 values for 2 offers\. Give one value per offer", id="short"),
        pytest.param({"target": [0.5, -0.1]}, r"target: not all in \[0, 1\]", id="negative"),
        pytest.param({"target": [0.5, 1.5]}, r"target: not all in \[0, 1\]", id="target-above-one"),
        pytest.param({"max_weight": 0.0}, r"max_weight is 0\.0; give a positive number", id="no-weight-left"),
        pytest.param({"max_weight": np.nan}, "max_weight is nan", id="weight-missing"),
    ],
)
def test_importance_weights_refuse_what_is_no_chance(changed: dict[str, object], message: str) -> None:
    given_: dict[str, object] = {"propensities": [0.5, 0.5], "target": [0.5, 0.5], **changed}
    with pytest.raises(DataError, match=message):
        importance_weights(**given_)  # type: ignore[arg-type]


@given(st.lists(st.floats(0.01, 50), min_size=1, max_size=30))
def test_effective_sample_size_lies_between_one_and_all(weights: list[float]) -> None:
    size = effective_sample_size(np.array(weights))
    assert 1 - 1e-9 <= size <= len(weights) + 1e-9
    assert effective_sample_size(np.full(len(weights), weights[0])) == pytest.approx(len(weights))


def test_effective_sample_size_of_nothing_is_zero() -> None:
    assert effective_sample_size(np.zeros(3)) == 0


def test_inverse_propensity_by_hand() -> None:
    value = inverse_propensity(REWARDS, LOGGED, TARGET)
    # weight x reward: 2, 0, 2, 0; mean 1; residuals 1, -1, 1, -1; se = sqrt(4/3 x 4) / 4
    assert value.interval.estimate == 1
    assert value.se == pytest.approx(np.sqrt(16 / 3) / 4)
    assert value.interval.low == pytest.approx(1 - 1.959964 * value.se, abs=1e-6)
    assert value.interval.high == pytest.approx(1 + 1.959964 * value.se, abs=1e-6)
    assert value.effective_sample_size == pytest.approx(4**2 / 6)
    assert (value.clipped_share, value.offers, value.interval.level) == (0, 4, 0.95)


def test_clipping_lowers_the_estimate_and_is_counted() -> None:
    value = inverse_propensity(REWARDS, LOGGED, TARGET, max_weight=1)
    assert value.interval.estimate == (2 + 0 + 1 + 0) / 4
    assert value.clipped_share == 0.25


def test_self_normalised_by_hand() -> None:
    value = self_normalised([2.0, 0.0, 3.0, 9.0], LOGGED, TARGET)
    # (2 + 0 + 2 x 3) / 4 = 2; weight x (reward - 2): 0, -2, 2, 0; the mean weight is 1
    assert value.interval.estimate == 2
    assert value.se == pytest.approx(np.sqrt(4 / 3 * 8) / 4)


@settings(deadline=None)
@given(st.floats(-100, 100), st.lists(st.floats(0.02, 1), min_size=4, max_size=4))
def test_self_normalised_stays_among_the_rewards_and_follows_a_shift(shift: float, logged: list[float]) -> None:
    target = [0.3, 0.2, 0.5, 0.1]
    value = self_normalised(REWARDS, logged, target)
    shifted = self_normalised(np.array(REWARDS) + shift, logged, target)
    assert 0 <= value.interval.estimate <= 3
    assert shifted.interval.estimate == pytest.approx(value.interval.estimate + shift)
    assert shifted.se == pytest.approx(value.se, abs=1e-9)


def test_self_normalised_refuses_a_policy_the_log_says_nothing_of() -> None:
    with pytest.raises(DataError, match="no logged offer would be made by this policy"):
        self_normalised(REWARDS, LOGGED, [0.0] * 4)


def test_doubly_robust_trusts_a_perfect_model_and_does_without_a_useless_one() -> None:
    perfect = doubly_robust(REWARDS, LOGGED, TARGET, REWARDS, [1.0, 2.0, 3.0, 6.0])
    assert perfect.interval.estimate == 3
    useless = doubly_robust(REWARDS, LOGGED, TARGET, [0.0] * 4, [0.0] * 4)
    assert useless == inverse_propensity(REWARDS, LOGGED, TARGET)


Estimator = Callable[..., PolicyValue]


def _with_a_model(*log: object, **options: object) -> PolicyValue:
    return doubly_robust(*log, [1.0] * len(log[0]), [1.5] * len(log[0]), **options)  # type: ignore[arg-type]


ESTIMATORS = [
    pytest.param(inverse_propensity, id="ips"),
    pytest.param(self_normalised, id="snips"),
    pytest.param(_with_a_model, id="dr"),
]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_estimators_know_that_rows_of_one_subscriber_are_no_news(estimator: Estimator) -> None:
    once = estimator(REWARDS, LOGGED, TARGET)
    twice = estimator(REWARDS * 2, LOGGED * 2, TARGET * 2, groups=["a", "b", "c", "d"] * 2)
    assert twice.interval.estimate == pytest.approx(once.interval.estimate)
    assert twice.se == pytest.approx(once.se)
    assert estimator(REWARDS * 2, LOGGED * 2, TARGET * 2).se < once.se


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_estimators_refuse_one_subscriber_a_missing_reward_and_a_level_of_one(estimator: Estimator) -> None:
    with pytest.raises(DataError, match=r"1 group\(s\): an interval needs at least 2"):
        estimator(REWARDS, LOGGED, TARGET, groups=["a"] * 4)
    with pytest.raises(DataError, match="rewards: not a non-empty column of finite numbers"):
        estimator([1.0, 2.0, 3.0, np.nan], LOGGED, TARGET)
    with pytest.raises(DataError, match=r"rewards: 5 values for 4 offers"):
        estimator([*REWARDS, 1.0], LOGGED, TARGET)
    with pytest.raises(DataError, match=r"level 1 is not inside \(0, 1\)"):
        estimator(REWARDS, LOGGED, TARGET, level=1)


@pytest.mark.parametrize("name", ["predicted_logged", "predicted_target"])
def test_doubly_robust_refuses_missing_predictions(name: str) -> None:
    predictions = {"predicted_logged": [1.0] * 4, "predicted_target": [1.0] * 4, name: [1.0, np.nan, 1.0, 1.0]}
    with pytest.raises(DataError, match=f"{name}: not a non-empty column of finite numbers"):
        doubly_robust(REWARDS, LOGGED, TARGET, **predictions)


@pytest.mark.parametrize("estimator", ESTIMATORS[:2])
def test_estimators_leave_a_log_of_the_policy_itself_as_it_is(estimator: Estimator) -> None:
    value = estimator(REWARDS, LOGGED, LOGGED)
    assert value.interval.estimate == 1.5
    assert value.effective_sample_size == 4


def test_self_normalised_does_not_depend_on_the_unit_of_the_weights() -> None:
    # Half the target chance: weights 1/2, 1/2, 1 and 0, of which the mean is 1/2. The estimate divides by it, and so
    # must the residuals: their standard error is that of weights of mean 1.
    whole = self_normalised([2.0, 0.0, 3.0, 9.0], LOGGED, TARGET)
    half = self_normalised([2.0, 0.0, 3.0, 9.0], LOGGED, [0.25, 0.25, 0.25, 0.0])
    assert half.interval.estimate == whole.interval.estimate == 2
    assert half.se == pytest.approx(np.sqrt(4 / 3 * 8) / 4)
    assert half.interval.high - half.interval.low == pytest.approx(whole.interval.high - whole.interval.low)
