from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from anyio import to_thread
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import ValidationError
from starlette.types import Message, Receive, Scope, Send

from common_utils.serving.config import LimitConfig
from common_utils.serving.limits import LimitsMiddleware
from common_utils.serving.problems import ProblemError

JSON = {"content-type": "application/json"}
ROW = b'{"minutes": 1.5}'
SMALL = LimitConfig(max_body_bytes=1024)

MakeClient = Callable[..., TestClient]


def kind(response: httpx.Response) -> tuple[int, str]:
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == response.status_code
    return response.status_code, problem["type"].removeprefix("urn:problem:")


@pytest.mark.parametrize(
    "setting",
    [{"max_body_bytes": 0}, {"max_concurrency": 0}, {"deadline_seconds": 0}, {"max_json_depth": 10_000}, {"k": 1}],
)
def test_limits_have_bounds_themselves(setting: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        LimitConfig.model_validate(setting)


def test_body_of_the_limit_passes_and_one_byte_more_does_not(make_client: MakeClient) -> None:
    client = make_client(limits=SMALL)
    exact = ROW + b" " * (1024 - len(ROW))
    assert client.post("/predict", content=exact, headers=JSON).status_code == 200
    assert kind(client.post("/predict", content=exact + b" ", headers=JSON)) == (413, "body_too_large")


def test_chunked_body_is_counted_as_it_comes(make_client: MakeClient) -> None:
    def chunks() -> Any:
        for _ in range(160):
            yield b" " * (64 << 10)

    response = make_client().post("/predict", content=chunks(), headers=JSON)
    assert kind(response) == (413, "body_too_large")


def test_ten_megabytes_declared_are_refused(make_client: MakeClient) -> None:
    response = make_client().post("/predict", content=b" " * (10 << 20), headers=JSON)
    assert kind(response) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        pytest.param({"content-type": "text/plain"}, 415, "media_type", id="text"),
        pytest.param({}, 415, "media_type", id="none"),
        pytest.param({"content-type": "application/x-www-form-urlencoded"}, 415, "media_type", id="form"),
        pytest.param({"content-type": "application/merge-patch+json"}, 415, "media_type", id="other-json"),
        pytest.param({"content-type": "application/json; charset=utf-16"}, 415, "media_type", id="charset"),
        pytest.param({"content-type": "application/json; v=1; charset=latin1"}, 415, "media_type", id="second"),
        pytest.param({"content-type": 'application/json;a=";";charset="x"'}, 415, "media_type", id="quoted"),
        pytest.param(JSON | {"content-encoding": "gzip"}, 415, "content_encoding", id="gzip"),
    ],
)
def test_other_media_types_are_refused(
    make_client: MakeClient, headers: dict[str, str], status: int, code: str
) -> None:
    assert kind(make_client().post("/predict", content=ROW, headers=headers)) == (status, code)


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "Application/JSON; Charset=UTF-8"},
        {"content-type": 'application/json;charset="utf-8"', "content-encoding": "identity"},
        {"content-type": "application/json; charset=utf-8; v=1"},
        {"content-type": "application/json;odata=verbose"},
        {"content-type": "application/json; charset=utf-8;"},
        {"content-type": "application/json;"},
        {"content-type": "application/json ; charset = utf8"},
        {"content-type": 'application/json; a="; charset=latin1"'},
    ],
)
def test_json_is_json_however_it_is_written(make_client: MakeClient, headers: dict[str, str]) -> None:
    assert make_client().post("/predict", content=ROW, headers=headers).status_code == 200


def test_empty_body_is_a_missing_body(make_client: MakeClient) -> None:
    assert kind(make_client().post("/predict", headers=JSON)) == (422, "validation")


@pytest.mark.parametrize(
    "request_part",
    [
        pytest.param({"headers": {"x-long": "a" * 20_000}}, id="one-header"),
        pytest.param({"headers": {f"x-{number}": "a" * 10 for number in range(2000)}}, id="many-headers"),
        pytest.param({"params": {"q": "a" * 20_000}}, id="query"),
    ],
)
def test_large_headers_are_refused_even_on_health(make_client: MakeClient, request_part: dict[str, Any]) -> None:
    assert kind(make_client().get("/health", **request_part)) == (431, "headers_too_large")


async def ask(app: FastAPI, *paths: str) -> list[httpx.Response]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return await asyncio.gather(*(client.get(path) for path in paths))


def test_requests_beyond_the_cap_are_told_to_retry(make_app: Callable[..., FastAPI]) -> None:
    app = make_app(limits=LimitConfig(max_concurrency=2))
    answers = asyncio.run(ask(app, *["/sleep?seconds=0.3"] * 5, "/health", "/metrics"))
    assert sorted(answer.status_code for answer in answers[:5]) == [200, 200, 503, 503, 503]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert {kind(answer) for answer in refused} == {(503, "overloaded")}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert [answer.status_code for answer in answers[5:]] == [200, 200]


def test_cap_is_free_again_after_refusals(make_app: Callable[..., FastAPI]) -> None:
    app = make_app(limits=LimitConfig(max_concurrency=1))
    statuses = [asyncio.run(ask(app, "/sleep?seconds=0"))[0].status_code for _ in range(3)]
    assert statuses == [200, 200, 200]


class Recorder:
    """An ASGI connection made by hand: what is received, and what was sent."""

    def __init__(self, *messages: Message) -> None:
        self._messages = list(messages)
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        if self._messages:
            return self._messages.pop(0)
        await asyncio.sleep(60)
        raise AssertionError("nobody waits that long")

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def statuses(self) -> list[int]:
        return [message["status"] for message in self.sent if message["type"] == "http.response.start"]


def scope(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": list(headers)}


LAST = {"type": "http.request", "body": b"", "more_body": False}
QUICK = LimitConfig(deadline_seconds=0.1)


def serve(inner: Callable[..., Any], connection: Recorder, *headers: tuple[bytes, bytes]) -> None:
    middleware = LimitsMiddleware(inner, QUICK)
    asyncio.run(middleware(scope(*headers), connection.receive, connection.send))


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_deadline_answers_while_the_thread_still_works() -> None:
    connection = Recorder(LAST)
    sent_when_the_thread_ended: list[int] = []

    def work() -> None:
        time.sleep(0.8)
        sent_when_the_thread_ended.append(len(connection.sent))

    async def stuck(scope: Scope, receive: Receive, send: Send) -> None:
        await to_thread.run_sync(work)
        await answering(scope, receive, send)

    serve(stuck, connection)
    assert connection.statuses == [504]
    # The client had its answer before; the place in the cap was held until the thread ended.
    assert sent_when_the_thread_ended == [2]


def test_deadline_stops_an_async_handler() -> None:
    async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(60)

    connection = Recorder(LAST)
    serve(waiting, connection)
    assert connection.statuses == [504]


def test_deadline_lets_a_started_answer_finish() -> None:
    async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.2)
        await send({"type": "http.response.body", "body": b"end"})

    connection = Recorder(LAST)
    serve(streaming, connection)
    assert connection.statuses == [200]
    assert connection.sent[-1]["body"] == b"end"


def test_body_that_does_not_arrive_is_a_408() -> None:
    connection = Recorder({"type": "http.request", "body": b"{", "more_body": True})
    serve(answering, connection)
    assert connection.statuses == [408]


@pytest.mark.parametrize(
    ("messages", "headers", "status"),
    [
        pytest.param([{"type": "http.disconnect"}], [], 400, id="client-gone"),
        pytest.param([LAST], [(b"content-length", b"-1")], 400, id="negative-length"),
        pytest.param([LAST], [(b"content-length", b"9" * 5000)], 413, id="5000-digit-length"),
        pytest.param(
            [{"type": "http.request", "body": b" " * (2 << 20)}], [(b"content-length", b"10")], 413, id="length-lies"
        ),
    ],
)
def test_body_that_is_not_as_declared_is_refused(
    messages: list[Message], headers: list[tuple[bytes, bytes]], status: int
) -> None:
    with pytest.raises(ProblemError) as caught:
        serve(answering, Recorder(*messages), *headers)
    assert caught.value.status == status


def test_handler_can_still_wait_for_the_disconnect() -> None:
    seen: list[str] = []

    async def listening(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend([(await receive())["type"], (await receive())["type"]])
        await answering(scope, receive, send)

    serve(listening, Recorder(LAST, {"type": "http.disconnect"}))
    assert seen == ["http.request", "http.disconnect"]


def test_other_connections_pass_untouched() -> None:
    seen: list[str] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    connection = Recorder()
    asyncio.run(LimitsMiddleware(inner, QUICK)({"type": "lifespan"}, connection.receive, connection.send))
    assert seen == ["lifespan"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        pytest.param([], "host", id="no-host"),
        pytest.param([(b"host", b"a"), (b"host", b"a")], "host", id="two-hosts"),
        *(
            pytest.param([(b"host", value)], "host", id=f"host-{value!r}")
            for value in (b"a b", b"a/b", b"user@a", b"a:b", b"[::1", b"a\xe9")
        ),
        pytest.param([(b"host", b"a"), (b"transfer-encoding", b"gzip, chunked")], "transfer_encoding", id="gzip"),
        pytest.param(
            [(b"host", b"a"), (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"gzip")],
            "transfer_encoding",
            id="second-coding",
        ),
    ],
)
@pytest.mark.parametrize("path", ["/predict", "/health"])
def test_ambiguous_heads_are_refused_and_the_connection_ends(
    headers: list[tuple[bytes, bytes]], code: str, path: str
) -> None:
    middleware = LimitsMiddleware(answering, QUICK)
    connection = Recorder(LAST)
    head = {**scope(*headers), "path": path, "http_version": "1.1"}
    with pytest.raises(ProblemError) as caught:
        asyncio.run(middleware(head, connection.receive, connection.send))
    assert (caught.value.status, caught.value.code) == (400, code)
    assert caught.value.headers == {"Connection": "close"}


@pytest.mark.parametrize(
    ("version", "headers"),
    [
        ("1.0", []),
        ("1.1", [(b"host", b"a"), (b"transfer-encoding", b"Chunked")]),
        *(("1.1", [(b"host", value)]) for value in (b"", b"plan_rec.svc:8000", b"[::1]:8000", b"127.0.0.1")),
    ],
)
def test_plain_heads_pass(version: str, headers: list[tuple[bytes, bytes]]) -> None:
    connection = Recorder(LAST)
    head = {**scope(*headers), "http_version": version}
    asyncio.run(LimitsMiddleware(answering, QUICK)(head, connection.receive, connection.send))
    assert connection.statuses == [200]
