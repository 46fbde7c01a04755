"""The service: `planrec serve`, or `python -m app` from the project's folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from pathlib import Path

from fastapi import APIRouter, FastAPI
from pydantic_core import to_json

from app.advice_json import decided_json
from app.live import LivePlanRec, open_live, probe
from app.log import Log, advice_line, choice_line, heeded, logged_batch, quick_advice, quick_choices
from app.profiles import NO_SCORE, SeenProfiles
from app.responses import (
    BatchResponse,
    PlansResponse,
    PredictResponse,
    RecommendBatchResponse,
    RecommendResponse,
)
from app.schemas import BatchRequest, PredictRequest, RecommendBatchRequest, RecommendRequest
from app.what_if import what_if_routes
from common_utils.config import resolve_path
from common_utils.decision_log.kinds import check_value
from common_utils.decision_log.recorder import Recorder, open_recorder
from common_utils.monitoring.profiles.metrics import ProfileCollector
from common_utils.releases.config import load_trust
from common_utils.serving.decisions.events import LoggedEvent
from common_utils.serving.decisions.outcomes import outcome_routes
from common_utils.serving.fast_route import FastRoute
from common_utils.serving.model_slot import ModelSlot
from common_utils.serving.project import ProjectService
from planrec.bundle import SaidSettings
from planrec.config import SPEC, PlanRecConfig, load_planrec_config
from planrec.decisions.groups import age_group
from planrec.offers.exploration import Exploration

__all__ = ["PROJECT", "app", "create_app"]

PROJECT = Path(__file__).resolve().parents[1]


# One record takes less than handing it to a thread; a batch takes milliseconds, which belong in one.


def _predict_routes(slot: ModelSlot[LivePlanRec], log: Log, profiles: SeenProfiles) -> APIRouter:
    router = APIRouter(tags=["planrec"], route_class=FastRoute)
    logged = quick_choices(log)

    @router.post("/predict", summary="Which plan will this subscriber choose?", response_model=PredictResponse)
    async def predict(body: PredictRequest) -> bytes | Callable[[], bytes]:
        """Return how likely the subscriber is to choose each plan when next free to. For advice ask `/recommend`."""
        live, record, month = slot.get(), body.record(), body.month()
        if body.as_of is not None:
            live.check_recent(record, month)
        found = live.quick_chances(record, month)
        if found is not None:
            slot.count(1)
            profiles.predict.put((live, (record, body.subject), max(found[0])))
            said = logged(live, live.said(record, *found), body.subject, age_group(body.age))
            return said if isinstance(said, bytes) else await said
        event = log.event()

        def computed() -> bytes:
            said = live.predict([record], [month])[0]
            answer = _json(said)
            slot.count(1)
            profiles.predict.put((live, (record, body.subject), said.probabilities[said.prediction]))
            return answer if event is None else event.answer_now(answer, choice_line(event, live, body, answer))

        return computed

    @router.post("/predict/batch", summary="The same for many subscribers", response_model=BatchResponse)
    def predict_batch(body: BatchRequest) -> bytes:
        """Return an answer for each record, in order; if one is refused, the whole batch is, and the error names it."""
        live = slot.get()
        records = [record.record() for record in body.records]
        for place, (record, asked) in enumerate(zip(records, body.records, strict=True)):
            if asked.as_of is not None:
                live.check_recent(record, asked.month(), f"record {place}, counted from 0: ")
        found = live.predict(records, [asked.month() for asked in body.records])
        answers = [_json(one) for one in found]
        slot.count(len(answers))
        for record, asked, one in zip(records, body.records, found, strict=True):
            profiles.predict.put((live, (record, asked.subject), one.probabilities[one.prediction]))
        inside = logged_batch(
            log.events(body.records),
            answers,
            lambda event, place: choice_line(event, live, body.records[place], answers[place]),
        )
        return b'{"predictions":[%b],"model_version":%b}' % (inside, to_json(live.version))

    return router


def _recommend_routes(slot: ModelSlot[LivePlanRec], log: Log, profiles: SeenProfiles) -> APIRouter:
    router = APIRouter(tags=["planrec"], route_class=FastRoute)
    logged = quick_advice(log)

    def from_cells(live: LivePlanRec, body: RecommendRequest, event: LoggedEvent[Recorder] | None) -> bytes:
        asking = live.asking(body)
        question = asking.question(body)
        profiles.recommend.put((live, (question.record, body.subject), NO_SCORE))
        advice = asking.advised(question)
        answer = asking.recommended(question, advice)
        return answer if event is None else event.answer_now(answer, advice_line(event, asking, body, advice))

    @router.post(
        "/recommend",
        summary="Which plan should this subscriber be on, or should they stay?",
        response_model=RecommendResponse,
    )
    async def recommend(body: RecommendRequest) -> bytes | Callable[[], bytes]:
        """Return the plans in order with expected bill, saving, risk and a reason, and why a plan is left out."""
        live, event = slot.get(), None
        if body.cells is not None:
            return partial(from_cells, live, body, log.event())
        question = live.question(body)
        if body.mode == "offer":  # what is offered hangs on the event
            event = log.event()
            question = heeded(log, body, question, event)
        advice = live.adviser.quick(question.record, question.asked)
        profiles.recommend.put((live, (question.record, body.subject), NO_SCORE))
        if advice is not None:
            answer = live.recommended(question, advice)
            if event is not None:
                return await event.answer(answer, advice_line(event, live, body, advice))
            said = logged(live, answer, body.subject, age_group(body.age), partial(decided_json, advice))
            return said if isinstance(said, bytes) else await said
        event = event or log.event()

        def computed() -> bytes:
            advice = live.advised(question)
            answer = live.recommended(question, advice)
            return answer if event is None else event.answer_now(answer, advice_line(event, live, body, advice))

        return computed

    @router.post("/recommend/batch", summary="The same for many subscribers", response_model=RecommendBatchResponse)
    def recommend_batch(body: RecommendBatchRequest) -> bytes:
        """Return advice, or an offer, for each record, in order; if one is refused, the whole batch is."""
        live = slot.get()
        events = log.events(body.records)
        asking = [live.asking(record, place) for place, record in enumerate(body.records)]
        questions = [
            heeded(log, record, one.question(record, place), event)
            for place, (one, record, event) in enumerate(zip_longest(asking, body.records, events))
        ]
        advices = [
            one.advised(question, place) for place, (one, question) in enumerate(zip(asking, questions, strict=True))
        ]
        for question, record in zip(questions, body.records, strict=True):
            profiles.recommend.put((live, (question.record, record.subject), NO_SCORE))
        inside = logged_batch(
            events,
            [one.recommended(*said) for one, said in zip(asking, zip(questions, advices, strict=True), strict=True)],
            lambda event, place: advice_line(event, asking[place], body.records[place], advices[place]),
        )
        return b'{"recommendations":[%b],"model_version":%b}' % (inside, to_json(live.version))

    return router


def _catalogue_routes(slot: ModelSlot[LivePlanRec]) -> APIRouter:
    router = APIRouter(tags=["planrec"])

    @router.get("/plans", summary="The catalogue that answers are priced on")
    def plans() -> PlansResponse:
        """Return every plan of the live bundle's rate card with its prices and when it is on sale; amounts in cents."""
        live = slot.get()
        return PlansResponse.of(live.catalogue, None if live.cells is None else live.cells.told())

    return router


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
    log, profiles = Log(), SeenProfiles()
    routers = [_predict_routes(slot, log, profiles), _recommend_routes(slot, log, profiles), _catalogue_routes(slot)]
    app = service.create(
        [*routers, what_if_routes(slot.get, log), outcome_routes(log, check_value)],
        version="0.1.0",
        open_model=open_model,
        log=log,
        open_log=open_log or (partial(_open_log, log) if open_model is None else lambda: None),
        beside=(lambda: profiles.started(load_planrec_config(PROJECT), PROJECT)) if open_model is None else None,
    )
    app.state.metrics.add(ProfileCollector(profiles.predict, profiles.recommend))
    return app


def _open_log(log: Log) -> Recorder | None:
    config = load_planrec_config(PROJECT)
    log.exploration = Exploration(config.offers.exploration.share, config.offers.exploration.floor)
    return open_recorder(config.decisions, SPEC.name, PROJECT)


def _json(answer: PredictResponse) -> bytes:
    return answer.__pydantic_serializer__.to_json(answer)


def _opener(config: PlanRecConfig) -> Callable[[Path], LivePlanRec]:
    """Return what opens a bundle by the settings at hand: rules that operations staff edit, and whose keys count."""
    rules = None if config.serving.rules is None else resolve_path(PROJECT, config.serving.rules)
    trust, said = load_trust(config.releases, PROJECT), SaidSettings.of(config)
    return lambda path: open_live(path, rules=rules, trust=trust, said=said)


app = create_app()
