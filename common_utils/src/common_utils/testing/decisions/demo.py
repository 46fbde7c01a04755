"""A small service that doubles a number, and logs it as every service logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, ConfigDict, Field

from common_utils.decision_log.kinds import check_value
from common_utils.decision_log.recorder import Recorder
from common_utils.serving.app import create_service
from common_utils.serving.decisions.events import SUBJECT, LoggedAnswer, LoggedEvent, LogPlace, Subject
from common_utils.serving.decisions.outcomes import outcome_routes
from common_utils.serving.fast_route import FastRoute
from common_utils.serving.model_slot import ModelSlot

__all__ = ["DemoAnswer", "DemoQuestion", "demo_app", "demo_line"]


class DemoQuestion(BaseModel):
    """What is asked."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    minutes: float = Field(ge=0, le=1000)
    subject: Subject | None = SUBJECT


class DemoAnswer(LoggedAnswer):
    """What is answered."""

    minutes: float


@dataclass(frozen=True)
class _Model:
    version: str = "v1"


def demo_line(event: LoggedEvent[Recorder], body: DemoQuestion, answer: bytes) -> bytes:
    """Return the line of an answer."""
    return event.sink.line(
        event.sink.fixed("/predict", "demo", "v1"),
        event.event_id,
        answer=answer,
        asked=event.asked,
        subject=body.subject,
        milliseconds=event.milliseconds,
    )


def _doubled(body: DemoQuestion) -> bytes:
    return b'{"minutes":%d}' % round(2 * body.minutes)


def demo_app(
    open_log: Callable[[], Recorder | None],
    *,
    answer: Callable[[DemoQuestion], bytes] = _doubled,
) -> FastAPI:
    """Return the service.

    Parameters
    ----------
    open_log : callable
        As for `create_service`.
    answer : callable
        From a question to the JSON of its answer.

    Examples
    --------
    >>> sorted(path for path in demo_app(lambda: None).openapi()["paths"] if path.startswith("/pr"))
    ['/predict']
    """
    place: LogPlace[Recorder] = LogPlace()
    router = APIRouter(route_class=FastRoute)

    @router.post("/predict", response_model=DemoAnswer)
    async def predict(body: DemoQuestion) -> bytes:
        said, event = answer(body), place.event()
        return said if event is None else await event.answer(said, demo_line(event, body, said))

    return create_service(
        title="Demo",
        version="0",
        description="",
        slot=ModelSlot[_Model](),
        loader=_Model,
        probe=lambda _: None,
        model_info=lambda _: {},
        routes=[router, outcome_routes(place, check_value)],
        log=place,
        open_log=open_log,
    )
