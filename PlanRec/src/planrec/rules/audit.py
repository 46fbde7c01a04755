"""Count recommended plans that break a rule; apart from `rules/apply.py`, so that one finds the other's mistakes.

Nothing here calls `apply_rules` or `exclusions`: plan by plan, each rule is asked again, from the rate card's own text.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from planrec.billing import Catalogue, Plan
from planrec.months import month_text
from planrec.rules.codes import ExclusionCode
from planrec.rules.facts import Facts
from planrec.rules.rulebook import Mode, Rules

__all__ = ["violations"]


def violations(
    order: IntArray,
    rules: Rules,
    catalogue: Catalogue,
    facts: Facts,
    mode: Mode,
    *,
    gain_cents: FloatArray | None = None,
    min_gain_cents: int | None = None,
    monthly_saving_cents: FloatArray | IntArray | None = None,
    churn_change: FloatArray | None = None,
    churn_error: FloatArray | None = None,
) -> dict[str, int]:
    """Return how many recommended plans break each rule.

    Parameters
    ----------
    order : int64 array of shape (n, k)
        Plan indices from rank 1 on, -1 where no further plan is recommended.
    rules : Rules
    catalogue : Catalogue
    facts : Facts
        n subscribers.
    mode : {"advice", "offer"}
    gain_cents : float64 array of shape (n, n_plans), optional
        What each plan gains a month over the current one, by the measure that ranked them; where it is given, rank 1
        is held to the minimum gain too.
    min_gain_cents : int, optional
        That of the rules unless given.
    monthly_saving_cents : array of shape (n, n_months, n_plans), optional
        What each plan saves against the current one in each of the months that were rated; where it is given, the
        advice on rank 1 is held to the certainty of the rules too.
    churn_change, churn_error : float64 arrays of shape (n, n_plans), optional
        What the offer of each plan is expected to do to the chance of leaving, and its standard error, 0 where not
        given; where the change is given, the offer on rank 1 is held to the bound of the rules too.

    Returns
    -------
    dict of str to int
        Reason code: number of subscriber-plan pairs, 0 where the rule holds; a pair may break several. The plan held
        breaks none.

    Examples
    --------
    >>> from planrec.rules.rulebook import built_in_rules
    >>> facts = Facts.of(24227, np.array([1]), contract_months_left=2.0)
    >>> found = violations(np.array([[0, 1]]), built_in_rules(), megaline, facts, "advice")
    >>> {code: count for code, count in found.items() if count}
    {'CONTRACT_BINDS': 1}
    """
    counts = {code.name: 0 for code in ExclusionCode if code}
    for position, plan in enumerate(catalogue.plans):
        rows = np.flatnonzero((order == position).any(axis=1) & (facts.current != position))
        some = facts.rows(rows)
        for code, broken in _broken(plan, rules, catalogue, some, mode):
            counts[code.name] += int(np.broadcast_to(broken, (len(rows),)).sum())
    if gain_cents is not None:
        least = rules.min_gain_cents(mode) if min_gain_cents is None else min_gain_cents
        counts[ExclusionCode.BELOW_MINIMUM_GAIN.name] = _too_small(order[:, 0], facts.current, gain_cents, least)
    if monthly_saving_cents is not None and mode == "advice":
        asked = rules.minimum_gain.advice_certainty
        unsure = _unsure(order[:, 0], facts.current, np.asarray(monthly_saving_cents, dtype=np.float64), asked)
        counts[ExclusionCode.UNCERTAIN_GAIN.name] = unsure
    if churn_change is not None and mode == "offer":
        errors = np.zeros_like(churn_change) if churn_error is None else churn_error
        counts[ExclusionCode.CHURN_MAY_RISE.name] = _may_rise(order[:, 0], facts.current, churn_change, errors, rules)
    return counts


def _broken(
    plan: Plan, rules: Rules, catalogue: Catalogue, facts: Facts, mode: Mode
) -> Iterator[tuple[ExclusionCode, BoolArray | bool]]:
    """Yield every rule with the subscribers who do not hold this plan and would break the rule by taking it."""
    month = np.array([month_text(m) for m in facts.change_month.tolist()], dtype=np.str_)
    first, last = plan.on_sale.first, plan.on_sale.last
    yield ExclusionCode.NOT_YET_ON_SALE, first is not None and month < first
    yield ExclusionCode.NO_LONGER_SOLD, last is not None and month > last
    youngest, oldest = plan.eligibility.min_age, plan.eligibility.max_age
    yield ExclusionCode.BELOW_MINIMUM_AGE, youngest is not None and facts.age < youngest
    yield ExclusionCode.ABOVE_MAXIMUM_AGE, oldest is not None and facts.age >= oldest + 1  # in completed years
    yield ExclusionCode.AGE_UNKNOWN, (youngest is not None or oldest is not None) and np.isnan(facts.age)
    yield from _contract_broken(plan, rules, catalogue, facts, mode)
    yield ExclusionCode.NOT_OFFERED, _taken_out(plan, rules, catalogue, facts, mode)
    if mode == "offer":
        yield from _contact_broken(rules, facts)


def _contract_broken(
    plan: Plan, rules: Rules, catalogue: Catalogue, facts: Facts, mode: Mode
) -> Iterator[tuple[ExclusionCode, BoolArray]]:
    fine = np.zeros(len(facts.current), dtype=np.bool_)  # whatever the contract, this change is allowed
    without_term = np.zeros(len(facts.current), dtype=np.bool_)
    for position, held in enumerate(catalogue.plans):
        mine = facts.current == position
        without_term |= mine & (held.contract_months == 0)
        dearer = plan.monthly_fee_cents > held.monthly_fee_cents and plan.contract_months >= held.contract_months
        fine |= mine & (rules.contract.while_bound == "allow_dearer" and dearer)
    yield ExclusionCode.CONTRACT_BINDS, (facts.contract_months_left > 0) & ~fine
    if mode == "offer":
        yield ExclusionCode.CONTRACT_UNKNOWN, np.isnan(facts.contract_months_left) & ~without_term & ~fine


def _taken_out(plan: Plan, rules: Rules, catalogue: Catalogue, facts: Facts, mode: Mode) -> BoolArray:
    out = np.zeros(len(facts.current), dtype=np.bool_)
    for rule in rules.plans:
        if mode not in rule.modes or plan.plan_id not in rule.plans:
            continue
        if rule.holders_of is None:
            out[:] = True
            continue
        out |= np.isin(facts.current, [i for i, held in enumerate(catalogue.plan_ids) if held in rule.holders_of])
        if mode == "offer":
            out |= facts.current < 0
    return out


def _contact_broken(rules: Rules, facts: Facts) -> Iterator[tuple[ExclusionCode, BoolArray | bool]]:
    offers, cap = rules.offers, rules.offers.max_contacts_90d
    yield ExclusionCode.HELD_OUT, offers.respect_holdout and facts.holdout == 1
    yield ExclusionCode.HOLDOUT_UNKNOWN, offers.respect_holdout and facts.holdout == -1
    yield ExclusionCode.NO_CONSENT, offers.consent_required and facts.consent == 0
    yield ExclusionCode.CONSENT_UNKNOWN, offers.consent_required and facts.consent == -1
    yield ExclusionCode.CONTACT_CAP, cap is not None and facts.contacts_90d + 1 > cap  # with the one to come
    yield ExclusionCode.CONTACTS_UNKNOWN, cap is not None and np.isnan(facts.contacts_90d)
    yield ExclusionCode.NO_USAGE, offers.usage_required and ~facts.used


def _too_small(top: IntArray, current: IntArray, gain_cents: FloatArray, least: int) -> int:
    switch = _switches(top, current)
    gain = gain_cents[switch, top[switch]]
    return int((~((gain > 0) & (gain >= least))).sum())


def _unsure(top: IntArray, current: IntArray, monthly: FloatArray, certainty: float) -> int:
    """Switches whose mean saving does not exceed so many of its standard deviations; 0 of them asks for nothing."""
    switch = _switches(top, current)
    saved = monthly[switch, :, top[switch]]
    return int((saved.mean(axis=1) <= certainty * saved.std(axis=1)).sum()) if certainty else 0


def _may_rise(top: IntArray, current: IntArray, change: FloatArray, error: FloatArray, rules: Rules) -> int:
    """Offers that, errors counted in, do not lower leaving as much as the rules ask; an unknown change counts too."""
    switch = _switches(top, current)
    expected, doubt = change[switch, top[switch]], error[switch, top[switch]]
    worst = expected + rules.offers.churn_errors * doubt
    return int((~(worst <= -rules.offers.min_churn_fall)).sum())


def _switches(top: IntArray, current: IntArray) -> IntArray:
    return np.flatnonzero((top >= 0) & (current >= 0) & (top != current))
