from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planrec.billing import Catalogue, Usage, bill_totals
from planrec.simulator.bills import allowances, bills_of_every_plan, respond


def test_allowances_are_endless_where_unlimited(catalogue: Catalogue) -> None:
    included = allowances(catalogue)
    assert included[catalogue.index("voice-free")].tolist() == [np.inf, np.inf, 15360]
    assert included[catalogue.index("prepaid-0")].tolist() == [0, 0, 1024]


@pytest.mark.parametrize(
    ("demand", "included", "used"),
    [
        pytest.param(100, 200, 104, id="half-free"),
        pytest.param(100, np.inf, 108, id="unlimited"),
        pytest.param(200, 200, 200, id="exactly-used-up"),
        pytest.param(300, 200, 300, id="beyond"),
        pytest.param(100, 0, 100, id="nothing-included"),
        pytest.param(0, np.inf, 0, id="no-demand"),
    ],
)
def test_usage_rises_by_the_response_times_the_share_left_free(demand: float, included: float, used: float) -> None:
    got = respond(np.full(3, float(demand)), np.full(3, included), 0.08, whole_minutes=True)
    assert got.tolist() == [used] * 3


@settings(deadline=None, max_examples=60)
@given(
    demand=st.lists(st.integers(0, 5000), min_size=3, max_size=3),
    included=st.lists(st.integers(0, 5000), min_size=3, max_size=3),
    response=st.floats(0, 0.5),
)
def test_response_never_pushes_usage_past_an_allowance(demand: list[int], included: list[int], response: float) -> None:
    wanted, allowed = np.array(demand, dtype=np.float64), np.array(included, dtype=np.float64)
    used = respond(wanted, allowed, response, whole_minutes=True)
    assert (used >= wanted).all()
    assert (used <= np.maximum(wanted, allowed)).all()
    assert (used <= wanted * (1 + response) + 0.5).all()


def test_bills_without_a_response_are_re_rated_ones(catalogue: Catalogue) -> None:
    demand = np.array([[[310.0, 120, 7000], [20, 0, 900.5]]])
    re_rated = bill_totals(Usage(demand[..., 0], demand[..., 1], demand[..., 2]), catalogue)
    assert (bills_of_every_plan(demand, [catalogue] * 2, 0) == re_rated).all()


def test_bills_follow_the_card_of_their_month(megaline: Catalogue) -> None:
    dearer = tuple(p.model_copy(update={"monthly_fee_cents": p.monthly_fee_cents + 100}) for p in megaline.plans)
    cards = [megaline, megaline, replace(megaline, plans=dearer)]
    bills = bills_of_every_plan(np.zeros((1, 3, 3)), cards, 0.08)
    assert bills[0].tolist() == [[2000, 7000], [2000, 7000], [2100, 7100]]


def test_bills_feel_the_response_where_a_plan_leaves_headroom(megaline: Catalogue) -> None:
    # 15,000 MB of 15,360 on surf, of 30,720 on ultimate: neither rises past its allowance; 40,000 MB rise on neither.
    demand = np.array([[[0.0, 0, 15000], [0, 0, 40000]]])
    assert (bills_of_every_plan(demand, [megaline] * 2, 0.1) == bills_of_every_plan(demand, [megaline] * 2, 0)).all()
