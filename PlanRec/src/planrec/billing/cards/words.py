"""A plan in words a customer knows: one sentence for each fee, allowance, price, pass and limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from planrec.billing.cards.rows import Allowance, NotSold, Pass, Rate
from planrec.billing.cards.schema import Discount, FullCard, FullPlan, Option

__all__ = ["money_text", "plan_sentences", "rate_words"]

_KINDS = {"call": "calls", "call_in": "received calls", "sms": "messages", "data": "data"}


def money_text(cents: Decimal, currency: str) -> str:
    """Return an amount in the currency's main unit, with as many decimals as it needs, at least two.

    Examples
    --------
    >>> money_text(Decimal("18.15"), "EUR"), money_text(Decimal(999), "EUR")
    ('0.1815 EUR', '9.99 EUR')
    """
    amount = (cents / 100).normalize()
    places = max(2, -int(amount.as_tuple().exponent))
    return f"{amount:z.{places}f} {currency}"


def plan_sentences(card: FullCard, plan: FullPlan | Option) -> list[str]:
    """Return what a plan or an option costs and holds, one sentence a row of the card.

    Examples
    --------
    >>> from planrec.billing.cards.load import parse_card
    >>> rate = {"kind": "call", "item": "calls", "setup": "15", "per_minute": "9", "increment": "60/1"}
    >>> plan = {"plan_id": "a", "fee": "999", "rates": [rate]}
    >>> card = parse_card({"version": "v", "currency": "EUR", "timezone": "Europe/Madrid", "plans": [plan]}, "card")
    >>> for sentence in plan_sentences(card, card.plans[0]):
    ...     print(sentence)
    The fee is 9.99 EUR a calendar month.
    Calls cost 0.15 EUR for each call and 0.09 EUR a minute, the first minute in full, then by the second.
    """
    return [sentence[:1].upper() + sentence[1:] + "." for sentence in _sentences(card, plan)]


def _sentences(card: FullCard, plan: FullPlan | Option) -> Iterator[str]:
    currency = card.currency
    if plan.fee or not card.prepaid:
        yield f"the fee is {money_text(plan.fee, currency)} {_period(card)}"
    if isinstance(plan, FullPlan):
        yield from _plan_fees(card, plan)
    else:
        yield from _option_rules(plan)
    for row in plan.allowances:
        yield _allowance(row, card)
    for i, rate in enumerate(plan.rates):
        named = any(set(rate.kind) & set(r.kind) and set(rate.at) & set(r.at) for r in plan.rates[:i])
        rest = named and rate.to is None and rate.when is None
        yield ("all other " if rest else "") + rate_words(rate, card)
    for row in plan.passes:
        yield _pass(row, currency)
    for row in plan.not_sold if isinstance(plan, FullPlan) else ():
        yield f"what is not named here of {_scope(row)} is not part of it"
    for cap in plan.caps:
        then = "does not take place" if cap.mode == "refuse" else "is free"
        yield f"{_and(cap.items)} cost at most {money_text(cap.amount, currency)} a period; further use {then}"
    yield from _of_the_card(card, plan)


def _of_the_card(card: FullCard, plan: FullPlan | Option) -> Iterator[str]:
    """Yield what the card says beside its plans: the hours of bands that are named, the pool, the tax."""
    named = {row.when for row in (*plan.rates, *plan.allowances)}
    for name, windows in card.bands.items():
        if name in named:
            yield f"{name} is {_and([f'{_and(w.days)} {w.first} to {w.last}' for w in windows])} local time"
    if card.pool is not None and isinstance(plan, FullPlan):
        pool, over, currency = card.pool, card.pool.over, card.currency
        beyond = f"each {over.block_mb} MB begun beyond it {money_text(over.per_block, currency)}" if over else ""
        most = f", at most {money_text(over.max, currency)}" if over and over.max is not None else ""
        yield f"data of all lines at home share {pool.allowance_mb} MB a period in place of the plan's own data"
        yield f"{pool.payer} pays {money_text(pool.fee, currency)} for it{f', and {beyond}{most}' if over else ''}"
    if card.tax.percent is not None:
        yield f"{card.tax.percent} % tax is added to the bill"


def _period(card: FullCard) -> str:
    kinds = {"calendar_month": "a calendar month", "anniversary": f"a month from day {card.period.day} on"}
    return kinds.get(card.period.kind, f"for {card.period.length} days")


def _plan_fees(card: FullCard, plan: FullPlan) -> Iterator[str]:
    currency = card.currency
    for change in plan.fee_changes:
        yield f"from {change.from_period} on the fee is {money_text(change.fee, currency)}"
    parts = [w for w, told in (("first", plan.prorate_first), ("last", plan.prorate_last)) if told]
    if parts:
        yield f"of the {_and(parts)} period only the days held are charged"
    if plan.activation:
        yield f"a newcomer pays {money_text(plan.activation, currency)} once"
    for discount in plan.discounts:
        yield _discount(discount, currency)
    if plan.minimum_spend is not None:
        least = money_text(plan.minimum_spend.cents, currency)
        yield f"{_and(plan.minimum_spend.counts)} together cost at least {least} a period"
    if plan.minimum_term is not None:
        term = plan.minimum_term
        most = f", at most {money_text(term.max, currency)}" if term.max is not None else ""
        share = f"{term.percent_of_remaining_fees} % of the fees that are left"
        yield f"the term is {term.months} months; who leaves before pays {share}{most}"
    yield from _prepaid(plan, currency)


def _prepaid(plan: FullPlan, currency: str) -> Iterator[str]:
    if plan.pack is not None:
        pack, price = plan.pack, money_text(plan.pack.price, currency)
        yield f"a pack of {pack.days} days costs {price} and holds {pack.minutes} minutes and {pack.mb} MB"
    if plan.bonus is not None:
        bonus, order = plan.bonus, "before" if plan.bonus.used == "first" else "after"
        least = f" of {money_text(bonus.from_cents, currency)} or more" if bonus.from_cents else ""
        lasts = f", for {bonus.days} days" if bonus.days is not None else ""
        yield f"a top-up{least} gives {bonus.percent} % more for {_and(bonus.pays)}{lasts}, used {order} the own credit"
    prices = (plan.per_minute, "a started minute"), (plan.per_message, "a message"), (plan.per_mb, "a megabyte")
    for price, unit in prices:
        if price is not None:
            yield f"without the pack {unit} costs {money_text(price, currency)}"


def _option_rules(option: Option) -> Iterator[str]:
    if option.only_with is not None:
        yield f"it can be added to {_and(option.only_with)} only"
    if option.requires:
        yield f"it needs {_and(option.requires)}"
    if option.starts is not None:
        since = "from the day on which it is bought" if option.starts == "day" else "from the day after it is bought"
        most = f", at most {option.max_per_period} times a period" if option.max_per_period is not None else ""
        yield f"it can be bought again and again{most}, and holds {since} to the end of the period"
    if option.group:
        yield f"only one option of the group {option.group} can be held"


def _discount(row: Discount, currency: str) -> str:
    if row.cents is not None:
        what = f"{money_text(row.cents, currency)} off"
    elif row.percent is not None:
        what = f"{row.percent} % off {_and(row.of)}"
    else:
        steps = [f"{percent} % above {money_text(above, currency)}" for above, percent in row.steps]
        what = f"off {_and(row.of)}: {', '.join(steps)}" + (" of the whole sum" if row.of_all else "")
    if row.first_periods is not None:
        what += f", in the first {row.first_periods} periods"
    if row.after_periods is not None:
        what += f", after {row.after_periods} periods"
    return f"{row.item}: {what}" + (f", with {row.needs}" if row.needs else "")


def _allowance(row: Allowance, card: FullCard) -> str:
    unit = "minutes" if row.unit == "minute" else {"sms": "messages"}.get(row.kind[0], "MB")
    amount = "unlimited" if row.amount == "unlimited" else f"{row.amount} {unit} a {row.per}"
    text = f"{row.name or 'included'}: {amount}, for {_scope(row)}"
    for most, of in ((row.per_call_max, "call"), (row.per_day_max, "day"), (row.per_week_max, "week")):
        if most is not None:
            text += f", at most {most} minutes of a {of}"
    if row.numbers is not None:
        text += f", to at most {row.numbers.most} different numbers of a {row.numbers.per}"
    if row.within is not None:
        within, price = row.within, money_text(row.within.beyond.per_mb, card.currency)
        text += f"; {within.amount} MB of it at {_and(within.at)}, each further MB there {price} more"
    if row.rollover is not None:
        lasts = "the next period" if row.rollover.lasts == "1 period" else "all later periods"
        most = f", at most {row.rollover.max} {unit}" if row.rollover.max is not None else ""
        when = "before" if row.rollover.used == "first" else "after"
        text += f"; what is left can be used in {lasts}, {when} the period's own amount{most}"
    if row.bank is not None:
        text += f"; what {_and(row.bank.collects)} leave can be used on {_and(row.bank.spent_on)} of the same week"
    return text


def _scope(row: Rate | Allowance | NotSold) -> str:
    text = _and([_KINDS[k] for k in row.kind])
    if row.to is not None:
        text += f" to {_and(row.to)}"
    if row.at != ("home",):
        text += f" at {_and(row.at)}"
    return text + (f" ({row.when})" if not isinstance(row, NotSold) and row.when else "")


def rate_words(row: Rate, card: FullCard) -> str:
    """Return what a rate says, as the end of a sentence."""
    parts = [p for p in (_call_price(row, card.currency), _data_price(row, card.currency)) if p]
    if row.each is not None:
        parts.append(f"{money_text(row.each, card.currency)} each")
    dates = f" from {row.valid_from}" if row.valid_from else ""
    dates += f" until {row.valid_to}" if row.valid_to else ""
    return f"{_scope(row)} cost {'; '.join(parts) or 'nothing'}{dates}"


def _call_price(row: Rate, currency: str) -> str:
    if not {"call", "call_in"} & set(row.kind):
        return ""
    parts = [f"{money_text(row.setup, currency)} for each call"] if row.setup else []
    for second, price in row.per_minute:
        after = f" from second {second} on" if second else ""
        parts.append(f"{money_text(price, currency)} a minute{after}")
    text = " and ".join(parts) or "nothing"
    text += _increment(*row.increment)
    if row.minimum:
        text += f", at least {money_text(row.minimum, currency)}"
    for also in row.also:
        extra = [f"{money_text(also.per_call, currency)} for each call"] if also.per_call else []
        extra += [f"{money_text(also.per_minute, currency)} a minute"] if also.per_minute else []
        text += f"; {also.item} {' and '.join(extra)} beside it"
    return text


def _increment(first: int, step: int) -> str:
    if (first, step) == (1, 1):
        return ""
    if first == step:
        return ", by whole minutes" if first == 60 else f", in steps of {first} seconds"
    whole = "the first minute in full" if first == 60 else f"the first {first} second{'s' * (first > 1)} in full"
    return f", {whole}, then " + ("by the second" if step == 1 else f"in steps of {step} seconds")


def _data_price(row: Rate, currency: str) -> str:
    if row.throttled:
        return "nothing, but are slowed"
    least = f", at least {money_text(row.day_minimum, currency)} on each day of use" if row.day_minimum else ""
    if row.per_mb is not None:
        return f"{money_text(row.per_mb, currency)} a megabyte{least}"
    if row.per_block is not None:
        return f"{money_text(row.per_block, currency)} for each {row.block_mb} MB begun in a {row.rounded}{least}"
    if row.day_fee is not None:
        beyond = f", then {money_text(row.beyond.per_mb, currency)} a megabyte" if row.beyond else ""
        return f"{money_text(row.day_fee, currency)} on each day of use for {row.includes_mb} MB{beyond}"
    if row.ladder is not None:
        steps = [f"{money_text(fee, currency)} up to {limit} MB" for limit, fee in row.ladder.steps]
        return ", ".join(steps)
    return ""


def _pass(row: Pass, currency: str) -> str:
    lasts = "24 hours" if row.lasts == "24h" else "the calendar day"
    most = f", at most {row.max_per_period} paid in a period" if row.max_per_period is not None else ""
    return (
        f"at {_and(row.at)} the first use costs {money_text(row.fee, currency)} for {lasts} as at {row.treat_as}{most}"
    )


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "nothing"
