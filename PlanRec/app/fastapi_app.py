"""The service: `planrec serve`, or `python -m app` from the project's folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from fastapi import APIRouter, FastAPI
from pydantic_core import to_json

from app.live import LivePlanRec, open_live, probe
from app.log import Log, advice_line, choice_batch, choice_line
from app.schemas import (
    BatchRequest,
    BatchResponse,
    PlansResponse,
    PredictRequest,
    PredictResponse,
    RecommendRequest,
    RecommendResponse,
)
from app.what_if import what_if_routes
from common_utils.config import resolve_path
from common_utils.decision_log.kinds import check_value
from common_utils.decision_log.recorder import Recorder, open_recorder
from common_utils.releases.config import load_trust
from common_utils.serving.fast_route import FastRoute
from common_utils.serving.model_slot import ModelSlot
from common_utils.serving.outcomes import outcome_routes
from common_utils.serving.project import ProjectService
from planrec.advice import recommend_subscriber
from planrec.bundle import SaidSettings
from planrec.config import SPEC, PlanRecConfig, load_planrec_config
from planrec.offers.exploration import Exploration

__all__ = ["PROJECT", "app", "create_app"]

PROJECT = Path(__file__).resolve().parents[1]


def _routes(slot: ModelSlot[LivePlanRec], log: Log) -> list[APIRouter]:
    # One record takes less than handing it to a thread; a batch takes milliseconds, which belong in one.
    router = APIRouter(tags=["planrec"], route_class=FastRoute)
    plain = APIRouter(tags=["planrec"])

    @router.post("/predict", summary="Which plan will this subscriber choose?", response_model=PredictResponse)
    async def predict(body: PredictRequest) -> bytes:
        live = slot.get()
        answer = live.predict_one(body.record())
        slot.count(1)
        event = log.event()
        return answer if event is None else await event.answer(answer, choice_line(event, live, body, answer))

    @router.post("/predict/batch", summary="The same for many subscribers", response_model=BatchResponse)
    def predict_batch(body: BatchRequest) -> bytes:
        live = slot.get()
        answers = [one.model_dump_json().encode() for one in live.predict([r.record() for r in body.records])]
        slot.count(len(answers))
        logged = choice_batch(log, live, body.records, answers)
        return b'{"predictions":[%b],"model_version":%b}' % (b",".join(logged), to_json(live.version))

    @router.post(
        "/recommend",
        summary="Which plan should this subscriber be on, or should they stay?",
        response_model=RecommendResponse,
    )
    async def recommend(body: RecommendRequest) -> bytes | Callable[[], bytes]:
        live = slot.get()
        policy = live.policy(body)
        event = log.event()
        record, asked = log.consulted(event, body, body.record(), body.asked(policy))
        advice = live.adviser.quick(record, asked)
        if advice is not None:
            answer = live.recommended(advice, policy, body.month())
            if event is None:
                return answer
            return await event.answer(answer, advice_line(event, live, body, advice, answer))

        def computed() -> bytes:
            advice = recommend_subscriber(record, live.engine, asked)
            answer = live.recommended(advice, policy, body.month())
            return answer if event is None else event.answer_now(answer, advice_line(event, live, body, advice, answer))

        return computed

    @plain.get("/plans", summary="The catalogue that answers are priced on")
    def plans() -> PlansResponse:
        return PlansResponse.of(slot.get().catalogue)

    return [router, plain]


def create_app(
    open_model: Callable[[], LivePlanRec] | None = None, open_log: Callable[[], Recorder | None] | None = None
) -> FastAPI:
    """Return the service; nothing is opened before it starts.

    Parameters
    ----------
    open_model : callable, optional
        Opens what the service answers with; by default the bundle that PLANREC_BUNDLE names, or the current one of
        the configured artifacts folder, whose pointer is then followed; and the rules of the setting `serving.rules`,
        or else the bundle's.
    open_log : callable, optional
        Opens the decision log; by default the configured one, and none where `open_model` is given.

    Examples
    --------
    >>> sorted(path for path in create_app().openapi()["paths"] if path.startswith("/p"))
    ['/plans', '/predict', '/predict/batch']
    """
    slot: ModelSlot[LivePlanRec] = ModelSlot()
    service = ProjectService(
        SPEC, PROJECT, slot, lambda: load_planrec_config(PROJECT), _opener, probe, model_info=lambda live: live.info
    )
    log = Log()
    return service.create(
        [*_routes(slot, log), what_if_routes(slot.get), outcome_routes(log, check_value)],
        version="0.1.0",
        open_model=open_model,
        logbook=log,
        open_log=open_log or (partial(_open_log, log) if open_model is None else lambda: None),
    )


def _open_log(log: Log) -> Recorder | None:
    config = load_planrec_config(PROJECT)
    log.exploration = Exploration(config.offers.exploration.share, config.offers.exploration.floor)
    return open_recorder(config.decisions, SPEC.name, PROJECT)


def _opener(config: PlanRecConfig) -> Callable[[Path], LivePlanRec]:
    """Return what opens a bundle by the settings at hand: rules that operations staff edit, and whose keys count."""
    rules = None if config.serving.rules is None else resolve_path(PROJECT, config.serving.rules)
    trust, said = load_trust(config.releases, PROJECT), SaidSettings.of(config)
    return lambda path: open_live(path, rules=rules, trust=trust, said=said)


app = create_app()
