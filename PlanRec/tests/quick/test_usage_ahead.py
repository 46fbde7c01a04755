"""Months to expect of one subscriber alone are those of a table, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planrec.billing import MAX_USAGE
from planrec.outlook import SERVICES, history_of
from planrec.outlook.forecast import SCENARIOS
from planrec.quick.usage_ahead import RowForecast
from tests.quick.test_advice import fitted

amounts = st.one_of(st.just(0.0), st.floats(0, 2000), st.floats(0, MAX_USAGE), st.just(1e-12))
FORECASTS = [fitted(3), fitted(6)]


@given(
    forecast=st.sampled_from(FORECASTS),
    months=st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=9),
)
@settings(max_examples=300, deadline=None)
def test_one_alone_is_forecast_as_in_a_table(forecast, months: list[tuple[float, float, float]]) -> None:  # type: ignore[no-untyped-def]
    known = np.array(months).T
    quick = RowForecast.of(forecast)
    assert quick is not None
    columns = {f"{s}_{k + 1}": known[i, k : k + 1] for i, s in enumerate(SERVICES) for k in range(len(months))}
    expected = forecast.scenarios(history_of(columns, len(months))).usage
    for _ in range(2):  # the second time from what was kept
        found = quick.months(known.tolist())
        ahead = [getattr(expected, service)[0].tolist() for service in SERVICES]
        assert found[:3, :SCENARIOS].tolist() == ahead
        assert found[:3, SCENARIOS:].tolist() == known.tolist()
        assert (found[3] == 1).all()


@pytest.mark.parametrize("months", [8, None])
def test_a_forecast_of_many_months_or_none_is_left_to_the_table(months: int | None) -> None:
    assert RowForecast.of(None if months is None else fitted(months)) is None


@given(
    forecast=st.sampled_from(FORECASTS),
    said=st.one_of(st.none(), st.tuples(amounts, amounts, amounts)),
    doubt=st.floats(0, 2),
)
@settings(max_examples=100, deadline=None)
def test_who_has_no_month_is_forecast_by_what_is_said(forecast, said: tuple[float, ...] | None, doubt: float) -> None:  # type: ignore[no-untyped-def]
    quick = RowForecast.of(forecast)
    assert quick is not None
    columns = {f"{s}_1": np.array([np.nan if said is None else said[i]]) for i, s in enumerate(SERVICES)}
    extra = 0.0 if said is None else doubt
    expected = forecast.scenarios(history_of(columns, 1), extra_sd=np.array([extra])).usage
    found = quick.months([(), (), ()], said, extra)
    assert found.shape == (4, SCENARIOS)
    assert found[:3].tolist() == [getattr(expected, service)[0].tolist() for service in SERVICES]
    assert (found[3] == 1).all()
