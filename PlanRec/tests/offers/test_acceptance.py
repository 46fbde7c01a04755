from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_utils.errors import ArtifactError, DataError
from planrec.decisions.alternatives import ALTERNATIVE_FEATURES
from planrec.offers import AcceptanceModel
from planrec.offers.acceptance import ACCEPTANCE_FEATURES, acceptance_features

N = len(ALTERNATIVE_FEATURES)


def model(intercept: float = 0.0, **weights: float) -> AcceptanceModel:
    return AcceptanceModel(np.array([weights.get(name, 0.0) for name in ACCEPTANCE_FEATURES]), intercept)


def test_features_name_every_difference_but_whether_the_plan_is_held() -> None:
    assert len(ACCEPTANCE_FEATURES) == N
    assert "is_current_difference" not in ACCEPTANCE_FEATURES
    assert ACCEPTANCE_FEATURES[0] == "recent_bill_difference"
    assert ACCEPTANCE_FEATURES[-1] == "contacts_90d"


def test_features_are_those_of_the_plan_less_those_of_the_plan_held() -> None:
    features = np.arange(2 * 3 * N, dtype=np.float64).reshape(2, 3, N)
    before = features.copy()
    found = acceptance_features(features, np.array([0, 2]), np.array([4.0, np.nan]))
    assert found.shape == (2, 3, N)
    # Each plan's numbers are N above the plan's before it.
    assert found[0].tolist() == [[0.0] * (N - 1) + [4], [N] * (N - 1) + [4], [2 * N] * (N - 1) + [4]]
    assert found[1, :, 0].tolist() == [-2 * N, -N, 0]
    assert found[1, :, -1].tolist() == [0, 0, 0]  # contacts that nobody recorded are none
    np.testing.assert_array_equal(features, before)


def test_whether_a_plan_is_held_is_not_a_difference() -> None:
    features = np.zeros((1, 2, N))
    features[0, 1, ALTERNATIVE_FEATURES.index("is_current")] = 1
    assert not acceptance_features(features, np.array([1]), np.zeros(1)).any()


def test_an_offer_needs_the_plan_held() -> None:
    message = r"offers: the current plan of 2 subscriber\(s\) is unknown; an offer needs one\."
    with pytest.raises(DataError, match=message):
        model().chances(np.zeros((3, 2, N)), np.array([-1, 0, -1]), np.zeros(3))


def test_chances_by_hand() -> None:
    features = np.zeros((2, 2, N))
    features[:, 0, ALTERNATIVE_FEATURES.index("recent_bill")] = 10.0  # plan 0 is 10 dearer
    # logit: 1 - 0.1 x difference - 0.5 x contacts
    found = model(1.0, recent_bill_difference=-0.1, contacts_90d=-0.5).chances(
        features, np.array([0, 1]), np.array([0.0, 2.0])
    )
    assert np.isnan(found[0, 0])
    assert found[0, 1] == pytest.approx(1 / (1 + np.exp(-2)))  # 1 + 1
    assert found[1, 0] == pytest.approx(1 / (1 + np.exp(1)))  # 1 - 1 - 1
    assert np.isnan(found[1, 1])


def test_chances_stay_within_0_and_1_for_any_utility() -> None:
    features = np.zeros((1, 3, N))
    features[0, :, 0] = [0.0, 1e6, -1e6]
    found = model(recent_bill_difference=1.0).chances(features, np.array([0]), np.zeros(1))
    assert found[0, 1] == 1
    assert 0 <= found[0, 2] < 1e-200


@given(st.floats(-50, 50), st.floats(0.01, 20))
def test_a_dearer_offer_is_accepted_less_where_bills_weigh(bill: float, more: float) -> None:
    features = np.zeros((1, 3, N))
    features[0, 1:, 0] = [bill, bill + more]
    found = model(recent_bill_difference=-0.1).chances(features, np.array([0]), np.zeros(1))[0]
    assert found[2] < found[1]


def test_model_survives_json() -> None:
    first = AcceptanceModel(np.linspace(-1, 1, N), intercept=-2.5)
    again = AcceptanceModel.from_dict(json.loads(json.dumps(first.to_dict())))
    assert again.weights.tolist() == first.weights.tolist()
    assert again.intercept == -2.5


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"intercept": 0.0}, id="no-weights"),
        pytest.param({"weights": dict.fromkeys(ACCEPTANCE_FEATURES, 0.0)}, id="no-intercept"),
        pytest.param({"weights": dict.fromkeys(ACCEPTANCE_FEATURES[1:], 0.0), "intercept": 0}, id="one-short"),
        pytest.param({"weights": dict.fromkeys(ACCEPTANCE_FEATURES, "x"), "intercept": 0}, id="text"),
        pytest.param({"weights": [0.0] * N, "intercept": 0}, id="list"),
        pytest.param({"weights": dict.fromkeys(ACCEPTANCE_FEATURES, 0.0), "intercept": None}, id="null"),
    ],
)
def test_a_model_that_cannot_be_read_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError, match=r"acceptance model: a weight is missing or is not a number; train again\."):
        AcceptanceModel.from_dict(values)


def test_unknown_plans_are_refused_and_counted_and_the_first_is_known() -> None:
    features = np.zeros((2, 2, 8))
    features[:, :, 0] = [10.0, 4.0]
    with pytest.raises(DataError, match=r"the current plan of 1 subscriber\(s\) is unknown"):
        acceptance_features(features, np.array([0, -1]), np.zeros(2))
    found = acceptance_features(features, np.array([0, 1]), np.array([np.nan, 3.0]))
    assert found[:, :, 0].tolist() == [[0, -6], [6, 0]]
    assert found[:, :, -1].tolist() == [[0, 0], [3, 3]]
