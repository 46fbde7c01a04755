from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import pytest
import typer
from rich.console import Console

from common_utils.command_line.clashes import guarded
from common_utils.command_line.columns_of_text import fitted, folded
from common_utils.command_line.terminal import note, note_next, show_table, steps, tracked
from common_utils.command_line.wide import is_wide, shows_tables


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
    assert "0:00:00" in screen.getvalue()  # the time so far


def test_what_cannot_fold_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    show_table("Bills", [{"plan": "x" * 90, "text": "y" * 90}])
    assert "y" * 90 in capsys.readouterr().out
    show_table("None", [])
    assert capsys.readouterr().out.startswith("None\n")


POLICIES = [
    {
        "policy": name,
        "accuracy": "0.615 [0.591, 0.637]",
        "regret EUR": "1,234.17 [-1,003.87, 4,004.53]",
        "saving EUR": "-17.25 [-18.71, -15.79]",
        "worse off": "12.3 %",
        "moved": "0.882 [0.864, 0.897]",
    }
    for name in ("stay", "cheapest, mean of 6 months + half a sd", "multiclass model (predicts the plan people choose)")
]


@pytest.mark.parametrize("rows", [POLICIES, [{"n": "1", "rule": "word " * 40, "why": "because " * 30}]])
@pytest.mark.parametrize("columns", [None, "60", "100"])
def test_a_table_fits_and_breaks_no_word_and_no_number(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, str]], columns: str | None
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    show_table("Policies", rows)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= int(columns or 80)
    said = {word for row in rows for cell in (*row, *row.values()) for word in cell.split()}
    titles = {"Policies,", "Policies", "continued", "intervals", *("─" * len(line) for line in lines)}
    assert {word for line in lines for word in line.split()} <= said | titles
    for row in rows:
        for cell in row.values():
            assert set(cell.split()) <= {word for line in lines for word in line.split()}


def test_each_figure_of_a_cell_keeps_its_own_interval(capsys: pytest.CaptureFixture[str]) -> None:
    cell = "0.0483 [0.0375, 0.0591]; a perfect model: 0.0189 [0.0135, 0.0288]"
    row = {"figure": "calibration error", "cross-validation": cell, "n": "250"}
    ((_, figures), (title, intervals)) = fitted([row], 70)
    assert figures == [{**row, "cross-validation": "0.0483; a perfect model: 0.0189"}]
    assert (title, intervals) == (
        "intervals",
        [{"figure": row["figure"], "cross-validation": "[0.0375, 0.0591]; a perfect model: [0.0135, 0.0288]"}],
    )
    show_table("Goals", [row])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert any(line.endswith("[0.0375, 0.0591]; a perfect model: [0.0135, 0.0288]") for line in lines)


@pytest.mark.parametrize("width", [10, 20, 30])
def test_an_interval_is_never_broken(width: int) -> None:
    lines = folded("0.0483 [0.0375, 0.0591]; a perfect model: 0.0189 [-0.0135, 0.0288]", width).split("\n")
    assert sum("[0.0375, 0.0591];" in line for line in lines) == 1
    assert sum("[-0.0135, 0.0288]" in line for line in lines) == 1
    assert max(map(len, lines)) <= max(width, len("[0.0375, 0.0591];"))


def test_wide_is_one_table_with_intervals_beside_their_figures(capsys: pytest.CaptureFixture[str]) -> None:
    @shows_tables
    def command() -> None:
        show_table("Policies", POLICIES)

    command(wide=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 + len(POLICIES)
    assert "0.615 [0.591, 0.637]   1,234.17 [-1,003.87, 4,004.53]" in lines[3]
    command()
    assert "Policies, intervals" in capsys.readouterr().out
    assert not is_wide()


def test_what_comes_next_can_be_typed(capsys: pytest.CaptureFixture[str]) -> None:
    note_next("planrec", {"answer over HTTP": "serve"}, Path("my bundles"))
    assert capsys.readouterr().err == "next:\n  planrec serve --bundle 'my bundles'  # answer over HTTP\n"


def test_what_comes_next_repeats_the_settings_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    def train(overrides: Annotated[list[str] | None, typer.Option("--set")] = None) -> None:
        note_next("planrec", {"measure it again": "evaluate"}, None)

    mapping = "data.table.columns={user: subscriber_id}"
    guarded(train)(overrides=[mapping, "training.seed=7"])
    assert capsys.readouterr().err == f"next:\n  planrec evaluate --set '{mapping}'  # measure it again\n"
    guarded(train)(overrides=None)
    assert "--set" not in capsys.readouterr().err
