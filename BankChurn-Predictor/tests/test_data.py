from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bankchurn.columns import EXITED, TENURE
from bankchurn.data import churn_schema, record_schema
from common_utils.table_project.source import read_records
from common_utils.table_project.task import TableTask
from common_utils.testing.table_data import ALL_SAMPLE_CHECKS
from common_utils.testing.table_fixtures import TableProject

HEADER = (
    "CustomerId,CreditScore,Geography,Gender,Age,Tenure,Balance,NumOfProducts,HasCrCard,IsActiveMember,EstimatedSalary"
)
GOOD = "1,619,France,Female,42,,0,1,1,1,101348.88"


def _read(tmp_path: Path, *rows: str):
    path = tmp_path / "customers.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return read_records(path, record_schema(), name="customers")


def test_a_missing_tenure_is_kept(tmp_path: Path) -> None:
    read = _read(tmp_path, GOOD)
    assert read.report.kept == 1
    assert np.isnan(read.frame[TENURE].iloc[0])


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param("619", "299", "CreditScore: not between 300 and 900", id="score"),
        pytest.param("42", "17", "Age: not between 18 and 110", id="age"),
        pytest.param("France", "Italy", "Geography: none of France, Germany, Spain", id="country"),
        pytest.param("619", "", "CreditScore: missing", id="missing"),
        pytest.param("Female", "", "Gender: missing", id="no-gender"),
    ],
)
def test_what_does_not_fit_is_rejected_with_the_reason(tmp_path: Path, old: str, new: str, reason: str) -> None:
    read = _read(tmp_path, GOOD, GOOD.replace("1,619", "2,619", 1).replace(old, new, 1))
    assert read.report.rejected == {reason: 1}
    assert read.rows.tolist() == [1]


@pytest.mark.parametrize(
    ("tenure", "why"),
    [("-1", "not between 0 and 80"), ("81", "not between 0 and 80"), ("x", "not a number")],
)
def test_an_odd_tenure_is_unknown_and_costs_no_row(tmp_path: Path, tenure: str, why: str) -> None:
    read = _read(tmp_path, GOOD, GOOD.replace("1,619", "2,619", 1).replace(",42,,", f",42,{tenure},", 1))
    assert (read.report.kept, read.report.rejected) == (2, {})
    assert read.report.repaired == {f"Tenure: {why}, taken as unknown": 1}
    assert read.frame[TENURE].isna().all()


def test_the_letter_case_of_a_category_does_not_count(tmp_path: Path) -> None:
    read = _read(tmp_path, GOOD, "2,619,FRANCE,female,42,,0,1,1,1,101348.88")
    assert read.frame["Geography"].tolist() == ["France", "France"]
    assert read.frame["Gender"].tolist() == ["Female", "Female"]
    said = "letter case changed to that of the known values"
    assert read.report.repaired == {f"Geography: {said}": 1, f"Gender: {said}": 1}


@pytest.mark.parametrize("number", ["4.9E+11", "1001.0"])
def test_an_id_that_became_a_number_is_rejected(tmp_path: Path, number: str) -> None:
    read = _read(tmp_path, GOOD, GOOD.replace("1,619", f"{number},619", 1))
    ((reason, count),) = read.report.rejected.items()
    assert (reason.partition(":")[0], count) == ("CustomerId", 1)


def test_training_rejects_a_customer_seen_before(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    other = GOOD.replace("1,619", "2,619", 1)
    path.write_text(f"{HEADER},Exited\n{other},0\n{other},0\n{GOOD},0\n")
    read = read_records(path, churn_schema(), name="customers")
    assert read.report.rejected == {"duplicate row": 1}
    path.write_text(f"{HEADER},Exited\n{other},0\n{GOOD},0\n{other},1\n")
    read = read_records(path, churn_schema(), name="customers")
    assert read.report.rejected == {"conflicting row for the same key": 2}
    assert read.rows.tolist() == [2]


def test_a_customer_is_answered_once(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    other = GOOD.replace("1,619", "2,619", 1)
    path.write_text(f"{HEADER}\n{other}\n{other}\n{GOOD}\n")
    read = read_records(path, record_schema(), name="customers")
    assert read.report.rejected == {"duplicate row": 1}
    path.write_text(f"{HEADER}\n{other}\n{GOOD}\n{other.replace(',619', ',620')}\n")
    read = read_records(path, record_schema(), name="customers")
    assert read.report.rejected == {"conflicting row for the same key": 2}
    assert read.rows.tolist() == [2]


@pytest.mark.parametrize("check", ALL_SAMPLE_CHECKS, ids=lambda check: check.__name__)
def test_the_sample_keeps_its_promises(
    table_project: TableProject, tmp_path: Path, check: Callable[[TableTask[Any], Path], None]
) -> None:
    check(table_project.task(), tmp_path)


@pytest.mark.realdata
def test_the_public_table_is_read_whole_with_its_missing_tenures(real_table: Path) -> None:
    read = read_records(real_table, churn_schema(), name="customers")
    assert (read.report.read, read.report.kept) == (10_000, 10_000)
    assert int(read.frame[TENURE].isna().sum()) == 909
    assert int(read.frame[EXITED].sum()) == 2037
