from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.columns import PROPENSITY
from planrec.simulator.config import OffersConfig, SimulatorConfig
from planrec.simulator.operator import simulate
from planrec.simulator.simulation import Simulation
from planrec.study.off_policy import OffPolicyStudy, off_policy_study, target_chances


@pytest.fixture(scope="module")
def operator(catalogue: Catalogue) -> Simulation:
    config = SimulatorConfig(subscribers=3000, offers=OffersConfig(campaign_share=0.6))
    return simulate(config, catalogue, np.random.default_rng(8))


@pytest.fixture(scope="module")
def study(operator: Simulation) -> OffPolicyStudy:
    return off_policy_study(operator, runs=250, seed=3)


def test_target_chances_favour_the_plan_that_saves_most_and_fall_back() -> None:
    saving, logging = np.array([[1.0, 5.0, 3.0]] * 2), np.array([[0.5, 0.0, 0.5]] * 2)
    favoured = np.array([[True, False, False], [False, False, False]])
    assert target_chances(saving, favoured, logging) == pytest.approx(np.array([[0.9, 0, 0.1], [0.1, 0, 0.9]]))


def test_unclipped_intervals_hold_the_true_value_as_often_as_they_say(study: OffPolicyStudy) -> None:
    ips, snips, dr = study.estimators
    assert (ips.estimator, snips.estimator, dr.estimator) == ("ips", "snips", "dr")
    for unclipped in (snips, dr):
        assert 0.90 <= unclipped.coverage <= 0.99  # 250 runs: 0.95 with a standard error of 0.014
        assert abs(unclipped.bias) < 4 * unclipped.sd / np.sqrt(study.runs)
        assert unclipped.mean_se == pytest.approx(unclipped.sd, rel=0.15)
        assert unclipped.clipped_share == 0
    assert ips.clipped_share > 0
    assert ips.effective_sample_size > snips.effective_sample_size
    assert dr.sd < snips.sd


def test_coverage_notices_a_clipping_that_bends_the_estimate(operator: Simulation, study: OffPolicyStudy) -> None:
    bent = off_policy_study(operator, runs=60, seed=3, max_weight=0.5).estimators[0]
    assert bent.coverage < 0.5
    assert abs(bent.bias) > 2 * bent.sd


def test_study_says_how_large_it_was_and_repeats_itself(operator: Simulation, study: OffPolicyStudy) -> None:
    asked = operator.offers[~operator.offers.holdout]
    assert (study.runs, study.offers, study.subscribers) == (250, len(asked), asked.subscriber_id.nunique())
    assert off_policy_study(operator, runs=4, seed=3) == off_policy_study(operator, runs=4, seed=3)


def test_study_knows_the_value_of_the_logged_policy(operator: Simulation, study: OffPolicyStudy) -> None:
    # What was really accepted is one draw of the logging policy.
    asked = operator.offers[~operator.offers.holdout].reset_index(drop=True)
    bills = operator.truth.bills.set_index(["subscriber_id", "month"])
    saved = []
    for offer in asked[asked.accepted].itertuples():
        ahead = bills.loc[offer.subscriber_id].loc[offer.month :].iloc[:3]
        saved.append((ahead[offer.current_plan] - ahead[offer.offered_plan]).mean() / 100)
    noise = np.std(saved) * np.sqrt(len(saved)) / len(asked)
    assert sum(saved) / len(asked) == pytest.approx(study.logged_value, abs=4 * noise)


def test_study_refuses_propensities_that_the_tables_do_not_explain(operator: Simulation) -> None:
    other = operator.offers.assign(**{PROPENSITY: operator.offers[PROPENSITY] * 0.9})
    with pytest.raises(DataError, match="logged propensities do not follow from the usage months"):
        off_policy_study(replace(operator, offers=other), runs=2)


def test_study_refuses_a_single_run(operator: Simulation) -> None:
    with pytest.raises(DataError, match="runs is 1; a spread over runs needs at least 2"):
        off_policy_study(operator, runs=1)
