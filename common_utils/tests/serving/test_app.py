from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from common_utils.errors import ArtifactError
from common_utils.serving.model_slot import ModelSlot

MakeClient = Callable[..., TestClient]


def test_ready_service_says_what_is_live(make_client: MakeClient) -> None:
    client = make_client()
    assert client.get("/health").json() == {"status": "alive"}
    assert client.get("/ready").json() == {"status": "ready", "version": "v1"}
    assert client.get("/model").json() == {
        "version": "v1",
        "created": "2026-11-23T12:00:00Z",
        "metrics": {"auc": 0.75},
        "libraries": {},
    }


def test_model_info_may_tell_more_and_nothing_that_is_not_json(make_client: MakeClient) -> None:
    client = make_client(model_info=lambda _: {"metrics": {"auc": float("nan")}, "plans": 13})
    info = client.get("/model").json()
    assert (info["plans"], info["metrics"]) == (13, {"auc": None})


def test_app_opens_nothing_before_it_is_started(make_app: Callable[..., FastAPI]) -> None:
    def loader() -> Any:
        raise AssertionError("loaded at import")

    app = make_app(loader=loader)
    client = TestClient(app)  # without `with` the lifespan does not run
    assert client.get("/health").status_code == 200
    response = client.get("/ready")
    assert (response.status_code, response.json()["reason"]) == (503, "starting")


def failing_loader() -> Any:
    raise ArtifactError("/srv/artifacts/v1: model.joblib differs from its hash")


def failing_probe(model: object) -> None:
    raise ArtifactError("CANARY")


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        pytest.param({"loader": failing_loader}, "bundle_refused", id="bad-bundle"),
        pytest.param({"probe": failing_probe}, "probe_failed", id="failed-probe"),
    ],
)
def test_service_without_a_model_is_alive_and_not_ready(
    make_client: MakeClient, parts: dict[str, Any], reason: str
) -> None:
    client = make_client(**parts)
    assert client.get("/health").status_code == 200
    for path in ("/ready", "/model"):
        response = client.get(path)
        assert (response.status_code, response.json()["reason"]) == (503, reason)
        assert response.headers["retry-after"] == "5"
        assert "/srv" not in response.text
        assert "CANARY" not in response.text
    assert client.post("/predict", json={"minutes": 1.0}).status_code == 503


def test_slow_model_does_not_keep_health_waiting(make_client: MakeClient) -> None:
    go_on = threading.Event()

    class Slow:
        version = "slow"

    def loader() -> Slow:
        assert go_on.wait(10)
        return Slow()

    client = make_client(loader=loader, startup_wait_seconds=0.05)
    assert client.get("/health").status_code == 200
    assert client.get("/ready").json()["reason"] == "starting"
    go_on.set()
    for _ in range(100):
        if client.get("/ready").status_code == 200:
            break
        time.sleep(0.02)
    assert client.get("/ready").json()["version"] == "slow"


def test_draining_service_is_not_ready_and_still_answers(make_client: MakeClient) -> None:
    slot: ModelSlot[Any] = ModelSlot()
    client = make_client(slot=slot)
    slot.drain()
    response = client.get("/ready")
    assert (response.status_code, response.json()["reason"]) == (503, "draining")
    assert client.post("/predict", json={"minutes": 1.0}).status_code == 200


def test_serving_imports_neither_pandas_nor_scikit_learn() -> None:
    script = (
        "import importlib, pkgutil, sys\n"
        "import common_utils.serving as serving, common_utils.scoring.scorer\n"
        "found = pkgutil.walk_packages(serving.__path__, 'common_utils.serving.')\n"
        "for one in found: importlib.import_module(one.name)\n"
        "print(sorted({'pandas', 'sklearn', 'joblib', 'scipy', 'pyarrow'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


GETS = ("/health", "/ready", "/metrics", "/model", "/docs", "/docs/start.js", "/docs/swagger-ui.css", "/openapi.json")


@pytest.mark.parametrize("path", GETS)
def test_head_is_get_without_the_body(make_client: MakeClient, path: str) -> None:
    client = make_client()
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    if path != "/metrics":  # which counted the request before
        assert head.headers["content-length"] == got.headers["content-length"]


def test_head_of_a_service_that_is_not_ready_says_so(make_client: MakeClient) -> None:
    assert make_client(loader=failing_loader).head("/ready").status_code == 503


def test_head_of_a_post_route_is_refused_and_get_routes_allow_it(make_client: MakeClient) -> None:
    client = make_client()
    wrong = client.head("/predict")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert client.post("/health").headers["allow"] == "GET, HEAD"
    assert 'requests_total{method="HEAD",route="/predict",status="405"} 1.0' in client.get("/metrics").text


def test_answers_of_a_draining_service_end_their_connection(make_client: MakeClient) -> None:
    slot: ModelSlot[Any] = ModelSlot()
    client = make_client(slot=slot)
    assert "connection" not in client.get("/health").headers
    slot.drain()
    for answer in (client.post("/predict", json={"minutes": 1.0}), client.get("/ready"), client.get("/nothing")):
        assert answer.headers["connection"] == "close"


def test_lost_pointer_stands_in_ready_and_metrics(make_client: MakeClient) -> None:
    slot: ModelSlot[Any] = ModelSlot()
    client = make_client(slot=slot)
    assert "model_pointer_lost 0.0" in client.get("/metrics").text
    slot.expect(None, "root_missing")
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()["reason"]) == (200, "root_missing")
    assert "model_pointer_lost 1.0" in client.get("/metrics").text
