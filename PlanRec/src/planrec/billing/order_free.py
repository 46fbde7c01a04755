"""Whether a plan's bill depends on the order of use, proven from its rows; what cannot be proven is order-dependent.

An order-free plan can be priced from sums by cell (kind, class, place, band, increment), however long the table is; the
others need events. A finite allowance makes a plan order-dependent as soon as what it covers has more than one price:
2 minutes, set-up 10, 9 cents a minute: calls of 60, 60, 300 seconds cost 55, the same calls as 300, 60, 60 cost 65.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from planrec.billing.cards import Allowance, FullCard, Rate
from planrec.billing.rating import CardCells, Sheet
from planrec.billing.rating.sheet import CardRow

__all__ = ["order_reasons"]


def order_reasons(card: FullCard, plan_id: str, options: tuple[str, ...] = ()) -> list[str]:
    """Return why the bill of a plan with options may depend on the order of use; empty where it is proven not to.

    Parameters
    ----------
    card : FullCard
    plan_id : str
    options : tuple of str
        Options held.

    Returns
    -------
    list of str
        Keys and reasons.

    Examples
    --------
    >>> from planrec.billing.cards import parse_card
    >>> rate = {"kind": "call", "item": "calls", "per_minute": "9", "increment": "60/60"}
    >>> minutes = {"name": "minutes", "kind": "call", "amount": "100", "unit": "minute"}
    >>> plan = {"plan_id": "a", "rates": [rate], "allowances": [minutes]}
    >>> tree = {"version": "v", "currency": "EUR", "timezone": "Europe/Madrid", "plans": [plan]}
    >>> order_reasons(parse_card(tree, "card"), "a")
    []
    >>> plan["rates"] = [{**rate, "setup": "10"}]
    >>> order_reasons(parse_card(tree, "card"), "a")
    ['plans.a.allowances[0]: covers calls with a set-up, a least price or slots']
    """
    if card.prepaid:
        return ["prepaid: what a use may take depends on the credit that is left"]
    plan = next(i for i, p in enumerate(card.plans) if p.plan_id == plan_id)
    held = np.array([o.option_id in options for o in card.options], dtype=bool)
    return list(_reasons(Sheet(card), plan, held))


def _reasons(sheet: Sheet, plan: int, held: BoolArray) -> Iterator[str]:
    cells = CardCells(sheet, _named(sheet, "to"), _named(sheet, "at"), [(plan, held)])
    for row in sheet.passes:
        if cells.owned(row.owner)[0]:
            yield f"{row.key}: a pass is bought by the first use"
    for row in sheet.caps:
        if row.cap is not None and cells.owned(row.owner)[0]:
            if row.cap.mode == "refuse":
                yield f"{row.key}: a cap that refuses use depends on what came before"
            elif len(row.cap.items) > 1:
                yield f"{row.key}: a cap over several items cuts the last one"
    for row in sheet.rates:
        if row.rate is not None and row.rate.of_days and cells.owned(row.owner)[0]:
            yield f"{row.key}: what is charged by the day depends on how use is spread over days"
    if sheet.card.band_rule == "split":
        yield "band_rule: a call that is split depends on its own time"
    yield from _allowance_reasons(sheet, cells)


def _named(sheet: Sheet, key: str) -> tuple[str, ...]:
    """Return all classes or places that rows name, and one that none does; home is the first place."""
    card = sheet.card
    sets = (card.classes if key == "to" else card.places).values()
    rows: list[Rate | Allowance] = [r.rate for r in sheet.rates if r.rate]
    rows += [r.allowance for r in sheet.allowances if r.allowance]
    named = {n for row in rows for n in (row.to if key == "to" else row.at) or ()} | {
        n for group in sets for n in group
    }
    named |= {row.bought.treat_as for row in sheet.passes if row.bought and key == "at"}
    return ("", *sorted(named)) if key == "to" else ("home", *sorted(named - {"home"}), "\x00elsewhere")


def _allowance_reasons(sheet: Sheet, cells: CardCells) -> Iterator[str]:
    taken_whole = np.zeros(cells.n, dtype=bool)
    scopes: list[tuple[str, BoolArray]] = []
    for row, fits in zip(sheet.allowances, cells.allowances, strict=True):
        allowance = row.allowance
        if allowance is None or not cells.owned(row.owner)[0]:
            continue
        scope = fits & ~taken_whole
        if not scope.any():
            continue
        if allowance.amount == "unlimited" and not allowance.single_uses and allowance.within is None:
            taken_whole |= scope
            for key, earlier in scopes:
                if (scope & earlier).any() and (earlier & ~scope).any():
                    yield f"{row.key}: takes a part of what {key} leaves, so it matters which use came first"
            continue
        yield from _limits(row, allowance)
        yield from _mixed(sheet, cells, scope, row.key)
        for key, other in scopes:
            if (scope & other).any() and (scope != other).any():
                yield f"{row.key}: its scope overlaps that of {key} and is not the same"
        scopes.append((row.key, scope))


def _limits(row: CardRow, allowance: Allowance) -> Iterator[str]:
    """Say which limits of an allowance ask for single uses."""
    if row.single:
        yield f"{row.key}: an option that is bought one by one holds from a day on"
    if allowance.numbers is not None:
        yield f"{row.key}.numbers: which numbers are covered depends on which were used first"
    elif allowance.single_uses or allowance.per == "day" or allowance.within is not None:
        yield f"{row.key}: limits of a call, a day, a week or a place depend on single uses"


def _mixed(sheet: Sheet, cells: CardCells, scope: BoolArray, key: str) -> Iterator[str]:
    """Say what makes the uses that a finite allowance covers cost differently."""
    numbers: IntArray = np.unique(cells.rate[scope]).astype(np.int64)
    rates = [sheet.rates[r].rate for r in numbers.tolist() if r >= 0]
    known = [r for r in rates if r is not None]
    if sheet.card.rounding.each == "event":
        yield f"{key}: charges are rounded event by event"
    if len(numbers) > 1 and any(_price(r) != _price(known[0]) for r in known):
        yield f"{key}: covers uses of different price, item or increment"
    elif len(numbers) > 1 and (numbers < 0).any():
        yield f"{key}: covers uses that have no price"
    if any(r.setup or r.minimum or len(r.per_minute) > 1 for r in known):
        yield f"{key}: covers calls with a set-up, a least price or slots"
    if any(r.increment[0] % r.increment[1] or r.increment[0] > r.increment[1] for r in known):
        yield f"{key}: what is left over of a call has another increment than the call"
    if any(r.rounded == "session" for r in known):
        yield f"{key}: sessions are rounded to blocks before and after it"


def _price(rate: Rate) -> tuple[object, ...]:
    return (
        *(rate.item, rate.increment, rate.per_minute, rate.each, rate.per_mb, rate.throttled),
        *(rate.block_mb, rate.per_block, rate.rounded, rate.ladder, rate.valid_from, rate.valid_to),
    )
