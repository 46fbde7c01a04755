"""What `/recommend` and `/recommend/batch` answer, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app import responses
from app.fastapi_app import create_app
from app.live import LivePlanRec, open_live
from common_utils.bundle import Bundle
from planrec.billing import load_catalogue
from tests.app.cases import USAGE

PLANS = list(load_catalogue(Path(__file__).parents[2] / "configs" / "plans.yaml").plan_ids)


@pytest.mark.parametrize("route", ["/predict", "/recommend"])
def test_a_contract_counts_from_the_last_usage_month(client: TestClient, route: str) -> None:
    key = {"/predict": "decides_from", "/recommend": "earliest_change"}[route]
    asked = {"usage": USAGE, "current_plan": "unlimited", "contract_months_left": 3}
    answers = [client.post(route, json={**asked, **further}).json()[key] for further in ({}, {"as_of": "2025-11"})]
    assert answers == [{"/predict": "2026-02", "/recommend": "2026-02-01"}[route]] * 2


def test_more_records_or_plans_than_the_settings_allow_are_refused(client: TestClient) -> None:
    many = client.post("/predict/batch", json={"records": [{"usage": USAGE}] * 1001})
    assert (many.status_code, many.json()["type"]) == (413, "urn:problem:batch_too_large")
    answer = client.post("/recommend", json={"usage": USAGE, "top_k": 51})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:problem:k_too_large")
    many = client.post("/recommend/batch", json={"records": [{"usage": USAGE}] * 1001})
    assert (many.status_code, many.json()["type"]) == (413, "urn:problem:batch_too_large")
    answer = client.post("/recommend/batch", json={"records": [{"usage": USAGE}, {"usage": USAGE, "top_k": 51}]})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:problem:k_too_large")
    assert answer.json()["detail"].startswith("record 1, counted from 0: ")


@pytest.mark.parametrize("further", [{}, {"mode": "offer", "consent": True, "holdout": False, "contacts_90d": 0}])
def test_the_answer_s_bytes_are_those_of_its_model(bundle: Bundle, further: dict[str, object]) -> None:
    with TestClient(create_app(lambda: open_live(bundle.path))) as started:
        for plan in ("basic-6", "smart-25", None):
            asked = {"usage": USAGE, "current_plan": plan, "contract_months_left": 2, "age": 30, **further}
            answer = started.post("/recommend", json=asked)
            assert answer.status_code == 200
            assert responses.RecommendResponse.model_validate_json(answer.content).model_dump_json() == answer.text


def test_recommend_ranks_with_reasons_and_returns_its_basis(client: TestClient) -> None:
    answer = client.post("/recommend", json={"usage": USAGE, "current_plan": "unlimited", "top_k": 2}).json()
    best = answer["advice"][0]
    assert best["plan_id"] == "basic-6"
    assert best["action"] == "switch"
    assert best["expected_bill_cents"] == 1290
    assert best["saving_cents"] == 3700
    assert best["line_items"] == {"fee_cents": 1290, "minutes_cents": 0, "messages_cents": 0, "data_cents": 0}
    assert "37.00 less than Unlimited" in best["reason"]
    assert len(answer["advice"]) == 2
    assert answer["as_of"] == "2025-10"
    assert answer["months_used"] == 2
    assert answer["policy"]["risk_weight"] == 0.5
    assert {"plan_id": "flex-5", "reason_code": "NO_LONGER_SOLD"} in answer["excluded"]


def test_recommend_stays_below_the_minimum_gain(client: TestClient) -> None:
    body = {"usage": USAGE, "current_plan": "unlimited", "min_gain_cents": 4000, "risk_weight": 0, "history_months": 1}
    answer = client.post("/recommend", json=body).json()
    assert answer["advice"][0]["action"] == "stay"
    assert answer["policy"] == {
        "mode": "advice", "basis": "past", "history_months": 1, "min_gain_cents": 4000, "risk_weight": 0, "offer": None
    }  # fmt: skip


def test_recommend_says_why_to_stay_and_from_when_a_change_is_possible(client: TestClient) -> None:
    body = {"usage": USAGE, "current_plan": "unlimited", "contract_months_left": 14, "consent": False, "holdout": True}
    answer = client.post("/recommend", json={**body, "contacts_90d": 3}).json()
    assert [plan["action"] for plan in answer["advice"]] == ["stay"]
    assert answer["stay_reason"] == "CONTRACT_BINDS"
    assert answer["earliest_change"] == "2027-01-01"
    assert {"plan_id": "basic-6", "reason_code": "CONTRACT_BINDS"} in answer["excluded"]
    assert answer["rules_version"] == "built-in"
    free = client.post("/recommend", json={**body, "contract_months_left": 0}).json()
    assert free["advice"][0]["action"] == "switch"  # who asks for advice needs neither consent nor a contact
    assert (free["stay_reason"], free["earliest_change"]) == (None, None)


def test_recommend_takes_the_minimum_gain_of_the_rules(live: LivePlanRec) -> None:
    strict = replace(live, rules=live.rules.asking("advice", 100_000))
    with TestClient(create_app(lambda: strict)) as started:
        answer = started.post("/recommend", json={"usage": USAGE, "current_plan": "unlimited"}).json()
    assert answer["policy"]["min_gain_cents"] == 100_000
    assert answer["stay_reason"] == "BELOW_MINIMUM_GAIN"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"contract_months_left": -1}, id="contract-negative"),
        pytest.param({"contract_months_left": 1.5}, id="contract-in-parts"),
        pytest.param({"consent": "yes"}, id="consent-in-words"),
        pytest.param({"contacts_90d": 10_001}, id="contacts-without-end"),
        pytest.param({"holdout": 1}, id="hold-out-as-number"),
    ],
)
def test_facts_outside_their_bounds_are_refused(client: TestClient, fields: dict[str, object]) -> None:
    assert client.post("/recommend", json={"usage": USAGE, **fields}).status_code == 422


def test_recommend_looks_no_further_than_as_of(client: TestClient) -> None:
    early = client.post("/recommend", json={"usage": USAGE, "as_of": "2025-09"}).json()
    assert early["months_used"] == 1
    earlier = client.post("/recommend", json={"usage": [{**USAGE[0], "month": "2025-08"}]}).json()
    assert {"plan_id": "max-voice", "reason_code": "NOT_YET_ON_SALE"} in earlier["excluded"]
    assert "max-voice" not in {plan["plan_id"] for plan in early["excluded"]}  # on sale when the change takes effect
    before = client.post("/recommend", json={"usage": USAGE, "as_of": "2025-01"})
    assert before.status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"usage": []}, id="no-month"),
        pytest.param({"usage": USAGE * 2}, id="month-twice"),
        pytest.param({"usage": [{**USAGE[0], "month": "2025-13"}]}, id="month-13"),
        pytest.param({"usage": [{**USAGE[0], "minutes": -1}]}, id="negative"),
        pytest.param({"usage": [{**USAGE[0], "minutes": "100"}]}, id="number-as-text"),
        pytest.param({"usage": [{**USAGE[0], "minutes": True}]}, id="bool-as-number"),
        pytest.param({"usage": [{**USAGE[0], "minutes": 1e308}]}, id="huge"),
        pytest.param({"usage": [{**USAGE[0], "minute": 1}]}, id="unknown-field"),
        pytest.param({"usage": USAGE, "current_plan": "canary-4711"}, id="unknown-plan"),
        pytest.param({"usage": USAGE, "current_plan": "=cmd()"}, id="plan-is-a-formula"),
        pytest.param({"usage": USAGE, "age": 1000}, id="age-1000"),
    ],
)
@pytest.mark.parametrize("route", ["/predict", "/recommend"])
def test_bad_requests_are_problems_that_echo_nothing(client: TestClient, route: str, body: dict[str, object]) -> None:
    answer = client.post(route, json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    for value in ("canary-4711", "=cmd()", "1e+308", "2025-13"):
        assert value not in answer.text


WILLING = {"contract_months_left": 0, "consent": True, "contacts_90d": 0, "holdout": False}


def test_recommend_makes_an_offer_with_its_parts_and_weights(learnt: TestClient) -> None:
    body = {"usage": USAGE, "current_plan": "unlimited", "mode": "offer", "top_k": 2, **WILLING}
    answer = learnt.post("/recommend", json=body).json()
    first = answer["advice"][0]
    assert first["action"] == "switch"
    assert 0 < first["p_accept"] < 1
    assert first["offer_value_cents"] > 0
    assert -1 < first["churn_change"] < 1
    assert answer["policy"]["mode"] == "offer"
    assert answer["policy"]["offer"] == {"margin_weight": 0.1, "churn_weight_cents": 2000, "perk_cost_cents": 100}
    assert answer["policy"]["min_gain_cents"] == 100


def test_recommend_makes_no_offer_to_whom_the_rules_keep_back(learnt: TestClient) -> None:
    body = {"usage": USAGE, "current_plan": "unlimited", "mode": "offer", **WILLING, "holdout": True}
    answer = learnt.post("/recommend", json=body).json()
    assert [plan["plan_id"] for plan in answer["advice"]] == ["unlimited"]
    assert answer["stay_reason"] == "HELD_OUT"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        pytest.param({"mode": "offer", **WILLING}, "CURRENT_PLAN_UNKNOWN", id="offer"),
        pytest.param({"mode": "offer", **WILLING, "current_plan": None}, "CURRENT_PLAN_UNKNOWN", id="null"),
        pytest.param({"mode": "offer", **WILLING, "holdout": None}, "HOLDOUT_UNKNOWN", id="fact-unknown-too"),
        pytest.param({"contract_months_left": 5}, "CONTRACT_BINDS", id="advice-under-contract"),
        pytest.param({"exclude": PLANS}, "DECLINED", id="all-declined"),
    ],
)
def test_recommend_says_why_no_plan_may_be_taken_as_the_command_does(
    learnt: TestClient, said: dict[str, object], code: str
) -> None:
    body = {"usage": USAGE, "age": 40, **said}
    answer = learnt.post("/recommend", json=body).json()
    assert (answer["advice"], answer["stay_reason"]) == ([], code)
    batch = learnt.post("/recommend/batch", json={"records": [body]}).json()
    assert batch["recommendations"] == [answer]


@pytest.mark.parametrize("mode", ["advice", "offer"])
def test_recommend_says_why_no_other_plan_may_be_taken(learnt: TestClient, mode: str) -> None:
    body = {"mode": mode, "usage": USAGE, "age": 40, "current_plan": "smart-12", **WILLING, "exclude": PLANS}
    answer = learnt.post("/recommend", json=body).json()
    assert [plan["plan_id"] for plan in answer["advice"]] == ["smart-12"]
    assert answer["stay_reason"] == "DECLINED"
    batch = learnt.post("/recommend/batch", json={"records": [body]}).json()
    assert batch["recommendations"] == [answer]


def test_recommend_leaves_out_what_the_subscriber_does_not_want(client: TestClient) -> None:
    body = {"usage": USAGE, "current_plan": "unlimited", "top_k": 50, **WILLING}
    best = client.post("/recommend", json=body).json()["advice"][0]["plan_id"]
    answer = client.post("/recommend", json=body | {"exclude": [best]}).json()
    assert best not in [plan["plan_id"] for plan in answer["advice"]]
    assert {"plan_id": best, "reason_code": "DECLINED"} in answer["excluded"]
    refused = client.post("/recommend", json=body | {"exclude": ["no-such-plan"]})
    assert refused.status_code == 422
    assert "exclude names 1 plan(s) that are not in this catalogue" in refused.json()["detail"]
    assert "no-such-plan" not in refused.text


def test_recommend_answers_a_newcomer_and_a_questionnaire_with_a_wider_spread(learnt: TestClient) -> None:
    known = {"usage": USAGE, "as_of": "2025-10", "current_plan": "basic-6", "contract_months_left": 0, "top_k": 50}
    said = known | {"usage": [], "questionnaire": {"minutes_a_day": 10, "messages_a_day": 1, "gigabytes_a_month": 9}}
    spreads = []
    for body in (known, said, known | {"usage": []}):
        answer = learnt.post("/recommend", json=body)
        assert answer.status_code == 200
        plans = {plan["plan_id"]: plan for plan in answer.json()["advice"]}
        spreads.append(plans["basic-6"]["spread_cents"])
    assert spreads == sorted(spreads)
    assert answer.json()["months_used"] == 0
    assert "no month known yet" in plans["basic-6"]["reason"]


def test_recommend_without_a_month_needs_to_know_when(client: TestClient) -> None:
    answer = client.post("/recommend", json={"current_plan": "basic-6"})
    assert answer.status_code == 422
    assert "without a usage month, as_of is needed" in answer.text


def test_recommend_says_when_a_model_makes_no_offers(live: LivePlanRec) -> None:
    with TestClient(create_app(lambda: replace(live, offers=None))) as silent:
        body = {"usage": USAGE, "current_plan": "unlimited", "mode": "offer", **WILLING}
        answer = silent.post("/recommend", json=body)
    assert answer.status_code == 422
    assert "trained without a log of offers" in answer.json()["detail"]


ASKED = [
    {"usage": USAGE, "current_plan": "unlimited", "top_k": 2},
    {"usage": USAGE, "current_plan": "smart-25", "contract_months_left": 4, "min_gain_cents": 0, "risk_weight": 1.5},
    {"usage": USAGE, "current_plan": "unlimited", "mode": "offer", **WILLING},
    {"usage": USAGE, "current_plan": "unlimited", "mode": "offer", **WILLING, "holdout": True},
    {"as_of": "2025-10", "questionnaire": {"calls": "daily", "data": "video"}, "current_plan": "basic-6"},
    {"as_of": "2025-10"},
    {"usage": USAGE, "exclude": ["basic-6"], "history_months": 1, "age": 30},
]


def test_recommend_batch_answers_each_record_as_recommend_does(learnt: TestClient) -> None:
    answer = learnt.post("/recommend/batch", json={"records": ASKED})
    assert answer.status_code == 200
    singles = [learnt.post("/recommend", json=asked).json() for asked in ASKED]
    assert answer.json() == {"recommendations": singles, "model_version": singles[0]["model_version"]}
    assert responses.RecommendBatchResponse.model_validate_json(answer.content).model_dump_json() == answer.text


@pytest.mark.parametrize(
    ("record", "message"),
    [
        pytest.param({"usage": USAGE, "current_plan": "gone"}, "current_plan is not a plan", id="plan"),
        pytest.param({"usage": USAGE, "exclude": ["gone"]}, "exclude names 1 plan", id="exclude"),
        pytest.param({"usage": USAGE, "as_of": "2026-10"}, "no recent month", id="stale"),
        pytest.param({"usage": USAGE, "mode": "offer"}, "this model was trained without a log", id="offer"),
    ],
)
def test_a_record_that_is_refused_refuses_the_batch_and_is_named(
    client: TestClient, record: dict[str, object], message: str
) -> None:
    answer = client.post("/recommend/batch", json={"records": [ASKED[0], record]})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"record 1, counted from 0: {message}")


def test_a_record_that_is_no_request_is_named(client: TestClient) -> None:
    answer = client.post("/recommend/batch", json={"records": [ASKED[0], {"current_plan": "basic-6"}]})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert "without a usage month, as_of is needed" in answer.text
    assert client.post("/recommend/batch", json={"records": []}).status_code == 422
