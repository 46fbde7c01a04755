"""The figures of one simulated operator's world: choice, money, harm and offers, each beside baselines and oracles.

What is judged are a bundle's answers (`study.answers`); the truth judges. Sums and counts are kept, not shares, so that
operators can be pooled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.evaluation import chosen_ranks, expected_calibration_error, hit_at_k, ndcg_at_k
from planrec.bundle import PlanRecBundle
from planrec.decisions import alternative_features, columns_of
from planrec.months import month_indices
from planrec.outlook import history_of
from planrec.rules import ExclusionCode
from planrec.study.answers import Answers
from planrec.study.worlds import Moments, World

__all__ = [
    "ANY_PLAN",
    "HELD_FIRST",
    "MULTICLASS",
    "ORACLE",
    "Figures",
    "SavingFigures",
    "choice_figures",
    "choice_scores",
    "held_first",
    "money_figures",
    "offer_figures",
]

Figures = dict[str, float]

MULTICLASS, ANY_PLAN, ORACLE = "multiclass", "choice", "oracle"
HELD_FIRST = "held first, then cheapest by "


def choice_scores(bundle: PlanRecBundle, world: World) -> dict[str, FloatArray]:
    """Return P(take) of the decisions by each model of a bundle; float64 arrays of shape (n, n_plans)."""
    catalogue, columns = world.operator.catalogue, columns_of(world.rows)
    found: dict[str, FloatArray] = {}
    for name, scorer in ((MULTICLASS, bundle.scorer), (ANY_PLAN, bundle.choice)):
        chances = np.zeros((len(world.rows), len(catalogue.plans)))
        chances[:, [catalogue.index(plan) for plan in scorer.classes]] = scorer.score(columns)
        found[name] = chances
    return found


def held_first(world: World, answers: Answers) -> FloatArray:
    """Return scores that learn nothing: the plan held first, then the others in the order of an answer.

    Parameters
    ----------
    world : World
    answers : Answers
        Of a re-rating policy, at the moments of the world.

    Returns
    -------
    float64 array of shape (n, n_plans)
        One row for each decision; plans that were not ranked come last.
    """
    moments, n_plans = world.moments, answers.order.shape[1]
    place = {key: at for at, key in enumerate(zip(moments.subscribers, moments.as_of.tolist(), strict=True))}
    before = (month_indices(world.rows["month"]) - 1).tolist()
    at = np.array([place.get(key, -1) for key in zip(world.situation.subscribers, before, strict=True)], dtype=np.int64)
    order = np.where((at >= 0)[:, None], answers.order[at], -1)
    scores = np.full((len(at), n_plans), -float(n_plans))
    rows, ranks = np.nonzero(order >= 0)
    scores[rows, order[rows, ranks]] = -ranks
    known = np.flatnonzero(world.situation.current >= 0)
    scores[known, world.situation.current[known]] = 1.0
    return scores


def choice_figures(
    world: World, probabilities: Mapping[str, FloatArray], rankings: Mapping[str, FloatArray]
) -> dict[str, Figures]:
    """Return how well models and rankings predict the plan taken.

    Parameters
    ----------
    world : World
    probabilities : mapping of str to float64 array of shape (n, n_plans)
        P(take) by model.
    rankings : mapping of str to float64 array of shape (n, n_plans)
        Scores that are no probabilities; higher is first.

    Returns
    -------
    dict of str to dict
        By name, the oracle among them: `accuracy`, `ndcg_at_5`; of a launched plan `hit_at_3` (share of those who took
        one that had it among the first three) and `precision_at_3` (share of those who had it there that took it);
        and of probabilities `ece_top` (of the plan ranked first), `ece` (of every plan in the choice set), 10 bins of
        equal mass, and `launched_demand` (predicted over real). NaN where there is nothing to judge.
    """
    situation = world.situation
    is_new = np.isin(situation.chosen, world.launched)
    taken = np.arange(situation.available.shape[1]) == situation.chosen[:, None]
    chances = {**probabilities, ORACLE: world.oracle}
    figures: dict[str, Figures] = {}
    for name, scores in {**chances, **rankings}.items():
        ranks = chosen_ranks(scores, situation.chosen, situation.available)
        shown = _among_first(scores, situation.available, world.launched, 3)
        figures[name] = {
            "accuracy": float(hit_at_k(ranks, 1).mean()),
            "ndcg_at_5": float(ndcg_at_k(ranks, 5).mean()),
            "hit_at_3": _mean(shown[is_new]),
            "precision_at_3": _mean(is_new[shown]),
        }
        if name in chances:
            real = float(is_new.sum())
            figures[name] |= {
                "ece_top": expected_calibration_error(scores.max(axis=1), scores.argmax(axis=1) == situation.chosen),
                "ece": expected_calibration_error(scores[situation.available], taken[situation.available]),
                "launched_demand": float(scores[:, world.launched].sum()) / real if real else np.nan,
            }
    return figures


def _among_first(scores: FloatArray, available: BoolArray, plans: IntArray, k: int) -> BoolArray:
    order = np.argsort(-np.where(available, scores, -np.inf), axis=1, kind="stable")[:, :k]
    return np.asarray((np.isin(order, plans) & np.take_along_axis(available, order, axis=1)).any(axis=1))


def _mean(values: BoolArray) -> float:
    return float(values.mean()) if len(values) else float("nan")


@dataclass(frozen=True)
class SavingFigures:
    """What an advice does to the moments it is given at.

    Attributes
    ----------
    figures : dict of str to float
        Counts `asked`, `moved` and `worse` (moved, and the bill rose); mean `saving_cents` and `regret_cents` a month
        over all asked, against the cheapest plan the rules leave open.
    losses : list of float
        Cents a month that each of the worse off lost.
    """

    figures: Figures
    losses: list[float]


def money_figures(moments: Moments, answers: Answers) -> SavingFigures:
    """Return what an advice saves, and whom it harms.

    Parameters
    ----------
    moments : Moments
    answers : Answers
        Of the same rows, all plans ranked that the rules leave open.
    """
    rows = np.arange(len(moments.current))
    known = (moments.current >= 0) & (answers.first >= 0)
    held, advised = np.maximum(moments.current, 0), np.where(known, answers.first, np.maximum(moments.current, 0))
    open_ = np.zeros(moments.bills.shape, dtype=np.bool_)
    at, ranks = np.nonzero(answers.order >= 0)
    open_[at, answers.order[at, ranks]] = True
    open_[rows, held] = True
    today, then = moments.bills[rows, held], moments.bills[rows, advised]
    saving, moved = today - then, advised != held
    regret = then - np.where(open_, moments.bills, np.inf).min(axis=1)
    worse = moved & (saving < 0)
    figures = {
        "asked": float(known.sum()),
        "moved": float((known & moved).sum()),
        "worse": float((known & worse).sum()),
        "saving_cents": float(saving[known].mean()),
        "regret_cents": float(regret[known].mean()),
    }
    return SavingFigures(figures, (-saving[known & worse]).round(3).tolist())


def offer_figures(
    world: World, bundle: PlanRecBundle, offers: Answers, re_rated: Mapping[str, Answers]
) -> dict[str, object]:
    """Return what offers bring and whom they drive away, beside baselines and an oracle under the same gates.

    Model, baselines and oracle choose among the same pairs of subscriber and plan, those that neither a rule nor a gate
    takes out of the offer file (a gain below the minimum alone is each one's own business), and contact as many
    subscribers as the model does. What comes of an offer is the true P(accept) x the true saving.

    Parameters
    ----------
    world : World
    bundle : PlanRecBundle
    offers : Answers
        Of the offer file.
    re_rated : mapping of str to Answers
        Advice by re-rating, by name: its bills are the baselines', times P(accept).

    Returns
    -------
    dict
        `made`, `elsewhere` (to subscribers without usage in the month asked), `harmful` (with `churn_change` above 0 in
        their own row), `judged` (of whom the truth knows the answer); `accepted_saving` by chooser, the sum in cents a
        month; `left_offered` and `left_alone`, sums of the true chances of leaving of those judged.
    """
    moments = world.moments
    switched = (offers.first >= 0) & (offers.first != moments.current)
    rows = np.flatnonzero(moments.addressed & (moments.current >= 0))
    held = moments.current[rows]
    saving = moments.bills[rows, held][:, None] - moments.bills[rows]
    worth = moments.accept[rows] * saving
    codes = offers.excluded[rows]
    gated = ~np.isin(codes, (ExclusionCode.NONE, ExclusionCode.BELOW_MINIMUM_GAIN)) | np.isnan(worth)
    gated[np.arange(len(rows)), held] = True
    contacts = int(switched[rows].sum())
    scores = {"offer": np.where(switched[rows][:, None], offers.by_plan["offer_value_cents"][rows], np.nan)}
    scores[ORACLE] = worth
    chances = _chances(bundle, moments, rows)
    for name, answers in re_rated.items():
        bills = answers.by_plan["expected_bill_cents"][rows]
        scores[name] = chances * (bills[np.arange(len(rows)), held][:, None] - bills)
    picks = {name: _picked(np.where(gated, np.nan, score), contacts) for name, score in scores.items()}
    ours, plan = picks["offer"]
    churn_change = offers.by_plan["churn_change"][np.flatnonzero(switched), offers.first[switched]]
    return {
        "made": float(switched.sum()) + offers.elsewhere,
        "elsewhere": float(offers.elsewhere),
        "harmful": float((churn_change > 0).sum()),
        "judged": float(contacts),
        "addressed": float(len(rows)),
        "accepted_saving": {name: float(worth[who, what].sum()) for name, (who, what) in picks.items()},
        "left_offered": float(moments.leave[rows[ours], 1 + plan].sum()),
        "left_alone": float(moments.leave[rows[ours], 0].sum()),
    }


def _chances(bundle: PlanRecBundle, moments: Moments, rows: IntArray) -> FloatArray:
    """P(accept) of every plan by the bundle's own model; float64 array of shape (k, n_plans)."""
    if bundle.offers is None:
        return np.full((len(rows), moments.bills.shape[1]), np.nan)
    history = history_of(columns_of(moments.rows.iloc[rows]), bundle.config.advice.history_months)
    features = alternative_features(history, bundle.catalogue, moments.current[rows])
    return bundle.offers.acceptance.chances(features, moments.current[rows], moments.facts.contacts_90d[rows])


def _picked(scores: FloatArray, contacts: int) -> tuple[IntArray, IntArray]:
    """Return the subscribers with the best offers, and which: at most so many, each worth more than nothing."""
    filled = np.where(np.isnan(scores), -np.inf, scores)
    best = filled.argmax(axis=1)
    value = filled[np.arange(len(best)), best]
    who = np.argsort(-value, kind="stable")[:contacts]
    who = who[value[who] > 0]
    return who, best[who]
