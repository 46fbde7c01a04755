"""Curves behind the figures: what showing k plans is worth, and what lies between advice and the plan people take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from common_utils.array_types import FloatArray
from common_utils.evaluation import chosen_ranks, ndcg_at_k
from planrec.policies.compare import JudgedDecisions, Row, money_of_advice

__all__ = ["FRONTIER_WEIGHTS", "frontier", "gain_by_k"]


FRONTIER_WEIGHTS = (
    0.0,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
)  # log odds of taking a plan that a unit of currency weighs


def gain_by_k(policies: Mapping[str, FloatArray], situation: JudgedDecisions) -> list[Row]:
    """Return how much of the possible saving the best of the first k plans of each policy reaches.

    Parameters
    ----------
    policies : mapping of str to float64 array of shape (n, n_plans)
        Scores, higher is better.
    situation : JudgedDecisions
        Rows with a whole horizon and a known current plan count.

    Returns
    -------
    list of dict
        `policy`, `k` from 1 to the number of plans, `share_of_saving` (mean best saving within k over that of all;
        None where nothing can be saved).

    Examples
    --------
    >>> from planrec.policies.compare import BillsAhead
    >>> ahead = BillsAhead(np.array([[3000.0, 2000.0, 1000.0]]), np.array([True]))
    >>> both = np.ones((1, 3), dtype=bool)
    >>> situation = JudgedDecisions(np.array(["a"]), both, np.array([0]), np.array([0]), ahead, resamples=50, seed=1)
    >>> [row["share_of_saving"] for row in gain_by_k({"fee": np.array([[1.0, 3.0, 2.0]])}, situation)]
    [0.5, 1.0, 1.0]
    """
    saving = _savings(situation)
    known = ~np.isnan(saving).all(axis=1)
    saving, available = saving[known], situation.available[known]
    possible = np.where(available, saving, -np.inf).max(axis=1, initial=0.0).mean() if known.any() else 0.0
    rows: list[Row] = []
    for name, scores in policies.items():
        order = np.argsort(-np.where(available, scores[known], -np.inf), axis=1, kind="stable")
        shown = np.where(
            np.take_along_axis(available, order, axis=1), np.take_along_axis(saving, order, axis=1), -np.inf
        )
        best = np.maximum(np.maximum.accumulate(shown, axis=1), 0.0).mean(axis=0) if known.any() else []
        for k, mean in enumerate(best, start=1):
            rows.append({"policy": name, "k": k, "share_of_saving": float(mean / possible) if possible > 0 else None})
    return rows


def frontier(
    take: FloatArray, bills: FloatArray, situation: JudgedDecisions, weights: Sequence[float] = FRONTIER_WEIGHTS
) -> list[Row]:
    """Return what is gained and lost between ranking by P(take) and ranking by the bill.

    Parameters
    ----------
    take : float64 array of shape (n, n_plans)
        P(take).
    bills : float64 array of shape (n, n_plans)
        Risk-adjusted bills, cents.
    situation : JudgedDecisions
    weights : sequence of float
        Each ranks by log P(take) - weight x bill in currency; infinity is advice alone.

    Returns
    -------
    list of dict
        `weight` (None for the bill alone), `ndcg_at_5` against the plan taken, `regret_cents`, `saving_cents` a month
        (None where no horizon is whole).
    """
    log_take = np.log(np.maximum(take, 1e-12))
    rows: list[Row] = []
    for weight in (*weights, None):
        scores = -bills if weight is None else log_take - weight * bills / 100
        money = money_of_advice(scores, situation)
        ranks = chosen_ranks(scores, situation.chosen, situation.available)
        rows.append(
            {
                "weight": weight,
                "ndcg_at_5": float(ndcg_at_k(ranks, 5).mean()),
                **{name: _mean(money[name]) for name in ("regret_cents", "saving_cents")},
            }
        )
    return rows


def _savings(situation: JudgedDecisions) -> FloatArray:
    """Return the saving of each plan against the current one, NaN where it cannot be known."""
    bills = situation.ahead.mean_cents
    known = situation.current >= 0
    today = np.where(known, bills[np.arange(len(bills)), np.maximum(situation.current, 0)], np.nan)
    return today[:, None] - bills


def _mean(values: FloatArray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
