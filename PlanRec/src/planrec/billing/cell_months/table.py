"""Usage months of cells as columns: counted from events, and made into the rows that the rater takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from common_utils.errors import DataError
from planrec.billing.cards import BillRequest, FullCard
from planrec.billing.cell_months.scheme import CellScheme, Increment, scheme_of
from planrec.billing.events import CALL_IN, KINDS, Events, LocalClock
from planrec.billing.rating import CardCells, Sheet, accounts_of
from planrec.billing.rating.frame import Frame, UseSums, after_increments, frame_of, refuse_too_much
from planrec.billing.rating.holdings import AccountPeriods

__all__ = ["CellMonths", "CellRowError", "cell_codes", "cell_frame", "count_cells"]


class CellRowError(DataError):
    """Rows of cells cannot be used.

    Attributes
    ----------
    row : int
        The first of them, counted from 0.
    """

    def __init__(self, message: str, row: int) -> None:
        super().__init__(message)
        self.row = row


@dataclass(frozen=True)
class CellMonths:
    """Use of subscribers in periods by cell and increment; int64 arrays of shape (n,).

    Attributes
    ----------
    scheme : CellScheme
    subscribers, periods, classes, places : tuple of str
        What codes stand for; code 0 of `classes` is "not told", of `places` home.
    subscriber, period, kind, to, at, band, date, increment : int64 arrays
        Codes; the last three are places in the scheme.
    events : int64 array
        Uses in the cell, the same for each increment of it.
    quantity : int64 array
        Billed seconds of calls, messages, parts of a megabyte of data.
    beyond : int64 array of shape (n, n_slots)
        Billed seconds of each call beyond each slot's start, summed.
    """

    scheme: CellScheme
    subscribers: tuple[str, ...]
    periods: tuple[str, ...]
    classes: tuple[str, ...]
    places: tuple[str, ...]
    subscriber: IntArray
    period: IntArray
    kind: IntArray
    to: IntArray
    at: IntArray
    band: IntArray
    date: IntArray
    increment: IntArray
    events: IntArray
    quantity: IntArray
    beyond: IntArray

    def __len__(self) -> int:
        return len(self.quantity)


def cell_codes(texts: list[str], first: str) -> tuple[tuple[str, ...], IntArray]:
    """Return the different texts, `first` before all others, and the place of each text among them.

    Examples
    --------
    >>> names, codes = cell_codes(["usa", "home", "usa"], "home")
    >>> names, codes.tolist()
    (('home', 'usa'), [1, 0, 1])
    """
    names = (first, *sorted(set(texts) - {first}))
    places = {name: i for i, name in enumerate(names)}
    return names, np.array([places[text] for text in texts], dtype=np.int64)


def count_cells(card: FullCard, request: BillRequest, events: Events) -> CellMonths:
    """Count the events of accounts in listed periods by cell.

    Parameters
    ----------
    card : FullCard
    request : BillRequest
        What is before a subscriber's first day or after the last one is not counted.
    events : Events
        Their `subscribers` are the request's, in its order.

    Raises
    ------
    ConfigError
        If the request does not fit the card.
    DataError
        If a subscriber used more in a period than can be rated.
    """
    scheme, sheet = scheme_of(card), Sheet(card)
    accounts = accounts_of(card, request.model_copy(update={"choose": None}))
    frame = frame_of(sheet, accounts, events)
    key = frame.account * frame.cells.n + frame.cell
    order = np.argsort(key, kind="stable")
    keys, starts = np.unique(key[order], return_index=True)
    account, cell = np.divmod(keys, frame.cells.n)
    _, date, band, at, kind, to = frame.cells.parts(cell)
    counts = np.diff(np.append(starts, len(order)))
    parts: list[tuple[IntArray, int, IntArray, IntArray]] = []
    for which, increments in _by_kind(scheme):
        groups = np.flatnonzero(which[kind])
        for place, increment in enumerate(increments if len(groups) else ()):
            one = np.full(len(order), 1, dtype=np.int64)
            billed = after_increments(frame.quantity, one * increment.first, one * increment.step)[order]
            calls = bool(which[0] or which[CALL_IN])
            slots = [np.maximum(billed - s, 0) if calls else billed * 0 for s in scheme.slots]
            sums = [np.add.reduceat(column, starts)[groups] for column in (billed, *slots)]
            beyond = np.array(sums[1:], dtype=np.int64).reshape(len(slots), len(groups)).T
            parts.append((groups, place, sums[0], beyond))
    none = np.zeros(0, dtype=np.int64)
    rows = np.concatenate([none, *(groups for groups, _, _, _ in parts)])
    increment = np.concatenate([none, *(np.full(len(groups), place) for groups, place, _, _ in parts)])
    quantity = np.concatenate([none, *(sums for _, _, sums, _ in parts)])
    beyond = np.concatenate([np.zeros((0, len(scheme.slots)), dtype=np.int64), *(b for _, _, _, b in parts)])
    sequence = np.lexsort((increment, rows))
    rows = rows[sequence]
    p = accounts.shape[1]
    return CellMonths(
        scheme,
        tuple(request.subscribers),
        tuple(accounts.rule.name(i) for i in accounts.periods.tolist()),
        frame.cells.classes,
        frame.cells.places,
        account[rows] // p,
        account[rows] % p,
        kind[rows],
        to[rows],
        at[rows],
        band[rows],
        date[rows],
        increment[sequence],
        counts[rows],
        quantity[sequence],
        beyond[sequence],
    )


def _by_kind(scheme: CellScheme) -> Iterator[tuple[BoolArray, tuple[Increment, ...]]]:
    """Yield which kinds of use are counted alike, and by which increments."""
    ways: dict[tuple[Increment, ...], BoolArray] = {}
    for kind in range(len(KINDS)):
        ways.setdefault(scheme.increments(kind), np.zeros(len(KINDS), dtype=bool))[kind] = True
    for increments, which in ways.items():
        yield which, increments


def cell_frame(sheet: Sheet, accounts: AccountPeriods, cells: CellMonths, subscribers: tuple[str, ...]) -> Frame:
    """Return the rows of accounts in listed periods, one a cell, as the rater takes them.

    Parameters
    ----------
    sheet : Sheet
    accounts : AccountPeriods
    cells : CellMonths
        Counted by the scheme of the sheet's card.
    subscribers : tuple of str
        The request's, in its order; accounts say which of them each is.

    Raises
    ------
    DataError
        If a cell lacks an increment, has one twice or contradicts itself (`CellRowError`), or a subscriber used more in
        a period than can be rated.
    """
    scheme, p = cells.scheme, accounts.shape[1]
    place = {name: a for a, name in enumerate(subscribers[w] for w in accounts.who.tolist())}
    listed = {accounts.rule.name(i): j for j, i in enumerate(accounts.periods.tolist())}
    who = np.array([place.get(name, -1) for name in cells.subscribers], dtype=np.int64)[cells.subscriber]
    when = np.array([listed.get(name, -1) for name in cells.periods], dtype=np.int64)[cells.period]
    kept = np.flatnonzero((who >= 0) & (when >= 0))
    grid = CardCells(sheet, cells.classes, cells.places, [(0, np.zeros(len(sheet.card.options), dtype=bool))])
    # One scheme can list its bands in another order than the card, so that their sets have other places.
    own = scheme.bands if scheme.card is sheet.card else scheme_of(sheet.card).bands
    band = np.array([own.index(name) for name in scheme.bands], dtype=np.int64)[cells.band]
    parts = (cells.date[kept] * 0, *(c[kept] for c in (cells.date, band, cells.at, cells.kind, cells.to)))
    cell = np.asarray(np.ravel_multi_index(parts, grid.shape), dtype=np.int64)
    keys, group = np.unique((who[kept] * p + when[kept]) * grid.n + cell, return_inverse=True)
    account, cell = np.divmod(keys, grid.n)
    kind = np.asarray(grid.parts(cell)[4], dtype=np.int64)
    counted = _sums(scheme, cells, kept, group, kind)
    quantity = counted.billed[1, 1]
    refuse_too_much(kind, quantity, account, accounts.plan.size, sheet.unit)
    none = np.zeros(len(keys), dtype=np.int64)
    clock = LocalClock(sheet.card.timezone)
    return Frame(grid, clock, none - 1, account, none, none, kind, quantity, cell, sheet.unit, counted=counted)


def _sums(scheme: CellScheme, cells: CellMonths, kept: IntArray, group: IntArray, kind: IntArray) -> UseSums:
    """Return the sums of each cell, one array an increment."""
    n = len(kind)
    events, seen = np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=np.int64)
    events[group] = cells.events[kept]
    odd = (cells.events[kept] != events[group]) | (cells.events[kept] < 1) | (cells.quantity[kept] < 1)
    odd |= (cells.beyond[kept] < 0).any(axis=1) | (cells.beyond[kept] > cells.quantity[kept][:, None]).any(axis=1)
    billed: dict[tuple[int, int], IntArray] = {}
    beyond: dict[tuple[int, int, int], IntArray] = {}
    for which, increments in _by_kind(scheme):
        for place, increment in enumerate(increments):
            rows = np.flatnonzero(which[kind[group]] & (cells.increment[kept] == place))
            once = np.unique(group[rows], return_index=True)[1]
            if len(once) < len(rows):
                again = int(kept[rows[np.setdiff1d(np.arange(len(rows)), once)[0]]])
                raise CellRowError("cells: a cell of a subscriber and period stands twice; give each row once.", again)
            pair = (increment.first, increment.step)
            amounts = billed.setdefault(pair, np.zeros(n, dtype=np.int64))
            amounts[group[rows]] = cells.quantity[kept[rows]]
            seen[group[rows]] += 1
            for s, second in enumerate(scheme.slots):
                sums = beyond.setdefault((*pair, second), np.zeros(n, dtype=np.int64))
                sums[group[rows]] = cells.beyond[kept[rows], s]
    wanted = np.array([len(scheme.increments(k)) for k in range(len(KINDS))])
    torn = seen != wanted[kind]
    if torn.any() or odd.any():
        raise CellRowError(
            f"cells: {int(torn.sum())} cell(s) lack an increment and {int(odd.sum())} row(s) contradict the others of "
            "their cell; rows were lost or changed. Count the events again.",
            int(kept[np.argmax(odd | torn[group])]),
        )
    return UseSums(events, billed, beyond)
