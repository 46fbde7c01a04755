"""Cells of usage in the basis of a notice: one row a cell and increment, in words, and columns made of them again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import ConfigDict, Field

from common_utils.array_types import IntArray
from common_utils.errors import DataError
from planrec.billing.cell_months import CellMonths, CellScheme, cell_codes
from planrec.billing.events import KINDS
from planrec.months import MONTH_PATTERN

__all__ = ["BasisCells", "CellRow", "basis_cells", "cells_again"]

_Count = Annotated[int, Field(ge=0, le=2**53)]
_Month = Annotated[str, Field(pattern=MONTH_PATTERN)]
CellRow = tuple[_Month, str, str, str, str, str, str, _Count, _Count, tuple[_Count, ...]]
"""Month, kind, to, at, band, valid_from, increment, events, quantity, and seconds beyond each slot of the card, as in a
file of cells. The quantity is billed seconds of calls, messages, or parts of a megabyte of data."""


@dataclass(frozen=True, slots=True)
class BasisCells:
    """Cells of the months of a basis.

    Attributes
    ----------
    scheme : str
        Digest of what they were counted by.
    rows : tuple of CellRow
        Ascending, each once; a month without use has none.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    scheme: str
    rows: tuple[CellRow, ...]

    def within(self, scheme: str, months: Collection[str]) -> BasisCells:
        """Return the rows of some months, in order, as those of a scheme."""
        return BasisCells(scheme, tuple(sorted(row for row in self.rows if row[0] in months)))


def basis_cells(cells: CellMonths) -> dict[str, BasisCells]:
    """Return the cells of each subscriber.

    Parameters
    ----------
    cells : CellMonths
    """
    scheme = cells.scheme
    labels = [[i.label for i in scheme.increments(kind)] for kind in range(len(KINDS))]
    found: dict[str, list[CellRow]] = {name: [] for name in cells.subscribers}
    columns = (cells.subscriber, cells.period, cells.kind, cells.to, cells.at, cells.band, cells.date, cells.increment)
    numbers = (cells.events.tolist(), cells.quantity.tolist(), cells.beyond.tolist())
    for who, when, kind, to, at, band, day, step, events, quantity, beyond in zip(
        *(column.tolist() for column in columns), *numbers, strict=True
    ):
        row: CellRow = (
            cells.periods[when],
            KINDS[kind],
            cells.classes[to],
            cells.places[at],
            scheme.bands[band],
            scheme.dates[day],
            labels[kind][step],
            events,
            quantity,
            tuple(beyond),
        )
        found[cells.subscribers[who]].append(row)
    return {name: BasisCells(scheme.digest, tuple(sorted(rows))) for name, rows in found.items()}


def cells_again(each: Sequence[Sequence[CellRow]], scheme: CellScheme) -> CellMonths:
    """Return rows of cells as columns.

    Parameters
    ----------
    each : sequence of sequences of CellRow
        Rows of n subscribers, who are called "0" to "n - 1".
    scheme : CellScheme
        By which they were counted.

    Raises
    ------
    DataError
        If a row does not fit the scheme.

    Examples
    --------
    >>> from planrec.billing.cell_months import scheme_of
    >>> from planrec.billing.cards import parse_card
    >>> rate = {"kind": "sms", "item": "messages", "each": "3"}
    >>> tree = {"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [{"plan_id": "a", "rates": [rate]}]}
    >>> row = ("2025-10", "sms", "", "home", "", "", "exact", 12, 12, ())
    >>> cells = cells_again([[], [row]], scheme_of(parse_card(tree, "card")))
    >>> cells.subscribers[cells.subscriber[0]], cells.quantity.tolist(), basis_cells(cells)["1"].rows == (row,)
    ('1', [12], True)
    """
    rows = [row for some in each for row in some]
    months, kinds, to, at, bands, days, steps, events, quantity, beyond = zip(*rows, strict=True) if rows else [()] * 10
    kind = _places(kinds, KINDS)
    labels = [{i.label: place for place, i in enumerate(scheme.increments(k))} for k in range(len(KINDS))]
    step = [labels[k].get(label, -1) for k, label in zip(kind.tolist(), steps, strict=True)]
    odd = sum(place < 0 for place in step) + sum(len(slots) != len(scheme.slots) for slots in beyond)
    if odd:
        raise DataError(f"notices: {odd} row(s) of cells do not fit the scheme of the rate card.")
    periods, period = cell_codes(list(months), min(months, default=""))
    classes, to_codes = cell_codes(list(to), "")
    places, at_codes = cell_codes(list(at), "home")
    return CellMonths(
        scheme=scheme,
        subscribers=tuple(map(str, range(len(each)))),
        periods=periods,
        classes=classes,
        places=places,
        subscriber=np.repeat(np.arange(len(each)), [len(some) for some in each]),
        period=period,
        kind=kind,
        to=to_codes,
        at=at_codes,
        band=_places(bands, scheme.bands),
        date=_places(days, scheme.dates),
        increment=np.array(step, dtype=np.int64),
        events=np.array(events, dtype=np.int64),
        quantity=np.array(quantity, dtype=np.int64),
        beyond=np.array(beyond, dtype=np.int64).reshape(len(rows), len(scheme.slots)),
    )


def _places(texts: Sequence[str], known: tuple[str, ...]) -> IntArray:
    place = {name: i for i, name in enumerate(known)}
    codes = np.array([place.get(text, -1) for text in texts], dtype=np.int64)
    if (codes < 0).any():
        raise DataError(f"notices: {int((codes < 0).sum())} row(s) of cells do not fit the scheme of the rate card.")
    return codes
