from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common_utils.bundle import Bundle
from common_utils.testing.table_cli import ALL_CLI_CHECKS, CliCase
from common_utils.testing.table_fixtures import Run, TableProject
from common_utils.testing.table_reading import ALL_READING_CHECKS

HEADER = "calls,minutes,messages,mb_used"
ROWS = ["40,311.9,83,19915.42", "85,-1,56,22696.96", "0,0,0,40000.5"]
CASE: dict[str, Any] = {
    "answered": ("1", "3"),
    "explained": 3,
    "rejected": (2,),
    "columns": ("row", "prediction", "probability"),
    "complaint": "minutes: not between 0 and 44,640 (1)",
    "results": ("The plan held against the cheaper one",),
}

ANY_SHARE = ("--set", "data.table.max_rejected_share=1")  # one row of these few is bad on purpose


@pytest.mark.parametrize("check", [*ALL_CLI_CHECKS, *ALL_READING_CHECKS], ids=lambda check: check.__name__)
def test_the_commands_keep_their_promises(
    table_project: TableProject, run: Run, bundle: Bundle, tmp_path: Path, check: Callable[[CliCase], None]
) -> None:
    check(CliCase(table_project, run, bundle, tmp_path, [HEADER, *ROWS], **CASE))


def test_predict_says_what_its_answers_are_not(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "months.csv"
    path.write_text("\n".join([HEADER, *ROWS, ""]))
    code, _, err = run(
        "predict", "--input", str(path), "--output", str(tmp_path / "out.csv"), "--bundle", str(bundle.path), *ANY_SHARE
    )
    assert code == 0
    assert "not the best plan; for advice use PlanRec" in err
    for line in (tmp_path / "out.csv").read_text().splitlines()[1:]:
        _, prediction, probability = line.split(",")
        assert prediction in {"smart", "ultra"}
        assert 0 <= float(probability) <= 1


def test_explain_says_in_words_what_was_looked_at(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "months.csv"
    path.write_text("\n".join([HEADER, *ROWS, ""]))
    arguments = ("explain", "--input", str(path), "--row", "3", "--bundle", str(bundle.path), *ANY_SHARE)
    assert "likely: being on Ultra" in run(*arguments)[1]
    shown = {part["feature"]: part["value"] for part in json.loads(run(*arguments, "--json")[1])["contributions"]}
    assert shown == {"calls": "0", "minutes": "0", "messages": "0", "mb_used": "40,000.5"}


def test_help_says_what_is_predicted(run: Run) -> None:
    assert "the plan held, not the best plan" in " ".join(run("--help")[1].split())
