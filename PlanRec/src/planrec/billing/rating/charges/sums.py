"""From charges to line items: each charge rounded where the card says so, cut by caps, summed by item and cell."""

from __future__ import annotations

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from planrec.billing.rating.charges.caps import NEVER, CapLimit, cut_by_caps
from planrec.billing.rating.charges.of_rates import Charge, EndCharge
from planrec.billing.rating.money import round_charge
from planrec.billing.rating.segments import group_sums
from planrec.billing.rating.sheet import Sheet

__all__ = ["sum_charges"]


def sum_charges(
    sheet: Sheet, account: IntArray, n: int, holds: list[BoolArray], charges: list[Charge], ends: list[EndCharge]
) -> tuple[dict[str, IntArray], list[IntArray], list[Charge]]:
    """Round the charges of events, cut them by caps and sum them by item and cell.

    Parameters
    ----------
    sheet : Sheet
    account : int64 array of shape (n_events,)
        Account in a period of each event, rising.
    n : int
        Number of cells (accounts times periods).
    holds : list of bool arrays of shape (n,)
        CardCells in which each cap holds.
    charges, ends : list
        Charges of events and at the end of periods.

    Returns
    -------
    dict
        Sums of each item, int64 arrays of shape (n,), over the item's denominator.
    list of int64 arrays of shape (n,)
        Event that reached each cap in each cell.
    list of Charge
        As charged.
    """
    rounding = sheet.card.rounding
    if rounding.each == "event":

        def rounded(item: str, amounts: IntArray) -> IntArray:
            return round_charge(amounts, int(rounding.to * sheet.items[item]), rounding.how)

        charges = [Charge(c.item, c.rows, rounded(c.item, c.amounts), c.order) for c in charges]
        ends = [EndCharge(e.item, rounded(e.item, e.amounts)) for e in ends]
    capped = {item for row in sheet.caps if row.cap for item in row.cap.items}
    free = [c for c in charges if c.item not in capped]
    inside = [c for c in charges if c.item in capped], [e for e in ends if e.item in capped]
    cut, cut_ends, reached = _cut(sheet, account, n, holds, *inside)
    items: dict[str, IntArray] = {}
    for charge in [*free, *cut]:
        sums = group_sums(charge.amounts, account[charge.rows], n)
        items[charge.item] = items[charge.item] + sums if charge.item in items else sums
    for end in [*(e for e in ends if e.item not in capped), *cut_ends]:
        items[end.item] = items[end.item] + end.amounts if end.item in items else end.amounts
    return items, reached, [*free, *cut]


def _cut(
    sheet: Sheet, account: IntArray, n: int, holds: list[BoolArray], charges: list[Charge], ends: list[EndCharge]
) -> tuple[list[Charge], list[EndCharge], list[IntArray]]:
    """Cut charges by the caps; period-end charges come after all events of their period."""
    if not sheet.caps:
        return charges, ends, []
    none, every = np.zeros(0, dtype=np.int64), np.arange(n)
    rows = np.concatenate([none, *(c.rows for c in charges), *(np.full(n, len(account)) for _ in ends)])
    cell = np.concatenate([none, *(account[c.rows] for c in charges), *(every for _ in ends)])
    amounts = np.concatenate([none, *(c.amounts for c in charges), *(e.amounts for e in ends)])
    sizes = [len(c.rows) for c in charges] + [n] * len(ends)
    orders = [c.order for c in charges] + [1000 + i for i in range(len(ends))]
    order = np.repeat(np.array(orders, dtype=np.int64), sizes)
    names = [c.item for c in charges] + [e.item for e in ends]
    number = np.repeat(np.arange(len(names)), sizes)
    sequence = np.lexsort((order, rows, cell))
    limits: list[CapLimit] = []
    for row, here in zip(sheet.caps, holds, strict=True):
        assert row.cap is not None  # noqa: S101 - a row of caps holds one
        members = np.array([name in row.cap.items for name in names], dtype=bool)
        counted = [i for i in row.cap.items if i in sheet.items]
        amount = sheet.in_item(counted[0], row.cap.amount) if counted else 1
        limits.append(CapLimit(members[number[sequence]] if len(names) else np.zeros(0, dtype=bool), here, amount))
    charged, places = cut_by_caps(amounts[sequence], cell[sequence], limits)
    reached = [np.where(p == NEVER, NEVER, np.where(p < 0, -1, _at(rows[sequence], p))) for p in places]
    back = np.empty_like(charged)
    back[sequence] = charged
    edges = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    parts = [back[edges[i] : edges[i + 1]] for i in range(len(names))]
    cut = [Charge(c.item, c.rows, parts[i], c.order) for i, c in enumerate(charges)]
    return cut, [EndCharge(e.item, parts[len(charges) + i]) for i, e in enumerate(ends)], reached


def _at(rows: IntArray, places: IntArray) -> IntArray:
    return rows[np.clip(places, 0, len(rows) - 1)] if len(rows) else places
