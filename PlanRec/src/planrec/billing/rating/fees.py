"""What a period costs beside use: fees, activation, discounts, minimum spend, tax, device, leaving early.

The order is the format's: exact items, discounts of the exact items, rounding of each item, minimum spend, tax, then
the device and early termination, which are outside the tax.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from planrec.billing.cards import Discount, FullCard, FullPlan
from planrec.billing.events import month_later
from planrec.billing.rating.holdings import ALWAYS, AccountPeriods
from planrec.billing.rating.money import Money
from planrec.billing.rating.sheet import Sheet
from planrec.billing.rating.usage import UsedUp

__all__ = ["bill_items", "pool_items"]

_OPTIONS = "options"


@dataclass
class _Bill:
    card: FullCard
    accounts: AccountPeriods
    exact: dict[str, Money]
    options: Money

    def add(self, item: str, money: Money) -> None:
        self.exact[item] = self.exact[item] + money if item in self.exact else money

    def sum_of(self, names: Iterable[str], plan: FullPlan) -> Money:
        """Return the exact sum of items; `fee` is the plan's fee whatever its item is called."""
        total = Money.zeros(self.accounts.plan.size)
        for told in names:
            name = plan.fee_item if told == "fee" else told
            part = self.options if name == _OPTIONS else self.exact.get(name)
            total = total + part if part is not None else total
        return total


def bill_items(sheet: Sheet, accounts: AccountPeriods, used: UsedUp, names: tuple[str, ...]) -> dict[str, IntArray]:
    """Return the rounded line items of each cell.

    Parameters
    ----------
    sheet : Sheet
    accounts : AccountPeriods
    used : UsedUp
    names : tuple of str
        Identifier of each account, for the payer of a pool.

    Returns
    -------
    dict
        int64 arrays of shape (n_cells,), cents; in the order of a bill.
    """
    bill = _Bill(sheet.card, accounts, {}, Money.zeros(accounts.plan.size))
    masks = [(accounts.plan == k) & accounts.present for k in range(len(sheet.card.plans))]
    for plan, mask in zip(sheet.card.plans, masks, strict=True):
        if mask.any():
            _activation(bill, plan, mask)
            bill.add(plan.fee_item, _fee(bill, plan, mask))
    for o, option in enumerate(sheet.card.options):
        held = accounts.options[:, o, None] & accounts.present
        number = (accounts.bought[o] < ALWAYS).sum(axis=2) if o in accounts.bought else 1
        if held.any() and option.fee:
            money = Money.of(Fraction(option.fee), (held * number).reshape(-1).astype(np.int64))
            bill.add(f"option {option.name}", money)
            bill.options = bill.options + money
    if sheet.card.pool is not None:
        pool_items(bill.exact, sheet, accounts, used.pooled, names)
    for item, numbers in used.items.items():
        bill.add(item, Money(numbers, sheet.items[item]))
    _discounts(bill, masks)
    rounded = {item: money.rounded() for item, money in bill.exact.items()}
    _minimum_spend(bill, rounded, masks)
    tax = sheet.card.tax
    if tax.percent is not None:
        base = Money(np.sum([bill.options.numbers * 0, *rounded.values()], axis=0).astype(np.int64))
        _put(rounded, "tax", base.times(Fraction(tax.percent) / 100).rounded())
    _devices(accounts, rounded)
    _leaving(bill, rounded)
    return rounded


def _put(items: dict[str, IntArray], item: str, cents: IntArray) -> None:
    items[item] = items[item] + cents if item in items else cents


def _fees(bill: _Bill, plan: FullPlan) -> list[Fraction]:
    """Return the fee valid in each listed period."""
    rule, fees = bill.accounts.rule, []
    changes = sorted(((rule.parse(c.from_period), c.fee) for c in plan.fee_changes), key=lambda c: c[0])
    for period in bill.accounts.periods.tolist():
        begun = [fee for start, fee in changes if start <= period]
        fees.append(Fraction(begun[-1] if begun else plan.fee))
    return fees


def _fee(bill: _Bill, plan: FullPlan, mask: BoolArray) -> Money:
    a = bill.accounts
    n, p = a.shape
    lengths = np.broadcast_to(a.ends - a.starts, (n, p))
    days = lengths.copy()
    if plan.prorate_first:
        days = days - np.maximum(a.first_day[:, None] - a.starts, 0)
    if plan.prorate_last:
        days = days - np.maximum(a.ends - 1 - a.last_day[:, None], 0)
    total = Money.zeros(n * p)
    for i, fee in enumerate(_fees(bill, plan)):
        here = np.zeros((n, p), dtype=np.int64)
        here[:, i] = mask[:, i]
        total = total + Money.of(fee, here.reshape(-1))
    whole = (days == lengths).all()
    return total if whole else total.scaled(np.maximum(days, 0).reshape(-1), lengths.reshape(-1))


def _number(accounts: AccountPeriods) -> IntArray:
    """Return which period of the subscriber each cell is, from 1; 0 where the beginning is not known."""
    known = accounts.first_day >= 0
    begin = accounts.rule.index(np.where(known, accounts.first_day, 0))
    return np.where(known[:, None], accounts.periods - begin[:, None] + 1, 0)


def _activation(bill: _Bill, plan: FullPlan, mask: BoolArray) -> None:
    if plan.activation:
        newcomers = mask & (_number(bill.accounts) == 1)
        bill.add("activation", Money.of(Fraction(plan.activation), newcomers.reshape(-1).astype(np.int64)))


def _discounts(bill: _Bill, masks: list[BoolArray]) -> None:
    found: list[tuple[str, Money]] = []
    for plan, mask in zip(bill.card.plans, masks, strict=True):
        for discount in plan.discounts if mask.any() else ():
            keep = (mask & _due(bill.accounts, discount)).reshape(-1)
            found.append((discount.item, _money_off(bill, plan, discount, keep).where(keep)))
    for item, money in found:
        bill.add(item, money.times(Fraction(-1)))


def _due(accounts: AccountPeriods, discount: Discount) -> BoolArray:
    due = np.ones(accounts.shape, dtype=bool)
    number = _number(accounts)
    if discount.first_periods is not None:
        due &= (number > 0) & (number <= discount.first_periods)
    if discount.after_periods is not None:
        due &= (number > 0) & (number > discount.after_periods)
    if discount.needs is not None:
        due &= np.array([discount.needs in s.flags for s in accounts.subscribers], dtype=bool)[:, None]
    return due


def _money_off(bill: _Bill, plan: FullPlan, discount: Discount, keep: BoolArray) -> Money:
    if discount.cents is not None:
        return Money.of(Fraction(discount.cents), keep.astype(np.int64))
    base = bill.sum_of(discount.of, plan)
    if discount.percent is not None:
        return base.times(Fraction(discount.percent) / 100)
    total = Money.zeros(len(keep))
    ends = [Fraction(above) for above, _ in discount.steps[1:]]
    for (above, percent), end in zip(discount.steps, [*ends, None], strict=True):
        part = base.between(Fraction(above), end)
        if discount.of_all:
            reached = np.asarray(part.numbers > 0, dtype=bool)
            reached &= end is None or ~np.asarray(base.between(end or Fraction(0), None).numbers > 0, dtype=bool)
            part = base.where(reached)
        total = total + part.times(Fraction(percent) / 100)
    return total


def _minimum_spend(bill: _Bill, rounded: dict[str, IntArray], masks: list[BoolArray]) -> None:
    fees = {f"option {o.name}" for o in bill.card.options}
    top_up = np.zeros(bill.accounts.plan.size, dtype=np.int64)
    for plan, mask in zip(bill.card.plans, masks, strict=True):
        rule = plan.minimum_spend
        if rule is None or not mask.any():
            continue
        names: set[str] = set()
        for name in rule.counts:
            names |= fees if name == _OPTIONS else {plan.fee_item if name == "fee" else name}
        counted = np.sum([rounded[n] for n in names if n in rounded], axis=0, dtype=np.int64)
        missing = np.maximum(
            Money.of(Fraction(rule.cents), np.ones(len(top_up), dtype=np.int64)).rounded() - counted, 0
        )
        top_up += np.where(mask.reshape(-1), missing, 0)
    if top_up.any():
        _put(rounded, "minimum spend top-up", top_up)


def _devices(accounts: AccountPeriods, rounded: dict[str, IntArray]) -> None:
    if all(s.device is None for s in accounts.subscribers):
        return
    instalment, rest = np.zeros(accounts.shape, dtype=np.int64), np.zeros(accounts.shape, dtype=np.int64)
    number = _number(accounts)
    number = np.where(number > 0, number, accounts.periods - accounts.periods[0] + 1)
    for a, subscriber in enumerate(accounts.subscribers):
        device = subscriber.device
        if device is None:
            continue
        there = accounts.present[a]
        cents = int(Money.of(Fraction(device.cents), np.ones(1, dtype=np.int64)).rounded()[0])
        instalment[a] = np.where(there & (number[a] <= device.instalments), cents, 0)
        last = there & (accounts.last_day[a] < accounts.ends) & (accounts.last_day[a] >= accounts.starts)
        rest[a] = np.where(last, np.maximum(device.instalments - number[a], 0) * cents, 0)
    _put(rounded, "device instalment", instalment.reshape(-1))
    _put(rounded, "device rest", rest.reshape(-1))


def _leaving(bill: _Bill, rounded: dict[str, IntArray]) -> None:
    accounts = bill.accounts
    for a in np.flatnonzero(accounts.last_day < accounts.ends[-1]).tolist():
        first, last = int(accounts.first_day[a]), int(accounts.last_day[a])
        at = np.flatnonzero((accounts.starts <= last) & (last < accounts.ends))
        if first < 0 or not len(at):
            continue
        i = int(at[0])
        plan = bill.card.plans[int(accounts.plan[a, i])]
        term = plan.minimum_term
        if term is None:
            continue
        end = month_later(first, term.months) - 1
        left = int(accounts.rule.index(np.array([end]))[0] - accounts.periods[i])
        if last >= end or left <= 0:
            continue
        due = _fees(bill, plan)[i] * left * Fraction(term.percent_of_remaining_fees) / 100
        due = due if term.max is None else min(due, Fraction(term.max))
        cents = np.zeros(accounts.shape, dtype=np.int64)
        cents[a, i] = Money.of(due, np.ones(1, dtype=np.int64)).rounded()[0]
        _put(rounded, term.item, cents.reshape(-1))


def pool_items(
    exact: dict[str, Money], sheet: Sheet, accounts: AccountPeriods, pooled: IntArray, names: tuple[str, ...]
) -> None:
    """Add the fee of the pool and its started blocks to the payer's items."""
    pool = sheet.card.pool
    assert pool is not None  # noqa: S101 - the caller looked
    n, p = accounts.shape
    payer = np.zeros((n, p), dtype=np.int64)
    payer[names.index(pool.payer)] = 1

    def add(item: str, money: Money) -> None:
        exact[item] = exact[item] + money if item in exact else money

    add(pool.item, Money.of(Fraction(pool.fee), payer.reshape(-1)))
    if pool.over is None:
        return
    beyond = np.maximum(pooled.reshape(n, p).sum(axis=0) - sheet.parts(pool.allowance_mb), 0)
    blocks = -(-beyond // sheet.parts(pool.over.block_mb))
    money = Money.of(Fraction(pool.over.per_block), (payer * blocks).reshape(-1))
    if pool.over.max is not None:
        money = money.between(Fraction(0), Fraction(pool.over.max))
    add(pool.over.item, money)
