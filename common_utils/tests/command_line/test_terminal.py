from __future__ import annotations

import io

import pytest
from rich.console import Console

from common_utils.command_line.terminal import note, show_table, steps, tracked


def test_notes_and_steps_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    note("3 rows [rejected]")
    with steps() as step:
        step("reading")
    with tracked("rating", total=2) as advance:
        advance(2)
    out, err = capsys.readouterr()
    assert (out, err) == ("", "3 rows [rejected]\nreading\n")


def test_a_terminal_sees_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(
        "common_utils.command_line.terminal._stderr", lambda: Console(file=screen, force_terminal=True, width=60)
    )
    with steps() as step:
        step("reading")
        step("fitting")
    assert "reading" in screen.getvalue()
    assert "fitting" in screen.getvalue()


def test_a_table_in_a_pipe_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    show_table("Bills", [{"plan": "x" * 80, "text": "y" * 80}])
    assert "y" * 80 in capsys.readouterr().out
    show_table("None", [])
    assert capsys.readouterr().out.startswith("None\n")
