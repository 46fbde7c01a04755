"""The first sheet of an .xlsx workbook as CSV bytes: text as it stands, numbers to their last digit, dates as dates.

An .xlsx file is a zip of XML. No spreadsheet library is needed to read cells, and none is installed.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from xml.etree import ElementTree as ET

from common_utils.errors import DataError

__all__ = ["csv_of_workbook"]

_NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_TRUE = ("1", "true")
_LONGEST_DAYS = 366  # beyond it a cell that shows a time holds a moment
_LARGEST = 1 << 30  # bytes of one part when unpacked; a zip that claims more is not read
_DATES = {*range(14, 18), 22}  # built-in formats of dates, with or without a time
_TIMES = {*range(18, 22), *range(45, 48)}  # of times and durations
_EXACT = 10**15  # a spreadsheet keeps 15 digits; of a larger number the rest is made up
NOT_CALCULATED = "#N/A"  # what a formula shows that nobody has calculated


@dataclass(frozen=True)
class _Styles:
    """Numbers of the cell styles that show something else than the number: dates, durations, leading zeros."""

    dates: frozenset[int] = frozenset()
    times: frozenset[int] = frozenset()
    digits: Mapping[int, int] = field(default_factory=dict)


@dataclass
class _Book:
    """What cells need to be read, and what was seen on the way."""

    shared: list[str]
    styles: _Styles
    epoch: datetime
    hidden: int = 0
    not_calculated: int = 0


def csv_of_workbook(data: bytes, *, where: str) -> tuple[bytes, tuple[str, ...]]:
    """Return the first visible sheet of a workbook as UTF-8 CSV with commas, and what a reader should know of it.

    Parameters
    ----------
    data : bytes
        Of the .xlsx file.
    where : str
        What messages call it.

    Returns
    -------
    tuple of bytes and notes
        Notes of further sheets, of hidden rows, and of formulas that were never calculated: they read `#N/A`.

    Raises
    ------
    DataError
        If it is not a workbook, or its sheet is empty.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            part, notes = _first_sheet(book)
            seen = _Book(_shared(book), _styles(book), _epoch(book))
            rows = list(_rows(_xml(book, part, where), seen))
    except (zipfile.BadZipFile, KeyError, ET.ParseError, IndexError, ValueError) as error:
        raise DataError(f"{where}: the workbook cannot be read ({type(error).__name__}); save it as CSV.") from error
    while rows and not any(rows[-1]):
        rows.pop()
    if not rows:
        raise DataError(f"{where}: the first sheet is empty; a header and at least one row are needed.")
    if seen.hidden:
        notes.append(f"{seen.hidden} row(s) that the sheet hides are read like the others")
    if seen.not_calculated:
        notes.append(
            f"{seen.not_calculated} cell(s) hold a formula that was never calculated; open the workbook in a "
            "spreadsheet program and save it"
        )
    width = max(map(len, rows))
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([*row, *[""] * (width - len(row))] for row in rows)
    return out.getvalue().encode(), tuple(notes)


def _rows(sheet: ET.Element, book: _Book) -> Iterator[list[str]]:
    for row in sheet.iter(f"{_NS}row"):
        cells: list[str] = []
        for cell in row.iter(f"{_NS}c"):
            place = _column(cell.get("r", "")) if cell.get("r") else len(cells)
            cells.extend([""] * (place - len(cells)))
            cells.append(_text(cell, book))
        book.hidden += row.get("hidden") in _TRUE and any(cells)
        yield cells


def _xml(book: zipfile.ZipFile, name: str, where: str = "workbook") -> ET.Element:
    if book.getinfo(name).file_size > _LARGEST:
        raise DataError(f"{where}: a sheet of more than 1 GB; save it as CSV or Parquet.")
    content = book.read(name)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise DataError(f"{where}: the workbook declares entities; save it as CSV.")
    return ET.fromstring(content)  # noqa: S314 - entities were refused above


def _first_sheet(book: zipfile.ZipFile) -> tuple[str, list[str]]:
    """Return the part of the first sheet of cells that is not hidden, and a note where there are others."""
    parts = {relation.get("Id"): relation for relation in _xml(book, "xl/_rels/workbook.xml.rels")}
    listed = _xml(book, "xl/workbook.xml").find(f"{_NS}sheets")
    sheets = [
        (sheet.get("name", "1"), sheet.get("state", "visible"), parts[sheet.get(_REL, "")])
        for sheet in (() if listed is None else listed)
        if not parts[sheet.get(_REL, "")].get("Type", "").endswith(("chartsheet", "dialogsheet"))
    ]
    name, _, relation = next((sheet for sheet in sheets if sheet[1] == "visible"), sheets[0])
    target = relation.get("Target", "")
    notes = [f"only sheet {name!r} is read, of {len(sheets)} sheets"] if len(sheets) > 1 else []
    return (target.lstrip("/") if target.startswith("/") else f"xl/{target}"), notes


def _shared(book: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in book.namelist():
        return []
    return [_words(item) for item in _xml(book, "xl/sharedStrings.xml").iter(f"{_NS}si")]


def _words(item: ET.Element | None) -> str:
    """Return the text of a cell, in one piece or in runs, without the guide to its pronunciation."""
    if item is None:
        return ""
    return "".join(t.text or "" for path in (f"{_NS}t", f"{_NS}r/{_NS}t") for t in item.findall(path))


def _styles(book: zipfile.ZipFile) -> _Styles:
    if "xl/styles.xml" not in book.namelist():
        return _Styles()
    styles = _xml(book, "xl/styles.xml")
    codes = {int(f.get("numFmtId", "0")): f.get("formatCode", "").lower() for f in styles.iter(f"{_NS}numFmt")}
    formats = styles.find(f"{_NS}cellXfs")
    shown = [] if formats is None else [int(f.get("numFmtId", "0")) for f in formats]
    kinds = {number: _kind_of_format(code) for number, code in codes.items()}
    kinds |= {**dict.fromkeys(_DATES, "date"), **dict.fromkeys(_TIMES, "time")}
    return _Styles(
        frozenset(place for place, number in enumerate(shown) if kinds.get(number) == "date"),
        frozenset(place for place, number in enumerate(shown) if kinds.get(number) == "time"),
        {place: len(codes[n]) for place, n in enumerate(shown) if re.fullmatch("0{2,}", codes.get(n, ""))},
    )


def _kind_of_format(code: str) -> str:
    """Return what a format shows: a date, a time or a duration, or the number."""
    letters = re.sub(r"\[(h+|m+|s+)\]", r"\1", code)
    letters = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.|am/pm|a/p', "", letters)
    if re.search("[yd]", letters):
        return "date"
    return "time" if re.search("[hs]", letters) else "date" if "m" in letters else "number"


def _epoch(book: zipfile.ZipFile) -> datetime:
    properties = _xml(book, "xl/workbook.xml").find(f"{_NS}workbookPr")
    since_1904 = properties is not None and properties.get("date1904") in _TRUE
    return datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)


def _text(cell: ET.Element, book: _Book) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return _words(cell.find(f"{_NS}is"))
    value = cell.findtext(f"{_NS}v") or ""
    if not value and kind in ("n", "b") and cell.find(f"{_NS}f") is not None:
        book.not_calculated += 1
        return NOT_CALCULATED
    if kind == "s":
        return book.shared[int(value)] if value else ""
    if kind == "b":
        return "true" if value == "1" else "false"
    if kind != "n" or not value:
        return value
    style = int(cell.get("s", "0"))
    if style in book.styles.times and 0 <= float(value) < _LONGEST_DAYS:
        seconds = round(float(value) * 86400)
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if style in book.styles.dates or style in book.styles.times:
        moment = book.epoch + timedelta(seconds=round(float(value) * 86400))
        return moment.isoformat(sep=" ") if moment.time().isoformat() != "00:00:00" else moment.date().isoformat()
    digits = _digits(value)
    return digits.zfill(book.styles.digits[style]) if digits.isdigit() and style in book.styles.digits else digits


def _digits(value: str) -> str:
    """Return a number without exponent; a third decimal is followed by a 0, so that no point is taken for a mark.

    Beyond the digits that a spreadsheet keeps it has one: an id that long has lost its last digits.
    """
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    if abs(number) >= _EXACT:
        return f"{number.normalize():E}"
    text = f"{number.normalize():f}"
    return f"{text}0" if re.fullmatch(r"-?\d+\.\d{3}", text) else text


def _column(reference: str) -> int:
    place = 0
    for letter in re.match(r"[A-Z]+", reference)[0]:  # pyright: ignore[reportOptionalSubscript] - Excel's own form
        place = place * 26 + ord(letter) - 64
    return place - 1
