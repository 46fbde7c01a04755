"""What a request's cells are answered with. Only a service whose rate card holds full plans loads this module."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import numpy as np

from app.cell_requests import CellRowRequest, CellsRequest
from app.responses import CellSchemeResponse
from common_utils.array_types import IntArray
from common_utils.errors import ConfigError, DataError
from planrec.advice.from_cells import CellPricing, billing_periods
from planrec.advice.subscriber import SubscriberAdvice
from planrec.billing.cell_months import (
    CELL_NUMBERS,
    CELL_TEXTS,
    CellMonths,
    CellPlans,
    CellRowError,
    OwnMonths,
    Texts,
    cell_plans,
    cells_of_columns,
    own_months,
    scheme_of,
    slot_column,
)
from planrec.billing.named_words import named_places
from planrec.columns import SUBSCRIBER
from planrec.decisions import SubscriberRecord
from planrec.decisions.record import latest_months
from planrec.rules import ExclusionCode

__all__ = ["CellDoor"]

_NEEDS, _NOT_SOLD = ExclusionCode.NEEDS_USAGE_DETAIL.name, ExclusionCode.NOT_SOLD.name
_UNCOVERED = (
    "cells: a usage month lacks them, or they contradict its minutes, messages and megabytes: plans that cells price "
    f"are left out ({_NEEDS})"
)
_ONE = "subscriber"  # a request is about one
_CALLS = ("call", "call_in")
_TOLD = 5


class CellDoor:
    """Reads the cells of requests, and says what they did not price.

    Parameters
    ----------
    plans : CellPlans
        Of the rate card of the bundle.
    """

    def __init__(self, plans: CellPlans) -> None:
        self.catalogue = plans.wide
        self.pricing = CellPricing(plans)
        self.scheme = scheme_of(plans.card)
        self._places = named_places(plans.card)
        left_out = plans.wide.left_out()
        more = len(left_out) - _TOLD
        self._left_out = (*left_out[:_TOLD], *([f"{more} more plan(s) are left out ({_NEEDS})"] if more > 0 else []))
        self._priced = plans.wide.plan_ids[len(plans.short.plans) :]

    @classmethod
    def of(cls, card: bytes, name: str) -> CellDoor | None:
        """Return what reads cells for a rate card that a bundle holds; None where they price none of its plans."""
        try:
            return cls(cell_plans(card, name))
        except ConfigError:  # the card as such was read before
            return None

    def told(self) -> CellSchemeResponse:
        """Return what a caller must know to send cells."""
        scheme = self.scheme
        return CellSchemeResponse(
            scheme=scheme.digest, counts=scheme.words, seconds_beyond=list(scheme.slots), plans=list(self._priced)
        )

    def own(self, sent: CellsRequest, record: SubscriberRecord, months: Collection[str], looked_back: int) -> OwnMonths:
        """Return the cells of the months that an answer looks back over.

        Parameters
        ----------
        sent : CellsRequest
        record : SubscriberRecord
            Its months are those up to the month of the answer.
        months : collection of str
            All usage months of the request, YYYY-MM.
        looked_back : int
            Months looked back over.

        Raises
        ------
        DataError
            If the cells are those of another scheme, or a row cannot be used; the message says which row and what is
            wanted, and never what was sent.
        """
        if sent.scheme != self.scheme.digest:
            raise DataError(
                f"cells.scheme: needed is {self.scheme.digest} (rate card {self.scheme.card.version}; GET /plans says "
                "what it counts). Count the events again with `planrec bill --events --cells-output`."
            )
        known = latest_months(record, looked_back)
        periods = np.full((1, looked_back), -1, dtype=np.int64)
        periods[0, : len(known)] = [month.month for month in known]
        try:
            for place, row in enumerate(sent.rows):
                self._check(row, months, place)
            cells = self._columns(sent.rows)
            return own_months(self.pricing.plans.card, cells, (_ONE,), billing_periods(periods))
        except CellRowError as error:
            raise DataError(f"cells.rows[{error.row}]: {str(error).removeprefix('cells: ')}") from error
        except DataError as error:  # of the sum of many rows
            raise DataError(f"cells: {str(error).removeprefix('events: ')}") from error

    def _check(self, row: CellRowRequest, months: Collection[str], place: int) -> None:
        """Refuse what only the request and the card show: a month, place or slot that they do not have."""
        slots = len(self.scheme.slots) if row.kind in _CALLS else 0
        if row.month not in months:
            raise CellRowError("`month` is none of the usage months of the request.", place)
        if row.at not in self._places and row.kind != "call_in":  # received calls need no price
            raise CellRowError(f"`at` is no place of the rate card ({_some(self._places)}).", place)
        if len(row.seconds_beyond) != slots:
            columns = _some(map(slot_column, self.scheme.slots))
            raise CellRowError(f"`seconds_beyond` has, for calls alone, columns of the card: {columns}.", place)

    def _columns(self, rows: list[CellRowRequest]) -> CellMonths:
        texts = {name: _coded([getattr(row, name) for row in rows]) for name in CELL_TEXTS if name != SUBSCRIBER}
        texts[SUBSCRIBER] = [_ONE], np.zeros(len(rows), dtype=np.int64)
        numbers = {name: _numbers([getattr(row, name) for row in rows]) for name in CELL_NUMBERS}
        for s, second in enumerate(self.scheme.slots):
            numbers[slot_column(second)] = _numbers(
                [row.seconds_beyond[s] if row.seconds_beyond else None for row in rows]
            )
        return cells_of_columns(self.scheme, texts, numbers, "cells")

    def notes(self, record: SubscriberRecord, advice: SubscriberAdvice) -> Iterator[str]:
        """Yield what an answer left out: who held what, which cells are missing, and which plans need events."""
        held = advice.excluded.get(record.current_plan or "")
        if held in (_NEEDS, _NOT_SOLD) and record.current_plan in self._priced:
            yield f"current_plan: {held}, taken as unknown"
        if any(advice.excluded.get(plan) == _NEEDS for plan in self._priced):
            yield _UNCOVERED
        yield from self._left_out


def _some(names: Iterable[str]) -> str:
    """Return the first names for a message, which has little room."""
    told = sorted(filter(None, names))
    return ", ".join(told[:_TOLD]) + (", ..." if len(told) > _TOLD else "") if told else "it has none"


def _coded(texts: list[str]) -> Texts:
    names = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    return list(names), np.array([names[text] for text in texts], dtype=np.int64)


def _numbers(values: list[int | None]) -> IntArray:
    return np.array([-1 if value is None else value for value in values], dtype=np.int64)
