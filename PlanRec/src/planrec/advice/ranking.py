"""Advice: rank the plans a subscriber may take by what they would have paid, or say stay.

Ranking is by the risk-adjusted bill, mean + weight x spread of the bills the subscriber's own months would have had.
The gain of a switch is the fall in that figure against the current plan, or the fall in the mean bill where that is
less: nobody is sent to a plan that is dearer in expectation because its bills vary less. A gain must also be certain:
the saving differs from month to month, and its mean must exceed so many of its standard deviations as the rules ask.
Where no plan gains the minimum, surely, the answer is "stay". Only plans that the rules leave open are ranked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from planrec.advice.plan_bills import PlanBills
from planrec.billing import Catalogue, bill_totals
from planrec.outlook import History, Outlook, bill_outlook, saving_outlook, share_above
from planrec.rules import ExclusionCode, Facts, Rules, apply_rules, closed_reasons, has_code, stay_reasons

__all__ = [
    "MEASURED",
    "Advice",
    "AdvicePolicy",
    "advise",
    "decide",
    "enough_gain",
    "rank_plans",
    "sure_gains",
    "switch_gain",
    "with_closed",
]

# Of a plan with one of these codes it is known what it gains.
MEASURED = (
    ExclusionCode.NONE,
    ExclusionCode.CONTRACT_BINDS,
    ExclusionCode.CONTRACT_UNKNOWN,
    ExclusionCode.BELOW_MINIMUM_GAIN,
    ExclusionCode.CHURN_MAY_RISE,
)


Savings: TypeAlias = Callable[[IntArray, IntArray, IntArray], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True, slots=True)
class AdvicePolicy:
    """What advice weighs; returned with every answer.

    Attributes
    ----------
    risk_weight : float
        Standard deviations of the bill added to its mean, >= 0.
    min_gain_cents : int
        Fall in the risk-adjusted bill, and in the mean bill, per month that a switch must bring, >= 0.
    certainty : float
        Standard deviations of the saving from month to month that its mean must exceed, >= 0; 0: not asked.
    """

    risk_weight: float = 0.5
    min_gain_cents: int = 0
    certainty: float = 0.0


@dataclass(frozen=True, slots=True)
class Advice:
    """Ranked plans for n subscribers.

    Attributes
    ----------
    order : int64 array of shape (n, n_plans)
        Plan indices from rank 1 on; -1 where no further plan is offered.
    stay : bool array of shape (n,)
        Whether rank 1 is the current plan, or no plan may be taken.
    expected_cents, spread_cents : float64 arrays of shape (n, n_plans)
        Mean and standard deviation of the bills, by plan index.
    saving_cents, p_pay_more : float64 arrays of shape (n, n_plans)
        Against the current plan, by plan index; NaN where that is unknown.
    excluded : int64 array of shape (n, n_plans)
        `ExclusionCode` by plan index.
    stay_reason : int64 array of shape (n,)
        `ExclusionCode` of why to stay, or of why no plan may be taken; NONE where a switch is advised.
    earliest_change : int64 array of shape (n,)
        Month index of the first month after the contract; -1 where no contract binds or its end is unknown.
    """

    order: IntArray
    stay: NDArray[np.bool_]
    expected_cents: FloatArray
    spread_cents: FloatArray
    saving_cents: FloatArray
    p_pay_more: FloatArray
    excluded: IntArray
    stay_reason: IntArray
    earliest_change: IntArray


def advise(
    history: History,
    catalogue: Catalogue,
    policy: AdvicePolicy,
    *,
    rules: Rules,
    facts: Facts,
    declined: NDArray[np.bool_] | None = None,
) -> Advice:
    """Return the plans of each subscriber, best first.

    Parameters
    ----------
    history : History
        n rows, the months to look at; at least one known month each.
    catalogue : Catalogue
    policy : AdvicePolicy
        Its minimum gain counts; the one of the rules is what it is filled from.
    rules : Rules
    facts : Facts
        n subscribers.
    declined : bool array of shape (n, n_plans), optional
        Plans a subscriber does not want to hear of; keeping the current one is always possible.

    Returns
    -------
    Advice

    Raises
    ------
    DataError
        If a subscriber has no known month.

    Examples
    --------
    >>> from planrec.outlook import history_of
    >>> from planrec.rules import built_in_rules
    >>> history = history_of({"minutes_1": [400.0], "messages_1": [10.0], "megabytes_1": [9000.0]}, 1)
    >>> facts = Facts.of(24216, np.array([1]))
    >>> advice = advise(history, megaline, AdvicePolicy(), rules=built_in_rules(), facts=facts)
    >>> [megaline.plan_ids[i] for i in advice.order[0]], float(advice.saving_cents[0, 0])
    (['surf', 'ultimate'], 5000.0)
    """
    totals = bill_totals(history.usage, catalogue)
    return decide(PlanBills(totals, history.known), catalogue, policy, rules=rules, facts=facts, declined=declined)


def decide(
    bills: PlanBills,
    catalogue: Catalogue,
    policy: AdvicePolicy,
    *,
    rules: Rules,
    facts: Facts,
    declined: NDArray[np.bool_] | None = None,
) -> Advice:
    """Return the plans of each subscriber, best first, by bills that are known already.

    Parameters
    ----------
    bills : PlanBills
        Of n subscribers on the catalogue's plans, whatever they were rated from.
    catalogue : Catalogue
        What the rules ask of plans; its prices are not rated.
    policy, rules, facts, declined
        As `advise`. A plan held that has no bill is taken as unknown (`PlanBills.held`).

    Raises
    ------
    DataError
        If a subscriber has no known month.

    Examples
    --------
    >>> from planrec.rules import built_in_rules
    >>> bills = PlanBills(np.array([[[2500, 2000]]]), np.array([[True]]), np.array([[0, int(ExclusionCode.NOT_SOLD)]]))
    >>> facts = Facts.of(24216, np.array([0]))
    >>> advice = decide(bills, megaline, AdvicePolicy(), rules=built_in_rules(), facts=facts)
    >>> advice.order.tolist(), ExclusionCode(advice.excluded[0, 1]).name
    ([[0, -1]], 'NOT_SOLD')
    """
    without = int((~bills.known.any(axis=1)).sum())
    if without:
        raise DataError(f"advice: {without} subscriber(s) have no usage month; give at least one each.")
    totals, known = bills.totals, bills.known
    facts = replace(facts, current=bills.held(facts.current))
    outlook, above = bill_outlook(totals, known), share_above(totals, known, facts.current)
    verdict = apply_rules(rules, catalogue, facts, "advice")
    if declined is not None:
        unwanted = declined & (verdict.codes == ExclusionCode.NONE)
        unwanted &= facts.current[:, None] != np.arange(len(catalogue.plans))
        verdict = replace(verdict, codes=np.where(unwanted, ExclusionCode.DECLINED, verdict.codes))
    if bills.closed is not None:
        shut = bills.closed != ExclusionCode.NONE
        outlook = Outlook(*(np.where(shut, np.nan, part) for part in (outlook.mean_cents, outlook.spread_cents)))
        above = np.where(shut, np.nan, above)
        verdict = replace(verdict, codes=np.where(shut, bills.closed, verdict.codes))
    adjusted = outlook.adjusted(policy.risk_weight)
    gain = switch_gain(adjusted, outlook.mean_cents, facts.current)
    least = policy.min_gain_cents
    sure = sure_gains(
        gain, least, policy.certainty, lambda *pairs: saving_outlook(totals, known, *pairs), facts.current
    )
    order, stay = rank_plans(adjusted, verdict.codes, facts.current, least, gain_cents=gain, sure=sure)
    return Advice(
        order=order,
        stay=stay,
        expected_cents=outlook.mean_cents,
        spread_cents=outlook.spread_cents,
        saving_cents=_of_current(outlook.mean_cents, facts.current) - outlook.mean_cents,
        p_pay_more=above,
        excluded=verdict.codes,
        stay_reason=with_closed(stay_reasons(verdict, gain, stay, least, sure=sure), verdict.codes, facts.current),
        earliest_change=verdict.earliest_change,
    )


def _of_current(by_plan: FloatArray, current: IntArray) -> FloatArray:
    """Return each row's figure of the plan held, NaN where that is unknown; shape (n, 1)."""
    held = by_plan[np.arange(len(current)), np.maximum(current, 0)]
    return np.where(current >= 0, held, np.nan)[:, None]


def switch_gain(adjusted: FloatArray, mean: FloatArray, current: IntArray) -> FloatArray:
    """Return what each plan gains over the one held: the fall in the risk-adjusted or in the mean bill, the smaller.

    Parameters
    ----------
    adjusted, mean : float64 arrays of shape (n, n_plans)
        Bills in cents.
    current : int64 array of shape (n,)
        Index of the plan held, -1 where unknown.

    Returns
    -------
    float64 array of shape (n, n_plans)
        Cents a month, below 0 where the plan is dearer; NaN where the plan held is unknown.

    Examples
    --------
    >>> switch_gain(np.array([[3000.0, 2000.0]]), np.array([[1000.0, 1500.0]]), np.array([0])).tolist()
    [[0.0, -500.0]]
    """
    return np.minimum(_of_current(adjusted, current) - adjusted, _of_current(mean, current) - mean)


def enough_gain(gain_cents: FloatArray, min_gain_cents: int) -> BoolArray:
    """Return where a gain is one, and not below the minimum; never where it is unknown.

    Examples
    --------
    >>> enough_gain(np.array([[0.0, 99.0, 100.0, np.nan]]), 100).tolist()
    [[False, False, True, False]]
    """
    return (gain_cents > 0) & (gain_cents >= min_gain_cents)


def sure_gains(
    gain_cents: FloatArray, min_gain_cents: int, certainty: float, savings: Savings, current: IntArray
) -> BoolArray:
    """Return where a gain is certain enough: the mean saving exceeds `certainty` of its standard deviations.

    Parameters
    ----------
    gain_cents : float64 array of shape (n, n_plans)
        Only gains that are enough are looked at; all others are called sure, for nothing hangs on them.
    min_gain_cents : int
    certainty : float
        >= 0; 0: every gain is sure.
    savings : callable
        As `outlook.saving_outlook`, of rows, plans and plans held: mean and standard deviation of the saving.
    current : int64 array of shape (n,)

    Returns
    -------
    bool array of shape (n, n_plans)

    Examples
    --------
    >>> of_pairs = lambda rows, plans, held: (np.array([300.0, 300.0]), np.array([399.0, 400.0]))
    >>> sure_gains(np.array([[0.0, 300.0, 300.0]]), 100, 0.75, of_pairs, np.array([0])).tolist()
    [[True, True, False]]
    """
    sure = np.ones(gain_cents.shape, dtype=np.bool_)
    rows, plans = np.nonzero(enough_gain(gain_cents, min_gain_cents))
    if certainty > 0 and len(rows):
        mean, spread = savings(rows, plans, current[rows])
        sure[rows, plans] = mean - certainty * spread > 0
    return sure


def with_closed(reasons: IntArray, excluded: IntArray, current: IntArray) -> IntArray:
    """Return the reasons to stay, with the reason why no plan may be taken where none may, or none but the one held.

    Parameters
    ----------
    reasons : int64 array of shape (n,)
        `ExclusionCode` of why to stay.
    excluded : int64 array of shape (n, n_plans)
        `ExclusionCode` by plan index.
    current : int64 array of shape (n,)
        Index of the plan held, -1 where unknown.

    Examples
    --------
    >>> little = int(ExclusionCode.BELOW_MINIMUM_GAIN)
    >>> excluded = np.array([[ExclusionCode.CONTRACT_BINDS] * 2, [ExclusionCode.DECLINED, 0], [0, 0]])
    >>> codes = with_closed(np.array([0, little, little]), excluded, np.array([-1, 1, 1]))
    >>> [ExclusionCode(code).name for code in codes]
    ['CONTRACT_BINDS', 'DECLINED', 'BELOW_MINIMUM_GAIN']
    """
    closed = (excluded != ExclusionCode.NONE).all(axis=1)
    if closed.any():
        reasons = np.where(closed, closed_reasons(excluded), reasons).astype(np.int64)
    others = current[:, None] != np.arange(excluded.shape[1])
    alone = (reasons == ExclusionCode.BELOW_MINIMUM_GAIN) & ~(has_code(excluded, MEASURED) & others).any(axis=1)
    if not alone.any():
        return reasons
    why = closed_reasons(excluded, current)
    return np.where(alone & (why != ExclusionCode.NONE), why, reasons).astype(np.int64)


def rank_plans(
    adjusted: FloatArray,
    excluded: IntArray,
    current: IntArray,
    min_gain_cents: int,
    *,
    gain_cents: FloatArray | None = None,
    sure: BoolArray | None = None,
) -> tuple[IntArray, NDArray[np.bool_]]:
    """Return the order of the plans and whether to stay.

    Parameters
    ----------
    adjusted : float64 array of shape (n, n_plans)
        Risk-adjusted bills in cents.
    excluded : int64 array of shape (n, n_plans)
        `ExclusionCode`.
    current : int64 array of shape (n,)
        Index of the plan held, -1 where unknown.
    min_gain_cents : int
        What a switch must gain.
    gain_cents : float64 array of shape (n, n_plans), optional
        What each plan gains over the one held; the fall in `adjusted` unless given. Not looked at where the plan held
        is unknown.
    sure : bool array of shape (n, n_plans), optional
        Whether the gain is certain enough (`sure_gains`); every gain is unless given.

    Returns
    -------
    tuple of int64 array of shape (n, n_plans) and bool array of shape (n,)
        Plan indices from rank 1 on, -1 where no further plan is offered: plans that gain enough, surely, then the
        others, each by its adjusted bill; the current plan is first where none does, which the second says. It says
        so, too, where no plan is offered at all, because the plan held is unknown.

    Examples
    --------
    >>> bills, open_to_all = np.array([[2000.0, 2100.0]]), np.zeros((1, 2), dtype=np.int64)
    >>> [rank_plans(bills, open_to_all, np.array([1]), g)[0][0].tolist() for g in (100, 101)]
    [[0, 1], [1, 0]]
    """
    n, n_plans = adjusted.shape
    rows = np.arange(n)
    known = current >= 0
    at = np.maximum(current, 0)
    offered = excluded == ExclusionCode.NONE
    key = np.where(offered, adjusted, np.inf)
    gain = _of_current(adjusted, current) - adjusted if gain_cents is None else gain_cents
    # A switch that gains nothing is not advice: ties, and gains below the minimum, keep the current plan.
    enough = offered & enough_gain(gain, min_gain_cents)
    if sure is not None:
        enough &= sure
    stay = known & ~enough.any(axis=1)
    key[rows[stay], at[stay]] = -np.inf
    stay |= ~offered.any(axis=1)
    order = np.argsort(key, axis=1, kind="stable")
    late = ~enough.ravel().take(order + (rows * n_plans)[:, None])
    mixed = np.flatnonzero(known & ~stay & (late[:, :-1] & ~late[:, 1:]).any(axis=1))
    if len(mixed):  # a lower adjusted bill that does not gain enough stands behind those that do
        first = np.argsort(late[mixed], axis=1, kind="stable")
        order[mixed] = np.take_along_axis(order[mixed], first, axis=1)
    return np.where(np.arange(n_plans) < offered.sum(axis=1)[:, None], order, -1), stay
