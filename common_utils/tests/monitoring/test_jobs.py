"""When jobs last ran to their end: what is written, what is told, and what is never replaced."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from common_utils.errors import ConfigError, DataError
from common_utils.monitoring.exporter import metrics_text, write_verdicts
from common_utils.monitoring.jobs import check_success_file, job_folder, read_successes, write_success


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return job_folder(tmp_path)


def _times(monitoring: Path) -> list[str]:
    text = metrics_text(monitoring / "verdicts.json").decode()
    return [line for line in text.splitlines() if line.startswith("job_last_success_timestamp_seconds{")]


def test_a_success_is_told_with_its_time_whether_or_not_a_monitor_ever_ran(tmp_path: Path, folder: Path) -> None:
    write_success(folder / "retention.json", "planrec")
    (line,) = _times(tmp_path)
    assert line.startswith('job_last_success_timestamp_seconds{name="retention",project="planrec"} ')
    assert abs(float(line.rsplit(" ", 1)[1]) - time.time()) < 60
    write_verdicts(tmp_path / "verdicts.json", "planrec", "2025-10", [])
    assert _times(tmp_path) == [line]


def test_a_later_success_replaces_an_earlier_one_whole(folder: Path) -> None:
    path = folder / "outcomes.json"
    write_success(path, "telecom")
    path.write_text(json.dumps({"format": 1, "project": "telecom", "finished": 5.0}))
    write_success(path, "telecom")
    (told,) = read_successes(folder)
    assert told.finished > 5.0
    assert [one.name for one in folder.iterdir()] == ["outcomes.json"]  # nothing unfinished beside it


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[1]",
        '{"format": 2, "project": "planrec", "finished": 5.0}',
        '{"format": 1, "project": "planrec", "finished": -5.0}',
        '{"format": 1, "project": "planrec", "finished": Infinity}',
        '{"format": 1, "project": "planrec", "finished": "today"}',
        '{"format": 1, "project": "planrec", "finished": 5.0, "more": 1}',
    ],
)
def test_a_damaged_file_is_not_told_and_not_replaced(tmp_path: Path, folder: Path, content: str) -> None:
    folder.mkdir()
    path = folder / "retention.json"
    path.write_text(content)
    assert _times(tmp_path) == []
    with pytest.raises(ConfigError, match=r"retention.json: this is no record of a job. Name another file"):
        write_success(path, "planrec")
    assert path.read_text() == content


@pytest.mark.parametrize("name", ["Retention.json", "retention.txt", ".json", "re tention.json", f"{'a' * 64}.json"])
def test_a_file_that_the_exporter_would_not_look_at_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="name it after the job, such as"):
        check_success_file(folder / name)
    folder.mkdir()
    (folder / name).write_text('{"format": 1, "project": "planrec", "finished": 5.0}')
    assert read_successes(folder) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("in the way")
    with pytest.raises(DataError, match=r"retention.json: cannot be written"):
        write_success(tmp_path / "jobs" / "retention.json", "planrec")
