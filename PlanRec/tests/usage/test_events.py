from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planrec.billing.catalogue import Rounding
from planrec.usage.events import EventTables, aggregate_events

PER_CALL, PER_MONTH = Rounding(minutes="call"), Rounding(minutes="month")
NO_CALLS = pd.DataFrame({"subscriber_id": [], "date": [], "minutes": []})
NO_MESSAGES = pd.DataFrame({"subscriber_id": [], "date": []})
NO_SESSIONS = pd.DataFrame({"subscriber_id": [], "date": [], "megabytes": []})


def calls(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["subscriber_id", "date", "minutes"])


def sessions(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["subscriber_id", "date", "megabytes"])


def messages(*rows: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["subscriber_id", "date"])


def people(*rows: tuple[str, str, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=["subscriber_id", "reg_date", "churn_date"]).astype("str")
    return frame.assign(current_plan="surf", age=40.0)


def usage(
    tables: EventTables, rounding: Rounding = PER_CALL, *, churn_cut: bool = False, bill_empty: bool = False
) -> list[tuple[object, ...]]:
    empty = "bill" if bill_empty else "drop"
    months = aggregate_events(tables, rounding, churn_cut=churn_cut, empty_months=empty).months
    columns = ["subscriber_id", "month", "minutes", "messages", "megabytes"]
    return list(months[columns].itertuples(index=False, name=None))


def test_aggregate_rounds_each_call_up_before_summing() -> None:
    tables = EventTables(
        calls(("a", "2018-03-01", 0.01), ("a", "2018-03-31", 2.0), ("a", "2018-03-31", 2.3)), NO_MESSAGES, NO_SESSIONS
    )
    assert usage(tables) == [("a", "2018-03", 6.0, 0.0, 0.0)]
    assert usage(tables, PER_MONTH) == [("a", "2018-03", 4.31, 0.0, 0.0)]


def test_aggregate_sums_decimals_exactly() -> None:
    tables = EventTables(NO_CALLS, NO_MESSAGES, sessions(("a", "2018-03-01", 0.1), ("a", "2018-03-01", 0.2)))
    assert usage(tables) == [("a", "2018-03", 0.0, 0.0, 0.3)]  # floats would give 0.30000000000000004


def test_aggregate_sorts_by_subscriber_then_month() -> None:
    tables = EventTables(
        NO_CALLS,
        messages(("b", "2018-01-01"), ("a", "2018-12-31"), ("a", "2018-02-01"), ("a", "2018-02-28")),
        NO_SESSIONS,
    )
    assert [(s, m, n) for s, m, _, n, _ in usage(tables)] == [
        ("a", "2018-02", 2),
        ("a", "2018-12", 1),
        ("b", "2018-01", 1),
    ]


def test_missed_calls_and_empty_sessions_make_a_month_with_events() -> None:
    tables = EventTables(calls(("a", "2018-03-01", 0.0)), NO_MESSAGES, sessions(("b", "2018-03-01", 0.0)))
    assert usage(tables) == [("a", "2018-03", 0.0, 0.0, 0.0), ("b", "2018-03", 0.0, 0.0, 0.0)]


def test_empty_months_are_billed_between_first_and_churn_date_or_the_end_of_the_data() -> None:
    tables = EventTables(
        calls(("a", "2018-02-10", 1), ("b", "2018-02-10", 1), ("b", "2018-05-10", 1)),
        NO_MESSAGES,
        NO_SESSIONS,
        people(("a", "2018-01-20", "2018-04-02"), ("b", "2017-06-01", None), ("c", "2018-04-30", None)),
    )
    billed = [(s, m) for s, m, *_ in usage(tables, bill_empty=True)]
    # The data run from 2018-02 to 2018-05: b's months before are unknown, not empty; a's first month is before them.
    assert billed == [
        *[("a", f"2018-0{m}") for m in (2, 3, 4)],
        *[("b", f"2018-0{m}") for m in (2, 3, 4, 5)],
        *[("c", f"2018-0{m}") for m in (4, 5)],
    ]
    assert [(s, m) for s, m, *_ in usage(tables)] == [("a", "2018-02"), ("b", "2018-02"), ("b", "2018-05")]


def test_first_month_is_kept_and_marked_partial_unless_it_starts_on_the_first() -> None:
    tables = EventTables(
        calls(("a", "2018-02-10", 1), ("a", "2018-03-10", 1), ("b", "2018-02-10", 1)),
        NO_MESSAGES,
        NO_SESSIONS,
        people(("a", "2018-02-02", None), ("b", "2018-02-01", None)),
    )
    months = aggregate_events(tables, PER_CALL, churn_cut=False, empty_months="drop").months
    assert months["partial"].tolist() == [True, False, False]
    assert months["tenure_months"].tolist() == [0, 1, 0]
    assert months["current_plan"].tolist() == ["surf"] * 3
    assert months["age"].tolist() == [40.0] * 3


def test_list_without_plan_age_and_churn_date_is_enough() -> None:
    listed = people(("a", "2018-02-02", None))[["subscriber_id", "reg_date"]]
    tables = EventTables(calls(("a", "2018-02-10", 1)), NO_MESSAGES, NO_SESSIONS, listed)
    months = aggregate_events(tables, PER_CALL, churn_cut=True, empty_months="bill").months
    assert len(months) == 1
    assert months[["current_plan", "age"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("day", "churn_cut", "reason"),
    [
        pytest.param("2018-02-01", True, "before reg_date", id="day-before-the-first"),
        pytest.param("2018-02-02", True, None, id="first-day"),
        pytest.param("2018-04-02", True, None, id="last-day"),
        pytest.param("2018-04-03", True, "after churn_date", id="day-after-the-last"),
        pytest.param("2018-04-03", False, None, id="no-cut"),
        pytest.param("2018-02-30", True, "no such day", id="30-february"),
        pytest.param("4/3/18", True, "no such day", id="spreadsheet-date"),
    ],
)
def test_event_outside_its_dates_is_rejected_with_the_reason(day: str, *, churn_cut: bool, reason: str | None) -> None:
    kept = calls(("a", "2018-03-01", 5))
    tables = EventTables(
        pd.concat([kept, calls(("a", day, 1))]),
        messages(("a", day)),
        sessions(("a", day, 1.0)),
        people(("a", "2018-02-02", "2018-04-02")),
    )
    result = aggregate_events(tables, PER_CALL, churn_cut=churn_cut, empty_months="drop")
    expected = {} if reason is None else {reason: 1}
    kept_apart = result.set_aside if reason == "after churn_date" else result.rejected
    assert kept_apart == {"calls": expected, "messages": expected, "sessions": expected}
    assert result.months["minutes"].sum() == (5 if reason else 6)


def test_event_of_an_orphan_is_rejected() -> None:
    tables = EventTables(
        calls(("a", "2018-03-01", 5), ("nobody", "2018-03-01", 5)),
        NO_MESSAGES,
        NO_SESSIONS,
        people(("a", "2018-02-02", None)),
    )
    result = aggregate_events(tables, PER_CALL, churn_cut=False, empty_months="bill")
    assert result.rejected["calls"] == {"subscriber not in the list": 1}
    assert result.months["subscriber_id"].tolist() == ["a"]


def test_event_dates_may_be_typed() -> None:
    typed = calls(("a", "2018-03-01", 5)).assign(date=pd.to_datetime(["2018-03-01 23:59"]))
    assert usage(EventTables(typed, NO_MESSAGES, NO_SESSIONS)) == [("a", "2018-03", 5.0, 0.0, 0.0)]


def test_aggregate_of_no_events_is_an_empty_table() -> None:
    assert usage(EventTables(NO_CALLS, NO_MESSAGES, NO_SESSIONS)) == []


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=30))
def test_aggregate_rounds_any_calls_as_integer_arithmetic_does(hundredths: list[int]) -> None:
    tables = EventTables(calls(*[("a", "2018-03-01", h / 100) for h in hundredths]), NO_MESSAGES, NO_SESSIONS)
    assert usage(tables)[0][2] == sum(-(-h // 100) for h in hundredths)
    assert usage(tables, PER_MONTH)[0][2] == sum(hundredths) / 100
