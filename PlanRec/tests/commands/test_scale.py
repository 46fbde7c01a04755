"""`make scale`: the operator's files, what stops a run, how it goes on, and the smallest run of all."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from planrec.billing import Catalogue

MODULES = ("scale", "operator_files", "synthetic")


@pytest.fixture
def scale(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(project_folder.parent / "benchmarks" / "planrec")
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield import_module("scale")
    for name in MODULES:
        sys.modules.pop(name, None)


def taken(seconds: float = 1.0, megabytes: float = 100.0) -> dict[str, float]:
    return {"seconds": 1, "processor_seconds": seconds, "peak_megabytes": megabytes, "output_megabytes": 1}


def test_every_subscriber_is_in_one_part_and_the_parts_are_the_same_again(
    scale: Any, tmp_path: Path, megaline: Catalogue
) -> None:
    files = import_module("operator_files")
    rows = [files.write_part(tmp_path / f"{part}", megaline, 300, part, 1) for part in range(files.PARTS)]
    tables = [pq.read_table(tmp_path / f"{part}") for part in range(files.PARTS)]
    names = [name for table in tables for name in table["subscriber_id"].unique().to_pylist()]
    assert sum(rows) == 300 * 6
    assert sorted(names) == [f"s{number:08d}" for number in range(300)]
    files.write_part(tmp_path / "again", megaline, 300, 3, 1)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "3").read_bytes()
    bound = np.concatenate([table["contract_months_left"].to_numpy() for table in tables])
    assert set(bound) == {0.0, *np.arange(1.0, 24.0)}


def test_growth_is_the_slope_of_the_logarithms(scale: Any) -> None:
    assert scale.growth([1, 10, 100], [3.0, 3.0, 3.0]) == pytest.approx(0)
    assert scale.growth([1, 10, 100], [1.0, 100.0, 10_000.0]) == pytest.approx(2)
    assert np.isnan(scale.growth([10], [1.0]))


def test_what_a_command_takes_to_start_is_not_growth(scale: Any, tmp_path: Path) -> None:
    ledger = scale.Ledger(tmp_path / "manifest.json", "a")
    for size, seconds in ((1_000, 5.0), (10_000, 6.0), (100_000, 15.0)):
        ledger.keep(size, "bill", taken(seconds))
    found = scale.summary(ledger, [10_000, 100_000], ["bill", "never asked"])
    assert list(found) == ["bill"]
    assert found["bill"]["growth_of_time"] == 1.0
    assert found["bill"]["growth_of_memory"] == 0.0
    assert found["bill"]["rows_a_processor_second"] == 40_000
    assert scale.table(found).splitlines()[-1] == "| bill | 100,000 | 40,000 | 15 | 100 | 1 | 1.00 | 0.00 |"


def test_a_run_goes_on_where_it_was_stopped(
    scale: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def measured(call: list[str], output: Path, said: Path) -> dict[str, float]:
        asked.append(f"{call[call.index('--usage') + 1].rpartition('-')[2]} {call[3]}")
        return taken(seconds=40.0)

    monkeypatch.setattr(scale, "measured", measured)
    monkeypatch.setattr(scale, "generate", lambda *_: taken(seconds=0.0))
    calls = scale.commands(tmp_path, tmp_path, ["bill", "predict"])
    ledger = scale.Ledger(tmp_path / "manifest.json", "a")
    assert scale.run(tmp_path, calls, [2_000], ledger, 100.0) == 5
    assert "stopped before predict of 2,000: 120 processor seconds are used" in capsys.readouterr().out
    again = scale.Ledger(tmp_path / "manifest.json", "a")
    assert scale.run(tmp_path, calls, [2_000], again, 1_000.0) == 0
    assert asked == ["1000 bill", "1000 predict", "2000 bill", "2000 predict"]
    assert not scale.Ledger(tmp_path / "manifest.json", "b").steps
    assert "is of commit a: measured anew" in capsys.readouterr().out


def test_a_process_above_two_gigabytes_stops_the_run(
    scale: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scale, "measured", lambda *_: taken(megabytes=2_049))
    monkeypatch.setattr(scale, "generate", lambda *_: taken())
    calls = scale.commands(tmp_path, tmp_path, ["bill"])
    assert scale.run(tmp_path, calls, [1_000], scale.Ledger(tmp_path / "m.json", "a"), 100.0) == 5
    assert "stopped: bill of 1,000 took more than 2048 MB" in capsys.readouterr().out


def test_a_small_disk_is_refused_before_anything_is_written(
    scale: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="too little room"):
        scale.main(["--folder", str(tmp_path), "--sizes", str(10**15)])
    assert "disk: 4000000000.00 GB asked" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_ten_thousand_are_notified_as_a_whole(
    scale: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale, "RESULTS", tmp_path / "scale.json")
    call = ["--folder", str(tmp_path), "--sizes", "10000", "--commands", "notices", "--write"]
    assert scale.main(call) == 0
    assert "| notices | 10,000 |" in capsys.readouterr().out
    kept = json.loads((tmp_path / "scale.json").read_text())
    assert set(kept["steps"]) == {f"{size} {name}" for size in (1000, 10000) for name in ("generate", "notices")}
    rows = (tmp_path / "said.txt").read_text()
    assert "60000 rows read, 60000 kept, 0 rejected" in rows
