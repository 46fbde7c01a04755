"""The one table of all gates: what each script said, and a script that breaks fails it and stops no other."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def check(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(project_folder / "scripts")
    return import_module("lifecycle_check")


@pytest.mark.parametrize(
    ("line", "gate"),
    [
        ("[    3 s] kept   SQLite: files: two", "kept   SQLite: files: two"),
        ("[12345 s] FAILED a leak: passes 1", "FAILED a leak: passes 1"),
        ("[    0 s] shown  time: 3 s", "shown  time: 3 s"),
        ("  failed requests      0  (allowed 0)  ok", "kept   failed requests      0  (allowed 0)"),
        ("  failed requests      7  (allowed 0)  BROKEN", "FAILED failed requests      7  (allowed 0)"),
        ("seed 17", None),
        ("  requests          5775", None),
    ],
)
def test_what_a_line_says_of_a_gate(check: Any, line: str, gate: str | None) -> None:
    assert check.gate_of(line) == gate


def _says(check: Any, name: str, verdict: str, code: int) -> Any:
    return check.Part(name, ("-c", f"print('[    1 s] {verdict} {name}: seen'); raise SystemExit({code})"))


def test_a_script_that_breaks_stops_no_other(
    check: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = (check.Part("broken", ("-c", "import no_such_package")), _says(check, "sound", "kept  ", 0))
    monkeypatch.setattr(check, "PARTS", parts)
    assert check.main([]) == 5
    table = capsys.readouterr().out.partition("== every gate\n")[2]
    assert "broken   FAILED the script: exit 1, 0 gates" in table
    assert "sound    kept   sound: seen" in table
    assert "1 not kept, of 3 gates" in table


@pytest.mark.parametrize(("verdict", "code", "left"), [("kept  ", 0, 0), ("FAILED", 5, 5), ("kept  ", 1, 5)])
def test_one_gate_decides(check: Any, monkeypatch: pytest.MonkeyPatch, verdict: str, code: int, left: int) -> None:
    monkeypatch.setattr(check, "PARTS", (_says(check, "one", verdict, code),))
    assert check.main([]) == left


def test_a_script_that_says_nothing_has_kept_nothing(check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "PARTS", (check.Part("mute", ("-c", "")),))
    assert check.main([]) == 5
