from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from planrec.billing import Catalogue
from planrec.decisions import decision_table
from planrec.outlook import history_of
from planrec.policies.compare import (
    BillsAhead,
    JudgedDecisions,
    advice_scores,
    bills_ahead,
    gain_table,
    money_of_advice,
    past_outlook,
    policy_table,
)


def situation(
    bills: list[list[float]], *, chosen: list[int], current: list[int], available: list[list[bool]] | None = None
) -> JudgedDecisions:
    money = np.array(bills, dtype=np.float64)
    return JudgedDecisions(
        subscribers=np.arange(len(bills)),
        available=np.ones(money.shape, dtype=bool) if available is None else np.array(available),
        chosen=np.array(chosen),
        current=np.array(current),
        ahead=BillsAhead(money, ~np.isnan(money).any(axis=1)),
        resamples=50,
        seed=1,
    )


@pytest.fixture
def months() -> pd.DataFrame:
    """One subscriber, four months on surf; 600 minutes in the last two."""
    return pd.DataFrame(
        {
            "subscriber_id": ["a"] * 4,
            "month": ["2018-01", "2018-02", "2018-03", "2018-04"],
            "minutes": [100.0, 100.0, 600.0, 600.0],
            "messages": [0.0] * 4,
            "megabytes": [0.0] * 4,
            "current_plan": ["surf"] * 4,
        }
    )


def test_bills_ahead_average_the_horizon_and_mark_where_it_is_cut(months: pd.DataFrame, megaline: Catalogue) -> None:
    decisions = decision_table(months, history_months=1)
    ahead = bills_ahead(months, decisions, megaline, horizon=2)
    # February: 20 and 23; March: 23 and 23; April's horizon reaches past the data.
    assert ahead.whole.tolist() == [True, True, False]
    assert ahead.mean_cents[:2].tolist() == [[2150.0, 7000.0], [2300.0, 7000.0]]
    assert np.isnan(ahead.mean_cents[2]).all()


def test_bills_ahead_never_reach_into_the_next_subscriber(months: pd.DataFrame, megaline: Catalogue) -> None:
    two = pd.concat([months.iloc[:2], months.iloc[2:].assign(subscriber_id="b")], ignore_index=True)
    decisions = decision_table(two, history_months=1)
    assert bills_ahead(two, decisions, megaline, horizon=2).whole.tolist() == [False, False]


def test_adjusted_bills_use_only_the_history_asked_for(months: pd.DataFrame, megaline: Catalogue) -> None:
    rows = decision_table(months, history_months=3).iloc[2:]
    history = history_of(rows, 3)
    last = past_outlook(history, megaline, history_months=1)
    assert last.adjusted(0.5).tolist() == [[2300.0, 7000.0]]
    three = past_outlook(history, megaline, history_months=3).adjusted(1.0)[0, 0]
    assert three == pytest.approx(2100 + np.std([2000, 2000, 2300]))


def test_money_by_hand() -> None:
    at = situation([[20, 50, 30], [20, 50, 30]], chosen=[0, 1], current=[2, -1])
    scores = np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    money = money_of_advice(scores, at)
    assert money["regret_cents"].tolist() == [30.0, 30.0]
    assert money["saving_cents"][0] == -20
    assert money["share_worse_off"][0] == 1
    assert money["share_moved"][0] == 1
    assert np.isnan(money["saving_cents"][1])


def test_the_cheapest_plan_is_sought_in_the_choice_set_only() -> None:
    at = situation([[20, 50]], chosen=[1], current=[1], available=[[False, True]])
    money = money_of_advice(np.array([[9.0, 0.0]]), at)
    assert money["regret_cents"].tolist() == [0.0]


def test_policy_table_by_hand() -> None:
    at = situation([[20, 50], [20, 50]], chosen=[0, 1], current=[1, 1])
    row = policy_table({"first": np.array([[1.0, 0.0], [1.0, 0.0]])}, at)[0]
    assert row["policy"] == "first"
    assert row["accuracy"]["estimate"] == 0.5  # type: ignore[index]
    assert row["ndcg_at_5"]["estimate"] == pytest.approx((1 + 1 / np.log2(3)) / 2)  # type: ignore[index]
    assert row["saving_cents"]["estimate"] == 30  # type: ignore[index]
    assert row["share_worse_off"]["estimate"] == 0  # type: ignore[index]


def test_money_is_none_where_no_current_plan_is_known() -> None:
    at = situation([[20, 50], [20, 50]], chosen=[0, 0], current=[-1, -1])
    row = policy_table({"first": np.array([[1.0, 0.0], [1.0, 0.0]])}, at)[0]
    assert row["saving_cents"] is None
    assert row["regret_cents"] is not None
    assert gain_table({0: np.array([[0.0, -1.0]] * 2)}, at)[0]["loss_p95_cents"] is None


def test_minimum_gain_keeps_more_people_where_they_are() -> None:
    at = situation([[2000, 2300], [2000, 2900]], chosen=[0, 0], current=[1, 1])
    first, second = [0.0, -1.0], [-1.0, 0.0]
    advised = {0: [first, first], 400: [second, first], 1000: [second, second]}
    rows = gain_table({gain: np.array(scores) for gain, scores in advised.items()}, at)
    assert [row["min_gain_cents"] for row in rows] == [0, 400, 1000]
    assert [row["share_moved"]["estimate"] for row in rows] == [1.0, 0.5, 0.0]  # type: ignore[index]
    assert [row["saving_cents"]["estimate"] for row in rows] == [600.0, 450.0, 0.0]  # type: ignore[index]
    assert [row["loss_p95_cents"] for row in rows] == [0.0, 0.0, 0.0]


def test_advice_scores_keep_the_order_of_the_advice() -> None:
    assert advice_scores(np.array([[2, 0, -1]])).tolist() == [[-1.0, -np.inf, 0.0]]
