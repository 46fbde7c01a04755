"""Who holds what in which period: accounts as rows, listed periods as columns, made of a request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from common_utils.errors import ConfigError
from planrec.billing.cards import BillRequest, FullCard, Subscriber
from planrec.billing.events import PeriodRule, day_number

__all__ = ["Accounts", "account_holds", "accounts_of", "listed_periods"]

_ALWAYS = 10**7  # days since 1970, beyond every date


@dataclass(frozen=True)
class Accounts:
    """Accounts times listed periods; a `cell` is an account in a period, numbered account by account.

    Attributes
    ----------
    subscribers : tuple of Subscriber
        One of each account; the same subscriber can be several accounts when plans are compared.
    who : int64 array of shape (n_accounts,)
        Position of the subscriber among the request's.
    periods : int64 array of shape (n_periods,)
        Listed periods in order.
    plan : int64 array of shape (n_accounts, n_periods)
        Plan held, position in the card.
    options : bool array of shape (n_accounts, n_options)
    """

    rule: PeriodRule
    subscribers: tuple[Subscriber, ...]
    who: IntArray
    periods: IntArray
    plan: IntArray
    options: BoolArray

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
        return np.array([day_number(s.last) if s.last else _ALWAYS for s in self.subscribers], dtype=np.int64)

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

    def select(self, rows: IntArray) -> Accounts:
        """Return some of the accounts."""
        return Accounts(
            self.rule,
            tuple(self.subscribers[i] for i in rows.tolist()),
            self.who[rows],
            self.periods,
            self.plan[rows],
            self.options[rows],
        )


def listed_periods(card: FullCard, request: BillRequest) -> tuple[PeriodRule, IntArray]:
    """Return the rule and the listed periods.

    Raises
    ------
    ConfigError
        If a name is no period, or the periods are not in order.
    """
    rule = PeriodRule(card.period)
    periods = np.array([rule.parse(name) for name in request.bill], dtype=np.int64)
    if (np.diff(periods) <= 0).any():
        raise ConfigError("bill: the periods must be in order of time, each once.")
    return rule, periods


def accounts_of(card: FullCard, request: BillRequest) -> Accounts:
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
        unknown = [o for o in subscriber.options if o not in names]
        wanted = [subscriber.plan, *(c.plan for c in subscriber.plan_changes)]
        if unknown or any(p not in plans for p in wanted):
            raise ConfigError(f"{where}: {unknown or wanted} is not in the card.")
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
                raise ConfigError(f"{where}: {problems[key]}")
    return Accounts(rule, tuple(request.subscribers.values()), np.arange(len(plan)), periods, plan, held)


def account_holds(card: FullCard, plan: int, held: BoolArray) -> str:
    """Return why a plan and options cannot be held together, "" where they can."""
    chosen = [card.options[i] for i in np.flatnonzero(held).tolist()]
    ids = {o.option_id for o in chosen}
    groups = [o.group for o in chosen if o.group]
    if len(set(groups)) != len(groups):
        return "two options of one group"
    for option in chosen:
        if option.only_with is not None and card.plans[plan].plan_id not in option.only_with:
            return f"option {option.option_id} is only for {', '.join(option.only_with)}"
        if not set(option.requires) <= ids:
            return f"option {option.option_id} requires {', '.join(option.requires)}"
    return ""
