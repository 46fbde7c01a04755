"""uvicorn's protocol with what it lacks: limits for heads and connections, and answers that leave in one piece."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["BoundedProtocol"]

# Not of "100 Continue", after which the client is waited for.
_FINAL_HEAD = tuple(b"HTTP/1.1 %d" % hundreds for hundreds in (2, 3, 4, 5))
_END_OF_HEAD = b"\r\n\r\n"
# A head, what may follow a body, and lines between requests; a whole head is held against the settings, and told.
_MOST_UNUSED_BYTES = 1 << 19


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection that keeps the service waiting, sends an endless head, or is one too many.

    uvicorn limits the time between two requests only, and any byte ends that limit: a client that sends one now and
    then, the rest of a body that was answered already, or an empty line, keeps its socket, and one that never reads
    its answers keeps its place among the requests served at once.

    Parameters
    ----------
    header_seconds : float
        From the connection, or from the first byte after an answer, to the end of the headers; and how long a client
        may leave answers unread that fill all buffers.
    max_connections : int
        Open connections of the process.
    **options
        As uvicorn gives them.
    """

    def __init__(self, *, header_seconds: float, max_connections: int, **options: Any) -> None:
        super().__init__(**options)
        self._header_seconds = header_seconds
        self._max_connections = max_connections
        self._late: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._in_head = False
        self._unused_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock, or hang up where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._max_connections:
            transport.abort()
            return
        self._start()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop()
        self._stop_unread()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Start the clock unless a request is being answered, whose deadline counts."""
        super().data_received(data)
        self._unused_bytes += len(data)
        if self._unused_bytes > _MOST_UNUSED_BYTES:
            self.transport.abort()
        if self._late is None and (self._in_head or self._idle()):
            self._start()

    def on_message_begin(self) -> None:
        """Note that a head began."""
        super().on_message_begin()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, but nothing that follows the body: uvicorn would add it to headers that were checked."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Stop the clock: from here the deadline of the request counts."""
        self._in_head = False
        self._unused_bytes = 0
        self._stop()
        super().on_headers_complete()
        answer = _WholeAnswer(self.transport)
        self.cycle.transport = answer  # type: ignore[assignment]
        # Of this request: where the next one came before the answer, the cycle held here is the next one's.
        self.cycle.on_response = partial(self._answered, answer)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, which is counted where it is read."""
        self._unused_bytes = 0
        super().on_body(body)

    def pause_writing(self) -> None:
        """Start the clock of a client that does not read."""
        super().pause_writing()
        self._unread = self.loop.call_later(self._header_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the clock of a client that does not read."""
        self._stop_unread()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Hang up where nothing more came; what was not read by now never is."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def _answered(self, answer: _WholeAnswer) -> None:
        """Send what is left, then go on with the next request, or let an ended connection have its time to read."""
        answer.flush()
        self.on_response_complete()
        if self.transport.is_closing() and self._late is None:
            self._start()

    def _idle(self) -> bool:
        """Whether no request is being answered and uvicorn does not count the time."""
        answered: bool = getattr(self.cycle, "response_complete", True)  # uvicorn's cycle is None before a whole head
        return answered and self.timeout_keep_alive_task is None

    def _stop_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _start(self) -> None:
        self._late = self.loop.call_later(self._header_seconds, self.transport.abort)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class _WholeAnswer:
    """A transport that keeps the head of an answer until its body comes: one system call, and one packet, for both."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(_FINAL_HEAD) and data.endswith(_END_OF_HEAD):
            self._head = data
            return
        self._transport.write(data)

    def flush(self) -> None:
        if self._head:
            self._transport.write(self._head)
            self._head = b""

    def close(self) -> None:
        self.flush()
        self._transport.close()
