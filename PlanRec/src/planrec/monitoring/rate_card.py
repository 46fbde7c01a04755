"""Is the rate card of the bundle still the one in force? Answers in cents are wrong from the day it is not."""

from __future__ import annotations

import pandas as pd

from common_utils.monitoring.findings import Finding
from planrec.billing import Catalogue, Plan, Usage, bill_totals
from planrec.columns import CURRENT_PLAN, MEGABYTES, MESSAGES, MINUTES

__all__ = ["rate_card_findings"]

PRICES, LAUNCHED, WITHDRAWN = "card_prices", "card_plans_launched", "card_plans_withdrawn"


def rate_card_findings(
    bundle: Catalogue, now: Catalogue, usage: pd.DataFrame, *, trained: int, month: int
) -> list[Finding]:
    """Compare the bundle's rate card, as it was when the bundle was trained, with the one in force.

    Parameters
    ----------
    bundle, now : Catalogue
    usage : DataFrame
        One month of usage, one row for each subscriber, with the plan held where it is known.
    trained : int
        Month index of the last month the bundle was trained on.
    month : int
        Month index of the month looked at.

    Returns
    -------
    list of Finding
        `card_prices`: alarm where a plan of both cards costs another sum or covers another amount; the value is the
        mean change of this month's bills on the plans held. `card_plans_launched`: alarm where a plan is on sale that
        the bundle's card does not sell this month, notice where the bundle knew of it and nobody could choose it in
        training. `card_plans_withdrawn`: alarm where the bundle's card still sells a plan that is not on sale.

    Examples
    --------
    >>> [f.level for f in rate_card_findings(megaline, megaline, pd.DataFrame(), trained=24215, month=24216)]
    ['ok', 'ok', 'ok']
    """
    sold, ours, learnt = _on_sale(now, month), _on_sale(bundle, month), _on_sale(bundle, trained)
    return [_prices(bundle, now, usage), _launched(sold, ours, learnt), _withdrawn(sold, ours)]


def _on_sale(card: Catalogue, month: int) -> set[str]:
    sold = card.sale_state(month) == 0
    return {plan_id for plan_id, there in zip(card.plan_ids, sold, strict=True) if there}


def _prices(bundle: Catalogue, now: Catalogue, usage: pd.DataFrame) -> Finding:
    known = {plan.plan_id: plan for plan in now.plans}
    both = [plan.plan_id for plan in bundle.plans if plan.plan_id in known]
    changed = [p.plan_id for p in bundle.plans if p.plan_id in known and _terms(p) != _terms(known[p.plan_id])]
    if not changed and bundle.rounding == now.rounding:
        return Finding(PRICES, "", "ok", 0.0, 0.0, None, len(both), "The bundle's rate card is the one in force.")
    change, rated = _bill_change(bundle, now, usage)
    by = "" if change is None else f" this month's bills on the plans held change by {100 * change:+z.1f} % on average;"
    names = _listed(changed) or "the rounding"
    sentence = f"The rate card in force differs from the bundle's in {names};{by} train with the card in force."
    return Finding(PRICES, "", "alarm", change, 0.0, None, rated, sentence)


def _terms(plan: Plan) -> tuple[object, ...]:
    return plan.monthly_fee_cents, plan.included, plan.overage, plan.contract_months, plan.eligibility


def _bill_change(bundle: Catalogue, now: Catalogue, usage: pd.DataFrame) -> tuple[float | None, int]:
    """Return by what share the bills of a month change on the plans held, and how many bills that is."""
    if CURRENT_PLAN not in usage:
        return None, 0
    at = {plan_id: place for place, plan_id in enumerate(bundle.plan_ids)}
    after = {plan_id: place for place, plan_id in enumerate(now.plan_ids)}
    rows = usage[usage[CURRENT_PLAN].isin(at.keys() & after.keys())]
    if not len(rows):
        return None, 0
    amounts = Usage.of(rows[MINUTES], rows[MESSAGES], rows[MEGABYTES])
    every = range(len(rows))
    before_cents = bill_totals(amounts, bundle)[every, rows[CURRENT_PLAN].map(at)].sum()
    now_cents = bill_totals(amounts, now)[every, rows[CURRENT_PLAN].map(after)].sum()
    return (float(now_cents / before_cents - 1) if before_cents else None), len(rows)


def _launched(sold: set[str], ours: set[str], learnt: set[str]) -> Finding:
    if unknown := sorted(sold - ours):
        sentence = f"On sale and not in the bundle's card: {_listed(unknown)}. No answer names them; train anew."
        return Finding(LAUNCHED, "", "alarm", float(len(unknown)), 0.0, None, len(sold), sentence)
    if new := sorted(sold - learnt):
        sentence = f"On sale since the training: {_listed(new)}. Bills are right, demand for them is a guess."
        return Finding(LAUNCHED, "", "notice", float(len(new)), 0.0, None, len(sold), sentence)
    return Finding(LAUNCHED, "", "ok", 0.0, 0.0, None, len(sold), "No plan is on sale that was not in training.")


def _withdrawn(sold: set[str], ours: set[str]) -> Finding:
    if gone := sorted(ours - sold):
        sentence = f"No longer on sale, and still advised by the bundle: {_listed(gone)}. Train with the card in force."
        return Finding(WITHDRAWN, "", "alarm", float(len(gone)), 0.0, None, len(ours), sentence)
    return Finding(WITHDRAWN, "", "ok", 0.0, 0.0, None, len(ours), "Every plan the bundle may advise is on sale.")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
