from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model

from common_utils.serving.guards.bounds import unbounded_fields


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Plan(Enum):
    SMART = "smart"


Minutes = Annotated[float, Field(ge=0, le=44_640)]
Name = Annotated[str, Field(max_length=20)]


class Month(Closed):
    minutes: Minutes


class Node(Closed):
    children: list[Node] = Field(max_length=2)


@pytest.mark.parametrize(
    "annotation",
    [
        Minutes,
        Minutes | None,
        Annotated[int, Field(gt=0, lt=10)],
        Name,
        bool,
        date,
        Plan,
        Literal["smart", "ultra"],
        Month,
        Annotated[list[Month], Field(max_length=12)],
        Annotated[tuple[Minutes, Name], Field()],
        Annotated[dict[Name, Minutes], Field(max_length=5)],
    ],
)
def test_bounded_field_passes(annotation: Any) -> None:
    assert unbounded_fields(create_model("Model", __base__=Closed, field=(annotation, ...))) == []


@pytest.mark.parametrize(
    ("annotation", "finding"),
    [
        (int, "field: needs ge/gt and le/lt"),
        (Annotated[float, Field(ge=0)], "field: needs ge/gt and le/lt"),
        (Annotated[float, Field(le=0)], "field: needs ge/gt and le/lt"),
        (float | None, "field: needs ge/gt and le/lt"),
        (str, "field: needs max_length"),
        (Annotated[str, Field(pattern="^a+$")], "field: needs max_length"),
        (list[Month], "field: needs max_length"),
        (Annotated[list[int], Field(max_length=3)], "field[]: needs ge/gt and le/lt"),
        (tuple[int, Name], "field[0]: needs ge/gt and le/lt"),
        (dict[Name, Minutes], "field: needs max_length"),
        (Annotated[dict[str, Minutes], Field(max_length=3)], "field: needs max_length on its keys"),
        (Annotated[dict[Name, int], Field(max_length=3)], "field[]: needs ge/gt and le/lt"),
        (dict[str, Any], "field: accepts unknown fields"),
        (Any, "field: accepts any value"),
        (Node, "field.children[]: nests without end"),
    ],
)
def test_unbounded_field_is_named(annotation: Any, finding: str) -> None:
    assert unbounded_fields(create_model("Model", __base__=Closed, field=(annotation, ...))) == [finding]


def test_nested_field_is_named_by_its_path() -> None:
    inner = create_model("Inner", __base__=Closed, minutes=(float, ...))
    outer = create_model("Outer", __base__=Closed, months=(Annotated[list[inner], Field(max_length=12)], ...))
    assert unbounded_fields(outer) == ["months[].minutes: needs ge/gt and le/lt"]


def test_model_that_accepts_unknown_fields_is_named() -> None:
    class Open(BaseModel):
        minutes: Minutes

    assert unbounded_fields(Open) == ["model: accepts unknown fields"]
