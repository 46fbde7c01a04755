"""`make capacity`: replicas, hours and money that can be checked with a pocket calculator."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

SERVING = {"/recommend us": 400.0, "/predict us": 100.0, "megabytes": 1024.0}
BILL = {"subscribers": 1_000_000, "processor_seconds": 3600.0, "peak_megabytes": 512, "output_megabytes": 2_000.0}


@pytest.fixture
def capacity(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(project_folder.parent / "benchmarks" / "planrec")
    yield import_module("capacity")
    sys.modules.pop("capacity", None)


def test_replicas_carry_the_peak_with_room_and_are_never_one(capacity: Any) -> None:
    assert capacity.replicas(5_000, 400, 0.5) == 4
    assert capacity.replicas(5_001, 400, 0.5) == 5
    assert capacity.replicas(0, 400, 0.5) == 2


def test_a_month_of_replicas_costs_their_hours(capacity: Any) -> None:
    prices = capacity.Prices(core_hour=0.09, gigabyte_hour=0.01, off_peak_hours=12, off_peak_share=0.5)
    table = capacity.served([5_000], "/recommend", 0.5, SERVING, prices)
    # 4 x .10 x 730 = 292 always; half of the day 2 replicas do: 219
    assert table.splitlines()[-1] == "| 5,000 | 4 | 4.00 | 292.00 | 2 | 219.00 |"


def test_a_batch_costs_its_core_memory_and_disk(capacity: Any) -> None:
    prices = capacity.Prices(core_hour=1.0, gigabyte_hour=0.5, disk_gigabyte_month=0.1, spot_share=0.25)
    table = capacity.batch([2_000_000], 2, {"bill": BILL}, prices)
    # 2 hours of a core: 2 for it, .5 for half a gigabyte, .4 for 4 GB of disk; spot takes off three quarters of the 2
    assert table.splitlines()[-1] == "| bill | 2,000,000 | 60.0 | 1.0 | 4.00 | 2.900 | 1.400 |"


def test_the_page_shows_the_defaults(
    capacity: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = capacity.PAGE.read_text(encoding="utf-8")
    monkeypatch.setattr(capacity, "PAGE", tmp_path / "capacity.md")
    (tmp_path / "capacity.md").write_text(page, encoding="utf-8")
    assert capacity.main(["--write"]) == 0
    assert (tmp_path / "capacity.md").read_text(encoding="utf-8") == page
    with pytest.raises(SystemExit):
        capacity.main(["--write", "--busy", "0.9"])
    assert "leave the other options out" in capsys.readouterr().err


def test_prices_and_loads_are_those_given(
    capacity: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "serving.json").write_text(json.dumps(SERVING))
    (tmp_path / "scale.json").write_text(json.dumps({"commands": {"bill": BILL}}))
    monkeypatch.setattr(capacity, "RESULTS", tmp_path)
    assert capacity.main(["--path", "/predict", "--peaks", "20000", "--subscribers", "500", "--workers", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| 20,000 | 4 | 4.00 |")
    assert lines[-1].startswith("| bill | 500 | 0.0 | 0.5 | 0.00 |")
    with pytest.raises(SystemExit):
        capacity.main(["--busy", "0"])
