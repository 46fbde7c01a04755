"""Advice for one subscriber, with everything an answer carries; the API and its readiness probe call this."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common_utils.errors import DataError
from planrec.catalogue import Catalogue, Plan
from planrec.encoding import SubscriberRecord, record_facts, record_history
from planrec.recommend import AdvicePolicy, ExclusionCode, advise, line_item_means, reasons
from planrec.rules import Rules, stay_text

__all__ = ["AdvisedPlan", "SubscriberAdvice", "advise_subscriber"]


@dataclass(frozen=True, slots=True)
class AdvisedPlan:
    """One ranked plan; amounts in cents a month, None where the current plan is unknown."""

    rank: int
    plan: Plan
    stay: bool
    expected_bill_cents: float
    spread_cents: float
    saving_cents: float | None
    p_pay_more: float | None
    line_items_cents: tuple[float, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class SubscriberAdvice:
    """Ranked plans, and for every other plan the code of why it is not offered.

    Attributes
    ----------
    plans : tuple of AdvisedPlan
        Best first.
    excluded : dict of str to str
        Plan id: reason code.
    months_used : int
    stay_reason : str or None
        Reason code of why to stay; None where a switch is advised.
    earliest_change : int or None
        Month index of the first month without the contract; None where nothing binds or that is not known.
    """

    plans: tuple[AdvisedPlan, ...]
    excluded: dict[str, str]
    months_used: int
    stay_reason: str | None
    earliest_change: int | None


def advise_subscriber(
    record: SubscriberRecord,
    catalogue: Catalogue,
    policy: AdvicePolicy,
    rules: Rules,
    *,
    month: int,
    history_months: int,
    top_k: int,
) -> SubscriberAdvice:
    """Return the best plans for one subscriber.

    Parameters
    ----------
    record : SubscriberRecord
        At least one usage month.
    catalogue : Catalogue
    policy : AdvicePolicy
        Its minimum gain counts, not that of the rules.
    rules : Rules
    month : int
        Month index of the advice: plans are on sale in it, and the contract counts from the month after it.
    history_months : int
        Months looked back over, >= 1.
    top_k : int
        Plans to return, >= 1; fewer where fewer are offered.

    Raises
    ------
    DataError
        If there is no usage month, or the current plan is not in the catalogue.

    Examples
    --------
    >>> from pathlib import Path
    >>> from planrec.catalogue import load_catalogue
    >>> from planrec.encoding import UsageMonth
    >>> from planrec.rules import built_in_rules
    >>> card = load_catalogue(Path(__file__).parents[2] / "configs" / "plans_megaline.yaml")
    >>> record = SubscriberRecord([UsageMonth(24216, 400, 10, 9000)], "ultimate")
    >>> advice = advise_subscriber(
    ...     record, card, AdvicePolicy(), built_in_rules(), month=24216, history_months=6, top_k=1
    ... )
    >>> advice.plans[0].plan.plan_id, advice.plans[0].saving_cents
    ('surf', 5000.0)
    """
    current = catalogue.index(record.current_plan)
    if record.current_plan is not None and current < 0:
        raise DataError("current_plan is not a plan of this catalogue; ask GET /plans for the ids, or leave it out.")
    history = record_history(record, history_months=history_months)
    facts = record_facts(record, month=month, current=current)
    advice = advise(history, catalogue, policy, rules=rules, facts=facts)
    items = line_item_means(history, catalogue, facts.current)
    parts = (items.fee_cents, items.minutes_cents, items.messages_cents, items.data_cents)
    code, free_from = int(advice.stay_reason[0]), int(advice.earliest_change[0])
    stay = f" Stay: {stay_text(code, free_from)}." if code else ""
    ranked = [int(plan) for plan in advice.order[0] if plan >= 0][:top_k]
    return SubscriberAdvice(
        plans=tuple(
            AdvisedPlan(
                rank=rank,
                plan=catalogue.plans[plan],
                stay=plan == current,
                expected_bill_cents=float(advice.expected_cents[0, plan]),
                spread_cents=float(advice.spread_cents[0, plan]),
                saving_cents=_number(advice.saving_cents[0, plan]),
                p_pay_more=_number(advice.p_pay_more[0, plan]),
                line_items_cents=tuple(float(part[0, plan]) for part in parts),
                reason=reasons(items, catalogue, row=0, plan=plan, current=current) + (stay if rank == 1 else ""),
            )
            for rank, plan in enumerate(ranked, start=1)
        ),
        excluded={catalogue.plan_ids[i]: ExclusionCode(code).name for i, code in enumerate(advice.excluded[0]) if code},
        months_used=int(history.known.sum()),
        stay_reason=ExclusionCode(code).name if code else None,
        earliest_change=free_from if free_from >= 0 else None,
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
