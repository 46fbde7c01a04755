from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from app import schemas
from app.fastapi_app import create_app
from bankchurn.config import SPEC, BankChurnConfig
from bankchurn.data import RANGES
from common_utils.bundle import Bundle
from common_utils.errors import ArtifactError
from common_utils.service_contracts import ALL_SERVICE_CHECKS, ServiceCase
from common_utils.serving.bounds import unbounded_fields
from common_utils.serving.joblib_scorer import open_model
from common_utils.serving.scorer import Columns, row_count
from common_utils.serving.table_service import Batch, LiveModel, record_columns

CUSTOMER = dict(schemas.EXAMPLE)


class OldScorer:
    """The older, the likelier to leave: a probability of age / 100."""

    classes = ("0", "1")

    def score(self, columns: Columns) -> NDArray[np.float64]:
        p = columns["Age"] / 100 if row_count(columns) else np.empty(0)
        return np.column_stack([1 - p, p])


@pytest.fixture(scope="module")
def live(settings: BankChurnConfig) -> LiveModel[BankChurnConfig]:
    metrics = {"holdout": {"thresholds": {"f1": 0.5, "profit": 0.3}}}
    return LiveModel("v-test", OldScorer(), settings, {"created": "2026-01-01T00:00:00Z"}, metrics)


@pytest.fixture(scope="module")
def client(live: LiveModel[BankChurnConfig]) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: live)) as started:
        yield started


def test_predict_answers_with_probability_and_what_a_contact_brings(client: TestClient) -> None:
    answer = client.post("/predict", json={**CUSTOMER, "Age": 60})
    assert answer.status_code == 200
    # 400 euro kept in 30 % of the cases, a contact costs 25: 0.6 * 120 - 25.
    assert answer.json() == {
        "prediction": "leaves",
        "probability": 0.6,
        "expected_profit": pytest.approx(47),
        "model_version": "v-test",
    }
    assert client.post("/predict", json={**CUSTOMER, "Age": 49}).json()["prediction"] == "stays"


@pytest.mark.parametrize("tenure", [{"Tenure": None}, {}], ids=["null", "left-out"])
def test_a_missing_tenure_is_answered(client: TestClient, tenure: dict[str, object]) -> None:
    body = {name: value for name, value in CUSTOMER.items() if name != "Tenure"}
    assert client.post("/predict", json={**body, **tenure}).status_code == 200


SERVICE = ServiceCase(
    record=CUSTOMER,
    refused=[
        {},
        {**CUSTOMER, "Age": 7},
        {**CUSTOMER, "Age": "42"},
        {**CUSTOMER, "HasCrCard": True},
        {**CUSTOMER, "HasCrCard": 2},
        {**CUSTOMER, "NumOfProducts": 1.5},
        {**CUSTOMER, "Balance": 1e308},
        {**CUSTOMER, "Geography": "canary-4711"},
        {**CUSTOMER, "canary-4711": 1},
    ],
    canary="canary-4711",
)


@pytest.mark.parametrize("check", ALL_SERVICE_CHECKS, ids=lambda check: check.__name__)
def test_the_service_keeps_its_promises(client: TestClient, check: Callable[[TestClient, ServiceCase], None]) -> None:
    check(client, SERVICE)


def test_no_request_field_is_unbounded() -> None:
    assert unbounded_fields(schemas.CustomerRequest) == []
    assert unbounded_fields(Batch[schemas.CustomerRequest]) == []


def test_the_service_s_bounds_are_the_table_s() -> None:
    properties = schemas.CustomerRequest.model_json_schema()["properties"]
    for name, (low, high) in RANGES.items():
        field = properties[name].get("anyOf", [properties[name]])[0]
        assert (field["minimum"], field["maximum"]) == (low, high), name


def test_service_without_a_bundle_is_alive_and_not_ready(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BANKCHURN_BUNDLE", str(tmp_path))
    with TestClient(create_app()) as started:
        assert started.get("/health").status_code == 200
        assert started.get("/ready").status_code == 503
        assert started.post("/predict", json=CUSTOMER).status_code == 503


def test_a_scorer_that_fails_never_becomes_ready(live: LiveModel[BankChurnConfig]) -> None:
    class Broken(OldScorer):
        def score(self, columns: Columns) -> NDArray[np.float64]:
            raise ArtifactError("broken")

    bad = LiveModel("v-bad", Broken(), live.config, live.info, live.metrics)
    with TestClient(create_app(lambda: bad)) as started:
        assert started.get("/ready").status_code == 503


def test_service_answers_from_a_bundle_as_the_pipeline_does(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANKCHURN_BUNDLE", str(bundle.path))
    with TestClient(create_app()) as started:
        assert started.get("/ready").json()["version"] == bundle.version
        answer = started.post("/predict", json=CUSTOMER).json()
        about = started.get("/model").json()
    assert about["synthetic"] is True
    columns = record_columns([schemas.CustomerRequest.model_validate(CUSTOMER)])
    expected = open_model(bundle).predict_proba(columns)[0, 1]
    assert answer["probability"] == pytest.approx(expected, abs=1e-12)


def test_default_bundle_is_the_configured_artifacts_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BANKCHURN_BUNDLE", raising=False)
    monkeypatch.setenv("BANKCHURN__TRAINING__ARTIFACTS", str(tmp_path))
    with TestClient(create_app()) as started:
        assert started.get("/ready").status_code == 503


def test_python_m_app_serves_as_settings_and_environment_say(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[object, Path]] = []
    monkeypatch.setattr("common_utils.serving.start.serve_configured", lambda *given: started.append(given))
    runpy.run_module("app", run_name="__main__")
    assert started == [(SPEC, Path(__file__).resolve().parents[1])]
