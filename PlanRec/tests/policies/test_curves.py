from __future__ import annotations

import numpy as np
import pytest

from planrec.policies.compare import BillsAhead, JudgedDecisions
from planrec.policies.curves import frontier, gain_by_k


def situation(
    bills: list[list[float]], *, current: list[int], chosen: list[int], closed: int | None = None
) -> JudgedDecisions:
    available = np.ones((len(bills), len(bills[0])), dtype=np.bool_)
    if closed is not None:
        available[:, closed] = False
    values = np.array(bills)
    ahead = BillsAhead(values, ~np.isnan(values).any(axis=1))
    return JudgedDecisions(
        np.arange(len(bills)), available, np.array(chosen), np.array(current), ahead, resamples=50, seed=1
    )


def shares(rows: list[dict[str, object]]) -> list[object]:
    return [row["share_of_saving"] for row in rows]


def test_gain_by_k_never_falls_and_ends_at_everything() -> None:
    at = situation([[3000, 2000, 1000], [1000, 2000, 3000]], current=[0, 0], chosen=[0, 0])
    # The first saves 10.00 on the second plan, 20.00 on the third; the second subscriber can save nothing.
    assert shares(gain_by_k({"p": np.array([[1.0, 3.0, 2.0]] * 2)}, at)) == [0.5, 1.0, 1.0]
    assert shares(gain_by_k({"p": np.array([[3.0, 2.0, 1.0]] * 2)}, at)) == [0.0, 0.5, 1.0]


def test_gain_by_k_passes_over_plans_that_are_closed() -> None:
    at = situation([[3000, 2000, 1000]], current=[0], chosen=[0], closed=2)
    assert shares(gain_by_k({"p": np.array([[1.0, 2.0, 3.0]])}, at)) == [1.0, 1.0, 1.0]


def test_gain_by_k_is_empty_where_nothing_is_known_and_none_where_nothing_can_be_saved() -> None:
    unknown = situation([[3000, 2000, 1000]], current=[-1], chosen=[0])
    assert gain_by_k({"p": np.zeros((1, 3))}, unknown) == []
    best = situation([[1000, 2000, 3000]], current=[0], chosen=[0])
    assert shares(gain_by_k({"p": np.zeros((1, 3))}, best)) == [None, None, None]


def test_frontier_runs_from_the_plan_taken_to_the_lowest_bill() -> None:
    at = situation([[3000, 1000]], current=[0], chosen=[0])
    rows = frontier(np.array([[0.9, 0.1]]), at.ahead.mean_cents, at, weights=(0.0, 1.0))
    assert [row["weight"] for row in rows] == [0.0, 1.0, None]
    # Without the bill the likelier plan is first; 20.00 less weighs more than log 9 = 2.2.
    assert [row["regret_cents"] for row in rows] == [2000, 0, 0]
    assert [row["saving_cents"] for row in rows] == [0, 2000, 2000]
    assert [row["ndcg_at_5"] for row in rows] == pytest.approx([1, 1 / np.log2(3), 1 / np.log2(3)])


def test_frontier_says_nothing_of_money_without_a_horizon() -> None:
    at = situation([[np.nan, np.nan]], current=[0], chosen=[1])
    rows = frontier(np.array([[0.5, 0.5]]), np.array([[1.0, 2.0]]), at, weights=())
    assert rows == [
        {"weight": None, "ndcg_at_5": pytest.approx(1 / np.log2(3)), "regret_cents": None, "saving_cents": None}
    ]
