"""Cards that hold plans in the short form beside full ones: which of them three totals of a month cannot price."""

from __future__ import annotations

from common_utils.errors import ConfigError
from planrec.billing.cards import is_short, parse_card, read_marked_tree
from planrec.billing.detailed_plan import DetailedPlan
from planrec.billing.usage_detail import detailed_plans

__all__ = ["detailed_in"]


def detailed_in(data: bytes, name: str) -> tuple[DetailedPlan, ...] | None:
    """Return the plans of a full card that are not in the short form; None where the card is no full one.

    Raises
    ------
    ConfigError
        If the card is a full one and a key or value is wrong, or none of its plans is in the short form.

    Examples
    --------
    >>> detailed_in(b"version: v", "card") is None
    True
    """
    marked = read_marked_tree(data, name)
    if not isinstance(marked.tree, dict) or "timezone" not in marked.tree:
        return None
    card, plans = parse_card(marked, name), marked.tree.get("plans")
    listed = plans if isinstance(plans, list) else []
    short = {str(p.get("plan_id")) for p in listed if isinstance(p, dict) and is_short(p)}
    detailed = detailed_plans(card, {p.plan_id for p in card.plans} - short)
    first = next(iter(detailed), None)
    if first is not None and not short:
        more = f" (and {len(detailed) - 1} plan(s) more)" if len(detailed) > 1 else ""
        raise ConfigError(
            f"{name}: no plan can be priced from the three totals of usage months: {first.plan_id} needs "
            f"{'; '.join(first.needs)}{more}. Bill single events with `planrec bill --card`, compare plans on "
            "events with `planrec plans diff` and `plans rank`, get advice from cells with `recommend --cells`, "
            "or add a plan in the short form (monthly_fee_cents, included, overage)."
        )
    return detailed
