from __future__ import annotations

from typing import Annotated

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from common_utils.errors import ConfigError
from common_utils.serving.config import LimitConfig
from common_utils.serving.explain import FORM
from common_utils.serving.fast_route import BodyReader


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Month(Strict):
    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$", max_length=7, description="a month as YYYY-MM")]
    code: str = Field("A", pattern="^[A-Z]$", max_length=1, description="kind", json_schema_extra={FORM: "one letter"})


class Person(Strict):
    months: list[Month] = Field(max_length=3)
    plan: Annotated[str, Field(pattern="^[a-z]+$", max_length=9)] | None = Field(
        default=None, description="a plan's id"
    )


class People(Strict):
    records: list[Person] = Field(min_length=1, max_length=1000)


def refused(body: bytes) -> list[tuple[tuple[object, ...], str]]:
    with pytest.raises(RequestValidationError) as caught:
        BodyReader(People, LimitConfig())(body)
    return [(tuple(error["loc"]), error["msg"]) for error in caught.value.errors()]


@pytest.mark.parametrize(
    ("body", "at", "message"),
    [
        (b'{"records":[{"months":[],"x":1}]}', (0, "x"), "This field is not permitted; allowed here: months, plan."),
        (
            b'{"records":[{"months":[{"month":"2025-01","y":1}]}]}',
            (0, "months", 0, "y"),
            "This field is not permitted; allowed here: code, month.",
        ),
        (
            b'{"records":[{"months":[{"month":"1.2025"}]}]}',
            (0, "months", 0, "month"),
            "This text does not follow the field's pattern: a month as YYYY-MM.",
        ),
        (
            b'{"records":[{"months":[{"month":"2025-01","code":"1"}]}]}',
            (0, "months", 0, "code"),
            "This text does not follow the field's pattern: one letter.",
        ),
        (
            b'{"records":[{"months":[],"plan":"A B"}]}',
            (0, "plan"),
            "This text does not follow the field's pattern: a plan's id.",
        ),
        (
            b'{"records":[{"months":[{"month":"2025-01","code":"AB"}]}]}',
            (0, "months", 0, "code"),
            "String should have at most 1 character: one letter.",
        ),
        (b'{"records":[{"months":[],"plan":"abcdefghij"}]}', (0, "plan"), "String should have at most 9 characters"),
    ],
)
def test_message_says_what_is_allowed(body: bytes, at: tuple[object, ...], message: str) -> None:
    assert refused(body) == [(("body", "records", *at), message)]


def test_a_pattern_that_nobody_describes_cannot_be_served() -> None:
    class Tariff(Strict):
        code: Annotated[str, Field(pattern="^[A-Z]$", max_length=1)] | None

    class Tariffs(Strict):
        records: list[Tariff] = Field(max_length=2)

    with pytest.raises(ConfigError, match=r"\['Tariff.code'\]: say in words what the pattern asks for"):
        BodyReader(Tariffs, LimitConfig())


def test_names_are_listed_once_a_place() -> None:
    found = refused(b'{"records":[{"months":[],"x":1,"y":2},{"months":[],"z":3}]}')
    assert [loc[2:] for loc, _ in found] == [(0, "x"), (0, "y"), (1, "z")]
    assert ["allowed here" in message for _, message in found] == [True, False, False]


def test_errors_of_several_records_are_told() -> None:
    body = b'{"records":[{"months":[]},{"months":1},{"months":[]},{"months":2}]}'
    assert [loc for loc, _ in refused(body)] == [("body", "records", 1, "months"), ("body", "records", 3, "months")]
