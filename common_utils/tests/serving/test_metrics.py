from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fastapi.testclient import TestClient

from common_utils.errors import ArtifactError
from common_utils.serving.metrics import ServiceMetrics
from common_utils.serving.model_slot import ModelSlot

MakeClient = Callable[..., TestClient]


def series(client: TestClient) -> dict[str, float]:
    text = client.get("/metrics").text
    return {name: float(value) for name, value in re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)}


def test_requests_are_counted_by_route_template(make_client: MakeClient) -> None:
    client = make_client()
    for plan in ("smart", "ultra"):
        client.get(f"/plans/{plan}")
    found = series(client)
    assert found['requests_total{method="GET",route="/plans/{plan_id}",status="200"}'] == 2
    assert found['request_seconds_count{route="/plans/{plan_id}"}'] == 2


def test_request_refused_before_routing_is_counted_under_its_route(make_client: MakeClient) -> None:
    client = make_client()
    client.post("/predict", content=b"{", headers={"content-type": "application/json"})
    assert series(client)['requests_total{method="POST",route="/predict",status="400"}'] == 1


def test_random_paths_and_methods_keep_the_series_constant(make_client: MakeClient) -> None:
    client = make_client()
    client.get("/0.php")
    client.request("BREW", "/0")
    client.get("/plans/0")
    client.get("/metrics")
    before = len(series(client))
    for number in range(1, 150):
        client.get(f"/{number}.php")
        client.request(f"BREW{number}", f"/{number}")
        client.get(f"/plans/{number}")
    found = series(client)
    assert len(found) == before
    assert found['requests_total{method="GET",route="unmatched",status="404"}'] == 150
    assert found['requests_total{method="other",route="unmatched",status="404"}'] == 150


def test_predictions_are_counted_by_handlers(make_client: MakeClient) -> None:
    client = make_client()
    client.post("/predict", json={"minutes": 1.0})
    client.post("/predict", json={"minutes": -1.0})
    assert series(client)["predictions_total"] == 1


def test_model_series_follow_the_slot(make_client: MakeClient) -> None:
    found = series(make_client())
    assert found["model_ready"] == 1
    assert found['model_info{version="v1"}'] == 1


def test_refused_model_is_counted_by_reason(make_client: MakeClient) -> None:
    def loader() -> object:
        raise ArtifactError("hash differs")

    found = series(make_client(loader=loader))
    assert found["model_ready"] == 0
    assert found['model_load_failures_total{reason="bundle_refused"}'] == 1
    assert not any(name.startswith("model_info") for name in found)


def test_each_app_has_its_own_registry() -> None:
    slots = [ModelSlot[Any](), ModelSlot[Any]()]
    first, second = (ServiceMetrics(slot) for slot in slots)
    slots[0].count(3)
    first.observe("/predict", "POST", 200, 0.002)
    assert b"predictions_total 3.0" in first.text()
    assert b"predictions_total 0.0" in second.text()
    assert b"/predict" not in second.text()


def test_times_are_counted_in_every_bucket_they_lie_below() -> None:
    metrics = ServiceMetrics(ModelSlot())
    for seconds, status in ((0.0005, 200), (0.002, 200), (99.0, 500)):
        metrics.observe("/predict", "POST", status, seconds)
    text = metrics.text().decode()
    for bound, count in (("0.0005", 1), ("0.001", 1), ("0.0025", 2), ("10.0", 2), ("+Inf", 3)):
        assert f'request_seconds_bucket{{le="{bound}",route="/predict"}} {count}.0' in text
    assert 'request_seconds_sum{route="/predict"} 99.0025' in text
    assert 'requests_total{method="POST",route="/predict",status="500"} 1.0' in text
