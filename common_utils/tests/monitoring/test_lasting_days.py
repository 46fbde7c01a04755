"""Lasting shifts over the periods looked at: each table once, in order, anew with another bundle, across commands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common_utils.errors import DataError
from common_utils.monitoring.drift.comparison import Reference
from common_utils.monitoring.findings import Finding
from common_utils.monitoring.judge import Sight
from common_utils.monitoring.lasting_days import lasting_findings
from common_utils.monitoring.profiles.profile import BinCounts, Profile


def table(share: float, *, rows: int = 2_000, edge: float = 1.0) -> Profile:
    high = round(rows * share)
    return Profile(rows, rows, (), {"age": BinCounts(np.array([edge]), np.array([rows - high, high]), 0)})


def sight(period: str, now: Profile | None, before: Profile | None = None) -> Sight:
    references = () if before is None else (Reference("period before", "before", before),)
    return Sight(period, now, references)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "monitoring" / "detectors.json"


def grown(file: Path, periods: int) -> list[Finding]:
    """Look at periods of which each holds a little more than the one before."""
    found: list[Finding] = []
    for day in range(1, periods + 1):
        found = lasting_findings(file, sight(f"2025-10-{day:02}", table(0.4 + 0.02 * day)))
    return found


def test_a_small_growth_that_lasts_is_a_notice_with_its_beginning(file: Path) -> None:
    (told,) = grown(file, 20)
    assert (told.check, told.feature, told.level) == ("lasting_shift", "age rose", "notice")
    assert told.since is not None
    assert told.since < "2025-10-15"


def test_nothing_is_told_where_nothing_changes(file: Path) -> None:
    for day in range(1, 21):
        found = lasting_findings(file, sight(f"2025-10-{day:02}", table(0.5 + 0.001 * (day % 3))))
    assert [one.level for one in found] == ["ok"]


def test_the_first_period_says_nothing_and_the_period_before_is_where_it_begins(file: Path, tmp_path: Path) -> None:
    assert lasting_findings(file, sight("2025-10-01", table(0.5))) == []
    (found,) = lasting_findings(tmp_path / "other.json", sight("2025-10-01", table(0.51), table(0.5)))
    assert (found.level, found.count) == ("ok", 1)


def test_a_table_counts_once_whatever_the_day_it_is_looked_at(file: Path) -> None:
    lasting_findings(file, sight("2025-10-01", table(0.5)))
    (first,) = lasting_findings(file, sight("2025-10-02", table(0.55)))
    state = file.read_bytes()
    for period in ("2025-10-02", "2025-10-03", "2025-11-30"):
        assert lasting_findings(file, sight(period, table(0.55))) == [first]
    assert file.read_bytes() == state


def test_another_table_of_a_period_added_up_is_not_added_up(file: Path) -> None:
    grown(file, 3)
    state = file.read_bytes()
    (found,) = lasting_findings(file, sight("2025-10-03", table(0.9)))
    assert found.level == "ok"
    assert "Another table of 2025-10-03 is added up already" in found.sentence
    assert file.read_bytes() == state


def test_a_day_out_of_order_is_told_and_changes_nothing(file: Path) -> None:
    grown(file, 3)
    state = file.read_bytes()
    (found,) = lasting_findings(file, sight("2025-09-30", table(0.9)))
    assert (found.check, found.level) == ("lasting_shift_late", "notice")
    assert file.read_bytes() == state


def test_another_bundle_begins_anew_and_keeps_what_was(file: Path) -> None:
    grown(file, 20)
    state = file.read_bytes()
    told = lasting_findings(file, sight("2025-10-21", table(0.5, edge=2.0)))
    assert [(one.check, one.level) for one in told] == [("lasting_shift_restarted", "notice")]
    (kept,) = set(file.parent.glob("*.json")) - {file}
    assert kept.read_bytes() == state
    assert kept.name in told[0].sentence
    assert lasting_findings(file, sight("2025-10-21", table(0.5, edge=2.0))) == []
    assert [one.level for one in lasting_findings(file, sight("2025-10-22", table(0.5, edge=2.0, rows=2_001)))] == [
        "ok"
    ]


def test_another_bundle_with_the_period_before_goes_on_at_once(file: Path) -> None:
    grown(file, 3)
    told = lasting_findings(file, sight("2025-10-04", table(0.51, edge=2.0), table(0.5, edge=2.0)))
    assert [(one.check, one.level) for one in told] == [("lasting_shift_restarted", "notice"), ("lasting_shift", "ok")]


def test_a_table_seen_under_the_bundle_before_is_not_counted_again(file: Path) -> None:
    grown(file, 3)
    told = lasting_findings(file, sight("2025-10-03", table(0.51, edge=2.0), table(0.5, edge=2.0)))
    assert [one.check for one in told] == ["lasting_shift_restarted"]
    assert lasting_findings(file, sight("2025-10-03", table(0.51, edge=2.0), table(0.5, edge=2.0))) == []


def test_too_few_subjects_are_marked_and_add_nothing(file: Path) -> None:
    lasting_findings(file, sight("2025-10-01", table(0.5)))
    assert lasting_findings(file, sight("2025-10-02", table(0.9, rows=150))) == []
    assert b'"few"' in file.read_bytes()


@pytest.mark.parametrize("now", [None, Profile(0, 0, ())])
def test_nothing_to_look_at_changes_nothing(file: Path, now: Profile | None) -> None:
    assert lasting_findings(file, sight("2025-10-01", now)) == []
    assert not file.exists()


def test_a_damaged_state_is_named(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("{")
    with pytest.raises(DataError, match="move it away"):
        lasting_findings(file, sight("2025-10-01", table(0.5)))
