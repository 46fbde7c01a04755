"""Rows of cells as files and requests give them, made into columns of codes: one reading of a row for all doors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from planrec.billing.cell_months.scheme import CellScheme
from planrec.billing.cell_months.table import CellMonths, CellRowError, cell_codes
from planrec.billing.events import CALL_IN, DATA, KINDS, SMS
from planrec.billing.rating.sheet import MOST_EVENTS, MOST_MEGABYTES, MOST_SECONDS
from planrec.columns import MONTH, SUBSCRIBER

__all__ = ["CELL_NUMBERS", "CELL_TEXTS", "Texts", "cells_of_columns", "slot_column"]

CELL_TEXTS = (SUBSCRIBER, MONTH, "kind", "to", "at", "band", "valid_from", "increment")
CELL_NUMBERS = ("events", "seconds", "data_parts", "blocks")
"""Columns of a row; the slots of a card come behind them."""

Texts = tuple[list[str], IntArray]
"""Different texts, and the place of each row's among them."""


def slot_column(second: int) -> str:
    """Return the column of the seconds beyond a slot's start.

    Examples
    --------
    >>> slot_column(300)
    'seconds_beyond_300'
    """
    return f"seconds_beyond_{second}"


def cells_of_columns(
    scheme: CellScheme, texts: Mapping[str, Texts], numbers: Mapping[str, IntArray], where: str
) -> CellMonths:
    """Return rows of cells as columns of codes.

    Parameters
    ----------
    scheme : CellScheme
        By which they were counted.
    texts : mapping of str to Texts
        By the names in `CELL_TEXTS`; "" where none stands.
    numbers : mapping of str to int64 array of shape (n,)
        By the names in `CELL_NUMBERS` and of the slots; -1 where none stands.
    where : str
        What messages call the cells.

    Raises
    ------
    CellRowError
        If a value cannot be used; the message names column and number of rows, never the value.
    """
    kind = _places(texts["kind"], KINDS, "kind", where)
    increment = np.full(len(kind), -1, dtype=np.int64)
    first, step = np.ones(len(kind), dtype=np.int64), np.ones(len(kind), dtype=np.int64)
    for k in range(len(KINDS)):
        rows, known = np.flatnonzero(kind == k), scheme.increments(k)
        names, codes = texts["increment"]
        labels = tuple(i.label for i in known)
        increment[rows] = _places((names, codes[rows]), labels, "increment", where, rows)
        first[rows] = np.array([i.first for i in known], dtype=np.int64)[increment[rows]]
        step[rows] = np.array([i.step for i in known], dtype=np.int64)[increment[rows]]
    subscribers, subscriber = _coded(*texts[SUBSCRIBER], None)
    periods, period = _coded(*texts[MONTH], None)
    classes, to = _coded(*texts["to"], "")
    places, at = _coded(*texts["at"], "home")
    events, seconds, data, blocks = (numbers[name] for name in CELL_NUMBERS)
    calls = kind <= CALL_IN
    quantity = np.where(calls, seconds, np.where(kind == DATA, data, events))
    slots = [np.where(calls, numbers[slot_column(s)], 0) for s in scheme.slots]
    lacking = (quantity < 0) | ((kind == DATA) & (increment > 0) & (blocks * step != data))
    _refuse(lacking, f"{where}: {int(lacking.sum())} row(s) lack what their kind counts.")
    # A sum of whole increments is at most that of the uses and one increment each; sums of such rows fit 64 bits.
    most = np.select([calls, kind == SMS], [MOST_SECONDS, MOST_EVENTS], MOST_MEGABYTES * scheme.unit)
    large = (events > MOST_EVENTS) | (quantity > most + np.clip(events, 0, MOST_EVENTS) * np.maximum(first, step))
    _refuse(
        large,
        f"{where}: {int(large.sum())} row(s) hold more megabytes, seconds or messages than can be rated in one "
        "period; check the unit.",
    )
    beyond = np.array(slots, dtype=np.int64).reshape(len(slots), len(kind)).T
    band = _places(texts["band"], scheme.bands, "band", where)
    date = _places(texts["valid_from"], scheme.dates, "valid_from", where)
    return CellMonths(
        *(scheme, subscribers, periods, classes, places, subscriber, period, kind, to, at, band, date, increment),
        *(events, quantity, beyond),
    )


def _coded(names: list[str], codes: IntArray, first: str | None) -> tuple[tuple[str, ...], IntArray]:
    """Return texts as `cell_codes` does; the least one is the first where none is told."""
    found, places = cell_codes(names, min(names, default="") if first is None else first)
    return found, places[codes]


def _places(texts: Texts, known: tuple[str, ...], column: str, where: str, rows: IntArray | None = None) -> IntArray:
    """Return the place of each text among those known; `rows` says where the texts stand, if not everywhere."""
    place = {name: i for i, name in enumerate(known)}
    names, given = texts
    codes = np.array([place.get(text, -1) for text in names], dtype=np.int64)[given]
    wrong = codes < 0
    told = ", ".join(name or "empty" for name in known)
    _refuse(wrong, f"{where}: column {column!r}: {int(wrong.sum())} value(s) are none of {told}.", rows)
    return codes


def _refuse(wrong: BoolArray, message: str, rows: IntArray | None = None) -> None:
    if wrong.any():
        first = int(wrong.argmax())
        raise CellRowError(message, first if rows is None else int(rows[first]))
