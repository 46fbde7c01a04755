from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.decisions.formulas import decision_features, feature_names
from planrec.outlook import bill_outlook, history_of, share_above
from planrec.outlook.history import history_columns


def columns(minutes: list[list[float]], messages: list[list[float]], megabytes: list[list[float]]) -> dict[str, object]:
    parts = {"minutes": minutes, "messages": messages, "megabytes": megabytes}
    return {
        f"{service}_{k + 1}": np.array([row[k] for row in rows])
        for service, rows in parts.items()
        for k in range(len(rows[0]))
    }


def named(catalogue: Catalogue, row: np.ndarray, *, with_current_plan: bool) -> dict[str, float]:
    names = feature_names(catalogue, with_current_plan=with_current_plan)
    assert len(names) == len(row) == len(set(names))
    return dict(zip(names, row.tolist(), strict=True))


def test_bill_outlook_rates_each_month_before_it_averages(megaline: Catalogue) -> None:
    # 0 and 1000 minutes: bills 20 and 35, mean 27.50. The average month, 500 minutes, would cost 20.
    history = history_of(columns([[0, 1000]], [[0, 0]], [[0, 0]]), 2)
    from planrec.billing import bill_totals

    outlook = bill_outlook(bill_totals(history.usage, megaline), history.known)
    assert outlook.mean_cents.tolist() == [[2750.0, 7000.0]]
    assert outlook.spread_cents.tolist() == [[750.0, 0.0]]


def test_bill_outlook_leaves_unknown_months_out() -> None:
    totals = np.array([[[2000], [9999]], [[2000], [3000]]])
    known = np.array([[True, False], [False, False]])
    outlook = bill_outlook(totals, known)
    assert outlook.mean_cents[0, 0] == 2000
    assert outlook.spread_cents[0, 0] == 0
    assert np.isnan(outlook.mean_cents[1, 0])


def test_share_above_counts_dearer_months_and_is_unknown_without_a_plan() -> None:
    totals = np.array([[[10, 20], [30, 20], [20, 20]]] * 2)
    known = np.ones((2, 3), dtype=bool)
    shares = share_above(totals, known, np.array([0, -1]))
    assert shares[0].tolist() == [0.0, pytest.approx(1 / 3)]
    assert np.isnan(shares[1]).all()


def test_usage_statistics_by_hand(megaline: Catalogue) -> None:
    history = history_of(columns([[30, 20, 10, np.nan]], [[0, 4, 0, np.nan]], [[0, 0, 0, np.nan]]), 4)
    row = named(megaline, decision_features(history, megaline)[0], with_current_plan=False)
    assert row["minutes_last"] == 30
    assert row["minutes_mean"] == 20
    assert row["minutes_spread"] == pytest.approx(np.sqrt(200 / 3))
    assert row["minutes_highest"] == 30
    assert row["minutes_trend"] == pytest.approx(10)  # ten more each month
    assert row["messages_share_zero"] == pytest.approx(2 / 3)
    assert row["months_known"] == 3
    assert row["cheapest_plan"] == 0
    assert row["bill_above_cheapest[ultimate]"] == 5000


def test_current_plan_features_by_hand(megaline: Catalogue) -> None:
    history = history_of(columns([[600], [600]], [[0], [0]], [[1024], [1024]]), 1)
    matrix = decision_features(history, megaline, current=np.array([0, -1]), tenure_months=np.array([5.0, np.nan]))
    held, unknown = (named(megaline, row, with_current_plan=True) for row in matrix)
    assert held["is_current[surf]"] == 1
    assert held["is_current[ultimate]"] == 0
    assert held["current_bill"] == 2300
    assert held["minutes_headroom"] == -100
    assert held["megabytes_headroom"] == 15360 - 1024
    assert held["current_monthly_fee"] == 2000
    assert held["tenure_months"] == 5
    assert np.isnan(unknown["current_bill"])
    assert np.isnan(unknown["minutes_headroom"])
    assert unknown["is_current[surf]"] == 0
    assert unknown["cheapest_bill"] == 2300


def test_rows_without_any_month_have_missing_features_and_no_warning(megaline: Catalogue) -> None:
    history = history_of(columns([[np.nan]], [[np.nan]], [[np.nan]]), 1)
    row = named(megaline, decision_features(history, megaline)[0], with_current_plan=False)
    assert row.pop("months_known") == 0
    assert all(np.isnan(v) for v in row.values())


def test_unlimited_headroom_is_finite(catalogue: Catalogue) -> None:
    history = history_of(columns([[600]], [[0]], [[1024]]), 1)
    matrix = decision_features(history, catalogue, current=np.array([catalogue.index("unlimited")]))
    assert named(catalogue, matrix[0], with_current_plan=True)["minutes_headroom"] == 1e7


usage = st.lists(st.tuples(*[st.floats(0, 50_000)] * 3), min_size=2, max_size=8)


@given(usage, st.integers(0, 12))
@settings(deadline=None, max_examples=50)
def test_features_of_a_batch_equal_those_row_by_row(
    catalogue: Catalogue, rows: list[tuple[float, float, float]], current: int
) -> None:
    values = np.array(rows)
    table = columns(
        *[[[v[i], v[i] / 2, np.nan] for v in values.tolist()] for i in range(3)],
    )
    plan = np.full(len(rows), current)
    batch = decision_features(history_of(table, 3), catalogue, current=plan)
    for i in range(len(rows)):
        one = {name: np.asarray(column)[i : i + 1] for name, column in table.items()}
        alone = decision_features(history_of(one, 3), catalogue, current=plan[i : i + 1])
        np.testing.assert_array_equal(alone[0], batch[i])


def test_history_of_refuses_a_missing_column() -> None:
    with pytest.raises(DataError, match=r"missing column\(s\) \['messages_1', 'megabytes_1'\]"):
        history_of({"minutes_1": np.array([1.0])}, 1)


def test_history_columns_are_grouped_by_service() -> None:
    assert history_columns(1) == ("minutes_1", "messages_1", "megabytes_1")
