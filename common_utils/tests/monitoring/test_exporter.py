"""Verdicts on a port: what the text says, what a damaged file says, and that a real Prometheus takes it."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from tests.monitoring.scraping import asked, got, prometheus_of

from common_utils.errors import ConfigError, DataError
from common_utils.monitoring.exporter import Exporter, metrics_text, read_verdicts, write_verdicts
from common_utils.monitoring.findings import Finding

FINDINGS = [
    Finding("drift_from_training", "megabytes", "alarm", 0.21, 0.0, "2025-10", 3_400, "megabytes has moved."),
    Finding("drift_from_training", "age", "ok", 0.001, 0.0, None, 3_400, "age: as usual."),
    Finding("missing", "plan", "notice", 0.03, 0.01, "2025-10", 3_400, "plan: 3 % missing."),
]


@pytest.fixture
def verdicts(tmp_path: Path) -> Path:
    path = tmp_path / "verdicts.json"
    write_verdicts(path, "planrec", "2025-10", FINDINGS)
    return path


def test_text_holds_states_counts_values_and_the_time(verdicts: Path) -> None:
    text = metrics_text(verdicts).decode()
    for line in (
        'monitor_state{level="alarm",project="planrec"} 1.0',
        'monitor_state{level="notice",project="planrec"} 0.0',
        'monitor_findings{check="drift_from_training",level="ok",project="planrec"} 1.0',
        'monitor_value{check="missing",feature="plan",level="notice",project="planrec"} 0.03',
        'monitor_blocks_retraining{project="planrec"} 0.0',
        "monitor_verdicts_readable 1.0",
    ):
        assert line in text.splitlines()
    last = next(line for line in text.splitlines() if line.startswith("monitor_last_success_timestamp_seconds{"))
    assert abs(float(last.rsplit(" ", 1)[1]) - time.time()) < 60
    assert 'feature="age"' not in text


def test_no_findings_are_insufficient_and_a_block_is_told(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.json"
    write_verdicts(path, "planrec", "2025-10", [])
    assert 'monitor_state{level="insufficient",project="planrec"} 1.0' in metrics_text(path).decode()
    block = Finding("rows", "", "alarm", 0, 9, None, 0, "No rows.", blocks_retraining=True)
    write_verdicts(path, "planrec", "2025-10", [block])
    assert 'monitor_blocks_retraining{project="planrec"} 1.0' in metrics_text(path).decode()


@pytest.mark.parametrize("content", [None, "", "{}", "[1]", '{"format": 2}'])
def test_a_missing_or_damaged_file_is_told_and_no_old_verdict(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "verdicts.json"
    if content is not None:
        path.write_text(content)
    text = metrics_text(path).decode()
    assert "monitor_verdicts_readable 0.0" in text
    assert "monitor_last_success" not in text
    with pytest.raises(DataError):
        read_verdicts(path)


def test_findings_come_back_as_they_were(verdicts: Path) -> None:
    read = read_verdicts(verdicts)
    assert list(read.findings) == FINDINGS
    state = json.loads(verdicts.read_text())
    state["findings"][0]["level"] = "fine"
    verdicts.write_text(json.dumps(state))
    with pytest.raises(DataError, match="no verdicts of a monitor"):
        read_verdicts(verdicts)


def test_each_scrape_reads_the_file_anew(verdicts: Path) -> None:
    with Exporter(verdicts, 0) as exporter:
        url = f"http://127.0.0.1:{exporter.port}/metrics"
        assert 'monitor_state{level="alarm",project="planrec"} 1.0' in got(url)
        write_verdicts(verdicts, "planrec", "2025-11", FINDINGS[1:2])
        assert 'monitor_state{level="ok",project="planrec"} 1.0' in got(url)
        with pytest.raises(ConfigError, match="cannot listen"):
            Exporter(verdicts, exporter.port)


def test_promtool_finds_nothing_to_mend(verdicts: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; on Debian: apt-get install prometheus")
    run = subprocess.run([promtool, "check", "metrics"], input=metrics_text(verdicts), capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()


def test_a_real_prometheus_scrapes_the_verdicts(verdicts: Path, tmp_path: Path) -> None:
    with Exporter(verdicts, 0) as exporter, prometheus_of(exporter.port, tmp_path) as port:
        assert asked(port, 'monitor_state{project="planrec",level="alarm"}') == "1"
        assert abs(float(asked(port, "monitor_last_success_timestamp_seconds")) - time.time()) < 120
