"""The first sheet of an .xlsx workbook as CSV bytes: text as it stands, numbers to their last digit, dates as dates.

An .xlsx file is a zip of XML. No spreadsheet library is needed to read cells, and none is installed.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from xml.etree import ElementTree as ET

from common_utils.errors import DataError

__all__ = ["csv_of_workbook"]

_NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_LARGEST = 1 << 30  # bytes of one part when unpacked; a zip that claims more is not read
_DATE_FORMATS = {*range(14, 23), *range(45, 48)}  # built in: dates, times, both


def csv_of_workbook(data: bytes, *, where: str) -> bytes:
    """Return the first sheet of a workbook as UTF-8 CSV with commas.

    Parameters
    ----------
    data : bytes
        Of the .xlsx file.
    where : str
        What messages call it.

    Raises
    ------
    DataError
        If it is no workbook, or its sheet is empty.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            rows = list(_rows(book, where))
    except (zipfile.BadZipFile, KeyError, ET.ParseError, IndexError, ValueError) as error:
        raise DataError(f"{where}: the workbook cannot be read ({type(error).__name__}); save it as CSV.") from error
    while rows and not any(rows[-1]):
        rows.pop()
    if not rows:
        raise DataError(f"{where}: the first sheet is empty; a header and at least one row are needed.")
    width = max(map(len, rows))
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([*row, *[""] * (width - len(row))] for row in rows)
    return out.getvalue().encode()


def _rows(book: zipfile.ZipFile, where: str) -> Iterator[list[str]]:
    shared = _shared(book)
    dates, epoch = _date_styles(book), _epoch(book)
    for row in _xml(book, _first_sheet(book), where).iter(f"{_NS}row"):
        cells: list[str] = []
        for cell in row.iter(f"{_NS}c"):
            place = _column(cell.get("r", "")) if cell.get("r") else len(cells)
            cells.extend([""] * (place - len(cells)))
            cells.append(_text(cell, shared, dates, epoch))
        yield cells


def _xml(book: zipfile.ZipFile, name: str, where: str = "workbook") -> ET.Element:
    if book.getinfo(name).file_size > _LARGEST:
        raise DataError(f"{where}: a sheet of more than 1 GB; save it as CSV or Parquet.")
    content = book.read(name)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise DataError(f"{where}: the workbook declares entities; save it as CSV.")
    return ET.fromstring(content)  # noqa: S314 - entities were refused above


def _first_sheet(book: zipfile.ZipFile) -> str:
    sheets = _xml(book, "xl/workbook.xml").find(f"{_NS}sheets")
    wanted = "" if sheets is None else sheets[0].get(_REL, "")
    for relation in _xml(book, "xl/_rels/workbook.xml.rels"):
        if relation.get("Id") == wanted:
            target = relation.get("Target", "")
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise KeyError(wanted)


def _shared(book: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in book.namelist():
        return []
    items = _xml(book, "xl/sharedStrings.xml").iter(f"{_NS}si")
    return ["".join(t.text or "" for t in item.iter(f"{_NS}t")) for item in items]


def _date_styles(book: zipfile.ZipFile) -> set[int]:
    """Return the numbers of the cell styles that show dates."""
    if "xl/styles.xml" not in book.namelist():
        return set()
    styles = _xml(book, "xl/styles.xml")
    own = {
        int(f.get("numFmtId", "0"))
        for f in styles.iter(f"{_NS}numFmt")
        if re.search(r"[ymdhs]", re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", f.get("formatCode", "").lower()))
    }
    formats = styles.find(f"{_NS}cellXfs")
    shown = [] if formats is None else [int(f.get("numFmtId", "0")) for f in formats]
    return {place for place, number in enumerate(shown) if number in _DATE_FORMATS | own}


def _epoch(book: zipfile.ZipFile) -> datetime:
    properties = _xml(book, "xl/workbook.xml").find(f"{_NS}workbookPr")
    since_1904 = properties is not None and properties.get("date1904") in ("1", "true")
    return datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)


def _text(cell: ET.Element, shared: list[str], dates: set[int], epoch: datetime) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return "".join(t.text or "" for t in cell.iter(f"{_NS}t"))
    value = cell.findtext(f"{_NS}v") or ""
    if kind == "s":
        return shared[int(value)] if value else ""
    if kind == "b":
        return "true" if value == "1" else "false"
    if kind != "n" or not value:
        return value
    if int(cell.get("s", "0")) in dates:
        moment = epoch + timedelta(seconds=round(float(value) * 86400))
        return moment.isoformat(sep=" ") if moment.time().isoformat() != "00:00:00" else moment.date().isoformat()
    return _digits(value)


def _digits(value: str) -> str:
    """Return a number without exponent; a third decimal is followed by a 0, so that no point is taken for a mark."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    text = f"{number.normalize():f}"
    return f"{text}0" if re.fullmatch(r"-?\d+\.\d{3}", text) else text


def _column(reference: str) -> int:
    place = 0
    for letter in re.match(r"[A-Z]+", reference)[0]:  # pyright: ignore[reportOptionalSubscript] - Excel's own form
        place = place * 26 + ord(letter) - 64
    return place - 1
