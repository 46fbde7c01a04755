"""Services and commands count what they saw, in the folder the settings name, and answer whatever becomes of it."""

from __future__ import annotations

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
