"""The plans of a card beside those in the short form that cells price, each with an index of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from common_utils.errors import ConfigError
from planrec.billing.cards import FullCard, FullPlan, is_short, parse_card, read_marked_tree
from planrec.billing.catalogue import Catalogue, Eligibility, Included, OnSale, Overage, Plan, Rounding, parse_catalogue
from planrec.billing.cell_months.bills import cell_reasons
from planrec.billing.cell_months.own_months import plan_sheets
from planrec.billing.rating import Sheet
from planrec.billing.usage_detail import detailed_plans

__all__ = ["CellPlans", "cell_plans", "load_cell_plans"]


@dataclass(frozen=True)
class CellPlans:
    """What a card's plans are priced from, where cells are at hand.

    Attributes
    ----------
    card : FullCard
    short : Catalogue
        The plans in the short form, priced from minutes, messages and megabytes; there may be none.
    wide : Catalogue
        Those, and behind them the plans that cells price, which say who may take them and nothing of prices but the
        fee. Plans that neither prices stay in `detailed`, with the reason.
    places : tuple of int
        Positions in the card of the plans that cells price.
    """

    card: FullCard
    short: Catalogue
    wide: Catalogue
    places: tuple[int, ...]

    @cached_property
    def sheets(self) -> tuple[Sheet, ...]:
        """What prices the plans that cells price, in their order."""
        return plan_sheets(self.card, self.places)


def cell_plans(data: bytes, name: str) -> CellPlans:
    """Return the plans of a full card that can be priced where cells are at hand.

    Parameters
    ----------
    data : bytes
        The card, YAML.
    name : str
        What messages call it.

    Raises
    ------
    ConfigError
        If the card is in the short form, cannot be used, or cells price none of its plans.

    Examples
    --------
    >>> card = b'''
    ... version: v
    ... currency: EUR
    ... timezone: UTC
    ... plans:
    ...   - {plan_id: a, rates: [{kind: call, item: calls, setup: 15, per_minute: 9}]}
    ...   - {plan_id: b, rates: [{kind: call, item: calls, minimum: 15, per_minute: 9}]}
    ... '''
    >>> plans = cell_plans(card, "card")
    >>> plans.wide.plan_ids, [plan.plan_id for plan in plans.wide.detailed]
    (('a',), ['b'])
    """
    marked = read_marked_tree(data, f"rate card {name}")
    if not isinstance(marked.tree, dict) or "timezone" not in marked.tree:
        raise ConfigError(
            f"rate card {name}: its plans are in the short form and priced from minutes, messages and megabytes; "
            "cells price plans of a full card. Leave out --cells."
        )
    card = parse_card(marked, f"rate card {name}")
    listed = marked.tree.get("plans")
    written = [p for p in listed if isinstance(p, dict)] if isinstance(listed, list) else []
    known = {str(p.get("plan_id")) for p in written if is_short(p)}
    if known:
        short = parse_catalogue(data, name)
    else:
        every = detailed_plans(card, {p.plan_id for p in card.plans})
        short = Catalogue(card.version, card.currency, Rounding(minutes="call", data_unit_megabytes=1024), (), every)
    reasons = {p.plan_id: _reasons(card, p) for p in card.plans if p.plan_id not in known}
    priced = [p for p in card.plans if not reasons.get(p.plan_id, ["short"])]
    left = tuple(replace(p, of_cells=tuple(reasons[p.plan_id])) for p in short.detailed if reasons[p.plan_id])
    if not priced:
        raise ConfigError(f"rate card {name}: cells price none of its plans. {left[0].remark if left else ''}".rstrip())
    wide = replace(short, plans=(*short.plans, *map(_placeholder, priced)), detailed=left)
    return CellPlans(card, short, wide, tuple(card.plans.index(p) for p in priced))


def load_cell_plans(path: Path) -> CellPlans:
    """Read a card as `cell_plans` takes it.

    Raises
    ------
    ConfigError
        As `cell_plans`, or if the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"rate card {path}: cannot be read ({type(error).__name__}). Name another file.") from error
    return cell_plans(data, str(path))


def _reasons(card: FullCard, plan: FullPlan) -> list[str]:
    found = cell_reasons(card, plan.plan_id)
    if card.pool is not None:
        found.append("pool: the lines that share it are not known")
    if card.period.kind != "calendar_month":
        found.append("period.kind: usage months are calendar months, and the card's periods are not")
    return found


def _placeholder(plan: FullPlan) -> Plan:
    """Return what rules and answers ask of a plan; cells say what it costs."""
    return Plan.model_construct(
        plan_id=plan.plan_id,
        name=plan.name or plan.plan_id,
        monthly_fee_cents=round(plan.fee),
        included=Included(minutes=None, messages=None, megabytes=None),
        overage=Overage(cents_per_minute=0, cents_per_message=0, cents_per_data_unit=0),
        contract_months=plan.minimum_term.months if plan.minimum_term else 0,
        perks=(),
        on_sale=OnSale(),
        eligibility=Eligibility(),
    )
