"""The event of an answer, and the log's place beside the slot.

The log itself is an argument: whatever has the methods of `DecisionSink`. An answer waits until its line is kept, and
goes out whatever became of the line; where it was not kept, the answer says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Annotated, Any, Generic, Protocol, TypeAlias, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel, BeforeValidator, Field

from common_utils.identifiers import LONGEST_ID, cleaned_id
from common_utils.serving.request_id import caller

__all__ = [
    "SUBJECT",
    "DecisionSink",
    "LogPlace",
    "LoggedAnswer",
    "LoggedEvent",
    "Subject",
    "with_event",
    "with_events",
]


def _cleaned(value: object) -> object:
    return cleaned_id(value) if isinstance(value, str) else value


Subject: TypeAlias = Annotated[str, Field(min_length=1, max_length=LONGEST_ID), BeforeValidator(_cleaned)]
"""Who a request is about, in the form that files clean identifiers to; bounded in that form."""

SUBJECT: Any = Field(
    default=None,
    description="who this is about, as the caller names them: joins outcomes; kept only as a keyed digest, never "
    "repeated",
)
"""The optional field of every request and record."""


class LoggedAnswer(BaseModel):
    """What an answer says of its entry in the decision log; nothing where decisions are not logged."""

    event_id: str | None = Field(
        default=None,
        max_length=64,
        exclude_if=lambda value: value is None,
        description="names this decision: report outcomes by it; a retry with the same Idempotency-Key has the same",
    )
    unlogged: bool | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="true: the log could not take this answer; it counts in no evaluation",
    )


class DecisionSink(Protocol):
    """What a log must do for a service; `common_utils.decision_log.recorder.Recorder` does."""

    @property
    def unlogged(self) -> Mapping[str, int]:
        """How many answers went out unlogged, by reason."""
        ...

    @property
    def journal_bytes(self) -> int:
        """How many bytes wait for the shipper."""
        ...

    @property
    def waits(self) -> bool:
        """Whether `keep` waits for a disk; else `keep_now` is as quick on the event loop."""
        ...

    def event(self, client: str, name: str) -> str:
        """Return the id of the event that a client's Idempotency-Key or a request id names."""
        ...

    async def keep(self, lines: bytes, count: int = 1) -> bool:
        """Write lines on the event loop; say whether they are kept."""
        ...

    def keep_now(self, lines: bytes, count: int = 1) -> bool:
        """Write lines in a thread."""
        ...

    def close(self) -> None:
        """End; what was kept stays."""
        ...


Sink = TypeVar("Sink", bound=DecisionSink)


@dataclass(slots=True)
class LoggedEvent(Generic[Sink]):
    """One answer on its way into the log.

    Attributes
    ----------
    sink : DecisionSink
    event_id : str
    begun : float
        `perf_counter` at the request's arrival.
    asked : bytes
        What was asked, as it came.
    place : LogPlace
        Counts the answer.
    """

    sink: Sink
    event_id: str
    begun: float
    asked: bytes
    place: LogPlace[Sink]

    @property
    def milliseconds(self) -> float:
        """Time since the request arrived."""
        return (perf_counter() - self.begun) * 1000

    async def answer(self, answer: bytes, line: bytes) -> bytes:
        """Return an answer with what became of its line."""
        self.place.written += 1
        kept = await self.sink.keep(line) if self.sink.waits else self.sink.keep_now(line)
        return with_event(answer, self.event_id if kept else None)

    def answer_now(self, answer: bytes, line: bytes) -> bytes:
        """Return the same from a thread."""
        self.place.written += 1
        return with_event(answer, self.event_id if self.sink.keep_now(line) else None)


class LogPlace(Generic[Sink]):
    """The place of the log, as a slot is the place of the model: empty until the service starts, or for good.

    Examples
    --------
    >>> LogPlace().event() is None
    True
    """

    def __init__(self) -> None:
        self.sink: Sink | None = None
        self.written = 0  # answers; a request that is refused later on has an event, and none
        self.outcomes = {"taken": 0, "refused": 0}

    def event(self) -> LoggedEvent[Sink] | None:
        """Return the event of the request being answered; None where nothing is logged."""
        asking, sink = caller.get(), self.sink
        if sink is None or asking is None:
            return None
        # `LoggedEvent(...)` without the call of its `__init__`: one is made for every answer.
        event: LoggedEvent[Sink] = LoggedEvent.__new__(LoggedEvent)
        event.sink, event.begun, event.asked, event.place = sink, asking.begun, asking.body, self
        event.event_id = sink.event(asking.scope.get("client_name", ""), asking.name)
        return event

    def events(self, records: Sequence[BaseModel]) -> list[LoggedEvent[Sink]]:
        """Return an event for each record of a batch, in their order; none where nothing is logged."""
        asking = caller.get()
        if self.sink is None or asking is None:
            return []
        client, name, sink = asking.client, asking.name, self.sink
        return [
            LoggedEvent(
                sink,
                sink.event(client, f"{name}\0{place}"),
                asking.begun,
                record.__pydantic_serializer__.to_json(record, exclude_unset=True),
                self,
            )
            for place, record in enumerate(records)
        ]

    def close(self) -> None:
        """End the log with the service."""
        if self.sink is not None:
            self.sink.close()
            self.sink = None

    def collector(self) -> Collector:
        """Return what `/metrics` tells of the log."""
        return _LogCollector(self)


def with_event(answer: bytes, event_id: str | None) -> bytes:
    """Return the JSON object of an answer with its event id, or with the flag `unlogged`.

    Examples
    --------
    >>> with_event(b'{"prediction":"surf"}', "00ff"), with_event(b'{"prediction":"surf"}', None)
    (b'{"prediction":"surf","event_id":"00ff"}', b'{"prediction":"surf","unlogged":true}')
    """
    if event_id is None:
        return answer[:-1] + b',"unlogged":true}'
    return b'%b,"event_id":"%b"}' % (answer[:-1], event_id.encode())


def with_events(
    events: Sequence[LoggedEvent[Any]], answers: Sequence[bytes], lines: Sequence[bytes]
) -> Sequence[bytes]:
    """Return the answers of a batch with their events; all its lines are written at once, and kept together or not."""
    if not events:
        return answers
    events[0].place.written += len(lines)
    kept = events[0].sink.keep_now(b"".join(lines), len(lines))
    return [with_event(answer, event.event_id if kept else None) for answer, event in zip(answers, events, strict=True)]


class _LogCollector(Collector):
    def __init__(self, place: LogPlace[Any]) -> None:
        self._place = place

    def collect(self) -> Iterator[Metric]:
        sink = self._place.sink
        yield CounterMetricFamily("decisions", "Answers that were to be logged.", value=self._place.written)
        told = CounterMetricFamily("decision_outcomes", "Outcomes by what became of them here.", labels=("result",))
        for result, count in self._place.outcomes.items():
            told.add_metric((result,), count)
        yield told
        unlogged = CounterMetricFamily("decisions_unlogged", "Answers that were not logged.", labels=("reason",))
        for reason, count in ({} if sink is None else sink.unlogged).items():
            unlogged.add_metric((reason,), count)
        yield unlogged
        held = 0 if sink is None else sink.journal_bytes
        yield GaugeMetricFamily("decision_journal_bytes", "Bytes that wait for the shipper.", value=held)
