from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from app import schemas
from app.fastapi_app import create_app
from carvision.columns import CATEGORIES, MODEL, RANGES
from carvision.config import CarVisionConfig
from carvision.neighbours import Scales
from carvision.scoring import CarScorer, SimilarAd, car_prices
from common_utils.bundle import Bundle
from common_utils.scoring import Columns, row_count
from common_utils.scoring.joblib_scorer import open_model
from common_utils.table_project.service import LiveModel, record_columns
from common_utils.testing.services import ALL_SERVICE_CHECKS, ServiceCase
from common_utils.testing.table_app import (
    ALL_APP_CHECKS,
    AppCase,
    check_every_route_is_described_and_shows_its_answers,
)
from common_utils.testing.table_fixtures import TableProject

CAR = dict(schemas.EXAMPLE)


class MileScorer(CarScorer):
    """Ten dollars off for every hundred miles; give or take a thousand."""

    def __init__(self) -> None:
        """Needs nothing of a bundle."""

    def score(self, columns: Columns) -> NDArray[np.float64]:
        price = 20_000 - np.nan_to_num(columns["odometer"]) / 10 if row_count(columns) else np.empty(0)
        return np.column_stack([price, price - 1000, price + 1000])

    def known(self, columns: Columns) -> NDArray[np.bool_]:
        return np.asarray(columns["model"]) == "ford f-150"

    def similar(self, columns: Columns, *, count: int, scales: Scales) -> list[list[SimilarAd]]:
        assert scales.odometer == 15_000
        ad = SimilarAd("ford f-150", "truck", "good", 2012, 90_000, 11_000)
        return [[ad][:count] for _ in range(row_count(columns))]


@pytest.fixture(scope="module")
def live(settings: CarVisionConfig) -> LiveModel[CarVisionConfig]:
    return LiveModel("v-test", MileScorer(), settings, {"created": "2026-01-01T00:00:00Z"}, {})


@pytest.fixture(scope="module")
def client(live: LiveModel[CarVisionConfig]) -> Iterator[TestClient]:
    with TestClient(create_app(lambda: live)) as started:
        yield started


def test_predict_answers_with_price_interval_and_evidence(client: TestClient) -> None:
    answer = client.post("/predict", json=CAR)
    assert answer.status_code == 200
    assert answer.json() == {
        "prediction": 10_800,
        "low": 9_800,
        "high": 11_800,
        "model_known": True,
        "similar": [
            {
                "model": "ford f-150",
                "type": "truck",
                "condition": "good",
                "model_year": 2012,
                "odometer": 90_000,
                "price": 11_000,
            }
        ],
        "model_version": "v-test",
    }


def test_what_is_unknown_is_answered(client: TestClient) -> None:
    asked = {"model": "tatra 603", "condition": "good", "fuel": "gas", "transmission": "manual", "type": "sedan"}
    assert client.post("/predict", json=asked).json()["model_known"] is False
    nulls = dict.fromkeys(("model_year", "odometer", "cylinders", "paint_color", "is_4wd"))
    assert client.post("/predict", json={**asked, **nulls}).status_code == 200


SERVICE = ServiceCase(
    record=CAR,
    refused=[
        {},
        {**CAR, "model_year": 3000},
        {**CAR, "model_year": 2013.5},
        {**CAR, "odometer": -1},
        {**CAR, "odometer": 1e308},
        {**CAR, "cylinders": 0},
        {**CAR, "is_4wd": True},
        {**CAR, "model": ""},
        {**CAR, "model": " "},
        {**CAR, "model": " - "},
        {**CAR, "model": 7},
        {**CAR, "condition": "canary-4711"},
        {**CAR, "canary-4711": 1},
    ],
    canary="canary-4711",
)


@pytest.mark.parametrize("check", ALL_SERVICE_CHECKS, ids=lambda check: check.__name__)
def test_the_service_keeps_its_promises(client: TestClient, check: Callable[[TestClient, ServiceCase], None]) -> None:
    check(client, SERVICE)


def test_the_service_s_values_are_the_table_s() -> None:
    properties = schemas.CarRequest.model_json_schema()["properties"]
    for name, values in CATEGORIES.items():
        if name != MODEL:
            field = properties[name].get("anyOf", [properties[name]])[0]
            assert tuple(field["enum"]) == values, name


def test_service_answers_from_a_bundle_as_the_pipeline_does(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARVISION_BUNDLE", str(bundle.path))
    with TestClient(create_app(open_log=lambda: None)) as started:
        assert started.get("/ready").json()["version"] == bundle.version
        answer = started.post("/predict", json=CAR).json()
        batch = started.post("/predict/batch", json={"records": [CAR, {**CAR, "model": "tatra 603"}]}).json()
        about = started.get("/model").json()
    assert about["synthetic"] is True
    columns = record_columns([schemas.CarRequest.model_validate(CAR)])
    expected = car_prices(open_model(bundle), columns)[0]
    assert [answer["prediction"], answer["low"], answer["high"]] == [round(value) for value in expected.tolist()]
    assert len(answer["similar"]) == 5
    assert {ad["model"] for ad in answer["similar"]} == {"ford f-150"}
    assert batch["predictions"][0] == answer
    unseen = batch["predictions"][1]
    assert unseen["high"] / unseen["low"] > answer["high"] / answer["low"]
    assert {ad["type"] for ad in unseen["similar"]} == {"truck"}


@pytest.mark.parametrize(
    "check",
    [*ALL_APP_CHECKS, check_every_route_is_described_and_shows_its_answers],
    ids=lambda check: check.__name__,
)
def test_the_app_starts_as_it_should(
    table_project: TableProject, live: LiveModel[CarVisionConfig], check: Callable[[AppCase], None]
) -> None:
    check(AppCase(table_project, create_app, schemas.CarRequest, CAR, RANGES, live))
