"""What one request may cost: size, headers, nesting, time, and how many are served at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common_utils.serving.json_guard import check_json
from common_utils.serving.problems import ProblemError, error_response
from common_utils.serving_config import LimitConfig

__all__ = ["EXEMPT_PATHS", "Limits", "LimitsMiddleware"]

EXEMPT_PATHS = frozenset({"/health", "/ready", "/metrics"})
"""Paths a supervisor asks: they answer under overload, and they read no body."""

_RETRY = {"Retry-After": "1"}
_UTF8_PARAMETERS = frozenset({b"", b"charset=utf-8", b'charset="utf-8"'})
_LENGTH_DIGITS = 18


class Limits(LimitConfig):
    """The limits of the settings, with what a handler checks itself.

    Examples
    --------
    >>> Limits(max_batch_rows=500).max_body_bytes
    1048576
    """

    def check_batch(self, rows: int) -> None:
        """Refuse a batch that is too long; a handler calls it before it computes anything.

        Raises
        ------
        ProblemError
            Status 413 if `rows` exceeds `max_batch_rows`.
        """
        if rows > self.max_batch_rows:
            raise ProblemError(413, "batch_too_large", f"A batch may have {self.max_batch_rows} rows; send several.")


class LimitsMiddleware:
    """Refuse what exceeds the limits before a handler sees it.

    The body is read here, counted as it comes, and handed on in one piece: a `Content-Length` that lies or is
    missing changes nothing. Each refusal is a `ProblemError`, which `RequestContext` outside this turns into an answer.

    Parameters
    ----------
    app : ASGI application
    limits : Limits
    strict_paths : frozenset of str
        Paths whose routes check the JSON themselves, as a `FastRoute` does.
    """

    def __init__(self, app: ASGIApp, limits: Limits, strict_paths: frozenset[str] = frozenset()) -> None:
        self.app = app
        self._limits = limits
        self._strict_paths = strict_paths
        self._active = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event as ASGI asks."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        _check_headers(scope, self._limits.max_header_bytes)
        if scope["path"] in EXEMPT_PATHS:
            await self.app(scope, receive, send)
            return
        if self._active >= self._limits.max_concurrency:
            raise ProblemError(503, "overloaded", "Too many requests at once; try again later.", headers=_RETRY)
        self._active += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self._active -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        deadline = _Deadline(scope, receive, send, self._limits.deadline_seconds)
        try:
            with deadline.work:
                body = await _read_body(scope, receive, self._limits.max_body_bytes)
                if body:
                    _check_media_type(scope["headers"])
                    if scope["path"] not in self._strict_paths:
                        check_json(body, self._limits.max_json_depth)
                deadline.reading = False
                await self.app(scope, _replay(body, receive), deadline.send)
        finally:
            await deadline.close()


class _Deadline:
    """Answers in the application's place when the time is up: at once, even while a worker thread cannot be stopped.

    The request keeps its place in `max_concurrency` until its thread ends, so stuck threads stay bounded.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, seconds: float) -> None:
        # Unlike `Task.cancel`, this waits for a handler's thread instead of abandoning it.
        self.work = CancelScope()
        self.reading = True
        self._connection = (scope, receive, send)
        self._send = send
        self._started = False
        self._answer: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    async def send(self, message: Message) -> None:
        if self._answer is None:
            self._started = True
            await self._send(message)

    async def close(self) -> None:
        self._timer.cancel()
        if self._answer is not None:
            await self._answer

    def _expire(self) -> None:
        if not self._started:
            self._answer = asyncio.get_running_loop().create_task(self._refuse())
            self.work.cancel()

    async def _refuse(self) -> None:
        late = (
            ProblemError(408, "slow_body", "The body did not arrive in time.")
            if self.reading
            else ProblemError(504, "deadline", "The answer took too long; try again later.", headers=_RETRY)
        )
        await error_response(late, frozenset)(*self._connection)


def _check_headers(scope: Scope, most: int) -> None:
    size = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
    for name, value in scope["headers"]:
        size += len(name) + len(value)
    if size > most:
        raise ProblemError(431, "headers_too_large", f"Address and headers may have {most} bytes together.")


def _check_media_type(headers: Iterable[tuple[bytes, bytes]]) -> None:
    sent = dict(headers)
    media_type, _, parameters = sent.get(b"content-type", b"").partition(b";")
    if media_type.strip().lower() != b"application/json":
        raise ProblemError(415, "media_type", "Send the body as application/json.")
    if parameters.strip().lower() not in _UTF8_PARAMETERS:
        raise ProblemError(415, "media_type", "Send the body in UTF-8.")
    if sent.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise ProblemError(415, "content_encoding", "Send the body without compression.")


async def _read_body(scope: Scope, receive: Receive, most: int) -> bytes:
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if not declared.isdigit():
        raise ProblemError(400, "content_length", "Content-Length must be a whole number.")
    # The length of the digits first: Python refuses to convert thousands of them.
    if len(declared) > _LENGTH_DIGITS or int(declared) > most:
        raise _too_large(most)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ProblemError(400, "incomplete_body", "The connection ended before the body did.")
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > most:
            raise _too_large(most)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _too_large(most: int) -> ProblemError:
    return ProblemError(413, "body_too_large", f"The body may have {most} bytes.")


def _replay(body: bytes, receive: Receive) -> Receive:
    replayed = False

    async def again() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
