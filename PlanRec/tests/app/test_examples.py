"""What /docs shows: every route is described, and every answer shown is one that the service gives."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from app.examples import ADVICE, CATALOGUE, COMPARISON, PREDICTION
from app.fastapi_app import create_app
from app.responses import PlansResponse, PredictResponse, RecommendResponse
from app.what_if import WhatIfResponse
from planrec.billing import Catalogue


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (PredictResponse, PREDICTION),
        (RecommendResponse, ADVICE),
        (WhatIfResponse, COMPARISON),
        (PlansResponse, CATALOGUE),
    ],
)
def test_an_example_is_an_answer_of_its_model(model: type[BaseModel], example: dict[str, Any]) -> None:
    assert model.model_validate(example).model_dump(mode="json") == example


def test_examples_name_plans_and_prices_of_the_rate_card(catalogue: Catalogue) -> None:
    shown = PlansResponse.model_validate(CATALOGUE)
    assert shown == PlansResponse.of(catalogue).model_copy(update={"plans": shown.plans})
    assert shown.plans[0] == PlansResponse.of(catalogue).plans[0]
    probabilities = PredictResponse.model_validate(PREDICTION).probabilities
    assert set(probabilities) <= set(catalogue.plan_ids)
    assert sum(probabilities.values()) == pytest.approx(1)


def test_every_route_is_described_and_shows_an_answer() -> None:
    for path, operations in create_app().openapi()["paths"].items():
        for operation in operations.values():
            assert operation.get("description"), path
            (content,) = operation["responses"]["200"]["content"].values()
            assert content.get("example"), path
