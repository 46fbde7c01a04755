"""What can be reached on a simulated operator, by its own truth: the choice oracle."""

from __future__ import annotations

import numpy as np
import pandas as pd

from common_utils.array_types import FloatArray, IntArray
from common_utils.evaluation import chosen_ranks, hit_at_k, ndcg_at_k
from planrec.campaigns.moments import WINDOW, OfferRows
from planrec.columns import CONTACT, CURRENT_PLAN, DECISION, KEY, MONTH, SUBSCRIBER
from planrec.months import month_indices
from planrec.simulator.simulation import Simulation

__all__ = ["choice_oracle", "realised_saving", "truth_at"]


def choice_oracle(operator: Simulation) -> dict[str, float]:
    """Return how well the true choice probabilities rank the plan taken.

    Parameters
    ----------
    operator : Simulation

    Returns
    -------
    dict of str to float
        `accuracy`, `hit_at_3`, `ndcg_at_5` over the decisions of plan holders among all plans (no activations, no
        answers to offers), and their number, `decisions`.
    """
    decisions = operator.months[operator.months[DECISION].notna()].reset_index(drop=True)
    plans = list(operator.catalogue.plan_ids)
    chances = operator.truth.choice_probabilities[plans].to_numpy()
    own = ~decisions[DECISION].isin(["activation", CONTACT]).to_numpy()
    chosen = np.array([operator.catalogue.index(p) for p in decisions[CURRENT_PLAN]])
    available = operator.truth.utilities[plans].notna().to_numpy()
    ranks = chosen_ranks(chances[own], chosen[own], available[own])
    return {
        "accuracy": float(hit_at_k(ranks, 1).mean()),
        "hit_at_3": float(hit_at_k(ranks, 3).mean()),
        "ndcg_at_5": float(ndcg_at_k(ranks, 5).mean()),
        "decisions": int(own.sum()),
    }


def truth_at(rows: OfferRows, truth: pd.DataFrame, columns: list[str]) -> FloatArray:
    """Return what a table of the truth says of the rows; NaN where it has none.

    Parameters
    ----------
    rows : OfferRows
    truth : DataFrame
        A table of `Truth` with a row per subscriber and month.
    columns : list of str

    Returns
    -------
    float64 array of shape (n, n_columns)
    """
    at = _positions(rows, truth)
    return np.where((at >= 0)[:, None], truth[columns].to_numpy(dtype=np.float64)[at], np.nan)


def _positions(rows: OfferRows, table: pd.DataFrame) -> IntArray:
    keys = pd.MultiIndex.from_arrays(
        [table[SUBSCRIBER].to_numpy(dtype=object), month_indices(table[MONTH].to_numpy(dtype=object))]
    )
    return keys.get_indexer(pd.MultiIndex.from_arrays([rows.subscribers, rows.month])).astype(np.int64)


def realised_saving(rows: OfferRows, bills: pd.DataFrame) -> FloatArray:
    """Return what each plan saves a month against the one held, over `WINDOW` months from the moment on.

    Parameters
    ----------
    rows : OfferRows
    bills : DataFrame
        `Truth.bills`.

    Returns
    -------
    float64 array of shape (n, n_plans)
        In currency; below 0 where the plan costs more.
    """
    at = _positions(rows, bills)
    plans = [name for name in bills.columns if name not in KEY]
    values = bills[plans].to_numpy(dtype=np.float64)
    mean = sum((values[at + step] for step in range(1, WINDOW)), values[at]) / (100 * WINDOW)
    return mean[np.arange(len(at)), rows.standing.current][:, None] - mean
