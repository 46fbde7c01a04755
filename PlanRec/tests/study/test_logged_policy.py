"""Logged offers on a simulated operator: the same offers as the service makes, and intervals that hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from common_utils.bundle import Bundle
from planrec.advice import AnswerPolicy, Engine
from planrec.bundle import PlanRecBundle
from planrec.campaigns.logged_offers import evaluate_policy, logged_offers, policy_chances
from planrec.offers.exploration import Exploration
from planrec.simulator.operator import simulate
from planrec.study.logged_policy import AskedMoments, asked_moments, logged_rows, policy_coverage

EXPLORED = Exploration(share=0.05)


@pytest.fixture(scope="module")
def asked(bundle: Bundle) -> tuple[AskedMoments, Engine]:
    opened = PlanRecBundle.open(bundle.path)
    config = opened.config.simulator.model_copy(update={"subscribers": 1500})
    operator = simulate(config, opened.catalogue, np.random.default_rng(99))
    policy = AnswerPolicy.of(opened.config, opened.rules, "offer", forecast=True)
    return asked_moments(operator, opened.engine(), policy, most=400), opened.engine()


def test_intervals_hold_the_true_value_of_another_policy(asked: tuple[AskedMoments, Engine]) -> None:
    found = policy_coverage(asked[0], "uniform", EXPLORED, offers=2000, runs=60)
    assert all(0.85 <= share <= 1 for share in found.held.values()), found
    assert found.cost_cents >= 0
    assert found.moments == len(asked[0].records) > 20


def test_the_function_behind_the_service_logs_what_is_measured(asked: tuple[AskedMoments, Engine]) -> None:
    moments, engine = asked
    rng = np.random.default_rng(3)
    places = rng.integers(0, len(moments.records), 150)
    rows = logged_rows(moments, engine, Exploration(share=0.5), places, rng)
    offers = logged_offers(rows)
    assert len(offers.events) == 150
    plans = engine.catalogue.plan_ids
    assert offers.offerable.sum(axis=1).tolist() == moments.offerable[places].sum(axis=1).tolist()
    drawn = [plans.index(row["answer"]["plans"][0]["plan_id"]) for row in rows]
    assert all(moments.offerable[at, plan] for at, plan in zip(places, drawn, strict=True))
    several = moments.offerable[places].sum(axis=1) > 1
    assert offers.propensity[~several].tolist() == [1.0] * int((~several).sum())
    assert (offers.propensity[several] < 1).all()
    value = moments.value_cents[places, drawn]
    assert offers.value_cents[np.arange(150), offers.offered] == pytest.approx(value)
    report = evaluate_policy(offers, policy_chances(offers, "uniform", EXPLORED))
    truth = (moments.offerable * moments.truth * moments.saving_cents).sum(axis=1) / moments.offerable.sum(axis=1)
    assert abs(report.dr.interval.estimate - truth[places].mean()) < 4 * report.dr.se
