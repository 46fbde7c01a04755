"""A day's record: written whole, read strictly, asked again the same, and since when a finding has held."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from common_utils.errors import DataError
from common_utils.monitoring.day import EXIT_CODES, DayBook, MonitorDay, Moved, since_when
from common_utils.monitoring.findings import Finding
from common_utils.monitoring.profiles.profile import BinCounts, Profile

_MOVED = Moved("megabytes", ("up to 1", "over 1"), (0.5, 0.5), (0.4, 0.6), 0.05, "training")


def _finding(level: str = "notice", feature: str = "megabytes", *, blocks: bool = False) -> Finding:
    said = f"{feature} moved."
    return Finding("drift", feature, level, 0.05, 0.0, None, 400, said, blocks)  # type: ignore[arg-type]


def _day(*findings: Finding, as_of: str = "2025-11-01", period: str = "2025-10") -> MonitorDay:
    return MonitorDay(
        "demo", "v1", as_of, period, "0" * 64, findings, (_MOVED,), ("young, much data",), ("1 % dearer",)
    )


@pytest.mark.parametrize(("level", "code"), [("ok", 0), ("notice", 0), ("alarm", 5), ("insufficient", 6)])
def test_the_worst_level_is_the_days(level: str, code: int) -> None:
    day = _day(_finding("ok", "age"), _finding(level))
    assert (day.level, day.exit_code, EXIT_CODES[day.level]) == (level, code, code)


def test_an_alarm_is_not_hidden_by_what_could_not_be_judged() -> None:
    assert _day(_finding("insufficient", "age"), _finding("alarm")).level == "alarm"


def test_nothing_looked_at_is_never_ok() -> None:
    assert _day().exit_code == 6


def test_a_day_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    book, day = DayBook(tmp_path / "m"), _day(_finding("alarm", blocks=True), _finding("ok", "age"))
    with book.writing():
        book.keep(day)
    assert book.day(date(2025, 11, 1)) == day
    assert book.days() == [day]
    assert book.days(until=date(2025, 11, 1)) == []
    assert json.loads((tmp_path / "m" / "days" / "2025-11-01.json").read_text())["blocks_retraining"] is True


def test_a_day_nobody_asked_for_is_none(tmp_path: Path) -> None:
    assert DayBook(tmp_path).day(date(2025, 11, 1)) is None
    assert DayBook(tmp_path / "none").days() == []


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"format": 1}', json.dumps(_day(_finding()).to_dict() | {"findings": [{"level": "fine"}]})],
)
def test_what_is_no_record_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / "2025-11-01.json").write_text(content)
    with pytest.raises(DataError, match=r"2025-11-01\.json: is not the record of a day"):
        DayBook(tmp_path).days()


def test_a_later_format_is_refused_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / "2025-11-01.json").write_text(json.dumps(_day().to_dict() | {"format": 9}))
    with pytest.raises(DataError, match=r"is of format '9', not 1"):
        DayBook(tmp_path).day(date(2025, 11, 1))


def test_an_unknown_level_is_refused(tmp_path: Path) -> None:
    said = _day(_finding()).to_dict()
    said["findings"][0]["level"] = "fine"
    (tmp_path / "days").mkdir()
    (tmp_path / "days" / "2025-11-01.json").write_text(json.dumps(said))
    with pytest.raises(DataError, match="is not the record of a day"):
        DayBook(tmp_path).day(date(2025, 11, 1))


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(DataError, match=r"cannot be made.*Correct monitoring\.folder"),
        DayBook(tmp_path / "file" / "m").writing(),
    ):
        pass


def test_since_counts_back_over_periods_and_not_over_days() -> None:
    first = _day(_finding(), as_of="2025-09-01", period="2025-08")
    again = _day(_finding(), as_of="2025-09-02", period="2025-08")
    second = _day(_finding("alarm"), as_of="2025-10-01", period="2025-09")
    found = since_when([_finding()], [first, again, second], "2025-10")
    assert found[0].since == "2025-08"


def test_since_ends_where_it_was_well_between() -> None:
    first = _day(_finding(), as_of="2025-09-01", period="2025-08")
    well = _day(_finding("ok"), as_of="2025-10-01", period="2025-09")
    other = _day(_finding("notice", "age"), as_of="2025-10-02", period="2025-09")
    assert since_when([_finding()], [first, well, other], "2025-10")[0].since == "2025-10"


def test_what_is_well_and_what_says_so_itself_stays() -> None:
    known = replace(_finding(), since="2024-01")
    assert since_when([_finding("ok"), known], [], "2025-10") == (_finding("ok"), known)


def _profile(count: int, *edges: float) -> Profile:
    counts = np.full(len(edges) + 1, count)
    return Profile(int(counts.sum()), int(counts.sum()), ("2025-10",), {"age": BinCounts(np.array(edges), counts, 0)})


def test_the_period_before_is_the_last_one_on_the_same_edges(tmp_path: Path) -> None:
    book = DayBook(tmp_path)
    assert book.profile_before("2025-10", _profile(1, 30.0)) is None
    for period, profile in (
        ("2025-07", _profile(1, 30.0)),
        ("2025-08", _profile(2, 30.0)),
        ("2025-09", _profile(3, 40.0)),  # of another bundle
        ("2025-10", _profile(4, 30.0)),  # not before
    ):
        book.keep_profile(period, profile)
    assert book.profile_before("2025-10", _profile(9, 30.0)) == ("2025-08", _profile(2, 30.0))


def test_a_damaged_profile_is_named(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "2025-09.json").write_text("{")
    with pytest.raises(DataError, match=r"2025-09\.json"):
        DayBook(tmp_path).profile_before("2025-10", _profile(1, 30.0))
