"""Events that come late or are corrected when the bills of their period are out, and events that no bill holds.

A bill that is out is never written again. What it should have said is worked out from today's events, and the
difference of each item stands in the first bill that is not out yet. The bills of all runs so add up to what all
events cost when they are billed at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, IntArray
from common_utils.errors import ConfigError, DataError
from planrec.billing.cards import BillRequest, FullCard
from planrec.billing.events import DAY, MICRO, Events, LocalClock, PeriodRule, day_number
from planrec.billing.rating.bill import BillBook, bill_events
from planrec.billing.rating.holdings import listed_periods

__all__ = ["CODES", "Outside", "ToldEvent", "bill_with_corrections", "late_events", "unbilled_events"]

Outside = Literal["PERIOD_NOT_LISTED", "BEFORE_FIRST_DAY", "AFTER_LAST_DAY", "LATE", "CORRECTED"]
CODES: dict[Outside, str] = {
    "PERIOD_NOT_LISTED": "in no period that is billed",
    "BEFORE_FIRST_DAY": "before the subscriber's first day",
    "AFTER_LAST_DAY": "after the subscriber's last day",
    "LATE": "late: of a period whose bill is out",
    "CORRECTED": "corrected: billed otherwise before",
}


@dataclass(frozen=True)
class ToldEvent:
    """An event that no bill holds, or that changes a bill that is out; `code` is one of `CODES`."""

    event: str
    subscriber: str
    period: str
    code: Outside


def bill_with_corrections(card: FullCard, request: BillRequest, billed: Events, events: Events) -> BillBook:
    """Bill the periods after `billed_until`; what late and corrected events change before is part of the first bill.

    Parameters
    ----------
    card : FullCard
    request : BillRequest
        With `billed_until`; its periods start where the bills started.
    billed : Events
        What the bills that are out were made of.
    events : Events
        All events known today, those of `billed` among them, as they are known now.

    Returns
    -------
    BillBook
        `corrections` holds the difference of each item of each period whose bill is out, in cents.

    Raises
    ------
    ConfigError
        If no period is left to bill, or the request chooses plans.
    DataError
        If an event of `billed` is missing in `events`, or as `bill_events`.
    """
    closed = closed_periods(card, request)
    if request.choose is not None:
        raise ConfigError("billed_until: what is billed already has a plan; leave out `choose`.")
    _refuse_missing(billed, events)
    before, now = bill_events(card, request, billed), bill_events(card, request, events)
    present = now.accounts.present
    corrections: dict[str, IntArray] = {}
    for i, period in enumerate(now.periods[:closed]):
        for item in dict.fromkeys((*now.items, *before.items)):
            change = np.where(present[:, i], _cents(now, item)[:, i] - _cents(before, item)[:, i], 0)
            if change.any():
                line = np.zeros(now.accounts.shape, dtype=np.int64)
                line[:, closed] = change
                corrections[f"correction of {period}: {item}"] = line
    return replace(now, closed=closed, corrections=corrections)


def _cents(book: BillBook, item: str) -> IntArray:
    return book.items.get(item, np.zeros(book.accounts.shape, dtype=np.int64))


def closed_periods(card: FullCard, request: BillRequest) -> int:
    """Return how many of the listed periods have bills that are out.

    Raises
    ------
    ConfigError
        If `billed_until` is none of the periods, or the last of them.
    """
    if request.billed_until is None:
        return 0
    if request.billed_until not in request.bill[:-1]:
        raise ConfigError(
            f"billed_until {request.billed_until!r}: name a period of `bill` that another follows; the periods whose "
            "bills are out are listed as well, from the first one on."
        )
    listed_periods(card, request)
    return request.bill.index(request.billed_until) + 1


def _refuse_missing(billed: Events, events: Events) -> None:
    missing = np.setdiff1d(_ids(billed), _ids(events))
    if len(missing):
        raise DataError(
            f"events: {len(missing)} event(s) that were billed are missing, first {str(missing[0])!r}. Give all events "
            "again, from the first period on; one that is taken back is given with 0 seconds or, as data, with 0 MB."
        )


def late_events(card: FullCard, request: BillRequest, billed: Events, events: Events) -> list[ToldEvent]:
    """Return the events that change a bill that is out, in order of subscriber and time.

    Returns
    -------
    list of ToldEvent
        `LATE` those that were not billed, `CORRECTED` those that were billed otherwise; the period is today's.
    """
    closed = closed_periods(card, request)
    rule, listed = listed_periods(card, request)
    out = int(listed[closed - 1]) if closed else int(listed[0]) - 1
    period, before = _period(card, rule, events), _period(card, rule, billed)
    known = dict(zip(_ids(billed).tolist(), range(len(billed)), strict=True))
    place = np.array([known.get(event, -1) for event in _ids(events).tolist()], dtype=np.int64)
    late = (place < 0) & (period <= out) & (period >= listed[0])
    rows = np.flatnonzero(place >= 0)
    changed = np.zeros(len(events), dtype=bool)
    changed[rows] = _differs(events, rows, billed, place[rows]) & (np.minimum(period[rows], before[place[rows]]) <= out)
    return _told(events, rule, period, (("LATE", late), ("CORRECTED", changed)))


def _differs(one: Events, rows: IntArray, other: Events, places: IntArray) -> BoolArray:
    differs = np.zeros(len(rows), dtype=bool)
    for a, b in ((one.kind, other.kind), (one.instant, other.instant), (one.quantity, other.quantity)):
        differs |= a[rows] != b[places]
    for names, codes, others, theirs in (
        (one.subscribers, one.subscriber, other.subscribers, other.subscriber),
        (one.classes, one.to, other.classes, other.to),
        (one.places, one.at, other.places, other.at),
    ):
        differs |= np.array(names)[codes[rows]] != np.array(others)[theirs[places]]
    return differs


def unbilled_events(card: FullCard, request: BillRequest, events: Events) -> list[ToldEvent]:
    r"""Return the events that are in no bill, with the reason, in order of subscriber and time.

    Examples
    --------
    >>> from planrec.billing.cards import parse_card, parse_request
    >>> from planrec.billing.events import read_events
    >>> plan = {"plan_id": "a", "rates": [{"kind": "call", "item": "calls", "per_minute": "6"}]}
    >>> card = parse_card({"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [plan]}, "card")
    >>> request = parse_request({"bill": ["2025-03"], "subscribers": {"A": {"plan": "a"}}}, "accounts")
    >>> rows = b"event,subscriber,kind,start,seconds,mb,to,at\ne1,A,call,2025-02-28T23:59:00,60,,,home\n"
    >>> unbilled_events(card, request, read_events(rows, "events.csv", "UTC", ["A"]))[0].code
    'PERIOD_NOT_LISTED'
    """
    rule, listed = listed_periods(card, request)
    holders = tuple(request.subscribers.values())
    first = np.array([day_number(h.first) if h.first else np.iinfo(np.int64).min for h in holders], dtype=np.int64)
    last = np.array([day_number(h.last) if h.last else np.iinfo(np.int64).max for h in holders], dtype=np.int64)
    day, period = _day(card, events), _period(card, rule, events)
    outside = ~np.isin(period, listed)
    early, gone = ~outside & (day < first[events.subscriber]), ~outside & (day > last[events.subscriber])
    marked: list[tuple[Outside, BoolArray]] = [("PERIOD_NOT_LISTED", outside), ("BEFORE_FIRST_DAY", early)]
    return _told(events, rule, period, [*marked, ("AFTER_LAST_DAY", gone)])


def _told(
    events: Events, rule: PeriodRule, period: IntArray, marked: Sequence[tuple[Outside, BoolArray]]
) -> list[ToldEvent]:
    ids, found = _ids(events), dict[int, Outside]()
    for code, which in marked:
        found |= dict.fromkeys(np.flatnonzero(which).tolist(), code)
    return [
        ToldEvent(str(ids[row]), events.subscribers[events.subscriber[row]], rule.name(int(period[row])), found[row])
        for row in sorted(found)
    ]


def _day(card: FullCard, events: Events) -> IntArray:
    seconds = events.instant // MICRO
    return (seconds + LocalClock(card.timezone).offsets(seconds)) // DAY


def _period(card: FullCard, rule: PeriodRule, events: Events) -> IntArray:
    return rule.index(_day(card, events))


def _ids(events: Events) -> NDArray[np.str_]:
    if events.ids is None:
        raise ConfigError("events without identifiers cannot be told from those billed.")
    return events.ids
