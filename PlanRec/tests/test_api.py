from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from app import schemas
from app.fastapi_app import LivePlanRec, create_app, open_live
from common_utils.bundle import Bundle, write_bundle
from common_utils.compiled import CompiledScorer
from common_utils.errors import ArtifactError
from common_utils.release_author import Author
from common_utils.releases import promote
from common_utils.serving.bounds import unbounded_fields
from common_utils.serving.joblib_scorer import JoblibScorer
from common_utils.serving.scorer import Columns, row_count
from common_utils.signing import INTEGRITY_ONLY, Trust, parse_keys
from planrec.catalogue import Catalogue
from planrec.config import SPEC, PlanRecConfig
from planrec.decision_matrix import DecisionMatrix
from planrec.encoding import SubscriberRecord, UsageMonth, decision_columns
from planrec.rules import built_in_rules

USAGE = [
    {"month": "2025-09", "minutes": 100, "messages": 5, "megabytes": 3000},
    {"month": "2025-10", "minutes": 120, "messages": 5, "megabytes": 4000.5},
]


class FewMinutesScorer:
    """Half the probability on each of two plans, more on the first the less was called."""

    classes = ("basic-6", "unlimited")

    def score(self, columns: Columns) -> NDArray[np.float64]:
        first = 1 / (1 + columns["minutes_1"] / 100)
        return np.column_stack([first, 1 - first]) if row_count(columns) else np.empty((0, 2))


@pytest.fixture(scope="module")
def live(catalogue: Catalogue, settings: PlanRecConfig) -> LivePlanRec:
    return LivePlanRec(
        "v-test", FewMinutesScorer(), catalogue, settings, {"created": "2026-01-01T00:00:00Z"}, built_in_rules()
    )


@pytest.fixture(scope="module")
def client(live: LivePlanRec) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: live)) as started:
        yield started


def test_health_ready_and_model_tell_what_is_live(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "alive"}
    assert client.get("/ready").json() == {"status": "ready", "version": "v-test"}
    assert client.get("/model").json()["created"] == "2026-01-01T00:00:00Z"


def test_predict_answers_with_probabilities_and_says_what_they_mean(client: TestClient) -> None:
    answer = client.post("/predict", json={"usage": USAGE, "current_plan": "basic-6"})
    assert answer.status_code == 200
    body = answer.json()
    assert body["prediction"] == "unlimited"
    assert body["probabilities"]["basic-6"] == pytest.approx(1 / 2.2)
    assert body["meaning"] == "predicts the plan people choose"
    assert body["model_version"] == "v-test"


def test_batch_equals_singles(client: TestClient) -> None:
    records = [{"usage": USAGE}, {"usage": USAGE[:1], "age": 30, "tenure_months": 4, "contract_months_left": 0}]
    batch = client.post("/predict/batch", json={"records": records}).json()
    singles = [client.post("/predict", json=record).json() for record in records]
    assert batch["predictions"] == singles
    assert b"predictions_total" in client.get("/metrics").content


def test_more_records_or_plans_than_the_settings_allow_are_refused(client: TestClient) -> None:
    many = client.post("/predict/batch", json={"records": [{"usage": USAGE}] * 1001})
    assert (many.status_code, many.json()["type"]) == (413, "urn:problem:batch_too_large")
    answer = client.post("/recommend", json={"usage": USAGE, "top_k": 51})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:problem:k_too_large")


def test_one_record_is_answered_with_the_bits_of_a_batch(bundle: Bundle) -> None:
    live = open_live(bundle.path)
    plans = [None, *live.catalogue.plan_ids]
    records = [
        SubscriberRecord([UsageMonth(24_300 + k, 37.0 * i, 3.0 * k, 977.7 * i) for k in range(1 + i % 6)], plan, age)
        for i, (plan, age) in enumerate(zip(plans, [None, *range(20, 20 + 5 * len(plans), 5)], strict=False))
    ]
    for record, of_batch in zip(records, live.predict(records), strict=True):
        assert schemas.PredictResponse.model_validate_json(live.predict_one(record)) == of_batch


def test_a_model_that_answers_one_record_otherwise_never_becomes_ready(live: LivePlanRec) -> None:
    bad = replace(live, score_row=lambda _: [0.25, 0.75])
    with TestClient(create_app(lambda: bad)) as started:
        assert started.app.state.slot.failures == {"probe_failed": 1}  # type: ignore[attr-defined]


@pytest.mark.parametrize("further", [{}, {"mode": "offer", "consent": True, "holdout": False, "contacts_90d": 0}])
def test_the_answer_s_bytes_are_those_of_its_model(bundle: Bundle, further: dict[str, object]) -> None:
    with TestClient(create_app(lambda: open_live(bundle.path))) as started:
        for plan in ("basic-6", "smart-25", None):
            asked = {"usage": USAGE, "current_plan": plan, "contract_months_left": 2, "age": 30, **further}
            answer = started.post("/recommend", json=asked)
            assert answer.status_code == 200
            assert schemas.RecommendResponse.model_validate_json(answer.content).model_dump_json() == answer.text


def test_a_model_that_advises_one_alone_otherwise_never_becomes_ready(live: LivePlanRec) -> None:
    bad = replace(live)
    bad.__dict__["adviser"] = lambda *_: None
    with TestClient(create_app(lambda: bad)) as started:
        assert started.app.state.slot.failures == {"probe_failed": 1}  # type: ignore[attr-defined]


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
        "mode": "advice", "history_months": 1, "min_gain_cents": 4000, "risk_weight": 0, "offer": None
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
    assert {"plan_id": "max-voice", "reason_code": "NOT_YET_ON_SALE"} in early["excluded"]
    before = client.post("/recommend", json={"usage": USAGE, "as_of": "2025-01"})
    assert before.status_code == 422


def test_plans_show_the_catalogue(client: TestClient, catalogue: Catalogue) -> None:
    answer = client.get("/plans").json()
    assert [plan["plan_id"] for plan in answer["plans"]] == list(catalogue.plan_ids)
    assert answer["plans"][-1]["included_minutes"] is None


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


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_json_does_not_know_are_refused(client: TestClient, token: str) -> None:
    body = json.dumps({"usage": USAGE}).replace("4000.5", token)
    answer = client.post("/predict", content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500


def test_no_request_field_is_unbounded() -> None:
    for model in (schemas.PredictRequest, schemas.BatchRequest, schemas.RecommendRequest):
        assert unbounded_fields(model) == []


def test_service_without_a_bundle_is_alive_and_not_ready(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("PLANREC_BUNDLE", str(tmp_path))
    with TestClient(create_app()) as started:
        assert started.get("/health").status_code == 200
        assert started.get("/ready").status_code == 503
        assert started.post("/predict", json={"usage": USAGE}).status_code == 503
        assert started.get("/plans").status_code == 503


def test_a_model_that_fails_its_probe_never_becomes_ready(live: LivePlanRec) -> None:
    class Half(FewMinutesScorer):
        def score(self, columns: Columns) -> NDArray[np.float64]:
            return super().score(columns) / 2

    bad = LivePlanRec("v-bad", Half(), live.catalogue, live.config, live.info, live.rules)
    with TestClient(create_app(lambda: bad)) as started:
        assert started.get("/ready").status_code == 503
        assert started.app.state.slot.failures == {"probe_failed": 1}  # type: ignore[attr-defined]


def test_loading_errors_do_not_end_the_process() -> None:
    def missing() -> LivePlanRec:
        raise ArtifactError("no bundle")

    with TestClient(create_app(missing)) as started:
        assert started.get("/health").status_code == 200
        assert started.get("/ready").status_code == 503


def test_service_answers_from_a_trained_bundle_as_the_pipeline_does(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANREC_BUNDLE", str(bundle.path))
    with TestClient(create_app()) as started:
        assert started.get("/ready").json()["version"] == bundle.version
        answer = started.post("/predict", json={"usage": USAGE, "current_plan": "basic-6", "age": 30}).json()
        assert started.get("/model").json()["synthetic"] is True
    record = SubscriberRecord(
        [UsageMonth(24_308, 100, 5, 3000), UsageMonth(24_309, 120, 5, 4000.5)], "basic-6", age=30.0
    )
    scorer = JoblibScorer.open(bundle)
    expected = scorer.score(decision_columns([record], history_months=6, extra_columns=("age",)))[0]
    np.testing.assert_allclose(list(answer["probabilities"].values()), expected, rtol=0, atol=1e-12)


def test_serving_imports_neither_sklearn_nor_pandas_nor_joblib(bundle: Bundle, project_folder: Path) -> None:
    code = (
        "import sys; from fastapi.testclient import TestClient; from app.fastapi_app import create_app\n"
        "with TestClient(create_app()) as client:\n"
        f"    assert client.post('/predict', json={{'usage': {USAGE!r}}}).status_code == 200\n"
        f"    assert client.post('/recommend', json={{'usage': {USAGE!r}}}).status_code == 200\n"
        "print(sorted({'pandas', 'sklearn', 'joblib', 'scipy', 'pyarrow', 'lightgbm', 'catboost'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=project_folder,
        env={**os.environ, "PLANREC_BUNDLE": str(bundle.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_a_model_trained_on_another_rate_card_is_not_served(bundle: Bundle, megaline: Catalogue) -> None:
    with pytest.raises(ArtifactError, match=r"trained with the formulas .*, opened with"):
        CompiledScorer.open(bundle, DecisionMatrix(megaline, 6, True, ("age",)))


def test_service_follows_the_bundles_rules_unless_a_file_is_named(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    body = {"usage": USAGE, "current_plan": "unlimited"}
    monkeypatch.setenv("PLANREC_BUNDLE", str(bundle.path))
    with TestClient(create_app()) as started:
        assert started.get("/model").json()["rules_version"] == "rules-2025-01"
        assert started.post("/recommend", json=body).json()["rules_version"] == "rules-2025-01"
    ours = tmp_path / "rules.yaml"
    ours.write_text("version: ours\nplans:\n  - plans: [basic-6]\n    why: sold out\n", encoding="utf-8")
    monkeypatch.setenv("PLANREC__SERVING__RULES", str(ours))
    with TestClient(create_app()) as started:
        assert started.get("/model").json()["rules_version"] == "ours"
        answer = started.post("/recommend", json=body).json()
    assert answer["rules_version"] == "ours"
    assert {"plan_id": "basic-6", "reason_code": "NOT_OFFERED"} in answer["excluded"]


@pytest.mark.parametrize("text", ["version: ours\noffer: {}", "version: ours\nplans: [{plans: [gone], why: x}]"])
def test_a_bad_rule_file_keeps_the_service_from_becoming_ready(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    ours = tmp_path / "rules.yaml"
    ours.write_text(text, encoding="utf-8")
    monkeypatch.setenv("PLANREC_BUNDLE", str(bundle.path))
    monkeypatch.setenv("PLANREC__SERVING__RULES", str(ours))
    with TestClient(create_app()) as started:
        assert started.get("/ready").status_code == 503
        assert started.app.state.slot.failures == {"config_refused": 1}  # type: ignore[attr-defined]


def test_default_bundle_is_the_configured_artifacts_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PLANREC_BUNDLE", raising=False)
    monkeypatch.setenv("PLANREC__TRAINING__ARTIFACTS", str(tmp_path))
    with TestClient(create_app()) as started:
        assert started.get("/ready").status_code == 503


def test_an_unsigned_bundle_is_refused_unless_the_settings_say_development(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANREC_BUNDLE", str(bundle.path))
    monkeypatch.setenv("PLANREC__RELEASES__SIGNATURES", "required")
    monkeypatch.delenv("BUNDLE_KEYS", raising=False)
    for follow_seconds in ("1", "0"):
        monkeypatch.setenv("PLANREC__RELEASES__FOLLOW_SECONDS", follow_seconds)
        with TestClient(create_app()) as started:
            assert started.get("/ready").json()["reason"] == "config_refused"  # no key to compare with
    monkeypatch.setenv("BUNDLE_KEYS", f"ours:{'ab' * 32}")
    for follow_seconds in ("1", "0"):
        monkeypatch.setenv("PLANREC__RELEASES__FOLLOW_SECONDS", follow_seconds)
        with TestClient(create_app()) as started:
            assert started.get("/ready").json()["reason"] == "bundle_refused"


def _again(bundle: Bundle, root: Path, trust: Trust) -> Bundle:
    """The same model as another version, made live."""

    def copy(folder: Path) -> None:
        for name in bundle.files:
            (folder / name).write_bytes(bundle.read_bytes(name))

    other = write_bundle(root, info=dict(bundle.info), write=copy, trust=trust)
    promote(root, other.version, author=Author("ana", "trying"), trust=trust)
    return other


def _eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.02)


def test_service_follows_the_pointer_with_the_named_rules_and_keys(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root, rules, keys = tmp_path / "artifacts", tmp_path / "rules.yaml", f"ours:{'ab' * 32}"
    trust = Trust(parse_keys(keys, "keys"), required=True)
    rules.write_text("version: ours\n", encoding="utf-8")
    monkeypatch.setenv("PLANREC_BUNDLE", str(root))
    monkeypatch.setenv("BUNDLE_KEYS", keys)
    monkeypatch.setenv("PLANREC__SERVING__RULES", str(rules))
    monkeypatch.setenv("PLANREC__RELEASES__SIGNATURES", "required")
    monkeypatch.setenv("PLANREC__RELEASES__FOLLOW_SECONDS", "0.02")
    first = _again(bundle, root, trust)
    with TestClient(create_app()) as started:
        slot = started.app.state.slot  # type: ignore[attr-defined]
        assert started.get("/ready").json()["version"] == first.version
        rules.write_text("version: theirs\n", encoding="utf-8")
        assert started.get("/model").json()["rules_version"] == "ours"  # until a model is opened
        second = _again(bundle, root, trust)
        _eventually(lambda: slot.get().version == second.version)
        assert started.get("/model").json()["rules_version"] == "theirs"
        rules.write_text("version: bad\nplans: [{plans: [gone], why: x}]\n", encoding="utf-8")
        _again(bundle, root, trust)
        _eventually(lambda: slot.failures == {"config_refused": 1})
        _again(bundle, root, INTEGRITY_ONLY)
        _eventually(lambda: slot.failures == {"config_refused": 1, "bundle_refused": 1})
        answer = started.post("/recommend", json={"usage": USAGE}).json()
    assert (answer["model_version"], answer["rules_version"]) == (second.version, "theirs")


@pytest.fixture(scope="module")
def learnt(bundle: Bundle) -> Iterator[TestClient]:
    """A service whose bundle holds a forecast and offers."""
    with TestClient(create_app(lambda: open_live(bundle.path))) as found:
        yield found


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
    assert answer["policy"]["min_gain_cents"] == 400


def test_recommend_makes_no_offer_to_whom_the_rules_keep_back(learnt: TestClient) -> None:
    body = {"usage": USAGE, "current_plan": "unlimited", "mode": "offer", **WILLING, "holdout": True}
    answer = learnt.post("/recommend", json=body).json()
    assert [plan["plan_id"] for plan in answer["advice"]] == ["unlimited"]
    assert answer["stay_reason"] == "HELD_OUT"


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


def test_python_m_app_serves_as_settings_and_environment_say(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[object, Path]] = []
    monkeypatch.setattr("common_utils.serving.start.serve_configured", lambda *given: started.append(given))
    runpy.run_module("app", run_name="__main__")
    assert started == [(SPEC, Path(__file__).resolve().parents[1])]
