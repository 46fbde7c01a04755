"""Events of answers and outcomes that are told, around a log that takes what it is given, or nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, Field

from common_utils.decision_log.journal.journal import Journal
from common_utils.decision_log.keys import Key, KeyRing
from common_utils.decision_log.recorder import Recorder
from common_utils.serving.app import Settings, create_service
from common_utils.serving.decisions.events import SUBJECT, LoggedAnswer, LogPlace, Subject, with_events
from common_utils.serving.decisions.outcomes import outcome_routes
from common_utils.serving.fast_route import FastRoute
from common_utils.serving.guards.access import Access, ApiKey
from common_utils.serving.model_slot import ModelSlot
from common_utils.serving.problems import ProblemError
from tests.conftest import FakeModel


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    minutes: float = Field(ge=0, le=1000)
    subject: Subject | None = SUBJECT


class AskedOften(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    records: list[Asked] = Field(min_length=1, max_length=10)


class Doubled(LoggedAnswer):
    minutes: float


class FakeLog:
    """Keeps lines in a list, unless it is full."""

    def __init__(self, *, full: bool = False, waits: bool = False) -> None:
        self.full = full
        self.waits = waits
        self.lines: list[bytes] = []
        self.closed = False

    @property
    def unlogged(self) -> Mapping[str, int]:
        return {"full": 1} if self.full else {}

    @property
    def journal_bytes(self) -> int:
        return sum(map(len, self.lines))

    def event(self, client: str, name: str) -> str:
        return f"<{client}|{name}>".replace("\0", "/")  # no header can hold it

    async def keep(self, lines: bytes, count: int = 1) -> bool:
        return self.keep_now(lines, count)

    def keep_now(self, lines: bytes, count: int = 1) -> bool:
        if not self.full:
            self.lines.append(lines)
        return not self.full

    def outcome(self, said: Mapping[str, Any]) -> bytes:
        return json.dumps(dict(said)).encode()

    def close(self) -> None:
        self.closed = True


def client_of(log: FakeLog | Recorder | None, keys: tuple[ApiKey, ...] = ()) -> TestClient:
    place: LogPlace[Any] = LogPlace()
    router = APIRouter(route_class=FastRoute)

    @router.post("/refused", response_model=Doubled)
    async def refused(body: Asked) -> bytes:
        assert place.event() is not None
        raise ProblemError(409, "refused", f"{body.minutes:g} minutes cannot be answered.")

    @router.post("/double", response_model=Doubled)
    async def double(body: Asked) -> bytes:
        answer, event = b'{"minutes":%g}' % (2 * body.minutes), place.event()
        return answer if event is None else await event.answer(answer, event.asked)

    @router.post("/slowly", response_model=Doubled)
    def slowly(body: Asked) -> bytes:
        answer, event = b'{"minutes":%g}' % (2 * body.minutes), place.event()
        return answer if event is None else event.answer_now(answer, event.asked)

    @router.post("/often", response_model=list[Doubled])
    def often(body: AskedOften) -> bytes:
        events = place.events(body.records)
        answers = [b'{"minutes":%g}' % (2 * one.minutes) for one in body.records]
        return b"[%b]" % b",".join(with_events(events, answers, [event.asked for event in events]))

    def check(kind: str, value: object) -> str | None:
        return None if kind == "accepted" and isinstance(value, bool) else "no such kind"

    app = create_service(
        title="t",
        version="1",
        description="",
        slot=ModelSlot[FakeModel](),
        loader=FakeModel,
        probe=lambda _: None,
        model_info=lambda _: {},
        routes=[router, outcome_routes(place, check)],
        log=place,
        open_log=lambda: log,
        settings=lambda: Settings(access=Access(keys)),
    )
    return TestClient(app)


@pytest.mark.parametrize("waits", [False, True], ids=["at-once", "waits"])
@pytest.mark.parametrize("path", ["/double", "/slowly"])
def test_an_answer_names_its_event_and_a_retry_is_the_same(path: str, *, waits: bool) -> None:
    log = FakeLog(waits=waits)
    with client_of(log) as client:
        sent = {"minutes": 2, "subject": "S1"}
        by_key = [client.post(path, json=sent, headers={"Idempotency-Key": "order-17"}).json() for _ in range(2)]
        by_id = client.post(path, json=sent, headers={"x-request-id": "r1"}).json()
        own = [client.post(path, json=sent).json()["event_id"] for _ in range(2)]
    assert by_key == [{"minutes": 4, "event_id": "<|key:order-17>"}] * 2
    assert by_id["event_id"] == "<|id:r1>"
    assert len(set(own)) == 2
    assert json.loads(log.lines[0]) == sent
    assert log.closed


def test_records_of_a_batch_are_events_of_their_own_and_one_write() -> None:
    log = FakeLog()
    with client_of(log) as client:
        body = {"records": [{"minutes": 1}, {"minutes": 2, "subject": "S2"}]}
        answers = client.post("/often", json=body, headers={"Idempotency-Key": "k"}).json()
        text = client.get("/metrics").text
    assert [one["event_id"] for one in answers] == ["<|key:k/0>", "<|key:k/1>"]
    assert log.lines == [b'{"minutes":1.0}{"minutes":2.0,"subject":"S2"}']
    assert "decisions_total 2.0" in text
    assert f"decision_journal_bytes {len(log.lines[0])}" in text


def test_a_log_that_takes_nothing_takes_no_answer_away() -> None:
    with client_of(FakeLog(full=True)) as client:
        assert client.post("/double", json={"minutes": 2}).json() == {"minutes": 4, "unlogged": True}
        assert client.post("/slowly", json={"minutes": 2}).json() == {"minutes": 4, "unlogged": True}
        assert client.post("/often", json={"records": [{"minutes": 2}]}).json() == [{"minutes": 4, "unlogged": True}]
        assert 'decisions_unlogged_total{reason="full"} 1.0' in client.get("/metrics").text
        assert client.get("/ready").status_code == 200
        told = {"outcomes": [{"kind": "accepted", "value": True, "date": "2025-11-02", "event_id": "e"}]}
        assert client.post("/outcomes", json=told).status_code == 503


def test_without_a_log_nothing_is_said_of_one() -> None:
    with client_of(None) as client:
        assert client.post("/double", json={"minutes": 2}).json() == {"minutes": 4}
        assert client.post("/often", json={"records": [{"minutes": 2}]}).json() == [{"minutes": 4}]
        told = {"outcomes": [{"kind": "accepted", "value": True, "date": "2025-11-02", "event_id": "e"}]}
        assert client.post("/outcomes", json=told).status_code == 404


def test_an_outcome_goes_into_the_log_as_it_was_told() -> None:
    log = FakeLog()
    with client_of(log) as client:
        told = {"kind": "accepted", "value": True, "date": "2025-11-02", "subject": "S1", "month": "2025-10"}
        assert client.post("/outcomes", json={"outcomes": [told]}).json() == {"taken": 1, "status": "waiting"}
        wrong = client.post("/outcomes", json={"outcomes": [{**told, "kind": "mood"}]})
        no_month = client.post("/outcomes", json={"outcomes": [{**told, "month": "2025-13"}]})
    assert wrong.status_code == 422
    assert "outcomes[0]: no such kind" in wrong.text
    assert no_month.status_code == 422
    assert json.loads(log.lines[0]) == {
        "kind": "accepted",
        "value": True,
        "at_ms": 1762041600000,
        "period": "2025-10",
        "subject": "S1",
    }


def test_a_client_with_the_role_predict_tells_outcomes_and_its_events_are_its_own() -> None:
    keys = tuple(ApiKey(name, "predict", sha256(name.encode()).digest()) for name in ("crm", "shop"))
    told = {"outcomes": [{"kind": "accepted", "value": True, "date": "2025-11-02", "event_id": "e"}]}
    with client_of(FakeLog(), keys) as client:
        assert client.post("/outcomes", json=told).status_code == 401
        events: list[str] = []
        for key in keys:
            sent = {"Authorization": f"Bearer {key.name}", "Idempotency-Key": "order-17"}
            assert client.post("/outcomes", json=told, headers=sent).json()["taken"] == 1
            events.append(client.post("/double", json={"minutes": 2}, headers=sent).json()["event_id"])
    assert events == ["<crm|key:order-17>", "<shop|key:order-17>"]


@pytest.mark.parametrize("subject", ["", "x" * 65], ids=["empty", "long"])
def test_a_subject_out_of_bounds_is_refused_and_not_repeated(subject: str) -> None:
    with client_of(FakeLog()) as client:
        answer = client.post("/double", json={"minutes": 2, "subject": subject})
    assert answer.status_code == 422
    assert "xxxx" not in answer.text


def _counted(client: TestClient, name: str) -> float:
    lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith(name)]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


@pytest.mark.parametrize("full", [False, True], ids=["kept", "full"])
def test_each_metric_counts_what_its_help_says(live_journal: Recorder, *, full: bool) -> None:
    """Answers are counted as answers, whether they were kept or not; refused requests and outcomes are none."""
    sink = live_journal
    told = {"outcomes": [{"kind": "accepted", "value": True, "date": "2025-11-02", "event_id": "e"}] * 3}
    with client_of(sink) as client:
        for path, body in (("/double", {"minutes": 1}), ("/slowly", {"minutes": 1})):
            assert client.post(path, json=body).status_code == 200
        client.post("/often", json={"records": [{"minutes": 1}] * 3})
        for path, body in (("/refused", {"minutes": 1}), ("/double", {"minutes": -1}), ("/often", {"records": []})):
            assert client.post(path, json=body).status_code in {409, 422}
        assert client.post("/outcomes", json=told).status_code == (503 if full else 200)
        assert _counted(client, "decisions_total") == 5
        assert _counted(client, "decisions_unlogged_total") == (5 if full else 0)
        assert _counted(client, 'decision_outcomes_total{result="taken"}') == (0 if full else 3)
        assert _counted(client, 'decision_outcomes_total{result="refused"}') == (3 if full else 0)


@pytest.fixture
def live_journal(tmp_path: Path, request: pytest.FixtureRequest) -> Recorder:
    """A log whose journal takes a megabyte, or where it is to be full, nothing."""
    most = 1 if request.node.callspec.params["full"] else 1 << 20
    return Recorder("demo", KeyRing((Key("k1", b"1" * 32),)), Journal(tmp_path, most))


@pytest.mark.parametrize(
    ("subject", "status"),
    [("S1", 200), (" S1\u200b", 200), (f"  {'x' * 64}\u200b", 200), (" ", 422), ("\u200b", 422), ("x" * 65, 422)],
    ids=ascii,
)
@pytest.mark.parametrize("path", ["/double", "/outcomes"])
def test_the_bounds_of_a_subject_hold_for_its_cleaned_form(path: str, subject: str, status: int) -> None:
    told = {"outcomes": [{"kind": "accepted", "value": True, "date": "2025-11-02", "subject": subject}]}
    with client_of(FakeLog()) as client:
        answer = client.post(path, json=told if path == "/outcomes" else {"minutes": 2, "subject": subject})
    assert answer.status_code == status


@pytest.mark.parametrize("named", [{}, {"event_id": "e", "subject": "S1"}], ids=["neither", "both"])
def test_an_outcome_names_its_decision_once(named: dict[str, str]) -> None:
    told = {"outcomes": [{"kind": "accepted", "value": True, "date": "2025-11-02", **named}]}
    with client_of(FakeLog()) as client:
        answer = client.post("/outcomes", json=told)
    assert answer.status_code == 422
    assert "give event_id or subject, and not both" in answer.text


def test_two_api_keys_with_one_idempotency_key_are_two_events(tmp_path: Path) -> None:
    sink = Recorder("demo", KeyRing((Key("k1", b"1" * 32),)), Journal(tmp_path, 1 << 20))
    keys = tuple(ApiKey(name, "predict", sha256(name.encode()).digest()) for name in ("crm", "shop"))
    with client_of(sink, keys) as client:
        events = [
            client.post(
                "/double",
                json={"minutes": 2},
                headers={"Authorization": f"Bearer {key.name}", "Idempotency-Key": "order-17"},
            ).json()["event_id"]
            for key in (*keys, *keys)
        ]
    assert events[:2] == events[2:]
    assert len(set(events)) == 2
