"""A day's verdict: drift beside quality, what could not be compared, since when; asked again, nothing is looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from common_utils.monitoring.day import DayBook, MonitorDay
from common_utils.monitoring.drift.comparison import Reference
from common_utils.monitoring.findings import Finding
from common_utils.monitoring.judge import Sight, asked_day, judged
from common_utils.monitoring.profiles.profile import BinCounts, Profile

_AS_OF = date(2025, 11, 1)


def _profile(low: int, high: int) -> Profile:
    return Profile(
        low + high,
        low + high,
        ("2025-10",),
        {"megabytes": BinCounts(np.array([10.0]), np.array([low, high]), 0)},
    )


def _day(sight: Sight, *before: MonitorDay) -> MonitorDay:
    return judged(sight, project="demo", bundle="v1", as_of=_AS_OF, inputs="0" * 64, before=before)


_TRAINING = Reference("training", "2025-06", _profile(5_000, 5_000))
_BEFORE = Reference("period before", "2025-09", _profile(300, 700))


def test_the_picture_shows_the_reference_it_moved_furthest_from() -> None:
    day = _day(Sight("2025-10", _profile(300, 700), (_TRAINING, _BEFORE)))
    assert day.level == "alarm"
    assert [(m.feature, m.against) for m in day.moved] == [("megabytes", "training (2025-06)")]
    assert day.moved[0].labels == ("<= 10", "> 10")
    assert day.moved[0].before == (0.5, 0.5)
    assert day.moved[0].now == (0.3, 0.7)


def test_a_world_that_stands_still_is_ok() -> None:
    day = _day(Sight("2025-10", _profile(500, 500), (_TRAINING,)))
    assert (day.level, day.exit_code) == ("ok", 0)


def test_without_a_reference_nothing_is_ok() -> None:
    day = _day(Sight("2025-10", _profile(500, 500), ()))
    assert (day.level, day.findings[0].check) == ("insufficient", "reference")


def test_without_a_period_nothing_is_ok() -> None:
    assert _day(Sight("", None, (_TRAINING,))).level == "insufficient"


def test_quality_stands_beside_drift_and_blocks() -> None:
    slip = Finding("own_median", "megabytes", "alarm", 0.05, 0.003, None, 1000, "slipped", blocks_retraining=True)
    day = _day(Sight("2025-10", _profile(500, 500), (_TRAINING,), (slip,), ("young",), ("dearer",)))
    assert day.blocks_retraining
    assert (day.kinds, day.effect) == (("young",), ("dearer",))


def test_a_drift_that_lasts_says_since_when() -> None:
    first = replace(_day(Sight("2025-09", _profile(300, 700), (_TRAINING,))), as_of="2025-10-01")
    day = _day(Sight("2025-10", _profile(300, 700), (_TRAINING,)), first)
    assert [f.since for f in day.findings if f.level == "alarm"] == ["2025-09"]


@pytest.mark.parametrize(("inputs", "looked"), [("0" * 64, 1), ("1" * 64, 2)])
def test_a_day_is_looked_at_once_for_the_same_inputs(tmp_path: Path, inputs: str, looked: int) -> None:
    book, looks = DayBook(tmp_path), list[int]()

    def look(before: object) -> MonitorDay:
        assert before == []
        looks.append(1)
        return replace(_day(Sight("", None, ())), inputs=inputs if len(looks) == 2 else "0" * 64)

    asked_day(book, _AS_OF, "0" * 64, look)
    _, known = asked_day(book, _AS_OF, inputs, look)
    assert (len(looks), known) == (looked, looked == 1)


def test_what_the_owner_does_is_told_one_level_lower() -> None:
    acts = {"megabytes": "a launch moved it"}
    day = _day(Sight("2025-10", _profile(300, 700), (_TRAINING,), own_acts=acts))
    assert day.level == "notice"
    assert "A notice only: a launch moved it." in day.findings[-1].sentence
    day = _day(Sight("2025-10", _profile(430, 570), (_TRAINING,), own_acts=acts))
    assert (day.level, "No finding: a launch moved it." in day.findings[-1].sentence) == ("ok", True)
    assert _day(Sight("2025-10", _profile(430, 570), (_TRAINING,))).level == "notice"
