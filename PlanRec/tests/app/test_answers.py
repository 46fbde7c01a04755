"""What the routes answer, and what they refuse."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from app import responses, schemas
from app.fastapi_app import create_app
from app.live import LivePlanRec, open_live
from common_utils.bundle import Bundle
from common_utils.serving.guards.bounds import unbounded_fields
from planrec.billing import Catalogue
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.rules.rulebook import PlanRule
from tests.app.cases import USAGE


def test_health_ready_and_model_tell_what_is_live(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "alive"}
    assert client.get("/ready").json() == {"status": "ready", "version": "v-test"}
    assert client.get("/model").json()["created"] == "2026-01-01T00:00:00Z"


def test_predict_answers_with_probabilities_and_says_what_they_mean(client: TestClient, catalogue: Catalogue) -> None:
    answer = client.post("/predict", json={"usage": USAGE, "current_plan": "basic-6", "age": 40})
    assert answer.status_code == 200
    body = answer.json()
    assert body["prediction"] == "basic-6"
    # basic-6 is the cheapest for these months, and unlimited is 37.00 dearer: taken e^3.7 times less often.
    chances = body["probabilities"]
    assert chances["unlimited"] / chances["basic-6"] == pytest.approx(math.exp(-3.7))
    assert list(chances) == list(catalogue.plan_ids)
    assert sum(chances.values()) == pytest.approx(1)
    assert {plan for plan, chance in chances.items() if not chance} == {"flex-5", "young-10", "senior-talk"}
    assert body["decides_from"] == "2025-11"
    assert body["meaning"] == "predicts the plan people choose"
    assert body["model_version"] == "v-test"


def test_predict_waits_for_the_contract_and_scores_a_plan_launched_by_then(client: TestClient) -> None:
    asked = {
        "usage": [{**month, "month": f"2025-0{n}"} for n, month in enumerate(USAGE, 6)],
        "current_plan": "smart-12",
    }
    bound = client.post("/predict", json={**asked, "contract_months_left": 3}).json()
    free = client.post("/predict", json={**asked, "contract_months_left": 2}).json()
    assert (bound["decides_from"], free["decides_from"]) == ("2025-11", "2025-10")
    now = client.post("/predict", json={**asked, "contract_months_left": 0}).json()
    assert now["decides_from"] == "2025-08"
    assert now["probabilities"]["max-voice"] == 0  # on sale from 2025-10
    assert free["probabilities"]["max-voice"] > 0
    assert now["probabilities"]["flex-5"] > 0  # on sale to 2025-09
    assert free["probabilities"]["flex-5"] == 0


def test_predict_expects_no_plan_that_a_rule_takes_out(live: LivePlanRec) -> None:
    ours = PlanRule(plans=("smart-12",), holders_of=("basic-6",), why="none for them")
    ruled = replace(live, rules=live.rules.model_copy(update={"plans": (ours,)}))
    with TestClient(create_app(lambda: ruled)) as started:
        for plan, expected in (("basic-6", False), ("smart-25", True), ("smart-12", True)):
            answer = started.post("/predict", json={"usage": USAGE, "current_plan": plan}).json()
            assert (answer["probabilities"]["smart-12"] > 0) is expected, plan


def test_predict_refuses_whom_no_plan_is_open_to(live: LivePlanRec) -> None:
    everything = PlanRule(plans=live.catalogue.plan_ids, why="closed")
    shut = replace(live, rules=live.rules.model_copy(update={"plans": (everything,)}))
    with TestClient(create_app(lambda: shut)) as started:
        assert started.post("/predict", json={"usage": USAGE, "current_plan": "basic-6"}).json()["probabilities"][
            "basic-6"
        ] == pytest.approx(1)
        alone = started.post("/predict", json={"usage": USAGE})
        records = [{"usage": USAGE, "current_plan": "basic-6"}, {"usage": USAGE}]
        batch = started.post("/predict/batch", json={"records": records})
    assert (alone.status_code, batch.status_code) == (422, 422)
    assert alone.json()["detail"].startswith("no plan of the rate card may be taken in 2025-11")
    assert batch.json()["detail"].startswith("record 1, counted from 0: no plan of the rate card")


def test_a_month_beyond_the_tables_is_answered_all_the_same(client: TestClient) -> None:
    heavy = [{**USAGE[0], "minutes": 40_000}]
    alone = client.post("/predict", json={"usage": heavy, "current_plan": "basic-6"})
    batch = client.post("/predict/batch", json={"records": [{"usage": heavy, "current_plan": "basic-6"}]})
    assert alone.status_code == 200
    assert batch.json()["predictions"] == [alone.json()]


def test_batch_equals_singles(client: TestClient) -> None:
    records = [{"usage": USAGE}, {"usage": USAGE[:1], "age": 30, "tenure_months": 4, "contract_months_left": 0}]
    batch = client.post("/predict/batch", json={"records": records}).json()
    singles = [client.post("/predict", json=record).json() for record in records]
    assert batch["predictions"] == singles
    assert b"predictions_total" in client.get("/metrics").content


def test_one_record_is_answered_with_the_bits_of_a_batch(bundle: Bundle) -> None:
    live = open_live(bundle.path)
    plans = [None, *live.catalogue.plan_ids]
    records = [
        SubscriberRecord([UsageMonth(24_300 + k, 37.0 * i, 3.0 * k, 977.7 * i) for k in range(1 + i % 6)], plan, age)
        for i, (plan, age) in enumerate(zip(plans, [None, *range(20, 20 + 5 * len(plans), 5)], strict=False))
    ]
    months = [24_305 + i % 3 for i in range(len(records))]
    for record, month, of_batch in zip(records, months, live.predict(records, months), strict=True):
        alone = live.quick_prediction(record, month)
        assert alone is not None
        assert responses.PredictResponse.model_validate_json(alone) == of_batch


def test_a_model_that_answers_one_record_otherwise_never_becomes_ready(live: LivePlanRec) -> None:
    bad = replace(live)
    bad.__dict__["row_choice"] = lambda *_: ([1.0] + [0.0] * 12, 24_301)
    with TestClient(create_app(lambda: bad)) as started:
        assert started.app.state.slot.failures == {"probe_failed": 1}  # type: ignore[attr-defined]


def test_a_model_that_advises_one_alone_otherwise_never_becomes_ready(live: LivePlanRec) -> None:
    bad = replace(live)
    bad.__dict__["adviser"] = lambda *_: None
    with TestClient(create_app(lambda: bad)) as started:
        assert started.app.state.slot.failures == {"probe_failed": 1}  # type: ignore[attr-defined]


def test_plans_show_the_catalogue(client: TestClient, catalogue: Catalogue) -> None:
    answer = client.get("/plans").json()
    assert [plan["plan_id"] for plan in answer["plans"]] == list(catalogue.plan_ids)
    assert answer["plans"][-1]["included_minutes"] is None


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_json_does_not_know_are_refused(client: TestClient, token: str) -> None:
    body = json.dumps({"usage": USAGE}).replace("4000.5", token)
    answer = client.post("/predict", content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500


def test_no_request_field_is_unbounded() -> None:
    for model in (
        schemas.PredictRequest,
        schemas.BatchRequest,
        schemas.RecommendRequest,
        schemas.RecommendBatchRequest,
    ):
        assert unbounded_fields(model) == []
