"""Rules applied: which plans a subscriber may be advised or offered, why the others are out, and from when on.

The rate card's part (on sale, age) comes first, then the rule file's plans, then who may be contacted, then the
contract; each excluded plan carries the code of the first that applies. The plan held is never excluded: staying is
always allowed.

What is not known is treated by who asks. Advice is asked for by the subscriber, so an unknown contract or plan held
stands in nobody's way; an offer is the operator's idea, so what is not known counts as the worse case. Only the age is
needed by both, where a plan asks for one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from planrec.billing import Catalogue
from planrec.months import month_text
from planrec.rules.codes import ExclusionCode, exclusions, has_code
from planrec.rules.facts import Facts, Known
from planrec.rules.rulebook import (
    Mode,
    OfferRules,
    PlanRule,
    Rules,
)

__all__ = ["Verdict", "apply_rules", "closed_reasons", "stay_reasons", "stay_text"]


_OF_PLANS = (
    ExclusionCode.NOT_YET_ON_SALE,
    ExclusionCode.NO_LONGER_SOLD,
    ExclusionCode.BELOW_MINIMUM_AGE,
    ExclusionCode.ABOVE_MAXIMUM_AGE,
    ExclusionCode.AGE_UNKNOWN,
    ExclusionCode.NOT_OFFERED,
    ExclusionCode.DECLINED,
    ExclusionCode.NEEDS_USAGE_DETAIL,
    ExclusionCode.NOT_SOLD,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say about n subscribers.

    Attributes
    ----------
    codes : int64 array of shape (n, n_plans)
        `ExclusionCode`, NONE where the plan may be advised or offered.
    barred : int64 array of shape (n,)
        Code of why the subscriber gets no offer of any plan, NONE where one may be made; always NONE for advice.
    earliest_change : int64 array of shape (n,)
        Month index of the first month after the contract; -1 where no contract binds or its end is unknown.
    """

    codes: IntArray
    barred: IntArray
    earliest_change: IntArray


def apply_rules(rules: Rules, catalogue: Catalogue, facts: Facts, mode: Mode) -> Verdict:
    """Return which plans each subscriber may be advised or offered.

    Parameters
    ----------
    rules : Rules
        They name only plans of the catalogue (`check_rules`); others would be passed over.
    catalogue : Catalogue
    facts : Facts
        n subscribers.
    mode : {"advice", "offer"}
        An offer is also bound by consent, contact cap and hold-out.

    Returns
    -------
    Verdict

    Examples
    --------
    >>> from planrec.rules.rulebook import built_in_rules
    >>> facts = Facts.of(24227, np.array([1]), contract_months_left=2.0, consent=False, holdout=False)
    >>> advice, offer = (apply_rules(built_in_rules(), megaline, facts, mode) for mode in ("advice", "offer"))
    >>> [ExclusionCode(code).name for code in (*advice.codes[0], *offer.codes[0])]
    ['CONTRACT_BINDS', 'NONE', 'NO_CONSENT', 'NONE']
    >>> month_text(int(advice.earliest_change[0]))
    '2019-03'
    """
    codes = exclusions(catalogue, facts.change_month, facts.current, facts.age)
    for rule in rules.plans:
        if mode in rule.modes:
            codes = _first(codes, np.where(_taken_out(rule, catalogue, facts, mode), ExclusionCode.NOT_OFFERED, 0))
    barred = _barred(rules.offers, facts) if mode == "offer" else np.zeros(len(facts.current), dtype=np.int64)
    codes = _first(codes, barred[:, None])
    codes = _first(codes, _contract(rules, catalogue, facts, mode))
    held = np.flatnonzero(facts.current >= 0)
    codes[held, facts.current[held]] = ExclusionCode.NONE
    return Verdict(codes, barred, np.where(facts.contract_months_left > 0, facts.free_from, -1))


def stay_reasons(
    verdict: Verdict,
    gain_cents: FloatArray,
    stay: NDArray[np.bool_],
    min_gain_cents: int,
    *,
    sure: NDArray[np.bool_] | None = None,
) -> IntArray:
    """Return why the answer is "stay".

    Parameters
    ----------
    verdict : Verdict
        n subscribers.
    gain_cents : float64 array of shape (n, n_plans)
        What each plan gains a month over the current one, by the measure that ranked them.
    stay : bool array of shape (n,)
    min_gain_cents : int
        What a switch had to gain.
    sure : bool array of shape (n, n_plans), optional
        Whether a gain is certain enough; every gain is unless given.

    Returns
    -------
    int64 array of shape (n,)
        `ExclusionCode`: why no offer may be made; else the contract's code, where a plan that only the contract keeps
        out would have gained enough; else UNCERTAIN_GAIN, where a plan gains enough and not surely; else
        BELOW_MINIMUM_GAIN. NONE where the answer is not "stay".

    Examples
    --------
    >>> codes = np.array([[ExclusionCode.CONTRACT_BINDS, 0]] * 2)
    >>> verdict = Verdict(codes, np.zeros(2, dtype=np.int64), np.array([24230, 24230]))
    >>> why = stay_reasons(verdict, np.array([[500.0, 0.0], [50.0, 0.0]]), np.array([True, True]), 100)
    >>> [ExclusionCode(code).name for code in why]
    ['CONTRACT_BINDS', 'BELOW_MINIMUM_GAIN']
    """
    by_contract = has_code(verdict.codes, (ExclusionCode.CONTRACT_BINDS, ExclusionCode.CONTRACT_UNKNOWN))
    certain = np.ones_like(by_contract) if sure is None else sure
    enough = (gain_cents > 0) & (gain_cents >= min_gain_cents)
    none, rows = ExclusionCode.NONE, np.arange(len(stay))
    unsure = ((verdict.codes == none) & ~certain & enough).any(axis=1)
    reasons = np.where(unsure, ExclusionCode.UNCERTAIN_GAIN, ExclusionCode.BELOW_MINIMUM_GAIN)
    closed = by_contract & certain
    if closed.any():
        best = np.where(closed, gain_cents, -np.inf).argmax(axis=1)
        missed = closed[rows, best] & enough[rows, best]
        reasons = np.where(missed, verdict.codes[rows, best], reasons)
    return np.where(stay, np.where(verdict.barred != none, verdict.barred, reasons), none).astype(np.int64)


def closed_reasons(codes: IntArray, current: IntArray | None = None) -> IntArray:
    """Return why subscribers may take no plan at all, or none but the one held.

    Parameters
    ----------
    codes : int64 array of shape (n, n_plans)
        `ExclusionCode` of every plan.
    current : int64 array of shape (n,), optional
        Index of a plan that is not looked at: the one held; -1 where that is unknown.

    Returns
    -------
    int64 array of shape (n,)
        The commonest code that is about the subscriber; the commonest of all where each is about a plan. NONE where a
        plan may be taken, or where the card holds only the plan held.

    Examples
    --------
    >>> codes = np.array([[ExclusionCode.NO_LONGER_SOLD, ExclusionCode.CONTRACT_BINDS], [0, 3], [1, 1]])
    >>> [ExclusionCode(code).name for code in closed_reasons(codes)]
    ['CONTRACT_BINDS', 'NONE', 'NOT_YET_ON_SALE']
    >>> ExclusionCode(closed_reasons(np.array([[0, ExclusionCode.DECLINED]]), np.array([0]))[0]).name
    'DECLINED'
    """
    held = np.full(len(codes), -1) if current is None else current
    asked = held[:, None] != np.arange(codes.shape[1])
    counts = np.count_nonzero((codes[:, :, None] == np.arange(len(ExclusionCode))) & asked[:, :, None], axis=1)
    counts += codes.shape[1] * (counts > 0) * ~np.isin(np.arange(len(ExclusionCode)), _OF_PLANS)
    open_to = ((codes == ExclusionCode.NONE) & asked).any(axis=1)
    return np.where(open_to, int(ExclusionCode.NONE), counts.argmax(axis=1)).astype(np.int64)


def stay_text(code: int, earliest_change: int) -> str:
    """Return the reason to stay in words.

    Parameters
    ----------
    code : int
        `ExclusionCode`.
    earliest_change : int
        Month index, -1 where nothing binds or that is not known.

    Examples
    --------
    >>> stay_text(ExclusionCode.CONTRACT_BINDS, 24230)
    'the contract of the current plan still binds; a change can take effect from 2019-03-01'
    """
    from_when = f"; a change can take effect from {month_text(earliest_change)}-01" if earliest_change >= 0 else ""
    return ExclusionCode(code).meaning + from_when


def _first(codes: IntArray, further: IntArray) -> IntArray:
    """Keep the code a plan has; the further one where it has none."""
    return np.where(codes == ExclusionCode.NONE, further, codes)


def _taken_out(rule: PlanRule, catalogue: Catalogue, facts: Facts, mode: Mode) -> NDArray[np.bool_]:
    named = np.isin(catalogue.plan_ids, rule.plans)
    if rule.holders_of is None:
        return np.broadcast_to(named, (len(facts.current), len(named)))
    held = np.append(np.isin(catalogue.plan_ids, rule.holders_of), mode == "offer")  # last: at -1, not known
    return held[facts.current][:, None] & named


def _barred(offers: OfferRules, facts: Facts) -> IntArray:
    kept, asked, cap = offers.respect_holdout, offers.consent_required, offers.max_contacts_90d
    contacts = facts.contacts_90d
    return np.select(
        [
            kept & (facts.holdout == Known.YES),
            kept & (facts.holdout == Known.UNKNOWN),
            asked & (facts.consent == Known.NO),
            asked & (facts.consent == Known.UNKNOWN),
            np.zeros(len(contacts), dtype=np.bool_) if cap is None else contacts >= cap,
            np.isnan(contacts) & (cap is not None),
            offers.usage_required & ~facts.used,
        ],
        [
            int(code)
            for code in (
                ExclusionCode.HELD_OUT,
                ExclusionCode.HOLDOUT_UNKNOWN,
                ExclusionCode.NO_CONSENT,
                ExclusionCode.CONSENT_UNKNOWN,
                ExclusionCode.CONTACT_CAP,
                ExclusionCode.CONTACTS_UNKNOWN,
                ExclusionCode.NO_USAGE,
            )
        ],
        int(ExclusionCode.NONE),
    ).astype(np.int64)


def _contract(rules: Rules, catalogue: Catalogue, facts: Facts, mode: Mode) -> IntArray:
    terms = np.array([plan.contract_months for plan in catalogue.plans], dtype=np.int64)
    fees = catalogue.prices.fee_cents
    known, at = facts.current >= 0, np.maximum(facts.current, 0)
    left = facts.contract_months_left
    # A plan without a minimum term cannot bind, whatever is not known.
    unclear = np.isnan(left) & ~(known & (terms[at] == 0)) & (mode == "offer")
    code = np.where(left > 0, ExclusionCode.CONTRACT_BINDS, np.where(unclear, ExclusionCode.CONTRACT_UNKNOWN, 0))
    codes = np.broadcast_to(code[:, None], (len(code), len(terms)))
    if rules.contract.while_bound == "deny":
        return codes
    dearer = known[:, None] & (fees > fees[at][:, None]) & (terms >= terms[at][:, None])
    return np.where(dearer, ExclusionCode.NONE, codes)
