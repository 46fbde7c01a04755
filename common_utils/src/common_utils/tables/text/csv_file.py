"""CSV files as rows of text: encoding, dialect and the shape of rows, before any value is interpreted.

A row is only ever taken as it was written. Where that is in doubt (a quote that is not closed, a NUL) the file is
refused; where one row has too few or too many fields, that row is. Bytes that are not UTF-8 are marked
(`common_utils.tables.encodings.LOST`), since only who knows the columns can tell whether they matter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from common_utils.errors import DataError
from common_utils.tables.files import csv_blocks
from common_utils.tables.text.header import folded, header_of
from common_utils.tables.text.records import check_quotes, pieces_of_rows
from common_utils.tables.text.rows import HOLD_NOTHING, TextRows, parsed
from common_utils.tables.text.source import TextSource

__all__ = ["CsvFile", "TextTable", "in_order", "ragged_table", "read_csv_text"]

_MOST_NAMED = 5


class CsvFile:
    r"""A CSV file to be gone through in pieces, as often as need be; its dialect is decided first.

    Quoting is RFC 4180's (a quote is doubled inside a quoted field; fields may hold line breaks). The
    delimiter is the one of comma, semicolon and tab under which the header holds most expected columns.

    Parameters
    ----------
    path : Path
        UTF-8, with or without byte order marks, or UTF-16 with one; bytes of another encoding read `LOST`. Packed, or
        the first sheet of a workbook, where its kind says so.
    name : str
        What messages call the table.
    expected : collection of str
        Column names looked for in the header; letter case and blanks do not matter.
    kind : str
        As `files.kind_of_table`.
    piece_bytes : int, optional
        Of text in a piece; else `records.PIECE_BYTES`.

    Attributes
    ----------
    names : list of str
        Of the columns, each once.
    repairs : tuple of str
        What was done to the file as a whole.
    delimiter : str
        One of comma, semicolon and tab.
    encoding : str or None
        What the file is most likely written in, in words; None: it is UTF-8.

    Raises
    ------
    DataError
        If the file is missing or empty, holds a NUL, has an expected column twice, or a quote that is not closed
        properly; later, if it has no data row.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "usage.csv"
    >>> _ = path.write_bytes(b"id;minutes\n1;7\n2\n")
    >>> file = CsvFile(path, name="usage", expected=["id", "minutes"])
    >>> [(piece.table.to_pylist(), piece.rejects) for piece in file.pieces()]
    [([{'id': '1', 'minutes': '7'}], {2: '1 field instead of 2'})]
    """

    def __init__(
        self, path: Path, *, name: str, expected: Collection[str], kind: str = "csv", piece_bytes: int | None = None
    ) -> None:
        self._where = f"{name} ({path.name})"
        self._piece_bytes = piece_bytes
        blocks, notes = csv_blocks(path, kind, name=name)
        self._source = TextSource(blocks, self._where)
        self._header = header_of(self._source, self._where, expected)
        self._regular = check_quotes(self._source, self._header.delimiter, self._where)
        self.names, self.delimiter = self._header.names, self._header.delimiter
        self.repairs = (*self._source.repairs, *self._header.repairs)
        self.encoding = self._source.encoding
        self._notes = (*notes, *self._source.notes)
        self._needed = bool(folded(self.names[-1]) & {form for column in expected for form in folded(column)})
        self._last = 0
        self._nobodys: list[int] = []

    def pieces(self) -> Iterator[TextRows]:
        """Yield the rows.

        Raises
        ------
        DataError
            If rows cannot be told apart, or at the end, if there is none.
        """
        first, last = 1, 0
        nobodys: list[int] = []
        pieces = pieces_of_rows(self._source, self.delimiter, regular=self._regular, size=self._piece_bytes)
        for number, data in enumerate(pieces):
            rows = parsed(data, self._header, self._where, first=first, below_header=number > 0)
            first += len(rows.rows) + len(rows.rejects)
            last = int(rows.rows[-1]) if len(rows.rows) else last
            nobodys += rows.nobodys
            yield rows
        if first == 1:
            raise DataError(f"{self._where}: no data rows below the header.")
        self._last, self._nobodys = last, nobodys

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the account should know of the file, once it was gone through."""
        return (*self._notes, *self._cut_short(), *_of_nobody(self._nobodys, len(self.names)))

    def _cut_short(self) -> tuple[str, ...]:
        """Return a note where the last value may be cut: no line break follows it, and it is one that is needed."""
        if self._source.ends or not self._last or not self._needed:
            return ()
        return (f"no line break follows row {self._last}; if the file was cut short, its {self.names[-1]} is cut, too",)


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
        As `text.rows.TextRows`.
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


def read_csv_text(path: Path, *, name: str, expected: Collection[str], kind: str = "csv") -> TextTable:
    r"""Return all rows of a CSV file as text, and what had to be done to get them; as `CsvFile`.

    Raises
    ------
    DataError
        As `CsvFile`, and if there is no data row.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "usage.csv"
    >>> _ = path.write_bytes(b"id;minutes\n1;7\n2\n")
    >>> text = read_csv_text(path, name="usage", expected=["id", "minutes"])
    >>> text.table.to_pylist(), text.rejects, text.repairs
    ([{'id': '1', 'minutes': '7'}], {2: '1 field instead of 2'}, ('delimiter ;',))
    """
    file = CsvFile(path, name=name, expected=expected, kind=kind)
    pieces = list(file.pieces())
    return TextTable(
        pa.concat_tables([piece.table for piece in pieces]).combine_chunks(),
        np.concatenate([piece.rows for piece in pieces]),
        in_order({row: why for piece in pieces for row, why in piece.rejects.items()}),
        file.repairs,
        file.delimiter,
        file.notes,
        file.encoding,
        ragged_table([row for piece in pieces for row in piece.ragged], file.names),
    )


def in_order(rejects: Mapping[int, str]) -> dict[int, str]:
    """Return rejected rows of a file: those of another shape, empty ones, repeated headers, each in its order.

    Examples
    --------
    >>> in_order({1: "empty row", 2: "1 field instead of 2"})
    {2: '1 field instead of 2', 1: 'empty row'}
    """
    places = {reason: place for place, reason in enumerate(HOLD_NOTHING, start=1)}
    return dict(sorted(rejects.items(), key=lambda item: places.get(item[1], 0)))


def ragged_table(rows: Sequence[Sequence[str]], names: Sequence[str]) -> Any:
    """Return the fields of rows of another shape as a table of text.

    Examples
    --------
    >>> ragged_table([["1", ""]], ["id", "minutes"]).to_pylist()
    [{'id': '1', 'minutes': ''}]
    """
    return pa.table({name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(names)})


def _of_nobody(rows: list[int], fields: int) -> tuple[str, ...]:
    """Return a note of rows of which nothing can be told, not even whose they are."""
    if not rows:
        return ()
    listed = ", ".join(map(str, rows[:_MOST_NAMED])) + (", …" if len(rows) > _MOST_NAMED else "")
    return (
        f"{len(rows)} rejected row(s) cannot be divided into {fields} fields (row {listed}), so that it is not known "
        "whose they are: whoever they belong to is treated as if they were not there",
    )
