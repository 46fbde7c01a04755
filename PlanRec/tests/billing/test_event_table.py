from __future__ import annotations

import pytest

from common_utils.errors import DataError
from planrec.billing.events import read_events

HEADER = "event,subscriber,kind,start,seconds,mb,to,at"
ROW = "e1,A,call,2025-03-31T23:30:00+00:00,60,,fixed,home"


def read(header: str, row: str) -> int:
    return len(read_events(f"{header}\n{row}\n".encode(), "events.csv", "Europe/Madrid", ["A"]))


def test_columns_nobody_needs_stop_no_file() -> None:
    assert read(f"cell,{HEADER},imei", f"c9,{ROW},x") == 1


@pytest.mark.parametrize("name", ["Number", " number", "TO"])
def test_a_column_that_may_be_meant_is_not_passed_over(name: str) -> None:
    with pytest.raises(DataError, match=rf"events.csv: column\(s\) \['{name}'\]; write the names as here: event, "):
        read(f"{HEADER},{name}", f"{ROW},346")


@pytest.mark.parametrize(
    ("header", "what"),
    [
        pytest.param(HEADER.replace(",mb", ""), r"column\(s\) \['mb'\]", id="missing"),
        pytest.param(f"{HEADER},mb", "named twice", id="twice"),
    ],
)
def test_a_column_missing_or_named_twice_is_told(header: str, what: str) -> None:
    with pytest.raises(DataError, match=what):
        read(header, ROW)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param("to\ne1,A,call,2025-03-01T08:00:00,60,,home,fixed", "no column 'number'", id="no-column"),
        pytest.param("number\ne1,A,sms,2025-03-01T08:00:00,,,home,", "line 2, column 'number'", id="no-number"),
        pytest.param(
            "number\ne1,A,sms,2025-03-01T08:00:00,,,home,3.46E+10", "has lost its digits", id="a-power-of-ten"
        ),
    ],
)
def test_a_limit_of_numbers_asks_for_each_number(rows: str, message: str) -> None:
    table = f"event,subscriber,kind,start,seconds,mb,at,{rows}\n".encode()
    with pytest.raises(DataError, match=message):
        read_events(table, "events.csv", "UTC", ["A"], {"fixed": ("34",)}, number_for="plans.a.allowances[0].numbers")


def test_numbers_become_their_order_of_each_subscriber_and_are_not_kept() -> None:
    lines = ["event,subscriber,kind,start,seconds,mb,to,at,number"]
    for i, (who, kind, number) in enumerate(
        [
            ("A", "call", "34600"),
            ("B", "call", "34601"),
            ("A", "sms", "34601"),
            ("A", "call", "+34 600"),
            ("A", "data", ""),
        ]
    ):
        lines.append(f"e{i},{who},{kind},2025-03-01T08:00:0{i},60,1,fixed,home,{number}")
    table = "\n".join(lines).encode()
    asked = read_events(table, "events.csv", "UTC", ["A", "B"], number_for="allowances[0].numbers")
    assert asked.callee is not None
    assert asked.callee.tolist() == [1, 2, 1, 0, 1]
    assert "346" not in repr(asked)
    assert read_events(table, "events.csv", "UTC", ["A", "B"]).callee is None
