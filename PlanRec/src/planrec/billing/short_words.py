"""A plan in the short form in words a customer knows."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from planrec.billing.cards import money_text
from planrec.billing.catalogue import Catalogue, Plan

__all__ = ["short_plan_sentences"]


def short_plan_sentences(catalogue: Catalogue, plan: Plan) -> list[str]:
    """Return what a plan costs and holds and who can take it, one sentence each.

    Examples
    --------
    >>> for sentence in short_plan_sentences(megaline, megaline.plans[0])[:3]:
    ...     print(sentence)
    The fee is 20.00 USD a calendar month.
    It includes 500 minutes; each further minute begun costs 0.03 USD.
    It includes 50 messages; each further message costs 0.03 USD.
    """
    return [sentence[:1].upper() + sentence[1:] + "." for sentence in _sentences(catalogue, plan)]


def _sentences(catalogue: Catalogue, plan: Plan) -> Iterator[str]:
    def money(cents: int) -> str:
        return money_text(Decimal(cents), catalogue.currency)

    unit = catalogue.rounding.data_unit_megabytes
    block = f"block of {unit:,} MB begun" if unit != 1 else "megabyte begun"
    yield f"the fee is {money(plan.monthly_fee_cents)} a calendar month"
    included, overage = plan.included, plan.overage
    for amount, name, one, cents in (
        (included.minutes, "minutes", "minute begun", overage.cents_per_minute),
        (included.messages, "messages", "message", overage.cents_per_message),
        (included.megabytes, "MB of data", block, overage.cents_per_data_unit),
    ):
        if amount is None:
            yield f"{name} are unlimited" if name != "MB of data" else "data are unlimited"
        elif amount:
            yield f"it includes {amount:,} {name}; each further {one} costs {money(cents)}"
        else:
            yield f"each {one} costs {money(cents)}"
    if included.minutes is not None:
        per = "each call is" if catalogue.rounding.minutes == "call" else "the month's minutes together are"
        yield f"{per} rounded up to whole minutes"
    yield from _terms(plan)


def _terms(plan: Plan) -> Iterator[str]:
    if plan.contract_months:
        yield f"the minimum term is {plan.contract_months} months"
    for perk in plan.perks:
        yield f"it comes with {perk}"
    ages = plan.eligibility
    if ages.min_age is not None:
        yield f"it is for subscribers of {ages.min_age} years or more"
    if ages.max_age is not None:
        yield f"it is for subscribers of at most {ages.max_age} years"
    if plan.on_sale.first is not None:
        yield f"it is sold from {plan.on_sale.first} on"
    if plan.on_sale.last is not None:
        yield f"it is sold until {plan.on_sale.last}"
