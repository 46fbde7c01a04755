"""Hostile requests against a whole service: each gets a 4xx problem, none gets its values back."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

CANARY = "CANARY4711"
JSON = "application/json"

BODIES = [
    pytest.param(b'{"minutes": NaN}', 400, id="nan"),
    pytest.param(b'{"minutes": Infinity}', 400, id="infinity"),
    pytest.param(b'{"minutes": -Infinity}', 400, id="minus-infinity"),
    pytest.param(b'{"minutes": 1e400}', 400, id="1e400"),
    pytest.param(b'{"minutes": ' + b"7" * 5000 + b"}", 400, id="5000-digits"),
    pytest.param(b'{"minutes": ' + b"7" * 400 + b"}", 422, id="400-digits"),
    pytest.param(b'{"minutes": 1e308}', 422, id="1e308"),
    pytest.param(b'{"minutes": -1}', 422, id="negative"),
    pytest.param(b'{"minutes": true}', 422, id="boolean"),
    pytest.param(b'{"minutes": "12"}', 422, id="numeric-text"),
    pytest.param(b'{"minutes": null}', 422, id="null"),
    pytest.param(b'{"minutes": 1, "minutes": 2}', 400, id="duplicate-key"),
    pytest.param(b'{"minutes": 1, "note": "CANARY4711\\ud800"}', 400, id="lone-surrogate"),
    pytest.param(b'{"minutes": 1, "CANARY4711\\udfff": 1}', 400, id="lone-surrogate-key"),
    pytest.param(b'{"minutes": 1, "note": "\xff\xfe CANARY4711"}', 400, id="bad-utf8"),
    pytest.param('{"minutes": 1}'.encode("utf-16"), 400, id="utf-16"),
    pytest.param(b'\xef\xbb\xbf{"minutes": 1}', 400, id="byte-order-mark"),
    pytest.param(b'{"minutes": 1, "note": "\x00CANARY4711"}', 400, id="nul"),
    pytest.param(b'{"minutes":' * 500 + b"1" + b"}" * 500, 400, id="500-deep"),
    pytest.param(b"[" * 100_000 + b"]" * 100_000, 400, id="100000-deep"),
    pytest.param(b'{"minutes": CANARY4711}', 400, id="syntax"),
    pytest.param(b'"CANARY4711"', 422, id="text"),
    pytest.param(b'["CANARY4711"]', 422, id="list"),
    pytest.param(b"null", 422, id="null-body"),
    pytest.param(b'{"minutes": "CANARY4711"}', 422, id="text-for-number"),
    pytest.param(b'{"minutes": 1, "plan": "CANARY4711"}', 422, id="unknown-choice"),
    pytest.param(b'{"minutes": 1, "CANARY4711": 1}', 422, id="unknown-field"),
    pytest.param(b'{"minutes": 1, "tags": {"CANARY4711": "x"}}', 422, id="key-of-a-mapping"),
    pytest.param(b'{"minutes": 1, "note": "' + b"CANARY4711" * 20 + b'"}', 422, id="long-text"),
    pytest.param(json.dumps({f"{CANARY}{number}": 1 for number in range(2000)}).encode(), 422, id="2000-fields"),
]


@pytest.fixture
def client(make_client: Callable[..., TestClient]) -> TestClient:
    return make_client()


def assert_silent(text: str) -> None:
    assert CANARY not in text
    assert "7" * 20 not in text  # a number sent; shorter runs occur in times and request ids


@pytest.mark.parametrize(("body", "status"), BODIES)
def test_hostile_body_is_refused_without_an_echo(
    client: TestClient, caplog: pytest.LogCaptureFixture, body: bytes, status: int
) -> None:
    with caplog.at_level(logging.DEBUG, logger="common_utils"):
        response = client.post("/predict", content=body, headers={"content-type": JSON})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.content) <= 4096
    assert_silent(response.text)
    assert_silent("".join(record.getMessage() for record in caplog.records if record.name.startswith("common_utils")))


@pytest.mark.parametrize(("body", "status"), BODIES)
def test_hostile_body_never_breaks_an_open_route(client: TestClient, body: bytes, status: int) -> None:
    response = client.post("/echo", content=body, headers={"content-type": JSON})
    assert response.status_code == 400 if status == 400 else response.status_code in {200, 422}


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"/{CANARY}", id="unknown-path"),
        pytest.param(f"/plans/{CANARY}?top={CANARY}", id="query"),
        pytest.param(f"/sleep?seconds={CANARY}", id="number-query"),
        pytest.param(f"/docs/{CANARY}", id="docs-file"),
        pytest.param(f"/health/{CANARY}", id="below-a-route"),
        pytest.param("/health/", id="slash"),
    ],
)
def test_hostile_address_is_refused_without_an_echo(
    client: TestClient, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with caplog.at_level(logging.DEBUG, logger="common_utils"):
        response = client.get(path)
    assert response.status_code in {404, 422}
    assert_silent(response.text + str(response.headers))
    assert_silent("".join(record.getMessage() for record in caplog.records if record.name.startswith("common_utils")))
    assert_silent(client.get("/metrics").text)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"minutes": -0}', id="minus-zero"),
        pytest.param(b'{"minutes": -0.0, "note": ""}', id="minus-zero-float"),
        pytest.param('{"minutes": 1, "note": "\U0001f600 \u202e"}'.encode(), id="4-byte-and-right-to-left"),
        pytest.param(b'{"minutes": 1, "note": "\\u0000"}', id="escaped-nul"),
    ],
)
def test_odd_but_valid_body_is_answered(client: TestClient, body: bytes) -> None:
    assert client.post("/predict", content=body, headers={"content-type": JSON}).status_code == 200
