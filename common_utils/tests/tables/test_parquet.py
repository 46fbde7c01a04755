"""Reading Parquet files as CSV files are read."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.tables.cases import GOOD_ROW, NAN, USAGE, row

from common_utils.errors import DataError
from common_utils.tables import Reading, TableResult, check_rows, merged_report, read_table, write_table

FRAME = pd.DataFrame([GOOD_ROW, row(id="008", minutes=NAN, plan=None)])


def _parquet(tmp_path: Path, table: pa.Table, **options: Any) -> TableResult:
    path = tmp_path / "usage.parquet"
    pq.write_table(table, path)
    return read_table(path, USAGE, name="usage", **options)


def test_parquet_reads_as_csv_does(tmp_path: Path):
    write_table(FRAME, tmp_path / "usage.parquet")
    write_table(FRAME, tmp_path / "usage.csv")
    one, other = (read_table(tmp_path / f"usage.{end}", USAGE, name="usage") for end in ("parquet", "csv"))
    pd.testing.assert_frame_equal(one.frame, other.frame)
    assert one.report == other.report


def _arrow(**changes: pa.Array) -> pa.Table:
    table = pa.Table.from_pandas(FRAME, preserve_index=False)
    return pa.table({name: changes.get(name, table[name]) for name in table.column_names})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"calls": pa.array([3, 3], pa.uint8())}, [3, 3], id="small-integer"),
        pytest.param({"calls": pa.array([3, 3], pa.int32()).dictionary_encode()}, [3, 3], id="dictionary"),
        pytest.param({"minutes": pa.array([12, None], pa.int32())}, [12.0, NAN], id="integer-for-number"),
        pytest.param({"minutes": pa.nulls(2)}, [NAN, NAN], id="nothing-but-missing"),
        pytest.param({"minutes": pa.array([NAN, 1.0])}, [NAN, 1.0], id="nan-is-missing"),
        pytest.param({"minutes": pa.array([Decimal("12.50"), None])}, [12.5, NAN], id="decimal-for-number"),
        pytest.param({"id": pa.array([7, 8])}, ["7", "8"], id="integer-for-text"),
        pytest.param({"plan": pa.array(["a", None], pa.large_string())}, ["a", NAN], id="large-text"),
        pytest.param({"plan": pa.array(["a", " "]).dictionary_encode()}, ["a", NAN], id="categories"),
    ],
)
def test_parquet_types_that_fit_are_read(tmp_path: Path, changes: dict[str, pa.Array], expected: list[Any]):
    frame = _parquet(tmp_path, _arrow(**changes)).frame
    (column,) = changes
    assert [value if value == value else "missing" for value in frame[column]] == [
        value if value == value else "missing" for value in expected
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"id": pa.array([7.0, 8.0])}, "column 'id' is double in the file, text is needed", id="float-id"),
        pytest.param(
            {"calls": pa.array([3.0, 3.0])},
            "column 'calls' is double in the file, integer is needed",
            id="float-for-integer",
        ),
        pytest.param({"calls": pa.array(["3", "3"])}, "column 'calls' is .*string in the file", id="text-for-integer"),
        pytest.param(
            {"calls": pa.array([2**63, 1], pa.uint64())}, "column 'calls' is uint64 in the file", id="too-large"
        ),
        pytest.param(
            {"minutes": pa.array(["1", "2"])}, "column 'minutes' is .*string in the file", id="text-for-number"
        ),
        pytest.param({"plan": pa.array([[1], [2]])}, "column 'plan' is list", id="list"),
    ],
)
def test_parquet_types_that_do_not_fit_are_refused(tmp_path: Path, changes: dict[str, pa.Array], message: str):
    with pytest.raises(DataError, match=message):
        _parquet(tmp_path, _arrow(**changes))


def test_parquet_ids_of_digits_are_text_and_the_repair_is_said(tmp_path: Path):
    result = _parquet(tmp_path, _arrow(id=pa.array([7, 8], pa.int32()).dictionary_encode()))
    assert result.frame["id"].tolist() == ["7", "8"]
    assert result.report.repaired == {"id: whole number read as text": 2}


def test_parquet_rows_are_accounted_for(tmp_path: Path):
    result = _parquet(tmp_path, _arrow(minutes=pa.array([float("inf"), 1.0]), id=pa.array(["7", " 8"])))
    assert result.report.to_dict() == {
        "table": "usage",
        "read": 2,
        "kept": 1,
        "repaired": {"id: whitespace trimmed": 1},
        "rejected": {"minutes: not a finite number": 1},
        "set_aside": {},
    }
    assert result.rejects.to_dict("records") == [
        {"row": 1, "reason": "minutes: not a finite number", "column": "minutes"}
    ]


def test_parquet_dates_may_have_a_time_and_a_zone_where_a_setting_says_whose_days_count(tmp_path: Path):
    schema = pandera.DataFrameSchema({"day": pandera.Column("datetime64[us]", nullable=True)})
    path = tmp_path / "days.parquet"
    pq.write_table(pa.table({"day": pa.array([datetime(2026, 1, 31, 12), None], pa.timestamp("ns"))}), path)
    assert read_table(path, schema, name="days").frame["day"].tolist() == [datetime(2026, 1, 31, 12), pd.NaT]
    pq.write_table(pa.table({"day": pa.array([datetime(2026, 1, 31)], pa.timestamp("us", "UTC"))}), path)
    with pytest.raises(DataError, match=r"times carry a zone; .* data\.table\.timezone"):
        read_table(path, schema, name="days")
    there = read_table(path, schema, name="days", reading=Reading(timezone="America/Lima")).frame["day"]
    assert there.tolist() == [datetime(2026, 1, 30, 19)]
    pq.write_table(pa.table({"day": pa.array([1], pa.int64()).cast(pa.timestamp("ns"))}), path)
    assert read_table(path, schema, name="days").frame["day"].tolist() == [datetime(1970, 1, 1)]


def test_parquet_whole_numbers_keep_their_bounds(tmp_path: Path):
    schema = pandera.DataFrameSchema({"n": pandera.Column("int8")})
    path = tmp_path / "n.parquet"
    pq.write_table(pa.table({"n": [1, 300]}), path)
    assert read_table(path, schema, name="n").report.rejected == {"n: out of range for int8": 1}


@pytest.mark.parametrize("keep", [0, 4, 100, 0.5, 0.99])
def test_truncated_parquet_is_refused(tmp_path: Path, keep: float):
    path = tmp_path / "usage.parquet"
    write_table(FRAME, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    with pytest.raises(DataError, match=r"usage .*is missing, cut short or no Parquet file"):
        read_table(path, USAGE, name="usage")


def test_corrupt_parquet_is_refused_or_read_as_declared(tmp_path: Path):
    path = tmp_path / "usage.parquet"
    write_table(pd.concat([FRAME] * 50), path)
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(content)
        for place in rng.integers(4, len(content), 8):
            damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            report = read_table(path, USAGE, name="usage", extra_columns="drop").report
        except DataError:
            continue
        assert report.read == report.kept + sum(report.rejected.values())


def test_empty_parquet_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="no data rows"):
        _parquet(tmp_path, _arrow().slice(0, 0))


def test_parquet_with_a_name_twice_is_refused(tmp_path: Path):
    table = _arrow().append_column("id", pa.array(["x", "y"]))
    with pytest.raises(DataError, match=r"given twice: \['id'\]"):
        _parquet(tmp_path, table)


def test_parquet_missing_and_extra_columns(tmp_path: Path):
    with pytest.raises(DataError, match=r"missing column\(s\) \['plan'\]"):
        _parquet(tmp_path, _arrow().drop_columns("plan"))
    extra = _arrow().append_column("age", pa.array([1, 2]))
    with pytest.raises(DataError, match=r"unknown column\(s\) \['age'\]"):
        _parquet(tmp_path, extra)
    assert _parquet(tmp_path, extra, extra_columns="keep").frame["age"].tolist() == [1, 2]


def test_pieces_of_a_parquet_are_checked_as_the_whole(tmp_path: Path):
    schema = pandera.DataFrameSchema({"id": pandera.Column(str), "n": pandera.Column(int)}, unique=["id", "n"])
    table = pa.table({"id": ["a", " a", "b", None], "n": [1, 1, 2, 3]})
    pq.write_table(table, tmp_path / "t.parquet")
    whole = read_table(tmp_path / "t.parquet", schema, name="t")
    pieces = [check_rows(table.slice(start, 2), schema, name="t") for start in (0, 2)]
    pd.testing.assert_frame_equal(pd.concat([p.frame for p in pieces], ignore_index=True), whole.frame)
    assert merged_report([p.report for p in pieces]) == whole.report
    assert whole.report.rejected == {"duplicate row": 1, "id: missing": 1}


def test_a_piece_may_hold_no_row_that_can_be_used():
    schema = pandera.DataFrameSchema({"n": pandera.Column(int)})
    result = check_rows(pa.table({"n": pa.array([None], pa.int64())}), schema, name="t")
    assert (len(result.frame), result.report.rejected) == (0, {"n: missing": 1})
    assert len(check_rows(pa.table({"n": pa.array([], pa.int64())}), schema, name="t").frame) == 0
    with pytest.raises(DataError, match=r"t: missing column\(s\) \['n'\]"):
        check_rows(pa.table({"m": pa.array([], pa.int64())}), schema, name="t")
