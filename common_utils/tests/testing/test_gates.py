"""What a script of gates prints, keeps, and says of a gate that breaks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from common_utils.errors import DataError
from common_utils.testing.gates import Gates


def test_a_gate_that_fails_or_breaks_is_not_kept_and_the_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    gates = Gates("try")
    assert not gates.kept
    gates.show("one", "1", kept=True)
    assert gates.kept
    gates.show("for information", "2", kept=None)
    assert gates.kept

    def broken() -> None:
        raise DataError("no table")

    def refused() -> None:
        raise subprocess.SubprocessError("no server")

    gates.measure("three", broken)
    gates.measure("a program", refused)
    gates.measure("four", lambda: gates.show("four", "4", kept=True))
    assert not gates.kept
    assert [one["kept"] for one in gates.figures] == [True, None, False, False, True]
    assert "FAILED three: DataError: no table" in capsys.readouterr().out


def test_figures_and_table_are_written_between_the_marks(tmp_path: Path) -> None:
    gates, page, figures = Gates("try"), tmp_path / "page.md", tmp_path / "figures.json"
    gates.show("one", "1 of 2", kept=False)
    page.write_text("before\n<!-- try:start -->\nold\n<!-- try:end -->\nafter\n")
    gates.write(7, figures, page)
    gates.write(7, figures, page)
    table = "| gate | kept | seen |\n|---|---|---|\n| one | **no** | 1 of 2 |\n"
    assert page.read_text() == f"before\n<!-- try:start -->\n{table}<!-- try:end -->\nafter\n"
    kept = json.loads(figures.read_text())
    assert (kept["seed"], kept["gates"]) == (7, gates.figures)
