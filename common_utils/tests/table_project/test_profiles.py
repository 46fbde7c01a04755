"""Services and commands count what they saw, in the folder the settings name, and answer whatever becomes of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from tests.table_project.cases import CASE, SPEC, app_of

from common_utils.bundle import Bundle
from common_utils.monitoring.profiles.hours import HourFolder
from common_utils.monitoring.profiles.profile import Profile
from common_utils.monitoring.profiles.profile_json import bundle_profile


@pytest.fixture
def seen(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(SPEC.bundle_variable, raising=False)
    monkeypatch.setenv("PRICEDEMO__MONITORING__FOLDER", str(tmp_path / "seen"))
    return tmp_path / "seen"


def _counted(root: Path, bundle: Bundle) -> Profile | None:
    folder = HourFolder(root, bundle.version, "predict")
    return folder.between(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def test_service_counts_each_answer_on_the_edges_of_its_bundle(folder: Path, bundle: Bundle, seen: Path) -> None:
    with TestClient(app_of(folder)) as client:
        for subject in ("a", "b", "a"):
            assert client.post("/predict", json={**CASE.record, "subject": subject}).status_code == 200
        assert client.post("/predict/batch", json={"records": [CASE.record] * 4}).status_code == 200
        assert client.post("/predict", json={"nonsense": 1}).status_code == 422
    profile, reference = _counted(seen, bundle), bundle_profile(bundle)
    assert profile is not None
    assert (profile.rows, profile.subjects) == (7, 6)
    assert {name: known.missing for name, known in profile.numbers.items()} == dict.fromkeys(reference.numbers, 0)
    assert np.array_equal(profile.numbers["age"].edges, reference.numbers["age"].edges)
    assert profile.score is not None
    assert (profile.score.rows, profile.score.missing) == (7, 0)
    assert b"nonsense" not in next(seen.rglob("*.json")).read_bytes()


def test_predict_counts_the_file(run, folder: Path, bundle: Bundle, seen: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    record = {name: value for name, value in CASE.record.items() if name != "subject"}
    table = tmp_path / "records.csv"
    rows = [",".join(record), *[",".join(str(value) for value in record.values())] * 5]
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    code, _, err = run("predict", "--input", str(table), "--output", str(tmp_path / "answers.csv"))
    assert code == 0, err
    profile = _counted(seen, bundle)
    assert profile is not None
    assert profile.rows == 5


@pytest.mark.parametrize("fault", ["off", "blocked"])
def test_answers_do_not_depend_on_counting(
    folder: Path, bundle: Bundle, seen: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    if fault == "off":
        monkeypatch.setenv("PRICEDEMO__MONITORING__PROFILES", "false")
    else:
        seen.write_text("in the way")
    with TestClient(app_of(folder)) as client:
        assert client.post("/predict", json=CASE.record).status_code == 200
    assert not seen.is_dir()


def test_a_file_is_answered_where_counts_cannot_be_written(
    run, folder: Path, bundle: Bundle, seen: Path, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    seen.write_text("in the way")
    table = tmp_path / "records.csv"
    table.write_text("model,age\na,5.0\n", encoding="utf-8")
    code, _, err = run("predict", "--input", str(table), "--output", str(tmp_path / "answers.csv"))
    assert code == 0
    assert "what was seen is not counted" in err
    assert "Traceback" not in err
    assert (tmp_path / "answers.csv").read_text().count("\n") == 2


def test_a_full_disk_is_a_note_as_well(
    run, folder: Path, bundle: Bundle, seen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(HourFolder, "write", full)
    table = tmp_path / "records.csv"
    table.write_text("model,age\na,5.0\n", encoding="utf-8")
    code, _, err = run("predict", "--input", str(table), "--output", str(tmp_path / "answers.csv"))
    assert (code, "No space left on device" in err) == (0, True)


def test_a_service_warns_once_where_it_cannot_count_and_says_so_on_metrics(
    folder: Path, bundle: Bundle, seen: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen.write_text("in the way")
    monkeypatch.setattr("common_utils.monitoring.profiles.live._SECONDS", 0.05)
    with TestClient(app_of(folder)) as client:
        text, until = "", time.monotonic() + 10
        while 'profile_failures_total{what="predict"} 2.0' not in text and time.monotonic() < until:
            assert client.post("/predict", json=CASE.record).status_code == 200
            text = client.get("/metrics").text
        assert 'profile_rows_dropped_total{what="predict"} 0.0' in text
    told = [record for record in caplog.records if "profiles of predict" in record.getMessage()]
    assert len(told) == 1
