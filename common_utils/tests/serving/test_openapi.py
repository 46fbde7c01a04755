from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI

from common_utils.serving.app import Readiness
from common_utils.serving.openapi import PROBLEM_RESPONSES, declared_names
from common_utils.serving.problems import Problem


@pytest.fixture
def document(make_app: Callable[..., FastAPI]) -> dict[str, Any]:
    return make_app().openapi()


def operations(document: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        ("GET /health", {"200", "431", "500", "503", "504"}),
        ("GET /plans/{plan_id}", {"200", "401", "403", "422", "429", "431", "500", "503", "504"}),
        ("POST /predict", {"200", "400", "401", "403", "408", "413", "415", "422", "429", "431", "500", "503", "504"}),
    ],
)
def test_operation_declares_its_problems(document: dict[str, Any], operation: str, statuses: set[str]) -> None:
    assert set(operations(document)[operation]["responses"]) == statuses


def test_every_error_is_declared_as_problem_json(document: dict[str, Any]) -> None:
    for operation in operations(document).values():
        for status, response in operation["responses"].items():
            if status.startswith(("4", "5")):
                (content,) = response["content"].items()
                assert content[0] == "application/problem+json"
                assert content[1]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_every_error_example_has_its_own_status(document: dict[str, Any]) -> None:
    for operation in operations(document).values():
        for status, response in operation["responses"].items():
            if status.startswith(("4", "5")):
                example = response["content"]["application/problem+json"]["example"]
                assert example["status"] == int(status)
                Problem.model_validate(example)


def test_every_route_of_the_service_is_described_and_shows_an_answer(document: dict[str, Any]) -> None:
    for path in ("/health", "/ready", "/model", "/metrics"):
        operation = document["paths"][path]["get"]
        assert len(operation["description"]) > len(operation["summary"])
        (content,) = operation["responses"]["200"]["content"].values()
        assert content["example"]
    ready = document["paths"]["/ready"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    assert Readiness.model_validate(ready).status == "ready"


def test_every_reference_can_be_followed(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert "HTTPValidationError" not in schemas
    for text in str(document).split("'$ref': '")[1:]:
        assert text.split("'")[0].removeprefix("#/components/schemas/") in schemas


def test_document_is_built_once(make_app: Callable[..., FastAPI]) -> None:
    app = make_app()
    assert app.openapi() is app.openapi()


def test_router_can_declare_a_status_of_its_own(make_app: Callable[..., FastAPI]) -> None:
    router = APIRouter()

    @router.get("/limited", responses={429: PROBLEM_RESPONSES[429]})
    async def limited() -> None:
        return

    responses = operations(make_app(routes=[router]).openapi())["GET /limited"]["responses"]
    assert "Retry-After" in responses["429"]["headers"]


def test_declared_names_are_fields_and_parameters(make_app: Callable[..., FastAPI]) -> None:
    names = declared_names(make_app())()
    assert {"minutes", "plan_id", "top"} <= names
    assert "smart" not in names
