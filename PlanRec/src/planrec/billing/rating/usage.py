"""Use of one table of events under a card: passes, rates, allowances, charges, caps; sums of each line item.

Without a cap that refuses, one pass over the columns is enough. With one, what is refused depends on what was charged
before, so the pass is repeated with what is now known until nothing changes: each round is right up to one more
reached cap, whatever the number of events.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, IntArray
from common_utils.errors import DataError
from planrec.billing.cards import Rate
from planrec.billing.events import CALL_IN, DATA, DAY, KINDS, MICRO, SMS, Events, LocalClock
from planrec.billing.rating.allowances import Taken, take
from planrec.billing.rating.caps import NEVER
from planrec.billing.rating.cells import CardCells
from planrec.billing.rating.charges import Charge, EndCharge, Left, charges_of_rate, end_charges
from planrec.billing.rating.holdings import AccountPeriods
from planrec.billing.rating.passes import PassUse, open_passes
from planrec.billing.rating.segments import clip_to_limits, group_sums, run_numbers
from planrec.billing.rating.sheet import MOST_EVENTS, MOST_MEGABYTES, MOST_SECONDS, Sheet
from planrec.billing.rating.sums import sum_charges

__all__ = ["Trace", "UsedUp", "rate_use"]


@dataclass(frozen=True)
class Trace:
    """What became of each event; arrays of shape (n_events,), lists one entry a row of the sheet.

    Attributes
    ----------
    source : int64 array
        Position of the event in the table.
    account : int64 array
        Account in a period.
    rate : int16 array
        Position of its rate, -1 where none fits.
    billed, left : int64 arrays
        Quantity after increments, and what allowances leave over.
    takes : list of (events, amounts)
        What each allowance took.
    charges : list of Charge
        As charged, after rounding and caps.
    refused : bool array
        What allowances leave over did not take place.
    """

    source: IntArray
    account: IntArray
    rate: NDArray[np.int16]
    billed: IntArray
    left: IntArray
    takes: list[tuple[IntArray, IntArray]]
    limits: list[IntArray]
    charges: list[Charge]
    refused: BoolArray


@dataclass(frozen=True)
class UsedUp:
    """Sums of use; arrays of shape (n_cells,), cells being accounts times periods.

    Attributes
    ----------
    items : dict
        Numerators of each line item over the sheet's denominator.
    throttled, pooled : int64 arrays
        Slowed megabytes and megabytes that count for the pool, in the sheet's unit.
    """

    items: dict[str, IntArray]
    throttled: IntArray
    pooled: IntArray
    trace: Trace


@dataclass
class _State:
    """What one round learns for the next."""

    reached: list[IntArray]  # for each cap, event that reached it, in each cell
    refused_whole: BoolArray


@dataclass
class _Use:
    """Columns of the events that count, sorted by account and time."""

    sheet: Sheet
    cells: CardCells
    accounts: AccountPeriods
    clock: LocalClock
    source: IntArray
    account: IntArray
    instant: IntArray
    day: IntArray
    kind: IntArray
    quantity: IntArray
    cell: IntArray
    caps_hold: list[BoolArray] = field(default_factory=list)


def rate_use(sheet: Sheet, accounts: AccountPeriods, events: Events) -> UsedUp:
    """Rate the use of accounts.

    Parameters
    ----------
    sheet : Sheet
    accounts : AccountPeriods
    events : Events

    Returns
    -------
    UsedUp

    Raises
    ------
    DataError
        If no rate fits an event that allowances do not cover whole, or a subscriber used more than can be rated.
    """
    use = _columns(sheet, accounts, events)
    n, cells = len(use.source), accounts.plan.size
    state = _State([np.full(cells, NEVER) for _ in sheet.caps], np.zeros(n, dtype=bool))
    refuses = any(row.cap is not None and row.cap.mode == "refuse" for row in sheet.caps)
    while True:
        result, after = _round(use, state)
        same = all((a == b).all() for a, b in zip(state.reached, after.reached, strict=True))
        if not refuses or (same and (state.refused_whole == after.refused_whole).all()):
            break
        state = after
    _refuse_unpriced(use, result.trace)
    return result


def _columns(sheet: Sheet, accounts: AccountPeriods, events: Events) -> _Use:
    clock = LocalClock(sheet.card.timezone)
    seconds = events.instant // MICRO
    local = seconds + clock.offsets(seconds)
    day = local // DAY
    n, p = accounts.shape
    first = int(day.min()) if len(day) else 0
    days = np.arange(first, int(day.max()) + 1) if len(day) else np.zeros(0, dtype=np.int64)
    period_of = np.searchsorted(accounts.starts, days, side="right") - 1
    period_of[(period_of >= 0) & (days >= accounts.ends[np.maximum(period_of, 0)])] = -1
    period = period_of[day - first]
    listed = (period >= 0) & (events.quantity > 0)
    kept = np.flatnonzero(listed)
    edges = np.searchsorted(events.subscriber[kept], np.arange(len(events.subscribers) + 1))
    parts = [kept[edges[w] : edges[w + 1]] for w in accounts.who.tolist()]
    if n == len(events.subscribers) and (accounts.who == np.arange(n)).all():
        source, holder = kept, events.subscriber[kept]
    else:
        source = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
        holder = np.repeat(np.arange(n), [len(part) for part in parts])
    if len(days) and ((accounts.first_day > days[0]).any() or (accounts.last_day < days[-1]).any()):
        there = (day[source] >= accounts.first_day[holder]) & (day[source] <= accounts.last_day[holder])
        source, holder = source[there], holder[there]
    day = day[source]
    account = holder * p + period[source]
    holding, found = accounts.holdings
    cells = CardCells(sheet, events.classes, events.places, found)
    minute = ((days + 3) % 7 * 1440)[day - first] + (local[source] - day * DAY) // 60
    validity = np.searchsorted(cells.dates, days, side="right")[day - first]
    kind = events.kind[source].astype(np.int64)
    parts_of_cell = (
        holding[account],
        validity,
        cells.band_of_minute[minute],
        events.at[source],
        kind,
        events.to[source],
    )
    cell = np.zeros(len(source), dtype=np.int64)
    for part, size in zip(parts_of_cell, cells.shape, strict=True):
        if size > 1:
            cell = cell * size + part
    quantity = events.quantity[source]
    if sheet.unit != MICRO:
        quantity = np.where(kind == DATA, quantity * (sheet.unit // MICRO), quantity)
    _refuse_too_much(kind, quantity, account, accounts.plan.size, sheet.unit)
    use = _Use(sheet, cells, accounts, clock, source, account, events.instant[source], day, kind, quantity, cell)
    use.caps_hold = [cells.owned(row.owner)[holding] for row in sheet.caps]
    return use


def _refuse_too_much(kind: IntArray, quantity: IntArray, account: IntArray, n: int, unit: int) -> None:
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


def _round(use: _Use, state: _State) -> tuple[UsedUp, _State]:
    sheet, cells = use.sheet, use.cells
    n = len(use.source)
    cell, charges, not_there = _with_passes(use, state)
    first, step = cells.increments
    first, step = first[cell], step[cell]
    steps = (
        -(-np.maximum(use.quantity - first, 0) // step) if (step != 1).any() else np.maximum(use.quantity - first, 0)
    )
    billed = np.where(not_there, 0, first + steps * step)
    rest = billed.copy()
    home = cells.parts(cell)[3] == 0 if sheet.card.pool is not None else None
    pooled = np.zeros(n, dtype=bool)
    if home is not None:
        pooled = home & (use.kind == DATA) & ~not_there
        rest[pooled] = 0
    takes, limits, pays_setup, surcharges = _allow(use, cell, rest)
    charges += surcharges
    covered = billed - rest
    rate = cells.rate[cell]
    position = np.arange(n)
    refused = not_there.copy()
    for c, row in enumerate(sheet.caps):
        if row.cap is None or row.cap.mode != "refuse":
            continue
        standing = np.array([_stands_in(r.rate, row.cap.items) for r in sheet.rates if r.rate] + [False])
        refused |= (
            standing[rate] & (rest > 0) & (position > state.reached[c][use.account]) & use.caps_hold[c][use.account]
        )
    billed = np.where(refused, covered, billed)
    happens = billed > 0
    rest = np.where(refused, 0, rest)
    whole = np.minimum(-(-rest // step) * step, billed)
    left = Left(
        cell,
        use.account,
        use.day,
        use.instant // MICRO,
        use.kind,
        billed,
        whole,
        pays_setup & happens,
        use.accounts.plan.size,
    )
    ends: list[EndCharge] = []
    throttled = np.zeros(use.accounts.plan.size, dtype=np.int64)
    order = 2 + len(sheet.allowances)
    for r, row in enumerate(sheet.rates):
        rows = np.flatnonzero((rate == r) & happens & ~pooled)
        charges += charges_of_rate(cells, use.clock, r, rows, left, order)
        there = cells.owned(row.owner)[use.accounts.holdings[0]] & use.accounts.present.reshape(-1)
        ends += end_charges(cells, r, rows, left, there)
        if row.rate is not None and row.rate.throttled:
            data = rows[use.kind[rows] == DATA]
            throttled += group_sums(rest[data], use.account[data], len(throttled))
    items, reached, charges = sum_charges(sheet, use.account, use.accounts.plan.size, use.caps_hold, charges, ends)
    pool_sums = group_sums(use.quantity[pooled], use.account[pooled], len(throttled))
    trace = Trace(use.source, use.account, rate, billed, whole, takes, limits, charges, refused)
    whole_refusal = refused & (covered == 0) & ~not_there & ~pooled
    return UsedUp(items, throttled, pool_sums, trace), _State(reached, whole_refusal)


def _stands_in(rate: Rate, items: tuple[str, ...]) -> bool:
    names = {rate.item, *(a.item for a in rate.also)}
    names |= {rate.beyond.item} if rate.beyond else set()
    names |= {rate.ladder.beyond.item} if rate.ladder and rate.ladder.beyond else set()
    return bool(names & set(items))


def _with_passes(use: _Use, state: _State) -> tuple[IntArray, list[Charge], BoolArray]:
    """Return the cells with the places as which events count, the fees of passes, and events refused for a pass."""
    cells, n = use.cells, len(use.source)
    refused = np.zeros(n, dtype=bool)
    if not use.sheet.passes:
        return use.cell, [], refused
    cell, charges = use.cell.copy(), []
    wanted = cells.passes[use.cell]
    p = use.accounts.shape[1]
    for i, row in enumerate(use.sheet.passes):
        rows = np.flatnonzero(wanted == i)
        if row.bought is None or not len(rows):
            continue
        account = use.account[rows]
        group = account // p * (p + 1)
        if row.owner.plan >= 0:
            group = group + use.accounts.segment.reshape(-1)[account]
        stopped = np.zeros(len(rows), dtype=bool)
        for c, cap_row in enumerate(use.sheet.caps):
            if cap_row.cap and cap_row.cap.mode == "refuse" and row.bought.item in cap_row.cap.items:
                stopped |= use.caps_hold[c][account] & (rows > state.reached[c][account])
        passes = PassUse(group, account, use.instant[rows], use.day[rows], state.refused_whole[rows], stopped)
        opened = open_passes(passes, row.bought.lasts, row.bought.max_per_period)
        refused[rows[opened.refused]] = True
        place = cells.parts(use.cell[rows])[3]
        cell[rows] += (cells.places.index(row.bought.treat_as) - place) * cells.place_step
        paying = rows[opened.bought]
        fee = use.sheet.in_item(row.bought.item, row.bought.fee)
        charges.append(Charge(row.bought.item, paying, np.full(len(paying), fee, dtype=np.int64), 0))
    return cell, charges, refused


def _allow(
    use: _Use, cell: IntArray, rest: IntArray
) -> tuple[list[tuple[IntArray, IntArray]], list[IntArray], BoolArray, list[Charge]]:
    """Let the allowances take from `rest`, in place; return what each took, and surcharges inside them."""
    takes: list[tuple[IntArray, IntArray]] = []
    limits: list[IntArray] = []
    surcharges: list[Charge] = []
    pays_setup = np.ones(len(rest), dtype=bool)
    for a, (row, fits) in enumerate(zip(use.sheet.allowances, use.cells.allowances, strict=True)):
        allowance = row.allowance
        assert allowance is not None  # noqa: S101 - a row of allowances holds one
        rows = np.flatnonzero(fits[cell] & (rest > 0)) if fits.any() else np.zeros(0, dtype=np.int64)
        taken: Taken = take(row, use.sheet.unit, rest[rows], use.account[rows], use.day[rows], use.accounts)
        rest[rows] -= taken.amounts
        used = rows[taken.amounts > 0]
        takes.append((used, taken.amounts[taken.amounts > 0]))
        limits.append(taken.limits)
        if allowance.covers_setup:
            pays_setup[used] = False
        if allowance.within is not None and len(used):
            surcharges.append(_surcharge(use, cell, a, takes[-1]))
    return takes, limits, pays_setup, surcharges


def _surcharge(use: _Use, cell: IntArray, a: int, taken: tuple[IntArray, IntArray]) -> Charge:
    allowance = use.sheet.allowances[a].allowance
    assert allowance is not None  # noqa: S101 - the caller looked
    assert allowance.within is not None  # noqa: S101 - the caller looked
    within, card = allowance.within, use.sheet.card
    wanted = set(within.at) | {p for name in within.at for p in card.places.get(name, ())}
    inside = np.array([p in wanted for p in use.cells.places])
    rows, amounts = taken
    here = inside[use.cells.parts(cell[rows])[3]]
    rows, amounts = rows[here], amounts[here]
    runs, starts = run_numbers(use.account[rows])
    free = clip_to_limits(amounts, runs, starts, use.sheet.parts(within.amount))
    each = use.sheet.in_item(within.beyond.item, within.beyond.per_mb, use.sheet.unit)
    return Charge(within.beyond.item, rows, (amounts - free) * each, 1 + a)


def _refuse_unpriced(use: _Use, trace: Trace) -> None:
    bad = np.flatnonzero((trace.rate < 0) & (trace.left > 0) & (use.kind != CALL_IN))
    if len(bad):
        cell = use.cells.parts(use.cell[bad[:1]])
        kind, to = KINDS[int(use.kind[bad[0]])], use.cells.classes[int(cell[5][0])]
        raise DataError(
            f"events: no rate fits {len(bad)} event(s) that allowances do not cover, first a {kind} to {to!r} at "
            f"{use.cells.places[int(cell[3][0])]!r}. Add a rate or an unlimited allowance for it."
        )
