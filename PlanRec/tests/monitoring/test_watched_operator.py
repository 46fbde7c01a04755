"""One small operator watched after its training: nothing planted, and each change found in its first month."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.slow
def test_an_operator_without_a_change_is_quiet_and_each_change_is_told(
    project_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(project_folder / "scripts")
    check: Any = import_module("monitor_check")
    gates = check.Gates("monitor-check")
    check.operator(gates, (101,), 2_400)
    seen = {one["gate"]: one["kept"] for one in gates.figures}
    assert seen.pop("operator, nothing planted") is True, capsys.readouterr().out
    for name in ("data_growth 1.5", "unit_slip 2 %", "flagship_launch", "price_rise 10 %"):
        assert seen[f"operator, {name}"] is True, capsys.readouterr().out
