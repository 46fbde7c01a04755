"""Charges of the rates: what is left over of each event, priced; and what is priced at a period's end."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from planrec.billing.cards import Rate
from planrec.billing.events import CALL_IN, DATA, SMS, LocalClock
from planrec.billing.rating.cells import CardCells
from planrec.billing.rating.charges.split import split_charges
from planrec.billing.rating.frame import UseSums
from planrec.billing.rating.segments import clip_to_limits, group_sums, run_numbers, used_before

__all__ = ["Charge", "EndCharge", "Left", "charges_of_rate", "end_charges"]


@dataclass(frozen=True)
class Charge:
    """Charges of one item: which events, how much over the item's denominator, and the place among the event's."""

    item: str
    rows: IntArray
    amounts: IntArray
    order: int


@dataclass(frozen=True)
class EndCharge:
    """Charges of one item at the end of periods; of shape (n_cells,)."""

    item: str
    amounts: IntArray


@dataclass(frozen=True)
class Left:
    """What allowances leave over; arrays of shape (n_events,)."""

    cell: IntArray  # cell of the card
    account: IntArray  # account in a period, rising
    day: IntArray
    start: IntArray  # seconds
    kind: IntArray
    billed: IntArray  # what the event counts as, after its increments, as far as it takes place
    left: IntArray  # left over, whole steps
    pays_setup: BoolArray
    n_accounts: int
    counted: UseSums | None = None  # rows are sums of many uses
    without_price: list[IntArray] = field(default_factory=list[IntArray])  # calls that reach a band without a price


def charges_of_rate(
    cells: CardCells, clock: LocalClock, r: int, rows: IntArray, left: Left, order: int
) -> list[Charge]:
    """Return the charges of the events that rate `r` prices; `order` is their first place among an event's charges."""
    rate, sheet = cells.sheet.rates[r].rate, cells.sheet
    assert rate is not None  # noqa: S101 - a row of rates holds a rate
    kind = left.kind[rows]
    found: list[Charge] = []
    item = rate.item or ""
    calls = rows[kind <= CALL_IN]
    if len(calls):
        found.append(Charge(item, calls, _call_amounts(cells, clock, rate, calls, left), order))
        for i, also in enumerate(rate.also):
            each = sheet.in_item(also.item, also.per_minute, 60) * left.billed[calls]
            each = each + sheet.in_item(also.item, also.per_call) * _number(left, calls)
            found.append(Charge(also.item, calls, each, order + 1 + i))
    messages = rows[(kind == SMS) & (left.left[rows] > 0)]
    if len(messages) and rate.each is not None:
        found.append(Charge(item, messages, left.left[messages] * sheet.in_item(item, rate.each), order))
    sessions = rows[(kind == DATA) & (left.left[rows] > 0)]
    if len(sessions):
        found.extend(_session_charges(cells, rate, sessions, left, order))
    return found


def _call_amounts(cells: CardCells, clock: LocalClock, rate: Rate, rows: IntArray, left: Left) -> IntArray:
    sheet, item = cells.sheet, rate.item or ""
    billed, rest = left.billed[rows], left.left[rows]
    one_price = len(rate.per_minute) == 1 and rate.per_minute[0][0] == 0
    if left.counted is not None and not one_price:
        amounts = np.where(rest > 0, _summed_slots(cells, rate, rows, billed, left.counted), 0)
    elif sheet.card.band_rule == "split" and rate.increment == (1, 1) and one_price:
        seconds = (billed - rest, billed)
        amounts, without = split_charges(cells, clock, item, left.cell[rows], left.start[rows], *seconds)
        left.without_price.append(rows[without])
    elif one_price:
        amounts = rest * sheet.in_item(item, rate.per_minute[0][1], 60)
    else:
        amounts = np.zeros(len(rows), dtype=np.int64)
        starts = [s for s, _ in rate.per_minute]
        for (start, price), end in zip(rate.per_minute, [*starts[1:], None], strict=False):
            top = billed if end is None else np.minimum(billed, end)
            seconds = np.maximum(top - np.maximum(billed - rest, start), 0)
            amounts = amounts + seconds * sheet.in_item(item, price, 60)
    if rate.setup:
        amounts = amounts + left.pays_setup[rows] * _number(left, rows) * sheet.in_item(item, rate.setup)
    if rate.minimum:
        least = sheet.in_item(item, rate.minimum)
        amounts = np.where(rest > 0, np.maximum(amounts, least), amounts)
    return amounts


def _number(left: Left, rows: IntArray) -> IntArray | int:
    return 1 if left.counted is None else left.counted.events[rows]


def _summed_slots(cells: CardCells, rate: Rate, rows: IntArray, billed: IntArray, counted: UseSums) -> IntArray:
    """Price whole calls by second of the call, from the sums of their seconds beyond each slot's start."""
    amounts = np.zeros(len(rows), dtype=np.int64)
    starts = [s for s, _ in rate.per_minute]
    beyond = [counted.beyond[(*rate.increment, s)][rows] if s else billed for s in starts]
    for (_, price), here, later in zip(rate.per_minute, beyond, [*beyond[1:], np.zeros_like(amounts)], strict=True):
        amounts = amounts + (here - later) * cells.sheet.in_item(rate.item or "", price, 60)
    return amounts


def _session_charges(cells: CardCells, rate: Rate, rows: IntArray, left: Left, order: int) -> list[Charge]:
    found = _by_size(cells, rate, rows, left, order)
    if not rate.day_minimum:
        return found
    # A day costs what its sessions do, or the least; each session pays what it adds to that.
    charge, runs, starts = found[0], *run_numbers(left.account[rows], left.day[rows])
    before = used_before(charge.amounts, runs, starts)
    least = cells.sheet.in_item(charge.item, rate.day_minimum)
    paid = np.maximum(before, least)
    paid[starts] = 0
    return [Charge(charge.item, rows, np.maximum(before + charge.amounts, least) - paid, order)]


def _by_size(cells: CardCells, rate: Rate, rows: IntArray, left: Left, order: int) -> list[Charge]:
    sheet, item, rest = cells.sheet, rate.item or "", left.left[rows]
    if rate.per_mb is not None:
        return [Charge(item, rows, rest * sheet.in_item(item, rate.per_mb, sheet.unit), order)]
    if rate.block_mb is not None and rate.per_block is not None and rate.rounded == "session":
        blocks = rest // sheet.parts(rate.block_mb)
        return [Charge(item, rows, blocks * sheet.in_item(item, rate.per_block), order)]
    if rate.block_mb is not None and rate.per_block is not None and rate.rounded == "day":
        runs, starts = run_numbers(left.account[rows], left.day[rows])
        block, before = sheet.parts(rate.block_mb), used_before(rest, runs, starts)
        begun = -(-(before + rest) // block) - -(-before // block)  # a block is charged with the session that begins it
        return [Charge(item, rows, begun * sheet.in_item(item, rate.per_block), order)]
    if rate.day_fee is None:
        return []
    runs, starts = run_numbers(left.account[rows], left.day[rows])
    fee = sheet.in_item(item, rate.day_fee)
    found = [Charge(item, rows[starts], np.full(len(starts), fee, dtype=np.int64), order)]
    if rate.beyond is not None:
        included = clip_to_limits(rest, runs, starts, sheet.parts(rate.includes_mb))
        each = sheet.in_item(rate.beyond.item, rate.beyond.per_mb, sheet.unit)
        found.append(Charge(rate.beyond.item, rows, (rest - included) * each, order + 1))
    return found


def end_charges(cells: CardCells, r: int, rows: IntArray, left: Left, there: BoolArray) -> list[EndCharge]:
    """Return what rate `r` charges at the end of periods; `there`: cells in which its owner is held."""
    rate, sheet = cells.sheet.rates[r].rate, cells.sheet
    assert rate is not None  # noqa: S101 - a row of rates holds a rate
    item = rate.item or ""
    if "data" not in rate.kind or not (rate.ladder or rate.rounded == "period"):
        return []
    if sheet.card.pool is not None and set(rate.at) == {"home"}:
        return []  # the pool takes all data at home
    sessions = rows[left.kind[rows] == DATA]
    sums = group_sums(left.left[sessions], left.account[sessions], left.n_accounts)
    if rate.block_mb is not None and rate.per_block is not None:
        blocks = -(-sums // sheet.parts(rate.block_mb))
        return [EndCharge(item, blocks * sheet.in_item(item, rate.per_block))]
    ladder = rate.ladder
    assert ladder is not None  # noqa: S101 - looked at above
    limits = np.array([sheet.parts(limit) for limit, _ in ladder.steps], dtype=np.int64)
    fees = np.array([sheet.in_item(item, fee) for _, fee in ladder.steps], dtype=np.int64)
    step = np.searchsorted(limits, sums, side="left")
    found = [EndCharge(item, np.where(there, fees[np.minimum(step, len(fees) - 1)], 0))]
    if ladder.beyond is not None:
        over = np.maximum(sums - limits[-1], 0)
        blocks = -(-over // sheet.parts(ladder.beyond.block_mb))
        found.append(EndCharge(ladder.beyond.item, blocks * sheet.in_item(ladder.beyond.item, ladder.beyond.per_block)))
    return found
