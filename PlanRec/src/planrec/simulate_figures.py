"""What can be reached on a simulated operator, by its own truth: the choice oracle, and what campaigns do to churn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.evaluation import chosen_ranks, hit_at_k, ndcg_at_k
from planrec.columns import CONTACT, CURRENT_PLAN, DECISION, KEY
from planrec.simulate import Simulation
from planrec.simulate_truth import LEAVE, LEAVE_DECLINED

__all__ = ["CampaignChurn", "campaign_churn", "choice_oracle"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class CampaignChurn:
    """Mean chance of leaving within three months among the subscribers the campaign selected.

    Attributes
    ----------
    no_contact : float
        Nobody is contacted.
    untargeted : float
        Everybody is, and offered the plan that would have been cheapest, their own included, over the last months.
    targeted : float
        Only those whom their best offer keeps are contacted; by the truth, so no campaign does better.
    subscribers : int
        How many were selected.
    """

    no_contact: float
    untargeted: float
    targeted: float
    subscribers: int


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


def campaign_churn(operator: Simulation, *, history_months: int = 3) -> CampaignChurn:
    """Return what three campaigns would do to churn, exactly: the truth of everybody the campaign selected, averaged.

    Parameters
    ----------
    operator : Simulation
        With a campaign that selected somebody.
    history_months : int
        Months whose bills say which plan is cheapest.

    Returns
    -------
    CampaignChurn
    """
    plans = list(operator.catalogue.plan_ids)
    selected = operator.offers[list(KEY)]
    churn = selected.merge(operator.truth.churn, on=list(KEY), how="left")
    offers = churn[plans].to_numpy(copy=True)
    current = np.array([operator.catalogue.index(p) for p in operator.offers[CURRENT_PLAN]])
    rows = np.arange(len(selected))
    possible = ~np.isnan(offers)
    possible[rows, current] = True
    offers[rows, current] = churn[LEAVE_DECLINED]  # told that the own plan is best
    cheapest = np.where(possible, _bills_before(operator, selected, history_months), np.inf).argmin(axis=1)
    without = churn[LEAVE].to_numpy()
    kept = np.minimum(without, np.where(possible, offers, np.inf).min(axis=1))
    return CampaignChurn(float(without.mean()), float(offers[rows, cheapest].mean()), float(kept.mean()), len(rows))


def _bills_before(operator: Simulation, selected: pd.DataFrame, months: int) -> FloatArray:
    plans = list(operator.catalogue.plan_ids)
    bills = operator.truth.bills
    at = pd.MultiIndex.from_frame(bills[list(KEY)]).get_indexer(pd.MultiIndex.from_frame(selected))
    who = bills[KEY[0]].to_numpy()
    values = bills[plans].to_numpy()
    total = np.zeros((len(selected), len(plans)))
    for back in range(1, months + 1):
        before = np.maximum(at - back, 0)
        total += np.where((who[before] == who[at])[:, None], values[before], 0)
    return total
