"""What leaving depends on, by hand: Megaline's two plans bind nobody; the default rate card has plans that do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planrec.billing import Catalogue
from planrec.offers import LeavingModel, Standing
from planrec.offers.leaving import LEAVING_FEATURES, Situation, bill_rise, leaving_features


def standing(n: int, plans: int, *, current: int = 0, bill: float = 30.0, tenure: float = 0.5) -> Standing:
    """N subscribers to whom every plan costs the same and any other may be offered."""
    offerable = np.ones((n, plans), dtype=np.bool_)
    offerable[:, current] = False
    return Standing(
        np.full(n, current), np.full((n, plans), bill), offerable, rise=np.full(n, 4.0), tenure_years=np.full(n, tenure)
    )


def column(features: np.ndarray, name: str) -> list[float]:
    return features[..., LEAVING_FEATURES.index(name)].tolist()


@pytest.mark.parametrize(
    ("situation", "contacted", "accepted", "binds"),
    [("alone", 0, 0, 0), ("declined", 1, 0, 0), ("accepted", 1, 1, 1)],
)
def test_a_contract_binds_only_who_accepted_and_a_contact_reminds(
    situation: Situation, contacted: int, accepted: int, binds: int
) -> None:
    found = leaving_features(np.array([7.0]), np.array([4.0]), np.array([np.nan]), np.array([True]), situation)
    told = {name: column(found, name)[0] for name in LEAVING_FEATURES}
    assert (told["contacted"], told["accepted"], told["binds"]) == (contacted, accepted, binds)
    assert (told["overpaid"], told["rise"], told["tenure_years"]) == (7, 4, 0)  # an unknown tenure: a newcomer
    assert (told["overpaid_when_contacted"], told["overpaid_when_accepted"]) == (7 * contacted, 7 * accepted)
    assert told["log_overpaid"] == np.log(8)


def test_no_plan_is_overpaid_less_than_nothing(megaline: Catalogue) -> None:
    # The second plan is cheaper, but may not be offered: what it costs less is no negative overpayment.
    people = Standing(
        np.array([0]), np.array([[30.0, 20.0]]), np.zeros((1, 2), dtype=np.bool_), np.zeros(1), np.zeros(1)
    )
    assert people.overpaid.tolist() == [[0, 0]]


def test_overpaid_is_the_larger_of_what_the_months_and_the_forecast_tell(megaline: Catalogue) -> None:
    """The months say 0 and 10; the forecast says 6 and 0."""
    held, other = np.array([0]), np.array([[False, True]])
    people = Standing(held, np.array([[30.0, 40.0]]), other, np.zeros(1), np.zeros(1))
    expected = replace(people, expected=np.array([[46.0, 40.0]]))
    assert people.overpaid.tolist() == [[0, 10]]
    assert expected.overpaid.tolist() == [[6, 10]]
    assert expected.at(np.array([0])).overpaid.tolist() == [[6, 10]]
    # So a contact is no longer harmless to whoever will overpay.
    reminded = np.array([0.1 if name == "overpaid_when_contacted" else 0.0 for name in LEAVING_FEATURES])
    model = LeavingModel(reminded, -2.0)
    before, after = (model.chances(one, megaline) for one in (people, expected))
    assert before.declined == pytest.approx(before.alone)
    assert after.declined > after.alone + 0.05


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


def test_every_weight_counts_once_in_every_situation(megaline: Catalogue) -> None:
    # Alone: 1 + 4 x .5 (rise) + .5 x 2 (years) = 4; a contact takes .75 off, accepting adds .25 to that.
    weights = {"rise": 0.5, "tenure_years": 2.0, "contacted": -0.75, "accepted": 0.25}
    n = len(LEAVING_FEATURES)
    model = LeavingModel(np.array([weights.get(x, 0.0) for x in LEAVING_FEATURES]), 1.0, np.zeros((n + 1, n + 1)))
    found = model.chances(standing(1, 2), megaline)
    logits = found.alone, found.declined, found.accepted[:, 1]
    for chance, logit in zip(logits, (4.0, 3.25, 3.5), strict=True):
        assert chance.tolist() == pytest.approx([1 / (1 + np.exp(-logit))])


def test_rows_of_a_standing_stay_together() -> None:
    people = standing(3, 2)
    people.bill[1], people.rise[1], people.tenure_years[1], people.current[1] = [1.0, 2.0], 3.0, 4.0, 1
    people.offerable[1] = [True, False]
    one = people.at(np.array([1]))
    assert (one.current.tolist(), one.bill.tolist(), one.offerable.tolist()) == ([1], [[1, 2]], [[True, False]])
    assert (one.rise.tolist(), one.tenure_years.tolist()) == ([3], [4])


def test_only_a_plan_with_a_minimum_term_binds_who_accepts_it(catalogue: Catalogue) -> None:
    weights = np.array([-3.0 if name == "binds" else 0.0 for name in LEAVING_FEATURES])
    found = LeavingModel(weights, 0.0).chances(standing(1, len(catalogue.plans), current=5), catalogue).accepted[0]
    terms = [plan.contract_months for plan in catalogue.plans]
    assert 0 in terms
    for place, term in enumerate(terms):
        if place != 5:
            assert found[place] == pytest.approx(1 / (1 + np.exp(3)) if term else 0.5), catalogue.plan_ids[place]
