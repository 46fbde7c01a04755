"""Workbooks as people keep them: several sheets, hidden rows, formulas, durations, leading zeros, long numbers."""

from __future__ import annotations

import zipfile
from fractions import Fraction
from pathlib import Path

import pandera.pandas as pandera
import pytest

from common_utils.errors import DataError
from common_utils.tables import Reading, TableResult, id_column, read_table

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
UNITS = {"minutes": Fraction(1), "hh:mm:ss": Fraction(1, 60)}
CALLS = pandera.DataFrameSchema({"id": id_column(), "minutes": pandera.Column(float, metadata={"units": UNITS})})
HEADER = '<row><c t="inlineStr"><is><t>id</t></is></c><c t="inlineStr"><is><t>minutes</t></is></c></row>'
STYLES = (
    '<numFmts><numFmt numFmtId="164" formatCode="[h]:mm:ss"/><numFmt numFmtId="165" formatCode="00000"/>'
    '<numFmt numFmtId="166" formatCode="yyyy\\-mm\\-dd"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/>'
    '<xf numFmtId="165"/><xf numFmtId="21"/><xf numFmtId="166"/></cellXfs>'
)


def book(path: Path, *rows: str, sheets: str = '<sheet name="a" r:id="r1"/>', shared: str = "") -> Path:
    """Write a workbook; its second sheet, if one is listed, holds another person."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{MAIN}" xmlns:r="{REL}"><sheets>{sheets}</sheets></workbook>'
        )
        targets = (("r1", "worksheet", 1), ("r2", "worksheet", 2), ("r3", "chartsheet", 3))
        relations = "".join(
            f'<Relationship Id="{i}" Type="{REL}/{kind}" Target="worksheets/sheet{n}.xml"/>' for i, kind, n in targets
        )
        archive.writestr("xl/_rels/workbook.xml.rels", f"<R>{relations}</R>")
        archive.writestr("xl/styles.xml", f'<styleSheet xmlns="{MAIN}">{STYLES}</styleSheet>')
        archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{MAIN}">{shared}</sst>')
        for number, body in ((1, "".join(rows)), (2, text("other", "<v>9</v>"))):
            sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{HEADER}{body}</sheetData></worksheet>'
            archive.writestr(f"xl/worksheets/sheet{number}.xml", sheet)
    return path


def text(who: str, cell: str, style: str = "", row: str = "") -> str:
    return f'<row{row}><c t="inlineStr"><is><t>{who}</t></is></c><c{style}>{cell}</c></row>'


def read(path: Path) -> TableResult:
    return read_table(path, CALLS, name="calls", reading=Reading())


def records(path: Path) -> list[tuple[str, float]]:
    frame = read(path).frame
    return list(zip(frame["id"], frame["minutes"], strict=True))


def test_a_formula_never_calculated_is_no_empty_cell(tmp_path: Path) -> None:
    path = book(tmp_path / "c.xlsx", text("u", "<v>7</v>"), text("w", "<f>B2*2</f>"), text("x", "<f>B2</f><v>7</v>"))
    result = read(path)
    assert result.frame["id"].tolist() == ["u", "x"]
    assert result.report.rejected == {"minutes: not a number": 1}
    assert result.report.notes == (
        "1 cell(s) hold a formula that was never calculated; open the workbook in a spreadsheet program and save it",
    )


def test_the_guide_to_a_pronunciation_is_no_part_of_a_name(tmp_path: Path) -> None:
    shared = "<si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si><si><r><t>a</t></r><r><t>b</t></r></si>"
    cells = "".join(f'<row><c t="s"><v>{place}</v></c><c><v>1</v></c></row>' for place in (0, 1))
    assert records(book(tmp_path / "c.xlsx", cells, shared=shared)) == [("東京", 1), ("ab", 1)]


@pytest.mark.parametrize(
    ("sheets", "who"),
    [
        ('<sheet name="a" r:id="r1"/><sheet name="b" r:id="r2"/>', "u"),
        ('<sheet name="a" state="hidden" r:id="r1"/><sheet name="b" r:id="r2"/>', "other"),
        ('<sheet name="a" state="veryHidden" r:id="r1"/><sheet name="b" r:id="r2"/>', "other"),
        ('<sheet name="c" r:id="r3"/><sheet name="b" r:id="r2"/><sheet name="a" r:id="r1"/>', "other"),
    ],
    ids=["two", "first-hidden", "first-very-hidden", "a-chart-first"],
)
def test_the_first_sheet_that_people_see_is_read_and_named(tmp_path: Path, sheets: str, who: str) -> None:
    result = read(book(tmp_path / "c.xlsx", text("u", "<v>7</v>"), sheets=sheets))
    assert result.frame["id"].tolist() == [who]
    assert result.report.notes == (f"only sheet {'a' if who == 'u' else 'b'!r} is read, of 2 sheets",)


def test_a_book_of_one_sheet_needs_no_note(tmp_path: Path) -> None:
    assert read(book(tmp_path / "c.xlsx", text("u", "<v>7</v>"))).report.notes == ()


def test_hidden_rows_are_read_and_counted(tmp_path: Path) -> None:
    path = book(tmp_path / "c.xlsx", text("u", "<v>7</v>"), text("w", "<v>8</v>", row=' hidden="1"'))
    assert records(path) == [("u", 7), ("w", 8)]
    assert read(path).report.notes == ("1 row(s) that the sheet hides are read like the others",)


@pytest.mark.parametrize("style", [1, 3], ids=["elapsed", "time"])
def test_durations_are_read_as_they_show(tmp_path: Path, style: int) -> None:
    days = 0.5 + 90 / 86400
    path = book(tmp_path / "c.xlsx", text("u", f"<v>{days!r}</v>", f' s="{style}"'))
    assert records(path) == [("u", 721.5)]


def test_a_duration_of_more_than_a_day_keeps_its_hours(tmp_path: Path) -> None:
    assert records(book(tmp_path / "c.xlsx", text("u", "<v>1.0625</v>", ' s="1"'))) == [("u", 1530)]


def test_ids_keep_the_zeros_that_their_format_shows(tmp_path: Path) -> None:
    row = '<row><c s="2"><v>123</v></c><c><v>1</v></c></row>'
    assert records(book(tmp_path / "c.xlsx", row)) == [("00123", 1)]


@pytest.mark.parametrize("digits", ["8934071100001230000", "8.93407110000123E+18", "1000000000000000"])
def test_an_id_longer_than_a_spreadsheet_keeps_is_rejected(tmp_path: Path, digits: str) -> None:
    rows = text("u", "<v>7</v>"), f"<row><c><v>{digits}</v></c><c><v>1</v></c></row>"
    result = read(book(tmp_path / "c.xlsx", *rows))
    assert result.rejects["reason"].tolist() == [
        "id: an id in scientific notation: its digits are lost; export ids as text"
    ]


def test_the_longest_number_that_a_spreadsheet_keeps_is_an_id(tmp_path: Path) -> None:
    row = "<row><c><v>999999999999999</v></c><c><v>1</v></c></row>"
    assert records(book(tmp_path / "c.xlsx", row)) == [("999999999999999", 1)]


def test_a_date_is_no_duration(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a number"):
        read(book(tmp_path / "c.xlsx", text("u", "<v>45961</v>", ' s="4"')))
