from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from planrec.billing import MAX_USAGE, Catalogue, Plan, Usage, bill_totals, rate
from planrec.billing.catalogue import Included, Overage, Rounding


def slow_bill(plan: Plan, rounding: Rounding, minutes: Decimal, messages: Decimal, megabytes: Decimal) -> list[Decimal]:
    """Total and line items in cents, by the words of the rate card and with no code of the rater."""

    def started(amount: Decimal, unit: int) -> Decimal:
        return (amount / unit).to_integral_value(rounding=ROUND_CEILING)

    def beyond(units: Decimal, included: Decimal | None, cents: int) -> Decimal:
        return Decimal(0) if included is None else max(Decimal(0), units - included) * cents

    size = rounding.data_unit_megabytes
    allowance = plan.included.megabytes
    items = [
        Decimal(plan.monthly_fee_cents),
        beyond(started(minutes, 1), _decimal(plan.included.minutes), plan.overage.cents_per_minute),
        beyond(started(messages, 1), _decimal(plan.included.messages), plan.overage.cents_per_message),
        beyond(
            started(megabytes, size),
            None if allowance is None else Decimal(allowance) / size,
            plan.overage.cents_per_data_unit,
        ),
    ]
    return [sum(items, Decimal(0)), *items]


def _decimal(value: int | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def random_catalogue(rng: np.random.Generator, n_plans: int) -> Catalogue:
    unit = int(rng.choice([1, 100, 500, 1024]))

    def allowance(highest: int, step: int = 1) -> int | None:
        return None if rng.random() < 0.15 else int(rng.integers(0, highest)) * step

    plans = tuple(
        Plan(
            plan_id=f"p{i}",
            name=f"P {i}",
            monthly_fee_cents=int(rng.integers(0, 9000)),
            included=Included(minutes=allowance(900), messages=allowance(200), megabytes=allowance(40, unit)),
            overage=Overage(
                cents_per_minute=int(rng.integers(0, 20)),
                cents_per_message=int(rng.integers(0, 20)),
                cents_per_data_unit=int(rng.integers(0, 1500)),
            ),
        )
        for i in range(n_plans)
    )
    return Catalogue("random", "EUR", Rounding(minutes="month", data_unit_megabytes=unit), plans)


def test_rater_agrees_with_a_slow_decimal_rater_on_100000_cases() -> None:
    rng = np.random.default_rng(20260101)
    cases = 0
    differences = 0
    for _ in range(50):
        catalogue = random_catalogue(rng, 10)
        # Two decimals as in call records, whole numbers, and values exactly at a boundary.
        hundredths = rng.integers(0, 150_000, size=(3, 200))
        hundredths[:, ::4] = hundredths[:, ::4] // 100 * 100
        hundredths[2] *= rng.choice([1, 30], 200)
        bills = rate(Usage.of(*(hundredths / 100)), catalogue)
        parts = (bills.total_cents, bills.fee_cents, bills.minutes_cents, bills.messages_cents, bills.data_cents)
        for row in range(200):
            exact = [Decimal(int(h)) / 100 for h in hundredths[:, row]]
            for column, plan in enumerate(catalogue.plans):
                expected = slow_bill(plan, catalogue.rounding, *exact)
                differences += [int(part[row, column]) for part in parts] != expected
                cases += 1
    assert cases == 100_000
    assert differences == 0


@pytest.mark.parametrize(
    ("minutes", "messages", "megabytes", "cents"),
    [
        pytest.param(0, 0, 0, 2000, id="nothing-used-costs-the-fee"),
        pytest.param(500, 50, 15360, 2000, id="allowances-exactly-used"),
        pytest.param(501, 50, 15360, 2003, id="one-further-minute"),
        pytest.param(500, 51, 15360, 2003, id="one-further-message"),
        pytest.param(500, 50, 15360.01, 3000, id="a-started-gigabyte-is-charged-whole"),
        pytest.param(500, 50, 15360 + 1024, 3000, id="one-whole-gigabyte"),
        pytest.param(500, 50, 15360 + 1024.01, 4000, id="second-gigabyte-started"),
        pytest.param(500, 50, 15360.000000000002, 2000, id="float-noise-is-not-usage"),
        pytest.param(500.01, 50, 0, 2003, id="a-started-minute-is-charged-whole"),
    ],
)
def test_bill_on_surf_by_hand(
    megaline: Catalogue, minutes: float, messages: float, megabytes: float, cents: int
) -> None:
    assert bill_totals(Usage.of(minutes, messages, megabytes), megaline)[0] == cents


def test_bill_totals_equal_the_totals_with_line_items(catalogue: Catalogue) -> None:
    rng = np.random.default_rng(1)
    usage = Usage.of(*rng.gamma(2, 300, (3, 50, 6)))
    bills = rate(usage, catalogue)
    assert bills.total_cents.shape == (50, 6, 13)
    np.testing.assert_array_equal(bill_totals(usage, catalogue), bills.total_cents)
    items = bills.fee_cents + bills.minutes_cents + bills.messages_cents + bills.data_cents
    np.testing.assert_array_equal(items, bills.total_cents)


amounts = st.decimals(0, 100_000, places=2).map(float)


@given(before=st.tuples(amounts, amounts, amounts), more=st.tuples(amounts, amounts, amounts))
@settings(deadline=None, max_examples=200)
def test_bills_never_fall_when_usage_rises(
    catalogue: Catalogue, before: tuple[float, float, float], more: tuple[float, float, float]
) -> None:
    low = bill_totals(Usage.of(*before), catalogue)
    high = bill_totals(Usage.of(*np.add(before, more)), catalogue)
    assert (high >= low).all()


@given(st.tuples(amounts, amounts, amounts))
@settings(deadline=None, max_examples=100)
def test_unlimited_plan_costs_its_fee(catalogue: Catalogue, used: tuple[float, float, float]) -> None:
    assert bill_totals(Usage.of(*used), catalogue)[catalogue.index("unlimited")] == 4990


@pytest.mark.parametrize("bad", [-0.01, np.nan, np.inf, MAX_USAGE * 1.01])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_usage_outside_its_range_is_refused_without_showing_the_value(
    megaline: Catalogue, bad: float, position: int
) -> None:
    parts = [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    parts[position][1] = bad
    name = ("minutes", "messages", "megabytes")[position]
    with pytest.raises(DataError, match=rf"{name} must lie between 0 and 1,000,000,000; 1 value\(s\).*\[1\]"):
        bill_totals(Usage.of(*parts), megaline)


def test_usage_of_different_shapes_is_refused(megaline: Catalogue) -> None:
    with pytest.raises(DataError, match="different shapes"):
        bill_totals(Usage.of([1, 2], [1], [1]), megaline)


def test_highest_usage_neither_overflows_nor_changes_the_input(catalogue: Catalogue) -> None:
    usage = Usage.of([MAX_USAGE], [MAX_USAGE], [MAX_USAGE])
    assert (bill_totals(usage, catalogue) > 0).all()
    assert usage.minutes[0] == MAX_USAGE


def test_a_refusal_names_the_first_five_positions(megaline: Catalogue) -> None:
    with pytest.raises(DataError, match=r"7 value\(s\) .* first at position\(s\) \[0, 1, 2, 3, 4\]"):
        bill_totals(Usage.of([-1.0] * 7, [1.0] * 7, [1.0] * 7), megaline)
