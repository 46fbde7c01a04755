from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common_utils.table_project.source import read_records
from common_utils.table_project.task import TableTask
from common_utils.testing.table_data import ALL_SAMPLE_CHECKS
from common_utils.testing.table_fixtures import TableProject
from telecom.columns import IS_ULTRA
from telecom.data import record_schema, usage_schema

HEADER = "calls,minutes,messages,mb_used"
GOOD = "40.0,311.9,83.0,19915.42"


def _read(tmp_path: Path, *rows: str):
    path = tmp_path / "months.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return read_records(path, record_schema(), name="months")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param("40.0", "-1", "calls: not between 0 and 20,000", id="calls"),
        pytest.param("311.9", "44641", "minutes: not between 0 and 44,640", id="more-minutes-than-a-month-has"),
        pytest.param("83.0", "", "messages: missing", id="missing"),
        pytest.param("19915.42", "1e9", "mb_used: not between 0 and 10,000,000", id="megabytes"),
    ],
)
def test_what_does_not_fit_is_rejected_with_the_reason(tmp_path: Path, old: str, new: str, reason: str) -> None:
    read = _read(tmp_path, GOOD, GOOD.replace(old, new))
    assert read.report.rejected == {reason: 1}
    assert read.rows.tolist() == [1]


def test_months_alike_are_all_kept(tmp_path: Path) -> None:
    # Two people may use the same, and nobody is named: a row seen before is not a mistake.
    assert _read(tmp_path, GOOD, GOOD).report.kept == 2


def test_a_plan_that_is_neither_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "months.csv"
    path.write_text(f"{HEADER},is_ultra\n{GOOD},0\n{GOOD},2\n")
    assert read_records(path, usage_schema(), name="months").report.rejected == {"is_ultra: neither 0 nor 1": 1}


@pytest.mark.parametrize("check", ALL_SAMPLE_CHECKS, ids=lambda check: check.__name__)
def test_the_sample_keeps_its_promises(
    table_project: TableProject, tmp_path: Path, check: Callable[[TableTask[Any], Path], None]
) -> None:
    check(table_project.task(), tmp_path)


@pytest.mark.realdata
def test_the_public_table_is_read_whole(real_table: Path) -> None:
    read = read_records(real_table, usage_schema(), name="months")
    assert (read.report.read, read.report.kept) == (3_214, 3_214)
    assert int(read.frame[IS_ULTRA].sum()) == 985
