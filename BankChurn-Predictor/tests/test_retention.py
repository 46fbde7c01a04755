from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bankchurn.retention import (
    Economics,
    best_profit_threshold,
    contact_count,
    contact_list,
    expected_profit,
    gain_curve,
)
from common_utils.errors import DataError

# A contact brings 100 euro where the customer leaves, and costs 25: it pays from a probability of 0.25.
ALL = Economics(kept_value=400, success_rate=0.25, contact_cost=25, budget_share=1.0)
HALF = Economics(kept_value=400, success_rate=0.25, contact_cost=25, budget_share=0.5)


def test_expected_profit_is_zero_at_the_break_even() -> None:
    assert ALL.break_even == 0.25
    assert expected_profit([0.25, 1.0], ALL).tolist() == [0.0, 75.0]


def test_a_contact_list_stops_at_the_budget_or_where_a_contact_costs_more() -> None:
    found = contact_list([0.1, 0.9, 0.9, 0.3], HALF)
    assert (found.order.tolist(), found.contacts) == ([1, 2, 3, 0], 2)
    assert found.profit.tolist() == [65, 65, 5, -15]
    assert found.total.tolist() == [65, 130, 130, 130]
    assert contact_list([0.1, 0.9, 0.9, 0.3], ALL).contacts == 3
    assert contact_list([0.2, 0.1], ALL).total.tolist() == [0, 0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_the_total_is_the_sum_of_the_profits_shown(probability: list[float]) -> None:
    found = contact_list(probability, HALF)
    shown = sum(round(100 * profit) for profit in found.profit[: found.contacts].tolist())
    assert round(100 * found.total[-1]) == shown
    assert (np.diff(found.profit) <= 0).all()


def test_the_list_ends_where_a_contact_costs_more_than_it_brings() -> None:
    assert contact_count([0.9, 0.3, 0.25, 0.1], ALL) == 2


def test_the_list_ends_with_the_budget() -> None:
    assert contact_count([0.9, 0.8, 0.7, 0.6], HALF) == 2


def test_profit_threshold_stays_within_the_budget() -> None:
    p, left = [0.9, 0.8, 0.7, 0.1], [1, 1, 1, 0]
    assert best_profit_threshold(p, left, ALL) == pytest.approx(0.4)
    assert best_profit_threshold(p, left, HALF) == pytest.approx(0.75)


def test_profit_threshold_does_not_cut_through_equal_probabilities() -> None:
    # Three customers share the best probability and the budget holds two: nobody can be told apart, nobody is called.
    assert best_profit_threshold([0.9, 0.9, 0.9, 0.1], [1, 1, 1, 0], HALF) > 1


def test_profit_threshold_says_no_where_no_contact_pays() -> None:
    dear = Economics(kept_value=10, success_rate=0.5, contact_cost=25, budget_share=1.0)
    assert best_profit_threshold([0.9, 0.1], [1, 0], dear) > 1


def test_gain_curve_by_hand() -> None:
    rows = gain_curve([0.75, 0.5, 0.25, 0.0], [1, 0, 1, 0], ALL, shares=[0, 0.25, 0.5, 1.0])
    assert [row["contacts"] for row in rows] == [0, 1, 2, 4]
    assert [row["leavers_reached"] for row in rows] == [0, 0.5, 0.5, 1.0]
    assert [row["expected"] for row in rows] == [0, 50, 75, 50]
    assert [row["realised"] for row in rows] == [0, 75, 50, 100]
    assert [row["random"] for row in rows] == [0, 25, 50, 100]


def test_gain_curve_without_a_leaver_is_refused() -> None:
    with pytest.raises(DataError, match="0 left"):
        gain_curve([0.5], [0], ALL, shares=[1.0])


@settings(deadline=None)  # a busy machine is not a fault
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40).filter(lambda r: any(y for _, y in r)),
    st.floats(0.05, 1.0),
)
@example(rows=[(0.0, False), (5e-324, True)], budget=0.5)  # two neighbours have nothing between them
def test_no_list_within_the_budget_beats_the_profit_threshold_s(rows: list[tuple[float, bool]], budget: float) -> None:
    economics = Economics(400, 0.25, 25, budget)
    p, left = np.array([r[0] for r in rows]), np.array([r[1] for r in rows], dtype=float)
    threshold = best_profit_threshold(p, left, economics)
    called = p >= threshold
    assert called.sum() <= int(budget * len(p) + 1e-9)
    profit = float((100 * left[called] - 25).sum())
    for other in np.unique(p):
        list_ = p >= other
        if list_.sum() <= int(budget * len(p) + 1e-9):
            assert float((100 * left[list_] - 25).sum()) <= profit + 1e-9
