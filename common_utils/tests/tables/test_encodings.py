"""Bytes that are not UTF-8: a column nobody needs stops no file, a needed one costs rows, another encoding is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common_utils.errors import DataError
from common_utils.tables import Reading, TableResult, id_column, read_table
from common_utils.tables.encodings import likely_encoding, readable_table
from common_utils.tables.reading import ColumnSource

SCHEMA = pandera.DataFrameSchema(
    {
        "id": id_column(),
        "minutes": pandera.Column(float),
        "surname": pandera.Column(str, required=False, nullable=True, metadata={"soft": True}),
    }
)
NOT_UTF8 = "characters that are not UTF-8"


def read(path: Path, **options: Any) -> TableResult:
    return read_table(path, SCHEMA, name="usage", **{"extra_columns": "drop", **options})


def as_csv(folder: Path, head: str, *rows: str, encoding: str = "cp1252") -> Path:
    path = folder / "usage.csv"
    path.write_bytes("\n".join([head, *rows, ""]).encode(encoding))
    return path


def as_parquet(folder: Path, **columns: list[Any]) -> Path:
    """Write columns, bytes as text that claims to be UTF-8."""
    arrays = [
        pa.array(values, pa.binary()).view(pa.string()) if isinstance(values[0], bytes) else pa.array(values)
        for values in columns.values()
    ]
    pq.write_table(pa.Table.from_arrays(arrays, names=list(columns)), folder / "usage.parquet")
    return folder / "usage.parquet"


def test_a_column_nobody_needs_stops_no_csv_file(tmp_path: Path) -> None:
    result = read(as_csv(tmp_path, "id,minutes,city", "1,2,Köln", "2,3,Bonn"))
    assert result.frame["minutes"].tolist() == [2.0, 3.0]
    assert result.report.rejected == {}
    assert result.report.notes == ("the file is not UTF-8 from line 2 on; it looks like Windows-1252 (Latin-1)",)


def test_a_column_nobody_needs_stops_no_parquet_file(tmp_path: Path) -> None:
    path = as_parquet(tmp_path, id=[b"1", b"2"], minutes=[2.0, 3.0], city=["Köln".encode("cp1252"), b"Bonn"])
    assert read(path).frame["minutes"].tolist() == [2.0, 3.0]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_what_is_kept_beside_the_schema_is_unknown_where_it_cannot_be_read(tmp_path: Path, form: str) -> None:
    path = (
        as_csv(tmp_path, "id,minutes,city", "1,2,Köln", "2,3,Bonn")
        if form == "csv"
        else as_parquet(tmp_path, id=[b"1", b"2"], minutes=[2.0, 3.0], city=["Köln".encode("cp1252"), b"Bonn"])
    )
    result = read(path, extra_columns="keep")
    assert result.frame["city"].isna().tolist() == [True, False]
    reason = f"city: {NOT_UTF8}, taken as unknown"
    assert (result.report.repaired[reason], result.report.rows[reason]) == (1, (1,))


def test_an_optional_fact_becomes_unknown(tmp_path: Path) -> None:
    result = read(as_csv(tmp_path, "id,minutes,surname", "1,2,Müller", "2,3,Schmidt"))
    assert result.frame["surname"].isna().tolist() == [True, False]
    assert result.report.repaired == {f"surname: {NOT_UTF8}, taken as unknown": 1}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_needed_value_costs_its_row(tmp_path: Path, form: str) -> None:
    path = (
        as_csv(tmp_path, "id,minutes", "1,2", "Ä2,3", "3,4")
        if form == "csv"
        else as_parquet(tmp_path, id=[b"1", b"\xc42", b"3"], minutes=[2.0, 3.0, 4.0])
    )
    result = read(path)
    assert result.frame["id"].tolist() == ["1", "3"]
    assert result.rejects.to_dict("records") == [{"row": 2, "reason": f"id: {NOT_UTF8}", "column": "id"}]


def test_a_dictionary_of_texts_is_read_alike(tmp_path: Path) -> None:
    held = pa.array([b"1", b"\xc42"], pa.binary()).view(pa.string())
    ids = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), held)
    table = readable_table(pa.table({"id": pa.chunked_array([ids]), "minutes": [1.0, 2.0, 3.0]}))
    assert table["id"].to_pylist() == ["1", "\ufffd2", "1"]


def test_a_sound_table_is_the_same_object() -> None:
    table = pa.table({"id": ["1", "é", None], "minutes": [1.0, 2.0, 3.0]})
    assert readable_table(table) is table


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        pytest.param("cp1252", r"Windows-1252 \(Latin-1\)", id="windows"),
        pytest.param("cp850", "Mac Roman or code page 850", id="dos"),
        pytest.param("mac_roman", "Mac Roman or code page 850", id="mac"),
    ],
)
def test_a_file_of_another_encoding_is_named(tmp_path: Path, encoding: str, said: str) -> None:
    path = as_csv(tmp_path, "id,minutes", "Müller,2", "Jäger,3", "Schön,4", "Braun,5", encoding=encoding)
    with pytest.raises(DataError, match=f"text of 3 of 4 rows is not UTF-8; it looks like {said}. Save the file"):
        read(path)


@pytest.mark.parametrize("encoding", ["cp1251", "koi8_r", "gb18030", "shift_jis", "euc_jp"])
def test_another_script_is_named(encoding: str) -> None:
    words = "Иванов,Петров" if encoding in ("cp1251", "koi8_r") else "東京,大阪"
    assert likely_encoding(words.encode(encoding)).startswith("one of another script")


def test_rows_of_another_encoding_count_among_those_rejected(tmp_path: Path) -> None:
    rows = [f"{number},2" for number in range(90)] + [f"Ä{number},3" for number in range(10)]
    path = as_csv(tmp_path, "id,minutes", *rows)
    assert len(read(path, reading=Reading(max_rejected_share=0.1)).frame) == 90
    with pytest.raises(DataError, match=r"looks like Windows-1252(.|\n)*More than 5 %"):
        read(path, reading=Reading(max_rejected_share=0.05))


def test_a_header_in_another_encoding_is_refused_where_it_is_needed(tmp_path: Path) -> None:
    path = as_csv(tmp_path, "id,größe", "1,2")
    with pytest.raises(DataError, match=r"missing column\(s\) \['minutes'\].*save the file as UTF-8"):
        read(path, reading=Reading({"größe": ColumnSource("minutes")}))
    with pytest.raises(DataError, match=r"none of the columns.*save the file as UTF-8"):
        read(as_csv(tmp_path, "größe,länge", "1,2"))


def test_a_header_nobody_needs_stops_no_file(tmp_path: Path) -> None:
    path = as_csv(tmp_path, "id,minutes,größe,grüße", "1,2,x,y")
    assert read(path).frame.to_dict("records") == [{"id": "1", "minutes": 2.0}]


def test_quotes_and_breaks_hold_beside_other_bytes(tmp_path: Path) -> None:
    result = read(as_csv(tmp_path, "id,minutes,city", '1,2,"Kö""ln\nam Rhein, links"', '2,3,5" Röhre', ",,"))
    assert result.frame["id"].tolist() == ["1", "2"]
    assert result.report.rejected == {"empty row": 1}
