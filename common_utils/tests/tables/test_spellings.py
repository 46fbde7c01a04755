"""Months, dates and ids as spreadsheets and databases write them; files whose bytes are no text."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.tables.schemas import CALLS, MONTHS

from common_utils.errors import DataError
from common_utils.tables import Reading, read_table, write_table

DAYS = [datetime(2025, 8, 1), datetime(2025, 9, 1), datetime(2025, 9, 30)]


@pytest.mark.parametrize(
    ("months", "timezone"),
    [
        pytest.param(pa.array(DAYS, pa.date32()), None, id="date"),
        pytest.param(pa.array(DAYS, pa.timestamp("us")), None, id="time-stamp"),
        pytest.param(pa.array(DAYS, pa.timestamp("ns")), None, id="nanoseconds"),
        pytest.param(pa.array(DAYS, pa.date32()).dictionary_encode(), None, id="categories"),
        pytest.param(pa.array(DAYS, pa.timestamp("s", "UTC")), "UTC", id="zone-that-is-stated"),
        pytest.param(pa.array(["2025-08-01", "2025-09-01T00:00:00", "2025-09-30"]), None, id="text"),
        pytest.param(None, None, id="csv"),
    ],
)
def test_the_first_day_of_a_month_is_the_month(tmp_path: Path, months: pa.Array | None, timezone: str | None) -> None:
    path = tmp_path / ("u.csv" if months is None else "u.parquet")
    if months is None:
        path.write_text("id,month\na,2025-08-01\na,2025-09-01 00:00:00\na,2025-09-30\n")
    else:
        pq.write_table(pa.table({"id": ["a"] * 3, "month": months}), path)
    result = read_table(path, MONTHS, name="u", reading=Reading(timezone=timezone))
    assert result.frame["month"].tolist() == ["2025-08", "2025-09"]
    assert result.report.repaired == {"month: first day of the month read as the month": 2}
    assert result.report.rejected == {"month: not a month (YYYY-MM)": 1}


def test_months_with_a_zone_need_one_that_is_stated(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"id": ["a"], "month": pa.array(DAYS[:1], pa.timestamp("s", "UTC"))}), tmp_path / "u.parquet"
    )
    with pytest.raises(DataError, match="its times carry a zone"):
        read_table(tmp_path / "u.parquet", MONTHS, name="u")


def test_a_lost_row_is_known_by_its_month_however_that_is_written(tmp_path: Path) -> None:
    schema = pandera.DataFrameSchema({**MONTHS.columns, "minutes": pandera.Column(float)}, unique=["id", "month"])
    table = {"id": ["a", "a"], "month": pa.array(DAYS[:2], pa.date32()), "minutes": [1.0, None]}
    pq.write_table(pa.table(table), tmp_path / "u.parquet")
    lost = read_table(tmp_path / "u.parquet", schema, name="u").lost
    assert lost.to_dict("records") == [{"id": "a", "month": "2025-09"}]


def test_text_dates_of_parquet_are_read_as_those_of_csv(tmp_path: Path) -> None:
    table = {"id": ["u"] * 3, "date": ["2025-01-01", "2025-01-31 10:00:00", "2025-02-30"], "minutes": [1.0, 2.0, 3.0]}
    pq.write_table(pa.table(table), tmp_path / "calls.parquet")
    result = read_table(tmp_path / "calls.parquet", CALLS, name="calls")
    assert [str(day.date()) for day in result.frame["date"]] == ["2025-01-01", "2025-01-31"]
    assert result.report.rejected == {"date: not a date (YYYY-MM-DD)": 1}
    pq.write_table(pa.table({**table, "date": ["2025-01-01"] * 2 + ["31/01/2025"]}), tmp_path / "calls.parquet")
    with pytest.raises(DataError, match="export it in one form"):
        read_table(tmp_path / "calls.parquet", CALLS, name="calls")


def test_ids_of_cells_that_were_too_narrow_are_none(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text("id,month\n#########,2025-01\n#,2025-01\n#7,2025-01\n")
    result = read_table(tmp_path / "u.csv", MONTHS, name="u")
    assert result.frame["id"].tolist() == ["#7"]
    assert result.report.rejected == {"id: a word that stands for no id; leave its rows out": 2}


def test_ids_that_look_alike_are_one(tmp_path: Path) -> None:
    people = ["Jose\u0301", "Jos\u00e9", "Ana"]
    write_table(pd.DataFrame({"id": people, "month": ["2025-01", "2025-02", "2025-01"]}), tmp_path / "u.csv")
    result = read_table(tmp_path / "u.csv", MONTHS, name="u")
    assert result.frame["id"].tolist() == ["Jos\u00e9", "Jos\u00e9", "Ana"]
    assert result.report.repaired == {"id: accents composed (Unicode NFC)": 1}


def test_rejected_rows_are_listed_where_the_whole_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_bytes("id,month\nJosé,2025-01\nZoë,2025-01\n".encode("latin-1"))
    reading = Reading()
    with pytest.raises(DataError, match="is not UTF-8"):
        read_table(tmp_path / "u.csv", MONTHS, name="u", reading=reading)
    assert reading.accounts.rejects()["row"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("ids", "read"),
    [
        pytest.param(pa.array([Decimal(34600111222)], pa.decimal128(38, 0)), "34600111222", id="snowflake"),
        pytest.param(pa.array([b"maria"], pa.binary()), "maria", id="impala"),
        pytest.param(pa.array([b"maria"], pa.large_binary()).dictionary_encode(), "maria", id="binary-categories"),
    ],
)
def test_ids_of_databases_are_text(tmp_path: Path, ids: pa.Array, read: str) -> None:
    pq.write_table(pa.table({"id": ids, "month": ["2025-01"]}), tmp_path / "u.parquet")
    assert read_table(tmp_path / "u.parquet", MONTHS, name="u").frame["id"].tolist() == [read]


def test_the_type_to_export_with_is_one_that_exists(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1.5], "month": ["2025-01"]}), tmp_path / "u.parquet")
    with pytest.raises(DataError, match=r"id is needed; export it as text \(string\)"):
        read_table(tmp_path / "u.parquet", MONTHS, name="u")


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        pytest.param("id,month\na,2025-01\n".encode("utf-32"), "the file is UTF-32", id="utf-32-marked"),
        pytest.param("id,month\na,2025-01\n".encode("utf-32-le"), "looks like UTF-32 without", id="utf-32"),
        pytest.param("id,month\na,2025-01\n".encode("utf-16-le"), "looks like UTF-16 without", id="utf-16"),
        pytest.param(b"id,month\na,2025-01\n" + b"\0" * 500, "nothing but NULs", id="trailing-nuls"),
        pytest.param(b"id,month\na\0,2025-01\n", "this is no CSV text", id="one-nul"),
    ],
)
def test_nuls_are_given_their_likely_cause(tmp_path: Path, data: bytes, cause: str) -> None:
    (tmp_path / "u.csv").write_bytes(data)
    with pytest.raises(DataError, match=cause):
        read_table(tmp_path / "u.csv", MONTHS, name="u")


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("202510", "YYYYMM"),
        ("20251001", "YYYYMMDD"),
        ("2025-10-31", "YYYY-MM-DD"),
        ("2025-9", "YYYY-M"),
        ("2025/10", "YYYY/MM"),
        ("2025.10", r"YYYY\.MM"),
        ("10/2025", "MM/YYYY"),
        ("10.2025", r"MM\.YYYY"),
        ("10-2025", "MM-YYYY"),
        ("45931", "as a spreadsheet's day number"),
        ("März 2025", "with the month's name"),
        ("Oct-25", "with the month's name"),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_some_months_in_another_form_are_named_and_no_row_is_lost(
    tmp_path: Path, written: str, form: str, ending: str
) -> None:
    months = [*["2025-08"] * 98, written, written]
    path = tmp_path / f"u.{ending}"
    if ending == "csv":
        path.write_text(
            "id,month\n" + "".join(f"{who},{month}\n" for who, month in enumerate(months)), encoding="utf-8"
        )
    else:
        pq.write_table(pa.table({"id": list(map(str, range(100))), "month": months}), path)
    with pytest.raises(DataError, match=rf"column 'month': 2 of its months are written {form} and 98 YYYY-MM; export"):
        read_table(path, MONTHS, name="u")


@pytest.mark.parametrize("odd", [["202510"], ["2025-13", "2025-00", "2025-13"], ["x", "x"]])
def test_a_single_slip_and_months_that_do_not_exist_cost_their_rows(tmp_path: Path, odd: list[str]) -> None:
    (tmp_path / "u.csv").write_text(
        "id,month\n" + "".join(f"{w},{m}\n" for w, m in enumerate([*["2025-08"] * 9, *odd]))
    )
    result = read_table(tmp_path / "u.csv", MONTHS, name="u")
    assert result.report.rejected == {"month: not a month (YYYY-MM)": len(odd)}
