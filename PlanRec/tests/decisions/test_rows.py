from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.decisions import decision_table, latest_rows, plan_indices
from planrec.decisions.rows import usage_ahead
from planrec.months import month_index


def test_decision_rows_carry_earlier_months_only(trio: pd.DataFrame) -> None:
    table = decision_table(trio, history_months=2)
    assert table[["subscriber_id", "month"]].to_numpy().tolist() == [
        ["a", "2018-02"],
        ["a", "2018-03"],
        ["c", "2018-03"],
    ]
    march = table.iloc[1]
    assert (march["minutes_1"], march["minutes_2"]) == (20.0, 10.0)
    assert march["current_plan"] == "surf"
    assert march["chosen_plan"] == "ultimate"
    assert np.isnan(table.loc[0, "minutes_2"])
    assert "minutes" not in table.columns


def test_changing_a_later_month_changes_no_earlier_decision_row(trio: pd.DataFrame) -> None:
    before = decision_table(trio, history_months=3)
    changed = trio.copy()
    changed.loc[2, ["minutes", "megabytes", "age"]] = [9999.0, 9999.0, 99.0]
    after = decision_table(changed, history_months=3)
    pd.testing.assert_frame_equal(before, after)


def test_decision_column_selects_the_decisions(trio: pd.DataFrame) -> None:
    trio["decision"] = ["activation", None, "contract_end", "activation", "activation", None]
    table = decision_table(trio, history_months=1)
    assert table["month"].tolist() == ["2018-03"]
    assert "decision" not in table.columns


def test_decision_table_refuses_months_without_history(trio: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="at least two months"):
        decision_table(trio.iloc[3:4], history_months=1)


def test_latest_rows_look_no_further_than_as_of(trio: pd.DataFrame) -> None:
    rows = latest_rows(trio, as_of=month_index("2018-02"), history_months=2)
    assert rows["subscriber_id"].tolist() == ["a", "b", "c"]
    assert rows["minutes_1"].tolist() == [20.0, 5.0, 1.0]
    assert rows["minutes_2"].fillna(-1).tolist() == [10.0, -1.0, -1.0]
    assert rows["current_plan"].tolist() == ["surf", "surf", "ultimate"]
    assert "minutes" not in rows.columns


def test_latest_rows_are_what_the_next_decision_is_taken_on(trio: pd.DataFrame) -> None:
    decided = decision_table(trio, history_months=2)
    march = decided[decided["month"] == "2018-03"].iloc[0]
    before = latest_rows(trio, as_of=month_index("2018-02"), history_months=2).iloc[0]
    shared = [c for c in before.index if c != "month"]
    assert march[shared].tolist() == before[shared].tolist()


def test_latest_rows_are_empty_before_the_first_month(trio: pd.DataFrame) -> None:
    assert latest_rows(trio, as_of=month_index("2017-12"), history_months=2).empty


def test_decision_table_needs_the_plan_held(trio: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="no column 'current_plan'"):
        decision_table(trio.drop(columns="current_plan"), history_months=1)


def test_plan_indices_are_minus_one_where_unknown(megaline: Catalogue) -> None:
    assert plan_indices(["ultimate", None, float("nan"), "gone", "surf"], megaline).tolist() == [1, -1, -1, -1, 0]


def test_answer_to_an_offer_is_no_decision_row() -> None:
    months = pd.DataFrame(
        {
            "subscriber_id": ["a"] * 3,
            "month": ["2025-01", "2025-02", "2025-03"],
            "minutes": 1.0,
            "messages": 0.0,
            "megabytes": 1.0,
            "current_plan": ["surf"] * 3,
            "decision": [None, "contact", "review"],
        }
    )
    assert decision_table(months, history_months=1)["month"].tolist() == ["2025-03"]


def test_usage_ahead_has_the_month_itself_and_what_came_before_and_after(trio: pd.DataFrame) -> None:
    history, ahead, known = usage_ahead(trio, history_months=2, horizon=2)
    # a in January and February, c in January; nothing follows a's March, b's February or c's March.
    assert history.usage.minutes.tolist() == [[10, 0], [20, 10], [1, 0]]
    assert history.known.tolist() == [[True, False], [True, True], [True, False]]
    assert ahead.minutes.tolist() == [[20, 30], [30, 0], [0, 3]]
    assert ahead.megabytes.tolist() == [[200, 300], [300, 0], [0, 0]]
    assert known.tolist() == [[True, True], [True, False], [False, True]]


def test_usage_ahead_of_a_gap_is_in_its_own_month(trio: pd.DataFrame) -> None:
    _, _, known = usage_ahead(trio.iloc[4:], history_months=1, horizon=1)
    assert known.shape == (0, 1)  # c has March, which is not the month after January
    _, ahead, known = usage_ahead(trio.iloc[4:], history_months=1, horizon=4)
    assert ahead.minutes.tolist() == [[0, 3, 0, 0]]
    assert known.tolist() == [[False, True, False, False]]


def test_usage_ahead_takes_no_partial_month_for_what_follows(trio: pd.DataFrame) -> None:
    trio["partial"] = [True, True, False, False, False, False]
    history, ahead, known = usage_ahead(trio, history_months=1, horizon=2)
    assert history.usage.minutes.tolist() == [[10], [20], [1]]  # as history it is what there is
    assert ahead.minutes.tolist() == [[0, 30], [30, 0], [0, 3]]
    assert known.tolist() == [[False, True], [True, False], [False, True]]


def test_usage_ahead_is_the_row_by_row_answer() -> None:
    rng = np.random.default_rng(0)
    keys = [(s, m) for s in "abcdef" for m in range(1, 10) if rng.random() < 0.6]
    months = pd.DataFrame({"subscriber_id": [s for s, _ in keys], "month": [f"2025-{m:02d}" for _, m in keys]})
    for service in ("minutes", "messages", "megabytes"):
        months[service] = np.arange(1.0, len(keys) + 1)
    at = {key: i + 1.0 for i, key in enumerate(keys)}
    rows = [[at.get((s, m + step), 0.0) for step in (1, 2, 3)] for s, m in keys]
    _, ahead, known = usage_ahead(months, history_months=1, horizon=3)
    assert ahead.minutes.tolist() == [row for row in rows if any(row)]
    np.testing.assert_array_equal(known, ahead.minutes > 0)


def test_usage_ahead_leaves_its_input_alone(trio: pd.DataFrame) -> None:
    before = trio.copy()
    usage_ahead(trio, history_months=2, horizon=2)
    pd.testing.assert_frame_equal(trio, before)
