"""The figures of one simulated operator: choice, money, harm and offers, each beside baselines and oracles."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common_utils.array_types import FloatArray
from common_utils.evaluation import chosen_ranks, expected_calibration_error, hit_at_k, ndcg_at_k
from planrec.billing import bill_totals
from planrec.decisions import alternative_features
from planrec.offers import AcceptanceModel, OfferWeights, offer_values
from planrec.outlook import History, Outlook, UsageForecast, bill_outlook
from planrec.policies.compare import advice_scores, money_of_advice, past_outlook
from planrec.study.worlds import World

__all__ = [
    "ANY_PLAN",
    "BASELINES",
    "MULTICLASS",
    "Figures",
    "choice_figures",
    "forecast_outlook",
    "harm_figures",
    "offer_figures",
    "regret_figures",
]

Figures = dict[str, float]

MULTICLASS, ANY_PLAN = "multiclass", "choice"
BASELINES: Mapping[str, tuple[int, float]] = {
    "last month": (1, 0.0),
    "mean of 3 months": (3, 0.0),
    "mean of 6 months": (6, 0.0),
    "mean of 6 months + half a sd": (6, 0.5),
}


def forecast_outlook(history: History, world: World, forecast: UsageForecast) -> Outlook:
    """Return mean and spread of the bills the forecast expects on each plan."""
    ahead = forecast.scenarios(history)
    return bill_outlook(bill_totals(ahead.usage, world.operator.catalogue), ahead.known)


def choice_figures(world: World, probabilities: Mapping[str, FloatArray]) -> dict[str, Figures]:
    """Return how well models rank the plan taken.

    Parameters
    ----------
    world : World
    probabilities : mapping of str to float64 array of shape (n, n_plans)
        P(take) by model.

    Returns
    -------
    dict of str to dict
        By model, the oracle among them: `accuracy`, `ndcg_at_5`, `hit_at_3_launched` (where the plan taken is a
        launched one; NaN without any), `ece_top` (of the plan ranked first) and `ece` (of every plan in the choice
        set), 10 bins of equal mass.
    """
    situation = world.situation
    is_new = np.isin(situation.chosen, world.launched)
    taken = np.arange(situation.available.shape[1]) == situation.chosen[:, None]
    figures: dict[str, Figures] = {}
    for name, p in {**probabilities, "oracle": world.oracle}.items():
        ranks = chosen_ranks(p, situation.chosen, situation.available)
        figures[name] = {
            "accuracy": float(hit_at_k(ranks, 1).mean()),
            "ndcg_at_5": float(ndcg_at_k(ranks, 5).mean()),
            "hit_at_3_launched": float(hit_at_k(ranks[is_new], 3).mean()) if is_new.any() else np.nan,
            "ece_top": expected_calibration_error(p.max(axis=1), p.argmax(axis=1) == situation.chosen),
            "ece": expected_calibration_error(p[situation.available], taken[situation.available]),
        }
    return figures


def regret_figures(world: World, history: History, outlook: Outlook, *, risk_weight: float) -> Figures:
    """Return the mean regret of advice and of every re-rating baseline, cents a month, without a minimum gain."""
    catalogue, situation = world.operator.catalogue, world.situation
    ranked = {
        name: (past_outlook(history, catalogue, history_months=months), weight)
        for name, (months, weight) in BASELINES.items()
    }
    ranked["advice"] = outlook, risk_weight
    scores = {
        name: advice_scores(bills, situation, risk_weight=weight, min_gain_cents=0)
        for name, (bills, weight) in ranked.items()
    }
    scores["stay"] = (np.arange(len(catalogue.plans)) == situation.current[:, None]).astype(np.float64)
    return {name: float(money_of_advice(s, situation)["regret_cents"].mean()) for name, s in scores.items()}


def harm_figures(world: World, outlook: Outlook, *, risk_weight: float, min_gain_cents: int) -> Figures:
    """Return how many subscribers are worse off after advice with a minimum gain.

    Parameters
    ----------
    world : World
    outlook : Outlook
        Of the same rows.
    risk_weight : float
    min_gain_cents : int

    Returns
    -------
    dict of str to float
        `not_worse_off` and `moved` of everybody, `not_worse_off_of_moved`, `loss_p95_cents` of everybody and
        `loss_p95_of_moved_cents` (a month; 0 for whoever did not lose), `saving_cents`, `regret_cents`.
    """
    scores = advice_scores(outlook, world.situation, risk_weight=risk_weight, min_gain_cents=min_gain_cents)
    money = money_of_advice(scores, world.situation)
    worse, moved, saving = money["share_worse_off"], money["share_moved"] > 0, money["saving_cents"]
    loss = np.maximum(-saving, 0)
    return {
        "not_worse_off": float(1 - worse.mean()),
        "not_worse_off_of_moved": float(1 - worse[moved].mean()) if moved.any() else np.nan,
        "loss_p95_cents": float(np.percentile(loss, 95)),
        "loss_p95_of_moved_cents": float(np.percentile(loss[moved], 95)) if moved.any() else np.nan,
        "moved": float(moved.mean()),
        "saving_cents": float(saving.mean()),
        "regret_cents": float(money["regret_cents"].mean()),
    }


def offer_figures(
    world: World, history: History, outlook: Outlook, acceptance: AcceptanceModel, *, weights: OfferWeights
) -> Figures:
    """Return the accepted saving of offers, cents a month and subscriber, by how the offer is chosen.

    Everybody is offered the plan that scores best, nobody where no score is above 0; what comes of it is the true
    P(accept) x the true saving.

    Parameters
    ----------
    world : World
    history : History
        Of the moments of `world`.
    outlook : Outlook
        Of the same rows.
    acceptance : AcceptanceModel
    weights : OfferWeights

    Returns
    -------
    dict of str to float
        `oracle`, `offer` and every re-rating baseline.
    """
    moments, catalogue = world.moments, world.operator.catalogue
    features = alternative_features(history, catalogue, moments.current)
    p_accept = acceptance.chances(features, moments.current, moments.contacts)
    value = offer_values(
        outlook.mean_cents,
        outlook.spread_cents,
        moments.current,
        catalogue,
        p_accept=p_accept,
        churn_change=np.zeros_like(p_accept),
        weights=weights,
    )
    scores = {"oracle": moments.accept * moments.saving_cents, "offer": value.value_cents}
    rows = np.arange(len(moments.current))
    for name, (months, weight) in BASELINES.items():
        bills = past_outlook(history, catalogue, history_months=months).adjusted(weight)
        scores[name] = bills[rows, moments.current][:, None] - bills
    return {name: _accepted_saving(world, score) for name, score in scores.items()}


def _accepted_saving(world: World, score: FloatArray) -> float:
    moments = world.moments
    allowed = np.where(np.isnan(moments.accept) | np.isnan(score), -np.inf, score)
    rows, best = np.arange(len(allowed)), allowed.argmax(axis=1)
    worth = moments.accept[rows, best] * moments.saving_cents[rows, best]
    return float(np.where(allowed[rows, best] > 0, worth, 0.0).mean())
