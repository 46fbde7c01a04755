"""Bills from a full card, a request and events: the one function behind `planrec bill` and the cases of the tests."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import combinations

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from common_utils.errors import ConfigError
from planrec.billing.cards import BillRequest, Choose, FullCard
from planrec.billing.events import MICRO, Events
from planrec.billing.rating.fees import bill_items
from planrec.billing.rating.frame import Frame
from planrec.billing.rating.holdings import AccountPeriods, account_holds, accounts_of, listed_periods
from planrec.billing.rating.prepaid import prepaid_items
from planrec.billing.rating.sheet import Sheet
from planrec.billing.rating.usage import UsedUp, rate_frame, rate_use, unpriced

__all__ = ["BillBook", "BillLine", "bill_events", "bill_frame", "decimal_text"]


_MOST = 100_000


@dataclass(frozen=True)
class BillLine:
    """One line of a bill; `quantity` is "" where the line has none."""

    subscriber: str
    period: str
    item: str
    quantity: str
    cents: int


@dataclass(frozen=True)
class BillBook:
    """Bills of accounts in listed periods.

    Attributes
    ----------
    names : tuple of str
        AccountHolder of each account.
    periods : tuple of str
        Names of the listed periods.
    items : dict
        int64 arrays of shape (n_accounts, n_periods), cents.
    throttled : int64 array of shape (n_accounts, n_periods)
        Slowed megabytes, in the sheet's unit.
    choices : tuple of str or None
        What was chosen, where the request asked for it.
    closed : int
        So many of the periods, the first ones, have bills that are out; their lines are not written again.
    corrections : dict
        As `items`: what a bill says of periods whose bills are out.
    """

    accounts: AccountPeriods
    names: tuple[str, ...]
    periods: tuple[str, ...]
    items: dict[str, IntArray]
    throttled: IntArray
    choices: tuple[str | None, ...]
    used: UsedUp | None
    sheet: Sheet | None
    closed: int = 0
    corrections: dict[str, IntArray] = field(default_factory=dict)

    @property
    def totals(self) -> IntArray:
        """Sum of the items, without corrections; int64 array of shape (n_accounts, n_periods), cents."""
        return np.sum(list(self.items.values()), axis=0, dtype=np.int64) + np.zeros(self.accounts.shape, dtype=np.int64)

    def lines(self) -> Iterator[BillLine]:
        """Yield the lines of every bill that is not out; items of 0 cents are left out, the total never.

        A subscriber who has left gets a bill where a correction says so.
        """
        present = self.accounts.present
        for a, name in enumerate(self.names):
            said = False
            for i, period in enumerate(self.periods[self.closed :], start=self.closed):
                corrected = [BillLine(name, period, item, "", int(c[a, i])) for item, c in self.corrections.items()]
                corrected = [line for line in corrected if line.cents]
                if not present[a, i] and not corrected:
                    continue
                choice = self.choices[a]
                if choice is not None and not said:
                    yield BillLine(name, period, "choice", choice, 0)
                said = True
                used = list(self._used(a, i)) if present[a, i] else []
                yield from (*used, *corrected)
                yield BillLine(name, period, "total", "", sum(line.cents for line in (*used, *corrected)))

    def _used(self, a: int, i: int) -> Iterator[BillLine]:
        name, period = self.names[a], self.periods[i]
        for item, cents in self.items.items():
            if cents[a, i]:
                yield BillLine(name, period, item, "", int(cents[a, i]))
        if self.throttled[a, i]:
            slowed = decimal_text(int(self.throttled[a, i]), self.sheet.unit if self.sheet else MICRO)
            yield BillLine(name, period, "info throttled MB", slowed, 0)

    def to_csv(self) -> str:
        """Return the lines as CSV with a header."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["subscriber", "period", "item", "quantity", "cents"])
        writer.writerows([x.subscriber, x.period, x.item, x.quantity, x.cents] for x in self.lines())
        return out.getvalue()


def decimal_text(parts: int, unit: int = MICRO) -> str:
    """Return parts of a megabyte, millionths unless told, as a decimal without trailing zeros.

    Examples
    --------
    >>> decimal_text(152_500_000), decimal_text(500_000_000)
    ('152.5', '500')
    """
    return f"{(Decimal(parts) / unit).normalize():f}"


def bill_events(card: FullCard, request: BillRequest, events: Events) -> BillBook:
    """Bill events by a full card.

    Parameters
    ----------
    card : FullCard
    request : BillRequest
        Periods, and subscribers with what they hold, or what to choose from.
    events : Events
        Their `subscribers` are the request's, in its order.

    Returns
    -------
    BillBook

    Raises
    ------
    ConfigError
        If the request does not fit the card.
    DataError
        If no rate fits an event.
    """
    if tuple(request.subscribers) != events.subscribers:
        raise ConfigError("the events were read for other subscribers than the request's.")
    names = tuple(request.subscribers)
    if request.choose is not None:
        return _chosen(card, request, events)
    accounts = accounts_of(card, request)
    if card.pool is not None:
        payer = names.index(card.pool.payer) if card.pool.payer in names else -1
        if payer < 0 or not accounts.present[payer].all():
            raise ConfigError(f"pool.payer {card.pool.payer!r}: the payer must be there in all listed periods.")
    return _bill(card, accounts, events, names)


def _bill(card: FullCard, accounts: AccountPeriods, events: Events, names: tuple[str, ...]) -> BillBook:
    n, p = accounts.shape
    periods = tuple(accounts.rule.name(i) for i in accounts.periods.tolist())
    throttled = np.zeros((n, p), dtype=np.int64)
    used, sheet = None, None
    if card.prepaid:
        items = prepaid_items(card, accounts, events)
    else:
        sheet = Sheet(card)
        used = rate_use(sheet, accounts, events)
        items = bill_items(sheet, accounts, used, names)
        throttled = used.throttled.reshape(n, p)
    shaped = {item: cents.reshape(n, p) for item, cents in items.items()}
    return BillBook(accounts, names, periods, shaped, throttled, (None,) * n, used, sheet)


def bill_frame(
    sheet: Sheet, accounts: AccountPeriods, frame: Frame, names: tuple[str, ...], *, refuse: bool = True
) -> tuple[BillBook, BoolArray]:
    """Bill rows that were already placed, such as sums by cell.

    Parameters
    ----------
    sheet : Sheet
    accounts : AccountPeriods
    frame : Frame
        Of these accounts.
    names : tuple of str
        Of each account.
    refuse : bool
        Whether use that no rate fits is refused; else it costs nothing and is told.

    Returns
    -------
    BillBook
    bool array of shape (n_accounts, n_periods)
        Where there is use that no rate fits.

    Raises
    ------
    DataError
        If no rate fits a use, where that is refused.
    """
    n, p = accounts.shape
    used = rate_frame(sheet, accounts, frame, refuse=refuse)
    items = {item: cents.reshape(n, p) for item, cents in bill_items(sheet, accounts, used, names).items()}
    unsold = np.zeros(n * p, dtype=bool)
    unsold[used.trace.account[unpriced(frame, used.trace)]] = True
    periods = tuple(accounts.rule.name(i) for i in accounts.periods.tolist())
    book = BillBook(accounts, names, periods, items, used.throttled.reshape(n, p), (None,) * n, used, sheet)
    return book, unsold.reshape(n, p)


def _chosen(card: FullCard, request: BillRequest, events: Events) -> BillBook:
    assert request.choose is not None  # noqa: S101 - the caller looked
    if card.pool is not None:
        raise ConfigError("choose: plans cannot be chosen in a pool.")
    rule, periods = listed_periods(card, request)
    candidates = candidate_sets(card, request.choose)
    names = tuple(request.subscribers)
    who = [i for i, name in enumerate(names) if name in request.choose.who]
    subscribers = tuple(request.subscribers.values())
    rows = np.repeat(np.array(who, dtype=np.int64), len(candidates))
    plans = np.tile(np.array([c.plan for c in candidates], dtype=np.int64), len(who))
    held = np.tile(np.array([c.held for c in candidates], dtype=bool).reshape(len(candidates), -1), (len(who), 1))
    accounts = AccountPeriods(
        rule,
        tuple(subscribers[i] for i in rows.tolist()),
        rows,
        periods,
        np.repeat(plans[:, None], len(periods), axis=1),
        held,
    )
    every = _bill(card, accounts, events, tuple(names[i] for i in rows.tolist()))
    sums = np.where(accounts.present, every.totals, 0).sum(axis=1).reshape(len(who), len(candidates))
    best = [least(sums[i], candidates) for i in range(len(who))]
    kept = np.array([i * len(candidates) + b for i, b in enumerate(best)], dtype=np.int64)
    book = _bill(card, accounts.select(kept), events, tuple(names[i] for i in who))
    return replace(book, choices=tuple(candidates[b].text for b in best))


@dataclass(frozen=True)
class Candidate:
    """A plan and options; `rank` orders ties: fewer options, the plan's place, the options' places."""

    plan: int
    held: BoolArray
    rank: tuple[int, int, tuple[int, ...]]
    text: str


def candidate_sets(card: FullCard, choose: Choose) -> list[Candidate]:
    """Return every permitted plan with every permitted set of options.

    Raises
    ------
    ConfigError
        If a name is not in the card, or there are too many combinations.
    """
    plans = {p.plan_id: i for i, p in enumerate(card.plans)}
    options = {o.option_id: i for i, o in enumerate(card.options)}
    unknown = [n for n in choose.plans if n not in plans] + [n for n in choose.options if n not in options]
    if unknown:
        raise ConfigError(f"choose: {unknown[0]!r} is not in the card.")
    single = [n for n in choose.options if card.options[options[n]].starts is not None]
    if single:
        raise ConfigError(f"choose: option {single[0]} is bought one by one, on days of its own; leave it out.")
    if len(choose.plans) * 2 ** len(choose.options) > _MOST:
        raise ConfigError(f"choose: more than {_MOST:,} combinations; name fewer options.")
    found: list[Candidate] = []
    for place, plan in enumerate(choose.plans):
        for size in range(len(choose.options) + 1):
            for chosen in combinations(range(len(choose.options)), size):
                held = np.zeros(len(options), dtype=bool)
                held[[options[choose.options[i]] for i in chosen]] = True
                if account_holds(card, plans[plan], held):
                    continue
                text = f"plan={plan} options={'+'.join(choose.options[i] for i in chosen)}"
                found.append(Candidate(plans[plan], held, (size, place, chosen), text))
    return found


def least(sums: IntArray, candidates: list[Candidate]) -> int:
    """Return the position of the candidate with the least sum."""
    return min(range(len(candidates)), key=lambda i: (int(sums[i]), candidates[i].rank))
