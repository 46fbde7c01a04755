"""Whom to contact: a campaign that goes by a learnt uplift, against no contact, everybody, and the best there is.

Everything is judged by the simulator's own chances of leaving, on subscribers and months the model has not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError
from common_utils.evaluation import PairedDifference, paired_mean_difference
from common_utils.splits import grouped_stratified_folds
from planrec.billing import Catalogue
from planrec.campaigns.exposure import exposure
from planrec.campaigns.moments import OfferRows, offer_rows
from planrec.campaigns.uplift import TwoModelUplift, UpliftModel
from planrec.simulator.simulation import Simulation
from planrec.simulator.truth import LEAVE, LEAVE_DECLINED
from planrec.study.truth import truth_at

__all__ = ["NO_CONTACT", "CampaignStudy", "campaign_study", "chosen_offers", "qini"]

NO_CONTACT = -1


@dataclass(frozen=True)
class CampaignStudy:
    """Three-month churn of the subscribers selected in the last months, by what is done with them.

    Attributes
    ----------
    no_contact, untargeted, targeted, oracle : float
        Mean true chance of leaving: nobody contacted; everybody offered what was cheapest for them, their own plan
        included; only the subscribers contacted that, by the model, their best offer retains; the same by the truth.
    targeted_change, untargeted_change : PairedDifference
        Against no contact, by subscriber.
    contacted_share : float
        Share of the subscribers that the targeted campaign contacts.
    correlation, rmse : float
        Predicted against true effect, over all offers that could be made.
    qini : float
        Order of the subscribers by predicted effect of their best offer; see `qini`.
    moments, subscribers : int
        How many were judged.
    """

    no_contact: float
    untargeted: float
    targeted: float
    oracle: float
    targeted_change: PairedDifference
    untargeted_change: PairedDifference
    contacted_share: float
    correlation: float
    rmse: float
    qini: float
    moments: int
    subscribers: int


def chosen_offers(effect: FloatArray, *, margin: float = 0.005) -> IntArray:
    """Return which offer to make to whom: the one that lowers churn most, if by more than `margin`.

    Parameters
    ----------
    effect : float64 array of shape (n, n_plans)
        Change in the chance of leaving; NaN where a plan cannot be offered.
    margin : float
        Fall in the chance of leaving below which nobody is contacted: what a contact has to be worth, >= 0.

    Returns
    -------
    int64 array of shape (n,)
        Plan to offer, `NO_CONTACT` for nobody.

    Raises
    ------
    DataError
        If `margin` is negative.

    Examples
    --------
    >>> chosen_offers(np.array([[0.02, -0.03, np.nan], [0.01, -0.001, 0.0]]), margin=0.01).tolist()
    [1, -1]
    """
    if not margin >= 0:
        raise DataError(f"margin is {margin!r}; margin must be 0 or more: it is the fall in churn an offer must bring.")
    filled = np.where(np.isnan(effect), np.inf, effect)
    best = filled.argmin(axis=1)
    return np.where(filled[np.arange(len(best)), best] < -margin, best, NO_CONTACT)


def qini(predicted: FloatArray, true: FloatArray) -> float:
    """Return how well a ranking puts first the subscribers that a contact retains.

    Parameters
    ----------
    predicted, true : float64 arrays of shape (n,)
        Effect of the offer each would get; those with the lowest predicted effect are contacted first.

    Returns
    -------
    float
        Area between the curve of cumulated true effects and that of a random order, over that of the best order:
        1 for the best, about 0 for a random one, -1 for the worst. NaN where all true effects are equal.

    References
    ----------
    Radcliffe 2007, Using control groups to target on predicted lift.

    Examples
    --------
    >>> qini(np.array([-2.0, 1.0, 0.0]), np.array([-0.1, 0.2, 0.0]))
    1.0
    >>> qini(np.array([2.0, -1.0, 0.0]), np.array([-0.1, 0.2, 0.0]))
    -1.0
    """
    random = true.mean() * np.arange(1, len(true) + 1)
    area, best = ((random - np.cumsum(true[np.argsort(order, kind="stable")])).sum() for order in (predicted, true))
    return float(area / best) if best > 0 else float("nan")


def campaign_study(
    operator: Simulation,
    *,
    model: Callable[[Catalogue], UpliftModel] = TwoModelUplift,
    folds: int = 5,
    test_months: int = 3,
    margin: float = 0.005,
    seed: int = 0,
) -> CampaignStudy:
    """Learn which subscribers an offer retains, and judge the campaign that follows by the truth.

    Judged are the subscribers the campaign selected in the last `test_months` months, hold-out included. For each of
    `folds` groups of subscribers the model learns from the other groups, and only from moments whose three months had
    ended when the first of the judged months began.

    Parameters
    ----------
    operator : Simulation
    model : callable
        Makes an unfitted model from the catalogue.
    folds : int
        >= 2.
    test_months : int
        >= 1.
    margin : float
        As in `chosen_offers`.
    seed : int
        Of the folds and the bootstrap.

    Returns
    -------
    CampaignStudy

    Raises
    ------
    DataError
        If there is nobody to learn from or to judge.
    """
    rows, months = offer_rows(operator), exposure(operator)
    first_judged = int(rows.month.max()) - test_months + 1
    learn = rows.month < first_judged
    judge = rows.contacts.selected & (rows.month >= first_judged)
    if not learn.any() or not judge.any():
        raise DataError(
            f"offers: nothing to learn from before the last {test_months} month(s), or nobody selected "
            "in them; simulate more months, or judge fewer."
        )
    effect = np.full(rows.standing.offerable.shape, np.nan)
    for train, test in grouped_stratified_folds(rows.contacts.holdout, rows.subscribers, n_splits=folds, seed=seed):
        seen, unseen = train[learn[train]], test[judge[test]]
        of_seen = np.isin(months.subscribers, rows.subscribers[train]) & (months.month < first_judged)
        effect[unseen] = model(operator.catalogue).fit(rows.at(seen), months.at(of_seen)).effect(rows.at(unseen))
    return _judged(rows.at(judge), effect[judge], operator, margin, np.random.default_rng(seed))


def _judged(
    rows: OfferRows, effect: FloatArray, operator: Simulation, margin: float, rng: np.random.Generator
) -> CampaignStudy:
    truth = truth_at(rows, operator.truth.churn, [LEAVE, LEAVE_DECLINED, *operator.catalogue.plan_ids])
    alone, declined, offered = truth[:, 0], truth[:, 1], truth[:, 2:]
    true = np.where(rows.standing.offerable, offered - alone[:, None], np.nan)
    at = np.arange(len(alone))
    offers = chosen_offers(effect, margin=margin)
    best = np.where(rows.standing.offerable, effect, np.inf).argmin(axis=1)
    targeted = alone + np.where(offers == NO_CONTACT, 0.0, true[at, offers])
    everybody = _cheapest_campaign(rows, offered, declined)
    could = rows.standing.offerable
    return CampaignStudy(
        no_contact=float(alone.mean()),
        untargeted=float(everybody.mean()),
        targeted=float(targeted.mean()),
        oracle=float((alone + np.minimum(np.nanmin(true, axis=1), 0.0)).mean()),
        targeted_change=paired_mean_difference(targeted, alone, rows.subscribers, rng=rng),
        untargeted_change=paired_mean_difference(everybody, alone, rows.subscribers, rng=rng),
        contacted_share=float((offers != NO_CONTACT).mean()),
        correlation=float(np.corrcoef(effect[could], true[could])[0, 1]),
        rmse=float(np.sqrt(np.mean((effect[could] - true[could]) ** 2))),
        qini=qini(effect[at, best], true[at, best]),
        moments=len(alone),
        subscribers=len(np.unique(rows.subscribers)),
    )


def _cheapest_campaign(rows: OfferRows, offered: FloatArray, declined: FloatArray) -> FloatArray:
    """Chance of leaving if every subscriber is told which plan was cheapest; those who hold it stay on it."""
    at = np.arange(len(declined))
    leave = offered.copy()
    leave[at, rows.standing.current] = declined
    possible = rows.standing.offerable.copy()
    possible[at, rows.standing.current] = True
    return leave[at, np.where(possible, rows.standing.bill, np.inf).argmin(axis=1)]
