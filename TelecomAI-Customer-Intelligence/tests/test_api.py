from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from app import schemas
from app.fastapi_app import create_app
from common_utils.bundle import Bundle
from common_utils.scoring import Columns, row_count
from common_utils.table_project.service import LiveModel
from common_utils.testing.services import ALL_SERVICE_CHECKS, ServiceCase
from common_utils.testing.table_app import (
    ALL_APP_CHECKS,
    AppCase,
    check_a_bundle_s_probability_is_its_pipeline_s,
    check_every_route_is_described_and_shows_its_answers,
)
from common_utils.testing.table_fixtures import TableProject
from telecom.caveat import CAVEAT
from telecom.config import TelecomConfig
from telecom.data import RANGES

MONTH = dict(schemas.EXAMPLE)


class HeavyScorer:
    """The more data, the likelier Ultra: a probability of gigabytes / 100."""

    classes = ("0", "1")

    def score(self, columns: Columns) -> NDArray[np.float64]:
        p = np.minimum(columns["mb_used"] / 102_400, 1.0) if row_count(columns) else np.empty(0)
        return np.column_stack([1 - p, p])


@pytest.fixture(scope="module")
def live(settings: TelecomConfig) -> LiveModel[TelecomConfig]:
    metrics = {"holdout": {"thresholds": {"likelier": 0.5, "f1": 0.3}}}
    return LiveModel("v-test", HeavyScorer(), settings, {"created": "2026-01-01T00:00:00Z"}, metrics)


@pytest.fixture(scope="module")
def case(table_project: TableProject, live: LiveModel[TelecomConfig]) -> AppCase:
    return AppCase(table_project, create_app, schemas.MonthRequest, MONTH, RANGES, live)


@pytest.fixture(scope="module")
def client(live: LiveModel[TelecomConfig]) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: live)) as started:
        yield started


def test_predict_answers_with_the_likelier_plan_and_what_that_means(client: TestClient) -> None:
    answer = client.post("/predict", json={**MONTH, "mb_used": 51_200})
    assert answer.status_code == 200
    assert answer.json() == {
        "prediction": "ultra",
        "probability": 0.5,
        "meaning": "the plan held, not the best plan; for advice ask PlanRec",
        "model_version": "v-test",
    }
    assert client.post("/predict", json={**MONTH, "mb_used": 51_000}).json()["prediction"] == "smart"


def test_predict_answers_by_the_threshold_of_the_settings(live: LiveModel[TelecomConfig]) -> None:
    model = live.config.model.model_copy(update={"threshold": "f1"})
    other = LiveModel(
        live.version, live.scorer, live.config.model_copy(update={"model": model}), live.info, live.metrics
    )
    with TestClient(create_app(lambda: other)) as started:
        assert started.post("/predict", json={**MONTH, "mb_used": 31_000}).json()["prediction"] == "ultra"


def test_the_service_says_what_its_figures_are_not(client: TestClient) -> None:
    assert CAVEAT in client.get("/openapi.json").json()["info"]["description"]


SERVICE = ServiceCase(
    record=MONTH,
    refused=[
        {},
        {name: value for name, value in MONTH.items() if name != "calls"},
        {**MONTH, "calls": -1},
        {**MONTH, "minutes": "311.9"},
        {**MONTH, "minutes": 44_641},
        {**MONTH, "messages": True},
        {**MONTH, "messages": None},
        {**MONTH, "mb_used": 1e308},
        {**MONTH, "mb_used": "canary-4711"},
        {**MONTH, "canary-4711": 1},
    ],
    canary="canary-4711",
)


@pytest.mark.parametrize("check", ALL_SERVICE_CHECKS, ids=lambda check: check.__name__)
def test_the_service_keeps_its_promises(client: TestClient, check: Callable[[TestClient, ServiceCase], None]) -> None:
    check(client, SERVICE)


@pytest.mark.parametrize(
    "check",
    [*ALL_APP_CHECKS, check_every_route_is_described_and_shows_its_answers],
    ids=lambda check: check.__name__,
)
def test_the_app_starts_as_it_should(case: AppCase, check: Callable[[AppCase], None]) -> None:
    check(case)


def test_service_answers_from_a_bundle_as_the_pipeline_does(case: AppCase, bundle: Bundle) -> None:
    check_a_bundle_s_probability_is_its_pipeline_s(case, bundle)
