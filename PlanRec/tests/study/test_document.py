"""The published document: of the run in the log, no goal easier than its must, and what is missed is in the README."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from planrec.study.published import RUNS_FILE, RunLog, StudyRun, published_seeds


@pytest.fixture
def document(project_folder: Path) -> str:
    return (project_folder / "docs/promises.md").read_text(encoding="utf-8")


@pytest.fixture
def runs(project_folder: Path) -> list[StudyRun]:
    return RunLog(project_folder / RUNS_FILE).runs()


def promised(document: str) -> list[dict[str, str]]:
    table = document.split("## Promises\n")[1].split("\n## ")[0]
    header, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")
    ]
    return [dict(zip(header, row, strict=True)) for row in rows]


def amounts(text: str) -> list[float]:
    return [float(word) for word in re.findall(r"[+-]?\d+\.?\d*", text)]


def test_the_document_is_of_the_last_finished_run(document: str, runs: list[StudyRun]) -> None:
    last = [run for run in runs if run.state == "finished"][-1]
    lines = promised(document)
    assert dict(Counter(line["reached"] for line in lines)) == last.found["reached"]
    assert [f"{line['what']} ({line['truth']})" for line in lines if line["reached"] == "NO"] == last.found["missed"]
    said = re.findall(r"([\d,]+) subscribers each, with seeds ([\d, ]+)\.", document)[0]
    assert said[0] == f"{last.asked['subscribers']:,}"
    assert [int(seed) for seed in said[1].split(",")] == last.asked["seeds"]


def test_the_seeds_of_every_run_are_those_of_its_commit(runs: list[StudyRun]) -> None:
    for run in runs:
        seeds = run.asked["seeds"]
        assert isinstance(seeds, list)
        assert tuple(seeds) == published_seeds(run.commit, len(seeds))


def test_no_goal_is_easier_than_its_must_and_none_is_called_reached_that_is_not(document: str) -> None:
    judged = 0
    for line in promised(document):
        must, goal = amounts(line["must"]), amounts(line["goal"])
        value, error = [*amounts(line["measured"].replace(",", "")), 0.0][:2]
        kept = line["reached"] in ("must", "goal")
        if line["must"].startswith("at least"):
            assert goal[0] >= must[0], line
            assert kept == (value >= must[0]), line
        elif line["must"].startswith("at most"):
            assert goal[0] <= must[0], line
            assert kept == (value <= must[0]), line
        elif " to " in line["goal"]:
            assert must[0] <= goal[0] < goal[1] <= must[1], line
            # Within one standard error of an end, a figure may as well lie outside.
            assert kept == (must[0] + error <= value <= must[1] - error), line
        elif line["must"] == "0":
            assert kept == (value == 0), line
        elif line["must"] == "above 0 by 2 se":
            assert kept == (value - 2 * error > 0), line
        elif line["must"] == "not below 0 by 2 se":
            assert kept == (value + 2 * error >= 0), line
        elif line["must"] == "not above 0":
            assert kept == (value <= 0), line
        else:
            continue
        judged += 1
    assert judged > 45


def test_no_cell_of_the_document_is_a_computer_s_word(document: str) -> None:
    assert not re.findall(r"\b(nan|inf|None)\b", document)


def test_the_readme_states_every_must_that_is_missed(document: str, project_folder: Path) -> None:
    text = " ".join((project_folder / "README.md").read_text(encoding="utf-8").split())
    said = text.split("**Promises not kept.**")[1].split("##")[0]
    missed = [line for line in promised(document) if line["reached"] == "NO"]
    gaps = [amounts(line["measured"])[0] for line in missed if ": regret less that of past months" in line["what"]]
    snips = [line for line in missed if line["what"].endswith(": SNIPS")]
    assert len(missed) == len(gaps) + len(snips) == 5
    assert len(gaps) == 4
    assert f"by {min(gaps):.2f} to {max(gaps):.2f} EUR a month" in said
    low = amounts(snips[0]["measured"])[1]
    assert f"in {100 * low:.1f} % of the logs" in said
    assert "five miss their must" in said


def test_what_is_said_of_drafts_is_what_was_measured_of_the_launched_plan(document: str, project_folder: Path) -> None:
    said = " ".join((project_folder / "docs/what_if.md").read_text(encoding="utf-8").split())
    what = "choice: predicted over real demand for the launched plan"
    logit, satisficing = (line["measured"].split(" ")[0] for line in promised(document) if line["what"] == what)
    assert f"the expected number of takers was {logit} of the real one." in said
    assert f"and at new ones first, it was {satisficing}: " in said


def test_the_readme_says_what_other_worlds_missed(project_folder: Path) -> None:
    worlds = (project_folder / "docs" / "other_worlds.md").read_text(encoding="utf-8").split("Offers made")[0]
    rows = {row[0]: row[1:] for row in (line.strip("| ").split(" | ") for line in worlds.splitlines() if "|" in line)}
    said = (project_folder / "README.md").read_text(encoding="utf-8").split("**Promises not kept.**")[1].split("##")[0]
    safe, saving = rows["season.yaml"][2].split(", ")[0], rows["noise.yaml"][4].split(", ")
    assert 0.2 < 1 - float(safe) < 0.3
    assert "a quarter of those moved pay more" in said
    assert f"({saving[0].lstrip('0')[:3]} to {saving[1].lstrip('0')[:3]}, " in said
    assert "ranks no better than a baseline" in said
    assert float(rows["latent classes"][0].split(", ")[0]) < 0.05
    assert f"({rows['plans_earlier_launch.yaml, satisficing'][1].lstrip('0')})" in " ".join(said.split())
