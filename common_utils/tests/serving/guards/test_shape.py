from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from common_utils.serving.config import LimitConfig
from common_utils.serving.fast_route import BodyReader
from common_utils.serving.guards.shape import IN_BODY, Shape, check_members
from common_utils.serving.problems import CutValidationError, ProblemError


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Month(Strict):
    minutes: float = Field(ge=0, le=1000)
    note: str = Field("", max_length=40)


class Person(Strict):
    months: list[Month] = Field(min_length=1, max_length=3)
    age: float | None = Field(default=None, ge=0, le=130)
    shares: dict[str, float] = Field(default_factory=dict, max_length=2)


class Persons(Strict):
    records: list[Person] = Field(min_length=1, max_length=1000)


class Plain(Strict):
    records: list[Month] = Field(min_length=1, max_length=100_000)


ROWS = 50
SHAPE = Shape.of(Plain, ROWS)
RECORD = b'{"minutes":1.5,"note":"a"}'


def many(item: bytes, count: int) -> bytes:
    return b'{"records":[' + b",".join([item] * count) + b"]}"


def keys(count: int, name: bytes = b"k%06d") -> bytes:
    return b"{" + b",".join(b'"' + (name % i if b"%" in name else name) + b'":1' for i in range(count)) + b"}"


def test_elements_that_a_body_has_together_are_not_counted_for_each_record() -> None:
    class Rows(Strict):
        rows: list[Month] = Field(max_length=3, json_schema_extra={IN_BODY: 5})

    class Many(Strict):
        records: list[Rows] = Field(max_length=1000)

    shape = Shape.of(Many, 10)
    # the batch, ten records and five rows of two fields
    assert (shape.objects, shape.items, shape.members) == (1 + 10 + 5, 10 + 5, 1 + 10 + 5 * 2)
    row = b'{"rows":[%b]}' % b",".join([b'{"minutes":1}'] * 3)
    body = b'{"records":[%b]}' % b",".join([row] * 3)
    shape.check(body + b" " * 2000)  # nine rows, which the model refuses
    with pytest.raises(ProblemError) as refused:
        shape.check(b'{"records":[%b]}' % b",".join([row] * 10) + b" " * 2000)
    assert refused.value.status == 413


def test_shape_counts_what_a_body_can_hold() -> None:
    shape = Shape.of(Persons, 10)
    assert shape.names == {b"records", b"months", b"minutes", b"note", b"age", b"shares"}
    assert (shape.free, shape.widest, shape.by_rows) == ({b"shares"}, 3, True)
    # one of the batch, and for each person one of its own, three months, and the shares
    assert (shape.objects, shape.items) == (1 + 10 * (1 + 3 + 1), 10 * (1 + 3))
    assert shape.members == 1 + 10 * (3 + 3 * 2 + 2)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(many(RECORD, ROWS), id="largest"),
        pytest.param(many(b'{"minutes" : 1, "note" : "x:,{"}', ROWS), id="blanks-before-colons"),
        pytest.param(many(b'{"\\u006dinutes":1,"note":"' + b"{:," * 13 + b'"}', ROWS), id="signs-in-texts"),
        pytest.param(json.dumps(json.loads(many(RECORD, ROWS)), indent=4).encode(), id="printed-with-blanks"),
    ],
)
def test_largest_legal_body_passes_however_it_is_written(body: bytes) -> None:
    assert len(body) > 1024
    SHAPE.check(body)
    assert len(BodyReader(Plain, LimitConfig(max_batch_rows=ROWS))(body).records) == ROWS


@pytest.mark.parametrize("unknown", [keys(20_000), many(keys(20_000), 1), many(keys(200), ROWS)])
def test_flood_of_unknown_fields_is_told_by_its_first_ones(unknown: bytes) -> None:
    with pytest.raises(CutValidationError) as caught:
        SHAPE.check(unknown)
    assert len(caught.value.errors()) == 21
    assert caught.value.errors()[0]["type"] == "extra_forbidden"


def test_location_leads_to_the_record() -> None:
    with pytest.raises(CutValidationError) as caught:
        SHAPE.check(b'{"records":[' + RECORD + b"," + RECORD + b"," + keys(500) + b"]}")
    assert caught.value.errors()[0]["loc"] == ("body", "records", 2, "k000000")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(many(b"{}", 30_000), 413, "batch_too_large", id="wide-batch"),
        pytest.param(many(b"1", 30_000), 413, "batch_too_large", id="numbers"),
        pytest.param(many(b"[[]]", 30_000), 413, "batch_too_large", id="arrays"),
        pytest.param(many(keys(3000, b"note"), 1), 400, "malformed_json", id="a-known-key-again-and-again"),
    ],
)
def test_other_floods_are_refused(body: bytes, status: int, code: str) -> None:
    with pytest.raises(ProblemError) as caught:
        SHAPE.check(body)
    assert (caught.value.status, caught.value.code) == (status, code)


def test_free_keys_are_not_unknown_fields() -> None:
    person = b'{"months":[{"minutes":1}],"shares":{"first":0.5,"second":1}}'
    Shape.of(Persons, 400).check(many(person, 400))


def test_members_of_other_bodies_are_bounded() -> None:
    check_members(b'{"note":"' + b",:" * 20_000 + b'"}')
    with pytest.raises(ProblemError, match="members and elements"):
        check_members(keys(20_000))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(keys(125_000), id="unknown"),
        pytest.param(many(keys(125_000), 1), id="unknown-in-a-record"),
        pytest.param(many(b"{}", 340_000), id="wide"),
        pytest.param(many(b'{"minutes":[{}],"note":{}}', 50), id="wrong-kinds"),
        pytest.param(many(b"{}", 50), id="missing"),
        pytest.param(b'{"records":' + b"[[]," * 160_000 + b"1" + b"]" * 160_000 + b"}", id="deep-tree"),
    ],
)
def test_no_flood_builds_more_errors_than_are_told(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[int] = []

    class CountingError(RequestValidationError):
        def __init__(self, errors: Any, **options: Any) -> None:
            built.append(len(errors))
            super().__init__(errors, **options)

    monkeypatch.setattr("common_utils.serving.fast_route.CutValidationError", CountingError)
    with pytest.raises((RequestValidationError, ProblemError)):
        BodyReader(Plain, LimitConfig())(body)
    assert max(built, default=0) <= 21


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(RECORD, id="flat"),
        pytest.param(b' { "minutes" : 1 , "note" : "}],{\\"k\\":" } ', id="signs-in-a-text"),
        pytest.param(b'{"note":"","minutes":[{"minutes":1}]}', id="nested"),
    ],
)
def test_unknown_fields_are_told_by_their_place_among_records(record: bytes) -> None:
    flood = b'{"minutes":1,"note":{"minutes":2},' + keys(200)[1:]
    with pytest.raises(CutValidationError) as caught:
        Shape.of(Plain, 1000).check(many(record, 7)[:-2] + b"," + flood + b"]}")
    assert [error["loc"] for error in caught.value.errors()][:2] == [
        ("body", "records", 7, "k000000"),
        ("body", "records", 7, "k000001"),
    ]
