"""Traffic of a day against the model's first days and the day before: what is judged, and what is said instead."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from common_utils.monitoring.judge import judged
from common_utils.monitoring.profiles.counting import profile_like, reference_profile
from common_utils.monitoring.profiles.hours import HourFolder
from common_utils.monitoring.traffic import traffic_sight

REFERENCE = reference_profile({"age": np.linspace(0, 100, 2_000)})


def asked(root: Path, day: int, *, rows: int = 600, people: int | None = None, shift: float = 0.0) -> None:
    """Write what a service saw in two hours of a day; subjects are the same every day."""
    rng = np.random.default_rng(day)
    for hour in (9, 20):
        subjects = np.array([f"{hour}-{number % (people or rows)}" for number in range(rows)], dtype=object)
        values = np.minimum(rng.random(rows) * 100 + shift, 100)
        profile = profile_like(REFERENCE, {"age": values}, subjects=subjects)
        HourFolder(root, "v1", "predict").write(datetime(2025, 11, day, hour, tzinfo=UTC), profile)


def level(root: Path, day: int, kinds: tuple[str, ...] = ("predict", "recommend")) -> tuple[str, str]:
    sight = traffic_sight(root, "v1", kinds, date(2025, 11, day), table="--usage")
    found = judged(sight, project="demo", bundle="v1", as_of=date(2025, 11, day), inputs="0" * 64)
    return found.level, " ".join(one.sentence for one in found.findings)


def test_an_unchanged_day_is_well_and_a_changed_one_an_alarm(tmp_path: Path) -> None:
    for day in range(1, 10):
        asked(tmp_path, day)
    found, said = level(tmp_path, 10)
    assert (found, "traffic after promotion (2025-11-01)" in said, "period before (2025-11-08)" in said) == (
        "ok", True, True,
    )  # fmt: skip
    asked(tmp_path, 10, shift=40)
    assert level(tmp_path, 11)[0] == "alarm"


@pytest.mark.parametrize("day", [1, 12])
def test_nothing_counted_is_insufficient_and_says_what_to_do(tmp_path: Path, day: int) -> None:
    asked(tmp_path, 1)
    found, said = level(tmp_path, day)
    assert found == "insufficient"
    assert "monitoring.folder" in said
    assert "--usage FILE" in said


def test_subjects_that_asked_more_than_once_are_not_judged(tmp_path: Path) -> None:
    for day in range(1, 4):
        asked(tmp_path, day, people=300)
    found, said = level(tmp_path, 4)
    assert found == "insufficient"
    assert "one row for each" in said


def test_a_first_day_has_nothing_to_be_held_against(tmp_path: Path) -> None:
    asked(tmp_path, 1)
    assert level(tmp_path, 2)[0] == "insufficient"


def test_another_model_s_traffic_is_not_looked_at(tmp_path: Path) -> None:
    asked(tmp_path, 1)
    assert traffic_sight(tmp_path, "v2", ["predict"], date(2025, 11, 2), table="--usage").now is None
