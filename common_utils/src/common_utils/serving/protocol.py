"""uvicorn's protocol with what it lacks: limits for heads and connections, and answers that leave in one piece."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["BoundedProtocol"]

# Not of "100 Continue", after which the client is waited for.
_FINAL_HEAD = tuple(b"HTTP/1.1 %d" % hundreds for hundreds in (2, 3, 4, 5))
_END_OF_HEAD = b"\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose request line and headers did not arrive in time, and one too many.

    uvicorn limits the time between two requests only: a client that sends a byte now and then keeps its socket.

    Parameters
    ----------
    header_seconds : float
        From the connection, or from the first byte of a further request, to the end of the headers.
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
        self._in_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock, or hang up where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._max_connections:
            transport.abort()
            return
        self._start()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Start the clock for a further request on the connection, unless its head came in one piece."""
        super().data_received(data)
        if self._in_head and self._late is None:
            self._start()

    def on_message_begin(self) -> None:
        """Note that a head began."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Stop the clock: from here the deadline of the request counts."""
        self._in_head = False
        self._stop()
        super().on_headers_complete()
        self.cycle.transport = _WholeAnswer(self.transport)  # type: ignore[assignment]

    def on_response_complete(self) -> None:
        """Send what is left, then go on with the next request."""
        self.cycle.transport.flush()  # type: ignore[attr-defined]
        super().on_response_complete()

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
