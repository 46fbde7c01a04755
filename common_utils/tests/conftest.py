"""A small service around a fake model for the tests of `common_utils.serving`, and bundles that can be removed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from fastapi import APIRouter, Body, FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, Field

from common_utils.serving.app import create_service
from common_utils.serving.model_slot import ModelSlot

pytest_plugins = ["common_utils.testing.unhurried"]


@dataclass(frozen=True)
class FakeModel:
    version: str = "v1"


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    minutes: float = Field(ge=0, le=100_000)
    plan: Literal["smart", "ultra"] = "smart"
    note: str = Field("", max_length=40)
    tags: dict[str, float] = Field(default_factory=dict, max_length=3)


def service_parts(slot: ModelSlot[FakeModel]) -> APIRouter:
    router = APIRouter()

    @router.post("/predict")
    async def predict(row: Row) -> dict[str, Any]:
        slot.count(1)
        return {"minutes": row.minutes, "note": row.note, "model_version": slot.get().version}

    @router.post("/echo")
    async def echo(body: Annotated[Any, Body()]) -> Any:
        return body

    @router.get("/plans/{plan_id}")
    async def plan(plan_id: str, top: int = 1) -> dict[str, int]:
        return {"top": top}

    @router.get("/sleep")
    def sleep(seconds: float) -> dict[str, bool]:
        time.sleep(seconds)
        return {"slept": True}

    return router


@pytest.fixture
def make_app() -> Callable[..., FastAPI]:
    """A factory of services; every argument of `create_service` can be given."""

    def make(**given: Any) -> FastAPI:
        slot: ModelSlot[FakeModel] = given.pop("slot", None) or ModelSlot()
        arguments: dict[str, Any] = {
            "title": "Demo",
            "version": "1.2.3",
            "description": "A service for tests.",
            "slot": slot,
            "loader": FakeModel,
            "probe": lambda _: None,
            "model_info": lambda _: {"created": "2026-11-23T12:00:00Z", "metrics": {"auc": 0.75}},
            "routes": [service_parts(slot)],
        }
        return create_service(**arguments | given)

    return make


@pytest.fixture
def make_client(make_app: Callable[..., FastAPI]) -> Iterator[Callable[..., TestClient]]:
    """A factory of clients of a started service; stopped after the test."""
    with ExitStack() as stack:
        yield lambda **given: stack.enter_context(TestClient(make_app(**given)))


@pytest.fixture
def removable(tmp_path: Path) -> Iterator[None]:
    """Files of bundles are read-only: they must not outlive the test for a user who is not root."""
    yield
    for path in tmp_path.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o644)
