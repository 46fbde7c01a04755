from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.fastapi_app import create_app
from app.live import LivePlanRec
from app.schemas import QuestionnaireRequest
from app.what_if import DraftPlanRequest, WhatIfRequest
from common_utils.serving.guards.bounds import unbounded_fields
from planrec.billing import Catalogue, Plan
from planrec.billing.catalogue import OnSale
from planrec.config import PlanRecConfig
from planrec.outlook import Questionnaire
from planrec.rules import built_in_rules
from tests.app.cases import by_bill_alone

JSON = {"content-type": "application/json"}
ADVICE = {"mode": "advice", "basis": "past", "offer": None}
USAGE = [
    {"month": "2018-01", "minutes": 400, "messages": 10, "megabytes": 12288},
    {"month": "2018-02", "minutes": 400, "messages": 10, "megabytes": 12288},
]
DRAFT = {
    "plan_id": "swell",
    "name": "Swell",
    "monthly_fee_cents": 1500,
    "included": {"minutes": 800, "messages": None, "megabytes": 20480},
    "overage": {"cents_per_minute": 2, "cents_per_message": 2, "cents_per_data_unit": 800},
    "perks": ["streaming"],
}


@pytest.fixture(scope="module")
def live(megaline: Catalogue, settings: PlanRecConfig) -> LivePlanRec:
    return LivePlanRec("v-test", by_bill_alone(megaline), megaline, settings, {}, built_in_rules())


@pytest.fixture(scope="module")
def client(live: LivePlanRec) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: live)) as started:
        yield started


def ask(client: TestClient, **parts: object) -> dict[str, Any]:
    answer = client.post("/what-if", json={"usage": USAGE, "current_plan": "surf", **parts})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_travel_is_told_by_month_and_by_year(client: TestClient) -> None:
    body = ask(client, travel={})
    surf, ultimate = body["plans"]
    assert surf["expected_bill_cents"] == 2000
    assert surf["travel_bill_cents"] == 5000  # 18,432 MB: three units beyond
    assert surf["year_bill_cents"] == 24_000
    assert surf["year_bill_then_cents"] == pytest.approx(11 * 2000 + 5000)
    assert ultimate["travel_bill_cents"] == 7000
    assert (body["best_now"], body["best_then"], body["advice_changes"]) == ("surf", "surf", False)
    assert (body["as_of"], body["months_used"], body["currency"]) == ("2018-02", 2, "USD")
    assert body["policy"] == ADVICE | {"history_months": 6, "risk_weight": 0.5, "min_gain_cents": 100}
    assert (body["model_version"], body["catalogue_version"]) == ("v-test", "megaline-2018")


def test_more_usage_changes_the_advice(client: TestClient) -> None:
    body = ask(client, change={"megabytes": 2.0}, risk_weight=0, history_months=1, min_gain_cents=0)
    assert body["plans"][0]["expected_bill_then_cents"] == 2000 + 9 * 1000  # 24 units of 15
    assert (body["best_now"], body["best_then"], body["advice_changes"]) == ("surf", "ultimate", True)
    assert body["plans"][0]["travel_bill_cents"] is None
    assert body["policy"] == ADVICE | {"history_months": 1, "risk_weight": 0, "min_gain_cents": 0}


def test_a_drafted_plan_is_scored_beside_the_catalogue(client: TestClient) -> None:
    body = ask(client, plan=DRAFT)
    draft = body["plans"][-1]
    assert (draft["plan_id"], draft["draft"], draft["reason_code"]) == ("swell", True, None)
    assert (draft["expected_bill_cents"], draft["year_bill_cents"]) == (None, None)
    assert draft["expected_bill_then_cents"] == 1500
    assert [plan["draft"] for plan in body["plans"]] == [False, False, True]
    assert (body["best_now"], body["best_then"]) == ("surf", "swell")
    assert len(client.get("/plans").json()["plans"]) == 2


def test_a_contract_keeps_the_draft_away(client: TestClient) -> None:
    body = ask(client, plan=DRAFT, contract_months_left=2)
    assert body["plans"][-1]["reason_code"] == "CONTRACT_BINDS"
    assert body["best_then"] == "surf"


def test_no_plan_on_offer_is_told_as_none(live: LivePlanRec) -> None:
    last = OnSale.model_validate({"to": "2017-12"})
    plans = tuple(plan.model_copy(update={"on_sale": last}) for plan in live.catalogue.plans)
    closed = replace(live, catalogue=replace(live.catalogue, plans=plans))
    with TestClient(create_app(lambda: closed)) as started:
        body = ask(started, travel={}, current_plan=None)
    assert (body["best_now"], body["best_then"], body["advice_changes"]) == (None, None, False)
    assert body["plans"][0]["reason_code"] == "NO_LONGER_SOLD"


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({}, id="nothing-asked"),
        pytest.param({"change": {"minutes": -1}}, id="negative-factor"),
        pytest.param({"change": {"minutes": 101}}, id="factor-too-large"),
        pytest.param({"change": {"minutes": "2"}}, id="factor-as-text"),
        pytest.param({"change": {"minute": 2}}, id="unknown-service"),
        pytest.param({"travel": True}, id="travel-as-flag"),
        pytest.param({"travel": {}, "current_plan": "canary-4711"}, id="unknown-plan"),
        pytest.param({"travel": {}, "top_k": 3}, id="unknown-field"),
        pytest.param({"plan": {**DRAFT, "plan_id": "=cmd()"}}, id="plan-is-a-formula"),
        pytest.param({"plan": {**DRAFT, "plan_id": "surf", "name": "canary-4711"}}, id="plan-exists"),
        pytest.param({"plan": {**DRAFT, "monthly_fee_cents": 10_000_001}}, id="fee-too-large"),
        pytest.param({"plan": {**DRAFT, "on_sale": {"from": "2030-01"}}}, id="sale-window"),
        pytest.param({"plan": {**DRAFT, "perks": ["x"] * 21}}, id="too-many-perks"),
        pytest.param({"plan": {**DRAFT, "included": {**DRAFT["included"], "megabytes": 4711}}}, id="part-of-a-unit"),  # type: ignore[dict-item]
    ],
)
def test_bad_questions_are_problems_that_echo_nothing(client: TestClient, parts: dict[str, object]) -> None:
    answer = client.post("/what-if", json={"usage": USAGE, **parts})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    for value in ("canary", "4711", "=cmd()", "2030-01"):
        assert value not in answer.text


def test_a_draft_that_does_not_fit_is_told_with_field_and_reason(client: TestClient) -> None:
    answer = client.post("/what-if", json={"usage": USAGE, "plan": {**DRAFT, "plan_id": "ultimate"}})
    assert "draft plan: plan_id: a plan of rate card 'megaline-2018' has it" in answer.json()["detail"]


@pytest.mark.parametrize("written", ['"history_months": 6.0', '"history_months": 0.6e1'])
def test_a_whole_number_may_be_written_with_a_point(client: TestClient, written: str) -> None:
    said = ask(client, travel={}, history_months=6)
    body = json.dumps({"usage": USAGE, "current_plan": "surf", "travel": {}})[:-1] + f", {written}}}"
    assert client.post("/what-if", content=body, headers=JSON).json() == said


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b'{"travel": {}, "travel": {}}', 400, "malformed_json", id="a-key-twice"),
        pytest.param(b'{"plan": {"perks": [' + b'"a",' * 9_000 + b'"a"]}}', 413, "too_many_members", id="perks"),
    ],
)
def test_a_body_that_only_costs_is_refused_before_it_is_read(
    client: TestClient, body: bytes, status: int, code: str
) -> None:
    answer = client.post("/what-if", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:problem:{code}")


def test_the_form_of_a_draft_s_id_is_said(client: TestClient) -> None:
    answer = client.post("/what-if", json={"usage": USAGE, "plan": {**DRAFT, "plan_id": "-x"}})
    assert "pattern: letters, digits, _ . and -" in answer.json()["errors"][0]["message"]


def test_every_route_bounds_its_body_by_its_model(client: TestClient) -> None:
    body = b'{"usage": [' + b"{}," * 9_000 + b"{}]}"
    paths = [path for path, item in create_app().openapi()["paths"].items() if "post" in item]
    answers = [client.post(path, content=body, headers=JSON) for path in paths if not path.endswith("/batch")]
    assert [answer.json()["type"] for answer in answers] == ["urn:problem:too_many_members"] * 4


def test_no_request_field_is_unbounded() -> None:
    for model in (WhatIfRequest, QuestionnaireRequest):
        assert unbounded_fields(model) == []


def test_a_draft_has_the_limits_of_a_rate_card() -> None:
    draft, plan = (model.model_json_schema()["properties"] for model in (DraftPlanRequest, Plan))
    assert set(plan) - set(draft) == {"on_sale"}
    limits = ("minimum", "maximum", "minLength", "maxLength", "maxItems", "items", "default", "$ref")
    for name in set(draft) - {"plan_id"}:
        assert [draft[name].get(limit) for limit in limits] == [plan[name].get(limit) for limit in limits], name
    assert Plan.model_validate({**DRAFT, "plan_id": "x" * 64}).plan_id == "x" * 64
    assert draft["plan_id"]["maxLength"] == 64


def test_a_questionnaire_is_what_the_core_takes() -> None:
    body = {"calls": "daily", "data": "video", "messages_a_day": 2.0}
    assert QuestionnaireRequest.model_validate(body).answers() == Questionnaire(
        calls="daily", data="video", messages_a_day=2.0
    )
    assert QuestionnaireRequest().answers() == Questionnaire()


def test_the_example_of_the_documentation_is_answered(live: LivePlanRec, catalogue: Catalogue) -> None:
    example = WhatIfRequest.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index, call-overload]
    with TestClient(create_app(lambda: replace(live, catalogue=catalogue, choice=by_bill_alone(catalogue)))) as started:
        answer = started.post("/what-if", json=example)
    assert answer.status_code == 200
    assert len(answer.json()["plans"]) == len(catalogue.plans)
