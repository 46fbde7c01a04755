from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.offers import OfferValue, OfferWeights, offer_values

NAN = np.nan


def offered(megaline: Catalogue, weights: OfferWeights, **changes: np.ndarray) -> OfferValue:
    """Bills 20.00 +- 5.00 on surf and 70.00 on ultimate, which is held; half of the offers are accepted."""
    parts = {
        "mean_cents": np.array([[2000.0, 7000.0]]),
        "spread_cents": np.array([[500.0, 0.0]]),
        "current": np.array([1]),
        "p_accept": np.array([[0.5, NAN]]),
        "churn_change": np.array([[0.02, 0.0]]),
        **changes,
    }
    return offer_values(**parts, catalogue=megaline, weights=weights)  # type: ignore[arg-type]


def test_value_by_hand(megaline: Catalogue) -> None:
    found = offered(megaline, OfferWeights(risk=0.1, margin=0.2, churn_cents=10_000))
    assert found.adjusted_saving_cents[0, 0] == 4950  # 7000 - (2000 + 0.1 x 500)
    assert found.margin_cents[0, 0] == -5000
    assert found.p_accept[0, 0] == 0.5
    assert found.churn_change[0, 0] == 0.02
    assert found.value_cents[0, 0] == pytest.approx(0.5 * (4950 - 0.2 * 5000) - 10_000 * 0.02)


def test_by_default_only_the_saving_and_its_risk_count(megaline: Catalogue) -> None:
    assert offered(megaline, OfferWeights()).value_cents[0, 0] == 0.5 * 4950


def test_a_riskier_bill_of_the_plan_held_is_worth_leaving(megaline: Catalogue) -> None:
    found = offered(megaline, OfferWeights(risk=1.0), spread_cents=np.array([[0.0, 300.0]]))
    assert found.adjusted_saving_cents[0, 0] == 7300 - 2000


def test_perks_cost_the_operator(catalogue: Catalogue) -> None:
    held, other = catalogue.index("unlimited"), catalogue.index("basic-6")  # three perks and none
    n = len(catalogue.plans)
    found = offer_values(
        np.full((1, n), 4000.0),
        np.zeros((1, n)),
        np.array([held]),
        catalogue,
        p_accept=np.ones((1, n)),
        churn_change=np.zeros((1, n)),
        weights=OfferWeights(margin=1.0, perk_cost_cents=150),
    )
    assert found.margin_cents[0, other] == 450  # the same bill, but three perks less to pay
    assert found.value_cents[0, other] == 450


def test_the_plan_held_has_no_value(megaline: Catalogue) -> None:
    two = {
        "mean_cents": np.array([[2000.0, 7000.0]] * 2),
        "spread_cents": np.zeros((2, 2)),
        "current": np.array([0, 1]),
        "p_accept": np.full((2, 2), 0.5),
        "churn_change": np.zeros((2, 2)),
    }
    found = offered(megaline, OfferWeights(), **two)
    for field in dataclasses.fields(OfferValue):
        part = getattr(found, field.name)
        assert np.isnan(part).tolist() == [[True, False], [False, True]], field.name


def test_input_is_left_alone(megaline: Catalogue) -> None:
    p_accept, churn = np.array([[0.5, 0.25]]), np.array([[0.1, 0.2]])
    offered(megaline, OfferWeights(), p_accept=p_accept, churn_change=churn)
    assert p_accept.tolist() == [[0.5, 0.25]]
    assert churn.tolist() == [[0.1, 0.2]]


@given(st.floats(0, 1), st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1e5))
def test_value_falls_as_an_offer_drives_people_away(
    megaline: Catalogue, p_accept: float, churn: float, more: float, weight: float
) -> None:
    weights = OfferWeights(churn_cents=weight)
    first, second = (
        offered(
            megaline, weights, p_accept=np.array([[p_accept, NAN]]), churn_change=np.array([[change, 0.0]])
        ).value_cents[0, 0]
        for change in (churn, churn + more)
    )
    assert second <= first
    assert first - second == pytest.approx(weight * more, abs=1e-6)


def test_unknown_plans_are_refused_and_counted(megaline: Catalogue) -> None:
    two = np.array([[2000.0, 7000.0]] * 2)
    with pytest.raises(DataError, match=r"the current plan of 1 subscriber\(s\) is unknown"):
        offer_values(two, two, np.array([0, -1]), megaline, p_accept=two, churn_change=two, weights=OfferWeights())


def test_the_first_plan_can_be_the_one_held(megaline: Catalogue) -> None:
    found = offered(
        megaline, OfferWeights(risk=0.0), current=np.array([0]), p_accept=np.array([[NAN, 0.25]]),
        churn_change=np.zeros((1, 2)), mean_cents=np.array([[9000.0, 7000.0]]),
    )  # fmt: skip
    assert found.value_cents[0].tolist() == pytest.approx([NAN, 500], nan_ok=True)
