from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telecom.tariffs import MEGABYTES_PER_GIGABYTE, SMART, ULTRA, started

GIGABYTE = MEGABYTES_PER_GIGABYTE


@pytest.mark.parametrize(
    ("minutes", "messages", "megabytes", "smart", "ultra"),
    [
        pytest.param(0, 0, 0, 550, 1950, id="nothing-used"),
        pytest.param(500, 50, 15 * GIGABYTE, 550, 1950, id="allowances-exactly-used"),
        pytest.param(500.01, 50, 15 * GIGABYTE, 553, 1950, id="a-started-minute-counts-whole"),
        pytest.param(500, 51, 15 * GIGABYTE, 553, 1950, id="one-message-more"),
        pytest.param(500, 50, 15 * GIGABYTE + 0.01, 750, 1950, id="a-started-gigabyte-counts-whole"),
        # 311.9 minutes and 83 messages and 19.45 GB: 33 messages and 5 started gigabytes beyond Smart.
        pytest.param(311.9, 83, 19915.42, 550 + 99 + 1000, 1950, id="first-row-of-the-public-table"),
        pytest.param(3002, 1003, 32 * GIGABYTE, 550 + 7506 + 2859 + 3400, 1950 + 2 + 3 + 300, id="beyond-both"),
    ],
)
def test_a_month_costs_what_the_rules_say(
    minutes: float, messages: float, megabytes: float, smart: float, ultra: float
) -> None:
    assert float(SMART.bill(minutes, messages, megabytes)) == smart
    assert float(ULTRA.bill(minutes, messages, megabytes)) == ultra


USAGE = st.tuples(st.floats(0, 40_000), st.floats(0, 50_000), st.floats(0, 1_000_000))


@settings(deadline=None)  # a busy machine is not a fault
@given(USAGE, USAGE)
def test_more_usage_never_costs_less(one: tuple[float, ...], two: tuple[float, ...]) -> None:
    less, more = np.minimum(one, two), np.maximum(one, two)
    for tariff in (SMART, ULTRA):
        assert tariff.bill(*more) >= tariff.bill(*less) >= tariff.fee


@settings(deadline=None)
@given(st.floats(0, 1e6))
def test_started_units_are_whole_and_less_than_one_more(used: float) -> None:
    whole = float(started(used))
    assert whole == np.floor(whole)
    assert -1e-6 < whole - used < 1
