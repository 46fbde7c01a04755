from __future__ import annotations

from typing import Self

import numpy as np
import pytest

from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.campaigns.moments import WINDOW, OfferRows
from planrec.simulator.config import OffersConfig, SimulatorConfig
from planrec.simulator.operator import simulate
from planrec.simulator.simulation import Simulation
from planrec.study.campaign import NO_CONTACT, CampaignStudy, campaign_study, chosen_offers, qini
from planrec.study.truth import truth_at


@pytest.fixture(scope="module")
def operator(catalogue: Catalogue) -> Simulation:
    config = SimulatorConfig(subscribers=6000, offers=OffersConfig(campaign_share=0.4))
    return simulate(config, catalogue, np.random.default_rng(21))


@pytest.fixture(scope="module")
def study(operator: Simulation) -> CampaignStudy:
    return campaign_study(operator)


class Knowing:
    """Predicts `sign` times the true effect, and notes which rows it was shown."""

    def __init__(self, operator: Simulation, sign: float = 1.0) -> None:
        self.operator, self.sign = operator, sign
        self.fits: list[OfferRows] = []
        self.asked: list[OfferRows] = []

    def fit(self, rows: OfferRows) -> Self:
        self.fits.append(rows)
        return self

    def effect(self, rows: OfferRows) -> np.ndarray:
        self.asked.append(rows)
        plans = list(self.operator.catalogue.plan_ids)
        truth = truth_at(rows, self.operator.truth.churn, ["no_offer", *plans])
        return np.where(rows.standing.offerable, self.sign * (truth[:, 1:] - truth[:, :1]), np.nan)


def test_chosen_offers_contact_only_where_it_keeps_enough() -> None:
    effect = np.array([[0.1, -0.02, np.nan], [-0.01, -0.004, 0.2], [np.nan, np.nan, np.nan]])
    assert chosen_offers(effect, margin=0.01).tolist() == [1, NO_CONTACT, NO_CONTACT]
    assert chosen_offers(effect, margin=0).tolist() == [1, 0, NO_CONTACT]


@pytest.mark.parametrize("margin", [-0.01, np.nan])
def test_chosen_offers_refuse_a_margin_that_drives_away(margin: float) -> None:
    with pytest.raises(DataError, match="margin must be 0 or more"):
        chosen_offers(np.zeros((1, 2)), margin=margin)


def test_qini_by_hand() -> None:
    true = np.array([-0.3, 0.0, 0.3])  # cumulated -0.3, -0.3, 0 against 0, 0, 0 at random
    assert qini(np.array([1.0, 2.0, 3.0]), true) == pytest.approx(1)
    assert qini(np.array([2.0, 1.0, 3.0]), true) == pytest.approx(0.5)  # 0, -0.3, 0
    assert np.isnan(qini(np.zeros(2), np.zeros(2)))


def test_learnt_campaign_keeps_subscribers_where_an_untargeted_one_drives_them_away(study: CampaignStudy) -> None:
    assert study.oracle < study.targeted < study.no_contact < study.untargeted
    assert study.targeted_change.mean == pytest.approx(study.targeted - study.no_contact)
    assert study.targeted_change.interval.high < 0
    assert study.untargeted_change.interval.low > 0.01
    assert study.correlation > 0.6
    assert study.rmse < 0.1
    assert study.qini > 0.5
    assert 0 < study.contacted_share < 1


def test_campaign_of_who_knows_the_truth_is_the_oracle(operator: Simulation) -> None:
    study = campaign_study(operator, model=lambda _: Knowing(operator), margin=0)
    assert study.targeted == pytest.approx(study.oracle)
    assert (study.correlation, study.qini) == (pytest.approx(1), pytest.approx(1))
    assert study.rmse == pytest.approx(0, abs=1e-9)


def test_campaign_figure_notices_a_model_that_has_it_backwards(operator: Simulation) -> None:
    study = campaign_study(operator, model=lambda _: Knowing(operator, sign=-1.0))
    assert study.targeted_change.interval.low > 0
    assert study.qini < 0


def test_margin_beyond_every_effect_contacts_nobody(operator: Simulation) -> None:
    study = campaign_study(operator, model=lambda _: Knowing(operator), margin=1)
    assert (study.contacted_share, study.targeted) == (0, study.no_contact)


def test_model_is_judged_on_people_and_months_it_has_not_seen(operator: Simulation) -> None:
    model = Knowing(operator)
    study = campaign_study(operator, model=lambda _: model, folds=3, test_months=2)
    assert len(model.fits) == 3
    for learnt, asked in zip(model.fits, model.asked, strict=True):
        assert not set(learnt.subscribers) & set(asked.subscribers)
        assert learnt.month.max() + WINDOW <= asked.month.min()
        assert not np.isnan(learnt.left).any()
        assert asked.contacts.selected.all()
    assert study.moments == sum(len(asked.month) for asked in model.asked)
    assert study.subscribers == len(set().union(*(set(asked.subscribers) for asked in model.asked)))


def test_study_refuses_to_judge_months_that_leave_nothing_to_learn_from(operator: Simulation) -> None:
    with pytest.raises(DataError, match=r"nothing to learn from 3 months before the last 9 month\(s\)"):
        campaign_study(operator, test_months=9)
