from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bankchurn.data import sample_customers
from common_utils.bundle import Bundle
from common_utils.tables import write_table
from common_utils.testing.table_cli import ALL_CLI_CHECKS, CliCase
from common_utils.testing.table_fixtures import Run, TableProject
from common_utils.testing.table_reading import ALL_READING_CHECKS

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


@pytest.mark.parametrize("check", [*ALL_CLI_CHECKS, *ALL_READING_CHECKS], ids=lambda check: check.__name__)
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


def test_contacts_are_ranked_by_profit_and_stop_at_the_budget(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    write_table(sample_customers(300, np.random.default_rng(4)), tmp_path / "customers.csv")
    given = ("contacts", "--input", str(tmp_path / "customers.csv"), "--output", str(tmp_path / "list.csv"))
    code, _, err = run(*given, "--bundle", str(bundle.path))
    assert code == 0
    table = pd.read_csv(tmp_path / "list.csv")
    assert list(table) == ["rank", "CustomerId", "probability", "expected_profit", "contact", "total"]
    assert table["rank"].tolist() == list(range(1, 301))
    assert table["expected_profit"].is_monotonic_decreasing
    chosen = table["contact"] == "yes"
    assert 0 < chosen.sum() <= 60
    assert not chosen[chosen.sum() :].any()
    assert (table.loc[chosen, "expected_profit"] > 0).all()
    assert table["total"].iloc[-1] == pytest.approx(table.loc[chosen, "expected_profit"].sum(), abs=1e-6)
    assert f"contact {chosen.sum()} of 300 customers: {table['total'].iloc[-1]:,.2f} euro expected" in err
    assert table["probability"].to_numpy() == pytest.approx((table["expected_profit"].to_numpy() + 25) / 120, abs=1e-3)
    dear = (*given, "--bundle", str(bundle.path), "--set", "retention.contact_cost=119")
    assert run(*dear)[0] == 0
    assert (pd.read_csv(tmp_path / "list.csv")["contact"] == "yes").sum() < chosen.sum()


def test_the_contact_list_and_the_predictions_agree(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("\n".join([HEADER, *ROWS, ""]))
    given = ("--input", str(path), "--output", str(tmp_path / "out.csv"), "--bundle", str(bundle.path), *ANY_SHARE)
    assert run("predict", *given)[0] == 0
    said = dict(pd.read_csv(tmp_path / "out.csv").set_index("row")["probability"])
    rejects = tmp_path / "rejects.csv"
    assert run("contacts", *given, "--rejects", str(rejects))[0] == 0
    assert dict(pd.read_csv(tmp_path / "out.csv").set_index("row")["probability"]) == said
    assert pd.read_csv(rejects)["row"].tolist() == [2]


def test_reasons_are_columns_of_the_table(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("\n".join([HEADER, *ROWS, ""]))
    for row in ("1", "3"):
        given = ("explain", "--input", str(path), "--row", row, "--bundle", str(bundle.path), "--json", *ANY_SHARE)
        parts = json.loads(run(*given)[1])["contributions"]
        assert {part["feature"] for part in parts} <= set(HEADER.split(","))
        assert len({part["feature"] for part in parts}) == len(parts)


def test_a_flag_on_part_of_those_who_left_stops_training(run: Run, small: tuple[str, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    customers = sample_customers(1500, rng)
    write_table(customers, tmp_path / "clean.csv")
    flag = (customers["Exited"] == 1) & (rng.random(1500) < 0.6)
    write_table(customers.assign(HasCrCard=flag.astype(float)), tmp_path / "leaking.csv")
    words = [part for setting in small[2:] for part in ("--set", setting)]
    train = ("train", "--output", str(tmp_path / "artifacts"), *words, "--data")
    code, _, err = run(*train, str(tmp_path / "leaking.csv"))
    assert code == 5
    assert "['HasCrCard']: alone it flags" in err
    assert "bankchurn: 1500 rows read" in err
    assert run(*train, str(tmp_path / "clean.csv"))[0] == 0


def test_explain_says_in_words_what_was_looked_at(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("\n".join([HEADER, *ROWS, ""]))
    arguments = ("explain", "--input", str(path), "--row", "3", "--bundle", str(bundle.path), *ANY_SHARE)
    assert "likely: leaving" in run(*arguments)[1]
    shown = {part["feature"]: part["value"] for part in json.loads(run(*arguments, "--json")[1])["contributions"]}
    assert (shown["Geography"], shown["Tenure"], shown["Age"]) == ("Germany", "missing", "50")


def test_bias_is_told_by_gender_and_geography(run: Run, bundle: Bundle, tmp_path: Path) -> None:
    """Entries carry the declared groups; men who leave more at the same score alarm, and `--by` names the group."""
    rows = sample_customers(3_000, np.random.default_rng(5)).drop(columns="Exited")
    write_table(rows, tmp_path / "customers.csv")
    said = {"batch": "true", "journal": tmp_path / "journal", "url": f"sqlite:///{tmp_path}/log.db"}
    log = [word for name, value in said.items() for word in ("--set", f"decisions.{name}={value}")]
    words = ("--input", str(tmp_path / "customers.csv"), "--output", str(tmp_path / "answers.csv"))
    assert run("predict", *words, "--bundle", str(bundle.path), *log)[0] == 0
    assert run("decisions", "ship", *log)[0] == 0
    code, out, err = run("bias", "report", "--by", "gender", "--json", *log)
    found = json.loads(out)
    assert (code, err) in ((0, ""), (6, ""))
    assert {(one["attribute"], one["group"]) for one in found["figures"]} == {("Gender", "Female"), ("Gender", "Male")}
    assert (found["within"], found["decisions"]) == ("the same probability", 3_000)
    assert "left" in found["unmeasured"]
    store = str(tmp_path / "log.db")
    _move_into_the_past(store, days=200)
    rng = np.random.default_rng(6)
    lines = ["kind,value,date,subject"]
    for name, gender in zip(rows["CustomerId"], rows["Gender"], strict=True):
        lines.append(f"left,{str(rng.random() < (0.4 if gender == 'Male' else 0.2)).lower()},{_days_ago(150)},{name}")
    (tmp_path / "outcomes.csv").write_text("\n".join([*lines, ""]))
    assert run("outcomes", "--input", str(tmp_path / "outcomes.csv"), *log)[0] == 0
    code, out, _ = run("bias", "report", *log)
    assert code == 5
    assert "- alarm: Gender Male, left: " in out
    assert run("bias", "report", "--by", "age", *log)[0] == 2


def _days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).date().isoformat()


def _move_into_the_past(store: str, *, days: int) -> None:
    with sqlite3.connect(store) as log:
        log.execute("UPDATE decisions SET at_ms = at_ms - ?", (days * 86_400_000,))
