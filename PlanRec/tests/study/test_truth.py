from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from planrec.billing import Catalogue
from planrec.columns import CURRENT_PLAN, KEY
from planrec.simulator.config import OffersConfig, SimulatorConfig
from planrec.simulator.operator import simulate
from planrec.simulator.simulation import Simulation
from planrec.simulator.truth import LEAVE, LEAVE_DECLINED
from planrec.study.truth import choice_oracle


@dataclass(frozen=True)
class _CampaignChurn:
    """Mean chance of leaving within three months among the subscribers the campaign selected.

    Attributes
    ----------
    no_contact : float
        Nobody is contacted.
    untargeted : float
        Everybody is, and offered the plan that would have been cheapest, their own included, over the last months.
    targeted : float
        Only subscribers that their best offer retains are contacted; by the truth, so no campaign does better.
    subscribers : int
        How many were selected.
    """

    no_contact: float
    untargeted: float
    targeted: float
    subscribers: int


def _campaign_churn(operator: Simulation, *, history_months: int = 3) -> _CampaignChurn:
    """Return what three campaigns would do to churn: the truth of everybody the campaign selected, averaged."""
    plans = list(operator.catalogue.plan_ids)
    selected = operator.offers[list(KEY)]
    churn = selected.merge(operator.truth.churn, on=list(KEY), how="left")
    offers = churn[plans].to_numpy(copy=True)
    current = np.array([operator.catalogue.index(p) for p in operator.offers[CURRENT_PLAN]])
    rows = np.arange(len(selected))
    possible = ~np.isnan(offers)
    possible[rows, current] = True
    offers[rows, current] = churn[LEAVE_DECLINED]  # told that their plan is best
    cheapest = np.where(possible, _bills_before(operator, selected, history_months), np.inf).argmin(axis=1)
    without = churn[LEAVE].to_numpy()
    kept = np.minimum(without, np.where(possible, offers, np.inf).min(axis=1))
    return _CampaignChurn(float(without.mean()), float(offers[rows, cheapest].mean()), float(kept.mean()), len(rows))


def _bills_before(operator: Simulation, selected: pd.DataFrame, months: int) -> np.ndarray:
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


@pytest.fixture(scope="module")
def operator(catalogue: Catalogue) -> Simulation:
    config = SimulatorConfig(subscribers=6000, offers=OffersConfig(campaign_share=0.4))
    return simulate(config, catalogue, np.random.default_rng(21))


def test_choice_oracle_is_neither_perfect_nor_hopeless_under_the_logit(operator: Simulation) -> None:
    figures = choice_oracle(operator)
    assert 0.59 <= figures["accuracy"] <= 0.65
    assert 0.79 <= figures["ndcg_at_5"] <= 0.84
    assert figures["hit_at_3"] > figures["accuracy"]
    assert figures["decisions"] > 5000


def test_untargeted_campaign_drives_subscribers_away_and_a_targeted_one_keeps_them(operator: Simulation) -> None:
    churn = _campaign_churn(operator)
    assert churn.no_contact == pytest.approx(0.06, abs=0.01)
    assert churn.untargeted == pytest.approx(0.10, abs=0.015)
    assert churn.targeted < churn.no_contact
    assert churn.subscribers == len(operator.offers) > 3000


def test_untargeted_campaign_does_nothing_to_those_told_that_their_plan_is_best(operator: Simulation) -> None:
    with_offer, declined = operator.truth.churn["no_offer"], operator.truth.churn["declined"]
    assert (declined >= with_offer - 1e-9).all()
    assert (declined == with_offer).any()


def test_logged_outcome_agrees_with_the_truth(operator: Simulation) -> None:
    # Contacted and held out were selected alike; those contacted left more often, as the truth says.
    offers = operator.offers[operator.offers.month <= "2025-10"]
    first = offers.drop_duplicates("subscriber_id")
    left = operator.subscribers.set_index("subscriber_id").churn_date.reindex(first.subscriber_id).to_numpy()
    start = first.month.to_numpy(dtype="datetime64[M]")
    gone = ~np.isnat(left) & (left < (start + np.timedelta64(3, "M")).astype("datetime64[D]"))
    contacted = ~first.holdout.to_numpy()
    assert gone[contacted].mean() > gone[~contacted].mean()
