from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.billing.catalogue import Rounding
from planrec.columns import REQUIRED, SUBSCRIBER
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.events import simulate_events
from planrec.simulator.operator import simulate
from planrec.simulator.simulation import Simulation
from planrec.usage.events import EventTables, aggregate_events


@pytest.fixture(scope="module")
def operator(catalogue: Catalogue) -> Simulation:
    return simulate(SimulatorConfig(subscribers=40, months=4), catalogue, np.random.default_rng(42))


@pytest.fixture(scope="module")
def events(operator: Simulation) -> EventTables:
    return simulate_events(operator, set(operator.subscribers[SUBSCRIBER][:30]), np.random.default_rng(1))


def summed(operator: Simulation, events: EventTables) -> pd.DataFrame:
    rounding = operator.catalogue.rounding
    result = aggregate_events(events, rounding, churn_cut=True, empty_months="bill")
    assert not any(result.rejected.values())
    return result.months[list(REQUIRED)]


def of_30(operator: Simulation) -> pd.DataFrame:
    months = operator.months
    return months[months[SUBSCRIBER] < "S30"][list(REQUIRED)].reset_index(drop=True)


def test_events_sum_to_the_usage_months(operator: Simulation, events: EventTables) -> None:
    pd.testing.assert_frame_equal(summed(operator, events), of_30(operator), check_exact=True)


def test_events_sum_to_the_usage_months_where_only_the_month_is_rounded(catalogue: Catalogue) -> None:
    monthly = dataclasses.replace(catalogue, rounding=Rounding(minutes="month"))
    operator = simulate(SimulatorConfig(subscribers=30, months=2), monthly, np.random.default_rng(3))
    events = simulate_events(operator, list(operator.subscribers[SUBSCRIBER]), np.random.default_rng(1))
    assert (operator.months["minutes"] % 1 != 0).any()
    pd.testing.assert_frame_equal(summed(operator, events), of_30(operator), check_exact=True)


def test_events_look_like_calls_messages_and_sessions(events: EventTables) -> None:
    assert list(events.calls.columns) == ["id", "subscriber_id", "date", "minutes"]
    assert list(events.messages.columns) == ["id", "subscriber_id", "date"]
    assert list(events.sessions.columns) == ["id", "subscriber_id", "date", "megabytes"]
    for table in (events.calls, events.messages, events.sessions):
        assert table["id"].is_unique
        assert table["date"].between(pd.Timestamp("2025-01-01"), pd.Timestamp("2025-04-30")).all()
        assert (table["date"] == table["date"].dt.normalize()).all()
    assert np.mean(events.calls["minutes"] == 0) == pytest.approx(0.195, abs=0.02)
    assert np.mean(events.sessions["megabytes"] == 0) == pytest.approx(0.13, abs=0.02)
    assert np.mean(events.calls["minutes"] % 1 != 0) > 0.7


def test_events_of_a_joiner_start_on_the_first_day(catalogue: Catalogue) -> None:
    config = SimulatorConfig(subscribers=30, months=2, joins_late=1)
    operator = simulate(config, catalogue, np.random.default_rng(3))
    events = simulate_events(operator, list(operator.subscribers[SUBSCRIBER]), np.random.default_rng(1))
    first = events.sessions.groupby(SUBSCRIBER)["date"].min()
    joined = operator.subscribers.set_index(SUBSCRIBER)["reg_date"]
    assert (joined > pd.Timestamp("2025-02-01")).any()
    assert (first >= joined[first.index]).all()


def test_events_repeat_themselves(operator: Simulation, events: EventTables) -> None:
    again = simulate_events(operator, set(operator.subscribers[SUBSCRIBER][:30]), np.random.default_rng(1))
    for name in ("calls", "messages", "sessions", "subscribers"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(events, name), check_exact=True)


def test_events_of_nobody_are_empty_tables(operator: Simulation) -> None:
    events = simulate_events(operator, [], np.random.default_rng(1))
    assert (len(events.calls), len(events.messages), len(events.sessions)) == (0, 0, 0)


def test_events_of_a_stranger_are_refused(operator: Simulation) -> None:
    with pytest.raises(DataError, match="1 of the subscribers asked for are not in it"):
        simulate_events(operator, ["S01", "nobody"], np.random.default_rng(1))


@settings(deadline=None, max_examples=25)
@given(
    usage=st.lists(
        st.tuples(st.integers(0, 3000), st.integers(0, 200), st.integers(0, 5_000_000)), min_size=1, max_size=4
    )
)
def test_events_sum_to_any_month(operator: Simulation, usage: list[tuple[int, int, int]]) -> None:
    rows = [("a", f"2025-{i + 1:02d}", float(c), float(m), d / 100) for i, (c, m, d) in enumerate(usage)]
    months = pd.DataFrame(rows, columns=list(REQUIRED)).astype({"subscriber_id": "str", "month": "str"})
    people = pd.DataFrame({"subscriber_id": ["a"], "age": [40.0], "reg_date": [pd.Timestamp("2025-01-01")]}).astype(
        {"subscriber_id": "str"}
    )
    card = Catalogue("1", "EUR", Rounding(minutes="call"), ())
    other = dataclasses.replace(operator, months=months, subscribers=people, catalogue=card)
    events = simulate_events(other, ["a"], np.random.default_rng(len(usage)))
    result = aggregate_events(events, card.rounding, churn_cut=False, empty_months="drop").months
    with_events = months[(months[["minutes", "messages", "megabytes"]] > 0).any(axis=1)].reset_index(drop=True)
    pd.testing.assert_frame_equal(result[list(REQUIRED)], with_events, check_exact=True)
