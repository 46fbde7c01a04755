"""Months of cells one by one: a subscriber's own months, and own months scaled to what a coming one may hold.

Each month is billed alone: nothing rolls over from one to the next, and there is neither activation nor end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from planrec.billing.cards import AccountHolder, FullCard
from planrec.billing.cell_months.charged_use import N_SERVICES, SERVICE_OF_KIND, charged_use
from planrec.billing.cell_months.table import CellMonths, cell_frame
from planrec.billing.events import CALL_IN, KINDS, PeriodRule
from planrec.billing.rating import BillBook, Sheet, bill_frame
from planrec.billing.rating.frame import Frame, UseSums
from planrec.billing.rating.holdings import AccountPeriods
from planrec.billing.rating.segments import group_sums
from planrec.billing.rating.sheet import MOST_EVENTS, MOST_MEGABYTES, MOST_SECONDS

__all__ = [
    "CoveredUse",
    "MonthBills",
    "OwnMonths",
    "bill_months",
    "multiplied_months",
    "own_months",
    "plan_sheets",
    "scaled_months",
]

# What amounts of each kind are told in, and how many counted parts that has; 0: those of the sheet.
_UNITS: tuple[tuple[Literal["minutes", "messages", "megabytes"], int], ...] = (
    *(("minutes", 60), ("minutes", 60)),
    *(("messages", 1), ("megabytes", 0)),
)
_HOLDER = AccountHolder.model_validate({})


@dataclass(frozen=True)
class OwnMonths:
    """Cells of n subscribers in m months each, as rows that the rater takes.

    Attributes
    ----------
    frame : Frame
        `account` is the subscriber's place times m plus the month's.
    periods : int64 array of shape (n, m)
        Billing period of each month, -1 where there is none.
    """

    frame: Frame
    periods: IntArray

    @property
    def used(self) -> BoolArray:
        """Whether calls made, messages and data were used in each month; (n, m, 3)."""
        kinds = self.frame.kind != CALL_IN
        found = np.zeros((self.periods.size, N_SERVICES), dtype=bool)
        found[self.frame.account[kinds], SERVICE_OF_KIND[self.frame.kind[kinds]]] = True
        return found.reshape(*self.periods.shape, N_SERVICES)


@dataclass(frozen=True)
class CoveredUse:
    """What an allowance of a plan covered.

    Attributes
    ----------
    name : str
        As bills call it: its name, else its key in the card.
    unit : {"minutes", "messages", "megabytes"}
    amounts : float64 array of shape (n, m)
    """

    name: str
    unit: Literal["minutes", "messages", "megabytes"]
    amounts: FloatArray


@dataclass(frozen=True)
class MonthBills:
    """Bills of months on one plan.

    Attributes
    ----------
    items : dict
        int64 arrays of shape (n, m), by line item; cents. A month that is not known holds 0.
    unsold : bool array of shape (n, m)
        Use that the plan does not sell: the bill does not count.
    covered : dict of str to CoveredUse
        By the key of the allowance.
    use : dict
        int64 arrays of shape (n, m, 3), by line item: seconds, messages and parts of a megabyte that it charges for, as
        `charged_use`. Empty where it was not asked for.
    """

    items: dict[str, IntArray]
    unsold: BoolArray
    covered: dict[str, CoveredUse] = field(default_factory=dict[str, CoveredUse])
    use: dict[str, IntArray] = field(default_factory=dict[str, IntArray])

    @property
    def totals(self) -> IntArray:
        """Sum of the items; int64 array of shape (n, m), cents."""
        return np.sum(list(self.items.values()), axis=0, dtype=np.int64) + np.zeros(self.unsold.shape, dtype=np.int64)


def own_months(card: FullCard, cells: CellMonths, subscribers: Sequence[str], periods: IntArray) -> OwnMonths:
    """Return the cells of subscribers in months of their own.

    Parameters
    ----------
    card : FullCard
        By whose scheme the cells were counted.
    cells : CellMonths
        Others' cells and other months are passed over.
    subscribers : sequence of str
        n different ones.
    periods : int64 array of shape (n, m)
        Billing periods, no two of one subscriber the same; -1 where there is none.

    Raises
    ------
    DataError
        If the cells do not hold together, or a subscriber used more in a month than can be rated.
    """
    sheet, (n, m) = cells.scheme.sheet if cells.scheme.card is card else Sheet(card), periods.shape
    listed = np.unique(periods[periods >= 0])
    frame = cell_frame(sheet, _accounts(card, listed, n), cells, tuple(subscribers))
    place = np.full((n, len(listed) + 1), -1, dtype=np.int64)
    row, lag = np.nonzero(periods >= 0)
    place[row, np.searchsorted(listed, periods[row, lag])] = lag
    who, when = np.divmod(frame.account, max(len(listed), 1))
    account = np.where(place[who, when] >= 0, who * m + place[who, when], -1)
    kept = np.flatnonzero(account >= 0)
    kept = kept[np.argsort(account[kept], kind="stable")]
    return OwnMonths(_rows(frame, kept, account[kept]), periods)


def scaled_months(
    own: OwnMonths, usage: FloatArray, known: BoolArray, wanted: FloatArray, period: IntArray
) -> OwnMonths:
    """Return months that may come: own months, each service scaled to the usage of a scenario.

    Scenario j takes own month j modulo the months known. Of a service that the month knows no use of it takes the next
    older one that does, going round; where none does, the month as it is, in which there are received calls at most.
    Counts, seconds and megabytes of a cell are multiplied alike and rounded to the nearest whole one; prices are those
    of the period's first day. A factor ends where a month would hold more than can be rated.

    Parameters
    ----------
    own : OwnMonths
        n subscribers, m months.
    usage : float64 array of shape (n, m, 3)
        Minutes, messages and megabytes of the own months.
    known : bool array of shape (n, m)
        At least one month of each subscriber.
    wanted : float64 array of shape (n, k, 3)
        Usage of the scenarios.
    period : int64 array of shape (n,)
        Billing period that may come.

    Returns
    -------
    OwnMonths
        n subscribers, k scenarios.
    """
    frame, (n, m), k = own.frame, known.shape, wanted.shape[1]
    source, factor = _sources(usage, known, wanted)
    factor = np.minimum(
        factor,
        _largest(frame, n * m).reshape(n, m, N_SERVICES)[np.arange(n)[:, None, None], source, np.arange(N_SERVICES)],
    )
    # Rows of one month and service stand together, so that each scenario takes a run of them.
    key = frame.account * N_SERVICES + SERVICE_OF_KIND[frame.kind]
    order = np.argsort(key, kind="stable")
    asked = ((np.arange(n)[:, None, None] * m + source) * N_SERVICES + np.arange(N_SERVICES)).reshape(-1)
    low, high = (np.searchsorted(key[order], asked, side=side) for side in ("left", "right"))
    count = np.where(factor.reshape(-1) > 0, high - low, 0)
    target = np.repeat(np.arange(len(asked)), count)
    place = np.arange(len(target)) - np.repeat(np.cumsum(count) - count, count)
    rows = order[low[target] + place]
    scaled = _multiplied(frame, rows, target // N_SERVICES, factor.reshape(-1)[target])
    days = PeriodRule(frame.cells.sheet.card.period).start(period)
    date = np.searchsorted(frame.cells.dates, days, side="right")[target // (N_SERVICES * k)]
    parts = frame.cells.parts(scaled.cell)
    cell = np.asarray(np.ravel_multi_index((parts[0], date, *parts[2:]), frame.cells.shape), dtype=np.int64)
    return OwnMonths(replace(scaled, cell=cell), np.repeat(period[:, None], k, axis=1))


def multiplied_months(own: OwnMonths, factors: Sequence[float]) -> OwnMonths:
    """Return own months with other use, each at the prices of its own dates.

    Counts, seconds and megabytes of a cell are multiplied alike and rounded to the nearest whole one. A factor ends
    where a month would hold more than can be rated; of a service whose factor is 0 nothing is left.

    Parameters
    ----------
    own : OwnMonths
    factors : sequence of float
        Of calls (also received), messages and data; >= 0.
    """
    frame, size = own.frame, own.periods.size
    factor = np.minimum(np.tile(np.array(factors, dtype=np.float64), size), _largest(frame, size))
    times = factor[frame.account * N_SERVICES + SERVICE_OF_KIND[frame.kind]]
    kept = np.flatnonzero(times > 0)
    return OwnMonths(_multiplied(frame, kept, frame.account[kept], times[kept]), own.periods)


def plan_sheets(card: FullCard, plans: Sequence[int]) -> tuple[Sheet, ...]:
    """Return a sheet of each plan alone: far fewer rows to look at than those of the whole card.

    Parameters
    ----------
    card : FullCard
    plans : sequence of int
        Positions in the card.
    """
    unit = Sheet(card).unit
    return tuple(Sheet(card.model_copy(update={"plans": (card.plans[k],)}), unit) for k in plans)


def bill_months(own: OwnMonths, sheets: Sequence[Sheet], *, with_use: bool = False) -> list[MonthBills]:
    """Bill each month alone on plans of a card, without options.

    Parameters
    ----------
    own : OwnMonths
    sheets : sequence of Sheet
        Of `plan_sheets`: plans that cells price (`cell_reasons`), of the card of the months.
    with_use : bool
        Whether the bills say what use their items charge for.
    """
    shape = own.periods.shape
    found = [MonthBills({}, np.zeros(shape, dtype=bool)) for _ in sheets]
    for period, months, frame in _by_period(own):
        for bills, sheet in zip(found, sheets, strict=True):
            accounts = _accounts(sheet.card, np.array([period]), len(months))
            book, unsold = bill_frame(sheet, accounts, frame, ("",) * len(months), refuse=False)
            bills.unsold.reshape(-1)[months] = unsold[:, 0]
            for item, cents in book.items.items():
                whole = bills.items.setdefault(item, np.zeros(shape, dtype=np.int64))
                whole.reshape(-1)[months] = cents[:, 0]
            for key, use in _covered(book):
                whole_use = bills.covered.setdefault(key, replace(use, amounts=np.zeros(shape)))
                whole_use.amounts.reshape(-1)[months] = use.amounts
            for item, sums in charged_use(book, frame.kind).items() if with_use else ():
                every = bills.use.setdefault(item, np.zeros((*shape, N_SERVICES), dtype=np.int64))
                every.reshape(-1, N_SERVICES)[months] = sums
    return found


def _covered(book: BillBook) -> Iterator[tuple[str, CoveredUse]]:
    """Yield what each allowance of a plan covered for the accounts of a bill of one period, with its key."""
    if book.used is None or book.sheet is None:
        return
    trace = book.used.trace
    for row, (rows, amounts) in zip(book.sheet.allowances, trace.takes, strict=True):
        if row.allowance is not None and row.owner.option < 0:
            unit, parts = _UNITS[KINDS.index(row.allowance.kind[0])]
            used = group_sums(amounts, trace.account[rows], len(book.names)) / (parts or book.sheet.unit)
            yield row.key, CoveredUse(row.allowance.name or row.key, unit, used)


def _by_period(own: OwnMonths) -> Iterator[tuple[int, IntArray, Frame]]:
    """Yield each period with the places of its months and their rows, whose accounts are those months in order."""
    flat = own.periods.reshape(-1)
    for period in np.unique(flat[flat >= 0]).tolist():
        months = np.flatnonzero(flat == period)
        rank = np.full(len(flat), -1, dtype=np.int64)
        rank[months] = np.arange(len(months))
        rows = np.flatnonzero(rank[own.frame.account] >= 0)
        yield period, months, _rows(own.frame, rows, rank[own.frame.account[rows]])


def _accounts(card: FullCard, periods: IntArray, n: int) -> AccountPeriods:
    """Return n accounts that were there before, on the first plan without options."""
    held = np.zeros((n, len(periods)), dtype=np.int64)
    nothing = np.zeros((n, len(card.options)), dtype=bool)
    return AccountPeriods(PeriodRule(card.period), (_HOLDER,) * n, np.arange(n), periods, held, nothing)


def _rows(frame: Frame, rows: IntArray, account: IntArray) -> Frame:
    """Return rows of a frame of sums, for other accounts, which rise."""
    counted = frame.counted
    use = counted and UseSums(
        counted.events[rows],
        {key: amounts[rows] for key, amounts in counted.billed.items()},
        {key: amounts[rows] for key, amounts in counted.beyond.items()},
    )
    none = np.zeros(len(rows), dtype=np.int64)
    kind, quantity, cell = frame.kind[rows], frame.quantity[rows], frame.cell[rows]
    return Frame(frame.cells, frame.clock, none - 1, account, none, none, kind, quantity, cell, frame.unit, counted=use)


def _multiplied(frame: Frame, rows: IntArray, account: IntArray, times: FloatArray) -> Frame:
    """Return rows of a frame of sums for other accounts, which rise, each multiplied."""
    counted = frame.counted or UseSums(frame.quantity, {}, {})

    def sums(amounts: IntArray) -> IntArray:
        return np.rint(amounts[rows] * times).astype(np.int64)

    use = UseSums(
        sums(counted.events),
        {key: sums(amounts) for key, amounts in counted.billed.items()},
        {key: sums(amounts) for key, amounts in counted.beyond.items()},
    )
    return replace(_rows(frame, rows, account), quantity=sums(frame.quantity), counted=use)


def _sources(usage: FloatArray, known: BoolArray, wanted: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the own month that each scenario takes for each service, and by what it is multiplied; (n, k, 3)."""
    (n, m), k = known.shape, wanted.shape[1]
    count = known.sum(axis=1)
    order = np.argsort(~known, axis=1, kind="stable")  # months known first, latest first
    turn = np.arange(k)[None] % np.maximum(count, 1)[:, None]
    source = np.repeat(np.take_along_axis(order, turn, axis=1)[..., None], N_SERVICES, axis=2)
    rows, services = np.arange(n)[:, None, None], np.arange(N_SERVICES)
    for further in range(m - 1, -1, -1):  # the nearest of those with use is written last
        other = np.take_along_axis(order, (turn + further) % np.maximum(count, 1)[:, None], axis=1)[..., None]
        source = np.where(usage[rows, other, services] > 0, other, source)
    there = usage[rows, source, services]
    return source, np.divide(wanted, there, out=np.ones(wanted.shape), where=there > 0)


def _largest(frame: Frame, n: int) -> FloatArray:
    """Return the largest factor on each month and service that can be rated; (n * 3,)."""
    key = frame.account * N_SERVICES + SERVICE_OF_KIND[frame.kind]
    events = frame.quantity if frame.counted is None else frame.counted.events
    most = np.tile([MOST_SECONDS, MOST_EVENTS, MOST_MEGABYTES * frame.unit], n).astype(np.float64)
    found = np.full(n * N_SERVICES, np.inf)
    for amounts, limit in ((frame.quantity, most), (events, np.full(n * N_SERVICES, float(MOST_EVENTS)))):
        sums = np.bincount(key, weights=amounts.astype(np.float64), minlength=n * N_SERVICES)
        found = np.minimum(found, np.divide(limit, sums, out=np.full(len(sums), np.inf), where=sums > 0))
    return found
