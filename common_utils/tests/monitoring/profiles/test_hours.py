"""Hourly profiles: written whole, merged over writers and restarts, and never in the way of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from common_utils.errors import DataError
from common_utils.monitoring.config import MonitoringConfig
from common_utils.monitoring.profiles.counting import profile_like, reference_profile
from common_utils.monitoring.profiles.hours import HourFolder
from common_utils.monitoring.profiles.live import LiveProfiles, SeenRows
from common_utils.monitoring.profiles.profile import Profile, merge

AT = datetime(2026, 11, 28, 20, 36, tzinfo=UTC)
FOREVER = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
REFERENCE = reference_profile({"x": np.arange(100.0)}, score=np.linspace(0, 1, 50))


def _profile(*values: float) -> Profile:
    return profile_like(REFERENCE, {"x": np.array(values)}, score=np.zeros(len(values)))


def _live(what: str = "predict") -> LiveProfiles[Any]:
    def rows(records: Sequence[Any], scores: Sequence[float]) -> SeenRows:
        return SeenRows({"x": np.array(records, dtype=np.float64)}, np.array(scores), [None] * len(records))

    return LiveProfiles(what, rows)


def test_writers_and_restarts_add_up(tmp_path: Path) -> None:
    first, second = HourFolder(tmp_path, "v1", "predict"), HourFolder(tmp_path, "v1", "predict")
    first.write(AT, _profile(1))
    first.write(AT, _profile(1, 2))  # all it saw of the hour, anew
    second.write(AT, _profile(50))
    second.write(AT + timedelta(hours=1), _profile(99, 98))
    assert first.between(AT, AT + timedelta(minutes=24)) == merge(_profile(1, 2), _profile(50)) == _profile(1, 2, 50)
    assert first.between(*FOREVER) == _profile(1, 2, 50, 99, 98)
    assert first.hours() == [AT.replace(minute=0), AT.replace(hour=21, minute=0)]
    assert first.between(AT - timedelta(days=1), AT - timedelta(hours=1)) is None
    assert HourFolder(tmp_path, "v2", "predict").between(*FOREVER) is None


def test_only_counts_are_written(tmp_path: Path) -> None:
    folder = HourFolder(tmp_path, "v1", "predict")
    subjects = np.array(["Mrs Miller", "+491701234567"], dtype=object)
    folder.write(AT, profile_like(REFERENCE, {"x": np.array([4.321987, 7])}, score=np.zeros(2), subjects=subjects))
    text = next(folder.path.iterdir()).read_text()
    assert not any(secret in text for secret in ("Miller", "170123", "4.321987"))
    assert [path.suffix for path in folder.path.iterdir()] == [".json"]


def test_old_hours_go_and_strange_files_stay(tmp_path: Path) -> None:
    folder = HourFolder(tmp_path, "v1", "predict")
    for days in (0, 29, 31, 400):
        folder.write(AT - timedelta(days=days), _profile(1))
    (folder.path / "notes.json").write_text("mine")
    assert folder.prune(AT, keep_days=30) == 2
    assert len(folder.hours()) == 2
    assert (folder.path / "notes.json").exists()


def test_a_damaged_hour_is_named(tmp_path: Path) -> None:
    folder = HourFolder(tmp_path, "v1", "predict")
    folder.write(AT, _profile(1))
    path = next(folder.path.iterdir())
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match=path.name):
        folder.between(*FOREVER)
    with pytest.raises(DataError, match="cannot name a folder"):
        HourFolder(tmp_path, "..", "predict")


def test_service_counts_what_it_answered_by_model(tmp_path: Path) -> None:
    live = _live()
    models = [SimpleNamespace(version=name, reference=REFERENCE) for name in ("v1", "v2")]
    old = SimpleNamespace(version="v0", reference=None)
    live.start(tmp_path, keep_days=30)
    for place in range(3_000):
        live.put((models[place % 3 == 0], place % 100, 0.5))
    live.put((old, 1.0, 0.5))
    live.close()
    assert (live.dropped, live.failed) == (0, 0)
    found = [HourFolder(tmp_path, name, "predict").between(*FOREVER) for name in ("v0", "v1", "v2")]
    assert found[0] is None
    assert [profile.rows for profile in found[1:] if profile] == [2_000, 1_000]
    again = _live()
    again.start(tmp_path, keep_days=30)
    again.put((models[0], 7.0, 0.5))
    again.close()
    total = HourFolder(tmp_path, "v1", "predict").between(*FOREVER)
    assert total is not None
    assert total.rows == 2_001
    assert total.numbers["x"].rows == 2_001


def test_nothing_that_fails_reaches_an_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    live = _live()
    live.start(blocked, keep_days=30)
    live.put((SimpleNamespace(version="v1", reference=REFERENCE), "no number", 0.5))
    live.close()
    assert live.failed
    live.put((SimpleNamespace(version="v1", reference=REFERENCE), 1.0, 0.5))
    live.start(blocked, keep_days=30)
    live.put((SimpleNamespace(version="v1", reference=REFERENCE), 1.0, 0.5))
    live.close()
    assert live.failed == 2
    assert len(caplog.records) == 1, "told once"


def test_rows_that_wait_are_bounded() -> None:
    live = _live()
    live._thread = SimpleNamespace()  # type: ignore[assignment] - a thread that never comes
    for place in range(30_000):
        live.put((SimpleNamespace(), place, 0.5))
    assert len(live._queue) == 20_000
    assert live.dropped >= 10_000


def test_off_means_off(tmp_path: Path) -> None:
    live = _live()
    end = live.started(MonitoringConfig(profiles=False), tmp_path)
    live.put((SimpleNamespace(version="v1", reference=REFERENCE), 1.0, 0.5))
    end()
    assert not live.on
    assert not list(tmp_path.iterdir())
