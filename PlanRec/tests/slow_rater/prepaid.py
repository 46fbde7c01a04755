"""Prepaid: credit, packs that renew at midnight, and events that credit pays for."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from math import ceil
from typing import Any

from slow_rater.bills import lines_of
from slow_rater.month import Subscription
from slow_rater.notation import Case, Event, Row, half_up

__all__ = ["prepaid_lines"]


def prepaid_lines(case: Case, name: str, told: Row, events: list[Event]) -> list[tuple[str, ...]]:  # noqa: C901 - the format's sentences in their order
    plan = case.tree["plans"][told["plan"]]
    line = Subscription(case, name, told, [told["plan"]] * len(case.bill), [])
    pack = plan.get("pack")
    credit, minutes = 0, 0
    until: date | None = None  # first day after the pack
    bills: list[dict[str, int] | None] = [defaultdict(int) if line.there(i) else None for i in range(len(case.bill))]

    def period(day: date) -> int | None:
        if (line.first and day < line.first) or (line.last and day > line.last):
            return None
        found = [i for i, s in enumerate(case.bill) if s <= day < case.periods.next(s)]
        return found[0] if found else None

    bonus = plan.get("bonus") or {}
    given: list[list[Any]] = []  # day of the top-up, cents left; the first given expires first

    def usable(day: date, item: str) -> list[list[Any]]:
        lasts = timedelta(days=int(bonus.get("days", 10**5)))
        return [g for g in given if item in bonus["pays"] and day < g[0] + lasts]

    def there(day: date, item: str) -> int:
        return credit + sum(g[1] for g in usable(day, item))

    def note(day: date, item: str, cents: int) -> None:
        i = period(day)
        if i is not None and bills[i] is not None:
            bills[i][item] += cents  # type: ignore[index]

    def debit(day: date, item: str, cents: int) -> None:
        nonlocal credit
        note(day, item, cents)
        owed = cents
        if bonus.get("used", "first") == "last":
            own = min(owed, credit)
            credit, owed = credit - own, owed - own
        for g in usable(day, item):
            part = min(g[1], owed)
            g[1], owed = g[1] - part, owed - part
            note(day, "bonus credit", -part)
        credit -= owed

    def book(day: date) -> None:
        nonlocal until, minutes
        until = None
        if pack and there(day, "pack") >= half_up(Fraction(pack["price"])):
            debit(day, "pack", half_up(Fraction(pack["price"])))
            until, minutes = day + timedelta(days=int(pack["days"])), int(pack.get("minutes", 0))

    moments: list[tuple[datetime, int, Any]] = [(e.instant, 2, e) for e in events]
    for t in told.get("topups") or []:
        at = datetime.fromisoformat(t["at"])
        moments.append(((at if at.tzinfo else at.replace(tzinfo=case.zone)).astimezone(UTC), 1, int(t["cents"])))
    moments.sort(key=lambda m: (m[0], m[1]))
    last = case.periods.next(case.bill[-1]) - timedelta(days=1)
    last = min(last, line.last) if line.last else last

    def renewals(up_to: datetime | None) -> None:
        while until is not None and until <= last:
            midnight = datetime(until.year, until.month, until.day, tzinfo=case.zone).astimezone(UTC)
            if up_to is not None and midnight > up_to:
                break
            book(until)

    for at, _, what in moments:
        renewals(at)
        day = at.astimezone(case.zone).date()
        if period(day) is None:
            continue
        if isinstance(what, int):
            credit += what
            if bonus and what >= Fraction(bonus.get("from_cents", 0)):
                given.append([day, half_up(Fraction(bonus["percent"]) * what / 100)])
            if until is None:
                book(day)
        elif what.quantity == 0 or what.kind == "call_in":
            continue
        elif what.kind == "call":
            wanted = ceil(what.quantity / 60)
            if until is not None:
                free = min(wanted, minutes)
                minutes, wanted = minutes - free, wanted - free
            while wanted and half_up(wanted * Fraction(plan["per_minute"])) > there(day, "calls"):
                wanted -= 1
            debit(day, "calls", half_up(wanted * Fraction(plan["per_minute"])))
        elif what.kind == "sms":
            price = half_up(Fraction(plan["per_message"]))
            debit(day, "messages", price if price <= there(day, "messages") else 0)
        elif until is None:
            debit(day, "data", min(half_up(what.quantity * Fraction(plan["per_mb"])), there(day, "data")))
    renewals(None)
    return lines_of(case, line, bills, None)
