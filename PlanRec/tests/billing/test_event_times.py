"""When an event counts: offsets, changes of clocks, leap day, the ends of months and years, days alone."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from small_cards.bills import Row, bill, call

from common_utils.errors import DataError
from planrec.billing.events import read_events

CALL: Row = {"kind": "call", "item": "calls", "per_minute": "6"}


def _months(timezone: str, starts: list[str], months: list[str]) -> list[int]:
    """Return the calls that fall into each month."""
    found = bill({"rates": [CALL]}, [call(60, s) for s in starts], {"timezone": timezone}, {"bill": months})
    return [found.get("calls" if i == 0 else f"{m} calls", 0) // 6 for i, m in enumerate(months)]


@pytest.mark.parametrize(
    ("timezone", "starts", "months", "wanted"),
    [
        pytest.param(
            *("Europe/Madrid", ["2024-02-29T22:59:59+00:00", "2024-02-29T23:00:00Z", "2024-02-29T23:59:59-05:00"]),
            *(["2024-02", "2024-03"], [1, 2]),
            id="leap-day",
        ),
        pytest.param(
            *("Europe/Madrid", ["2024-12-31T23:59:59-01:00", "2025-01-01T00:30:00+02:00"]),
            *(["2024-12", "2025-01"], [1, 1]),
            id="year",
        ),
        pytest.param(
            *("Europe/Madrid", ["2025-03-31T21:59:59.999999+00:00", "2025-03-31T22:00:00+00:00"]),
            *(["2025-03", "2025-04"], [1, 1]),
            id="a-microsecond-before-midnight",
        ),
        pytest.param(
            *("Asia/Kathmandu", ["2025-04-30T18:14:59+00:00", "2025-04-30T18:15:00+00:00", "2025-05-01T00:00:00"]),
            *(["2025-04", "2025-05"], [1, 2]),
            id="a-zone-of-quarters-of-an-hour",
        ),
        pytest.param(
            *("Pacific/Apia", ["2011-12-31T09:59:59+00:00", "2011-12-31T10:00:00+00:00"]),
            *(["2011-12", "2012-01"], [1, 1]),
            id="a-zone-that-left-out-a-day",
        ),
    ],
)
def test_an_event_belongs_to_the_month_of_its_local_start(
    timezone: str, starts: list[str], months: list[str], wanted: list[int]
) -> None:
    assert _months(timezone, starts, months) == wanted


@pytest.mark.parametrize(
    ("timezone", "start", "cheap"),
    [
        pytest.param("America/New_York", "2025-11-02T01:30:00-04:00", True, id="first-of-a-doubled-hour"),
        pytest.param("America/New_York", "2025-11-02T01:30:00-05:00", True, id="second-of-a-doubled-hour"),
        pytest.param("America/New_York", "2025-11-02T02:00:00-04:00", True, id="an-hour-on-it-is-one-again"),
        pytest.param("America/New_York", "2025-11-02T07:00:00+00:00", False, id="after-the-doubled-hour"),
        pytest.param("Australia/Lord_Howe", "2025-04-05T15:00:00+00:00", True, id="back-by-half-an-hour"),
        pytest.param("Australia/Lord_Howe", "2025-04-05T15:30:00+00:00", False, id="after-the-half-hour"),
        pytest.param("Europe/London", "2025-03-30T01:00:00+00:00", False, id="an-hour-left-out"),
    ],
)
def test_bands_go_by_the_local_clock_at_a_change(timezone: str, start: str, cheap: bool) -> None:
    band = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "01:00", "to": "02:00"}
    card = {"timezone": timezone, "bands": {"one": [band]}}
    rates = [{**CALL, "when": "one", "item": "one", "per_minute": "1"}, CALL]
    found = bill({"rates": rates}, [call(60, start)], card, {"bill": [start[:7]]})
    assert found == ({"one": 1} if cheap else {"calls": 6})


def test_the_first_of_a_doubled_hour_holds_for_a_local_start_and_none_for_one_left_out() -> None:
    rows = "event,subscriber,kind,start,seconds,mb,to,at\ne1,A,call,{},60,,,home\n"
    told = read_events(rows.format("2025-10-26T02:30:00").encode(), "e.csv", "Europe/Madrid", ["A"])
    assert told.instant.tolist() == [int(np.datetime64("2025-10-26T00:30", "us").astype(np.int64))]
    with pytest.raises(DataError, match="line 2, column 'start': this local time does not exist in Europe/Madrid"):
        read_events(rows.format("2025-03-30T02:30:00").encode(), "e.csv", "Europe/Madrid", ["A"])


def test_equal_times_go_by_identifier_whatever_the_file_says() -> None:
    minutes = {"name": "m", "kind": "call", "amount": "1", "unit": "minute"}
    rates = [{**CALL, "to": "far", "item": "far", "per_minute": "50"}, CALL]
    plan: Row = {"rates": rates, "allowances": [minutes]}
    far, near = {**call(60, to="far"), "event": "a"}, {**call(60), "event": "b"}
    assert bill(plan, [near, far]) == bill(plan, [far, near]) == {"calls": 6}
    assert bill(plan, [{**far, "event": "c"}, near]) == {"far": 50}


def test_a_day_alone_is_billed_where_no_time_is_asked_for() -> None:
    assert _months("Europe/Madrid", ["2025-03-31", "2025-04-01", "20250401"], ["2025-03", "2025-04"]) == [1, 2]
    # Midnight of that day was left out in Beirut: the day begins at one o'clock.
    assert _months("Asia/Beirut", ["2022-03-27", "2022-04-01"], ["2022-03", "2022-04"]) == [1, 1]


def test_a_day_alone_is_refused_where_the_card_asks_for_the_time() -> None:
    rows = b"event,subscriber,kind,start,seconds,mb,to,at\ne1,A,call,2025-03-30,60,,,home\n"
    with pytest.raises(DataError, match=r"line 2, column 'start': a day without a time, which plans.p.rates\[0\].when"):
        read_events(rows, "e.csv", "Europe/Madrid", ["A"], time_for="plans.p.rates[0].when")


def test_a_number_becomes_a_class_and_is_kept_nowhere() -> None:
    rows = b"event,subscriber,kind,start,seconds,mb,number,at\ne1,A,call,2025-03-30,60,,+34 699 123 456,home\n"
    events = read_events(rows, "e.csv", "Europe/Madrid", ["A"], {"mobile": ("346",)})
    assert (events.classes, events.to.tolist()) == (("", "mobile"), [1])
    assert b"699" not in pickle.dumps(events)
    assert b"123456" not in pickle.dumps(events)


@pytest.mark.parametrize("number", ["3.4699E+10", "3,46e10", "34E9"])
def test_a_number_whose_digits_are_lost_is_refused(number: str) -> None:
    rows = f'event,subscriber,kind,start,seconds,mb,number,at\ne1,A,call,2025-03-30,60,,"{number}",home\n'
    with pytest.raises(DataError, match="line 2, column 'number': a number written as a power of ten") as refused:
        read_events(rows.encode(), "e.csv", "Europe/Madrid", ["A"], {"mobile": ("346",)})
    assert number not in str(refused.value)
