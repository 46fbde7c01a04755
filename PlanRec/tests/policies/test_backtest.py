from __future__ import annotations

import pandas as pd
import pytest

from planrec.advice import AnswerPolicy, Engine
from planrec.billing import Catalogue
from planrec.policies.backtest import AS_SHIPPED, Backtest, bill_backtest
from planrec.rules import Rules
from planrec.rules.rulebook import MinimumGain


def frame(rows: list[tuple[str, str, float, str]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["subscriber_id", "month", "megabytes", "current_plan"])
    return table.assign(minutes=0.0, messages=0.0)


def backtest(  # type: ignore[no-untyped-def]
    months: pd.DataFrame, catalogue: Catalogue, shipped: tuple[int, float, int], **how
) -> Backtest:
    """With `shipped` as months looked back over, risk weight and minimum gain in cents."""
    rules = Rules(version="of this test", minimum_gain=MinimumGain(advice_cents=shipped[2]))
    return bill_backtest(months, Engine(catalogue, rules), AnswerPolicy(*shipped), seed=1, **how)


def test_backtest_by_hand(megaline: Catalogue) -> None:
    # Surf costs 20 within 15 GB and 110 at 24 GB; Ultimate 70 always.
    gb = 1024.0
    months = frame(
        [
            ("a", "2018-01", 0.0, "ultimate"),
            ("a", "2018-02", 24 * gb, "ultimate"),  # advice surf (20): paid 110, best 70: regret 40; staying 0
            ("a", "2018-03", 24 * gb, "ultimate"),  # advice ultimate: regret 0; staying 0
            ("b", "2018-01", 0.0, "surf"),
            ("b", "2018-03", 0.0, "surf"),  # the month before is missing: does not count
            ("b", "2018-04", 0.0, "surf"),  # advice surf: regret 0; staying 0
        ]
    )
    result = backtest(months, megaline, (1, 0.0, 5001), histories=[1], risk_weights=[0.0], resamples=50)
    assert (result.n_all, result.n_settled) == (3, 0)
    stay, last, shipped = result.rows
    assert stay["regret_cents"]["estimate"] == 0  # type: ignore[index]
    assert last["policy"] == "1 month, risk weight 0"
    assert last["regret_cents"]["estimate"] == pytest.approx(4000 / 3)  # type: ignore[index]
    assert last["settled_cents"] is None
    assert shipped["policy"] == AS_SHIPPED
    assert shipped["regret_cents"]["estimate"] == 0  # type: ignore[index]  # surf gains 50.00, which is not enough


@pytest.mark.parametrize("held", ["surf", "ultimate"])
def test_a_tie_keeps_the_plan_held(megaline: Catalogue, held: str) -> None:
    # 20 GB cost 70 on either plan. In February 10 GB follow for 20 or 70, or 24 GB for 110 or 70.
    used = [("a", "2018-01", 20), ("a", "2018-02", 10), ("b", "2018-01", 20), ("b", "2018-02", 24)]
    months = frame([(who, month, gb * 1024.0, held) for who, month, gb in used])
    rows = backtest(months, megaline, (1, 0.0, 0), histories=[1], risk_weights=[0.0, 0.5], resamples=50).rows
    kept = {"surf": 2000.0, "ultimate": 2500.0}[held]
    assert [row["regret_cents"]["estimate"] for row in rows] == [kept] * 4  # type: ignore[index]


def test_backtest_compares_the_shipped_advice_with_the_mean_of_three_months(megaline: Catalogue) -> None:
    months = frame([(s, f"2018-{m:02d}", 0.0, "surf") for s in "abc" for m in range(1, 7)])
    result = backtest(months, megaline, (3, 0.0, 0), histories=[3, 6], risk_weights=[0.0, 0.5], resamples=50)
    assert (result.n_all, result.n_settled) == (15, 9)
    assert result.rows[0]["policy"] == "stay on the current plan"
    assert len(result.rows) == 6
    assert [row["difference_cents"] for row in result.against_reference] == [0.0, 0.0]


@pytest.mark.realdata
def test_backtest_on_megaline_reaches_the_independent_figures(megaline_folder, megaline: Catalogue) -> None:  # type: ignore[no-untyped-def]
    from planrec.usage.event_files import read_megaline

    data = read_megaline(megaline_folder, megaline, churn_cut="none", empty_months="drop")
    result = backtest(data.months, megaline, (6, 0.5, 100), histories=[1, 3], risk_weights=[0.0], resamples=100)
    assert (result.n_all, result.n_settled) == (1803, 1042)
    figures = {
        str(row["policy"]): [round(row[k]["estimate"] / 100, 2) for k in ("regret_cents", "settled_cents")]  # type: ignore[index]
        for row in result.rows
        if row["policy"] != AS_SHIPPED  # held by test_shipped_backtest
    }
    assert figures == {
        "stay on the current plan": [19.01, 17.43],
        "1 month, risk weight 0": [9.80, 6.91],
        "3 months, risk weight 0": [8.96, 5.25],
    }
    for row in result.against_reference:
        assert row["difference_cents"] <= 2 * row["standard_error_cents"]  # type: ignore[operator]
