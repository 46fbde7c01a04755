from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from planrec.panel.measure import PUBLISHED, estimates
from planrec.panel.plot import write_choices_plot
from planrec.panel.report import GOAL_NATS, choices_document, choices_tables, expectations
from planrec.panel.table import TASTES, read_panel
from planrec.panel.unseen import KNOWN


def interval(estimate: float, se: float = 0.01) -> dict[str, float]:
    return {"estimate": estimate, "low": estimate - 2 * se, "high": estimate + 2 * se, "level": 0.95, "se": se}


def as_promised() -> dict[str, Any]:
    """Figures that meet every goal."""
    scores = {name: interval(value) for name, value in (("log_loss", 1.1), ("accuracy", 0.5), ("ece", 0.03))}
    return {
        "choices": 4308,
        "households": 361,
        "folds": 5,
        "late_choices": 1420,
        "estimates": {
            "log_likelihood": -4958.6491,
            "steepest": 0.0,
            "weights": {n: {"estimate": w + 4e-5, "standard_error": 0.1} for n, w in PUBLISHED.weights.items()},
        },
        "cold": dict.fromkeys(("logit", "challenger", "personal"), scores),
        "late": dict.fromkeys(("logit", "challenger", *map(str, KNOWN)), scores),
        "gains": {"all": interval(0.001), **{str(k): interval(0.03 * k) for k in KNOWN}},
        "tastes": {
            "log_likelihood": -3800.0,
            "weights": {name: {"mean": 0.0, "sd": 1.0, "share_who_like": 0.5} for name in TASTES},
        },
    }


def reached(figures: dict[str, Any]) -> list[str]:
    return [line["reached"] for line in expectations(figures)]


def changed(path: str, value: Any) -> dict[str, Any]:
    figures = copy.deepcopy(as_promised())
    at = figures
    *outer, last = path.split("/")
    for name in outer:
        at = at[name]
    at[last] = value
    return figures


def test_figures_that_meet_every_goal_say_so() -> None:
    assert reached(as_promised()) == ["goal"] * 6


@pytest.mark.parametrize(
    ("path", "value", "line", "said"),
    [
        pytest.param("estimates/log_likelihood", -4958.6481, 0, "NO", id="likelihood-off-by-a-thousandth"),
        pytest.param("estimates/weights/cl/estimate", -0.1083 - 6e-5, 1, "NO", id="fourth-digit"),
        pytest.param("gains/8", interval(GOAL_NATS - 0.001), 2, "must", id="less-than-the-goal"),
        pytest.param("gains/8", interval(0.19, se=0.1), 2, "NO", id="not-sure"),
        pytest.param("gains/8", interval(0.25, se=0.2), 2, "NO", id="much-but-not-sure"),
        pytest.param("gains/all", interval(-0.01, se=0.01), 3, "must", id="worse-within-the-noise"),
        pytest.param("gains/all", interval(-0.03, se=0.01), 3, "NO", id="worse"),
        pytest.param("gains/0", interval(-0.03, se=0.01), 4, "NO", id="worse-late"),
        pytest.param("gains/5", interval(-0.03, se=0.01), 5, "NO", id="worse-after-five"),
    ],
)
def test_each_expectation_can_fail(path: str, value: object, line: int, said: str) -> None:
    assert reached(changed(path, value))[line] == said


def test_the_document_shows_every_table_and_the_plot_where_there_is_one() -> None:
    figures = as_promised()
    text = choices_document(figures, "make choices", plot="figures/c.png")
    assert "![Log loss by the number of choices known](figures/c.png)" in text
    assert "figures/c.png" not in choices_document(figures, "make choices", plot=None)
    for _, rows in choices_tables(figures):
        assert f"| {rows[-1][next(iter(rows[-1]))]} " in text
    assert "personal tastes, 1 choice known" in text
    assert "50 % of the households like a longer term" in text


def test_the_plot_is_written_and_the_same_twice(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        write_choices_plot(tmp_path / name, as_promised())
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def rows_of(project: Path) -> list[list[str]]:
    lines = (project / "docs" / "choices.md").read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]


def test_the_document_meets_its_goals_and_its_tables_agree(project_folder: Path) -> None:
    rows = rows_of(project_folder)
    said = {row[0]: row for row in rows}
    assert {row[-1] for row in rows if row[0].startswith(("log-likelihood", "coefficients", "nats", "the same"))} == {
        "goal"
    }
    won, wins = (
        said["nats a choice won by personal tastes, 8 choices known"][1],
        said["personal tastes, 8 choices known"],
    )
    assert won == wins[-1]
    assert float(won.split()[0]) >= GOAL_NATS
    plain = next(float(row[1].split()[0]) for row in rows if row[0] == "plain logit" and len(row) == 5)
    assert plain - float(wins[1].split()[0]) == pytest.approx(float(won.split()[0]), abs=0.0015)


def test_the_document_says_what_its_template_says(project_folder: Path) -> None:
    template = (project_folder / "src" / "planrec" / "templates" / "choices.md").read_text(encoding="utf-8")
    document = (project_folder / "docs" / "choices.md").read_text(encoding="utf-8")
    stale = [piece for piece in re.split(r"\$\{\w+\}", template) if piece.rstrip("\n") not in document]
    assert stale == [], "stale: make -C PlanRec choices"


@pytest.mark.realdata
def test_the_documents_estimates_are_those_of_the_table(project_folder: Path, panel_file: Path) -> None:
    found = estimates(read_panel(panel_file))
    said = {row[0]: row for row in rows_of(project_folder)}
    assert said["log-likelihood of the plain logit, all choices"][1] == f"{found['log_likelihood']:,.3f}"
    for name, what in TASTES.items():
        weight = found["weights"][name]
        first = next(row for row in rows_of(project_folder) if row[0] == f"{name}: {what}")
        assert first[1:] == [
            f"{weight['estimate']:.4f}",
            f"{PUBLISHED.weights[name]:.4f}",
            f"{weight['standard_error']:.4f}",
        ]
