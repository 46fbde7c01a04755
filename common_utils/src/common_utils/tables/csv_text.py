"""CSV bytes to a table of text: encoding, dialect and the shape of rows, before any value is interpreted.

A row is only ever taken as it was written. Where that is in doubt (a quote that is not closed, a NUL) the file is
refused; where one row has too few or too many fields, that row is. Bytes that are not UTF-8 are marked
(`common_utils.tables.encodings.LOST`), since only who knows the columns can tell whether they matter.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from common_utils.errors import DataError
from common_utils.tables.encodings import LOST, likely_encoding

__all__ = ["HOLD_NOTHING", "UNNAMED", "TextTable", "folded", "read_csv_text"]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

_DELIMITERS = {",": "comma", ";": ";", "\t": "tab"}
_IN_A_ROW = (*_DELIMITERS, "|")  # what some rows may have instead of the delimiter of the others
_SEVERAL = re.compile(r"[\s,;|:/]")  # stands in a field that holds more than one value
_MOST_NAMED = 5
HOLD_NOTHING = ("empty row", "header repeated")  # reasons of rejected rows that lose nothing
UNNAMED = "column without a name "  # and its place
_HINT = re.compile(rb'"?sep=.?"?(\r\n|\n|\r)', re.IGNORECASE)
_LARGEST_BLOCK = 2**31 - 1
_START, _WIDE = 1 << 12, 0.5  # in UTF-16 every other byte of plain text is a NUL
_MOST_WIDE = 0.6  # in UTF-32 three of four
_BEFORE = 64  # bytes before the first odd one that tell what stands around it
_QUOTE, _NEWLINE, _RETURN = (ord(character) for character in '"\n\r')


@dataclass(frozen=True)
class TextTable:
    """A CSV file as text.

    Attributes
    ----------
    table : pyarrow.Table (which has no types to check)
        One string column per header field; an empty field is "".
    rows : int64 array of shape (n_rows,)
        Number of each row in the file, the first below the header being 1.
    rejects : dict of int to str
        Row number and reason of each row that has no place in `table`.
    ragged : pyarrow.Table
        Rows with too few or too many fields, each field under the name at its place; what is missing is "". Where
        another usual delimiter divides the row into as many fields as the header has, these are the fields.
    repairs : tuple of str
        What was done to the file as a whole.
    delimiter : str
        One of comma, semicolon and tab.
    notes : tuple of str
        What a reader of the account should know of the file.
    encoding : str or None
        What the file is most likely written in, in words; None: it is UTF-8.
    """

    table: Any
    rows: NDArray[np.int64]
    rejects: dict[int, str]
    repairs: tuple[str, ...]
    delimiter: str
    notes: tuple[str, ...] = ()
    encoding: str | None = None
    ragged: Any = None


def read_csv_text(path: Path, *, name: str, expected: Collection[str], data: bytes | None = None) -> TextTable:
    r"""Return the rows of a CSV file as text, and what had to be done to get them.

    Quoting is RFC 4180's (a quote is doubled inside a quoted field; fields may hold line breaks). The
    delimiter is the one of comma, semicolon and tab under which the header holds most expected columns.

    Parameters
    ----------
    path : Path
        UTF-8, with or without byte order marks, or UTF-16 with one; bytes of another encoding read `LOST`.
    name : str
        What messages call the table.
    expected : collection of str
        Column names looked for in the header; letter case and blanks do not matter.
    data : bytes, optional
        What the file holds, where it was unpacked before.

    Raises
    ------
    DataError
        If the file is missing or empty, has no data row, holds a NUL, has an expected column twice, or a quote
        that is not closed properly.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "usage.csv"
    >>> _ = path.write_bytes(b"id;minutes\n1;7\n2\n")
    >>> text = read_csv_text(path, name="usage", expected=["id", "minutes"])
    >>> text.table.to_pylist(), text.rejects, text.repairs
    ([{'id': '1', 'minutes': '7'}], {2: '1 field instead of 2'}, ('delimiter ;',))
    """
    where = f"{name} ({path.name})"
    try:
        raw = path.read_bytes() if data is None else data
    except OSError as error:
        raise DataError(f"{where}: {path} cannot be read: {error.strerror}.") from error
    data, repairs = _decoded(raw, where)
    data, repairs = _without_hint(data, repairs)
    encoding, encoding_notes = _other_encoding(data)
    delimiter, header = _header(data, where, expected)
    if delimiter != ",":
        repairs.append(f"delimiter {_DELIMITERS[delimiter]}")
    names = [field.strip() for field in header]
    if names != header:
        repairs.append("whitespace trimmed in the header")
    names = _named(names, repairs)
    _check_names(names, where, expected)
    names = _told_apart(names)
    _check_quotes(data, delimiter, where)
    if encoding is not None:  # bytes that are not UTF-8 become `LOST`
        data = data.decode(errors="replace").encode()
    table, rows, rejects, ragged, nobodys = _parsed(data, delimiter, names, where)
    notes = (*encoding_notes, *_cut_short(raw, names[-1], rows, expected), *_of_nobody(nobodys, len(names)))
    return TextTable(table, rows, rejects, tuple(repairs), delimiter, notes, encoding, ragged)


def _cut_short(raw: bytes, column: str, rows: NDArray[np.int64], expected: Collection[str]) -> tuple[str, ...]:
    """Return a note where the last value may be cut: no line break follows it, and it is one that is needed."""
    if raw.rstrip(b"\0").endswith((b"\n", b"\r", b'"')) or not len(rows):
        return ()
    if not folded(column) & {form for name in expected for form in folded(name)}:
        return ()
    return (f"no line break follows row {rows[-1]}; if the file was cut short, its {column} is cut, too",)


def _of_nobody(rows: list[int], fields: int) -> tuple[str, ...]:
    """Return a note of rows of which nothing can be told, not even whose they are."""
    if not rows:
        return ()
    listed = ", ".join(map(str, rows[:_MOST_NAMED])) + (", …" if len(rows) > _MOST_NAMED else "")
    return (
        f"{len(rows)} rejected row(s) cannot be divided into {fields} fields (row {listed}), so that it is not known "
        "whose they are: whoever they belong to is treated as if they were not there",
    )


def _decoded(raw: bytes, where: str) -> tuple[bytes, list[str]]:
    """Return the content as UTF-8 without byte order marks and without line ends after the last row."""
    repairs: list[str] = []
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise DataError(f"{where}: the file is UTF-32. Export the table again, as UTF-8.")
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            raw = raw.decode("utf-16").encode()
        except UnicodeError as error:
            raise DataError(f"{where}: starts like UTF-16 but is not; save it as UTF-8.") from error
        repairs.append("UTF-16 decoded")
    nul = raw.find(b"\0")
    if nul >= 0:
        line = raw.count(b"\n", 0, nul) + 1
        what = _with_nuls(raw)
        raise DataError(f"{where}: NUL at byte {nul} (line {line}); {what}. Export the table again, as UTF-8.")
    if codecs.BOM_UTF8 in raw:  # also where files were joined
        raw = raw.replace(codecs.BOM_UTF8, b"")
        repairs.append("byte order mark removed")
    data = raw.rstrip(b"\r\n")
    if not data.strip():
        raise DataError(f"{where}: the file is empty; a header and at least one row are needed.")
    return data, repairs


def _with_nuls(raw: bytes) -> str:
    """Return what a file with NULs most likely is."""
    text = raw.rstrip(b"\0")
    if b"\0" not in text and len(raw) - len(text) > 3:
        return "from there on the file holds nothing but NULs, as where a disk was full or a copy was broken off"
    start = raw[:_START]
    if start.count(b"\0") > _MOST_WIDE * len(start):
        return "it looks like UTF-32 without a byte order mark"
    wide = 2 * start.count(b"\0") > _WIDE * len(start)
    return "it looks like UTF-16 without a byte order mark" if wide else "this is no CSV text"


def _other_encoding(data: bytes) -> tuple[str | None, tuple[str, ...]]:
    """Return the likely encoding of bytes that are not all UTF-8, and a note that says so."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = likely_encoding(data[error.start - min(error.start, _BEFORE) :])
        return found, (f"the file is not UTF-8 from line {line} on; it looks like {found}",)
    return None, ()


def _without_hint(data: bytes, repairs: list[str]) -> tuple[bytes, list[str]]:
    """Take off the line `sep=;` by which a spreadsheet says what separates fields; they are told apart without it."""
    hint = _HINT.match(data)
    return (data, repairs) if hint is None else (data[hint.end() :], [*repairs, "line sep= taken off"])


def _records(data: bytes, delimiter: str):
    lines = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors="replace", newline="")
    return csv.reader(lines, delimiter=delimiter, strict=True)


def _header(data: bytes, where: str, expected: Collection[str]) -> tuple[str, list[str]]:
    found: list[tuple[int, int, str, list[str]]] = []
    for delimiter in _DELIMITERS:
        try:
            header = next(_records(data, delimiter))
        except (csv.Error, StopIteration):
            continue
        known = {form for column in expected for form in folded(column)}
        matches = sum(bool(folded(field) & known) for field in set(header))
        found.append((matches, len(header), delimiter, header))
    if not found:
        raise DataError(f"{where}: line 1: the quotes of the header do not pair up.")
    *_, delimiter, header = max(found, key=lambda candidate: candidate[:2])  # comma is first among equals
    return delimiter, header


def folded(column: str) -> set[str]:
    """Return the forms in which a column name is compared: letter case and blanks do not matter.

    Examples
    --------
    >>> sorted(folded(" Subscriber ID "))
    ['subscriber_id', 'subscriberid']
    """
    parts = column.casefold().split()
    return {"_".join(parts), "".join(parts)}


def _named(names: list[str], repairs: list[str]) -> list[str]:
    """Give columns without a name one; nobody needs them, and they stop no file."""
    empty = [place for place, name in enumerate(names) if not name]
    if not empty:
        return names
    repairs.append("columns without a name left out")
    return [name or f"{UNNAMED}{place + 1}" for place, name in enumerate(names)]


def _check_names(names: list[str], where: str, expected: Collection[str]) -> None:
    known = {form for column in expected for form in folded(column)}
    if not any(folded(field) & known for field in names):
        # What was found is not shown: without a header it is somebody's data.
        lost = " Line 1 holds bytes that are not UTF-8: save the file as UTF-8." if LOST in "".join(names) else ""
        raise DataError(
            f"{where}: line 1 holds none of the columns {sorted(expected)[:20]} among its {len(names)} field(s). "
            "Is the header missing, or another character the delimiter? Other names go under the setting "
            f"data.table.columns.{lost}"
        )
    repeated = sorted({name for name in names if names.count(name) > 1 and folded(name) & known})
    if repeated:
        raise DataError(f"{where}: column name(s) given twice: {repeated[:5]}. Rename or remove one of each.")


def _told_apart(names: list[str]) -> list[str]:
    """Return the names, those that several columns nobody needs share followed by their place."""
    return [name if names.count(name) == 1 else f"{name} {place + 1}" for place, name in enumerate(names)]


def _check_quotes(data: bytes, delimiter: str, where: str) -> None:
    if b'"' not in data or _quotes_are_regular(data, ord(delimiter)):
        return
    # Slow, and only for files with odd quotes: a quote inside an unquoted field is text, the rest is an error.
    records = _records(data, delimiter)
    start = 1
    try:
        for _ in records:
            start = records.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{where}: line {start}: a quoted field is not closed, or text follows its closing quote; rows from "
            "there on cannot be told apart. Double the quotes inside quoted fields."
        ) from error


def _quotes_are_regular(data: bytes, delimiter: int) -> bool:
    """Tell whether each quote opens a field, closes one or stands doubled inside one."""
    content = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(content == _QUOTE)
    if len(quotes) % 2:
        return False
    edges = np.array([delimiter, _NEWLINE, _RETURN, _QUOTE], dtype=np.uint8)
    opening, closing = quotes[0::2], quotes[1::2]
    before = content[opening[opening > 0] - 1]
    after = content[closing[closing < len(content) - 1] + 1]
    return bool(np.isin(before, edges).all() and np.isin(after, edges).all())


def _parsed(
    data: bytes, delimiter: str, names: list[str], where: str
) -> tuple[Any, NDArray[np.int64], dict[int, str], Any, list[int]]:
    rejects: dict[int, str] = {}
    odd: list[list[str]] = []
    nobodys: list[int] = []

    def ragged(row: Any) -> str:
        plural = "s" if row.actual_columns != 1 else ""
        rejects[row.number - 1] = f"{row.actual_columns} field{plural} instead of {row.expected_columns}"
        fields = _fields(row.text or "", delimiter, len(names))
        if len(fields) == 1 and _SEVERAL.search(fields[0].strip()):
            nobodys.append(row.number - 1)
        odd.append([*fields, *[""] * len(names)][: len(names)])
        return "skip"

    try:
        table = pacsv.read_csv(
            pa.py_buffer(data + b"\n"),
            # One thread: only then does a ragged row know its number. One block: a quoted field may be long.
            read_options=pacsv.ReadOptions(
                use_threads=False,
                column_names=names,
                skip_rows_after_names=1,
                block_size=min(len(data) + 2, _LARGEST_BLOCK),
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=ragged
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise DataError(f"{where}: the rows cannot be told apart; export the table again.") from error
    if table.num_rows + len(rejects) == 0:
        raise DataError(f"{where}: no data rows below the header.")
    numbers = np.arange(1, table.num_rows + len(rejects) + 1, dtype=np.int64)
    rows = np.delete(numbers, np.fromiter(rejects, dtype=np.int64, count=len(rejects)) - 1)
    ragged_rows = pa.table({name: pa.array([row[i] for row in odd], pa.string()) for i, name in enumerate(names)})
    return *_without_empty_rows(table.combine_chunks(), rows, rejects), ragged_rows, nobodys


def _fields(text: str, delimiter: str, count: int) -> list[str]:
    """Return the fields of a row of the wrong shape, by another delimiter where that gives the right number."""
    by_others = (_split(text, other) for other in _IN_A_ROW if other != delimiter and other in text)
    found = next((fields for fields in by_others if len(fields) == count), None)
    return _split(text, delimiter) if found is None else found


def _split(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:  # a line break that is inside quotes for one delimiter is outside for another
        return []


def _without_empty_rows(
    table: Any, rows: NDArray[np.int64], rejects: dict[int, str]
) -> tuple[Any, NDArray[np.int64], dict[int, str]]:
    empty = repeated = pa.array(np.ones(table.num_rows, dtype=bool))
    for name in table.column_names:
        empty = pc.and_(empty, pc.equal(table[name], ""))
        repeated = pc.and_(repeated, pc.equal(pc.utf8_trim_whitespace(table[name]), name))
    found = dict(rejects)
    for mask, reason in zip((empty, repeated), HOLD_NOTHING, strict=True):
        found |= dict.fromkeys(rows[mask.to_numpy(zero_copy_only=False)].tolist(), reason)
    keep = pc.invert(pc.or_(empty, repeated))
    return table.filter(keep), rows[keep.to_numpy(zero_copy_only=False)], found
