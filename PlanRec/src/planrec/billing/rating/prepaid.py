"""Prepaid credit: packs that renew while the credit lasts. One thing after another, in order of time.

This is the second slow path that the page on rate cards names: what a use may take depends on the credit that every
earlier use left, so the uses of a subscriber are walked one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np

from common_utils.array_types import IntArray
from common_utils.errors import ConfigError, DataError
from planrec.billing.cards import AccountHolder, FullCard, FullPlan, TopUp
from planrec.billing.events import CALL, CALL_IN, DAY, MICRO, SMS, Events, LocalClock
from planrec.billing.rating.holdings import AccountPeriods

__all__ = ["prepaid_items"]

_BONUS = "bonus credit"
_ITEMS = ("pack", "calls", "messages", "data", _BONUS)
_FOR_EVER = 10**7  # a local day beyond every date
_MIDNIGHT, _TOP_UP, _USE = range(3)


def _half_up(amount: Fraction) -> int:
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)


@dataclass
class _Credit:
    """The credit of one subscriber and the pack that runs, at some moment."""

    plan: FullPlan
    cents: int = 0
    last_day: int | None = None  # last whole day of the pack
    minutes: int = 0
    bonus: list[tuple[int, int]] = field(default_factory=list)  # last local day and cents, the first to expire first
    taken: list[tuple[int, str, int]] = field(default_factory=list)  # local day, item, cents

    def _bonus_for(self, day: int, item: str) -> int:
        if self.plan.bonus is None or item not in self.plan.bonus.pays:
            return 0
        self.bonus = [(last, cents) for last, cents in self.bonus if last >= day]
        return sum(cents for _, cents in self.bonus)

    def covers(self, day: int, item: str) -> int:
        """Return the cents that an item can cost."""
        return self.cents + self._bonus_for(day, item)

    def take(self, day: int, item: str, cents: int) -> None:
        """Take the price of an item; what bonus credit pays of it is a line of its own."""
        of_bonus = self._bonus_for(day, item)
        if of_bonus:
            rule = self.plan.bonus
            first = rule is not None and rule.used == "first"
            of_bonus = min(of_bonus, cents) if first else max(cents - self.cents, 0)
            self.taken.append((day, _BONUS, -of_bonus))
        self.cents -= cents - of_bonus
        self.taken.append((day, item, cents))
        while of_bonus:
            last, there = self.bonus.pop(0)
            if there > of_bonus:
                self.bonus.insert(0, (last, there - of_bonus))
            of_bonus = max(of_bonus - there, 0)

    def book(self, day: int) -> None:
        """Book the pack if the credit covers it."""
        pack = self.plan.pack
        if pack is None:
            return
        price = _half_up(Fraction(pack.price))
        if self.covers(day, "pack") >= price:
            self.take(day, "pack", price)
            self.last_day, self.minutes = day + pack.days - 1, pack.minutes

    def midnight(self, day: int) -> None:
        """Renew the pack, or let it lapse."""
        self.last_day = None
        self.book(day)

    def top_up(self, day: int, cents: int) -> None:
        """Add to the credit, with its bonus; without a pack, book it."""
        self.cents += cents
        rule = self.plan.bonus
        if rule is not None and cents >= rule.from_cents:
            last = _FOR_EVER if rule.days is None else day + rule.days - 1
            self.bonus.append((last, _half_up(Fraction(rule.percent) * cents / 100)))
        if self.last_day is None:
            self.book(day)

    def call(self, day: int, seconds: int) -> None:
        """Take started minutes from the pack, then from the credit as far as it covers whole ones."""
        minutes = -(-seconds // 60)
        if self.last_day is not None:
            covered = min(minutes, self.minutes)
            self.minutes -= covered
            minutes -= covered
        price, there = Fraction(self.plan.per_minute or 0), self.covers(day, "calls")
        while minutes and _half_up(price * minutes) > there:
            minutes = min(minutes - 1, int((there + 1) / price))
        self.take(day, "calls", _half_up(price * minutes))

    def message(self, day: int) -> None:
        """Take the price of a message, if the credit covers it."""
        cents = _half_up(Fraction(self.plan.per_message or 0))
        if cents <= self.covers(day, "messages"):
            self.take(day, "messages", cents)

    def session(self, day: int, micro: int) -> None:
        """Take the price of a session, at most what is left; with a pack it is covered or slowed."""
        if self.last_day is None:
            cents = _half_up(Fraction(self.plan.per_mb or Decimal(0)) * micro / MICRO)
            self.take(day, "data", min(cents, self.covers(day, "data")))


def prepaid_items(card: FullCard, accounts: AccountPeriods, events: Events) -> dict[str, IntArray]:
    """Return what was taken from each credit.

    Returns
    -------
    dict
        int64 arrays of shape (n_cells,), cents, of the items pack, calls, messages and data, and of bonus credit,
        which is not positive.

    Raises
    ------
    ConfigError
        If a subscriber changes the plan; a prepaid credit belongs to one plan.
    DataError
        If a use is not national at home.
    """
    clock = LocalClock(card.timezone)
    seconds = events.instant // MICRO
    days = (seconds + clock.offsets(seconds)) // DAY
    items = {item: np.zeros(accounts.shape, dtype=np.int64) for item in _ITEMS}
    for a, who in enumerate(accounts.who.tolist()):
        if (accounts.plan[a] != accounts.plan[a, 0]).any():
            raise ConfigError("a prepaid subscriber holds one plan; leave out `plan_changes`.")
        rows = np.flatnonzero((events.subscriber == who) & (events.quantity > 0) & (events.kind != CALL_IN))
        if (events.at[rows] != 0).any():
            raise DataError("events: prepaid use is national, at home; leave other places out.")
        credit = _Credit(card.plans[int(accounts.plan[a, 0])])
        _walk(credit, accounts, a, _moments(accounts.subscribers[a], clock, events, rows, days), events, clock)
        for day, item, cents in credit.taken:
            at = _period_of(accounts, a, day)
            if at >= 0:
                items[item][a, at] += cents
    return {item: values.reshape(-1) for item, values in items.items()}


def _period_of(accounts: AccountPeriods, a: int, day: int) -> int:
    """Return the listed period of a day on which the subscriber is there, -1 where there is none."""
    i = int(np.searchsorted(accounts.starts, day, side="right")) - 1
    there = accounts.first_day[a] <= day <= accounts.last_day[a]
    return i if i >= 0 and day < accounts.ends[i] and there else -1


def _moments(
    subscriber: AccountHolder, clock: LocalClock, events: Events, rows: IntArray, days: IntArray
) -> list[tuple[int, int, int, int, int]]:
    """Return (instant, rank, sequence, local day, value) of top-ups and uses, in order."""
    found = [(*_instant(t, clock), t.cents) for t in subscriber.topups]
    moments = [(at, _TOP_UP, i, day, cents) for i, (at, day, cents) in enumerate(found)]
    moments += [(int(events.instant[r]), _USE, i, int(days[r]), r) for i, r in enumerate(rows.tolist())]
    return sorted(moments)


def _instant(top_up: TopUp, clock: LocalClock) -> tuple[int, int]:
    at = top_up.at
    since = (at.replace(tzinfo=UTC) if at.tzinfo is None else at) - datetime(1970, 1, 1, tzinfo=UTC)
    micro = since // timedelta(microseconds=1)
    if at.tzinfo is None:
        seconds, exists = clock.instants(np.array([micro // MICRO]))
        if not exists[0]:
            raise ConfigError(f"topups: the local time {at.isoformat()} does not exist in {clock.name}.")
        micro = int(seconds[0]) * MICRO + micro % MICRO
    offset = int(clock.offsets(np.array([micro // MICRO]))[0])
    return micro, (micro // MICRO + offset) // DAY


def _walk(
    credit: _Credit,
    accounts: AccountPeriods,
    a: int,
    moments: list[tuple[int, int, int, int, int]],
    events: Events,
    clock: LocalClock,
) -> None:
    end_day = min(int(accounts.ends[-1]) - 1, int(accounts.last_day[a]))
    for instant, rank, _, day, value in [*moments, (2**62, _USE, 0, 0, -1)]:
        while credit.last_day is not None and credit.last_day + 1 <= end_day:
            renewal = credit.last_day + 1
            if clock.midnight(renewal) * MICRO > instant:
                break
            credit.midnight(renewal)
        if value < 0 or _period_of(accounts, a, day) < 0:
            continue
        if rank == _TOP_UP:
            credit.top_up(day, value)
        elif events.kind[value] == CALL:
            credit.call(day, int(events.quantity[value]))
        elif events.kind[value] == SMS:
            credit.message(day)
        else:
            credit.session(day, int(events.quantity[value]))
