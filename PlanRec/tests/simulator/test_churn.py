from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planrec.billing import Catalogue
from planrec.simulator.bills import bills_of_every_plan
from planrec.simulator.churn import NEVER, ChurnModel, Contacts, hazard, leaving_within
from planrec.simulator.config import ChurnConfig, SimulatorConfig
from planrec.simulator.usage import BURN_IN, Population

NO, YES = np.array([False]), np.array([True])
CALM = {"shock": NO, "tenure": np.zeros(1), "bound": NO, "competitor": False, "salient": NO, "accepted": NO}
RULES = ChurnConfig(base=0, overpay=0.1, shock=0.2, competitor=0.3, tenure=0.4, binding=0.5, salience=0.6, accepted=0.7)


@pytest.mark.parametrize(
    ("changes", "logit"),
    [
        pytest.param({}, 0.2, id="overpay"),
        pytest.param({"shock": YES}, 0.2 + 0.2, id="shock"),
        pytest.param({"competitor": True}, 0.2 + 0.3, id="competitor"),
        pytest.param({"tenure": np.array([6.0])}, 0.2 - 0.2, id="half-a-year"),
        pytest.param({"tenure": np.array([600.0])}, 0.2 - 2.0, id="five-years-at-most"),
        pytest.param({"bound": YES}, 0.2 - 0.5, id="bound"),
        pytest.param({"salient": YES}, 0.2 + 1.2, id="salience-times-overpay"),
        pytest.param({"accepted": YES}, 0.2 - 0.7, id="accepted"),
    ],
)
def test_hazard_adds_its_parts(changes: dict[str, np.ndarray], logit: float) -> None:
    got = hazard(RULES, overpay=np.array([2.0]), **(CALM | changes))
    assert got == pytest.approx(1 / (1 + np.exp(-logit)))


@settings(deadline=None, max_examples=50)
@given(low=st.floats(0, 50), more=st.floats(0, 50))
def test_hazard_rises_with_overpayment_and_faster_where_it_is_salient(low: float, more: float) -> None:
    overpay = np.array([low, low + more])
    quiet = hazard(RULES, overpay=overpay, **CALM)
    loud = hazard(RULES, overpay=overpay, **(CALM | {"salient": YES}))
    assert (np.diff(quiet) >= 0).all()
    assert (loud >= quiet).all()


def test_salience_is_nothing_to_those_who_do_not_overpay() -> None:
    assert hazard(RULES, overpay=np.zeros(1), **(CALM | {"salient": YES})) == hazard(RULES, overpay=np.zeros(1), **CALM)


def test_leaving_within_some_months_is_what_not_staying_is() -> None:
    assert leaving_within(np.array([[0.1], [0.2], [0.0]])) == pytest.approx([1 - 0.9 * 0.8])


def one_subscriber(megaline: Catalogue, minutes: list[float], joined: int = -BURN_IN) -> ChurnModel:
    """One person, 3 months before and 3 + 2 in and after the table, who calls so much."""
    demand = np.zeros((1, len(minutes), 3))
    demand[0, :, 0] = minutes
    one, three = np.zeros(1, dtype=np.int64), np.zeros((1, 3))
    people = Population(
        segment=one,
        age=one + 40,
        level=three,
        score=three,
        growth=three,
        texts=np.array([True]),
        joined=one + joined,
        first_day=one + 15,
        first_share=np.array([0.5 if joined >= 0 else 1.0]),
    )
    bills = bills_of_every_plan(demand, [megaline] * len(minutes), 0)
    config = SimulatorConfig(subscribers=1, months=3, later_months=2, churn=RULES, first_month="2025-04")
    return ChurnModel(config, megaline, people, bills)


def test_experience_is_what_each_plan_would_have_cost_beyond_the_cheapest(megaline: Catalogue) -> None:
    model = one_subscriber(megaline, [500, 600, 500, 2500, 0, 0, 0, 0])
    overpay, shock = model.experience(np.array([0]), 0)
    assert overpay.tolist() == [[0, 49]]  # (20 + 23 + 20) / 3 = 21 against 70
    assert shock.tolist() == [[False, False]]
    overpay, shock = model.experience(np.array([0]), 1)
    assert shock.tolist() == [[True, False]]  # 80 after 21; the dear plan stays at 70
    assert overpay[0, 1] == pytest.approx(70 - (23 + 20 + 80) / 3)


def test_experience_counts_whole_months_only(megaline: Catalogue) -> None:
    model = one_subscriber(megaline, [0, 0, 0, 9000, 500, 500, 500, 500], joined=0)
    overpay, shock = model.experience(np.array([0]), 1)
    assert overpay.tolist() == [[0, 0]]  # the first month was half a one
    assert not shock.any()
    assert model.experience(np.array([0]), 2)[0].tolist() == [[0, 50]]


def test_effect_of_an_offer_differs_by_what_is_salient_and_what_was_accepted(megaline: Catalogue) -> None:
    model = one_subscriber(megaline, [0] * 8)
    rows, never = np.array([0]), Contacts(np.array([NEVER]), np.array([NEVER]))
    none, declined, accepted = model.effect(
        rows,
        0,
        current=np.array([1]),
        left=np.array([0]),
        terms=np.array([12, 0]),
        tenure=np.array([0]),
        contacts=never,
    )

    def chance(overpay: float, salient: float, taken: float, bound: float) -> float:
        logits = [0.1 * overpay + 0.6 * salient * overpay - 0.7 * taken - 0.5 * bound - 0.4 * s / 12 for s in range(3)]
        return 1 - float(np.prod([1 - 1 / (1 + np.exp(-x)) for x in logits]))

    assert none == pytest.approx([chance(50, 0, 0, 0)])
    assert declined == pytest.approx([chance(50, 1, 0, 0)])
    assert accepted == pytest.approx(np.array([[chance(0, 1, 1, 1), chance(50, 1, 1, 0)]]))


def test_competitors_campaign_in_their_months(megaline: Catalogue) -> None:
    model = one_subscriber(
        megaline, [0] * 8
    )  # the table starts in April, a competitor campaigns in March and September
    no = np.zeros((1, 1), dtype=np.bool_)
    never = Contacts(np.array([NEVER]), np.array([NEVER]))
    nothing = {"left": np.zeros((1, 1), dtype=np.int64), "tenure": np.zeros(1, dtype=np.int64), "contacts": never}
    april, september = (model.hazards((np.zeros((1, 1)), no), t, **nothing)[0, 0] for t in (0, 5))
    assert (april, september) == (0.5, pytest.approx(1 / (1 + np.exp(-0.3))))
