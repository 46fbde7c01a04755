from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from common_utils.errors import ConfigError
from common_utils.serving.config import LimitConfig
from common_utils.serving.fast_route import BodyReader, FastRoute
from common_utils.serving.guards.json_guard import check_json
from common_utils.serving.problems import ProblemError

MakeClient = Callable[..., TestClient]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Month(Strict):
    minutes: Annotated[float, Field(ge=0, le=1000)]
    note: str = Field("", max_length=20)


class Body(Strict):
    months: list[Month] = Field(max_length=3)
    last: Month | None = None
    shares: dict[Annotated[str, Field(max_length=4)], Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict, max_length=2
    )


class Many(Strict):
    records: list[Month] = Field(default=[], max_length=100)
    top_k: int = Field(default=1, ge=1, le=100)


class Answer(BaseModel):
    total: float


def routers() -> list[APIRouter]:
    router = APIRouter(route_class=FastRoute)

    @router.post("/bytes", response_model=Answer)
    async def as_bytes(body: Body) -> bytes:
        return b'{"total":%.1f}' % sum(month.minutes for month in body.months)

    @router.post("/many", response_model=Answer)
    async def many(body: Many) -> bytes:
        return b'{"total":%d}' % (len(body.records) * body.top_k)

    @router.post("/model")
    def as_model(body: Body) -> Answer:
        return Answer(total=sum(month.minutes for month in body.months))

    @router.post("/later", response_model=Answer)
    async def later(body: Body) -> Callable[[], Answer]:
        def work() -> Answer:
            time.sleep(sum(month.minutes for month in body.months))
            return Answer(total=len(body.months))

        return work

    @router.post("/broken")
    async def broken(body: Body) -> Answer:
        raise ValueError("CANARY")

    return [router]


GOOD = {"months": [{"minutes": 1.5, "note": "a:b"}, {"minutes": 2}], "last": {"minutes": 0}, "shares": {"a": 0.5}}


@pytest.mark.parametrize("path", ["/bytes", "/model"])
def test_answer_is_the_json_of_the_declared_model(make_client: MakeClient, path: str) -> None:
    client = make_client(routes=routers())
    response = client.post(path, json=GOOD)
    assert (response.status_code, response.json()) == (200, {"total": 3.5})
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"]
    assert f'requests_total{{method="POST",route="{path}",status="200"}} 1.0' in client.get("/metrics").text


def test_openapi_is_as_complete_as_for_other_routes(make_client: MakeClient) -> None:
    document = make_client(routes=routers()).get("/openapi.json").json()
    for path in ("/bytes", "/model"):
        operation = document["paths"][path]["post"]
        assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/Body")
        assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Answer")
        assert {"400", "413", "415", "422", "429", "503"} <= set(operation["responses"])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b"", 422, "validation", id="empty"),
        pytest.param(b"{", 400, "malformed_json", id="syntax"),
        pytest.param(b'{"months": [], "months": []}', 400, "malformed_json", id="key-twice"),
        pytest.param(b'{"months": [{"minutes": 1, "minutes": 2}]}', 400, "malformed_json", id="inner-key-twice"),
        pytest.param(b'{"months": [{"minutes": NaN}]}', 400, "malformed_json", id="nan"),
        pytest.param(b'{"months": [{"minutes": 1e400}]}', 400, "malformed_json", id="beyond-float"),
        pytest.param(b"[" * 100 + b"]" * 100, 400, "malformed_json", id="deep"),
        pytest.param(b'\xef\xbb\xbf{"months": []}', 400, "malformed_json", id="byte-order-mark"),
        pytest.param(b'{"months": [{"minutes": 1, "note": "\\ud800"}]}', 400, "malformed_json", id="lone-surrogate"),
        pytest.param(b'{"months": [{"minutes": 1, "note": "\xff"}]}', 400, "malformed_json", id="not-utf-8"),
        pytest.param(b'{"months": [{"minutes": "CANARY"}]}', 422, "validation", id="text"),
        pytest.param(b'{"months": [], "CANARY": 1}', 422, "validation", id="unknown-field"),
        pytest.param(b"null", 422, "validation", id="null"),
    ],
)
def test_refusals_are_problems_without_what_was_sent(
    make_client: MakeClient, body: bytes, status: int, code: str
) -> None:
    response = make_client(routes=routers()).post("/bytes", content=body, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["type"]) == (status, f"urn:problem:{code}")
    assert "CANARY" not in response.text
    if status == 422:
        assert response.json()["errors"][0]["location"][0] == "body"


def test_known_field_names_stand_in_the_location(make_client: MakeClient) -> None:
    response = make_client(routes=routers()).post("/bytes", json={"months": [{"minutes": -1}]})
    assert response.json()["errors"][0]["location"] == ["body", "months", 0, "minutes"]


def test_other_methods_and_unforeseen_errors_are_problems_as_well(make_client: MakeClient) -> None:
    client = make_client(routes=routers())
    wrong = client.get("/bytes")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    broken = client.post("/broken", json=GOOD)
    assert (broken.status_code, "CANARY" in broken.text) == (500, False)


def test_what_an_answer_leaves_to_a_thread_keeps_the_deadline(make_client: MakeClient) -> None:
    client = make_client(routes=routers(), limits=LimitConfig(deadline_seconds=0.2))
    quick, slow = (client.post("/later", json={"months": [{"minutes": seconds}]}) for seconds in (0, 0.6))
    assert (quick.status_code, quick.json()) == (200, {"total": 1.0})
    assert (slow.status_code, slow.json()["type"]) == (504, "urn:problem:deadline")


def test_depth_is_the_services(make_client: MakeClient) -> None:
    client = make_client(routes=routers(), limits=LimitConfig(max_json_depth=2))
    response = client.post("/bytes", json={"months": [{"minutes": [[]]}]})
    assert (response.status_code, response.json()["detail"]) == (400, "Arrays and objects may be nested 2 deep.")


@pytest.mark.parametrize(
    ("sent", "status", "kind"),
    [
        pytest.param('{"records":[{"minutes":1},{"minutes":2}],"top_k":3}', 200, None, id="both-at-the-limit"),
        pytest.param('{"records":[{"minutes":1},{"minutes":2},{"minutes":3}]}', 413, "batch_too_large", id="records"),
        pytest.param('{"top_k":4}', 422, "k_too_large", id="k"),
        pytest.param('{"top_k":101}', 422, "validation", id="no-settings-allow-it"),
    ],
)
def test_records_and_k_are_limited_by_the_settings(
    make_client: MakeClient, sent: str, status: int, kind: str | None
) -> None:
    client = make_client(routes=routers(), limits=LimitConfig(max_batch_rows=2, max_k=3))
    answer = client.post("/many", content=sent, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert kind is None or answer.json()["type"] == f"urn:problem:{kind}"


numbers = st.one_of(st.floats(0, 1000), st.sampled_from(["NaN", "1e400", "-0", "-1", "1e3", '"1"', "true"]))
pairs = st.lists(
    st.tuples(
        st.sampled_from(["minutes", "note", "other"]),
        st.one_of(numbers, st.sampled_from(['"a:b"', '"\\u003a"', '"x"'])),
    ),
    max_size=4,
)


@given(months=st.lists(pairs, max_size=3), twice=st.booleans())
def test_reader_never_takes_what_the_guard_refuses(months: list[list[tuple[str, Any]]], twice: bool) -> None:
    written = [",".join(f"{json.dumps(key)}: {value}" for key, value in month) for month in months]
    text = ",".join("{" + month + "}" for month in written)
    body = ('{"months": [' + text + "]" + (', "months": []' if twice else "") + "}").encode()
    try:
        value = BodyReader(Body, LimitConfig(max_json_depth=8))(body)
    except (ProblemError, RequestValidationError):
        return
    check_json(body, 8)
    assert value == Body.model_validate_json(body)


class Open(BaseModel):
    top: int


def test_a_model_with_an_open_field_is_refused_when_the_route_is_made() -> None:
    with pytest.raises(ConfigError, match=r"Open: .*top: needs ge/gt and le/lt.*; a request model bounds every field"):
        BodyReader(Open, LimitConfig(max_json_depth=8))


def test_a_handler_that_takes_anything_else_is_refused() -> None:
    async def endpoint(body: Body, top: int) -> Answer:
        return Answer(total=0)

    with pytest.raises(ConfigError, match="takes `body: <a model>` and nothing else"):
        FastRoute("/x", endpoint, methods=["POST"])


@pytest.mark.parametrize("sent", ["2.0", "2", "20e-1"])
def test_a_whole_number_is_an_integer_however_it_is_written(make_client: MakeClient, sent: str) -> None:
    client = make_client(routes=routers())
    body = '{"records":[{"minutes":1.5},{"minutes":2.0}],"top_k":' + sent + "}"
    answer = client.post("/many", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()) == (200, {"total": 4.0})


@pytest.mark.parametrize("sent", ["2.5", '"2"', "true", "1e300", "0.0", "101.0"])
def test_what_is_no_integer_or_out_of_range_stays_refused(make_client: MakeClient, sent: str) -> None:
    answer = make_client(routes=routers()).post(
        "/many", content='{"top_k":' + sent + "}", headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == ["body", "top_k"]


def test_a_repeated_key_is_refused_beside_a_whole_number(make_client: MakeClient) -> None:
    answer = make_client(routes=routers()).post(
        "/many", content='{"top_k":2.0,"top_k":3.0}', headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["detail"]) == (400, "An object repeats a key.")


def test_refusal_says_which_record(make_client: MakeClient) -> None:
    answer = make_client(routes=routers()).post("/many", json={"records": [{"minutes": 1}, {"minutes": -1}]})
    assert answer.json()["detail"] == "1 field was refused. The first is in record 1, counted from 0."
