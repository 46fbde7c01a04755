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
