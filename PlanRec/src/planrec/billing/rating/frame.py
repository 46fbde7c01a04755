"""Events as the columns that rating needs: local day, period, account and cell; worked out once for all plans.

What is order-free can be rated from sums: the uses of a kind in one cell and period become one row.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, IntArray
from common_utils.errors import DataError
from planrec.billing.events import CALL_IN, DATA, DAY, KINDS, MICRO, SMS, Events, LocalClock
from planrec.billing.rating.cells import CardCells
from planrec.billing.rating.holdings import AccountPeriods
from planrec.billing.rating.segments import group_sums
from planrec.billing.rating.sheet import MOST_EVENTS, MOST_MEGABYTES, MOST_SECONDS, Sheet

__all__ = ["Frame", "UseSums", "frame_of", "refuse_too_much"]


@dataclass(frozen=True)
class UseSums:
    """What rows that each stand for many uses know beside their quantity; int64 arrays of shape (n,).

    Attributes
    ----------
    events : int64 array
        Uses in each row.
    billed : dict of (first, step) to int64 array
        Sum of what the uses count as after these increments; seconds of calls, parts of a megabyte of data.
    beyond : dict of (first, step, second) to int64 array
        Sum of the billed seconds of each call beyond that second of it.
    """

    events: IntArray
    billed: dict[tuple[int, int], IntArray]
    beyond: dict[tuple[int, int, int], IntArray]


@dataclass(frozen=True)
class Frame:
    """Columns of the events that count, sorted by account and time; they hold for every plan of the card.

    Attributes
    ----------
    cells : CardCells
        Those of the whole card; a cell of the frame has no holding.
    source : int64 array of shape (n,)
        Position of the event in the table, -1 for a sum.
    account : int64 array of shape (n,)
        Account in a period, rising.
    kept : dict
        What plans share: billed quantities by increments, events by scope.
    counted : UseSums or None
        Where the rows are no events but sums of a table of cells: what is known of their uses.
    callee : int64 array of shape (n,) or None
        As the table's.
    """

    cells: CardCells
    clock: LocalClock
    source: IntArray
    account: IntArray
    instant: IntArray
    day: IntArray
    kind: IntArray
    quantity: IntArray
    cell: IntArray
    unit: int
    kept: dict[bytes, IntArray] = field(default_factory=dict)
    sums: dict[tuple[int, ...], Frame] = field(default_factory=dict)
    counted: UseSums | None = None
    callee: IntArray | None = None

    def rows_in(self, fits: BoolArray) -> IntArray:
        """Return the rows whose cell is one of those marked; bool array of shape (n_cells,)."""
        key = b"rows" + np.packbits(fits).tobytes()
        if key not in self.kept:
            self.kept[key] = np.flatnonzero(fits[self.cell])
        return self.kept[key]

    def billed(self, first: IntArray, step: IntArray) -> IntArray:
        """Return quantities after their increments; int64 arrays of shape (n_cells,) say first and step."""
        key = b"billed" + first.tobytes() + step.tobytes()
        if key not in self.kept:
            self.kept[key] = self.after(first[self.cell], step[self.cell])
        return self.kept[key]

    def after(self, first: IntArray, step: IntArray) -> IntArray:
        """Return quantities after increments; int64 arrays of shape (n,) say first and step of each row."""
        if self.counted is None:
            return after_increments(self.quantity, first, step)
        found = self.quantity.copy()
        for (a, b), amounts in self.counted.billed.items():
            rows = np.flatnonzero((first == a) & (step == b))
            found[rows] = amounts[rows]
        return found

    def summed(self, kinds: tuple[int, ...]) -> Frame:
        """Return a frame in which the uses of these kinds, messages or data, are one row a cell and account."""
        if not kinds:
            return self
        if kinds not in self.sums:
            self.sums[kinds] = self._summed(kinds)
        return self.sums[kinds]

    def _summed(self, kinds: tuple[int, ...]) -> Frame:
        those = np.isin(np.arange(len(KINDS)), kinds)[self.kind]
        rest, rows = np.flatnonzero(~those), np.flatnonzero(those)
        used = np.flatnonzero(np.bincount(self.cell[rows], minlength=self.cells.n))
        code = np.zeros(self.cells.n, dtype=np.int64)
        code[used] = np.arange(len(used))
        key = self.account[rows] * max(len(used), 1) + code[self.cell[rows]]
        # Sums of one account and period are below 2**53 (MOST_MEGABYTES parts), so floats hold them exactly.
        totals = np.bincount(key, weights=self.quantity[rows].astype(np.float64)).astype(np.int64)
        groups = np.flatnonzero(totals)
        account, cell = groups // max(len(used), 1), used[groups % max(len(used), 1)]
        order = np.argsort(np.concatenate((self.account[rest], account)), kind="stable")
        none = np.zeros(len(groups), dtype=np.int64)

        def joined(events: IntArray, sums: IntArray) -> IntArray:
            return np.concatenate((events[rest], sums))[order]

        return Frame(
            self.cells,
            self.clock,
            joined(self.source, none - 1),
            joined(self.account, account),
            joined(self.instant, none),
            joined(self.day, none),
            joined(self.kind, np.asarray(self.cells.parts(cell)[4], dtype=np.int64)),
            joined(self.quantity, totals[groups]),
            joined(self.cell, cell),
            self.unit,
            callee=None if self.callee is None else joined(self.callee, none),
        )


def after_increments(quantity: IntArray, first: IntArray, step: IntArray) -> IntArray:
    """Return what is billed: the first increment in full, then whole steps.

    Examples
    --------
    >>> after_increments(np.array([1, 61]), np.array([60, 60]), np.array([10, 10])).tolist()
    [60, 70]
    """
    beyond = np.maximum(quantity - first, 0)
    rows = np.flatnonzero((step != 1) & (beyond > 0))
    beyond[rows] = -(-beyond[rows] // step[rows]) * step[rows]
    return first + beyond


def frame_of(sheet: Sheet, accounts: AccountPeriods, events: Events) -> Frame:
    """Return the columns of the events that accounts have in listed periods.

    Raises
    ------
    DataError
        If a subscriber used more in a period than can be rated.
    """
    clock = LocalClock(sheet.card.timezone)
    seconds = events.instant // MICRO
    local = seconds + clock.offsets(seconds)
    day = local // DAY
    p = accounts.shape[1]
    first = int(day.min()) if len(day) else 0
    days = np.arange(first, int(day.max()) + 1) if len(day) else np.zeros(0, dtype=np.int64)
    period_of = np.searchsorted(accounts.starts, days, side="right") - 1
    period_of[(period_of >= 0) & (days >= accounts.ends[np.maximum(period_of, 0)])] = -1
    period = period_of[day - first]
    source, holder = _held(accounts, events, np.flatnonzero((period >= 0) & (events.quantity > 0)))
    if len(days) and ((accounts.first_day > days[0]).any() or (accounts.last_day < days[-1]).any()):
        there = (day[source] >= accounts.first_day[holder]) & (day[source] <= accounts.last_day[holder])
        source, holder = source[there], holder[there]
    day = day[source]
    account = holder * p + period[source]
    cells = CardCells(sheet, events.classes, events.places, [(0, np.zeros(len(sheet.card.options), dtype=bool))])
    kind = events.kind[source].astype(np.int64)
    minute = (cells.weekday(days) * 1440)[day - first] + (local[source] - day * DAY) // 60
    validity = np.searchsorted(cells.dates, days, side="right")[day - first]
    parts = (validity, cells.band_of_minute[minute], events.at[source], kind, events.to[source])
    cell = np.zeros(len(source), dtype=np.int64)
    for part, size in zip(parts, cells.shape[1:], strict=True):
        if size > 1:
            cell = cell * size + part
    quantity = events.quantity[source]
    if sheet.unit != MICRO:
        quantity = np.where(kind == DATA, quantity * (sheet.unit // MICRO), quantity)
    refuse_too_much(kind, quantity, account, accounts.plan.size, sheet.unit)
    callee = None if events.callee is None else events.callee[source]
    instant = events.instant[source]
    return Frame(cells, clock, source, account, instant, day, kind, quantity, cell, sheet.unit, callee=callee)


def _held(accounts: AccountPeriods, events: Events, kept: IntArray) -> tuple[IntArray, NDArray[np.int64]]:
    """Return the events of each account, and whose account it is."""
    n = len(accounts.who)
    if n == len(events.subscribers) and (accounts.who == np.arange(n)).all():
        return kept, events.subscriber[kept]
    edges = np.searchsorted(events.subscriber[kept], np.arange(len(events.subscribers) + 1))
    parts = [kept[edges[w] : edges[w + 1]] for w in accounts.who.tolist()]
    source = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    return source, np.repeat(np.arange(n), [len(part) for part in parts])


def refuse_too_much(kind: IntArray, quantity: IntArray, account: IntArray, n: int, unit: int) -> None:
    """Refuse use of one period that could take a sum of charges beyond 64 bits; arrays as a frame's.

    Raises
    ------
    DataError
        If a subscriber used more in a period than can be rated.
    """
    most_events = int(np.bincount(account, minlength=1).max())
    for name, rows, most in (
        ("seconds", kind <= CALL_IN, MOST_SECONDS),
        ("events", kind == SMS, MOST_EVENTS),
        ("megabytes", kind == DATA, MOST_MEGABYTES * unit),
    ):
        largest = int(np.max(quantity, where=rows, initial=0))
        if largest * most_events <= most:
            continue  # nobody can be above it; most tables end here
        sums = group_sums(quantity[rows], account[rows], n)
        if int(sums.max(initial=0)) > most:
            raise DataError(f"events: a subscriber has more {name} in one period than can be rated; check the unit.")
