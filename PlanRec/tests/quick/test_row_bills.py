from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planrec.billing import Catalogue
from planrec.decisions import SubscriberRecord, UsageMonth, alternative_features
from planrec.decisions.record import record_history
from planrec.quick.row_bills import RowBills

amounts = st.one_of(
    st.just(0.0),
    st.integers(0, 1000).map(float),
    st.floats(0, 1e4),
    st.sampled_from([500.0, 3000.0, 3900.0, 15360.0, 15360.000001, 15359.9999999, 4.1e6, 5e-324, -0.0]),
)


def by_table(card: Catalogue, months: list[UsageMonth], history_months: int) -> list[list[float]]:
    history = record_history(SubscriberRecord(months), history_months=history_months)
    return alternative_features(history, card, np.array([-1]))[0, :, :4].T.tolist()  # type: ignore[no-any-return]


@given(data=st.data(), history_months=st.sampled_from([1, 2, 3, 6, 7, 8, 12, 24]), small=st.booleans())
@settings(max_examples=300, deadline=None)
def test_bills_equal_the_features_to_the_last_bit(
    catalogue: Catalogue, megaline: Catalogue, data: st.DataObject, history_months: int, small: bool
) -> None:
    card = megaline if small else catalogue
    count = data.draw(st.integers(1, history_months))
    months = [UsageMonth(24_300 - k, *(data.draw(amounts) for _ in range(3))) for k in range(count)]
    found = RowBills(card, history_months)(months)
    if found is not None:
        assert found.tolist() == by_table(card, months, history_months)
    else:
        assert max(max(month[1:]) for month in months) > 1500


def test_bills_of_a_hand_computed_subscriber(megaline: Catalogue) -> None:
    # surf: 20.00 and 20.30; ultimate: 70.00 twice.
    found = RowBills(megaline, 6)([UsageMonth(24_217, 510, 0, 0), UsageMonth(24_216, 500, 0, 0)])
    assert found is not None
    np.testing.assert_allclose(found[2:], [[0.0, 70.0 - 20.15], [0.15, 0.0]], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "months",
    [
        pytest.param([], id="no-month"),
        pytest.param([UsageMonth(24_216, -1.0, 0, 0)], id="negative"),
        pytest.param([UsageMonth(24_216, 0, -2.0, 0)], id="one-of-three-negative"),
        pytest.param([UsageMonth(24_216, 0, float("nan"), 0)], id="not-a-number"),
        pytest.param([UsageMonth(24_216, 0, 0, float("inf"))], id="infinite"),
        pytest.param([UsageMonth(24_216, 4096.0, 0, 0)], id="beyond-the-table"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_what_is_out_of_the_ordinary_is_left_to_the_table(catalogue: Catalogue, months: list[UsageMonth]) -> None:
    assert RowBills(catalogue, 6)(months) is None


def test_so_many_units_are_tabled_that_sums_of_squares_stay_whole(megaline: Catalogue) -> None:
    # n**3 b**2 / 4 <= 2**53 with n = 24 months: bills up to 1,614,404 cents, three services of 700 cents a unit.
    plans = tuple(
        plan.model_copy(update={"overage": plan.overage.model_copy(update={"cents_per_minute": 700})})
        for plan in megaline.plans
    )
    card = replace(megaline, plans=plans)
    most = (math.isqrt(4 * 2**53 // 24**3) - 7000) // 3 // 700 - 1  # the dearest fee is 7,000; 0 units count as well
    rated = RowBills(card, 24)
    assert rated([UsageMonth(24_216, float(most), 0, 0)]) is not None
    assert rated([UsageMonth(24_216, most + 1.0, 0, 0)]) is None
