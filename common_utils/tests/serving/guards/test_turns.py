"""Large bodies leave the event loop, one at a time; small ones stay on it."""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Self

import anyio
import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, Field, model_validator

from common_utils.serving.config import LimitConfig
from common_utils.serving.fast_route import FastRoute
from common_utils.serving.guards.turns import LARGE_BYTES, Lane, short_turns

MakeClient = Callable[..., TestClient]


class Watched:
    """What validation does and where it ran."""

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.work: Callable[[], object] = lambda: None


WATCHED = Watched()


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    notes: list[Annotated[str, Field(max_length=100)]] = Field(max_length=10_000)

    @model_validator(mode="after")
    def _seen(self) -> Self:
        WATCHED.threads.append(threading.get_ident())
        WATCHED.work()
        return self


class Answer(BaseModel):
    notes: int
    thread: int


def routers() -> list[APIRouter]:
    router = APIRouter(route_class=FastRoute)

    @router.post("/at-once", response_model=Answer)
    async def at_once(body: Body) -> Answer:
        return Answer(notes=len(body.notes), thread=threading.get_ident())

    @router.post("/threaded")
    def threaded(body: Body) -> Answer:
        return Answer(notes=len(body.notes), thread=threading.get_ident())

    return [router]


def sized(size: int) -> bytes:
    """Return a valid body of so many bytes."""
    return json.dumps({"notes": ["x" * 100] * 20}).encode().ljust(size)


@pytest.fixture
def watched() -> Watched:
    WATCHED.__init__()
    return WATCHED


@pytest.mark.parametrize("path", ["/at-once", "/threaded"])
def test_a_large_body_is_read_off_the_loop_and_a_small_one_on_it(
    make_client: MakeClient, watched: Watched, path: str
) -> None:
    client = make_client(routes=routers())
    loop = client.post("/at-once", content=sized(LARGE_BYTES), headers={"content-type": "application/json"})
    assert watched.threads == [loop.json()["thread"]]
    for size in (LARGE_BYTES, LARGE_BYTES + 1):
        answer = client.post(path, content=sized(size), headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["notes"]) == (200, 20)
    small, large = watched.threads[1:]
    assert small == loop.json()["thread"]
    assert large != small


@pytest.mark.parametrize("path", ["/at-once", "/threaded"])
def test_health_is_answered_while_a_large_body_is_read(make_client: MakeClient, watched: Watched, path: str) -> None:
    client, begun, answered = make_client(routes=routers()), threading.Event(), threading.Event()
    waited: list[bool] = []

    def work() -> None:
        begun.set()
        waited.append(answered.wait(5))

    watched.work = work
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(
            client.post, path, content=sized(LARGE_BYTES + 1), headers={"content-type": "application/json"}
        )
        assert begun.wait(10)
        assert client.get("/health").status_code == 200
        answered.set()
        assert sent.result().status_code == 200
    assert waited == [True]


@pytest.mark.parametrize("path", ["/at-once", "/threaded"])
def test_a_large_body_that_takes_too_long_is_told(make_client: MakeClient, watched: Watched, path: str) -> None:
    client = make_client(routes=routers(), limits=LimitConfig(deadline_seconds=0.1))
    watched.work = lambda: time.sleep(0.4)
    answer = client.post(path, content=sized(LARGE_BYTES + 1), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (504, "urn:problem:deadline")


@pytest.mark.parametrize("path", ["/at-once", "/threaded"])
def test_a_large_body_is_refused_as_a_small_one_is(make_client: MakeClient, watched: Watched, path: str) -> None:
    client = make_client(routes=routers())
    body = json.dumps({"notes": [7]}).encode()
    small, large = (
        client.post(path, content=body.ljust(size), headers={"content-type": "application/json"}).json()
        for size in (100, LARGE_BYTES + 1)
    )
    assert (small["status"], small["errors"]) == (large["status"], large["errors"])


def test_a_large_body_of_another_route_is_checked_off_the_loop(make_client: MakeClient) -> None:
    client = make_client()
    body = b'{"a": [' + b"1," * 20_000 + b"1]}"
    answer = client.post("/echo", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:problem:too_many_members")


def test_one_body_is_worked_on_at_a_time_in_the_order_of_asking() -> None:
    lane, active, most, order = Lane(), 0, 0, list[bytes]()

    def work(body: bytes) -> None:
        nonlocal active, most
        active += 1
        most = max(most, active)
        order.append(body)
        time.sleep(0.002)
        active -= 1

    async def ask() -> None:
        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(lane.run, work, b"%d" % number)

    anyio.run(ask)
    assert most == 1
    assert order == sorted(order)


def test_collection_and_switching_are_set_while_a_service_runs(make_client: MakeClient) -> None:
    before = sys.getswitchinterval()
    with short_turns():
        assert gc.get_freeze_count() > 1000
        assert sys.getswitchinterval() == pytest.approx(0.001)
    assert (gc.get_freeze_count(), sys.getswitchinterval()) == (0, before)
    make_client()  # as the fixture enters it
    assert sys.getswitchinterval() == pytest.approx(0.001)
