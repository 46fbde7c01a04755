from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common_utils.bundle import Bundle
from common_utils.testing.table_cli import ALL_CLI_CHECKS, CliCase
from common_utils.testing.table_fixtures import Run, TableProject

HEADER = "CreditScore,Geography,Gender,Age,Tenure,Balance,NumOfProducts,HasCrCard,IsActiveMember,EstimatedSalary"
ROWS = ["619,France,Female,42,2,0,1,1,1,101348.88", "502,Spain,Male,7,1,0,1,0,1,1", "700,Germany,Male,50,,9000,1,0,0,1"]
CASE: dict[str, Any] = {
    "answered": ("1", "3"),
    "explained": 3,
    "rejected": (2,),
    "columns": ("row", "prediction", "probability"),
    "complaint": "Age: not between 18 and 110 (1)",
    "results": ("Fairness: as shipped", "Paired differences"),
}

ANY_SHARE = ("--set", "data.table.max_rejected_share=1")  # one row of these few is bad on purpose


@pytest.mark.parametrize("check", ALL_CLI_CHECKS, ids=lambda check: check.__name__)
def test_the_commands_keep_their_promises(
    table_project: TableProject, run: Run, bundle: Bundle, tmp_path: Path, check: Callable[[CliCase], None]
) -> None:
    check(CliCase(table_project, run, bundle, tmp_path, [HEADER, *ROWS], **CASE))


def test_predict_names_customers_by_their_id_where_there_is_one(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(f"CustomerId,{HEADER}\n007,{ROWS[0]}\n")
    run("predict", "--input", str(path), "--output", str(tmp_path / "out.csv"), "--bundle", str(bundle.path))
    said = (tmp_path / "out.csv").read_text().splitlines()[1].split(",")
    assert said[0] == "007"
    assert said[1] in {"leaves", "stays"}
    assert 0 <= float(said[2]) <= 1


def test_explain_says_in_words_what_was_looked_at(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("\n".join([HEADER, *ROWS, ""]))
    arguments = ("explain", "--input", str(path), "--row", "3", "--bundle", str(bundle.path), *ANY_SHARE)
    assert "likely: leaving" in run(*arguments)[1]
    shown = {part["feature"]: part["value"] for part in json.loads(run(*arguments, "--json")[1])["contributions"]}
    assert (shown["Geography"], shown["Tenure"], shown["Age"]) == ("Germany", "missing", "50")
