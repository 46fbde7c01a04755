"""Advice: rank the plans a subscriber may take by what they would have paid, or say stay.

Ranking is by the risk-adjusted bill, mean + weight x spread of the bills the subscriber's own months would have had.
The gain of a switch is the fall in that figure against the current plan; below the minimum gain the answer is "stay".
Only plans that the rules leave open are ranked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError
from planrec.billing.catalogue import Catalogue
from planrec.billing.rater import bill_totals, rate
from planrec.decisions.formulas import History, bill_outlook, share_above
from planrec.rules.apply import Facts, Rules, apply_rules, stay_reasons
from planrec.rules.codes import ExclusionCode, exclusions

__all__ = [
    "Advice",
    "AdvicePolicy",
    "Against",
    "ExclusionCode",
    "LineItemMeans",
    "advise",
    "exclusions",
    "line_item_means",
    "rank_plans",
    "reasons",
    "sentence",
    "sentences",
]


@dataclass(frozen=True, slots=True)
class AdvicePolicy:
    """What advice weighs; returned with every answer.

    Attributes
    ----------
    risk_weight : float
        Standard deviations of the bill added to its mean, >= 0.
    min_gain_cents : int
        Fall in the risk-adjusted bill per month that a switch must bring, >= 0.
    """

    risk_weight: float = 0.5
    min_gain_cents: int = 0


@dataclass(frozen=True, slots=True)
class Advice:
    """Ranked plans for n subscribers.

    Attributes
    ----------
    order : int64 array of shape (n, n_plans)
        Plan indices from rank 1 on; -1 where no further plan is offered.
    stay : bool array of shape (n,)
        Whether rank 1 is the current plan.
    expected_cents, spread_cents : float64 arrays of shape (n, n_plans)
        Mean and standard deviation of the bills, by plan index.
    saving_cents, p_pay_more : float64 arrays of shape (n, n_plans)
        Against the current plan, by plan index; NaN where that is unknown.
    excluded : int64 array of shape (n, n_plans)
        `ExclusionCode` by plan index.
    stay_reason : int64 array of shape (n,)
        `ExclusionCode` of why to stay, NONE where a switch is advised.
    earliest_change : int64 array of shape (n,)
        Month index of the first month without the contract, -1 where nothing binds or that is not known.
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
    >>> from planrec.decisions.formulas import history_of
    >>> from planrec.rules.apply import built_in_rules
    >>> history = history_of({"minutes_1": [400.0], "messages_1": [10.0], "megabytes_1": [9000.0]}, 1)
    >>> facts = Facts.of(24216, np.array([1]))
    >>> advice = advise(history, megaline, AdvicePolicy(), rules=built_in_rules(), facts=facts)
    >>> [megaline.plan_ids[i] for i in advice.order[0]], float(advice.saving_cents[0, 0])
    (['surf', 'ultimate'], 5000.0)
    """
    without = int((~history.known.any(axis=1)).sum())
    if without:
        raise DataError(f"advice: {without} subscriber(s) have no usage month; give at least one each.")
    totals = bill_totals(history.usage, catalogue)
    outlook = bill_outlook(totals, history.known)
    verdict = apply_rules(rules, catalogue, facts, "advice")
    if declined is not None:
        unwanted = declined & (verdict.codes == ExclusionCode.NONE)
        unwanted &= facts.current[:, None] != np.arange(len(catalogue.plans))
        verdict = replace(verdict, codes=np.where(unwanted, ExclusionCode.DECLINED, verdict.codes))
    adjusted = outlook.mean_cents + policy.risk_weight * outlook.spread_cents
    order, stay = rank_plans(adjusted, verdict.codes, facts.current, policy.min_gain_cents)
    gain = _of_current(adjusted, facts.current) - adjusted
    return Advice(
        order=order,
        stay=stay,
        expected_cents=outlook.mean_cents,
        spread_cents=outlook.spread_cents,
        saving_cents=_of_current(outlook.mean_cents, facts.current) - outlook.mean_cents,
        p_pay_more=share_above(totals, history.known, facts.current),
        excluded=verdict.codes,
        stay_reason=stay_reasons(verdict, gain, stay, policy.min_gain_cents),
        earliest_change=verdict.earliest_change,
    )


def _of_current(by_plan: FloatArray, current: IntArray) -> FloatArray:
    """Return each row's figure of the plan held, NaN where that is unknown; shape (n, 1)."""
    held = by_plan[np.arange(len(current)), np.maximum(current, 0)]
    return np.where(current >= 0, held, np.nan)[:, None]


def rank_plans(
    adjusted: FloatArray, excluded: IntArray, current: IntArray, min_gain_cents: int
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
        Fall in the adjusted bill that a switch must bring.

    Returns
    -------
    tuple of int64 array of shape (n, n_plans) and bool array of shape (n,)
        Plan indices from rank 1 on, -1 where no further plan is offered; whether rank 1 is the current plan because
        no switch gains enough.

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
    key = np.where(excluded == ExclusionCode.NONE, adjusted, np.inf)
    gain = np.where(known, key[rows, at], 0.0) - key.min(axis=1)
    # A switch that gains nothing is no advice: ties, and gains below the minimum, keep the current plan.
    stay = known & ((gain <= 0) | (gain < min_gain_cents))
    key[rows[stay], at[stay]] = -np.inf
    order = np.argsort(key, axis=1, kind="stable")
    offered = (excluded == ExclusionCode.NONE).sum(axis=1)
    return np.where(np.arange(n_plans) < offered[:, None], order, -1), stay


@dataclass(frozen=True, slots=True)
class LineItemMeans:
    """Line items of each plan, averaged over the months known.

    Attributes
    ----------
    fee_cents, minutes_cents, messages_cents, data_cents : float64 arrays of shape (n, n_plans)
        They add up to the expected bill.
    months_dearer : int64 array of shape (n, n_plans)
        Months that would have cost more than on the current plan; 0 where that is unknown.
    months : int64 array of shape (n,)
        Months known.
    """

    fee_cents: FloatArray
    minutes_cents: FloatArray
    messages_cents: FloatArray
    data_cents: FloatArray
    months_dearer: IntArray
    months: IntArray


def line_item_means(history: History, catalogue: Catalogue, current: IntArray) -> LineItemMeans:
    """Return what the expected bills are made of.

    Parameters
    ----------
    history : History
        n rows, at least one known month each.
    catalogue : Catalogue
    current : int64 array of shape (n,)
        Index of the plan held, -1 where unknown.
    """
    bills = rate(history.usage, catalogue)
    months = history.known.sum(axis=1)
    weight = history.known[..., None]
    fee, minutes, messages, data = (
        np.where(weight, part, 0).sum(axis=1) / months[:, None]
        for part in (bills.fee_cents, bills.minutes_cents, bills.messages_cents, bills.data_cents)
    )
    share = share_above(bills.total_cents, history.known, current)
    dearer = np.rint(np.nan_to_num(share) * months[:, None]).astype(np.int64)
    return LineItemMeans(fee, minutes, messages, data, dearer, months)


def reasons(items: LineItemMeans, catalogue: Catalogue, *, row: int, plan: int, current: int) -> str:
    """Return in a sentence, from the rater's line items, what a plan would have cost.

    Parameters
    ----------
    items : LineItemMeans
    catalogue : Catalogue
    row : int
        Which subscriber.
    plan, current : int
        Plan indices; `current` is -1 where unknown.

    Returns
    -------
    str
        Amounts in the catalogue's currency, averaged over the months known.

    Examples
    --------
    >>> from planrec.decisions.formulas import history_of
    >>> history = history_of({"minutes_1": [510.0], "messages_1": [0.0], "megabytes_1": [9000.0]}, 1)
    >>> items = line_item_means(history, megaline, np.array([1]))
    >>> print(reasons(items, megaline, row=0, plan=0, current=1))
    Surf: 20.30 USD a month over 1 month (fee 20.00, minutes 0.30, messages 0.00, data 0.00), 49.70 less than Ultimate.
    """
    return sentences(items, catalogue, rows=np.array([row]), plans=np.array([plan]), current=np.array([current]))[0]


def sentences(
    items: LineItemMeans, catalogue: Catalogue, *, rows: IntArray, plans: IntArray, current: IntArray
) -> list[str]:
    """Return the sentences of `reasons` for many answers at once.

    Parameters
    ----------
    items : LineItemMeans
    catalogue : Catalogue
    rows : int64 array of shape (n,)
        Which subscriber.
    plans, current : int64 arrays of shape (n,)
        Plan indices; `current` is -1 where unknown.

    Examples
    --------
    >>> from planrec.decisions.formulas import history_of
    >>> history = history_of({"minutes_1": [510.0], "messages_1": [0.0], "megabytes_1": [9000.0]}, 1)
    >>> items = line_item_means(history, megaline, np.array([1]))
    >>> print(sentences(items, megaline, rows=np.array([0]), plans=np.array([1]), current=np.array([1]))[0])
    Ultimate: 70.00 USD a month over 1 month (fee 70.00, minutes 0.00, messages 0.00, data 0.00), the plan held today.
    """
    parts = (items.fee_cents, items.minutes_cents, items.messages_cents, items.data_cents)
    totals = sum(parts[1:], parts[0]) / 100
    saved = totals[rows, np.maximum(current, 0)] - totals[rows, plans]
    money = [totals[rows, plans].tolist(), *((part[rows, plans] / 100).tolist() for part in parts)]
    counts = items.months[rows].tolist(), items.months_dearer[rows, plans].tolist()
    names = [plan.name for plan in catalogue.plans]
    currency = catalogue.currency
    said: list[str] = []
    for plan, held, saving, n, dearer, total, fee, minutes, messages, data in zip(
        plans.tolist(), current.tolist(), saved.tolist(), *counts, *money, strict=True
    ):
        means = total, fee, minutes, messages, data
        against = None if held < 0 else Against(names[held], saving, dearer, same=plan == held)
        said.append(sentence(names[plan], currency, n, means, against))
    return said


class Against(NamedTuple):
    """The plan held, to be compared with.

    Attributes
    ----------
    name : str
    saving : float
        By what the other plan is cheaper a month, in units of the currency.
    dearer : int
        Months in which the other plan would have been dearer.
    same : bool
        Whether the other plan is this one.
    """

    name: str
    saving: float
    dearer: int
    same: bool


def sentence(
    name: str, currency: str, months: int, means: tuple[float, float, float, float, float], against: Against | None
) -> str:
    """Return in a sentence what a plan would have cost.

    Parameters
    ----------
    name, currency : str
    months : int
        Months known, >= 1.
    means : tuple of float
        Bill, fee, minutes, messages and data a month, in units of the currency.
    against : Against or None
        None where the plan held is not known.

    Examples
    --------
    >>> sentence("Surf", "USD", 1, (20.3, 20.0, 0.3, 0.0, 0.0), Against("Ultra", 49.7, 0, same=False))
    'Surf: 20.30 USD a month over 1 month (fee 20.00, minutes 0.30, messages 0.00, data 0.00), 49.70 less than Ultra.'
    """
    text = (
        f"{name}: {means[0]:.2f} {currency} a month over {months} month{'s' if months > 1 else ''} "
        f"(fee {means[1]:.2f}, minutes {means[2]:.2f}, messages {means[3]:.2f}, data {means[4]:.2f})"
    )
    if against is None:
        return text + "."
    if against.same:
        return text + ", the plan held today."
    more = "less" if against.saving >= 0 else "more"
    text += f", {abs(against.saving):.2f} {more} than {against.name}"
    return text + (f"; dearer than {against.name} in {against.dearer} of {months} months." if against.dearer else ".")
