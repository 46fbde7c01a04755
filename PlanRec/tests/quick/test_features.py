from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.decisions import DecisionMatrix, SubscriberRecord, UsageMonth
from planrec.decisions.record import decision_columns
from planrec.quick import RowFeatures

amounts = st.one_of(
    st.just(0.0),
    st.integers(0, 1000).map(float),
    st.floats(0, 1e8),
    st.sampled_from([500.0, 15360.0, 15360.000001, 15359.9999999, 1e8, 5e-324, -0.0]),
)
known = st.one_of(st.none(), st.integers(0, 120), st.floats(0, 120))


@st.composite
def records(draw: st.DrawFn) -> SubscriberRecord:
    months = draw(st.lists(st.integers(24_000, 24_400), max_size=24, unique=True))
    return SubscriberRecord(
        [UsageMonth(month, draw(amounts), draw(amounts), draw(amounts)) for month in months],
        draw(st.sampled_from([None, "gone", "basic-6", "unlimited", "smart-25", "surf", "ultimate"])),
        draw(known),
        draw(known),
        draw(known),
    )


def by_table(matrix: DecisionMatrix, record: SubscriberRecord) -> list[float]:
    columns = decision_columns([record], history_months=matrix.history_months, extra_columns=matrix.extra_columns)
    return matrix(columns)[0].tolist()


def by_row(features: RowFeatures, record: SubscriberRecord) -> list[float]:
    """The row with the columns that the plan decides put in their places."""
    *free, case = features(record) if features.decided else [*features(record), 0]
    values = dict(zip(features.names, free, strict=True))
    if features.decided:
        values |= dict(zip(features.decided.names, features.decided.values[int(case)].tolist(), strict=True))
    return [values[name] for name in features.matrix.feature_names]


@given(
    record=records(),
    months=st.sampled_from([1, 2, 6, 7, 8, 12, 24]),
    with_plan=st.booleans(),
    small=st.booleans(),
    statistics=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_row_equals_the_table_to_the_last_bit(
    catalogue: Catalogue,
    megaline: Catalogue,
    record: SubscriberRecord,
    months: int,
    with_plan: bool,
    small: bool,
    statistics: bool,
) -> None:
    matrix = DecisionMatrix(megaline if small else catalogue, months, with_plan, ("age", "income"), statistics)
    row = by_row(RowFeatures(matrix), record)
    np.testing.assert_array_equal(row, by_table(matrix, record))  # NaN where NaN, and not one bit elsewhere


def test_row_of_a_hand_computed_subscriber(megaline: Catalogue) -> None:
    features = RowFeatures(DecisionMatrix(megaline, 2, True))
    record = SubscriberRecord([UsageMonth(24_216, 500, 0, 0), UsageMonth(24_217, 510, 0, 0)], "surf", tenure_months=7)
    row = dict(zip(features.matrix.feature_names, by_row(features, record), strict=True))
    assert row["minutes_last"] == 510
    assert row["minutes_trend"] == 10
    assert (row["current_bill"], row["current_bill_spread"]) == (2015, 15)  # 20.00 and 20.30
    assert row["bill_above_cheapest[ultimate]"] == 7000 - 2015
    assert row["minutes_headroom"] == -5
    assert row["tenure_months"] == 7


@pytest.mark.parametrize("minutes", [-1.0, 2e9, float("inf")])
def test_row_refuses_what_the_table_refuses(megaline: Catalogue, minutes: float) -> None:
    with pytest.raises(DataError, match="minutes must lie between 0 and"):
        RowFeatures(DecisionMatrix(megaline, 2, True))(SubscriberRecord([UsageMonth(24_216, minutes, 0, 0)]))


def test_row_refuses_a_month_that_stands_twice(megaline: Catalogue) -> None:
    twice = SubscriberRecord([UsageMonth(24_216, 1, 0, 0), UsageMonth(24_216, 2, 0, 0)])
    with pytest.raises(DataError, match="a month stands twice"):
        RowFeatures(DecisionMatrix(megaline, 2, True))(twice)
