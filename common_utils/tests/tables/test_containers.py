"""What a table comes in: workbooks, gzip, folders of Parquet parts; read, or refused by name."""

from __future__ import annotations

import gzip
import re
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.tables.schemas import CALLS, MONTHS

from common_utils.errors import DataError
from common_utils.tables import read_table

SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)


def workbook(path: Path) -> None:
    """Write a book with ids as numbers, a styled date, text and an empty cell."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    rows = (
        '<row><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>date</t></is></c>'
        '<c r="D1" t="inlineStr"><is><t>minutes</t></is></c></row>'
        '<row><c r="A2"><v>4.91512345678E+11</v></c><c r="B2" s="1"><v>45961</v></c><c r="D2"><v>7.125</v></c></row>'
    )
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{rel}"><sheets><sheet r:id="r1"/></sheets></workbook>',
        )
        book.writestr("xl/_rels/workbook.xml.rels", '<R><Relationship Id="r1" Target="worksheets/sheet1.xml"/></R>')
        book.writestr("xl/sharedStrings.xml", f'<sst xmlns="{main}"><si><t>id</t></si></sst>')
        book.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{main}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
        )
        book.writestr("xl/worksheets/sheet1.xml", SHEET.format(rows))


def test_a_workbook_is_read_as_it_shows(tmp_path: Path) -> None:
    workbook(tmp_path / "calls.xlsx")
    result = read_table(tmp_path / "calls.xlsx", CALLS, name="calls", extra_columns="drop")
    assert result.frame.to_dict("records") == [
        {"id": "491512345678", "date": pd.Timestamp("2025-10-31"), "minutes": 7.125}
    ]
    (tmp_path / "calls.xlsx").rename(tmp_path / "calls.csv")
    with pytest.raises(DataError, match=r"is an Excel workbook .* under another name; name it calls\.xlsx"):
        read_table(tmp_path / "calls.csv", CALLS, name="calls")


def test_a_gzip_is_read_under_its_name_only(tmp_path: Path) -> None:
    packed = gzip.compress(b"id,date,minutes\nu,2025-01-01,2\n")
    (tmp_path / "calls.csv.gz").write_bytes(packed)
    assert len(read_table(tmp_path / "calls.csv.gz", CALLS, name="calls").frame) == 1
    (tmp_path / "calls.csv").write_bytes(packed)
    with pytest.raises(DataError, match=r"gzip under another name; name it calls\.csv\.gz"):
        read_table(tmp_path / "calls.csv", CALLS, name="calls")
    (tmp_path / "calls.csv.gz").write_bytes(packed[:-9])
    with pytest.raises(DataError, match="cut short or damaged"):
        read_table(tmp_path / "calls.csv.gz", CALLS, name="calls")


def test_a_folder_of_parts_is_one_table(tmp_path: Path) -> None:
    folder = tmp_path / "usage.parquet"
    for month in ("2025-01", "2025-02"):
        (folder / f"month={month}").mkdir(parents=True)
        pq.write_table(pa.table({"id": ["a", "b"]}), folder / f"month={month}" / "part-0.parquet")
    (folder / "_SUCCESS").touch()
    (folder / "_tmp").mkdir()
    pq.write_table(pa.table({"x": [1]}), folder / "_tmp" / "0.parquet")
    frame = read_table(folder, MONTHS, name="usage").frame
    assert frame.to_numpy().tolist() == [["a", "2025-01"], ["b", "2025-01"], ["a", "2025-02"], ["b", "2025-02"]]
    pq.write_table(pa.table({"id": ["a"], "more": [1]}), folder / "month=2025-02" / "part-1.parquet")
    with pytest.raises(DataError, match=r"its parts differ in columns \(\['more'\]\)"):
        read_table(folder, MONTHS, name="usage")


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


def test_a_folder_without_parts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    with pytest.raises(DataError, match=r"a folder without Parquet parts \(it holds \['\.csv'\]\)"):
        read_table(tmp_path, MONTHS, name="usage")
