from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from common_utils.logger import request_id
from common_utils.serving.metrics import ServiceMetrics
from common_utils.serving.model_slot import ModelSlot
from common_utils.serving.request_id import RequestContext, accepted_id

MakeClient = Callable[..., TestClient]


@pytest.mark.parametrize("sent", [b"a", b"Order-17_b.c", b"x" * 64])
def test_safe_id_is_kept(sent: bytes) -> None:
    assert accepted_id(sent) == sent.decode()


@pytest.mark.parametrize("sent", [None, b"", b"x" * 65, b"a b", b"a\n", b"a\r\nSet-Cookie: x", "ä".encode(), b"<x>"])
def test_other_id_is_replaced(sent: bytes | None) -> None:
    assert re.fullmatch("[0-9a-f]{32}", accepted_id(sent))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("GET", "/missing", 404),
        ("DELETE", "/health", 405),
        ("POST", "/predict", 422),
        ("GET", "/docs", 200),
    ],
)
def test_every_answer_carries_the_id_and_security_headers(
    make_client: MakeClient, method: str, path: str, status: int
) -> None:
    response = make_client().request(method, path, headers={"x-request-id": "order-17"})
    assert response.status_code == status
    assert response.headers["x-request-id"] == "order-17"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert "server" not in response.headers
    if status >= 400:
        assert response.json()["request_id"] == "order-17"


def test_only_docs_may_be_stored(make_client: MakeClient) -> None:
    client = make_client()
    stored = {path: client.get(path).headers["cache-control"] for path in ("/ready", "/model", "/missing", "/docs")}
    assert stored == {"/ready": "no-store", "/model": "no-store", "/missing": "no-store", "/docs": "no-cache"}


def test_one_line_per_request_without_query_or_path_values(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client()
    with caplog.at_level(logging.INFO, logger="common_utils"):
        client.get("/plans/CANARY?top=4711")
    lines = [record.getMessage() for record in caplog.records if record.name == "common_utils.serving.request_id"]
    assert len(lines) == 1
    assert re.fullmatch(r"GET /plans/\{plan_id\} 200 \d+\.\d ms", lines[0])


SCOPE: dict[str, Any] = {"type": "http", "method": "GET", "path": "/x", "headers": []}


async def receive() -> Message:
    return {"type": "http.disconnect"}


def serve(app: Callable[..., Any], scope: dict[str, Any] = SCOPE) -> tuple[list[Message], str]:
    sent: list[Message] = []
    metrics = ServiceMetrics(ModelSlot())

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(RequestContext(app, metrics, frozenset({"/x"}))(scope, receive, send))
    return sent, metrics.text().decode()


def test_id_is_set_while_the_request_is_served_and_not_after() -> None:
    seen: list[str | None] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(request_id.get())

    serve(app, SCOPE | {"headers": [(b"x-request-id", b"order-17")]})
    assert seen == ["order-17"]
    assert request_id.get() is None


def test_escaped_error_is_a_500_and_is_not_raised() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("CANARY")

    sent, metrics = serve(app)
    assert sent[0]["status"] == 500
    assert b"CANARY" not in sent[1]["body"]
    assert 'requests_total{method="GET",route="/x",status="500"} 1.0' in metrics


def test_error_after_the_answer_began_sends_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("CANARY")

    sent, _ = serve(app)
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert "unhandled error" in caplog.text
    assert "CANARY" not in caplog.text


def test_request_without_an_answer_is_counted_as_given_up() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        return

    assert 'status="499"' in serve(app)[1]


def test_other_connections_pass_untouched() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    assert serve(app, {"type": "lifespan"})[0] == []
    assert seen == ["lifespan"]


@pytest.mark.parametrize(("share", "status", "lines"), [(0.25, 200, 5), (0.0, 200, 0), (0.0, 500, 20), (1.0, 404, 20)])
def test_log_takes_its_share_of_requests_and_every_fault(
    caplog: pytest.LogCaptureFixture, share: float, status: int, lines: int
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})

    async def send(message: Message) -> None:
        return

    async def ask() -> None:
        context = RequestContext(app, ServiceMetrics(ModelSlot()), frozenset({"/x"}), log_sample=share)
        for _ in range(20):
            await context(SCOPE, receive, send)

    with caplog.at_level(logging.INFO, logger="common_utils"):
        asyncio.run(ask())
    assert len(caplog.records) == lines
