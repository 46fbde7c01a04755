"""Pieces of a CSV file's text to rows of text; rows of another shape are told apart, never mended."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from common_utils.errors import DataError
from common_utils.tables.text.header import Header

__all__ = ["HOLD_NOTHING", "TextRows", "parsed"]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

_IN_A_ROW = (",", ";", "\t", "|")  # what some rows may have instead of the delimiter of the others
_SEVERAL = re.compile(r"[\s,;|:/]")  # stands in a field that holds more than one value
HOLD_NOTHING = ("empty row", "header repeated")  # reasons of rejected rows that lose nothing
_LARGEST_BLOCK = 2**31 - 1


@dataclass(frozen=True)
class TextRows:
    """Rows of a CSV file as text.

    Attributes
    ----------
    table : pyarrow.Table
        One string column per header field; an empty field is "".
    rows : int64 array of shape (n_rows,)
        Number of each row in the file, the first below the header being 1.
    rejects : dict of int to str
        Row number and reason of each row that has no place in `table`.
    ragged : list of list of str
        Fields of rows with too few or too many, one for each column; what is missing is "". Where another usual
        delimiter divides the row into as many fields as the header has, these are the fields.
    nobodys : list of int
        Numbers of those rows of which not even the fields can be told.
    """

    table: Any
    rows: NDArray[np.int64]
    rejects: dict[int, str]
    ragged: list[list[str]]
    nobodys: list[int]


def parsed(data: bytes, header: Header, where: str, *, first: int, below_header: bool) -> TextRows:
    """Return the rows of a piece of the text.

    Parameters
    ----------
    data : bytes
        Whole rows; the header first, unless they stand `below_header`.
    header : Header
    where : str
        How messages name the file.
    first : int
        Number of the first row.

    Raises
    ------
    DataError
        If the rows cannot be told apart.
    """
    rejects: dict[int, str] = {}
    odd: list[list[str]] = []
    nobodys: list[int] = []
    names, delimiter = header.names, header.delimiter

    def ragged(row: Any) -> str:
        plural = "s" if row.actual_columns != 1 else ""
        number = first + row.number - (1 if below_header else 2)
        rejects[number] = f"{row.actual_columns} field{plural} instead of {row.expected_columns}"
        fields = _fields(row.text or "", delimiter, len(names))
        if len(fields) == 1 and _SEVERAL.search(fields[0].strip()):
            nobodys.append(number)
        odd.append([*fields, *[""] * len(names)][: len(names)])
        return "skip"

    table = _text_columns(data, header, where, ragged, below_header=below_header)
    numbers = np.arange(first, first + table.num_rows + len(rejects), dtype=np.int64)
    rows = np.delete(numbers, np.fromiter(rejects, dtype=np.int64, count=len(rejects)) - first)
    return TextRows(*_without_empty_rows(table, rows, rejects), odd, nobodys)


def _text_columns(data: bytes, header: Header, where: str, ragged: Callable[[Any], str], *, below_header: bool) -> Any:
    try:
        table = pacsv.read_csv(
            pa.py_buffer(data if data.endswith((b"\n", b"\r")) else data + b"\n"),
            # One thread: only then does a ragged row know its number. One block: a quoted field may be long.
            read_options=pacsv.ReadOptions(
                use_threads=False,
                column_names=header.names,
                skip_rows_after_names=0 if below_header else 1,
                block_size=min(len(data) + 2, _LARGEST_BLOCK),
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=header.delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=ragged,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(header.names, pa.string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise DataError(f"{where}: the rows cannot be told apart; export the table again.") from error
    return table.combine_chunks()


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
    first = table.column_names[0]
    masks = (
        _alike(pc.equal(table[first], ""), lambda name: pc.equal(table[name], ""), table.column_names),
        _alike(
            pc.match_substring(table[first], first),
            lambda name: pc.equal(pc.utf8_trim_whitespace(table[name]), name),
            table.column_names,
        ),
    )
    found, lost = dict(rejects), np.zeros(len(rows), dtype=bool)
    for mask, reason in zip(masks, HOLD_NOTHING, strict=True):
        if mask is not None:
            found |= dict.fromkeys(rows[mask].tolist(), reason)
            lost |= mask
    return (table.filter(pa.array(~lost)), rows[~lost], found) if lost.any() else (table, rows, found)


def _alike(maybe: Any, test: Callable[[str], Any], names: list[str]) -> NDArray[np.bool_] | None:
    """Return which rows pass a test in every column; None where the first column, looked at quickly, says none."""
    if not pc.any(maybe).as_py():
        return None
    for name in names:
        maybe = pc.and_(maybe, test(name))
    return np.asarray(maybe.to_numpy(), dtype=bool)
