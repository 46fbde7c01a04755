"""Policies side by side: what they choose, what it costs, who is worse off; each figure with an interval.

A policy is a score for every plan a subscriber may take; its advice is the highest. Choice figures compare the advice
with the plan taken; money figures rate the months that followed on the plan advised, the current and the cheapest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.evaluation import bootstrap_mean, chosen_ranks, hit_at_k, ndcg_at_k
from planrec.billing import Catalogue, Usage, bill_totals
from planrec.columns import MONTH, SUBSCRIBER
from planrec.decisions.rows import usage_of
from planrec.months import month_indices
from planrec.outlook import History, Outlook, bill_outlook

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BillsAhead",
    "JudgedDecisions",
    "Row",
    "advice_scores",
    "bills_ahead",
    "gain_table",
    "money_of_advice",
    "past_outlook",
    "policy_table",
]

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class BillsAhead:
    """What each plan would have cost over the months from the decision on.

    Attributes
    ----------
    mean_cents : float64 array of shape (n, n_plans)
        Mean bill a month over the horizon; NaN where the horizon is not whole.
    whole : bool array of shape (n,)
        Whether every month of the horizon is known.
    """

    mean_cents: FloatArray
    whole: BoolArray


@dataclass(frozen=True, slots=True)
class JudgedDecisions:
    """The decisions policies are compared on; all arrays have n rows.

    Attributes
    ----------
    subscribers : array of shape (n,)
        Who decided; intervals resample whole subscribers.
    available : bool array of shape (n, n_plans)
        The choice set.
    chosen, current : int64 arrays of shape (n,)
        Plan taken, plan held before; -1 where unknown.
    ahead : BillsAhead
    resamples : int
        Bootstrap resamples.
    seed : int
        Of the bootstrap, so that all policies see the same resamples.
    """

    subscribers: NDArray[np.generic]
    available: BoolArray
    chosen: IntArray
    current: IntArray
    ahead: BillsAhead
    resamples: int
    seed: int


def bills_ahead(months: pd.DataFrame, decisions: pd.DataFrame, catalogue: Catalogue, *, horizon: int) -> BillsAhead:
    """Rate the months that followed each decision on every plan.

    Parameters
    ----------
    months : DataFrame
        Usage months, sorted by subscriber and month, one row each.
    decisions : DataFrame
        Rows of `decisions.decision_table`; the horizon begins with their own month.
    catalogue : Catalogue
    horizon : int
        Months, >= 1.

    Returns
    -------
    BillsAhead
    """
    import pandas as pd

    index = pd.MultiIndex.from_arrays([months[SUBSCRIBER], month_indices(months[MONTH])])
    at = month_indices(decisions[MONTH])
    totals = bill_totals(usage_of(months), catalogue)
    sums = np.zeros((len(decisions), len(catalogue.plans)))
    whole = np.ones(len(decisions), dtype=np.bool_)
    for step in range(horizon):
        rows = index.get_indexer(pd.MultiIndex.from_arrays([decisions[SUBSCRIBER], at + step]))
        whole &= rows >= 0
        sums += totals[np.maximum(rows, 0)]
    return BillsAhead(np.where(whole[:, None], sums / horizon, np.nan), whole)


def past_outlook(history: History, catalogue: Catalogue, *, history_months: int) -> Outlook:
    """Return the bills that the last months known would have had on every plan."""
    u, known = history.usage, history.known[:, :history_months]
    latest = Usage(*(part[:, :history_months] for part in (u.minutes, u.messages, u.megabytes)))
    return bill_outlook(bill_totals(latest, catalogue), known)


def advice_scores(order: IntArray) -> FloatArray:
    """Return scores whose order is that of an advice, "stay" included.

    Parameters
    ----------
    order : int64 array of shape (n, n_plans)
        `Advice.order`: plan indices from rank 1 on, -1 where no further plan is ranked.

    Returns
    -------
    float64 array of shape (n, n_plans)
        0 for rank 1, -1 for rank 2, ...; -inf for a plan that is not ranked.

    Examples
    --------
    >>> advice_scores(np.array([[2, 0, -1]])).tolist()
    [[-1.0, -inf, 0.0]]
    """
    scores = np.full(order.shape, -np.inf)
    rows, ranks = np.nonzero(order >= 0)
    scores[rows, order[rows, ranks]] = -ranks
    return scores


def policy_table(policies: Mapping[str, FloatArray], situation: JudgedDecisions) -> list[Row]:
    """Return one row of figures for each policy.

    Parameters
    ----------
    policies : mapping of str to float64 array of shape (n, n_plans)
        Scores, higher is better.
    situation : JudgedDecisions

    Returns
    -------
    list of dict
        `policy` and, as intervals: `accuracy`, `hit_at_3`, `ndcg_at_5` against the plan taken; `regret_cents`,
        `saving_cents` a month, `share_worse_off`, `share_moved`. Money counts rows with a whole horizon, saving and
        worse off those with a known current plan too.
    """
    return [{"policy": name, **_figures(scores, situation)} for name, scores in policies.items()]


def gain_table(advised: Mapping[int, FloatArray], situation: JudgedDecisions) -> list[Row]:
    """Return what asking for a minimum gain costs and saves.

    Parameters
    ----------
    advised : mapping of int to float64 array of shape (n, n_plans)
        Scores of the advice by the minimum gain asked for, cents a month.
    situation : JudgedDecisions

    Returns
    -------
    list of dict
        One row for each minimum gain: `min_gain_cents`, the money figures of `policy_table` and `loss_p95_cents`, the
        95th percentile over all rows of the loss a month (0 for a row without a loss).
    """
    rows: list[Row] = []
    for gain, scores in advised.items():
        figures = _figures(scores, situation)
        loss = np.maximum(-money_of_advice(scores, situation)["saving_cents"], 0)
        keep = ("regret_cents", "saving_cents", "share_worse_off", "share_moved")
        p95 = float(np.nanpercentile(loss, 95)) if np.isfinite(loss).any() else None
        rows.append({"min_gain_cents": gain, **{k: figures[k] for k in keep}, "loss_p95_cents": p95})
    return rows


def _advised(scores: FloatArray, situation: JudgedDecisions) -> IntArray:
    return np.where(situation.available, scores, -np.inf).argmax(axis=1)


def money_of_advice(scores: FloatArray, situation: JudgedDecisions) -> dict[str, FloatArray]:
    """Return the money figures of each decision.

    Returns
    -------
    dict of str to float64 array of shape (n,)
        `regret_cents`, `saving_cents` a month, `share_worse_off`, `share_moved` (0 or 1); NaN where they cannot be
        known.
    """
    advised = _advised(scores, situation)
    rows = np.arange(len(advised))
    bills = situation.ahead.mean_cents
    paid = bills[rows, advised]
    cheapest = np.where(situation.available, bills, np.inf).min(axis=1)
    known = situation.current >= 0
    today = np.where(known, bills[rows, np.maximum(situation.current, 0)], np.nan)
    saving = today - paid
    return {
        "regret_cents": paid - cheapest,
        "saving_cents": saving,
        "share_worse_off": np.where(np.isnan(saving), np.nan, saving < 0),
        "share_moved": np.where(known, advised != situation.current, np.nan),
    }


def _figures(scores: FloatArray, situation: JudgedDecisions) -> Row:
    ranks = chosen_ranks(scores, situation.chosen, situation.available)
    values = {
        "accuracy": hit_at_k(ranks, 1),
        "hit_at_3": hit_at_k(ranks, 3),
        "ndcg_at_5": ndcg_at_k(ranks, 5),
        **money_of_advice(scores, situation),
    }
    return {name: _mean(value, situation) for name, value in values.items()}


def _mean(values: FloatArray, situation: JudgedDecisions) -> dict[str, float] | None:
    known = ~np.isnan(values)
    if not known.any():
        return None
    interval = bootstrap_mean(
        values[known],
        groups=situation.subscribers[known],
        n_resamples=situation.resamples,
        rng=np.random.default_rng(situation.seed),
    )
    return interval.to_dict()
