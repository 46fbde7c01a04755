"""What the service writes into the decision log: plan ids, cents and probabilities; no usage, no words about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.advice_json import decided_json
from app.schemas import PredictRequest, RecommendRequest
from common_utils.decision_log.journal.lines import Fixed
from common_utils.decision_log.recorder import Recorder
from common_utils.serving.decisions.events import LoggedEvent, LogPlace, with_events
from common_utils.serving.decisions.quick import QuickLog
from planrec.advice.subscriber import SubscriberAdvice
from planrec.decisions.groups import age_group
from planrec.offers.exploration import Exploration

if TYPE_CHECKING:
    from app.live import AskedRecord, LivePlanRec
    from app.what_if import WhatIfModel, WhatIfResponse

__all__ = [
    "Log",
    "advice_line",
    "choice_line",
    "heeded",
    "logged_batch",
    "quick_advice",
    "quick_choices",
    "what_if_line",
]


class Log(LogPlace[Recorder]):
    """Where the routes find the decision log, and how much of the offers is explored: nothing where none is logged."""

    exploration = Exploration()


def quick_choices(log: Log) -> QuickLog[Recorder, LivePlanRec]:
    """Return what logs answers of `/predict` that were computed at once; the same lines as `choice_line`."""
    return QuickLog(log, lambda sink, live: sink.keeper(_choices(sink, live)))


def _choices(sink: Recorder, live: LivePlanRec) -> Fixed:
    return sink.fixed("/predict", "choice", live.version, live.rules.version, live.catalogue.version, live.snapshot)


def quick_advice(log: Log) -> QuickLog[Recorder, LivePlanRec]:
    """Return what logs advice that was computed at once, and which the request alone decides; as `advice_line`."""
    return QuickLog(log, lambda sink, live: sink.keeper(_recommendations(sink, live, "advice")))


def _recommendations(sink: Recorder, live: LivePlanRec, mode: str) -> Fixed:
    return sink.fixed("/recommend", mode, live.version, live.rules.version, live.catalogue.version, live.snapshot)


def choice_line(event: LoggedEvent[Recorder], live: LivePlanRec, body: PredictRequest, answer: bytes) -> bytes:
    """Return the line of an answer of `/predict`: the answer as it is sent."""
    sink = event.sink
    return sink.line(
        _choices(sink, live),
        event.event_id,
        answer=answer,
        asked=event.asked,
        subject=body.subject,
        milliseconds=event.milliseconds,
        groups=age_group(body.age),
    )


def advice_line(
    event: LoggedEvent[Recorder], live: LivePlanRec, body: RecommendRequest, advice: SubscriberAdvice
) -> bytes:
    """Return the line of an answer of `/recommend`: its plans in numbers, without line items and sentences."""
    sink = event.sink
    return sink.line(
        _recommendations(sink, live, body.mode),
        event.event_id,
        answer=decided_json(advice),
        asked=event.asked,
        subject=body.subject,
        milliseconds=event.milliseconds,
        groups=age_group(body.age),
        propensity=advice.propensity,
    )


def what_if_line(
    event: LoggedEvent[Recorder], live: WhatIfModel, body: PredictRequest, compared: WhatIfResponse
) -> bytes:
    """Return the line of an answer of `/what-if`: its plans in numbers, before and after."""
    versions = compared.model_version, compared.rules_version, compared.catalogue_version
    return event.sink.line(
        event.sink.fixed("/what-if", "what-if", *versions, live.snapshot),
        event.event_id,
        answer=compared.decided(),
        asked=event.asked,
        subject=body.subject,
        milliseconds=event.milliseconds,
        groups=age_group(body.age),
    )


def heeded(log: Log, body: RecommendRequest, question: AskedRecord, event: LoggedEvent[Recorder] | None) -> AskedRecord:
    """Return a question for an offer: without consent where the subject objected, else explored as declared."""
    if body.mode != "offer" or event is None:
        return question
    if event.sink.objects(body.subject):
        return replace(question, record=replace(question.record, consent=False))
    if not log.exploration.on:
        return question
    asked = replace(question.asked, exploration=log.exploration, draw=event.sink.draw(event.event_id))
    return replace(question, asked=asked)


def logged_batch(
    events: Sequence[LoggedEvent[Recorder]],
    answers: Sequence[bytes],
    line: Callable[[LoggedEvent[Recorder], int], bytes],
) -> bytes:
    """Return the answers of a batch as the inside of a JSON list, with their events where decisions are logged.

    Parameters
    ----------
    events : sequence of LoggedEvent
        One for each answer, or none.
    answers : sequence of bytes
    line : callable
        From an event and the place of its record to the line.
    """
    lines = [line(event, place) for place, event in enumerate(events)]
    return b",".join(with_events(events, answers, lines))
