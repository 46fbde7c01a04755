"""uvicorn's protocol with what it lacks: a time limit for the head of a request, and a most of open connections."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["BoundedProtocol"]


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

    def on_message_begin(self) -> None:
        """Start the clock for a further request on the connection."""
        super().on_message_begin()
        if self._late is None:
            self._start()

    def on_headers_complete(self) -> None:
        """Stop the clock: from here the deadline of the request counts."""
        self._stop()
        super().on_headers_complete()

    def _start(self) -> None:
        self._late = self.loop.call_later(self._header_seconds, self.transport.abort)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
