"""What a service keeps of its answers: the event id a caller gets, and the log's place beside the slot.

The log itself is an argument: whatever has `DecisionSink`'s methods. An answer waits until its line is kept, and goes
out whatever became of the line; where it was not kept, the answer says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Generic, Protocol, TypeVar

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel, Field
from starlette.types import Scope

__all__ = [
    "SUBJECT",
    "Caller",
    "DecisionSink",
    "Event",
    "Logbook",
    "LoggedAnswer",
    "caller",
    "with_event",
    "with_events",
]

SUBJECT: Any = Field(
    default=None,
    min_length=1,
    max_length=64,
    description="who this is about, as the caller names them; joins outcomes, is kept only as a keyed digest and "
    "never repeated",
)
"""The optional field of every request and record."""

_KEY_HEADER = b"idempotency-key"


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
class Caller:
    """The request that is being answered: who sent it, under which name, when.

    Attributes
    ----------
    scope : ASGI scope
        `client_name` in it is the name of the API key.
    request_id : str
    begun : float
        `perf_counter` at its arrival.
    body : bytes
        As it was read; empty before.
    """

    scope: Scope
    request_id: str
    begun: float
    body: bytes = b""

    @property
    def client(self) -> str:
        """Name of the caller's API key; empty where none is asked for."""
        return str(self.scope.get("client_name", ""))

    @property
    def name(self) -> str:
        """What makes a retry the same event: the Idempotency-Key, else the request id."""
        for header, value in self.scope["headers"]:
            if header == _KEY_HEADER and value:
                return f"key:{value.decode('latin-1')}"
        return f"id:{self.request_id}"


caller: ContextVar[Caller | None] = ContextVar("caller", default=None)
"""The request being answered; set by `RequestContext`, and seen in the threads of its handlers."""


@dataclass(slots=True)
class Event(Generic[Sink]):
    """One answer on its way into the log."""

    sink: Sink
    event_id: str
    begun: float
    body: bytes = b""

    @property
    def milliseconds(self) -> float:
        """Time since the request arrived."""
        return (perf_counter() - self.begun) * 1000

    async def answer(self, answer: bytes, line: bytes) -> bytes:
        """Return an answer with what became of its line."""
        return with_event(answer, self.event_id if await self.sink.keep(line) else None)

    def answer_now(self, answer: bytes, line: bytes) -> bytes:
        """Return the same from a thread."""
        return with_event(answer, self.event_id if self.sink.keep_now(line) else None)


class Logbook(Generic[Sink]):
    """The place of the log, as a slot is the place of the model: empty until the service starts, or for good.

    Examples
    --------
    >>> Logbook().event() is None
    True
    """

    def __init__(self) -> None:
        self.sink: Sink | None = None
        self.written = 0

    def event(self) -> Event[Sink] | None:
        """Return the event of the request being answered; None where nothing is logged."""
        asking = caller.get()
        if self.sink is None or asking is None:
            return None
        self.written += 1
        return Event(self.sink, self.sink.event(asking.client, asking.name), asking.begun, asking.body)

    def events(self, count: int) -> list[Event[Sink]]:
        """Return an event for each record of a batch, in their order; none where nothing is logged."""
        asking = caller.get()
        if self.sink is None or asking is None:
            return []
        self.written += count
        client, name = asking.client, asking.name
        sink = self.sink
        return [Event(sink, sink.event(client, f"{name}#{place}"), asking.begun) for place in range(count)]

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
    said = b'"unlogged":true' if event_id is None else b'"event_id":"%b"' % event_id.encode()
    return b"%b,%b}" % (answer[:-1], said)


def with_events(events: Sequence[Event[Any]], answers: Sequence[bytes], lines: Sequence[bytes]) -> list[bytes]:
    """Return the answers of a batch with their events; all its lines are written at once, and kept together or not."""
    if not events:
        return list(answers)
    kept = events[0].sink.keep_now(b"".join(lines), len(lines))
    return [with_event(answer, event.event_id if kept else None) for answer, event in zip(answers, events, strict=True)]


class _LogCollector(Collector):
    def __init__(self, logbook: Logbook[Any]) -> None:
        self._logbook = logbook

    def collect(self) -> Iterator[Metric]:
        sink = self._logbook.sink
        yield CounterMetricFamily("decisions", "Answers that were to be logged.", value=self._logbook.written)
        unlogged = CounterMetricFamily("decisions_unlogged", "Answers that were not logged.", labels=("reason",))
        for reason, count in ({} if sink is None else sink.unlogged).items():
            unlogged.add_metric((reason,), count)
        yield unlogged
