from __future__ import annotations

import json
import logging
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, NaiveDatetime, TypeAdapter, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException

from common_utils.errors import DataError, NotReadyError
from common_utils.serving.model_slot import ModelNotReadyError
from common_utils.serving.problems import ProblemError, error_response, validation_problem

CANARY = "CANARY4711"


def answer(error: Exception, names: frozenset[str] = frozenset()) -> tuple[int, dict[str, Any]]:
    response = error_response(error, lambda: names)
    assert response.media_type == "application/problem+json"
    assert len(response.body) <= 4096
    return response.status_code, json.loads(bytes(response.body))


@pytest.mark.parametrize(
    ("error", "status", "kind", "detail"),
    [
        (ProblemError(404, "unknown_plan", "No such plan."), 404, "unknown_plan", "No such plan."),
        (DataError("usage: no months"), 422, "data", "usage: no months"),
        (HTTPException(404, detail=CANARY), 404, "http_404", None),
        (HTTPException(499), 499, "http_499", None),
        (ValueError(CANARY), 500, "internal", None),
    ],
)
def test_error_becomes_a_problem(error: Exception, status: int, kind: str, detail: str | None) -> None:
    sent, problem = answer(error)
    assert sent == problem["status"] == status
    assert problem["type"] == f"urn:problem:{kind}"
    assert problem.get("detail") == detail
    assert CANARY not in json.dumps(problem)


def test_not_ready_tells_why_and_when_to_come_back() -> None:
    response = error_response(ModelNotReadyError("bundle_refused"), frozenset)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert json.loads(bytes(response.body))["reason"] == "bundle_refused"


def test_not_ready_never_quotes_a_path() -> None:
    _, problem = answer(NotReadyError("/srv/artifacts/current is missing"))
    assert "/srv" not in json.dumps(problem)
    assert "reason" not in problem


def test_http_exception_keeps_its_headers() -> None:
    response = error_response(HTTPException(405, headers={"Allow": "GET"}), frozenset)
    assert response.headers["allow"] == "GET"


def test_http_exception_below_400_is_no_problem() -> None:
    response = error_response(HTTPException(304, headers={"ETag": "x"}), frozenset)
    assert (response.status_code, bytes(response.body), response.headers["etag"]) == (304, b"", "x")


def test_unhandled_error_is_logged_with_its_frames_only(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer(ValueError(CANARY))
    assert "unhandled error\nValueError" in caplog.text
    assert CANARY not in caplog.text


class Validated(BaseModel):
    model_config = ConfigDict(extra="forbid")

    count: int = Field(1, ge=0, le=10)
    ratio: float = 0.0
    flag: bool = False
    day: date = date(2026, 1, 1)
    moment: NaiveDatetime | None = None
    plan: Literal["smart", "ultra"] = "smart"
    name: str = Field("a", max_length=3, pattern="^[a-z]+$")
    names: list[str] = Field(default_factory=list, max_length=2)
    amounts: dict[str, int] = Field(default_factory=dict)
    even: int = 0
    odd: int = 1

    @field_validator("even")
    @classmethod
    def _is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError(f"{value} is odd, {CANARY}")
        return value

    @field_validator("odd")
    @classmethod
    def _is_odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise PydanticCustomError("not_odd", "Must be odd")
        return value


NAMES = frozenset(Validated.model_fields)


def refused(**values: Any) -> list[dict[str, Any]]:
    with pytest.raises(ValidationError) as caught:
        Validated.model_validate(values)
    errors = [error | {"loc": ("body", *error["loc"])} for error in caught.value.errors()]
    _, problem = answer(RequestValidationError(errors), NAMES)
    assert CANARY not in json.dumps(problem)
    return problem["errors"]


@pytest.mark.parametrize(
    ("values", "location", "code", "message"),
    [
        ({"count": 11}, ["body", "count"], "less_than_equal", "Input should be less than or equal to 10"),
        ({"count": CANARY}, ["body", "count"], "int_parsing", "valid integer"),
        ({"ratio": CANARY}, ["body", "ratio"], "float_parsing", "valid number"),
        ({"flag": CANARY}, ["body", "flag"], "bool_parsing", "valid boolean"),
        ({"day": CANARY}, ["body", "day"], "date_from_datetime_parsing", "cannot be accepted"),
        ({"moment": "2026-01-01T00:00:00+01:00"}, ["body", "moment"], "timezone_naive", "timezone"),
        ({"plan": CANARY}, ["body", "plan"], "literal_error", "'smart' or 'ultra'"),
        ({"name": CANARY}, ["body", "name"], "string_too_long", "at most 3"),
        ({"name": "A"}, ["body", "name"], "string_pattern_mismatch", "pattern"),
        ({"names": ["a"] * 3}, ["body", "names"], "too_long", "at most 2"),
        ({"names": [1]}, ["body", "names", 0], "string_type", "valid string"),
        ({"amounts": {CANARY: "x"}}, ["body", "amounts", "<unknown field>"], "int_parsing", "valid integer"),
        ({CANARY: 1}, ["body", "<unknown field>"], "extra_forbidden", "not permitted"),
        ({"even": 3}, ["body", "even"], "value_error", "cannot be accepted"),
        ({"odd": 2}, ["body", "odd"], "not_odd", "Must be odd"),
    ],
)
def test_refused_field_is_named_without_its_value(
    values: dict[str, Any], location: list[object], code: str, message: str
) -> None:
    (error,) = refused(**values)
    assert error["location"] == location
    assert error["code"] == code
    assert message in error["message"]


def test_tag_of_a_union_is_not_quoted() -> None:
    class A(BaseModel):
        kind: Literal["a"]

    class B(BaseModel):
        kind: Literal["b"]

    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[A | B, Field(discriminator="kind")])
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python({"kind": CANARY})
    _, fields = validation_problem(caught.value.errors(), frozenset({"kind"}))
    assert fields[0].message == "This value cannot be accepted."


def test_at_most_twenty_fields_are_listed() -> None:
    errors = [{"type": "missing", "loc": ("body", "rows", row), "msg": "Field required"} for row in range(25)]
    detail, fields = validation_problem(errors, frozenset({"rows"}))
    assert detail == "25 fields were refused; the first 20 are listed."
    assert len(fields) == 20


def test_answer_is_bounded_whatever_was_refused() -> None:
    names = [f"{'n' * 60}{number}" for number in range(8)]
    errors = [{"type": "t" * 99, "loc": ("body", *names, row), "msg": "m" * 999} for row in range(25)]
    _, problem = answer(RequestValidationError(errors), frozenset(names))
    assert 1 <= len(problem["errors"]) < 20
