from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planrec.billing import MAX_USAGE, Catalogue, Usage, bill_totals
from planrec.decisions import UsageMonth
from planrec.quick.packed_rates import PackedRates

# Whole and broken amounts, the edges of the allowances and of what is worked out beforehand, and a millionth around.
amounts = st.one_of(
    st.integers(0, 5000).map(float),
    st.integers(0, 5000),
    st.floats(0, 1e5),
    st.sampled_from([0.0, -0.0, 5e-324, 499.9999999, 500.0000004, 500.000001, 4095.0, 4096.0, 15360.0, 1e8]),
    st.just(float(MAX_USAGE)),
)


@given(rows=st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=8), small=st.booleans())
@settings(max_examples=200, deadline=None)
def test_packed_bills_equal_the_rater_to_the_cent(
    catalogue: Catalogue, megaline: Catalogue, rows: list[tuple[float, float, float]], small: bool
) -> None:
    card = megaline if small else catalogue
    rates = PackedRates(card)
    expected = bill_totals(Usage.of(*zip(*rows, strict=True)), card)
    bills = rates.bills([UsageMonth(24_216 + i, *row) for i, row in enumerate(rows)])
    assert [list(rates.by_plan(bill)) for bill in bills] == expected.tolist()
    assert list(rates.by_plan(sum(bills))) == expected.sum(axis=0).tolist()
    for plan in range(len(card.plans)):
        assert rates.on_plan(bills, plan) == expected[:, plan].tolist()


def test_packed_bills_by_hand(megaline: Catalogue) -> None:
    rates = PackedRates(megaline)
    bills = rates.bills([UsageMonth(24_216, 510, 51, 15_361), UsageMonth(24_217, 500, 50, 15_360)])
    assert [rates.by_plan(bill) for bill in bills] == [(2000 + 30 + 3 + 1000, 7000), (2000, 7000)]


@given(months=st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_allowances_beyond_the_amounts_at_hand_are_rated_to_the_cent(
    megaline: Catalogue, months: list[tuple[float, float, float]]
) -> None:
    """Data by the megabyte: allowances of 15,360 and 30,720 units, and one that is not limited."""
    ultimate = megaline.plans[1]
    unlimited = ultimate.included.model_copy(update={"megabytes": None})
    free = ultimate.model_copy(update={"plan_id": "free", "included": unlimited})
    by_megabyte = megaline.rounding.model_copy(update={"data_unit_megabytes": 1})
    card = replace(megaline, rounding=by_megabyte, plans=(*megaline.plans, free))
    bills = PackedRates(card).bills([UsageMonth(24_216 + i, *month) for i, month in enumerate(months)])
    expected = bill_totals(Usage.of(*zip(*months, strict=True)), card)
    assert [list(PackedRates(card).by_plan(bill)) for bill in bills] == expected.tolist()


@pytest.mark.parametrize("wrong", [-1.0, -0.4, float("nan"), float("inf"), 1e9 + 1])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_cannot_be_rated_is_refused(megaline: Catalogue, wrong: float, place: int) -> None:
    amount = [10.0, 10.0, 10.0]
    amount[place] = wrong
    with pytest.raises(ValueError, match=r"cannot be rated|NaN"):
        PackedRates(megaline).bills([UsageMonth(24_216, 1, 1, 1), UsageMonth(24_217, *amount)])
