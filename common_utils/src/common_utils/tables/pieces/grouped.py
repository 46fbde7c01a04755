"""Rows of a file in the order of a key, those of one key together: as they stand, or sorted on the disk."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from common_utils.tables.encodings import comparable_id
from common_utils.tables.pieces.opened import WrittenRows

__all__ = ["ROW_NUMBER", "Ascending", "key_text", "numbered", "sorted_rows", "whole_groups"]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

_SORT_MEMORY, _SORT_THREADS = "256MB", 2  # each thread needs its part of the memory
_KEY, ROW_NUMBER = "key", "row_in_file"


class Ascending:
    """Tells whether the values of a column ascend, as text without the spaces around it.

    Examples
    --------
    >>> seen = Ascending()
    >>> for ids in (["a", "b"], [" b", "c"]):
    ...     seen.add(pa.array(ids))
    >>> seen.holds
    True
    """

    def __init__(self) -> None:
        self.holds = True
        self._last: Any = None

    def add(self, ids: Any) -> None:
        """Look at some values."""
        if not self.holds or not len(ids):
            return
        text = key_text(ids)
        if self._last is not None:
            text = pa.concat_arrays([pa.array([self._last], text.type), text])
        self.holds = not pc.any(pc.less(text[1:], text[:-1])).as_py()
        self._last = text[-1].as_py()


def numbered(rows: WrittenRows) -> Any:
    """Return a table with the number of each row behind its columns."""
    return rows.table.append_column(ROW_NUMBER, pa.array(rows.rows))


def sorted_rows(tables: Iterable[Any], empty: Any, key: str, piece_rows: int) -> Generator[Any]:
    """Yield tables of rows ordered by a key, those of one as they stand in the file, within a limit of memory.

    Parameters
    ----------
    tables : iterable of pyarrow.Table
        As `numbered`.
    empty : pyarrow.Table
        Their columns, without the number.
    key : str
    piece_rows : int
        Rows at once.

    Raises
    ------
    duckdb.Error
        If there is no room on the disk.
    """
    kinds = [_storable(kind) for kind in empty.schema.types]
    columns = [f"c{number}" for number in range(len(kinds))]  # names that differ in case only are one to SQL
    schema = pa.schema([*zip(columns, kinds, strict=True), (ROW_NUMBER, pa.int64()), (_KEY, pa.string())])
    reader = pa.RecordBatchReader.from_batches(schema, _with_keys(tables, key, schema))
    names = [*empty.column_names, ROW_NUMBER]
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute("SET memory_limit = $1", [_SORT_MEMORY])
        connection.execute("SET threads = $1", [_SORT_THREADS])
        connection.execute("SET temp_directory = $1", [folder])
        connection.register("written", reader)
        picked = ", ".join([*columns, ROW_NUMBER])
        ordered = connection.sql(f"SELECT {picked} FROM written ORDER BY {_KEY}, {ROW_NUMBER}")  # noqa: S608 - names made above
        for batch in ordered.to_arrow_reader(piece_rows):
            restored = [_restored(*pair) for pair in zip(batch.columns, [*empty.schema.types, pa.int64()], strict=True)]
            yield pa.table(restored, names=names)


def whole_groups(tables: Iterable[Any], key: str, rows: int) -> Generator[Any]:
    """Yield tables, each to the first end of a key from so many rows on: the same however the rows come in.

    Parameters
    ----------
    tables : iterable of pyarrow.Table
        Rows in the order of the key.
    key : str
    rows : int
        Of a table, at least; the last may have fewer.

    Examples
    --------
    >>> parts = [pa.table({"id": ids}) for ids in (["a", "a", "b"], ["b", "b"], ["c"])]
    >>> [table["id"].to_pylist() for table in whole_groups(parts, "id", 3)]
    [['a', 'a', 'b', 'b', 'b'], ['c']]
    """
    waiting: list[Any] = []
    for part in tables:
        waiting.append(part)
        if sum(len(some) for some in waiting) <= rows:
            continue
        table = pa.concat_tables(waiting)
        while len(table) > rows:
            changes = np.flatnonzero(_changes(key_text(table[key].slice(rows - 1))))
            if not len(changes):
                break
            cut = rows + int(changes[0])
            yield table.slice(0, cut)
            table = table.slice(cut)
        waiting = [table]
    if sum(len(some) for some in waiting):
        yield pa.concat_tables(waiting)


def key_text(ids: Any) -> Any:
    """Return ids as they will be compared; what is missing comes first.

    Examples
    --------
    >>> key_text(pa.array([7, None])).to_pylist()
    ['7', '']
    """
    text = comparable_id(ids.cast(pa.string()))
    return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text


def _with_keys(tables: Iterable[Any], key: str, schema: Any) -> Iterator[Any]:
    for table in tables:
        keyed = table.append_column(_KEY, key_text(table.column(key)))
        yield from keyed.rename_columns(schema.names).cast(schema).to_batches()


def _storable(kind: Any) -> Any:
    """Return a type a database holds: no dictionaries, and some type where there is none."""
    kept = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.string() if pa.types.is_null(kept) else kept


def _restored(column: Any, kind: Any) -> Any:
    return pa.nulls(len(column)) if pa.types.is_null(kind) else column.cast(_storable(kind))


def _changes(ids: Any) -> NDArray[np.bool_]:
    """Tell after which rows another key begins; shape (n - 1,)."""
    return np.asarray(pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False), dtype=bool)
