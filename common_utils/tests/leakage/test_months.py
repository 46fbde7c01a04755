from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from common_utils.leakage.months import month_numbers

JUNE, MAY = 2018 * 12 + 6, 2018 * 12 + 5


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pd.Series(["2018-06", None, "2018-05"]), id="months"),
        pytest.param(pd.Series(["2018-06-01 10:00", None, "2018-05-31"]), id="days"),
        pytest.param(pd.to_datetime(pd.Series(["2018-06-01", None, "2018-05-31"])), id="dates"),
        pytest.param(pd.to_datetime(pd.Series(["2018-06-01", None, "2018-05-31"]), utc=True), id="zone"),
        pytest.param(pd.Series(pd.PeriodIndex(["2018-06", "NaT", "2018-05"], freq="M")), id="periods"),
    ],
)
def test_month_numbers_reads_months_in_any_form(column: pd.Series) -> None:
    numbers = month_numbers(column)
    assert numbers is not None
    np.testing.assert_array_equal(numbers, [JUNE, np.nan, MAY])


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([201806, 201805], id="numbers"),
        pytest.param(["2018-06", "2018-13"], id="no-such-month"),
        pytest.param(["2018-06", "soon"], id="text"),
        pytest.param([None, None], id="nothing"),
    ],
)
def test_month_numbers_is_none_for_anything_else(values: list[object]) -> None:
    assert month_numbers(pd.Series(values, dtype=None if isinstance(values[0], int) else "str")) is None
