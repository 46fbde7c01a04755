"""`monitor` of a project on one table: the day, what is kept, what Prometheus is told, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.monitoring.scraping import asked, got, prometheus_of
from tests.table_project.cases import CASE, SPEC

from common_utils.monitoring.beside import export_configured
from common_utils.monitoring.exporter import read_verdicts

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def kept(run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the days; a bundle with enough scores for a reference is there."""
    if not (folder / "artifacts").exists():
        assert run("train", "--set", "data.sample_rows=2000")[0] == 0
    monkeypatch.setenv("PRICEDEMO__MONITORING__FOLDER", str(tmp_path / "kept"))
    return tmp_path / "kept"


def records(path: Path, rows: int, *, seed: int = 0, **said: object) -> str:
    """Write records like the one that is asked everywhere, with other ages."""
    record = {name: value for name, value in CASE.record.items() if name != "subject"}
    table = pd.DataFrame([record] * rows)
    table["age"] = np.random.default_rng(seed).uniform(1, 18, rows).round(1)
    table.assign(**said).to_csv(path, index=False)
    return str(path)


def test_a_day_is_looked_at_once_and_told_to_prometheus_last(run: Run, kept: Path, tmp_path: Path) -> None:
    table = records(tmp_path / "day.csv", 300)
    code, out, err = run("monitor", "--as-of", "2025-11-03", "--input", table, "--json")
    assert code in (0, 5), err
    day, verdicts = json.loads(out), read_verdicts(kept / "verdicts.json")
    assert (verdicts.project, verdicts.period) == ("pricedemo", "2025-11-03")
    assert [one.to_dict() for one in verdicts.findings] == day["findings"]
    state = (kept / "detectors.json").read_bytes()
    assert run("monitor", "--as-of", "2025-11-03", "--input", table, "--json")[:2] == (code, out)
    assert run("monitor", "--as-of", "2025-11-04", "--input", table)[0] == code
    assert (kept / "detectors.json").read_bytes() == state, "the same table counts once"
    assert read_verdicts(kept / "verdicts.json").period == "2025-11-04"


def test_a_day_before_the_last_one_leaves_the_verdicts(run: Run, kept: Path, tmp_path: Path) -> None:
    for as_of, seed in (("2025-11-04", 1), ("2025-11-03", 2)):
        run("monitor", "--as-of", as_of, "--input", records(tmp_path / f"{seed}.csv", 300, seed=seed))
    assert read_verdicts(kept / "verdicts.json").period == "2025-11-04"


def test_lasting_growth_is_added_up_over_days(run: Run, kept: Path, tmp_path: Path) -> None:
    found: list[dict[str, object]] = []
    for day in range(1, 5):
        table = records(tmp_path / f"{day}.csv", 1_000, age=np.linspace(day, 8 + day, 1_000).round(2))
        out = run("monitor", "--as-of", f"2025-11-{day:02}", "--input", table, "--json")[1]
        found = [one for one in json.loads(out)["findings"] if one["check"] == "lasting_shift"]
    assert [(one["feature"], one["level"]) for one in found] == [("age rose", "notice")]


def findings(run: Run, as_of: str, table: str) -> dict[str, tuple[str, bool]]:
    """Return level and block of each check of quality."""
    code, out, err = run("monitor", "--as-of", as_of, "--input", table, "--json")
    assert code in (0, 5), err
    return {one["check"]: (one["level"], one["blocks_retraining"]) for one in json.loads(out)["findings"]}


def test_a_sane_table_is_told_as_such(run: Run, kept: Path, tmp_path: Path) -> None:
    found = findings(run, "2025-11-03", records(tmp_path / "day.csv", 400))
    assert {name: found[name][0] for name in ("missing", "repeated", "rejected")} == dict.fromkeys(
        ("missing", "repeated", "rejected"), "ok"
    )
    assert "rows" not in found, "nothing is usual on the first day"


def test_rows_that_cannot_be_or_a_default_everywhere_block_retraining(run: Run, kept: Path, tmp_path: Path) -> None:
    some = np.where(np.arange(400) % 25, 5.0 + np.arange(400) % 9, np.nan)  # this table may not lack an age
    assert findings(run, "2025-11-03", records(tmp_path / "a.csv", 400, age=some))["rejected"] == ("alarm", True)
    assert findings(run, "2025-11-04", records(tmp_path / "b.csv", 400, age=7.0))["repeated"] == ("alarm", True)


def test_half_a_table_on_the_same_weekday_is_an_alarm(run: Run, kept: Path, tmp_path: Path) -> None:
    for week, day in enumerate(("2025-10-06", "2025-10-13", "2025-10-20", "2025-10-27")):
        found = findings(run, day, records(tmp_path / f"{week}.csv", 600 + week, seed=week))
        assert "rows" not in found
    assert findings(run, "2025-11-03", records(tmp_path / "half.csv", 250, seed=9))["rows"] == ("alarm", True)
    assert findings(run, "2025-11-03", records(tmp_path / "whole.csv", 605, seed=9))["rows"] == ("ok", False)


def test_a_run_that_fails_tells_nothing(run: Run, kept: Path, tmp_path: Path) -> None:
    assert run("monitor", "--as-of", "2025-11-03", "--input", str(tmp_path / "none.csv"))[0] == 3
    assert not (kept / "verdicts.json").exists()


def test_too_few_records_are_insufficient(run: Run, kept: Path, tmp_path: Path) -> None:
    assert run("monitor", "--as-of", "2025-11-03", "--input", records(tmp_path / "few.csv", 50))[0] == 6


_APP = """
import sys
from common_utils.command_line.run import run_command_line
from common_utils.table_project.cli import table_cli
from tests.table_project.cases import SPEC, TASK
run_command_line(table_cli(SPEC.name, SPEC.question, lambda: SPEC, lambda: TASK), SPEC.name)
"""


@contextmanager
def exporting(folder: Path) -> Iterator[int]:
    """Run `monitor export` as a process until SIGTERM, and give its port."""
    paths = [str(folder / "src"), str(Path(__file__).parents[2])]
    server = subprocess.Popen(
        [sys.executable, "-c", _APP, "monitor", "export", "--port", "0"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        yield int(server.stderr.readline().partition("127.0.0.1:")[2].partition("/")[0])
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=20)
    assert server.returncode == 0


def test_export_serves_until_it_is_ended(run: Run, folder: Path, kept: Path, tmp_path: Path) -> None:
    with exporting(folder) as port:
        url = f"http://127.0.0.1:{port}/metrics"
        assert "monitor_verdicts_readable 0.0" in got(url)
        run("monitor", "--as-of", "2025-11-03", "--input", records(tmp_path / "day.csv", 300))
        text = got(url)
        assert "monitor_verdicts_readable 1.0" in text
        assert 'monitor_last_success_timestamp_seconds{project="pricedemo"}' in text


@pytest.mark.slow
def test_a_real_prometheus_scrapes_what_the_command_exports(run: Run, folder: Path, kept: Path, tmp_path: Path) -> None:
    run("monitor", "--as-of", "2025-11-03", "--input", records(tmp_path / "few.csv", 50))
    with exporting(folder) as exported, prometheus_of(exported, tmp_path) as port:
        assert asked(port, 'monitor_state{project="pricedemo",level="insufficient"}') == "1"


def test_export_refuses_a_port_that_it_cannot_have(
    run: Run, kept: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run("monitor", "export", "--address", "256.1.1.1", "--port", "0")
    assert (code, "cannot listen" in err) == (2, True)
    assert export_configured(SPEC, folder, ["--address", "256.1.1.1"]) == 2
    assert "cannot listen" in capsys.readouterr().err


def test_without_a_table_traffic_is_looked_at(run: Run, kept: Path) -> None:
    code, out, err = run("monitor", "--as-of", "2025-11-03")
    assert (code, "--input FILE" in out) == (6, True), err
    assert (kept / "traffic" / "verdicts.json").exists()
    assert not (kept / "verdicts.json").exists()
