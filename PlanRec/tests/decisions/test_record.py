from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.decisions import SubscriberRecord, UsageMonth, latest_rows
from planrec.decisions.record import decision_columns, record_history
from planrec.features import DecisionFeatures
from planrec.months import month_index, month_text

usage_months = st.lists(
    st.tuples(st.integers(24_300, 24_330), *[st.floats(0, 100_000)] * 3),
    min_size=1,
    max_size=9,
    unique_by=lambda m: m[0],
)


@given(usage_months, st.sampled_from(["basic-6", "unlimited", None]), st.one_of(st.none(), st.floats(18, 90)))
@settings(deadline=None, max_examples=60)
def test_row_path_equals_table_path(
    catalogue: Catalogue, months: list[tuple[int, float, float, float]], plan: str | None, age: float | None
) -> None:
    record = SubscriberRecord([UsageMonth(*m) for m in months], plan, age)
    table = pd.DataFrame(
        {
            "subscriber_id": "x",
            "month": [month_text(m[0]) for m in sorted(months)],
            **{name: [m[i] for m in sorted(months)] for i, name in enumerate(("minutes", "messages", "megabytes"), 1)},
            "current_plan": pd.Series([plan] * len(months), dtype=object),
            "age": np.nan if age is None else age,
        }
    )
    rows = latest_rows(table, as_of=24_330, history_months=6)
    features = DecisionFeatures(catalogue, history_months=6, extra_columns=("age",)).fit(rows)
    columns = decision_columns([record], history_months=6, extra_columns=("age",))
    np.testing.assert_array_equal(features.transform(columns), features.transform(rows))


def test_months_may_come_in_any_order_and_only_the_latest_count() -> None:
    months = [UsageMonth(month_index(f"2025-{m:02d}"), m, 0, 0) for m in (3, 1, 4, 2)]
    columns = decision_columns([SubscriberRecord(months)], history_months=3)
    assert [float(columns[f"minutes_{k}"][0]) for k in (1, 2, 3)] == [4.0, 3.0, 2.0]


def test_unknown_extra_columns_and_missing_facts_are_nan() -> None:
    columns = decision_columns(
        [SubscriberRecord([UsageMonth(24_300, 1, 1, 1)])], history_months=1, extra_columns=["age", "x"]
    )
    assert all(np.isnan(columns[name][0]) for name in ("age", "x", "tenure_months", "contract_months_left"))
    assert columns["current_plan"][0] is None


def test_a_month_given_twice_is_refused() -> None:
    record = SubscriberRecord([UsageMonth(24_300, 1, 1, 1), UsageMonth(24_300, 2, 2, 2)])
    with pytest.raises(DataError, match="a month stands twice"):
        record_history(record, history_months=3)
