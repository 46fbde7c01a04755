"""Files for the tests of reading tables: a corpus of hostile ones, and those that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandera.pandas as pandera
import pytest

from common_utils.tables import TableResult, month_column, read_table

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


def read_usage(tmp_path: Path, content: bytes, schema: pandera.DataFrameSchema = USAGE, **options: Any) -> TableResult:
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


def row(**changes: Any) -> dict[str, Any]:
    return GOOD_ROW | changes


def rows_of(template: bytes, values: list[bytes]) -> bytes:
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
        [GOOD_ROW, row(id="008", minutes=1.25), row(id="009", minutes=7.0, plan=NAN)],
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
        {2: "minutes: the point may mark decimals or thousands", 3: "minutes: a thousands separator"},
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
        HEADER + GOOD + b'008,2026-01,"1,000",1,surf\n009,2026-01,1.0,1,surf\n010,2026-01,1 000,1,surf\n',
        [GOOD_ROW, row(id="009", calls=1, minutes=1.0)],
        {2: "calls: not a whole number", 4: "calls: a thousands separator"},
        {"calls: decimals .0 dropped": 1},
        id="thousands-in-whole-numbers",
    ),
    pytest.param(
        HEADER + b'007,2026-01,3,12.5,"su\nrf"\n008,2026-01,3,12.5,"a ""b"", c"\r\n009,2026-01,3,12.5,5" disk\n',
        [row(plan="su\nrf"), row(id="008", plan='a "b", c'), row(id="009", plan='5" disk')],
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
        [GOOD_ROW, row(id="008", minutes=1.0, plan=NAN)],
        {1: "empty row", 3: "empty row", 4: "empty row"},
        {},
        id="empty-rows",
    ),
    pytest.param(HEADER + GOOD + HEADER, [GOOD_ROW], {2: "header repeated"}, {}, id="header-repeated"),
    pytest.param(
        HEADER + GOOD + b"\xef\xbb\xbf" + HEADER + b"\xef\xbb\xbf008,2026-01,3,12.5,surf\n",
        [GOOD_ROW, row(id="008")],
        {2: "header repeated"},
        {"byte order mark removed": 2},
        id="files-with-bom-joined",
    ),
    pytest.param(
        HEADER + b"NA,2026-01,3,12.5,NA\nNone,2026-01,3,12.5,null\nNULL,2026-01,3,12.5,nan\nn/a,2026-01,3,12.5,-\n",
        [row(id="NA", plan="NA"), row(id="None", plan="null"), row(id="NULL", plan="nan"), row(id="n/a", plan="-")],
        {},
        {},
        id="missing-words-are-text",
    ),
    pytest.param(
        HEADER
        + GOOD
        + rows_of(
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
            row(id="1", calls=0, minutes=1000.0, plan=NAN),
            row(id="2", calls=7, minutes=0.5, plan=NAN),
            row(id="3", calls=4, minutes=5.0, plan=NAN),
            row(id="4", calls=5, minutes=0.0, plan=NAN),
        ],
        {},
        {"calls: decimals .0 dropped": 1},
        id="numbers-in-odd-shapes",
    ),
    pytest.param(
        HEADER
        + GOOD
        + rows_of(b"%d,2026-01,%s,1,x\n", [b"1.5", b"", b"1e3", b"9223372036854775808", b"99999999999999999999", b"-"]),
        [GOOD_ROW],
        {row: "calls: missing" if row == 3 else "calls: not a whole number" for row in range(2, 8)},
        {},
        id="not-whole-numbers",
    ),
    pytest.param(
        HEADER
        + GOOD
        + rows_of(
            b"%d,%s,1,1,x\n", [b"2026-13", b"2026-00", b"2026-1", b"Jan-26", b"2026-01-01", b"1899-12", b"202601"]
        ),
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
        [GOOD_ROW, row(id="008", plan=NAN)],
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
        [row(month="2026-02")],
        dict.fromkeys((1, 2, 4, 5), "conflicting row for the same key"),
        {},
        id="conflicts",
    ),
    pytest.param(
        HEADER + GOOD + GOOD + b"007,2026-02,3,12.5,surf\n" + GOOD,
        [GOOD_ROW, row(month="2026-02")],
        {2: "duplicate row", 4: "duplicate row"},
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
    pytest.param(HEADER + "007,2026-01,3,12.5,Größe 🙂\n".encode(), [row(plan="Größe 🙂")], {}, {}, id="not-ascii"),
    pytest.param(
        HEADER + GOOD + b"=1+1,2026-01,3,12.5,@x\n",
        [GOOD_ROW, row(id="=1+1", plan="@x")],
        {},
        {},
        id="formula-is-text",
    ),
    pytest.param(
        HEADER + GOOD + b"008,2026-01,3,12.5," + b"x" * 200_000 + b"\n",
        [GOOD_ROW, row(id="008", plan="x" * 200_000)],
        {},
        {},
        id="long-field",
    ),
    pytest.param(
        HEADER + b"1,2026-01,3,12.5,\xc3\xa9\n2,2026-01,3,12.5,\xe9\n",
        [row(id="1", plan="é")],
        {2: "plan: characters that are not UTF-8"},
        {},
        id="mixed-encodings",
    ),
    pytest.param(
        HEADER + GOOD + b"M\xfcller,2026-01,3,12.5,surf\n008,2026-01,3,1\xa0250,surf\n009,2026-01,3,7,surf\n",
        [GOOD_ROW, row(id="009", minutes=7.0)],
        {2: "id: characters that are not UTF-8", 3: "minutes: characters that are not UTF-8"},
        {},
        id="latin-1-in-some-rows",
    ),
    pytest.param(
        HEADER + GOOD + "M\ufffdller,2026-01,3,12.5,surf\n".encode(),
        [GOOD_ROW],
        {2: "id: characters that are not UTF-8"},
        {},
        id="letters-lost-in-another-program",
    ),
]


REFUSED = [
    pytest.param(b"", r"the file is empty", id="empty"),
    pytest.param(b"\xef\xbb\xbf\r\n \n", r"the file is empty", id="only-a-bom"),
    pytest.param(HEADER, r"no data rows below the header", id="header-only"),
    pytest.param(HEADER.rstrip(), r"no data rows below the header", id="header-only-without-line-end"),
    pytest.param(HEADER + GOOD.replace(b"surf", b"caf\xe9"), r"1 of 1 rows is not UTF-8; .* Windows", id="latin-1"),
    pytest.param(HEADER + GOOD.replace(b"surf", b"su\0rf"), r"NUL at byte 49 \(line 2\)", id="nul"),
    pytest.param((HEADER + GOOD).decode().encode("utf-16-le"), r"NUL at byte 1 .* UTF-16", id="utf-16-without-bom"),
    pytest.param(
        (HEADER + GOOD).decode().encode("utf-16") + b"x", r"starts like UTF-16 but is not", id="utf-16-cut-short"
    ),
    pytest.param((HEADER + GOOD).decode().encode("utf-32"), r"NUL at byte|starts like UTF-16", id="utf-32"),
    pytest.param(b"PK\x03\x04\x14\x00\x06\x00", r"under another name; name it usage.xlsx", id="spreadsheet-file"),
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
        b",id,month,calls,minutes,plan\n0,7,2026-01,1,1,x\n",
        r"unknown column\(s\) \['column without a name 1'\]",
        id="index-column",
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
        r"2 rows read, 0 kept, 2 rejected\n.*\n  6 fields instead of 5 \(2; row 1, 2\)",
        id="trailing-comma-in-each-row",
    ),
    pytest.param(
        HEADER + b"007,2026-01,3,7.500,surf\n008,2026-01,3,12,surf\n",
        r"\['minutes'\]: every number with a point has three digits .* --decimal point",
        id="only-doubtful-points",
    ),
    pytest.param(
        HEADER + b"007,2026-01,1.000,7,surf\n", r"\['calls'\]: every number with a point", id="doubtful-whole-number"
    ),
    pytest.param(HEADER + GOOD.replace(b",", b";"), r"1 field instead of 5", id="header-and-rows-differ-in-delimiter"),
    pytest.param(HEADER + GOOD.replace(b"2026-01", b"1/26"), r"not a month", id="no-row-left"),
]
