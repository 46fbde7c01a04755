"""Files of usage months as cells, CSV or Parquet: written whole, read strictly, refused for a card of another scheme.

A row that cannot be used refuses the file: a cell that is missing would make a bill too low.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from common_utils.array_types import IntArray
from common_utils.errors import DataError
from common_utils.tables import open_parquet, table_writer
from common_utils.tables.text.csv_file import read_csv_text
from planrec.billing.cards import FullCard
from planrec.billing.cell_months import (
    CELL_NUMBERS,
    CELL_TEXTS,
    CellMonths,
    CellScheme,
    cells_of_columns,
    scheme_of,
    slot_column,
)
from planrec.billing.events import CALL_IN, DATA, KINDS
from planrec.columns import SUBSCRIBER

__all__ = ["SCHEME_KEY", "CellFile", "cell_schema", "read_cells", "write_cells"]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

SCHEME_KEY = "cell_scheme"
"""Where the metadata of a Parquet file hold the digest of its scheme; a CSV file has a column `scheme`."""

_NAME = "cells"
_SCHEME = "scheme"
_DIGITS = 12  # of a digest in a message


def cell_schema(slots: tuple[int, ...] = ()) -> Any:
    """Return the columns of a file, but for `scheme`; one further for each slot of the card."""
    texts = [(name, pa.large_string()) for name in CELL_TEXTS]
    return pa.schema([*texts, *((name, pa.int64()) for name in (*CELL_NUMBERS, *map(slot_column, slots)))])


def write_cells(cells: CellMonths, path: Path) -> None:
    """Write a table of cells; `.csv` or `.parquet`, by its ending.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    scheme, kind = cells.scheme, cells.kind
    increments = [scheme.increments(k) for k in range(len(KINDS))]
    steps = np.array([increments[k][i].step for k, i in zip(kind.tolist(), cells.increment.tolist(), strict=True)])
    calls, data = kind <= CALL_IN, kind == DATA
    blocks = data & (cells.increment > 0)
    coded = (
        *((cells.subscribers, cells.subscriber), (cells.periods, cells.period), (KINDS, kind)),
        *((cells.classes, cells.to), (cells.places, cells.at)),
        *((scheme.bands, cells.band), (scheme.dates, cells.date)),
    )
    labels = [increments[k][i].label for k, i in zip(kind.tolist(), cells.increment.tolist(), strict=True)]
    texts = [*(_named(names, codes) for names, codes in coded), pa.array(labels, pa.large_string())]
    numbers = [
        pa.array(cells.events),
        pa.array(cells.quantity, mask=~calls),
        pa.array(cells.quantity, mask=~data),
        pa.array(cells.quantity // np.maximum(steps.astype(np.int64), 1), mask=~blocks),
        *(pa.array(cells.beyond[:, s], mask=~calls) for s in range(len(scheme.slots))),
    ]
    schema = cell_schema(scheme.slots).with_metadata({SCHEME_KEY: scheme.digest})
    columns = [*texts, *numbers]
    if path.suffix.lower() != ".parquet":
        schema = schema.append(pa.field(_SCHEME, pa.large_string()))
        columns.append(pa.array([scheme.digest] * len(cells), pa.large_string()))
    with table_writer(path, schema) as write:
        write(pa.table(columns, schema=schema))


def _named(names: tuple[str, ...], codes: IntArray) -> Any:
    return pa.array(names, pa.large_string()).take(pa.array(codes))


def read_cells(path: Path, card: FullCard) -> CellMonths:
    """Read a table of cells for a card.

    Parameters
    ----------
    path : Path
        CSV or Parquet, as `write_cells` writes them.
    card : FullCard

    Raises
    ------
    DataError
        If the file was counted by another scheme than the card's, a column is missing, or a value cannot be used; the
        message names column and number of rows, never the value.
    """
    scheme, where = scheme_of(card), f"{_NAME} ({path.name})"
    table = _parquet(path) if _is_parquet(path) else _csv(path, where)
    _check_columns(scheme, table, where)
    return _cells(scheme, table, where)


class CellFile:
    """A table of cells of which those of some subscribers are read at a time.

    Of a Parquet file only row groups that can hold the subscribers are read: a file in their order is gone through
    once. A CSV file and a folder of parts are held whole.

    Parameters
    ----------
    path : Path
        As `read_cells` takes it.
    card : FullCard

    Raises
    ------
    DataError
        As `read_cells`; values are looked at when they are read.
    """

    def __init__(self, path: Path, card: FullCard) -> None:
        self._scheme, self._where = scheme_of(card), f"{_NAME} ({path.name})"
        self._file: Any = open_parquet(path, name=_NAME) if _is_parquet(path) and not path.is_dir() else None
        self._table: Any = None
        if self._file is None:
            self._table = _parquet(path) if path.is_dir() else _csv(path, self._where)
            _check_columns(self._scheme, self._table, self._where)
            return
        column = self._file.schema_arrow.get_field_index(SUBSCRIBER)
        groups = [self._file.metadata.row_group(g) for g in range(self._file.num_row_groups)]
        self._bounds = [group.column(max(column, 0)).statistics for group in groups]
        _check_columns(self._scheme, self._read([0]), self._where)

    def of(self, subscribers: Sequence[str]) -> CellMonths:
        """Return the cells of some subscribers, at least one.

        Raises
        ------
        DataError
            If a value cannot be used.
        """
        table = self._table
        if table is None:
            first, last = min(subscribers), max(subscribers)
            table = self._read(
                [
                    g
                    for g, told in enumerate(self._bounds)
                    if told is None or not told.has_min_max or (told.min <= last and told.max >= first)
                ]
            )
            _check_columns(self._scheme, table, self._where)
        wanted = pa.array(sorted(subscribers), pa.large_string())
        return _cells(self._scheme, table.filter(pc.is_in(_plain(table[SUBSCRIBER]), wanted)), self._where)

    def _read(self, groups: list[int]) -> Any:
        """Return row groups; the first without its rows where there is none to read."""
        read = self._file.read_row_groups(groups or [0])
        metadata = self._file.metadata.metadata or {}
        read = read.replace_schema_metadata({SCHEME_KEY: metadata.get(SCHEME_KEY.encode(), b"")})
        return read if groups else read.slice(0, 0)


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet" or path.is_dir()


def _check_columns(scheme: CellScheme, table: Any, where: str) -> None:
    """Refuse a table by another scheme, or that lacks a column."""
    digests = {table.schema.metadata.get(SCHEME_KEY.encode(), b"").decode()} if table.schema.metadata else {""}
    if _SCHEME in table.column_names:
        digests = set(pc.unique(table[_SCHEME]).to_pylist()) or {scheme.digest}
    if digests != {scheme.digest}:
        raise DataError(_other_scheme(where, digests, scheme))
    wanted = cell_schema(scheme.slots).names
    missing = [name for name in wanted if name not in table.column_names]
    if missing:
        raise DataError(f"{where}: missing column(s) {missing}; found {table.column_names}. Count the events again.")


def _other_scheme(where: str, digests: set[str], scheme: CellScheme) -> str:
    found = ", ".join(sorted(digest[:_DIGITS] or "no digest" for digest in digests)[:5])
    return (
        f"{where}: counted by scheme {found}, not by that of card {scheme.card.version} ({scheme.digest[:_DIGITS]}), "
        f"so that no plan of it is priced from them (NEEDS_USAGE_DETAIL). {scheme.needed}"
    )


def _csv(path: Path, where: str) -> Any:
    text = read_csv_text(path, name=_NAME, expected=[*CELL_TEXTS, *CELL_NUMBERS, _SCHEME])
    if text.rejects:
        row, reason = next(iter(text.rejects.items()))
        raise DataError(f"{where}: {len(text.rejects)} row(s) cannot be read, first row {row}: {reason}.")
    return text.table


def _parquet(path: Path) -> Any:
    file = open_parquet(path, name=_NAME)
    metadata = file.metadata.metadata or {}
    return file.read().replace_schema_metadata({SCHEME_KEY: metadata.get(SCHEME_KEY.encode(), b"")})


def _cells(scheme: CellScheme, table: Any, where: str) -> CellMonths:
    texts = {name: _texts(table[name]) for name in CELL_TEXTS}
    names = (*CELL_NUMBERS, *map(slot_column, scheme.slots))
    return cells_of_columns(scheme, texts, {name: _numbers(table[name], name, where) for name in names}, where)


def _plain(column: Any) -> Any:
    """Return texts; an apostrophe that a CSV file has before what looks like a formula is taken off."""
    texts = column.cast(pa.large_string()).fill_null("")
    return pc.replace_substring_regex(texts, "^'([=+@-])", "\\1")


def _texts(column: Any) -> tuple[list[str], IntArray]:
    """Return the different texts, and the place of each row's among them."""
    coded = _plain(column).combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    return coded.dictionary.to_pylist(), np.asarray(coded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def _numbers(column: Any, name: str, where: str) -> IntArray:
    """Return whole numbers, -1 where none stands."""
    if not pa.types.is_integer(column.type):
        texts = column.cast(pa.large_string())
        odd = pc.sum(pc.invert(pc.match_substring_regex(texts, "^[0-9]{0,18}$"))).as_py()
        if odd:
            raise DataError(f"{where}: column {name!r}: {odd} value(s) are no whole numbers.")
        column = pc.if_else(pc.equal(texts, ""), None, texts).cast(pa.int64())
    return np.asarray(column.cast(pa.int64()).fill_null(-1).to_numpy(), dtype=np.int64)
