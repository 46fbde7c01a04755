"""Text whose bytes are not UTF-8: what can be read is read, the rest is marked, and the likely encoding is named."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute

from common_utils.errors import DataError
from common_utils.tables.report import RowReport

__all__ = [
    "LOST",
    "NOT_UTF8",
    "OUR_MARK",
    "TEXT_FORMULA",
    "check_encoding",
    "comparable_id",
    "likely_encoding",
    "readable",
    "readable_table",
    "visible",
]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

LOST = "\ufffd"
"""What stands for bytes that are not UTF-8, here and in files that another program converted before."""
NOT_UTF8 = "characters that are not UTF-8"

TEXT_FORMULA = r'^="([^"]+)"$'  # how exports keep a spreadsheet from making a number of an id
OUR_MARK = r"^'([=+@-])"  # our writer's, before what a spreadsheet would take for a formula
_INVISIBLE = r"\p{Cf}"  # zero-width and bidirectional marks, soft hyphens: two values that look alike would never meet
_SAMPLE = 1 << 20
_UNREAD = re.compile("[\udc80-\udcff]+")
_WITHIN_WORD = re.compile("(?<=[a-z])[\udc80-\udc9f](?=[a-z])")
_ANOTHER_SCRIPT = 2.0  # bytes in a row: letters of Latin scripts beyond ASCII mostly stand alone
_MOST = 0.5
_PLAINLY = 0.5  # share of the rows of a table


def readable(column: Any) -> Any:
    r"""Return text with `LOST` in the place of bytes that are not UTF-8; the same object where there are none.

    Parameters
    ----------
    column : pyarrow.Array or ChunkedArray
        Of any type; text may be behind a dictionary.

    Examples
    --------
    >>> readable(pa.array([b"Ana", b"Jos\xe9", None]).view(pa.string())).to_pylist() == ["Ana", "Jos\ufffd", None]
    True
    """
    if isinstance(column, pa.ChunkedArray):
        found = column.chunks
        chunks = [readable(chunk) for chunk in found]
        return column if _same(chunks, found) else pa.chunked_array(chunks, column.type)
    kind: Any = column.type
    if pa.types.is_dictionary(kind):
        found = column.dictionary
        held = readable(found)
        return column if held is found else pa.DictionaryArray.from_arrays(column.indices, held, ordered=kind.ordered)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return column
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        raw = column.cast(pa.binary() if pa.types.is_string(kind) else pa.large_binary())
        return pa.array([None if v is None else v.decode("utf-8", "replace") for v in raw.to_pylist()], kind)
    return column


def readable_table(table: Any) -> Any:
    r"""Return an Arrow table, or a record batch, whose texts are `readable`.

    Examples
    --------
    >>> table = pa.table({"name": pa.array([b"Jos\xe9"]).view(pa.string()), "age": [3]})
    >>> readable_table(table).to_pylist() == [{"name": "Jos\ufffd", "age": 3}]
    True
    """
    found = table.columns
    columns = [readable(column) for column in found]
    return table if _same(columns, found) else type(table).from_arrays(columns, schema=table.schema)


def _same(new: list[Any], old: list[Any]) -> bool:
    return all(one is other for one, other in zip(new, old, strict=True))


def likely_encoding(data: bytes) -> str:
    """Return in words which encoding bytes that are not UTF-8 are most likely in; only the first megabyte is looked at.

    Examples
    --------
    >>> likely_encoding("Müller,José,Zürich".encode("latin-1"))
    'Windows-1252 (Latin-1)'
    >>> likely_encoding("Иванов,Петров".encode("cp1251"))
    'one of another script, such as Windows-1251, Shift JIS or GB 18030'
    """
    text = data[:_SAMPLE].decode("utf-8", "surrogateescape").lower()
    runs = _UNREAD.findall(text)
    if not runs:
        return "an encoding that is not known here"
    if sum(map(len, runs)) >= _ANOTHER_SCRIPT * len(runs):
        return "one of another script, such as Windows-1251, Shift JIS or GB 18030"
    if len(_WITHIN_WORD.findall(text)) > _MOST * len(runs):
        return "Mac Roman or code page 850"
    return "Windows-1252 (Latin-1)"


def check_encoding(report: RowReport, encoding: str | None) -> None:
    """Refuse a file that plainly is in another encoding: most of its rows need what cannot be read.

    Parameters
    ----------
    report : RowReport
        Rows that were rejected for `NOT_UTF8` say so at the end of their reason.
    encoding : str or None
        What the file is most likely written in.

    Raises
    ------
    DataError
        With the account of the table.

    Examples
    --------
    >>> check_encoding(RowReport("usage", read=9, kept=8, rejected={f"id: {NOT_UTF8}": 1}), "Windows-1252")
    """
    lost = sum(count for reason, count in report.rejected.items() if reason.endswith(NOT_UTF8))
    if lost > _PLAINLY * report.read:
        looks = "" if encoding is None else f"; it looks like {encoding}"
        raise DataError(
            f"{report.summary()}\n{report.table}: the text of {lost} of {report.read} rows is not UTF-8{looks}. "
            "Save the file as UTF-8."
        )


def visible(text: Any) -> Any:
    r"""Return text without the characters nobody sees; the same object where there are none.

    Examples
    --------
    >>> visible(pa.array(["Jos\u200b\u00e9"])).to_pylist()
    ['José']
    """
    if (
        pc.all(pc.string_is_ascii(text)).as_py() is not False
        or not pc.any(pc.match_substring_regex(text, _INVISIBLE)).as_py()
    ):
        return text
    return pc.replace_substring_regex(text, _INVISIBLE, "")


def comparable_id(text: Any) -> Any:
    """Return ids in the form in which they are compared once they are read: what is missing comes first.

    Examples
    --------
    >>> comparable_id(pa.array([" b", "Jose\u0301", '="007"', "'+1", None])).to_pylist()
    ['b', 'José', '007', '+1', '']
    """
    text = pc.utf8_trim_whitespace(visible(pc.fill_null(text, "")))
    if pc.all(pc.string_is_ascii(text)).as_py() is False:
        text = pc.utf8_normalize(text, form="NFC")
    if pc.any(pc.starts_with(text, "=")).as_py():
        text = pc.replace_substring_regex(text, TEXT_FORMULA, r"\1")
    return pc.replace_substring_regex(text, OUR_MARK, r"\1") if pc.any(pc.starts_with(text, "'")).as_py() else text
