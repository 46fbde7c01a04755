"""What subscribers would pay on every plan of a card: events are placed once, plans share what they can.

Messages and data of which a plan's price is order-free are rated from their sums; calls one by one.
"""

from __future__ import annotations

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from common_utils.errors import ConfigError
from planrec.billing.cards import BillRequest, FullCard
from planrec.billing.events import DATA, KINDS, SMS, Events
from planrec.billing.rating.cells import CardCells
from planrec.billing.rating.fees import bill_items
from planrec.billing.rating.frame import Frame, frame_of
from planrec.billing.rating.holdings import AccountPeriods, account_holds, accounts_of
from planrec.billing.rating.sheet import Sheet
from planrec.billing.rating.usage import rate_frame, unpriced

__all__ = ["NOT_SOLD", "plan_totals", "summed_kinds"]


NOT_SOLD = -1
"""Stands for the total of a period in which a subscriber used what a plan does not sell; totals are never below 0."""


def plan_totals(card: FullCard, request: BillRequest, events: Events, *, mark_unsold: bool = False) -> IntArray:
    """Return what every subscriber would pay in every listed period on each plan, with the options held.

    Parameters
    ----------
    card : FullCard
        Neither prepaid nor with a pool, whose bills are not one line's.
    request : BillRequest
        `choose` and changes of plan are not looked at; a subscriber needs no plan.
    events : Events
        Their `subscribers` are the request's, in its order.
    mark_unsold : bool
        Whether what a plan does not sell marks the total of that period on that plan, instead of being refused.

    Returns
    -------
    int64 array of shape (n_plans, n_subscribers, n_periods)
        Cents; 0 where the subscriber is not there, `NOT_SOLD` where it is marked.

    Raises
    ------
    ConfigError
        If options held do not go with a plan, or the card is prepaid or has a pool.
    DataError
        As `bill_events`.
    """
    if card.prepaid or card.pool is not None:
        raise ConfigError("plans are compared line by line: neither `prepaid` nor a `pool` can be compared.")
    first = card.plans[0].plan_id
    held = {n: s.model_copy(update={"plan": first, "plan_changes": ()}) for n, s in request.subscribers.items()}
    accounts = accounts_of(_open_to_all(card), request.model_copy(update={"subscribers": held, "choose": None}))
    frame = frame_of(Sheet(card), accounts, events)
    totals = np.zeros((len(card.plans), *accounts.shape), dtype=np.int64)
    for k in range(len(card.plans)):
        for options in np.unique(accounts.options, axis=0) if accounts.options.size else ():
            problem = account_holds(card, k, options)
            if problem:
                raise ConfigError(f"plans.{card.plans[k].plan_id}: {problem}")
        totals[k] = _totals(card, k, accounts, frame, tuple(request.subscribers), mark_unsold=mark_unsold)
    return np.where(accounts.present, totals, 0)


def _open_to_all(card: FullCard) -> FullCard:
    """Return the card without the plans that options ask for; each plan is looked at on its own."""
    options = tuple(o.model_copy(update={"only_with": None}) for o in card.options)
    return card.model_copy(update={"options": options})


def _totals(
    card: FullCard, k: int, accounts: AccountPeriods, frame: Frame, names: tuple[str, ...], *, mark_unsold: bool
) -> IntArray:
    sheet = Sheet(card.model_copy(update={"plans": (card.plans[k],)}), frame.unit)
    kinds: tuple[int, ...] = ()
    if not accounts.options.any():
        none = np.zeros(len(card.options), dtype=bool)
        cells = CardCells(sheet, frame.cells.classes, frame.cells.places, [(0, none)], like=frame.cells)
        kinds = summed_kinds(sheet, cells)
    summed = frame.summed(kinds)
    used = rate_frame(sheet, accounts, summed, refuse=not mark_unsold)
    items = bill_items(sheet, accounts, used, names)
    total = np.zeros(accounts.plan.size, dtype=np.int64)
    for cents in items.values():
        total += cents
    if mark_unsold:
        total[used.trace.account[unpriced(summed, used.trace)]] = NOT_SOLD
    return total.reshape(accounts.shape)


def summed_kinds(sheet: Sheet, cells: CardCells) -> tuple[int, ...]:
    """Return which of messages and data are order-free under the one holding of the cells; what is not proven is not.

    Parameters
    ----------
    sheet : Sheet
    cells : CardCells
        With one holding.
    """
    held = [row for row in (*sheet.passes, *sheet.caps) if cells.owned(row.owner)[0]]
    if held or sheet.card.rounding.each == "event":
        return ()
    return tuple(kind for kind in (SMS, DATA) if _order_free(sheet, cells, kind))


def _order_free(sheet: Sheet, cells: CardCells, kind: int) -> bool:
    of_kind = cells.parts(np.arange(cells.n))[4] == kind
    for row in sheet.rates:
        if (
            row.rate is not None
            and KINDS[kind] in row.rate.kind
            and (row.rate.rounded == "session" or row.rate.of_days)
        ):
            return False
    finite: list[BoolArray] = []
    for row, fits in zip(sheet.allowances, cells.allowances, strict=True):
        allowance, scope = row.allowance, fits & of_kind
        if allowance is None or not scope.any():
            continue
        single = allowance.per == "day" or allowance.within is not None or allowance.bank is not None
        if single or allowance.single_uses:
            return False
        if any((scope & other).any() and (scope != other).any() for other in finite):
            return False
        if allowance.amount != "unlimited":
            if len(np.unique(cells.rate[scope])) > 1:
                return False
            finite.append(scope)
    return True
