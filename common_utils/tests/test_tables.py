"""Reading tables: a corpus of hostile files, each read rightly, accounted for, or refused."""

from __future__ import annotations

from contextlib import nullcontext
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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common_utils.errors import ConfigError, DataError
from common_utils.tables import TableResult, check_rows, merged_report, month_column, read_table, write_table

USAGE = pandera.DataFrameSchema(
    {
        "id": pandera.Column(str),
        "month": month_column(),
        "calls": pandera.Column(int, pandera.Check.ge(0)),
        "minutes": pandera.Column(float, pandera.Check.in_range(0, 1e6), nullable=True),
        "plan": pandera.Column(str, nullable=True),
    },
    unique=["id", "month"],
)
HEADER = b"id,month,calls,minutes,plan\n"
GOOD = b"007,2026-01,3,12.5,surf\n"
GOOD_ROW = {"id": "007", "month": "2026-01", "calls": 3, "minutes": 12.5, "plan": "surf"}


def _read(tmp_path: Path, content: bytes, schema: pandera.DataFrameSchema = USAGE, **options: Any) -> TableResult:
    path = tmp_path / "usage.csv"
    path.write_bytes(content)
    result = read_table(path, schema, name="usage", **options)
    report = result.report
    assert report.read == report.kept + sum(report.rejected.values())
    assert report.kept == len(result.frame)
    assert len(result.rejects) == report.read - report.kept
    assert result.rejects["row"].is_unique
    assert result.rejects["reason"].value_counts().to_dict() == report.rejected
    return result


def _row(**changes: Any) -> dict[str, Any]:
    return GOOD_ROW | changes


def _rows(template: bytes, values: list[bytes]) -> bytes:
    return b"".join(template % (number, value) for number, value in enumerate(values))


NAN = float("nan")

# id, content, rows kept, rejects {row: reason}, repairs {reason: rows}
CORPUS = [
    pytest.param(HEADER + GOOD, [GOOD_ROW], {}, {}, id="plain"),
    pytest.param(HEADER + GOOD.rstrip(), [GOOD_ROW], {}, {}, id="no-line-end-at-the-end"),
    pytest.param(HEADER + GOOD + b"\n\r\n\n", [GOOD_ROW], {}, {}, id="blank-lines-at-the-end"),
    pytest.param((HEADER + GOOD).replace(b"\n", b"\r\n"), [GOOD_ROW], {}, {}, id="crlf"),
    pytest.param((HEADER + GOOD).replace(b"\n", b"\r"), [GOOD_ROW], {}, {}, id="cr"),
    pytest.param(b"\xef\xbb\xbf" + HEADER + GOOD, [GOOD_ROW], {}, {"byte order mark removed": 1}, id="bom"),
    pytest.param(b"\xef\xbb\xbf" * 2 + HEADER + GOOD, [GOOD_ROW], {}, {"byte order mark removed": 1}, id="bom-twice"),
    pytest.param((HEADER + GOOD).decode().encode("utf-16"), [GOOD_ROW], {}, {"UTF-16 decoded": 1}, id="utf-16"),
    pytest.param(
        b"\xfe\xff" + (HEADER + GOOD).decode().encode("utf-16-be"),
        [GOOD_ROW],
        {},
        {"UTF-16 decoded": 1},
        id="utf-16-be",
    ),
    pytest.param(
        ("\ufeff" * 2 + (HEADER + GOOD).decode()).encode("utf-16-le"),
        [GOOD_ROW],
        {},
        {"UTF-16 decoded": 1, "byte order mark removed": 1},
        id="utf-16-bom-twice",
    ),
    pytest.param((HEADER + GOOD).replace(b",", b";"), [GOOD_ROW], {}, {"delimiter ;": 1}, id="semicolon"),
    pytest.param((HEADER + GOOD).replace(b",", b"\t"), [GOOD_ROW], {}, {"delimiter tab": 1}, id="tab"),
    pytest.param(
        b"id;month;calls;minutes;plan\n007;2026-01;3;12,5;surf\n008;2026-01;3;1,250;surf\n009;2026-01;3;7;\n",
        [GOOD_ROW, _row(id="008", minutes=1.25), _row(id="009", minutes=7.0, plan=NAN)],
        {},
        {"delimiter ;": 3, "minutes: decimal comma": 2},
        id="decimal-comma-in-semicolon-file",
    ),
    pytest.param(
        b"id;month;calls;minutes;plan\n007;2026-01;3;12.5;surf\n008;2026-01;3;1,250;surf\n",
        [GOOD_ROW],
        {2: "minutes: the comma may mark decimals or thousands"},
        {"delimiter ;": 1},
        id="thousands-comma-in-semicolon-file",
    ),
    pytest.param(
        b"id;month;calls;minutes;plan\n007;2026-01;3;12,5;surf\n008;2026-01;3;1.250;surf\n009;2026-01;3;1.250,5;surf\n",
        [GOOD_ROW],
        {2: "minutes: the point may mark decimals or thousands", 3: "minutes: not a number"},
        {"delimiter ;": 1, "minutes: decimal comma": 1},
        id="thousands-points-in-semicolon-file",
    ),
    pytest.param(
        HEADER + GOOD + b"008,2026-01,3,12,5,surf\n",
        [GOOD_ROW],
        {2: "6 fields instead of 5"},
        {},
        id="decimal-comma-in-comma-file",
    ),
    pytest.param(
        HEADER + GOOD + b'008,2026-01,3,"12,5",surf\n009,2026-01,3,"1,250",surf\n010,2026-01,3,1.250,surf\n',
        [GOOD_ROW],
        {
            2: "minutes: not a number",
            3: "minutes: the comma may mark decimals or thousands",
            4: "minutes: the point may mark decimals or thousands",
        },
        {},
        id="quoted-decimal-comma-in-comma-file",
    ),
    pytest.param(
        HEADER + GOOD + b'008,2026-01,"1,000",1,surf\n009,2026-01,1.000,1,surf\n010,2026-01,1 000,1,surf\n',
        [GOOD_ROW, _row(id="009", calls=1, minutes=1.0)],
        {2: "calls: not a whole number", 4: "calls: not a whole number"},
        {"calls: decimals .0 dropped": 1},
        id="thousands-in-whole-numbers",
    ),
    pytest.param(
        HEADER + b'007,2026-01,3,12.5,"su\nrf"\n008,2026-01,3,12.5,"a ""b"", c"\r\n009,2026-01,3,12.5,5" disk\n',
        [_row(plan="su\nrf"), _row(id="008", plan='a "b", c'), _row(id="009", plan='5" disk')],
        {},
        {},
        id="quotes",
    ),
    pytest.param(
        b'"id","month","calls",\n"minutes","plan"\n'.replace(b",\n", b",") + b'"007","2026-01","3","12.5","surf"\n',
        [GOOD_ROW],
        {},
        {},
        id="everything-quoted",
    ),
    pytest.param(
        HEADER + GOOD + b"008,2026-01,3\n009,2026-01,3,1,a,b\n010\n",
        [GOOD_ROW],
        {2: "3 fields instead of 5", 3: "6 fields instead of 5", 4: "1 field instead of 5"},
        {},
        id="ragged",
    ),
    pytest.param(
        HEADER + b"\n" + GOOD + b",,,,\n\n008,2026-01,3,1,\n",
        [GOOD_ROW, _row(id="008", minutes=1.0, plan=NAN)],
        {1: "empty row", 3: "empty row", 4: "empty row"},
        {},
        id="empty-rows",
    ),
    pytest.param(HEADER + GOOD + HEADER, [GOOD_ROW], {2: "header repeated"}, {}, id="header-repeated"),
    pytest.param(
        HEADER + GOOD + b"\xef\xbb\xbf" + HEADER + b"\xef\xbb\xbf008,2026-01,3,12.5,surf\n",
        [GOOD_ROW, _row(id="008")],
        {2: "header repeated"},
        {"byte order mark removed": 2},
        id="files-with-bom-joined",
    ),
    pytest.param(
        HEADER + b"NA,2026-01,3,12.5,NA\nNone,2026-01,3,12.5,null\nNULL,2026-01,3,12.5,nan\nn/a,2026-01,3,12.5,-\n",
        [_row(id="NA", plan="NA"), _row(id="None", plan="null"), _row(id="NULL", plan="nan"), _row(id="n/a", plan="-")],
        {},
        {},
        id="missing-words-are-text",
    ),
    pytest.param(
        HEADER
        + GOOD
        + _rows(
            b"%d,2026-01,3,%s,x\n",
            [b"NA", b"nan", b"inf", b"-Infinity", b"0x1F", b"1_0", b"+1", b"1e5x", b"\xd9\xa1"],
        ),
        [GOOD_ROW],
        dict.fromkeys(range(2, 11), "minutes: not a number"),
        {},
        id="not-numbers",
    ),
    pytest.param(
        HEADER + GOOD + b"008,2026-01,3,1e999,surf\n",
        [GOOD_ROW],
        {2: "minutes: not a finite number"},
        {},
        id="infinite",
    ),
    pytest.param(
        HEADER + b"1,2026-01,0,1e3,\n2,2026-01,007,.5,\n3,2026-01,4,5.,\n4,2026-01,5.00,-0,\n",
        [
            _row(id="1", calls=0, minutes=1000.0, plan=NAN),
            _row(id="2", calls=7, minutes=0.5, plan=NAN),
            _row(id="3", calls=4, minutes=5.0, plan=NAN),
            _row(id="4", calls=5, minutes=0.0, plan=NAN),
        ],
        {},
        {"calls: decimals .0 dropped": 1},
        id="numbers-in-odd-shapes",
    ),
    pytest.param(
        HEADER
        + GOOD
        + _rows(b"%d,2026-01,%s,1,x\n", [b"1.5", b"", b"1e3", b"9223372036854775808", b"99999999999999999999", b"-"]),
        [GOOD_ROW],
        {row: "calls: missing" if row == 3 else "calls: not a whole number" for row in range(2, 8)},
        {},
        id="not-whole-numbers",
    ),
    pytest.param(
        HEADER
        + GOOD
        + _rows(b"%d,%s,1,1,x\n", [b"2026-13", b"2026-00", b"2026-1", b"Jan-26", b"2026-01-01", b"1899-12", b"202601"]),
        [GOOD_ROW],
        dict.fromkeys(range(2, 9), "month: not a month (YYYY-MM)"),
        {},
        id="not-months",
    ),
    pytest.param(
        HEADER + GOOD + b"008,2026-01,-1,1,x\n009,2026-01,-1,-1,x\n010,2026-01,1,-1,x\n",
        [GOOD_ROW],
        {
            2: "calls: greater_than_or_equal_to(0)",
            3: "calls: greater_than_or_equal_to(0)",
            4: "minutes: in_range(0, 1000000.0)",
        },
        {},
        id="out-of-range",
    ),
    pytest.param(
        HEADER + b" 007,2026-01 ,\t3,12.5 ,surf\xc2\xa0\n008,2026-01,3,12.5,  \n",
        [GOOD_ROW, _row(id="008", plan=NAN)],
        {},
        {
            "id: whitespace trimmed": 1,
            "month: whitespace trimmed": 1,
            "calls: whitespace trimmed": 1,
            "minutes: whitespace trimmed": 1,
            "plan: whitespace trimmed": 2,
        },
        id="whitespace",
    ),
    pytest.param(
        b"id , month,calls,minutes,plan\n" + GOOD,
        [GOOD_ROW],
        {},
        {"whitespace trimmed in the header": 1},
        id="whitespace-in-header",
    ),
    pytest.param(
        HEADER + GOOD + b",2026-01,3,1,x\n \t,2026-01,3,1,x\n",
        [GOOD_ROW],
        {2: "id: missing", 3: "id: missing"},
        {},
        id="missing-key",
    ),
    pytest.param(
        HEADER + GOOD + GOOD + b"007,2026-02,3,12.5,surf\n007,2026-01,3,12.5,maxi\n" + GOOD,
        [GOOD_ROW, _row(month="2026-02")],
        {2: "duplicate row", 4: "conflicting row for the same key", 5: "duplicate row"},
        {},
        id="duplicates",
    ),
    pytest.param(
        HEADER + b"007,2026-01,-3,12.5,surf\n" + GOOD,
        [GOOD_ROW],
        {1: "calls: greater_than_or_equal_to(0)"},
        {},
        id="a-rejected-row-hides-no-good-one",
    ),
    pytest.param(
        b"plan,minutes,calls,month,id\nsurf,12.5,3,2026-01,007\n", [GOOD_ROW], {}, {}, id="columns-in-another-order"
    ),
    pytest.param(HEADER + "007,2026-01,3,12.5,Größe 🙂\n".encode(), [_row(plan="Größe 🙂")], {}, {}, id="not-ascii"),
    pytest.param(
        HEADER + GOOD + b"=1+1,2026-01,3,12.5,@x\n",
        [GOOD_ROW, _row(id="=1+1", plan="@x")],
        {},
        {},
        id="formula-is-text",
    ),
    pytest.param(
        HEADER + GOOD + b"008,2026-01,3,12.5," + b"x" * 200_000 + b"\n",
        [GOOD_ROW, _row(id="008", plan="x" * 200_000)],
        {},
        {},
        id="long-field",
    ),
]


@pytest.mark.parametrize(("content", "kept", "rejected", "repaired"), CORPUS)
def test_read_table_reads_or_rejects_each_row(
    tmp_path: Path, content: bytes, kept: list[dict[str, Any]], rejected: dict[int, str], repaired: dict[str, int]
):
    result = _read(tmp_path, content)
    assert result.rejects.set_index("row")["reason"].to_dict() == rejected
    assert result.report.repaired == repaired
    expected = pd.DataFrame(kept).astype({"id": "str", "month": "str", "minutes": "float64", "plan": "str"})
    pd.testing.assert_frame_equal(result.frame, expected)
    with pytest.raises(DataError, match=r"usage: .* rows cannot be used") if rejected else nullcontext():
        _read(tmp_path, content, on_bad_rows="error")


REFUSED = [
    pytest.param(b"", r"the file is empty", id="empty"),
    pytest.param(b"\xef\xbb\xbf\r\n \n", r"the file is empty", id="only-a-bom"),
    pytest.param(HEADER, r"no data rows below the header", id="header-only"),
    pytest.param(HEADER.rstrip(), r"no data rows below the header", id="header-only-without-line-end"),
    pytest.param(HEADER + GOOD.replace(b"surf", b"caf\xe9"), r"not UTF-8 at byte 50 \(line 2\)", id="latin-1"),
    pytest.param(
        HEADER + b"1,2026-01,1,1,\xc3\xa9\n2,2026-01,1,1,\xe9\n",
        r"not UTF-8 at byte \d+ \(line 3\)",
        id="mixed-encodings",
    ),
    pytest.param(HEADER + GOOD.replace(b"surf", b"su\0rf"), r"NUL at byte 49 \(line 2\)", id="nul"),
    pytest.param((HEADER + GOOD).decode().encode("utf-16-le"), r"NUL at byte 1 ", id="utf-16-without-bom"),
    pytest.param(
        (HEADER + GOOD).decode().encode("utf-16") + b"x", r"starts like UTF-16 but is not", id="utf-16-cut-short"
    ),
    pytest.param((HEADER + GOOD).decode().encode("utf-32"), r"NUL at byte|starts like UTF-16", id="utf-32"),
    pytest.param(b"PK\x03\x04\x14\x00\x06\x00", r"NUL at byte 5", id="spreadsheet-file"),
    pytest.param(
        HEADER + GOOD + b'008,2026-01,3,1,"surf\n' + GOOD * 3,
        r"line 3: a quoted field is not closed",
        id="quote-not-closed",
    ),
    pytest.param(
        HEADER + b'007,2026-01,3,1,"su\n008,2026-01,3,1,"rf"\n',
        r"line 2: a quoted field is not closed, or text follows",
        id="quote-swallows-a-row",
    ),
    pytest.param(
        HEADER + GOOD + b'008,2026-01,3,1,"su"rf\n',
        r"line 3: a quoted field is not closed, or text follows",
        id="text-after-quote",
    ),
    pytest.param(b'"id,month,calls\n1,2,3\n', r"line 1: the quotes of the header do not pair up", id="quote-in-header"),
    pytest.param(b"id,month,calls,minutes,plan,id\n", r"column name\(s\) given twice: \['id'\]", id="duplicate-header"),
    pytest.param(
        b"id,month,calls,minutes,plan,id \n1,2,3,4,5,6\n",
        r"given twice: \['id'\]",
        id="duplicate-header-but-for-whitespace",
    ),
    pytest.param(
        b",id,month,calls,minutes,plan\n0,7,2026-01,1,1,x\n", r"column 1 of the header has no name", id="index-column"
    ),
    pytest.param(
        b"id,month,calls,plan\n1,2026-01,1,x\n",
        r"missing column\(s\) \['minutes'\]; found \['calls', 'id'",
        id="missing-column",
    ),
    pytest.param(
        b"id|month|calls|minutes|plan\n",
        r"line 1 holds none of the columns \['calls', 'id', .* among its 1 field",
        id="other-delimiter",
    ),
    pytest.param(GOOD * 2, r"line 1 holds none of the columns .* Is the header missing", id="no-header"),
    pytest.param(
        HEADER.replace(b"plan", b"plan,age") + b"1,2026-01,1,1,x,9\n",
        r"unknown column\(s\) \['age'\]",
        id="extra-column",
    ),
    pytest.param(
        HEADER + GOOD.replace(b"\n", b",\n") * 2,
        r"2 of 2 rows cannot be used:\n  6 fields instead of 5 \(2; row 1, 2\)",
        id="trailing-comma-in-each-row",
    ),
    pytest.param(HEADER + GOOD.replace(b",", b";"), r"1 field instead of 5", id="header-and-rows-differ-in-delimiter"),
    pytest.param(HEADER + GOOD.replace(b"2026-01", b"1/26"), r"not a month", id="no-row-left"),
]


@pytest.mark.parametrize(("content", "message"), REFUSED)
def test_read_table_refuses_what_it_cannot_trust(tmp_path: Path, content: bytes, message: str):
    with pytest.raises(DataError, match=message) as caught:
        _read(tmp_path, content)
    assert "usage" in str(caught.value)
    assert "surf" not in str(caught.value)


def test_values_never_reach_reasons_or_messages(tmp_path: Path):
    secret = b"s3cret,s3cret,s3cret,s3cret,s3cret\n"
    result = _read(tmp_path, HEADER + GOOD + secret + b"s3cret,2026-01,-77777,1,x\n")
    assert "s3cret" not in result.rejects.to_csv()
    assert "77777" not in result.rejects.to_csv()
    with pytest.raises(DataError) as caught:
        _read(tmp_path, HEADER + GOOD + secret, on_bad_rows="error")
    assert "s3cret" not in str(caught.value)


def test_complaint_lists_five_reasons_and_five_rows(tmp_path: Path):
    schema = pandera.DataFrameSchema({name: pandera.Column(int) for name in "abcdefg"})
    wrong = b"".join(b",".join(b"x" if place == at else b"1" for place in range(7)) + b"\n" for at in range(7))
    with pytest.raises(DataError) as caught:
        _read(tmp_path, b"a,b,c,d,e,f,g\n" + wrong + b"x,1,1,1,1,1,1\n" * 6, schema)
    lines = str(caught.value).splitlines()
    assert lines[0] == "usage: 13 of 13 rows cannot be used:"
    assert lines[1] == "  a: not a whole number (7; row 1, 8, 9, 10, 11, …)"
    assert lines[-1] == "  and 2 more reasons"
    assert len(lines) == 7


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
    frame = _read(tmp_path, content, KINDS).frame
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
        pytest.param(b"2024-02-29T00:00:00,1,,,1,", "day: not a date (YYYY-MM-DD)", id="time"),
        pytest.param(b"20240229,1,,,1,", "day: not a date (YYYY-MM-DD)", id="digits"),
        pytest.param(b"0001-01-01,1,,,1,", "day: not a date (YYYY-MM-DD)", id="year-1"),
        pytest.param(b",yes,,,1,", "flag: not true or false", id="yes"),
        pytest.param(b",,,,1,", "flag: missing", id="flag-missing"),
        pytest.param(b",1,2,,1,", "maybe: not true or false", id="two"),
        pytest.param(b",1,,1.5,1,", "count: not a whole number", id="half"),
        pytest.param(b",1,,,128,", "small: out of range for int8", id="too-large"),
        pytest.param(b",1,,,-129,", "small: out of range for int8", id="too-small"),
    ],
)
def test_read_table_rejects_what_is_not_of_the_type(tmp_path: Path, row: bytes, reason: str):
    result = _read(tmp_path, b"day,flag,maybe,count,small,share\n,1,,,1,\n" + row + b"\n", KINDS)
    assert result.report.rejected == {reason: 1}
    assert result.report.kept == 1


def test_columns_are_renamed(tmp_path: Path):
    content = b"user,month,calls,minutes,tariff\n007,2026-01,3,12.5,surf\n"
    result = _read(tmp_path, content, columns={"user": "id", "tariff": "plan"})
    assert result.frame.to_dict("records") == [GOOD_ROW]


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        pytest.param(
            {"user": "idd"},
            ConfigError,
            r"`columns` leads to \['idd'\], which the table does not have",
            id="unknown-target",
        ),
        pytest.param(
            {"a": "id", "b": "id"}, ConfigError, r"`columns` leads to \['id'\] more than once", id="target-twice"
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
        assert _read(tmp_path, HEADER + GOOD, columns=columns).frame["id"].tolist() == ["surf"]
        return
    with pytest.raises(error, match=message):
        _read(tmp_path, HEADER + GOOD, columns=columns)


def test_extra_columns_are_dropped_or_kept_as_asked(tmp_path: Path):
    content = b"age,id,month,calls,minutes,plan\n042,007,2026-01,3,12.5,surf\n"
    dropped = _read(tmp_path, content, extra_columns="drop")
    assert dropped.frame.to_dict("records") == [GOOD_ROW]
    assert dropped.report.repaired == {"extra column 'age' dropped": 1}
    kept = _read(tmp_path, content, extra_columns="keep")
    assert kept.frame.to_dict("records") == [GOOD_ROW | {"age": "042"}]
    assert kept.report.repaired == {}


def test_rows_that_differ_in_a_kept_column_only_are_no_duplicates(tmp_path: Path):
    content = HEADER.replace(b"\n", b",age\n") + GOOD.replace(b"\n", b",1\n") + GOOD.replace(b"\n", b",2\n")
    assert _read(tmp_path, content, extra_columns="keep").report.rejected == {"conflicting row for the same key": 1}


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
        _read(tmp_path, b"x\n1\n", pandera.DataFrameSchema({"x": column}))


@pytest.mark.parametrize("suffix", [".txt", ".xlsx", "", ".gz"])
def test_other_extensions_are_refused(tmp_path: Path, suffix: str):
    with pytest.raises(DataError, match=r"give a \.csv or \.parquet file"):
        read_table(tmp_path / f"usage{suffix}", USAGE, name="usage")


@pytest.mark.parametrize("file", ["usage.csv", "usage.parquet"])
def test_missing_file_is_refused(tmp_path: Path, file: str):
    with pytest.raises(DataError, match=r"cannot be read: No such file|is missing, cut short"):
        read_table(tmp_path / file, USAGE, name="usage")


FRAME = pd.DataFrame([GOOD_ROW, _row(id="008", minutes=NAN, plan=None)])


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
    }
    assert result.rejects.to_dict("records") == [{"row": 1, "reason": "minutes: not a finite number"}]


def test_parquet_dates_may_have_a_time_but_no_zone(tmp_path: Path):
    schema = pandera.DataFrameSchema({"day": pandera.Column("datetime64[us]", nullable=True)})
    path = tmp_path / "days.parquet"
    pq.write_table(pa.table({"day": pa.array([datetime(2026, 1, 31, 12), None], pa.timestamp("ns"))}), path)
    assert read_table(path, schema, name="days").frame["day"].tolist() == [datetime(2026, 1, 31, 12), pd.NaT]
    pq.write_table(pa.table({"day": pa.array([datetime(2026, 1, 31)], pa.timestamp("us", "UTC"))}), path)
    with pytest.raises(DataError, match="column 'day' is timestamp"):
        read_table(path, schema, name="days")
    pq.write_table(pa.table({"day": pa.array([1], pa.int64()).cast(pa.timestamp("ns"))}), path)
    with pytest.raises(DataError, match="column 'day' is timestamp"):
        read_table(path, schema, name="days")


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


field = st.sampled_from(
    ["7", "2026-01", "1.5", "1,5", '"1,5"', "x", "", " ", '"', '""', '"a\nb"', "\n", "NA", "\t", ";", "\r"]
)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(field, min_size=1, max_size=6), max_size=8), delimiter=st.sampled_from([",", ";", "\t"]))
def test_any_text_is_accounted_for_or_refused(tmp_path: Path, rows: list[list[str]], delimiter: str):
    lines = [HEADER.decode().strip().replace(",", delimiter), *(delimiter.join(row) for row in rows)]
    try:
        result = _read(tmp_path, "\n".join(lines).encode())
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
