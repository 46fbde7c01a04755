"""Use of one table of events under a card: passes, rates, allowances, charges, caps; sums of each line item.

Without a cap that refuses, one pass over the columns is enough. With one, what is refused depends on what was charged
before, so the pass is repeated with what is now known until nothing changes: each round is right up to one more
reached cap, whatever the number of events.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, IntArray
from common_utils.errors import DataError
from planrec.billing.cards import Rate
from planrec.billing.events import CALL_IN, DATA, KINDS, MICRO, Events
from planrec.billing.rating.allowances import Asked, Taken, take
from planrec.billing.rating.cells import CardCells
from planrec.billing.rating.charges.caps import NEVER
from planrec.billing.rating.charges.of_rates import Charge, EndCharge, Left, charges_of_rate, end_charges
from planrec.billing.rating.charges.sums import sum_charges
from planrec.billing.rating.frame import Frame, frame_of
from planrec.billing.rating.holdings import AccountPeriods
from planrec.billing.rating.passes import PassUse, open_passes
from planrec.billing.rating.segments import clip_to_limits, group_sums, run_numbers
from planrec.billing.rating.sheet import Sheet

_WHAT = {"call": "a call", "call_in": "a received call", "sms": "a message", "data": "a data session"}

__all__ = ["Trace", "UsedUp", "rate_frame", "rate_use", "unpriced"]


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
    """What one round learns for the next, and what the last one says."""

    reached: list[IntArray]  # for each cap, event that reached it, in each cell
    refused_whole: BoolArray
    without_price: bool = False  # a call reached a band without a price for its seconds


@dataclass
class _Use:
    """A frame under one sheet: which holding each event meets."""

    sheet: Sheet
    cells: CardCells
    accounts: AccountPeriods
    frame: Frame
    cell: IntArray
    caps_hold: list[BoolArray]

    @property
    def same_cells(self) -> bool:
        """Whether the frame's cells are the sheet's, so that plans share what is worked out from them."""
        return len(self.cells.holdings) == 1 and not self.sheet.passes


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
    return rate_frame(sheet, accounts, frame_of(sheet, accounts, events), ids=events.ids)


def rate_frame(
    sheet: Sheet,
    accounts: AccountPeriods,
    frame: Frame,
    *,
    refuse: bool = True,
    ids: NDArray[np.str_] | None = None,
) -> UsedUp:
    """Rate a frame of events, or of sums where they are order-free; as `rate_use`. `ids` name events in refusals.

    Without `refuse`, events that no rate fits cost nothing; `unpriced` says where they are.
    """
    use = _under(sheet, accounts, frame)
    n, cells = len(frame.source), accounts.plan.size
    state = _State([np.full(cells, NEVER) for _ in sheet.caps], np.zeros(n, dtype=bool))
    refuses = any(row.cap is not None and row.cap.mode == "refuse" for row in sheet.caps)
    while True:
        result, after = _round(use, state)
        same = all((a == b).all() for a, b in zip(state.reached, after.reached, strict=True))
        if not refuses or (same and (state.refused_whole == after.refused_whole).all()):
            break
        state = after
    if after.without_price:  # of the last round: what a cap refuses needs no price
        raise DataError("events: a call reaches a band without a rate of 1/1 with `per_minute`; add one to the card.")
    if refuse and (use.cells.rate < 0).any():
        _refuse_unpriced(use, result.trace, ids)
    return result


def unpriced(frame: Frame, trace: Trace) -> IntArray:
    """Return the positions of the events that no rate fits and that allowances do not cover."""
    return np.flatnonzero((trace.rate < 0) & (trace.left > 0) & (frame.kind != CALL_IN))


def _under(sheet: Sheet, accounts: AccountPeriods, frame: Frame) -> _Use:
    holding, found = accounts.holdings
    cells = CardCells(sheet, frame.cells.classes, frame.cells.places, found, like=frame.cells)
    cell = frame.cell
    if len(found) > 1:
        cell = holding[frame.account] * frame.cells.n + cell
    return _Use(sheet, cells, accounts, frame, cell, [cells.owned(row.owner)[holding] for row in sheet.caps])


def _round(use: _Use, state: _State) -> tuple[UsedUp, _State]:
    sheet, cells, frame = use.sheet, use.cells, use.frame
    n, n_accounts = len(frame.source), use.accounts.plan.size
    cell, charges, not_there = _with_passes(use, state)
    first, step = cells.increments
    billed = frame.billed(first, step) if use.same_cells else frame.after(first[cell], step[cell])
    billed = np.where(not_there, 0, billed) if not_there.any() else billed
    rest = billed.copy()
    pooled = np.zeros(n, dtype=bool)
    if sheet.card.pool is not None:
        pooled = (cells.parts(cell)[3] == 0) & (frame.kind == DATA) & ~not_there
        rest[pooled] = 0
    takes, limits, pays_setup, surcharges = _allow(use, cell, rest)
    charges += surcharges
    covered = billed - rest
    rate = cells.rate[cell]
    refused = _refused(use, state, rate, rest, not_there)
    if refused.any():
        billed = np.where(refused, covered, billed)
        rest = np.where(refused, 0, rest)
    whole = _whole_steps(rest, billed, step, cell)
    start = frame.instant // MICRO
    left = Left(cell, frame.account, frame.day, start, frame.kind, billed, whole, pays_setup, n_accounts, frame.counted)
    ends: list[EndCharge] = []
    throttled = np.zeros(n_accounts, dtype=np.int64)
    for r, rows in _priced(use, rate, left, pooled):
        row = sheet.rates[r]
        charges += charges_of_rate(cells, frame.clock, r, rows, left, 2 + len(sheet.allowances))
        there = cells.owned(row.owner)[use.accounts.holdings[0]] & use.accounts.present.reshape(-1)
        ends += end_charges(cells, r, rows, left, there)
        if row.rate is not None and row.rate.throttled:
            data = rows[frame.kind[rows] == DATA]
            throttled += group_sums(rest[data], frame.account[data], n_accounts)
    items, reached, charges = sum_charges(sheet, frame.account, n_accounts, use.caps_hold, charges, ends)
    pool_sums = group_sums(frame.quantity[pooled], frame.account[pooled], n_accounts)
    trace = Trace(frame.source, frame.account, rate, billed, whole, takes, limits, charges, refused)
    whole_refusal = refused & (covered == 0) & ~not_there & ~pooled
    return UsedUp(items, throttled, pool_sums, trace), _State(reached, whole_refusal, any(map(len, left.without_price)))


def _refused(use: _Use, state: _State, rate: NDArray[np.int16], rest: IntArray, not_there: BoolArray) -> BoolArray:
    """Return the events of which what allowances leave over does not take place."""
    refused, account = not_there.copy(), use.frame.account
    position = np.arange(len(rate))
    for c, row in enumerate(use.sheet.caps):
        if row.cap is None or row.cap.mode != "refuse":
            continue
        standing = np.array([_stands_in(r.rate, row.cap.items) for r in use.sheet.rates if r.rate] + [False])
        refused |= standing[rate] & (rest > 0) & (position > state.reached[c][account]) & use.caps_hold[c][account]
    return refused


def _whole_steps(rest: IntArray, billed: IntArray, step: IntArray, cell: IntArray) -> IntArray:
    """Return what is left over in whole steps, at most what is billed."""
    whole = rest
    rows = np.flatnonzero((rest > 0) & (rest < billed))
    if len(rows) and (step != 1).any():
        whole, steps = rest.copy(), step[cell[rows]]
        whole[rows] = np.minimum(-(-rest[rows] // steps) * steps, billed[rows])
    return whole


def _priced(use: _Use, rate: NDArray[np.int16], left: Left, pooled: BoolArray) -> Iterator[tuple[int, IntArray]]:
    """Yield each rate with the events that it charges.

    They are those that allowances do not cover whole, and of the others that take place those with a set-up or further
    items of every call.
    """
    also = np.array([bool(r.rate and r.rate.also) for r in use.sheet.rates] + [False])
    setup = np.array([bool(r.rate and r.rate.setup) for r in use.sheet.rates] + [False])
    charged = left.left > 0
    if also.any():
        charged |= also[rate] & (left.billed > 0)
    if setup.any() and not all(r.allowance is None or r.allowance.covers_setup for r in use.sheet.allowances):
        charged |= setup[rate] & left.pays_setup & (left.billed > 0)
    rows = np.flatnonzero(charged & ~pooled)
    which = rate[rows]
    for r in range(len(use.sheet.rates)):
        yield r, rows[which == r]


def _stands_in(rate: Rate, items: tuple[str, ...]) -> bool:
    names = {rate.item, *(a.item for a in rate.also)}
    names |= {rate.beyond.item} if rate.beyond else set()
    names |= {rate.ladder.beyond.item} if rate.ladder and rate.ladder.beyond else set()
    return bool(names & set(items))


def _with_passes(use: _Use, state: _State) -> tuple[IntArray, list[Charge], BoolArray]:
    """Return the cells with the places as which events count, the fees of passes, and events refused for a pass."""
    cells, n = use.cells, len(use.frame.source)
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
        account = use.frame.account[rows]
        group = account // p * (p + 1)
        if row.owner.plan >= 0:
            group = group + use.accounts.segment.reshape(-1)[account]
        stopped = np.zeros(len(rows), dtype=bool)
        for c, cap_row in enumerate(use.sheet.caps):
            if cap_row.cap and cap_row.cap.mode == "refuse" and row.bought.item in cap_row.cap.items:
                stopped |= use.caps_hold[c][account] & (rows > state.reached[c][account])
        passes = PassUse(
            group, account, use.frame.instant[rows], use.frame.day[rows], state.refused_whole[rows], stopped
        )
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
        scope = use.frame.rows_in(fits) if use.same_cells else np.flatnonzero(fits[cell])
        rows = scope[rest[scope] > 0]
        if allowance.numbers is not None and use.frame.callee is None:
            raise DataError(f"events: {row.key}.numbers asks to which number each call and message is; give `number`.")
        asked = Asked(
            rest[rows],
            use.frame.account[rows],
            use.frame.day[rows],
            None if use.frame.callee is None else use.frame.callee[rows],
        )
        taken: Taken = take(row, use.sheet.unit, asked, use.accounts)
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
    runs, starts = run_numbers(use.frame.account[rows])
    free = clip_to_limits(amounts, runs, starts, use.sheet.parts(within.amount))
    each = use.sheet.in_item(within.beyond.item, within.beyond.per_mb, use.sheet.unit)
    return Charge(within.beyond.item, rows, (amounts - free) * each, 1 + a)


def _refuse_unpriced(use: _Use, trace: Trace, ids: NDArray[np.str_] | None) -> None:
    bad = unpriced(use.frame, trace)
    if len(bad):
        cell = use.cells.parts(use.cell[bad[:1]])
        kind, to = KINDS[int(use.frame.kind[bad[0]])], use.cells.classes[int(cell[5][0])]
        at = use.cells.places[int(cell[3][0])]
        plan = use.sheet.card.plans[int(use.accounts.plan.reshape(-1)[use.frame.account[bad[0]]])]
        event = f"{str(ids[use.frame.source[bad[0]]])!r}, " if ids is not None else ""
        said = (
            f"events: no rate fits {len(bad)} event(s) that allowances do not cover, first {event}{_WHAT[kind]}"
            f"{f' to {to}' if to else ''} at {at}"
        )
        if any(row.fits(use.sheet.card, kind, to, at) for row in plan.not_sold):
            raise DataError(
                f"{said}: plan {plan.plan_id} does not sell it (`not_sold`). Bill the subscriber on a plan that does, "
                "or correct the events."
            )
        raise DataError(f"{said}. Add a rate or an unlimited allowance for it to plan {plan.plan_id}.")
