"""Logged offers on a simulated operator: the same offers as the service makes, and intervals that hold the truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from app.fastapi_app import create_app
from common_utils.bundle import Bundle
from common_utils.decision_log.journal.lines import Decision
from common_utils.decision_log.journal.segments import segments
from common_utils.decision_log.keys import KEYS_VARIABLE, parse_keys
from planrec.advice import AnswerPolicy, Engine
from planrec.bundle import PlanRecBundle
from planrec.campaigns.logged_offers import evaluate_policy, logged_offers, policy_chances
from planrec.offers.exploration import Exploration
from planrec.simulator.operator import simulate
from planrec.study.logged_policy import (
    AskedMoments,
    asked_moments,
    http_body,
    logged_rows,
    offered,
    policy_coverage,
)

EXPLORED = Exploration(share=0.05)
OFTEN = Exploration(share=0.5)
KEY = "k1:" + "a" * 64


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
    rows = logged_rows(moments, engine, OFTEN, places, rng)
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


@pytest.fixture
def service(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("PLANREC_BUNDLE", str(bundle.path))
    monkeypatch.setenv("PLANREC__DECISIONS__JOURNAL", str(tmp_path))
    monkeypatch.setenv("PLANREC__OFFERS__EXPLORATION__SHARE", str(OFTEN.share))
    monkeypatch.setenv(KEYS_VARIABLE, KEY)
    with TestClient(create_app()) as started:
        yield started


def test_a_run_over_http_logs_the_same(asked: tuple[AskedMoments, Engine], service: TestClient, tmp_path: Path) -> None:
    moments, engine = asked
    places = np.random.default_rng(4).integers(0, len(moments.records), 120).tolist()
    answers = service.post("/recommend/batch", json={"records": [http_body(moments, at) for at in places]})
    assert answers.status_code == 200, answers.text
    events = [one["event_id"] for one in answers.json()["recommendations"]]
    read = (part for segment in segments(tmp_path) for part in segment.read())
    entries = {one.event: one for part in read for one in part.entries if isinstance(one, Decision)}
    keys, explored = parse_keys(KEY, "test"), 0
    for at, event in zip(places, events, strict=True):
        advice = offered(moments, engine, OFTEN, at, keys.draw(event))
        assert (entries[event].answer, entries[event].propensity) == (advice.decided(), advice.propensity)
        explored += (advice.propensity or 1) < 0.5
    assert 0 < explored < 60
