"""The header of a CSV file: what separates the fields, and what the columns are called."""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass

from common_utils.errors import DataError
from common_utils.tables.encodings import LOST
from common_utils.tables.text.source import TextSource, text_of

__all__ = ["UNNAMED", "Header", "folded", "header_of"]

_DELIMITERS = {",": "comma", ";": ";", "\t": "tab"}
UNNAMED = "column without a name "  # and its place


@dataclass(frozen=True)
class Header:
    """Dialect and columns.

    Attributes
    ----------
    delimiter : str
        One of comma, semicolon and tab.
    names : list of str
        Of the columns, each once.
    repairs : tuple of str
        What was done to them.
    """

    delimiter: str
    names: list[str]
    repairs: tuple[str, ...]


def header_of(source: TextSource, where: str, expected: Collection[str]) -> Header:
    """Return the header; the delimiter is the one under which it holds most expected columns.

    Raises
    ------
    DataError
        If its quotes do not pair up, it holds none of the columns, or one of them twice.
    """
    delimiter, header = _header(source, where, expected)
    repairs = [f"delimiter {_DELIMITERS[delimiter]}"] if delimiter != "," else []
    names = [field.strip() for field in header]
    if names != header:
        repairs.append("whitespace trimmed in the header")
    names = _named(names, repairs)
    _check_names(names, where, expected)
    return Header(delimiter, _told_apart(names), tuple(repairs))


def _header(source: TextSource, where: str, expected: Collection[str]) -> tuple[str, list[str]]:
    found: list[tuple[int, int, str, list[str]]] = []
    for delimiter in _DELIMITERS:
        try:
            header = next(csv.reader(text_of(source.blocks()), delimiter=delimiter, strict=True))
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
