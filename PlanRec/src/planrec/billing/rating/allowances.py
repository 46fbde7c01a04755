"""Allowances: what each takes of each event, as one running sum a limit; no loop over events.

Several limits on one allowance are clips one after another: of a call, of a day, of the period. Rollover and banks
loop over periods and days of the week, on sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from common_utils.errors import ConfigError
from planrec.billing.cards import Allowance, NumbersLimit
from planrec.billing.rating.holdings import ALWAYS, AccountPeriods
from planrec.billing.rating.segments import clip_to_limits, group_sums, run_numbers, used_before
from planrec.billing.rating.sheet import CardRow

__all__ = ["Asked", "Taken", "amount_of", "take"]

_NO_LIMIT = 2**61
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Taken:
    """What an allowance took of some events, and its limit in each cell (-1: no limit of a period)."""

    amounts: IntArray
    limits: IntArray


def amount_of(row: Allowance, value: object, key: str, unit: int) -> int:
    """Return an amount of an allowance in units of quantity: seconds, messages or `unit` parts of a megabyte."""
    exact = Fraction(str(value))
    if "data" in row.kind:
        exact *= unit
    elif row.kind != ("sms",):
        exact *= 60
    if exact.denominator != 1:
        raise ConfigError(f"{key}: {value} is not a whole number of seconds, messages or bytes.")
    return exact.numerator


@dataclass(frozen=True)
class Asked:
    """What an allowance is asked to cover; int64 arrays of shape (n,), in order of account and time.

    Attributes
    ----------
    wanted : int64 array
        What is left over of each event that the row fits.
    cell, day : int64 arrays
        Account in a period, rising; local day.
    callee : int64 array or None
        To which of its subscriber's numbers.
    """

    wanted: IntArray
    cell: IntArray
    day: IntArray
    callee: IntArray | None = None


def take(card_row: CardRow, unit: int, asked: Asked, accounts: AccountPeriods) -> Taken:
    """Return what an allowance takes of events in order.

    Parameters
    ----------
    card_row : CardRow
        A row of allowances. The state of a plan's ends with a change of plan, that of an option's does not.
    unit : int
        Parts of a megabyte in which data are counted.
    asked : Asked
    accounts : AccountPeriods

    Returns
    -------
    Taken
    """
    row, key, own = card_row.allowance, card_row.key, card_row.owner.plan >= 0
    assert row is not None  # noqa: S101 - a row of allowances holds one
    n, p = accounts.shape
    cells = n * p
    wanted, cell, day = asked.wanted, asked.cell, asked.day
    if row.numbers is not None and asked.callee is not None:
        wanted = np.where(_nth_number(row.numbers, asked, asked.callee) <= row.numbers.most, wanted, 0)
    if row.per_call_max is not None:
        wanted = np.minimum(wanted, amount_of(row, row.per_call_max, f"{key}.per_call_max", unit))
    unlimited = row.amount == "unlimited"
    limits = np.full(cells, -1, dtype=np.int64)
    for name, most, span in (("day", row.per_day_max, day), ("week", row.per_week_max, (day + 3) // 7)):
        if most is not None:
            wanted = clip_to_limits(
                wanted, *run_numbers(cell, span), amount_of(row, most, f"{key}.per_{name}_max", unit)
            )
    if unlimited:
        return Taken(wanted, limits)
    if row.per == "day":
        runs, starts = run_numbers(cell, day)
        quota = amount_of(row, row.amount, f"{key}.amount", unit)
        of_day: IntArray | int = quota
        if row.bank is not None and len(wanted):
            of_day = _banked(row, quota, wanted, runs, starts, cell, day, accounts, own=own)
        return Taken(clip_to_limits(wanted, runs, starts, of_day), limits)
    amount = amount_of(row, row.amount, f"{key}.amount", unit)
    if card_row.single:
        begun = accounts.bought.get(card_row.owner.option, np.zeros((cells, 0), dtype=np.int64)).reshape(cells, -1)
        return _of_purchases(begun, amount, wanted, cell, day)
    limits[:] = amount
    if row.rollover is not None:
        most = (
            amount_of(row, row.rollover.max, f"{key}.rollover.max", unit) if row.rollover.max is not None else _NO_LIMIT
        )
        limits = _rolled(row, most, amount, group_sums(wanted, cell, cells).reshape(n, p), accounts, own=own)
    runs, starts = run_numbers(cell)
    return Taken(clip_to_limits(wanted, runs, starts, limits[cell[starts]] if len(starts) else 0), limits)


def _nth_number(rule: NumbersLimit, asked: Asked, callee: IntArray) -> IntArray:
    """Return which of the different numbers of its period, week or day each event is to, by their first uses."""
    spans = {"period": (asked.cell,), "week": (asked.cell, (asked.day + 3) // 7), "day": (asked.cell, asked.day)}
    runs, starts = run_numbers(*spans[rule.per])
    key = runs * (int(callee.max(initial=0)) + 1) + callee
    _, first, which = np.unique(key, return_index=True, return_inverse=True)
    new = np.zeros(len(key), dtype=np.int64)
    new[first] = 1
    return (used_before(new, runs, starts) + new)[first][which]


def _of_purchases(begun: IntArray, amount: int, wanted: IntArray, cell: IntArray, day: IntArray) -> Taken:
    """Let each purchase take from its day on; `begun` is of shape (n_cells, most bought). Loops over purchases only."""
    left = wanted.copy()
    for k in range(begun.shape[1]):
        rows = np.flatnonzero(day >= begun[cell, k])
        left[rows] -= clip_to_limits(left[rows], *run_numbers(cell[rows]), amount)
    return Taken(wanted - left, amount * (begun < ALWAYS).sum(axis=1))


def _rolled(
    row: Allowance, most: int, amount: int, wanted: IntArray, accounts: AccountPeriods, *, own: bool
) -> IntArray:
    """Return the limit of each cell with what is carried into it; loops over periods only."""
    assert row.rollover is not None  # noqa: S101 - the caller looked
    rule = row.rollover
    n, p = accounts.shape
    limits = np.zeros((n, p), dtype=np.int64)
    carried = np.zeros(n, dtype=np.int64)
    for i in range(p):
        if own and i:
            carried = np.where(accounts.segment[:, i] == i, 0, carried)
        limits[:, i] = amount + carried
        used = np.minimum(wanted[:, i], limits[:, i])
        first = np.minimum(used, carried if rule.used == "first" else amount)
        second = used - first
        carried_used, own_used = (first, second) if rule.used == "first" else (second, first)
        left = amount - own_used
        if rule.lasts == "forever":
            left = left + carried - carried_used
        carried = np.where(accounts.present[:, i], np.minimum(left, most), 0)
    return limits.reshape(-1)


def _banked(
    row: Allowance,
    quota: int,
    wanted: IntArray,
    runs: IntArray,
    starts: IntArray,
    cell: IntArray,
    day: IntArray,
    accounts: AccountPeriods,
    *,
    own: bool,
) -> IntArray:
    """Return the limit of each day that has use, with what earlier days of its week left."""
    assert row.bank is not None  # noqa: S101 - the caller looked
    _, p = accounts.shape
    account_of, period_of, day_of = cell[starts] // p, cell[starts] % p, day[starts]
    used = group_sums(wanted, runs, len(starts))
    # Days without use count whole, so each week with use is looked at from Monday on.
    week_of = (day_of + 3) // 7
    first = np.maximum(accounts.first_day[account_of], accounts.starts[0])
    # Weeks of one account may hold days before and after a change of plan: each day's own start of collecting.
    since = accounts.starts[accounts.segment[account_of, period_of]] if own else first
    begin = np.maximum(first, since)
    week, week_starts = run_numbers(account_of, week_of, begin)
    bank = np.zeros(len(week_starts), dtype=np.int64)
    limits = np.full(len(starts), quota, dtype=np.int64)
    monday, since_of_week = week_of[week_starts] * 7 - 3, begin[week_starts]
    weekday = (day_of + 3) % 7
    for d, name in enumerate(_DAYS):
        rows = np.flatnonzero(weekday == d)
        own_use = np.zeros(len(bank), dtype=np.int64)
        own_use[week[rows]] = np.minimum(used[rows], quota)
        if name in row.bank.spent_on:
            limits[rows] += bank[week[rows]]
            bank[week[rows]] -= np.minimum(np.maximum(used[rows] - quota, 0), bank[week[rows]])
        if name in row.bank.collects:
            counts: BoolArray = monday + d >= since_of_week
            bank += np.where(counts, quota - own_use, 0)
    return limits
