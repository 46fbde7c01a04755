"""What the service writes of its answers into the decision log, and what it never writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.fastapi_app import create_app
from app.live import LivePlanRec, open_live
from app.log import Log, heeded
from app.schemas import RecommendRequest
from common_utils.bundle import Bundle
from common_utils.decision_log.journal.journal import Journal
from common_utils.decision_log.journal.lines import Decision, OutcomeLine
from common_utils.decision_log.journal.segments import segments
from common_utils.decision_log.keys import KEYS_VARIABLE, Key, KeyRing
from common_utils.decision_log.objections import write_objections
from common_utils.decision_log.recorder import Recorder
from common_utils.serving.decisions.events import LoggedEvent
from planrec.offers.exploration import Exploration
from tests.app.cases import USAGE

KEYS = KeyRing((Key("k1", b"1" * 32),))
RECORD = {"usage": USAGE, "current_plan": "basic-6", "age": 34, "subject": "S-4711"}

DRAFT = {
    "plan_id": "draft-1",
    "name": "Draft",
    "monthly_fee_cents": 1500,
    "included": {"minutes": 800, "messages": None, "megabytes": 20480},
    "overage": {"cents_per_minute": 2, "cents_per_message": 2, "cents_per_data_unit": 800},
}
OFFER = {
    "usage": USAGE,
    "current_plan": "unlimited",
    "age": 34,
    "tenure_months": 12,
    "contract_months_left": 0,
    "consent": True,
    "contacts_90d": 0,
    "holdout": False,
    "mode": "offer",
    "subject": "S1",
}


def entries(folder: Path) -> list[Decision | OutcomeLine]:
    return [entry for segment in segments(folder) for part in segment.read() for entry in part.entries]


def decisions(folder: Path) -> list[Decision]:
    return [entry for entry in entries(folder) if isinstance(entry, Decision)]


@pytest.fixture(params=["process", "disk"])
def logged(live: LivePlanRec, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[TestClient]:
    to_disk = request.param == "disk"
    app = create_app(lambda: live, lambda: Recorder("planrec", KEYS, Journal(tmp_path, 1 << 20, to_disk=to_disk)))
    with TestClient(app) as started:
        yield started


@pytest.fixture
def learnt_log(bundle: Bundle, tmp_path: Path) -> Iterator[TestClient]:
    journal = Journal(tmp_path, 1 << 20)
    app = create_app(lambda: open_live(bundle.path), lambda: Recorder("planrec", KEYS, journal))
    with TestClient(app) as started:
        yield started


def test_every_answer_has_an_event_and_every_event_an_entry(logged: TestClient, tmp_path: Path) -> None:
    answers = [logged.post("/predict", json=RECORD).json() for _ in range(3)]
    events = [one["event_id"] for one in answers]
    batch = logged.post("/predict/batch", json={"records": [RECORD, {"usage": USAGE}]}).json()["predictions"]
    events += [one["event_id"] for one in batch]
    events.append(logged.post("/recommend", json=RECORD).json()["event_id"])
    batch = logged.post("/recommend/batch", json={"records": [RECORD, {"usage": USAGE}]}).json()["recommendations"]
    events += [one["event_id"] for one in batch]
    found = decisions(tmp_path)
    assert [one.event for one in found] == events
    assert len(set(events)) == 8
    first = found[0]
    assert (first.route, first.mode, first.model, first.status) == ("/predict", "choice", "v-test", 200)
    assert first.answer == {name: value for name, value in answers[0].items() if name != "event_id"}
    assert first.subject == KEYS.subject("planrec", "S-4711")
    assert found[4].subject is None
    assert first.groups == {"age_band": "25-34"}
    assert first.propensity is None
    assert [one.mode for one in found[5:]] == ["advice"] * 3
    assert [plan["plan_id"] for plan in found[6].answer["plans"]] == [plan["plan_id"] for plan in batch[0]["advice"]]
    assert len({one.asked for one in found[3:5]}) == 2
    assert b"decisions_total 8.0" in logged.get("/metrics").content


def test_a_retry_is_the_same_event(logged: TestClient, tmp_path: Path) -> None:
    headers = {"Idempotency-Key": "order-17"}
    said = [logged.post("/predict", json=RECORD, headers=headers).json()["event_id"] for _ in range(2)]
    by_id = [logged.post("/predict", json=RECORD, headers={"x-request-id": "r1"}).json()["event_id"] for _ in range(2)]
    assert len({*said, *by_id}) == 2
    found = decisions(tmp_path)
    assert found[0].answer == found[1].answer


def test_what_if_is_logged_in_numbers(logged: TestClient, tmp_path: Path) -> None:
    asked = {**RECORD, "change": {"minutes": 1.5}, "travel": {}}
    answer = logged.post("/what-if", json=asked, headers={"Idempotency-Key": "order-17"}).json()
    again = logged.post("/what-if", json=asked, headers={"Idempotency-Key": "order-17"}).json()
    assert again == answer
    first, second = decisions(tmp_path)
    assert first.event == second.event == answer["event_id"]
    assert (first.route, first.mode, first.model, first.groups) == (
        "/what-if",
        "what-if",
        "v-test",
        {"age_band": "25-34"},
    )
    assert (first.rules, first.card) == (answer["rules_version"], answer["catalogue_version"])
    assert first.subject == KEYS.subject("planrec", "S-4711")
    assert first.answer == second.answer
    assert set(first.answer) == {"best_now", "best_then", "advice_changes", "plans"}
    told = [{name: value for name, value in plan.items() if name != "name"} for plan in answer["plans"]]
    assert first.answer["plans"] == told


def subject_routes(document: dict[str, Any]) -> dict[str, bool]:
    """Return each route that is asked about a subject, and whether by a list of records."""
    schemas = document["components"]["schemas"]

    def declared(reference: dict[str, str]) -> dict[str, Any]:
        return schemas[reference["$ref"].rpartition("/")[2]]["properties"] if reference else {}

    found: dict[str, bool] = {}
    for path, methods in document["paths"].items():
        if "post" not in methods:
            continue
        fields = declared(methods["post"]["requestBody"]["content"]["application/json"]["schema"])
        if "subject" in fields or "subject" in declared(fields.get("records", {}).get("items", {})):
            found[path] = "records" in fields
    return found


def test_every_route_that_answers_a_subject_logs_it_and_names_the_event(logged: TestClient, tmp_path: Path) -> None:
    routes = subject_routes(cast("FastAPI", logged.app).openapi())
    assert {"/predict", "/predict/batch", "/recommend", "/recommend/batch", "/what-if"} <= set(routes)
    for path, many in routes.items():
        record = RECORD | ({"travel": {}} if path == "/what-if" else {})
        answer = logged.post(path, json={"records": [record, record]} if many else record)
        assert answer.status_code == 200, answer.text
        said = next(value for value in answer.json().values() if isinstance(value, list)) if many else [answer.json()]
        events = [one["event_id"] for one in said]
        assert len(events) == 1 + many, path
        found = decisions(tmp_path)[-len(events) :]
        assert [(one.event, one.route, one.subject) for one in found] == [
            (event, path.removesuffix("/batch"), KEYS.subject("planrec", "S-4711")) for event in events
        ], path


def test_usage_and_names_are_nowhere_in_the_journal(logged: TestClient, tmp_path: Path) -> None:
    canary = {
        "usage": [{"month": "2025-10", "minutes": 31717.17, "messages": 82828, "megabytes": 93939.5}],
        "subject": "canary-subject",
    }
    key = {"Idempotency-Key": "canary-key", "x-request-id": "canary-request"}
    draft = {**DRAFT, "name": "canary-name", "perks": ["canary-perk"]}
    for route, more in {"/predict": {}, "/recommend": {}, "/what-if": {"plan": draft}}.items():
        answer = logged.post(route, json={**canary, **more}, headers=key)
        assert answer.status_code == 200
        assert b"canary-subject" not in answer.content
    written = b"".join(segment.path.read_bytes() for segment in segments(tmp_path))
    for value in (b"canary", b"31717", b"82828", b"93939"):
        assert value not in written
    assert b"canary" not in logged.get("/metrics").content


def test_a_journal_that_takes_nothing_takes_no_answer_away(live: LivePlanRec, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "journal", 1 << 20)
    with TestClient(create_app(lambda: live, lambda: Recorder("planrec", KEYS, journal))) as client:
        answer = client.post("/predict", json=RECORD)
        assert answer.status_code == 200
        assert answer.json()["unlogged"] is True
        assert "event_id" not in answer.json()
        assert b'decisions_unlogged_total{reason="unwritable"} 1.0' in client.get("/metrics").content
        told = {"outcomes": [{"kind": "accepted", "value": True, "date": "2025-11-02", "event_id": "e"}]}
        assert client.post("/outcomes", json=told).status_code == 503


def test_a_service_without_a_log_says_nothing_of_one(client: TestClient) -> None:
    assert {"event_id", "unlogged"}.isdisjoint(client.post("/predict", json=RECORD).json())
    told = {"outcomes": [{"kind": "accepted", "value": True, "date": "2025-11-02", "event_id": "e"}]}
    assert client.post("/outcomes", json=told).status_code == 404


@pytest.mark.parametrize("subject", ["", "x" * 65], ids=["empty", "long"])
def test_a_subject_out_of_bounds_is_refused_and_not_repeated(client: TestClient, subject: str) -> None:
    answer = client.post("/predict", json={**RECORD, "subject": subject})
    assert answer.status_code == 422
    assert "xxxx" not in answer.text


def test_who_objected_is_not_known_here(logged: TestClient, tmp_path: Path) -> None:
    write_objections(tmp_path, [KEYS.subject("planrec", "S-4711")])
    logged.post("/predict", json=RECORD)
    (entry,) = decisions(tmp_path)
    assert (entry.subject, entry.groups) == (None, {})


@pytest.mark.parametrize("path", ["/predict", "/recommend", "/predict/batch"])
def test_every_route_says_whom_an_entry_is_about_in_one_way(live: LivePlanRec, tmp_path: Path, path: str) -> None:
    """The form that files clean a subject to; after a rotation, what tells a retry from another's; who objected."""
    old, new = Key("k1", b"1" * 32), Key("k2", b"2" * 32)
    keys = KeyRing((new, old))
    write_objections(tmp_path, [keys.subject("planrec", "S-objected")])
    with TestClient(create_app(lambda: live, lambda: Recorder("planrec", keys, Journal(tmp_path, 1 << 20)))) as client:
        for subject in (" Se\u0301\u200b", "S\u00e9", "S-objected\n"):
            body = {**RECORD, "subject": subject}
            assert client.post(path, json={"records": [body]} if path.endswith("batch") else body).status_code == 200
    expected = keys.subjects("planrec", "S\u00e9")
    found = [(entry.subject, entry.mark) for entry in decisions(tmp_path)]
    assert found == [(expected[0], expected[1][3:5])] * 2 + [(None, "objected")]


def test_outcomes_go_into_the_journal_keyed(logged: TestClient, tmp_path: Path) -> None:
    told = [
        {"kind": "accepted", "value": True, "date": "2025-11-02", "event_id": "e1"},
        {"kind": "bill_paid", "value": 1299.0, "date": "2025-12-03", "subject": "S-4711"},
    ]
    assert logged.post("/outcomes", json={"outcomes": told}).json() == {"taken": 2, "status": "waiting"}
    first, second = (entry for entry in entries(tmp_path) if isinstance(entry, OutcomeLine))
    assert first.said["event"] == "e1"
    assert first.said["value"] is True
    assert second.said["subjects"] == [KEYS.subject("planrec", "S-4711")]
    assert second.said["period"] == "2025-12"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"kind": "mood"}, id="kind"),
        pytest.param({"value": "yes"}, id="value"),
        pytest.param({"date": "2025-02-30"}, id="day"),
        pytest.param({"subject": "S1"}, id="both"),
        pytest.param({"event_id": None}, id="neither"),
    ],
)
def test_bad_outcomes_are_refused(logged: TestClient, change: dict[str, object]) -> None:
    one = {"kind": "accepted", "value": True, "date": "2025-11-02", "event_id": "e1", **change}
    assert logged.post("/outcomes", json={"outcomes": [one]}).status_code == 422


def test_an_offer_logs_every_offerable_plan(learnt_log: TestClient, tmp_path: Path) -> None:
    answer = learnt_log.post("/recommend", json=OFFER)
    assert answer.status_code == 200, answer.text
    (entry,) = decisions(tmp_path)
    assert entry.mode == "offer"
    assert [plan["plan_id"] for plan in entry.answer["plans"]] == [one["plan_id"] for one in answer.json()["advice"]]
    assert all({"plan_id", "p_accept", "value_cents"} <= set(plan) for plan in entry.answer["offerable"])
    assert entry.answer["offerable"]
    assert "reason" not in str(entry.answer["plans"])


@pytest.mark.parametrize("path", ["/recommend", "/recommend/batch"])
def test_who_objected_gets_no_offer(learnt_log: TestClient, tmp_path: Path, path: str) -> None:
    write_objections(tmp_path, [KEYS.subject("planrec", "S1")])
    other = {**OFFER, "subject": "S2"}
    if path == "/recommend":
        answers = [learnt_log.post(path, json=asked).json() for asked in (OFFER, other)]
    else:
        answers = learnt_log.post(path, json={"records": [OFFER, other]}).json()["recommendations"]
    refused, offered = ({one["reason_code"] for one in answer["excluded"]} for answer in answers)
    assert "NO_CONSENT" in refused
    assert "NO_CONSENT" not in offered


@pytest.mark.parametrize(
    ("subject", "mode", "consent"), [("S1", "offer", False), ("S2", "offer", True), ("S1", "advice", True)]
)
def test_an_objection_is_heeded_in_offers_alone(
    live: LivePlanRec, tmp_path: Path, subject: str, mode: str, *, consent: bool
) -> None:
    write_objections(tmp_path, [KEYS.subject("planrec", "S1")])
    log = Log()
    body = RecommendRequest.model_validate({**OFFER, "subject": subject, "mode": mode})
    question = live.question(body)
    assert heeded(log, body, question, None) is question  # nothing is logged, so nobody is known
    sink = Recorder("planrec", KEYS, Journal(tmp_path, 1 << 20))
    event = LoggedEvent(sink, sink.event("", "r1"), 0.0, b"", log)
    assert heeded(log, body, question, event).record.consent is consent
    log.exploration = Exploration(share=0.1)
    draw = heeded(log, body, question, event).asked.draw
    assert (draw > 0) == (mode == "offer" and consent)
    assert heeded(log, body, question, event).asked.draw == draw  # a retry explores as the first try did


def test_a_service_opens_the_log_that_its_settings_name(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANREC_BUNDLE", str(bundle.path))
    monkeypatch.setenv("PLANREC__DECISIONS__JOURNAL", str(tmp_path / "journal"))
    monkeypatch.setenv(KEYS_VARIABLE, "k7:" + "a" * 64)
    with TestClient(create_app()) as started:
        assert started.post("/predict", json=RECORD).json()["event_id"]
    (entry,) = decisions(tmp_path / "journal")
    assert (entry.subject or "").startswith("k7.")


def test_a_service_whose_log_is_off_logs_nothing(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANREC_BUNDLE", str(bundle.path))
    monkeypatch.setenv("PLANREC__DECISIONS__JOURNAL", str(tmp_path / "journal"))
    monkeypatch.setenv("PLANREC__DECISIONS__LOG", "false")
    with TestClient(create_app()) as started:
        assert "event_id" not in started.post("/predict", json=RECORD).json()
    assert list(tmp_path.iterdir()) == []
