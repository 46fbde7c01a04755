"""Why one event cost what it did, and what allowances covered and left: sentences from the rater's own columns."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from common_utils.errors import DataError
from planrec.billing.cards import rate_words
from planrec.billing.events import DATA, KINDS, MICRO, SMS, Events, LocalClock
from planrec.billing.rating.bill import BillBook, decimal_text
from planrec.billing.rating.segments import group_sums
from planrec.billing.rating.sheet import Sheet
from planrec.billing.rating.usage import Trace

__all__ = ["allowance_use", "explain_event"]


_KINDS = ("a call", "a received call", "a message", "a data session")  # in the order of KINDS


def _amount(kind: int, quantity: int, unit: int = MICRO) -> str:
    if kind == SMS:
        return f"{quantity} message{'s' * (quantity != 1)}"
    return f"{decimal_text(quantity, unit)} MB" if kind == DATA else f"{quantity} s"


def explain_event(book: BillBook, events: Events, event: str) -> list[str]:
    """Return why an event cost what it did, one sentence a step.

    Parameters
    ----------
    book : BillBook
        Bills of these events.
    events : Events
    event : str
        Identifier.

    Raises
    ------
    DataError
        If there is no such event, or the card is prepaid, where the credit decides.
    """
    if events.ids is None or event not in events.ids:
        raise DataError(f"--explain {event!r}: no such event in the table.")
    if book.used is None or book.sheet is None:
        raise DataError("--explain: uses of a prepaid card depend on the credit; the bill shows what was taken.")
    unit = book.sheet.unit
    row = int(np.flatnonzero(events.ids == event)[0])
    kind = int(events.kind[row])
    size = "" if kind == SMS else f" of {_amount(kind, int(events.quantity[row]))}"
    found = [f"{event}: {_KINDS[kind]}{size}."]
    trace = book.used.trace
    places = np.flatnonzero(trace.source == row)
    if not len(places):
        return [*found, "It is not billed: it is empty, or lies outside the listed periods or the subscriber's days."]
    i = int(places[0])
    period = book.periods[int(trace.account[i]) % len(book.periods)]
    found.append(f"It belongs to the period {period}.")
    found.append(_where(book, events, row))
    rate = int(trace.rate[i])
    found.append(_price(book.sheet, rate) if rate >= 0 else "No rate fits it.")
    if trace.refused[i]:
        found.append("A spending cap was reached before: what allowances do not cover did not take place.")
    found.append(f"It counts as {_amount(kind, int(trace.billed[i]), unit)} after its increments.")
    for place, (allowance, (rows, amounts)) in enumerate(zip(book.sheet.allowances, trace.takes, strict=True)):
        taken = int(amounts[rows == i].sum())
        if taken:
            name = allowance.allowance.name if allowance.allowance else ""
            limit = int(trace.limits[place][trace.account[i]])
            used = int(amounts[(rows <= i) & (trace.account[rows] == trace.account[i])].sum())
            rest = f", which leaves {_amount(kind, limit - used, unit)} of it" if limit >= 0 else ""
            found.append(f"{name or allowance.key} covers {_amount(kind, taken, unit)}{rest}.")
    found.append(f"{_amount(kind, int(trace.left[i]), unit)} are left over and priced.")
    for charge in trace.charges:
        amount = int(charge.amounts[charge.rows == i].sum())
        if amount:
            cents = Fraction(amount, book.sheet.items[charge.item])
            found.append(f"{charge.item}: {_cents(cents)} cents.")
    found.extend(_caps(book, book.sheet, trace, i))
    return found


def _caps(book: BillBook, sheet: Sheet, trace: Trace, i: int) -> Iterator[str]:
    """Say which spending caps an event reached, or met after others had reached them."""
    account, period = divmod(int(trace.account[i]), len(book.periods))
    plan, options = int(book.accounts.plan[account, period]), book.accounts.options[account]
    for row in sheet.caps:
        held = row.owner.plan == plan or (row.owner.option >= 0 and bool(options[row.owner.option]))
        if row.cap is None or not held:
            continue
        items = [c for c in trace.charges if c.item in row.cap.items]
        amount = sheet.in_item(items[0].item, row.cap.amount) if items else 0
        of_account = [(c, trace.account[c.rows] == trace.account[i]) for c in items]
        before = sum(int(c.amounts[same & (c.rows < i)].sum()) for c, same in of_account)
        here = sum(int(c.amounts[same & (c.rows == i)].sum()) for c, same in of_account)
        name = row.cap.name or row.key
        if here and before + here >= amount:
            yield f"It reaches the cap {name} of {_cents(Fraction(row.cap.amount))} cents; the rest is not charged."
        elif before >= amount and row.cap.mode == "free" and any((c.rows == i).any() for c in items):
            yield f"The cap {name} was reached before; its items are free."


def _where(book: BillBook, events: Events, row: int) -> str:
    """Say when by the local clock, to which class of number and where an event took place."""
    clock = LocalClock(book.sheet.card.timezone if book.sheet else "UTC")
    seconds = events.instant[[row]] // MICRO
    local = np.datetime64(int((seconds + clock.offsets(seconds))[0]), "s")
    to, at = events.classes[int(events.to[row])], events.places[int(events.at[row])]
    named = f" to {to}" if to else ""
    return f"It began at {str(local).replace('T', ' ')} local time{named}, at {at}."


def _price(sheet: Sheet, rate: int) -> str:
    row = sheet.rates[rate]
    assert row.rate is not None  # noqa: S101 - a row of rates holds a rate
    return f"The first rate that fits it is {row.key}: {rate_words(row.rate, sheet.card)}."


def _cents(cents: Fraction) -> str:
    """Return an amount, to four decimals half up; "about" says that it has more."""
    tenths = cents * 10**4
    rounded = (2 * tenths.numerator + tenths.denominator) // (2 * tenths.denominator)
    text = decimal_text(rounded, 10**4)
    return text if tenths.denominator == 1 else f"about {text}"


def allowance_use(book: BillBook) -> list[tuple[str, str, str, str, str]]:
    """Return (subscriber, period, allowance, covered, left) of every allowance in bills that are not out.

    Amounts of a day have no rest of a period; their last value is empty, as for unlimited ones.
    """
    if book.used is None or book.sheet is None:
        return []
    trace, p, unit = book.used.trace, len(book.periods), book.sheet.unit
    present = book.accounts.present.reshape(-1)
    found: list[tuple[str, str, str, str, str]] = []
    for row, (rows, amounts), limits in zip(book.sheet.allowances, trace.takes, trace.limits, strict=True):
        allowance = row.allowance
        if allowance is None:
            continue
        kind = KINDS.index(allowance.kind[0])
        covered = group_sums(amounts, trace.account[rows], len(present))
        held = np.repeat(book.accounts.options[:, row.owner.option], p) if row.owner.option >= 0 else None
        held = (book.accounts.plan.reshape(-1) == row.owner.plan) if held is None else held
        for cell in np.flatnonzero(present & held & (np.arange(len(present)) % p >= book.closed)).tolist():
            limit = int(limits[cell])
            left = _amount(kind, limit - int(covered[cell]), unit) if limit >= 0 else ""
            subscriber, period = book.names[cell // p], book.periods[cell % p]
            found.append((subscriber, period, allowance.name or row.key, _amount(kind, int(covered[cell]), unit), left))
    return found
