from __future__ import annotations

import numpy as np
import pytest

from planrec.catalogue import Catalogue
from planrec.simulate import Simulation, simulate
from planrec.simulate_config import OffersConfig, SimulatorConfig
from planrec.simulate_figures import campaign_churn, choice_oracle


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
    churn = campaign_churn(operator)
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
