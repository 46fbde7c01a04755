from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from app import schemas
from app.fastapi_app import create_app
from bankchurn.config import BankChurnConfig
from bankchurn.data import RANGES
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
def case(table_project: TableProject, live: LiveModel[BankChurnConfig]) -> AppCase:
    return AppCase(table_project, create_app, schemas.CustomerRequest, CUSTOMER, RANGES, live)


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


@pytest.mark.parametrize(
    "check",
    [*ALL_APP_CHECKS, check_every_route_is_described_and_shows_its_answers],
    ids=lambda check: check.__name__,
)
def test_the_app_starts_as_it_should(case: AppCase, check: Callable[[AppCase], None]) -> None:
    check(case)


def test_service_answers_from_a_bundle_as_the_pipeline_does(case: AppCase, bundle: Bundle) -> None:
    check_a_bundle_s_probability_is_its_pipeline_s(case, bundle)
