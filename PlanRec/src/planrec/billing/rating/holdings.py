"""Who holds what in which period: accounts as rows, listed periods as columns, made of a request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from common_utils.errors import ConfigError
from planrec.billing.cards import AccountHolder, BillRequest, FullCard, Option
from planrec.billing.events import PeriodRule, day_number

__all__ = ["ALWAYS", "AccountPeriods", "account_holds", "accounts_of", "listed_periods"]

ALWAYS = 10**7  # days since 1970, beyond every date


@dataclass(frozen=True)
class AccountPeriods:
    """Accounts times listed periods; a `cell` is an account in a period, numbered account by account.

    Attributes
    ----------
    subscribers : tuple of AccountHolder
        One of each account; the same subscriber can be several accounts when plans are compared.
    who : int64 array of shape (n_accounts,)
        Position of the subscriber among the request's.
    periods : int64 array of shape (n_periods,)
        Listed periods in order.
    plan : int64 array of shape (n_accounts, n_periods)
        Plan held, position in the card.
    options : bool array of shape (n_accounts, n_options)
    bought : dict of int to int64 array of shape (n_accounts, n_periods, most bought)
        For options that are bought one by one, by their position: the days from which they hold, rising, far off where
        there are no more.
    """

    rule: PeriodRule
    subscribers: tuple[AccountHolder, ...]
    who: IntArray
    periods: IntArray
    plan: IntArray
    options: BoolArray
    bought: dict[int, IntArray] = field(default_factory=dict[int, IntArray])

    @property
    def shape(self) -> tuple[int, int]:
        """Number of accounts and of periods."""
        return self.plan.shape[0], self.plan.shape[1]

    @cached_property
    def first_day(self) -> IntArray:
        """First day of each account, -1 where it is not known; days since 1970."""
        return np.array([day_number(s.first) if s.first else -1 for s in self.subscribers], dtype=np.int64)

    @cached_property
    def last_day(self) -> IntArray:
        """Last day of each account, far off where there is none."""
        return np.array([day_number(s.last) if s.last else ALWAYS for s in self.subscribers], dtype=np.int64)

    @cached_property
    def starts(self) -> IntArray:
        """First day of each listed period."""
        return self.rule.start(self.periods)

    @cached_property
    def ends(self) -> IntArray:
        """First day after each listed period."""
        return self.rule.start(self.periods + 1)

    @cached_property
    def present(self) -> BoolArray:
        """Whether the subscriber is there for a day at least; of shape (n_accounts, n_periods)."""
        return (self.first_day[:, None] < self.ends) & (self.last_day[:, None] >= self.starts)

    @cached_property
    def segment(self) -> IntArray:
        """First listed period of the plan held without a change since; of shape (n_accounts, n_periods)."""
        n, p = self.shape
        changed = np.zeros((n, p), dtype=np.int64)
        changed[:, 1:] = np.where(self.plan[:, 1:] != self.plan[:, :-1], np.arange(1, p), 0)
        return np.maximum.accumulate(changed, axis=1)

    @cached_property
    def holdings(self) -> tuple[IntArray, list[tuple[int, BoolArray]]]:
        """The number of each cell's holding, and what each holding is: a plan and the options held."""
        n, p = self.shape
        packed = np.packbits(self.options, axis=1) if self.options.shape[1] else np.zeros((n, 1), dtype=np.uint8)
        _, first, sets = np.unique(packed, axis=0, return_index=True, return_inverse=True)
        code = self.plan.astype(np.int64) + (self.plan.max() + 1) * sets.reshape(n, 1)
        values, place, numbers = np.unique(code.ravel(), return_index=True, return_inverse=True)
        found = [(int(self.plan.ravel()[i]), self.options[i // p]) for i in place.tolist()]
        del first, values
        return numbers.reshape(n * p).astype(np.int64), found

    def select(self, rows: IntArray) -> AccountPeriods:
        """Return some of the accounts."""
        return AccountPeriods(
            self.rule,
            tuple(self.subscribers[i] for i in rows.tolist()),
            self.who[rows],
            self.periods,
            self.plan[rows],
            self.options[rows],
            {option: days[rows] for option, days in self.bought.items()},
        )


def listed_periods(card: FullCard, request: BillRequest) -> tuple[PeriodRule, IntArray]:
    """Return the rule and the listed periods.

    Raises
    ------
    ConfigError
        If a name is not a period, or the periods are not in order.
    """
    rule = PeriodRule(card.period)
    periods = np.array([rule.parse(name) for name in request.bill], dtype=np.int64)
    if (np.diff(periods) <= 0).any():
        raise ConfigError("bill: the periods must be in order of time, each once.")
    return rule, periods


def accounts_of(card: FullCard, request: BillRequest) -> AccountPeriods:
    """Return one account for each subscriber, with what is held.

    Raises
    ------
    ConfigError
        If a plan, an option or a combination is not known or not permitted.
    """
    rule, periods = listed_periods(card, request)
    plans = {p.plan_id: i for i, p in enumerate(card.plans)}
    names = {o.option_id: i for i, o in enumerate(card.options)}
    held = np.zeros((len(request.subscribers), len(names)), dtype=bool)
    plan = np.zeros((len(request.subscribers), len(periods)), dtype=np.int64)
    problems: dict[tuple[int, bytes], str] = {}
    for a, (who, subscriber) in enumerate(request.subscribers.items()):
        where = f"subscribers.{who}"
        if subscriber.plan is None:
            raise ConfigError(f"{where}.plan: a subscriber who is billed holds a plan; name one of the card.")
        _refuse_unknown(subscriber, where, plans, names)
        _refuse_misplaced(card, subscriber, where)
        if subscriber.options:
            held[a, [names[o] for o in subscriber.options]] = True
        plan[a] = plans[subscriber.plan]
        for change in sorted(subscriber.plan_changes, key=lambda c: rule.parse(c.from_period)):
            plan[a, periods >= rule.parse(change.from_period)] = plans[change.plan]
        for p in {int(plan[a, 0]), *plan[a].tolist()} if subscriber.plan_changes else (plans[subscriber.plan],):
            key = (p, held[a].tobytes())
            if key not in problems:
                problems[key] = account_holds(card, p, held[a])
            if problems[key]:
                raise ConfigError(f"{where}.options: {problems[key]}")
    accounts = AccountPeriods(rule, tuple(request.subscribers.values()), np.arange(len(plan)), periods, plan, held)
    bought = {
        o: _bought(card, o, accounts, tuple(request.subscribers)) for o, told in enumerate(card.options) if told.starts
    }
    for o, days in bought.items():
        held[:, o] = (days < ALWAYS).any(axis=(1, 2))
    return replace(accounts, bought=bought)


def _refuse_unknown(subscriber: AccountHolder, where: str, plans: Collection[str], options: Collection[str]) -> None:
    """Refuse a plan or an option that the card does not hold."""
    changes, bought = enumerate(subscriber.plan_changes), enumerate(subscriber.bought)
    named = [("plan", subscriber.plan), *((f"plan_changes[{i}].plan", c.plan) for i, c in changes)]
    held = [(f"options[{i}]", o) for i, o in enumerate(subscriber.options)]
    held += [(f"bought[{i}].option", b.option) for i, b in bought]
    for key, name in named:
        if name not in plans:
            raise ConfigError(f"{where}.{key}: plan {name!r} is not in the card.")
    for key, name in held:
        if name not in options:
            raise ConfigError(f"{where}.{key}: option {name!r} is not in the card.")


def _refuse_misplaced(card: FullCard, subscriber: AccountHolder, where: str) -> None:
    """Refuse options that are held and told as bought, or the other way round."""
    single = {o.option_id for o in card.options if o.starts is not None}
    for option in single.intersection(subscriber.options):
        raise ConfigError(
            f"{where}.options: option {option} is bought one by one; name each under `bought`, with its day."
        )
    for option in {b.option for b in subscriber.bought} - single:
        raise ConfigError(f"{where}.bought: option {option} is held, not bought one by one; name it under `options`.")


def _bought(card: FullCard, o: int, accounts: AccountPeriods, names: tuple[str, ...]) -> IntArray:
    """Return the days from which an option bought one by one holds, as in `AccountPeriods.bought`."""
    option, (n, p) = card.options[o], accounts.shape
    begun: dict[tuple[int, int], list[int]] = defaultdict(list)
    for a, subscriber in enumerate(accounts.subscribers):
        for purchase in (b for b in subscriber.bought if b.option == option.option_id):
            day = day_number(purchase.on) + (option.starts == "next_day")
            i = int(np.searchsorted(accounts.starts, day, side="right")) - 1
            if i < 0 or day >= accounts.ends[i]:
                continue  # of a period that is not billed here
            where = f"subscribers.{names[a]}.bought: option {option.option_id} on {purchase.on}"
            if not accounts.first_day[a] <= day <= accounts.last_day[a]:
                raise ConfigError(f"{where} would hold on no day between `from` and `to`.")
            problem = _misfit(card, option, int(accounts.plan[a, i]), accounts.options[a])
            if problem:
                raise ConfigError(f"{where}: {problem}.")
            begun[a, i].append(day)
            if option.max_per_period is not None and len(begun[a, i]) > option.max_per_period:
                raise ConfigError(f"{where}: at most {option.max_per_period} are bought in a period.")
    days = np.full((n, p, max(map(len, begun.values()), default=0)), ALWAYS, dtype=np.int64)
    for (a, i), found in begun.items():
        days[a, i, : len(found)] = sorted(found)
    return days


def account_holds(card: FullCard, plan: int, held: BoolArray) -> str:
    """Return why a plan and options cannot be held together, "" where they can."""
    chosen = [card.options[i] for i in np.flatnonzero(held).tolist()]
    groups = [o.group for o in chosen if o.group]
    if len(set(groups)) != len(groups):
        twice = next(name for name in groups if groups.count(name) > 1)
        return f"two options of the group {twice!r}; hold one"
    return next((text for option in chosen if (text := _misfit(card, option, plan, held))), "")


def _misfit(card: FullCard, option: Option, plan: int, held: BoolArray) -> str:
    """Return why an option does not go with a plan and options held, "" where it does."""
    if option.only_with is not None and card.plans[plan].plan_id not in option.only_with:
        return f"option {option.option_id} is only for {', '.join(option.only_with)}"
    if not set(option.requires) <= {card.options[i].option_id for i in np.flatnonzero(held).tolist()}:
        return f"option {option.option_id} requires {', '.join(option.requires)}"
    return ""
