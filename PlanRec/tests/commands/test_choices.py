"""`planrec choices`: shows, writes, and says what was not met."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planrec.panel.table import TABLE_FILE
from tests.panel.cases import as_table, made_up_panel

QUICK = ("--set", "training.challenger.max_iter=2", "--set", "evaluation.resamples=50")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / TABLE_FILE
    as_table(made_up_panel(people=30, times=10)).to_csv(path, index=False)
    return path


def test_choices_of_other_people_are_shown_and_written_and_fail_the_published_figures(  # type: ignore[no-untyped-def]
    run, table: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("PORTFOLIO_DATA", str(table.parent))
    document, plot = tmp_path / "docs" / "choices.md", tmp_path / "docs" / "figures" / "plot.png"
    plot.parent.mkdir(parents=True)
    assert run("choices", "--output", document, "--plot", plot, *QUICK) == 5
    captured = capsys.readouterr()
    assert "Plain logit on all choices" in captured.out
    assert "choices: 2 expectation(s) not met: log-likelihood of the plain logit, all choices; coef" in captured.err
    assert "(figures/plot.png)" in document.read_text(encoding="utf-8")
    assert plot.stat().st_size > 1000


def test_json_holds_every_figure(run, table: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("choices", "--data", table, "--json", *QUICK) == 5
    printed = json.loads(capsys.readouterr().out)
    assert printed["households"] == 30
    assert set(printed["gains"]) == {"all", *map(str, range(9))}
    assert len(printed["expectations"]) == 6


def test_a_table_that_nothing_names_or_that_is_not_there_is_told(run, tmp_path: Path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv("PORTFOLIO_DATA", raising=False)
    assert run("choices") == 2
    assert f"{TABLE_FILE}: give --data, or set PORTFOLIO_DATA to the folder" in capsys.readouterr().err
    monkeypatch.setenv("PORTFOLIO_DATA", str(tmp_path))
    assert run("choices") == 3
    assert TABLE_FILE in (said := capsys.readouterr().err)
    assert "Traceback" not in said
