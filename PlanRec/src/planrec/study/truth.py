"""What can be reached on a simulated operator, by its own truth: the choice oracle."""

from __future__ import annotations

import numpy as np

from common_utils.evaluation import chosen_ranks, hit_at_k, ndcg_at_k
from planrec.columns import CONTACT, CURRENT_PLAN, DECISION
from planrec.simulator.operator import Simulation

__all__ = ["choice_oracle"]


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
