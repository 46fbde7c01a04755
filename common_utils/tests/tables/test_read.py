"""Reading tables: each row read rightly, accounted for, or refused."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pandera
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.tables.cases import CORPUS, GOOD, GOOD_ROW, HEADER, NAN, REFUSED, USAGE, read_usage

from common_utils.errors import ConfigError, DataError
from common_utils.tables import read_table, write_table


@pytest.mark.parametrize(("content", "kept", "rejected", "repaired"), CORPUS)
def test_read_table_reads_or_rejects_each_row(
    tmp_path: Path, content: bytes, kept: list[dict[str, Any]], rejected: dict[int, str], repaired: dict[str, int]
):
    result = read_usage(tmp_path, content)
    assert result.rejects.set_index("row")["reason"].to_dict() == rejected
    assert result.report.repaired == repaired
    expected = pd.DataFrame(kept).astype({"id": "str", "month": "str", "minutes": "float64", "plan": "str"})
    pd.testing.assert_frame_equal(result.frame, expected)
    with pytest.raises(DataError, match=r"usage: .* rows cannot be used") if rejected else nullcontext():
        read_usage(tmp_path, content, on_bad_rows="error")


@pytest.mark.parametrize(("content", "message"), REFUSED)
def test_read_table_refuses_what_it_cannot_trust(tmp_path: Path, content: bytes, message: str):
    with pytest.raises(DataError, match=message) as caught:
        read_usage(tmp_path, content)
    assert "usage" in str(caught.value)
    assert "surf" not in str(caught.value)


def test_values_never_reach_reasons_or_messages(tmp_path: Path):
    secret = b"s3cret,s3cret,s3cret,s3cret,s3cret\n"
    result = read_usage(tmp_path, HEADER + GOOD + secret + b"s3cret,2026-01,-77777,1,x\n")
    assert "s3cret" not in result.rejects.to_csv()
    assert "77777" not in result.rejects.to_csv()
    with pytest.raises(DataError) as caught:
        read_usage(tmp_path, HEADER + GOOD + secret, on_bad_rows="error")
    assert "s3cret" not in str(caught.value)


def test_complaint_lists_five_reasons_and_five_rows(tmp_path: Path):
    schema = pandera.DataFrameSchema({name: pandera.Column(int) for name in "abcdefg"})
    wrong = b"".join(b",".join(b"x" if place == at else b"1" for place in range(7)) + b"\n" for at in range(7))
    with pytest.raises(DataError) as caught:
        read_usage(tmp_path, b"a,b,c,d,e,f,g\n" + wrong + b"x,1,1,1,1,1,1\n" * 6, schema)
    lines = str(caught.value).splitlines()
    assert lines[0] == "usage: 13 rows read, 0 kept, 13 rejected"
    assert lines[8] == "  a: not a whole number (7; row 1, 8, 9, 10, 11, …)"
    assert lines[-2] == "  and 2 more reasons"
    assert len(lines) == 15


KINDS = pandera.DataFrameSchema(
    {
        "day": pandera.Column("datetime64[us]", nullable=True),
        "flag": pandera.Column(bool),
        "maybe": pandera.Column("boolean", nullable=True),
        "count": pandera.Column("Int64", nullable=True),
        "small": pandera.Column("int8"),
        "share": pandera.Column("float32", nullable=True),
        "note": pandera.Column(str, nullable=True, required=False),
    }
)


def test_read_table_gives_every_type_that_is_declared(tmp_path: Path):
    content = b"day,flag,maybe,count,small,share\n2024-02-29,true,,7,-128,.5\n,0,FALSE,,127,\n"
    frame = read_usage(tmp_path, content, KINDS).frame
    assert [str(dtype) for dtype in frame.dtypes] == ["datetime64[us]", "bool", "boolean", "Int64", "int8", "float32"]
    assert frame["day"].tolist() == [datetime(2024, 2, 29), pd.NaT]
    assert frame["flag"].tolist() == [True, False]
    assert frame["maybe"].tolist() == [pd.NA, False]
    assert frame["count"].tolist() == [7, pd.NA]
    assert frame["small"].tolist() == [-128, 127]
    assert frame["share"].tolist() == [0.5, pytest.approx(NAN, nan_ok=True)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(b"2023-02-29,1,,,1,", "day: not a date (YYYY-MM-DD)", id="no-such-day"),
        pytest.param(b"29.02.2024,1,,,1,", "day: not a date (YYYY-MM-DD)", id="german-date"),
        pytest.param(b"2/29/24,1,,,1,", "day: not a date (YYYY-MM-DD)", id="american-date"),
        pytest.param(b"2024-02-29T25:00:00,1,,,1,", "day: not a date (YYYY-MM-DD)", id="no-such-hour"),
        pytest.param(b"20240229,1,,,1,", "day: not a date (YYYY-MM-DD)", id="digits"),
        pytest.param(b"0001-01-01,1,,,1,", "day: not a date (YYYY-MM-DD)", id="year-1"),
        pytest.param(b",perhaps,,,1,", "flag: not true or false", id="perhaps"),
        pytest.param(b",,,,1,", "flag: missing", id="flag-missing"),
        pytest.param(b",1,2,,1,", "maybe: not true or false", id="two"),
        pytest.param(b",1,,1.5,1,", "count: not a whole number", id="half"),
        pytest.param(b",1,,,128,", "small: out of range for int8", id="too-large"),
        pytest.param(b",1,,,-129,", "small: out of range for int8", id="too-small"),
    ],
)
def test_read_table_rejects_what_is_not_of_the_type(tmp_path: Path, row: bytes, reason: str):
    result = read_usage(tmp_path, b"day,flag,maybe,count,small,share\n,1,,,1,\n" + row + b"\n", KINDS)
    assert result.report.rejected == {reason: 1}
    assert result.report.kept == 1


def test_columns_are_renamed(tmp_path: Path):
    content = b"user,month,calls,minutes,tariff\n007,2026-01,3,12.5,surf\n"
    result = read_usage(tmp_path, content, columns={"user": "id", "tariff": "plan"})
    assert result.frame.to_dict("records") == [GOOD_ROW]


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        pytest.param(
            {"user": "idd"},
            ConfigError,
            r"data.table.columns leads to \['idd'\], which the table does not have",
            id="unknown-target",
        ),
        pytest.param(
            {"a": "id", "b": "id"},
            ConfigError,
            r"data.table.columns leads to \['id'\] more than once",
            id="target-twice",
        ),
        pytest.param(
            {"plan": "id"}, DataError, r"two columns of the file stand for \['id'\]", id="two-columns-for-one"
        ),
        pytest.param({"id": "plan", "plan": "id"}, None, "", id="swap"),
    ],
)
def test_column_mappings_are_checked(
    tmp_path: Path, columns: dict[str, str], error: type[Exception] | None, message: str
):
    if error is None:
        assert read_usage(tmp_path, HEADER + GOOD, columns=columns).frame["id"].tolist() == ["surf"]
        return
    with pytest.raises(error, match=message):
        read_usage(tmp_path, HEADER + GOOD, columns=columns)


def test_extra_columns_are_dropped_or_kept_as_asked(tmp_path: Path):
    content = b"age,id,month,calls,minutes,plan\n042,007,2026-01,3,12.5,surf\n"
    dropped = read_usage(tmp_path, content, extra_columns="drop")
    assert dropped.frame.to_dict("records") == [GOOD_ROW]
    assert dropped.report.repaired == {"extra column 'age' dropped": 1}
    kept = read_usage(tmp_path, content, extra_columns="keep")
    assert kept.frame.to_dict("records") == [GOOD_ROW | {"age": "042"}]
    assert kept.report.repaired == {}


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pandera.Column(None), id="untyped"),
        pytest.param(pandera.Column(complex), id="complex"),
        pytest.param(pandera.Column(int, nullable=True), id="int-that-cannot-be-missing"),
        pytest.param(pandera.Column(bool, nullable=True), id="bool-that-cannot-be-missing"),
        pytest.param(pandera.Column(pd.DatetimeTZDtype("us", "UTC")), id="time-zone"),
        pytest.param(pandera.Column("category"), id="category"),
    ],
)
def test_schemas_that_cannot_be_met_are_refused(tmp_path: Path, column: pandera.Column):
    with pytest.raises(ConfigError, match="usage: the schema's column 'x' cannot be read as"):
        read_usage(tmp_path, b"x\n1\n", pandera.DataFrameSchema({"x": column}))


@pytest.mark.parametrize("suffix", [".txt", ".xls", "", ".gz"])
def test_other_extensions_are_refused(tmp_path: Path, suffix: str):
    with pytest.raises(DataError, match=r"give a \.csv, \.parquet, \.csv\.gz, \.xlsx file"):
        read_table(tmp_path / f"usage{suffix}", USAGE, name="usage")


@pytest.mark.parametrize("file", ["usage.csv", "usage.parquet"])
def test_missing_file_is_refused(tmp_path: Path, file: str):
    with pytest.raises(DataError, match=r"cannot be read: No such file|is missing, cut short"):
        read_table(tmp_path / file, USAGE, name="usage")


field = st.sampled_from(
    ["7", "2026-01", "1.5", "1,5", '"1,5"', "x", "", " ", '"', '""', '"a\nb"', "\n", "NA", "\t", ";", "\r"]
)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(field, min_size=1, max_size=6), max_size=8), delimiter=st.sampled_from([",", ";", "\t"]))
def test_any_text_is_accounted_for_or_refused(tmp_path: Path, rows: list[list[str]], delimiter: str):
    lines = [HEADER.decode().strip().replace(",", delimiter), *(delimiter.join(row) for row in rows)]
    try:
        result = read_usage(tmp_path, "\n".join(lines).encode())
    except DataError:
        return
    assert result.report.kept > 0
    assert result.frame["calls"].ge(0).all()
    assert not result.frame.duplicated(["id", "month"]).any()


word = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), min_size=1, max_size=8).filter(
    lambda text: text == text.strip() and not text.startswith(("=", "+", "-", "@"))
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(word, st.integers(0, 10**12), st.none() | st.floats(0, 1e6), st.none() | word),
        min_size=1,
        max_size=8,
        unique_by=lambda row: row[0],
    ),
    extension=st.sampled_from(["csv", "parquet"]),
)
def test_what_is_written_reads_back_the_same(tmp_path: Path, rows: list[Any], extension: str):
    frame = pd.DataFrame(rows, columns=["id", "calls", "minutes", "plan"])
    frame = frame.astype({"id": "str", "minutes": "float64", "plan": "str"})
    frame.insert(1, "month", "2026-01")
    path = tmp_path / f"usage.{extension}"
    write_table(frame, path)
    result = read_table(path, USAGE, name="usage", on_bad_rows="error")
    pd.testing.assert_frame_equal(result.frame, frame)
    assert result.report.repaired == {}


def test_a_column_that_nobody_needs_makes_no_contradiction(tmp_path: Path):
    schema = pandera.DataFrameSchema({"id": pandera.Column(str), "age": pandera.Column(int)}, unique=["id"])
    rows = [("a", 3, 1, "x"), ("b", 4, 2, "y"), ("a", 3, 3, "x"), ("c", 5, 4, "z"), ("c", 6, 4, "z")]
    frame = pd.DataFrame(rows, columns=["id", "age", "export_row", "city"])
    for path, order in ((tmp_path / "u.csv", 1), (tmp_path / "u.parquet", 1), (tmp_path / "back.csv", -1)):
        write_table(frame[::order], path)
        result = read_table(path, schema, name="u", extra_columns="keep")
        kept = result.frame.sort_values("id").astype("object").fillna("?").astype("str").to_numpy().tolist()
        assert [[*values[:2], values[2].partition(".")[0], values[3]] for values in kept] == [
            ["a", "3", "?", "x"],
            ["b", "4", "2", "y"],
        ]
        assert result.report.rejected == {"conflicting row for the same key": 2, "duplicate row": 1}
        assert result.report.repaired == {"export_row: differs among copies of the row, taken as unknown": 1}
