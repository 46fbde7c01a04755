"""A notice in words: three or four sentences that a care agent can say aloud and a letter can print.

Every amount is one of the notice's figures; months have their English names, whatever the machine's language.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from planrec.advice.reasons import closing_cents
from planrec.months import month_index
from planrec.notices.notice import Basis, NoticeFigures, NoticeLine, PlanCost

__all__ = ["notice_text"]

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def notice_text(basis: Basis, figures: NoticeFigures) -> str:
    """Return a notice in words.

    Parameters
    ----------
    basis : Basis
    figures : NoticeFigures
        Of that basis.

    Returns
    -------
    str
        What holds today and from when it can change; what it costs; what would cost least, or that nothing costs
        less; and, where that binds anew, what costs least without a contract. Parts of an average are rounded one by
        one, so they can miss it by a cent; the lines of a full plan add up to it.

    Examples
    --------
    >>> from planrec.notices.figures import figures_of
    >>> from planrec.notices.notice import basis_of, versions_of
    >>> basis = basis_of("a", as_of=date(2018, 2, 1), contract_end=None, current_plan="surf", age=None,
    ...                  months=["2018-01"], usage=([510_000_000], [0], [0]), versions=versions_of(megaline, ""))
    >>> for sentence in notice_text(basis, figures_of([basis], megaline)[0]).split(". "):
    ...     print(sentence)
    No contract binds you to Surf: you can change plans from 1 March 2018 on
    With your usage of January 2018 it costs 20.30 USD a month on average, 0.30 USD of it for minutes beyond what is included
    Of the plans you can take none would have cost you less, so staying with Surf is the best choice.
    """  # noqa: E501 - a sentence as it is said
    currency = basis.versions.currency
    current, best, free = figures.current, figures.best, figures.best_without_contract
    sentences = [
        _opening(basis, figures),
        f"With your usage of {_span(basis.months)} it costs {_money(current.monthly_cents, currency)} a month on "
        f"average{_range(current, currency)}{_beyond(current, currency)}",
    ]
    if figures.stay:
        sentences.append(
            f"Of the plans you can take none would have cost you less, so staying with {current.name} is the best "
            "choice"
        )
    else:
        bound = f"; taking it binds you for {best.contract_months} months" if best.contract_months else ""
        sentences.append(
            f"On {best.name} the same usage would have cost {_money(best.monthly_cents, currency)} a month on average, "
            f"{_money(best.saving_yearly_cents, currency)} less a year{_dearer(best)}{bound}"
        )
        if free is not None and best.contract_months and free.saving_yearly_cents > 0:
            sentences.append(
                f"Without a new contract the cheapest is {free.name} at {_money(free.monthly_cents, currency)} a "
                f"month on average, {_money(free.saving_yearly_cents, currency)} less a year{_dearer(free)}"
            )
    return ". ".join(sentences) + "."


def _opening(basis: Basis, figures: NoticeFigures) -> str:
    name, change = figures.current.name, _day(figures.change_from)
    if basis.contract_end is None:
        return f"No contract binds you to {name}: you can change plans from {change} on"
    fee = f" at the same fee of {_money(figures.current.monthly_fee_cents, basis.versions.currency)}"
    if figures.current.items is not None:  # a full plan can say another fee from a month on, and tax beside it
        fee = ""
    return (
        f"Your contract for {name} ends on {_day(basis.contract_end)}: from {change} on it continues month by month"
        f"{fee}, and you can change plans"
    )


def _money(cents: int, currency: str) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d} {currency}"


def _average(cents: int, months: int) -> int:
    return (2 * cents + months) // (2 * months)


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _span(months: Sequence[str]) -> str:
    first, last = ((text, month_index(text)) for text in (months[0], months[-1]))
    names = [f"{_MONTHS[index % 12]} {text[:4]}" for text, index in (first, last)]
    if len(months) == 1:
        return names[0]
    whole = last[1] - first[1] + 1 == len(months)
    return f"the {len(months)} months from {names[0]} to {names[1]}" + ("" if whole else " that we know of")


def _range(tariff: PlanCost, currency: str) -> str:
    low, high = tariff.lowest_cents, tariff.highest_cents
    return "" if low == high else f", between {_money(low, currency)} and {_money(high, currency)}"


def _beyond(tariff: PlanCost, currency: str) -> str:
    months = len(tariff.bills_cents)
    if tariff.items is not None:
        return _made_of(tariff.items, months, tariff.monthly_cents, currency)
    items = (("minutes", tariff.minutes_cents), ("messages", tariff.messages_cents), ("data", tariff.data_cents))
    parts = [f"{_money(_average(cents, months), currency)} of it for {what}" for what, cents in items if cents]
    return f", {' and '.join(parts)} beyond what is included" if parts else ""


def _made_of(items: Sequence[NoticeLine], months: int, monthly_cents: int, currency: str) -> str:
    """Name the lines of a bill; their averages add up to that of the bill."""
    cents = closing_cents([item.cents / months for item in items], monthly_cents)
    parts = [f"{item.name} {_money(amount, currency)}" for item, amount in zip(items, cents, strict=True) if amount]
    if not parts:
        return ""
    listed = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
    return f", made up of {listed}"


def _dearer(tariff: PlanCost) -> str:
    months = len(tariff.bills_cents)
    return f"; in {tariff.months_dearer} of {months} months it would have been dearer" if tariff.months_dearer else ""
