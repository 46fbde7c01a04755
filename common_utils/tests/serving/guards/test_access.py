from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from common_utils.errors import ConfigError
from common_utils.serving.app import Settings
from common_utils.serving.config import AccessConfig, ServiceConfig
from common_utils.serving.guards.access import Access, RateLimit, load_keys, parse_keys

MakeClient = Callable[..., TestClient]

USER, ADMIN = "a-users-key", "an-administrators-key"
LINES = "\n".join(
    ["# keys", "", *(f"{n}:{r}:{hashlib.sha256(k.encode()).hexdigest()}" for n, r, k in (
        ("crm", "predict", USER), ("ops", "admin", ADMIN)
    ))]
)  # fmt: skip


def bearer(key: str | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key}"}


def guarded(make_client: MakeClient, **options: object) -> TestClient:
    return make_client(settings=lambda: Settings(access=Access(parse_keys(LINES, "keys"), **options)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "path", "stranger", "user", "admin"),
    [
        ("GET", "/health", 200, 200, 200),
        ("GET", "/ready", 200, 200, 200),
        ("POST", "/predict", 401, 200, 200),
        ("GET", "/plans/x", 401, 200, 200),
        ("GET", "/missing", 401, 404, 404),
        ("GET", "/model", 401, 403, 200),
        ("GET", "/metrics", 401, 403, 200),
        ("GET", "/docs", 401, 403, 200),
        ("GET", "/docs/start.js", 401, 403, 200),
        ("GET", "/openapi.json", 401, 403, 200),
    ],
)
def test_each_route_asks_for_its_role(
    make_client: MakeClient, method: str, path: str, stranger: int, user: int, admin: int
) -> None:
    client = guarded(make_client)
    body = {"minutes": 1.0} if method == "POST" else None
    for key, expected in ((None, stranger), ("wrong", stranger), (USER, user), (ADMIN, admin)):
        answer = client.request(method, path, json=body, headers=bearer(key))
        assert answer.status_code == expected, key
        if expected == 401:
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.headers["content-type"] == "application/problem+json"


def test_without_keys_everybody_may_ask(make_client: MakeClient) -> None:
    client = make_client(settings=lambda: Settings.of(ServiceConfig(), Path(), environ={}))
    assert client.get("/metrics").status_code == 200


def test_too_many_requests_of_a_key_wait_and_others_do_not(make_client: MakeClient) -> None:
    client = guarded(make_client, rate=RateLimit(0.5, 2, clock=lambda: 0.0))
    answers = [client.post("/predict", json={"minutes": 1.0}, headers=bearer(USER)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "2"
    assert client.post("/predict", json={"minutes": 1.0}, headers=bearer(ADMIN)).status_code == 200
    assert client.get("/health").status_code == 200
    guesses = [client.get("/model", headers=bearer(str(i))).status_code for i in range(4)]
    assert guesses == [401, 401, 429, 429]


def test_bucket_fills_again() -> None:
    now = [0.0]
    limit = RateLimit(2.0, 1, clock=lambda: now[0])
    assert (limit.wait("a"), limit.wait("a")) == (0.0, 0.5)
    now[0] = 0.5
    assert limit.wait("a") == 0.0


@pytest.mark.parametrize(("port", "predict", "metrics"), [(80, 200, 404), (9000, 404, 200)])
def test_admin_port_answers_metrics_and_nothing_else(
    make_client: MakeClient, port: int, predict: int, metrics: int
) -> None:
    client = guarded(make_client, admin_port=9000)
    client.base_url = f"http://testserver:{port}"  # type: ignore[assignment]
    assert client.get("/health").status_code == 200
    assert client.post("/predict", json={"minutes": 1.0}, headers=bearer(ADMIN)).status_code == predict
    assert client.get("/metrics", headers=bearer(ADMIN)).status_code == metrics


@pytest.mark.parametrize(
    "text",
    ["", "# none", "crm:predict", "crm:root:" + "a" * 64, f"{LINES}\n{LINES}", "crm:predict:SECRET-IN-THE-CLEAR"],
    ids=["empty", "comment", "no-digest", "unknown-role", "twice", "not-a-digest"],
)
def test_bad_key_lines_are_refused_without_showing_them(text: str) -> None:
    with pytest.raises(ConfigError, match="keys") as caught:
        parse_keys(text, "keys")
    assert "SECRET" not in str(caught.value)


def test_keys_come_from_a_file_or_the_environment_but_not_both(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(LINES, encoding="utf-8")
    required = AccessConfig(keys="required")
    named = AccessConfig(keys="required", key_file=Path("keys"))
    assert load_keys(named, tmp_path, environ={}) == load_keys(required, tmp_path, environ={"SERVICE_KEYS": LINES})
    with pytest.raises(ConfigError, match="both give keys"):
        load_keys(named, tmp_path, environ={"SERVICE_KEYS": LINES})
    with pytest.raises(ConfigError, match="API keys are required"):
        load_keys(required, tmp_path, environ={})
    with pytest.raises(ConfigError, match=r"cannot be read \(FileNotFoundError\)"):
        load_keys(AccessConfig(keys="required", key_file=Path("gone")), tmp_path, environ={})


def test_a_service_whose_keys_are_missing_does_not_start(make_client: MakeClient) -> None:
    config = ServiceConfig(access=AccessConfig(keys="required"))
    with pytest.raises(ConfigError, match="API keys are required"):
        make_client(settings=lambda: Settings.of(config, Path(), environ={}))


def test_command_makes_a_key_and_its_line() -> None:
    command = [sys.executable, "-m", "common_utils.serving.guards.access", "crm", "predict"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert parse_keys(said[3], "line")[0].digest == hashlib.sha256(said[1].encode()).digest()


@pytest.mark.parametrize("given", [{"admin_port": 8000}, {"admin_port": 9000, "workers": 2}])
def test_admin_port_fits_the_rest(given: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match="admin_port must differ from port, and needs workers: 1"):
        ServiceConfig.model_validate(given)
