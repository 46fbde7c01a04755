"""How files are written: decimals, ids, dates, units, headers, containers; read as written, or refused."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from tests.tables.schemas import CALLS, MONTHS

from common_utils.config import dump_config
from common_utils.config.reading import ReadingConfig
from common_utils.errors import ConfigError, DataError
from common_utils.tables import Reading, TableResult, check_share, id_column, read_table
from common_utils.tables.reading import ColumnSource


def read(tmp_path: Path, text: str, **options: Any) -> TableResult:
    path = tmp_path / "calls.csv"
    path.write_text(text, encoding="utf-8")
    return read_table(path, CALLS, name="calls", extra_columns="drop", reading=Reading(**options))


def minutes(tmp_path: Path, *written: str, **options: Any) -> list[float]:
    rows = "".join(f'u{i},2025-01-01,"{value}"\n' for i, value in enumerate(written))
    return read(tmp_path, "id,date,minutes\n" + rows, **options).frame["minutes"].tolist()


@pytest.mark.parametrize(
    ("written", "decimal", "read_as"),
    [
        pytest.param(["7.500"], "point", [7.5], id="stated-point"),
        pytest.param(["7.500", "1.234,5", "0,125", "12"], "comma", [7500, 1234.5, 0.125, 12], id="stated-comma"),
        pytest.param(["7,500", "1,234,567.5"], "point", [7500, 1234567.5], id="stated-point-with-groups"),
        pytest.param(["7.500", "7.5"], None, [7.5, 7.5], id="another-number-shows-it"),
        pytest.param(["0.125", "7"], None, [0.125, 7], id="a-leading-0-marks-no-thousands"),
        pytest.param(["1234.500"], None, [1234.5], id="four-digits-before-it"),
    ],
)
def test_a_point_is_what_it_is_said_or_seen_to_be(
    tmp_path: Path, written: list[str], decimal: str | None, read_as: list[float]
) -> None:
    assert minutes(tmp_path, *written, decimal=decimal) == read_as


@pytest.mark.parametrize("written", [["7.500"], ["120.000", "3"], ["1.234", "56.789"], ["-1.000"]])
def test_points_that_may_all_be_thousands_are_refused(tmp_path: Path, written: list[str]) -> None:
    with pytest.raises(DataError, match=r"\['minutes'\]: .*thousands.*--decimal point .*data\.table\.decimal"):
        minutes(tmp_path, *written)


@pytest.mark.parametrize("written", ["1 234", "1'234", "1\u00a0234", "1\u202f234,5", "1.234.567", "1,234,567.8"])
def test_other_thousands_are_called_so(tmp_path: Path, written: str) -> None:
    result = read(tmp_path, f'id,date,minutes\nu,2025-01-01,2.5\nv,2025-01-01,"{written}"\n')
    assert result.report.rejected == {"minutes: a thousands separator": 1}


def test_a_point_under_a_stated_comma_is_no_decimal(tmp_path: Path) -> None:
    result = read(tmp_path, "id,date,minutes\nu,2025-01-01,2\nv,2025-01-01,7.5\n", decimal="comma")
    assert result.report.rejected == {"minutes: not a number": 1}


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("4.91512E+11", "scientific notation"), ("4,91512E+11", "scientific notation"), ("5E+11", "scientific"),
        ("4.9e11", "scientific notation"), ("1001.0", "with decimals"), ("+34600111222.00", "with decimals"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stored", ["csv", "parquet"])
def test_an_id_that_a_spreadsheet_made_a_number_is_rejected(
    tmp_path: Path, written: str, reason: str, stored: str
) -> None:
    if stored == "csv":
        result = read(tmp_path, f'id,date,minutes\nu,2025-01-01,2\n"{written}",2025-01-01,7\n')
    else:
        days = pa.array(pd.to_datetime(["2025-01-01", "2025-01-01"]))
        pq.write_table(pa.table({"id": ["u", written], "date": days, "minutes": [2.0, 7.0]}), tmp_path / "c.parquet")
        result = read_table(tmp_path / "c.parquet", CALLS, name="calls")
    (said,) = result.report.rejected
    assert reason in said
    assert result.rejects[["row", "column"]].to_dict("records") == [{"row": 2, "column": "id"}]


@pytest.mark.parametrize("written", ["12E5", "1E5", "+34600111222", "0034600111222", "1001", "a.0", "007", "1.5"])
def test_other_ids_stay_as_they_are(tmp_path: Path, written: str) -> None:
    assert read(tmp_path, f"id,date,minutes\n{written},2025-01-01,2\n").frame["id"].tolist() == [written]


@pytest.mark.parametrize(
    ("written", "zone", "day"),
    [
        pytest.param("2025-10-31 23:59:30", None, "2025-10-31 23:59:30", id="local"),
        pytest.param("2025-10-31T23:59", None, "2025-10-31 23:59:00", id="minutes-only"),
        pytest.param("2025-10-31T23:30:00Z", "Europe/Madrid", "2025-11-01 00:30:00", id="utc"),
        pytest.param("2025-10-31T23:30:00.123456789+00:00", "UTC", "2025-10-31 23:30:00.123456", id="nanoseconds"),
        pytest.param("2025-07-01 00:30:00 +0200", "UTC", "2025-06-30 22:30:00", id="offset-without-colon"),
    ],
)
def test_a_date_may_have_a_time(tmp_path: Path, written: str, zone: str | None, day: str) -> None:
    result = read(tmp_path, f"id,date,minutes\nu,{written},2\n", timezone=zone)
    assert result.frame["date"].tolist() == [pd.Timestamp(day)]


@pytest.mark.parametrize(
    ("dates", "zone", "said"),
    [
        pytest.param(["2025-10-31T23:30:00Z"], None, "setting data.table.timezone", id="zone-without-setting"),
        pytest.param(["2025-10-31", "2025-10-31T23:30:00Z"], "UTC", "1 of its dates carry a zone", id="some-with-zone"),
        pytest.param(["2025-10-31"] * 99 + ["31.10.2025"], None, "1 of its dates are not", id="one-in-another-form"),
        pytest.param(["2025-10-31"] * 99 + ["20251031"], None, "1 of its dates are not written", id="digits"),
    ],
)
def test_a_mixed_column_of_dates_is_refused_whole(
    tmp_path: Path, dates: list[str], zone: str | None, said: str
) -> None:
    rows = "".join(f"u{i},{date},1\n" for i, date in enumerate(dates))
    with pytest.raises(DataError, match=f"column 'date': .*{said}"):
        read(tmp_path, "id,date,minutes\n" + rows, timezone=zone)


def test_a_unit_is_converted_and_counted(tmp_path: Path) -> None:
    columns = {"billsec": ColumnSource("minutes", "seconds")}
    result = read(tmp_path, "id,date,billsec\nu,2025-01-01,60\nv,2025-01-01,61\n", columns=columns)
    assert result.frame["minutes"].tolist() == [1.0, 61 / 60]
    assert result.report.repaired == {"minutes: converted from seconds": 2}


def test_hours_minutes_and_seconds_are_seen(tmp_path: Path) -> None:
    assert minutes(tmp_path, "00:01:00", "01:00:01") == [1.0, 3601 / 60]
    with pytest.raises(DataError, match="1 values are written hh:mm:ss and 1 are plain numbers"):
        minutes(tmp_path, "00:01:00", "60")


def test_an_unknown_unit_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="minutes in 'weeks'; its units: minutes, seconds, hh:mm:ss"):
        read(tmp_path, "id,date,minutes\n", columns={"minutes": ColumnSource("minutes", "weeks")})


@pytest.mark.parametrize(
    ("cells", "kept", "repairs"),
    [
        pytest.param("999,0,true", (None, 0.0, True), {"age: not between 0 and 130, taken as unknown": 1}, id="age"),
        pytest.param("NULL,1,0", (None, 1.0, False), {"age: not a number, taken as unknown": 1}, id="null"),
        pytest.param("4 000,1,1", (None, 1.0, True), {"age: a thousands separator, taken as unknown": 1}, id="groups"),
        pytest.param("40.000,1,1", (None, 1.0, True), {"age: the point may mark decimals or thousands, "
                     "taken as unknown": 1}, id="doubtful-point"),
        pytest.param("40,-3,1", (40.0, 0.0, True), {"left: below 0, taken as 0": 1}, id="floor"),
        pytest.param("40,,", (40.0, None, False), {"partial: missing, taken as whole": 1}, id="default"),
        pytest.param("40,x,?", (40.0, None, False), {"left: not a number, taken as unknown": 1,
                     "partial: not true or false, taken as unknown": 1}, id="words"),
    ],
)  # fmt: skip
def test_an_optional_fact_never_costs_its_row(
    tmp_path: Path, cells: str, kept: tuple[object, ...], repairs: dict[str, int]
) -> None:
    result = read(tmp_path, f"id,date,minutes,age,left,partial\nu,2025-01-01,2,{cells}\n")
    values = [None if pd.isna(v) else v for v in result.frame.loc[0, ["age", "left", "partial"]]]
    assert values == list(kept)
    assert result.report.repaired == repairs
    assert result.report.rejected == {}


def test_headers_are_folded_and_near_names_told(tmp_path: Path) -> None:
    schema = pandera.DataFrameSchema(
        {"subscriber_id": id_column(), "current_plan": pandera.Column(str, nullable=True, required=False)}
    )
    path = tmp_path / "u.csv"
    path.write_text("Subscriber ID,currentplan,other\na,b,c\n")
    result = read_table(path, schema, name="usage", extra_columns="drop")
    assert result.frame.to_dict("records") == [{"subscriber_id": "a"}]
    assert "header 'Subscriber ID' read as subscriber_id" in result.report.repaired
    assert result.report.notes == (
        "column 'currentplan' is not read; if it is current_plan, say so with data.table.columns",
    )


def test_a_doubtful_point_in_an_optional_fact_is_read_once_it_is_said_what_it_is(tmp_path: Path) -> None:
    text = "id,date,minutes,age\nu,2025-01-01,2.5,40.000\nv,2025-01-01,2.5,41\n"
    assert read(tmp_path, text).frame["age"].fillna(-1).tolist() == [-1, 41]
    assert read(tmp_path, text, decimal="point").frame["age"].tolist() == [40, 41]
    assert read(tmp_path, text.replace(",41", ",41.5")).frame["age"].tolist() == [40, 41.5]


@pytest.mark.parametrize(
    ("header", "near"), [("plan", "current_plan"), ("Plan held", None), ("a", None), ("left", "months_left")]
)
def test_a_part_of_the_name_of_an_optional_column_is_told(tmp_path: Path, header: str, near: str | None) -> None:
    optional = {name: pandera.Column(str, required=False) for name in ("current_plan", "months_left")}
    schema = pandera.DataFrameSchema({"id": id_column(), **optional})
    (tmp_path / "t.csv").write_text(f"id,{header}\nu,x\n")
    notes = read_table(tmp_path / "t.csv", schema, name="t", extra_columns="drop").report.notes
    said = f"column '{header}' is not read; if it is {near}, say so with data.table.columns"
    assert notes == (() if near is None else (said,))


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
    pq.write_table(pa.table({"id": ["c"], "more": [1]}), folder / "month=2025-02" / "part-1.parquet")
    assert len(read_table(folder, MONTHS, name="usage", extra_columns="drop").frame) == 5


def test_a_folder_without_parts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    with pytest.raises(DataError, match=r"a folder without Parquet parts \(it holds \['\.csv'\]\)"):
        read_table(tmp_path, MONTHS, name="usage")


def test_columns_nobody_needs_stop_no_file(tmp_path: Path) -> None:
    path = tmp_path / "usage.parquet"
    odd = {"wait": pa.array([1], pa.duration("s")), "list": pa.array([[1]]), "half": pa.array([1.0], pa.float16())}
    pq.write_table(pa.table({"id": ["a"], "month": ["2025-01"], "note": ["x"], **odd}), path)
    result = read_table(path, MONTHS, name="usage", extra_columns="keep")
    assert result.frame.columns.tolist() == ["id", "month", "note"]
    (tmp_path / "u.csv").write_text(",id,month,x,x\n0,a,2025-01,1,2\n")
    assert read_table(tmp_path / "u.csv", MONTHS, name="usage", extra_columns="drop").report.kept == 1


def test_more_rejected_rows_than_allowed_stop_the_run(tmp_path: Path) -> None:
    text = "id,date,minutes\n" + "u,2025-01-01,1\n" * 19 + "v,2025-01-01,-1\n"
    allowed = read(tmp_path, text, max_rejected_share=0.05)
    assert allowed.report.rejected == {"minutes: negative": 1}
    reading = Reading(max_rejected_share=0.04)
    with pytest.raises(DataError, match=r"(?s)20 rows read, 19 kept, 1 rejected.*row 20.*More than 4 %.*--rejects"):
        check_share(allowed.report, allowed.rejects, reading)
    assert reading.accounts.rejects().to_dict("records") == [
        {"table": "calls", "row": 20, "column": "minutes", "reason": "minutes: negative"}
    ]


def test_settings_of_reading_round_trip() -> None:
    config = ReadingConfig.model_validate({"columns": {"a": "id", "b": {"is": "minutes", "unit": "seconds"}}})
    assert "unit: seconds" in dump_config(config)
    assert Reading.of(config).columns == {"a": ColumnSource("id"), "b": ColumnSource("minutes", "seconds")}
    for wrong in ({"timezone": "Mars/Base"}, {"columns": {"a": {"unit": "s"}}}, {"decimal": "dot"}):
        with pytest.raises(ValidationError):
            ReadingConfig.model_validate(wrong)


@pytest.mark.parametrize(
    "word",
    [
        "NULL",
        "None",
        "\\N",
        "NaN",
        "N/A",
        "#N/A",
        "#REF!",
        "(null)",
        "Anonymous",
        "unknown",
        "-",
        "??",
        '=""',
        "Total",
        "Grand total",
    ],
)
def test_words_for_no_id_are_nobody_s_id(tmp_path: Path, word: str) -> None:
    lines = f"{word},2025-01-01,2\n{word},2025-01-02,2\nNora,2025-01-01,2\nnull,2025-01-01,2\n"
    result = read(tmp_path, f"id,date,minutes\n{lines}")
    assert result.frame["id"].tolist() == ["Nora", "null"]  # in small letters it may be somebody's name
    assert result.rejects["reason"].tolist() == ["id: a word that stands for no id; leave its rows out"] * 2


def test_ids_written_as_formulas_of_text_meet_the_others(tmp_path: Path) -> None:
    result = read(tmp_path, 'id,date,minutes\n"=""0071""",2025-01-01,2\n="0071",2025-01-02,2\n0071,2025-01-03,2\n')
    assert result.frame["id"].tolist() == ["0071"] * 3
    assert result.report.repaired == {'id: taken out of ="..."': 2}
    damaged = read(tmp_path, 'id,date,minutes\n="8.9E+18",2025-01-01,2\nu,2025-01-02,2\n')
    assert list(damaged.report.rejected) == [
        "id: an id in scientific notation: its digits are lost; export ids as text"
    ]


def test_a_file_that_ends_within_its_last_row_is_told(tmp_path: Path) -> None:
    whole = read(tmp_path, "id,date,minutes\nu,2025-01-01,2\nw,2025-01-01,123\n")
    assert whole.report.notes == ()
    cut = read(tmp_path, "id,date,minutes\nu,2025-01-01,2\nw,2025-01-01,12")
    assert cut.report.notes == ("no line break follows row 2; if the file was cut short, its minutes is cut, too",)
    # Nothing can be missing behind a closing quote, in a column nobody needs, or in a row that was rejected.
    for text in ('id,date,minutes\nu,2025-01-01,"2"', "id,minutes,date,x\nu,2,2025-01-01,y"):
        assert read(tmp_path, text).report.notes == ()


def test_rows_that_hold_nothing_do_not_count_as_lost(tmp_path: Path) -> None:
    lines = "id,date,minutes\nu,2025-01-01,2\nid,date,minutes\n" + ",,\n" * 30
    result = read(tmp_path, lines, max_rejected_share=0.05)
    assert result.frame["id"].tolist() == ["u"]
    assert result.report.rejected == {"empty row": 30, "header repeated": 1}
    with pytest.raises(DataError, match="More than 5 %"):
        read(tmp_path, f"{lines}w,2025-01-01,x\nw,2025-01-01,\n", max_rejected_share=0.05)
    with pytest.raises(DataError, match="No row can be used"):
        read(tmp_path, "id,date,minutes\n,,\n")


@pytest.mark.parametrize("hint", ["sep=;", '"sep=;"', "SEP=;\r"])
def test_the_hint_of_a_spreadsheet_is_taken_off(tmp_path: Path, hint: str) -> None:
    result = read(tmp_path, f"{hint}\nid;date;minutes\nu;2025-01-01;2\n;2025-01-01;2\n")
    assert result.frame["id"].tolist() == ["u"]
    assert result.rejects["row"].tolist() == [2]
    assert result.report.repaired == {"delimiter ;": 1, "line sep= taken off": 1}


@pytest.mark.parametrize(("decimal", "written"), [("comma", "1234.567"), ("point", "1234,567")])
def test_a_stated_sign_lets_the_other_separate_groups_of_three_only(tmp_path: Path, decimal: str, written: str) -> None:
    text = f'id,date,minutes\nu,2025-01-01,"{written}"\nw,2025-01-01,2\n'
    result = read(tmp_path, text, decimal=decimal)
    assert result.frame["id"].tolist() == ["w"]
    assert result.report.rejected == {"minutes: not a number": 1}
