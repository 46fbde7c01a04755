"""What leaving depends on, by hand: Megaline's two plans bind nobody; the default rate card has plans that do."""

from __future__ import annotations

import numpy as np
import pytest

from planrec.billing import Catalogue
from planrec.offers import LeavingModel, Standing
from planrec.offers.leaving import LEAVING_FEATURES, bill_rise, leaving_features


def standing(n: int, plans: int, *, current: int = 0, bill: float = 30.0, tenure: float = 0.5) -> Standing:
    """N subscribers to whom every plan costs the same and any other may be offered."""
    offerable = np.ones((n, plans), dtype=np.bool_)
    offerable[:, current] = False
    return Standing(
        np.full(n, current), np.full((n, plans), bill), offerable, rise=np.full(n, 4.0), tenure_years=np.full(n, tenure)
    )


def column(features: np.ndarray, name: str) -> list[float]:
    return features[:, LEAVING_FEATURES.index(name)].tolist()


def test_a_contract_binds_only_who_accepted_a_plan_that_has_one(catalogue: Catalogue) -> None:
    bound, free = catalogue.index("smart-12"), catalogue.index("basic-6")
    assert catalogue.contract_years[[bound, free]].tolist() == [1.0, 0.0]
    held, accepted = np.array([bound, bound, free, free]), np.array([True, False, True, False])
    contacted = np.ones(4, dtype=np.bool_)
    people = standing(4, len(catalogue.plans))
    found = leaving_features(people, catalogue, held, contacted=contacted, accepted=accepted)
    assert column(found, "binds") == [1, 0, 0, 0]
    assert column(found, "accepted") == [1, 0, 1, 0]


def test_overpayment_is_that_of_the_plan_held_and_reminded_of_by_a_contact(megaline: Catalogue) -> None:
    people = standing(3, 2, current=1)
    people.bill[:] = [20.0, 27.0]
    held, contacted = np.array([1, 1, 0]), np.array([True, False, True])
    found = leaving_features(people, megaline, held, contacted=contacted, accepted=np.array([False, False, True]))
    assert column(found, "overpaid") == [7, 7, 0]
    assert column(found, "overpaid_when_contacted") == [7, 0, 0]
    assert column(found, "rise") == [4, 4, 4]
    assert column(found, "tenure_years") == [0.5, 0.5, 0.5]


def test_an_unknown_tenure_is_that_of_a_newcomer(megaline: Catalogue) -> None:
    nobody = np.zeros(1, dtype=np.bool_)
    people = standing(1, 2, tenure=np.nan)
    found = leaving_features(people, megaline, np.array([0]), contacted=nobody, accepted=nobody)
    assert column(found, "tenure_years") == [0]


def test_no_plan_is_overpaid_less_than_nothing(megaline: Catalogue) -> None:
    # The second plan is cheaper, but may not be offered: what it costs less is no negative overpayment.
    people = Standing(
        np.array([0]), np.array([[30.0, 20.0]]), np.zeros((1, 2), dtype=np.bool_), np.zeros(1), np.zeros(1)
    )
    assert people.overpaid.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("bills", "known", "rise"),
    [
        pytest.param([30.0, 20.0, 10.0], [1, 1, 1], 15, id="last-over-the-mean-before"),
        pytest.param([10.0, 20.0, 30.0], [1, 1, 1], 0, id="a-fall-is-no-rise"),
        pytest.param([30.0, 20.0, 99.0], [1, 1, 0], 10, id="an-unknown-month-does-not-count"),
        pytest.param([30.0, 99.0, 24.0], [1, 0, 1], 6, id="a-gap"),
        pytest.param([30.0, 0.0, 0.0], [1, 0, 0], 0, id="one-month-only"),
    ],
)
def test_a_rise_is_that_of_the_last_bill_over_those_before(bills: list[float], known: list[int], rise: float) -> None:
    assert bill_rise(np.array([bills]), np.array([known], dtype=np.bool_)).tolist() == [rise]


def test_an_offer_changes_the_chance_of_leaving_through_the_answer_and_the_contact(megaline: Catalogue) -> None:
    # 10 overpaid. Odds of leaving 1; a contact that reminds of it makes them 3 (3/4), accepting 1/3 (1/4): half accept.
    weights = {"overpaid_when_contacted": np.log(3) / 10, "accepted": -np.log(3)}
    model = LeavingModel(np.array([weights.get(name, 0.0) for name in LEAVING_FEATURES]), intercept=0.0)
    people = standing(1, 2)
    people.bill[:] = [30.0, 20.0]
    change = model.effect(people, megaline, np.array([[np.nan, 0.5]]))
    assert change[0].tolist() == pytest.approx([np.nan, 0.5 * 0.25 + 0.5 * 0.75 - 0.5], nan_ok=True)
    change = model.effect(people, megaline, np.array([[np.nan, 0.25]]))
    assert change[0, 1] == pytest.approx(0.25 * 0.25 + 0.75 * 0.75 - 0.5)


def test_an_intercept_and_every_weight_count_once(megaline: Catalogue) -> None:
    # Logit of nobody contacted: 1 + 4 x .5 (rise) + .5 x 2 (years) = 4; of all who accept .25 more.
    weights = {"rise": 0.5, "tenure_years": 2.0, "accepted": 0.25}
    model = LeavingModel(np.array([weights.get(name, 0.0) for name in LEAVING_FEATURES]), intercept=1.0)
    change = model.effect(standing(1, 2), megaline, np.array([[np.nan, 1.0]]))
    assert change[0, 1] == pytest.approx(1 / (1 + np.exp(-4.25)) - 1 / (1 + np.exp(-4)))


def test_rows_of_a_standing_stay_together() -> None:
    people = standing(3, 2)
    people.bill[1], people.rise[1], people.tenure_years[1], people.current[1] = [1.0, 2.0], 3.0, 4.0, 1
    people.offerable[1] = [True, False]
    one = people.at(np.array([1]))
    assert (one.current.tolist(), one.bill.tolist(), one.offerable.tolist()) == ([1], [[1, 2]], [[True, False]])
    assert (one.rise.tolist(), one.tenure_years.tolist()) == ([3], [4])
