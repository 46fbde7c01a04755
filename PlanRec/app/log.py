"""What the service writes into the decision log: plan ids, cents and probabilities; no usage, no words about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic_core import to_json

from app.schemas import PredictRequest, RecommendRequest
from common_utils.decision_log.recorder import Recorder
from common_utils.serving.decided import Event, Logbook, with_events
from planrec.advice import Request as AdviceRequest
from planrec.advice.subscriber import SubscriberAdvice
from planrec.decisions import SubscriberRecord
from planrec.offers.exploration import Exploration

if TYPE_CHECKING:
    from app.live import LivePlanRec

__all__ = ["Log", "advice_line", "age_group", "choice_batch", "choice_line"]


class Log(Logbook[Recorder]):
    """Where the routes find the decision log, and how much of the offers is explored: none where nothing is logged."""

    exploration = Exploration()

    def consulted(
        self, event: Event[Recorder] | None, body: RecommendRequest, record: SubscriberRecord, asked: AdviceRequest
    ) -> tuple[SubscriberRecord, AdviceRequest]:
        """Return record and question of an offer: explored as declared, and none for a subject who objected."""
        if event is None or body.mode != "offer":
            return record, asked
        if event.sink.objects(body.subject):
            return replace(record, consent=False), asked
        if not self.exploration.on:
            return record, asked
        return record, replace(asked, exploration=self.exploration, draw=event.sink.draw(event.event_id))


_BANDS = (18, 25, 35, 45, 55, 65, 75)


def age_group(age: float | None) -> bytes:
    """Return the declared coarse groups of a subscriber, as JSON.

    Examples
    --------
    >>> age_group(34), age_group(90), age_group(None)
    (b'{"age_band":"25-34"}', b'{"age_band":"75+"}', b'{}')
    """
    if age is None:
        return b"{}"
    first = 0
    for limit in _BANDS:
        if age < limit:
            return b'{"age_band":"%d-%d"}' % (first, limit - 1)
        first = limit
    return b'{"age_band":"%d+"}' % first


def choice_line(event: Event[Recorder], live: LivePlanRec, body: PredictRequest, answer: bytes) -> bytes:
    """Return the line of an answer of `/predict`."""
    sink = event.sink
    return sink.line(
        sink.fixed("/predict", "choice", live.version, live.rules.version, live.catalogue.version),
        event.event_id,
        answer=answer,
        asked=event.body or body.__pydantic_serializer__.to_json(body),
        subject=body.subject,
        milliseconds=event.milliseconds,
        groups=age_group(body.age),
    )


def choice_batch(
    log: Log, live: LivePlanRec, records: Sequence[PredictRequest], answers: Sequence[bytes]
) -> list[bytes]:
    """Return the answers of `/predict/batch` with their events, written to the log together."""
    events = log.events(len(records))
    triples = zip(events, records, answers, strict=bool(events))
    lines = [choice_line(event, live, body, answer) for event, body, answer in triples]
    return with_events(events, answers, lines)


def advice_line(
    event: Event[Recorder], live: LivePlanRec, body: RecommendRequest, advice: SubscriberAdvice, answer: bytes
) -> bytes:
    """Return the line of an answer of `/recommend`: its plans in numbers, without line items and sentences."""
    sink = event.sink
    return sink.line(
        sink.fixed("/recommend", body.mode, live.version, live.rules.version, live.catalogue.version),
        event.event_id,
        answer=to_json(advice.decided()),
        answered=answer,
        asked=event.body or body.__pydantic_serializer__.to_json(body),
        subject=body.subject,
        milliseconds=event.milliseconds,
        propensity=advice.propensity,
        groups=age_group(body.age),
    )
