"""What a plan must know of single uses: three totals of a month do not price it."""

from __future__ import annotations

from collections.abc import Iterator

from planrec.billing.cards import Allowance, FullCard, FullPlan, Option, Rate
from planrec.billing.detailed_plan import DetailedPlan

__all__ = ["detailed_plans", "line_items", "number_key", "time_key", "usage_needs"]


def detailed_plans(card: FullCard, plan_ids: set[str]) -> tuple[DetailedPlan, ...]:
    """Return the named plans of a card with what each needs."""
    return tuple(
        DetailedPlan(p.plan_id, p.name or p.plan_id, usage_needs(card, p), line_items(card, p))
        for p in card.plans
        if p.plan_id in plan_ids
    )


def number_key(card: FullCard) -> str:
    """Return the first key of a card that asks which uses are to the same number, "" where none does.

    Examples
    --------
    >>> from planrec.billing.cards import parse_card
    >>> free = {"kind": "call", "amount": "unlimited", "numbers": {"most": "300", "per": "period"}}
    >>> tree = {"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [{"plan_id": "a", "allowances": [free]}]}
    >>> number_key(parse_card(tree, "card"))
    'plans.a.allowances[0].numbers'
    """
    owners: list[tuple[str, FullPlan | Option]] = [(f"plans.{p.plan_id}", p) for p in card.plans]
    owners += [(f"options.{o.option_id}", o) for o in card.options]
    rows = ((f"{key}.allowances[{i}].numbers", a) for key, owner in owners for i, a in enumerate(owner.allowances))
    return next((key for key, row in rows if row.numbers is not None), "")


def time_key(card: FullCard) -> str:
    """Return the first key of a card that asks for the time of day of events, "" where days alone bill them.

    Examples
    --------
    >>> from planrec.billing.cards import parse_card
    >>> rate = {"kind": "call", "item": "calls", "per_minute": "9"}
    >>> tree = {"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [{"plan_id": "a", "rates": [rate]}]}
    >>> time_key(parse_card(tree, "card"))
    ''
    >>> rate["when"] = "night"
    >>> tree["bands"] = {"night": [{"days": ["mon"], "from": "00:00", "to": "06:00"}]}
    >>> time_key(parse_card(tree, "card"))
    'plans.a.rates[0].when'
    """
    if card.prepaid:
        return "prepaid"
    owners: list[tuple[str, FullPlan | Option]] = [(f"plans.{p.plan_id}", p) for p in card.plans]
    owners += [(f"options.{o.option_id}", o) for o in card.options]
    for key, owner in owners:
        rows: list[tuple[str, bool]] = [(f"rates[{i}].when", r.when is not None) for i, r in enumerate(owner.rates)]
        rows += [(f"allowances[{i}].when", r.when is not None) for i, r in enumerate(owner.allowances)]
        rows += [(f"passes[{i}].lasts", r.lasts == "24h") for i, r in enumerate(owner.passes)]
        found = next((name for name, asked in rows if asked), "")
        if found:
            return f"{key}.{found}"
    return ""


def line_items(card: FullCard, plan: FullPlan) -> tuple[str, ...]:
    """Return the line items that a bill on a plan may have, without options and devices.

    Examples
    --------
    >>> from planrec.billing.cards import parse_card
    >>> rate = {"kind": "call", "item": "calls", "per_minute": "9", "also": [{"item": "service", "per_call": "5"}]}
    >>> plan = {"plan_id": "a", "fee": "900", "rates": [rate]}
    >>> card = parse_card({"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [plan]}, "card")
    >>> line_items(card, card.plans[0])
    ('fee', 'calls', 'service')
    """
    return tuple(dict.fromkeys(_items(card, plan)))


def _items(card: FullCard, plan: FullPlan) -> Iterator[str]:
    if plan.activation:
        yield "activation"
    if plan.fee or plan.fee_changes:
        yield plan.fee_item
    yield from (bought.item for bought in plan.passes)
    for rate in plan.rates:
        yield from (item for item in (rate.item, *(also.item for also in rate.also)) if item)
        ladder = rate.ladder.beyond if rate.ladder else None
        yield from (part.item for part in (rate.beyond, ladder) if part)
    yield from (row.within.beyond.item for row in plan.allowances if row.within)
    yield from (discount.item for discount in plan.discounts)
    yield from ["minimum spend top-up"] if plan.minimum_spend else []
    yield from ["tax"] if card.tax.percent is not None else []
    yield from [plan.minimum_term.item] if plan.minimum_term else []


def usage_needs(card: FullCard, plan: FullPlan) -> tuple[str, ...]:
    """Return what a plan must know of single uses, each with the first key that asks for it.

    Examples
    --------
    >>> from planrec.billing.cards import parse_card
    >>> rate = {"kind": "call", "to": "fixed", "item": "calls", "setup": "15", "per_minute": "9", "increment": "60/60"}
    >>> tree = {"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [{"plan_id": "a", "rates": [rate]}]}
    >>> card = parse_card(tree, "card")
    >>> usage_needs(card, card.plans[0])
    ('the class of the number called (rates[0].to)', 'each call (rates[0].setup)')
    """
    found: dict[str, str] = {}
    for what, key in _needs(card, plan):
        found.setdefault(what, key)
    if not found:
        return ("calls, messages and sessions one by one (`rates`)",)
    return tuple(f"{what} ({key})" for what, key in found.items())


def _needs(card: FullCard, plan: FullPlan) -> Iterator[tuple[str, str]]:
    if card.prepaid:
        yield "top-ups and each use in order of time", "prepaid"
    if card.period.kind != "calendar_month":
        yield "the day of each use", "period.kind"
    for i, rate in enumerate(plan.rates):
        yield from _of_row(rate, f"rates[{i}]")
        yield from _of_rate(rate, f"rates[{i}]")
    for i, row in enumerate(plan.allowances):
        yield from _of_row(row, f"allowances[{i}]")
        yield from _of_allowance(row, f"allowances[{i}]")
    for i in range(len(plan.passes)):
        yield "the place of each use", f"passes[{i}]"
        yield "the time of each use", f"passes[{i}]"
    for i, cap in enumerate(plan.caps):
        if cap.mode == "refuse":
            yield "the time of each use", f"caps[{i}]"


def _of_row(row: Rate | Allowance, key: str) -> Iterator[tuple[str, str]]:
    if row.to is not None:
        yield "the class of the number called", f"{key}.to"
    if row.at != ("home",):
        yield "the place of each use", f"{key}.at"
    if row.when is not None:
        yield "the time of each use", f"{key}.when"
    if "call_in" in row.kind:
        yield "calls received", f"{key}.kind"


def _of_rate(rate: Rate, key: str) -> Iterator[tuple[str, str]]:
    if rate.valid_from or rate.valid_to:
        yield "the day of each use", f"{key}.valid_{'from' if rate.valid_from else 'to'}"
    for name, told in (("setup", rate.setup), ("minimum", rate.minimum), ("also", rate.also)):
        if told:
            yield "each call", f"{key}.{name}"
    if len(rate.per_minute) > 1:
        yield "each call", f"{key}.per_minute"
    if rate.per_minute and rate.increment != (60, 60):
        yield "each call", f"{key}.increment"
    if rate.rounded == "session":
        yield "each data session", f"{key}.rounded"
    if rate.rounded == "day":
        yield "the day of each use", f"{key}.rounded"
    if rate.day_fee is not None:
        yield "the day of each use", f"{key}.day_fee"
    if rate.day_minimum:
        yield "the day of each use", f"{key}.day_minimum"


def _of_allowance(row: Allowance, key: str) -> Iterator[tuple[str, str]]:
    if row.per == "day" or row.per_day_max is not None:
        yield "the day of each use", f"{key}.per" if row.per == "day" else f"{key}.per_day_max"
    if row.per_week_max is not None:
        yield "the day of each use", f"{key}.per_week_max"
    if row.numbers is not None:
        yield "which calls and messages are to the same number", f"{key}.numbers"
    if row.per_call_max is not None:
        yield "each call", f"{key}.per_call_max"
    if row.within is not None:
        yield "the place of each use", f"{key}.within"
