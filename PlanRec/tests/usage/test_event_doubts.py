"""Events that are there twice, and calls in seconds: refused beyond doubt, told where there is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common_utils.errors import DataError
from common_utils.tables import Reading, RowReport
from planrec.billing import Catalogue
from planrec.usage.event_doubts import CallLengths, Copies
from planrec.usage.event_files import read_event_tables

HEADER = "subscriber_id,date,minutes"
CALLS = [f"{100 + who},2025-0{month}-03{{time}},{who + month}" for who in range(6) for month in (1, 2)]


def calls(*, time: str = "", times: int = 1) -> list[str]:
    return [line.format(time=time) for line in CALLS] * times


def read(folder: Path, catalogue: Catalogue, lines: list[str], header: str = HEADER, **said: bool) -> RowReport:
    (folder / "calls.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return read_event_tables(folder, catalogue, reading=Reading(**said)).reports[0]


@pytest.mark.parametrize("time", ["", " 10:00:01"], ids=["days", "times"])
@pytest.mark.parametrize("times", [2, 3])
def test_an_export_joined_with_itself_is_refused(tmp_path: Path, catalogue: Catalogue, time: str, times: int) -> None:
    with pytest.raises(DataError, match=f"calls: every row is there {times} times"):
        read(tmp_path, catalogue, calls(time=time, times=times))


def test_equal_events_of_a_day_are_events(tmp_path: Path, catalogue: Catalogue) -> None:
    assert read(tmp_path, catalogue, [*calls(times=2), *calls()[:1]]).notes == ()
    assert read(tmp_path, catalogue, calls(times=2)[:9] * 2).notes == ()  # nine different ones may be so by chance


def test_equal_events_of_a_second_are_told(tmp_path: Path, catalogue: Catalogue) -> None:
    report = read(tmp_path, catalogue, [*calls(time=" 10:00:01"), *calls(time=" 10:00:01")[:3]])
    assert report.notes == (
        "3 row(s) repeat another to the second; if they are copies, remove them, or bring the id of each event",
    )
    assert report.kept == 15


def test_events_with_ids_are_told_apart_by_them(tmp_path: Path, catalogue: Catalogue) -> None:
    lines = [f"{line},{place}" for place, line in enumerate(calls(time=" 10:00:01", times=2))]
    report = read(tmp_path, catalogue, lines, f"{HEADER},id")
    assert (report.kept, report.notes) == (24, ())


def test_a_table_without_events_has_no_copies() -> None:
    with Copies() as copies:
        assert copies.check(RowReport("calls", read=0, kept=0)).notes == ()


@pytest.mark.parametrize(
    ("lasting", "count", "told"),
    [
        pytest.param(60.0, 100, None, id="an-hour"),
        pytest.param(61.0, 19, None, id="too-few-to-tell"),
        pytest.param(61.0, 20, "told", id="some"),
        pytest.param(61.0, 1000, "told", id="many"),
    ],
)
def test_calls_of_more_than_an_hour_are_seconds(lasting: float, count: int, told: str | None) -> None:
    # As many short calls less one, and one of no time, which is no call.
    lengths = CallLengths()
    for some in ([lasting] * (count // 2 + 1), [1.0] * (count - count // 2 - 1), [0.0]):
        lengths.add(np.array(some))
    notes = lengths.check(RowReport("calls", read=count + 1, kept=count + 1)).notes
    assert len(notes) == (told == "told")
    assert all("are they seconds? Then say the unit with data.table.columns" in note for note in notes)


@pytest.mark.parametrize("longer", [59.0, 60.0, 61.0, 90.0])
@pytest.mark.parametrize("shorter", [31.0, 60.0])
@pytest.mark.parametrize("more", [0, 1, 2])
def test_the_median_of_calls_is_that_of_all_of_them(longer: float, shorter: float, more: int) -> None:
    minutes = np.array([shorter] * 10 + [longer] * (10 + more))
    lengths = CallLengths()
    for block in np.array_split(minutes, 3):
        lengths.add(block)
    assert bool(lengths.check(RowReport("calls", read=30, kept=30)).notes) == (np.median(minutes) > 60)


def test_seconds_that_are_stated_are_no_doubt(tmp_path: Path, catalogue: Catalogue) -> None:
    lines = [f"{100 + who},2025-01-{day:02d},{180 + who}" for who in range(12) for day in range(1, 13)]
    assert any("are they seconds" in note for note in read(tmp_path, catalogue, lines).notes)
    assert read(tmp_path, catalogue, lines).kept == 144
