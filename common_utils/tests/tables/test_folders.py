"""Folders of Parquet parts: which files count, and what is refused because rows would be lost or come back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.tables.schemas import CALLS, MONTHS

from common_utils.errors import DataError
from common_utils.tables import read_table


@pytest.mark.parametrize(
    ("log", "named", "what"),
    [
        pytest.param("_delta_log/00000000000000000000.json", "", "a Delta Lake table (_delta_log)", id="delta"),
        pytest.param("_delta_log/0.json", "month=2025-01", "a Delta Lake table", id="partition-of-delta"),
        pytest.param("metadata/00001-ab.metadata.json", "", "an Iceberg table", id="iceberg"),
        pytest.param("metadata/v1.metadata.json", "data", "an Iceberg table", id="data-of-iceberg"),
        pytest.param(".hoodie/hoodie.properties", "", "a Hudi table (.hoodie)", id="hudi"),
        pytest.param("inner/_delta_log/0.json", "", "a Delta Lake table", id="a-folder-within"),
        pytest.param("_spark_metadata/0", "", "a sink of a Spark stream", id="spark-stream"),
        pytest.param("delta_0000002_0000002_0000/bucket_00000", "", "a transactional Hive table", id="hive"),
    ],
)
def test_a_folder_whose_log_says_which_files_count_is_refused_by_name(
    tmp_path: Path, log: str, named: str, what: str
) -> None:
    folder = tmp_path / "usage"
    part = folder / named / "part-0.parquet"
    for path in (part, folder / log):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    pq.write_table(pa.table({"id": ["erased"], "month": ["2025-01"]}), part)
    with pytest.raises(DataError, match=re.escape(what) + ".*deleted rows would come back"):
        read_table(folder / named, MONTHS, name="usage")


@pytest.mark.parametrize("other", ["b.csv", "b.CSV.gz", "deeper/b.xlsx", "b.json", "b.orc", "b.txt", "b"])
def test_a_folder_of_parts_and_other_files_is_refused(tmp_path: Path, other: str) -> None:
    (tmp_path / "deeper").mkdir()
    pq.write_table(pa.table({"id": ["a"], "month": ["2025-01"]}), tmp_path / "a.parquet")
    for beside in ("_SUCCESS", "_metadata", ".a.parquet.crc", "README.md", "a.parquet.md5"):
        (tmp_path / beside).write_text("x")
    (tmp_path / "SUCCESS").touch()
    assert len(read_table(tmp_path, MONTHS, name="usage").frame) == 1
    (tmp_path / other).write_text("id,month\nb,2025-01\n")
    with pytest.raises(DataError, match=f"beside 1 Parquet part.*: {other}. Rows in them would be lost"):
        read_table(tmp_path, MONTHS, name="usage")


def test_parts_are_known_by_what_is_in_them(tmp_path: Path) -> None:
    for person, name in zip("abc", ("part-00000", "b.PARQUET", "c.parq"), strict=True):
        pq.write_table(pa.table({"id": [person], "month": ["2025-01"]}), tmp_path / name)
    assert sorted(read_table(tmp_path, MONTHS, name="usage").frame["id"]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("name", "held", "fits"),
    [
        pytest.param("month=2025-09", ["2025-09"], True, id="same"),
        pytest.param("month=2025-09", ["2025-09", "2025-10"], False, id="another"),
        pytest.param("month=2025-09", ["2025-09", None], False, id="missing"),
        pytest.param("n=09", [9, 9], True, id="number-with-a-zero"),
        pytest.param("n=09", [9, 10], False, id="another-number"),
    ],
)
def test_a_part_says_what_its_folder_says(tmp_path: Path, name: str, held: list[Any], fits: bool) -> None:
    (tmp_path / name).mkdir()
    month = {} if name.startswith("month") else {"month": ["2025-01"] * len(held)}
    table = {"id": [f"u{place}" for place in range(len(held))], name.partition("=")[0]: held, **month}
    pq.write_table(pa.table(table), tmp_path / name / "a.parquet")
    if fits:
        assert len(read_table(tmp_path, MONTHS, name="u", extra_columns="keep").frame) == len(held)
        return
    with pytest.raises(DataError, match=f"folder {name} holds other values"):
        read_table(tmp_path, MONTHS, name="u", extra_columns="keep")


def test_parts_hold_text_as_text_or_behind_a_dictionary(tmp_path: Path) -> None:
    for person, kind in zip(
        "abc", (pa.string(), pa.dictionary(pa.int8(), pa.string()), pa.large_string()), strict=True
    ):
        table = pa.table({"id": pa.array([person], kind), "month": ["2025-01"]})
        pq.write_table(table, tmp_path / f"{person}.parquet")
    assert read_table(tmp_path, MONTHS, name="u").frame["id"].tolist() == ["a", "b", "c"]


def parts(folder: Path, *tables: dict[str, Any], days: str = "2025-01-0") -> Path:
    """Write one part for each table of calls: one person and day each, and what the table adds or takes away (None)."""
    folder.mkdir()
    for place, table in enumerate(tables):
        whole = {"id": ["u", "v"], "date": pa.array([f"{days}{place + 1}"] * 2), "minutes": [1.0, 2.0], **table}
        kept = {name: values for name, values in whole.items() if values is not None}
        pq.write_table(pa.table(kept), folder / f"part-{place}.parquet")
    return folder


@pytest.mark.parametrize("first", [True, False])
def test_an_optional_column_that_a_part_lacks_is_unknown_there(tmp_path: Path, first: bool) -> None:
    tables = [{"age": [30.0, 40.0], "partial": [True, True]}, {}]
    folder = parts(tmp_path / "calls", *(tables if first else reversed(tables)))
    result = read_table(folder, CALLS, name="calls")
    lost = "row 3, 4" if first else "row 1, 2"
    assert result.frame["age"].isna().tolist() == [not first, not first, first, first]
    assert f"repaired: age: not in the part of the folder, taken as unknown (2; {lost})" in result.report.summary()
    assert f"repaired: partial: missing, taken as whole (2; {lost})" in result.report.summary()
    assert result.report.kept == 4


def test_rows_from_parts_without_a_column_are_known_by_their_numbers(tmp_path: Path) -> None:
    folder = parts(tmp_path / "calls", {}, {"age": [30.0, 40.0]}, {}, {"id": ["a", "NULL"]})
    result = read_table(folder, CALLS, name="calls")
    assert "taken as unknown (5; row 1, 2, 5, 6, 7)" in result.report.summary()


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        pytest.param([{}, {"minutes": None}], r"lack \['minutes'\] \(row 3 to 4\), which every row needs", id="needed"),
        pytest.param([{"age": [1.0, 2.0]}, {"Age": [1.0, 2.0]}], "two ways, 'age' and 'Age'", id="letter-case"),
        pytest.param([{}, {"minutes": None, "Minutes": [1.0, 2.0]}], "two ways, 'minutes' and 'Min", id="needed-case"),
        pytest.param([{"age": [1, 2]}, {"age": ["1", "x"]}], "hold 'age' as int64 and string", id="types"),
    ],
)
def test_parts_that_would_lose_what_counts_are_refused(tmp_path: Path, tables: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_table(parts(tmp_path / "calls", *tables), CALLS, name="calls", extra_columns="drop")


def test_a_part_may_differ_in_columns_nobody_needs(tmp_path: Path) -> None:
    folder = parts(
        tmp_path / "calls", {"note": ["x", "y"]}, {"note": [1, 2], "more": [1, 2]}, {"currentplan": ["a", "b"]}
    )
    for extra in ("drop", "keep"):
        result = read_table(folder, CALLS, name="calls", extra_columns=extra)
        assert len(result.frame) == 6
        assert result.report.repaired["extra column 'note' dropped: its parts hold string and int64"] == 6


def test_a_near_name_in_one_part_is_told(tmp_path: Path) -> None:
    folder = parts(tmp_path / "calls", {"partial": [True, True]}, {"partiall": [True, True]})
    (note,) = read_table(folder, CALLS, name="calls", extra_columns="drop").report.notes
    assert "'partiall' is not read; if it is partial" in note


def test_folders_that_name_a_column_for_some_parts_only_are_refused(tmp_path: Path) -> None:
    (tmp_path / "month=2025-02").mkdir()
    pq.write_table(pa.table({"id": ["a"], "month": ["2025-01"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "month=2025-02" / "b.parquet")
    with pytest.raises(DataError, match=r"say \['month'\] for some parts only"):
        read_table(tmp_path, MONTHS, name="usage")


def test_a_part_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays(
        [pa.array(["a"]), pa.array(["2025-01"]), pa.array([1]), pa.array([2])], ["id", "month", "x", "x"]
    )
    pq.write_table(twice, tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"given twice: \['x'\]"):
        read_table(tmp_path, MONTHS, name="usage")
