"""What one request may cost: size, headers, nesting, time, and how many are served at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common_utils.serving.config import LimitConfig
from common_utils.serving.fast_route import FastRoute
from common_utils.serving.guards.json_guard import check_json
from common_utils.serving.guards.shape import check_members
from common_utils.serving.guards.turns import LARGE_BYTES, Lane
from common_utils.serving.problems import ProblemError, error_response

__all__ = ["EXEMPT_PATHS", "LimitsMiddleware"]

EXEMPT_PATHS = frozenset({"/health", "/ready", "/metrics"})
"""Paths a supervisor asks: they answer under overload, and they read no body."""

_RETRY = {"Retry-After": "1"}
# A parameter's value may be quoted, and then holds what else would end it (RFC 9110, 5.6.6).
_PARAMETER = re.compile(rb';\s*([^=;"\s]*)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^;]*))?')
# What may stand in a Host header (RFC 3986, 3.2.2): a name or an address, and a port.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
_UTF8 = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})
_CLOSE = {"Connection": "close"}
_LENGTH_DIGITS = 18


class LimitsMiddleware:
    """Refuse what exceeds the limits before a handler sees it, and lead requests for fast routes straight to them.

    The body is read here, counted as it comes, and handed on in one piece: a `Content-Length` that lies or is
    missing changes nothing. Each refusal is a `ProblemError`, which `RequestContext` outside this turns into an answer.

    Parameters
    ----------
    app : ASGI application
        Answers all other requests, also those of a wrong method for a fast route.
    limits : LimitConfig
    fast : mapping of (method, path) to FastRoute
        Routes that check the JSON themselves.
    """

    def __init__(
        self, app: ASGIApp, limits: LimitConfig, fast: Mapping[tuple[str, str], FastRoute] = MappingProxyType({})
    ) -> None:
        self.app = app
        self._limits = limits
        self._fast = fast
        self._active = 0
        self._lane = Lane()

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
            route = self._fast.get((scope["method"], scope["path"]))
            if route is not None and route.at_once:
                body = await self._body_in_time(dict(scope["headers"]), receive)
                answer: Any = body if len(body) > LARGE_BYTES else await route.begin(body)
                if answer is body or callable(answer):
                    await self._finish_in_time(route, answer, scope, receive, send)
                else:
                    await route.finish(answer, send)
            else:
                await self._serve(route, scope, receive, send)
        finally:
            self._active -= 1

    async def _body_in_time(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """Return the body for a route that computes at once: nothing but the body can be waited for."""
        if _arrived(receive):
            body = await _read_body(headers, receive, self._limits.max_body_bytes)
        else:
            try:
                async with asyncio.timeout(self._limits.deadline_seconds):
                    body = await _read_body(headers, receive, self._limits.max_body_bytes)
            except TimeoutError:
                raise _slow_body() from None
        if body:
            _check_media_type(headers)
        return body

    async def _finish_in_time(
        self, route: FastRoute, work: bytes | Callable[[], Any], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a large body, or with what a thread computes, or say that it took too long."""
        deadline = _Deadline(scope, receive, send, self._limits.deadline_seconds)
        deadline.reading = False
        try:
            with deadline.work:
                answer = await route.begin_large(work, self._lane) if isinstance(work, bytes) else work
                await route.finish(answer, deadline.send)
        finally:
            await deadline.close()

    async def _serve(self, route: FastRoute | None, scope: Scope, receive: Receive, send: Send) -> None:
        deadline = _Deadline(scope, receive, send, self._limits.deadline_seconds)
        headers = dict(scope["headers"])
        try:
            with deadline.work:
                body = await _read_body(headers, receive, self._limits.max_body_bytes)
                if body:
                    _check_media_type(headers)
                deadline.reading = False
                large = len(body) > LARGE_BYTES
                if route is None:
                    if large:
                        await self._lane.run(self._check, body)
                    elif body:
                        self._check(body)
                    await self.app(scope, _replay(body, receive), deadline.send)
                else:
                    answer = await (route.begin_large(body, self._lane) if large else route.begin(body))
                    await route.finish(answer, deadline.send)
        finally:
            await deadline.close()

    def _check(self, body: bytes) -> None:
        check_members(body)
        check_json(body, self._limits.max_json_depth)


class _Deadline:
    """Answers in the application's place when the time is up: at once, even while a worker thread cannot be stopped.

    The request keeps its place in `max_concurrency` until its thread ends, so stuck threads stay bounded.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, seconds: float) -> None:
        # Unlike `asyncio.Task.cancel`, this waits for a handler's thread instead of abandoning it.
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
            _slow_body()
            if self.reading
            else ProblemError(504, "deadline", "The answer took too long; try again later.", headers=_RETRY)
        )
        await error_response(late, frozenset)(*self._connection)


def _check_headers(scope: Scope, most: int) -> None:
    size = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
    hosts = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name == b"host":
            hosts += 1 if _HOST.fullmatch(value) else 2
        elif name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            # What another coding hides is not what was counted and checked, and two servers may read it differently.
            text = "Send the body plain or chunked, in no other transfer coding."
            raise ProblemError(400, "transfer_encoding", text, headers=_CLOSE)
    if hosts != 1 and (hosts or scope.get("http_version") == "1.1"):
        raise ProblemError(
            400, "host", "A request has one Host header, which holds a name or an address.", headers=_CLOSE
        )
    if size > most:
        raise ProblemError(431, "headers_too_large", f"Address and headers may have {most} bytes together.")


def _arrived(receive: Receive) -> bool:
    """Whether uvicorn has the whole body already, as it has most: then no clock is needed to read it."""
    return not getattr(getattr(receive, "__self__", None), "more_body", True)


def _check_media_type(sent: Mapping[bytes, bytes]) -> None:
    if sent.get(b"content-type") == b"application/json" and b"content-encoding" not in sent:
        return
    media_type, _, parameters = sent.get(b"content-type", b"").partition(b";")
    if media_type.strip().lower() != b"application/json":
        raise ProblemError(415, "media_type", "Send the body as application/json.")
    if parameters and not _says_utf8(b";" + parameters):
        raise ProblemError(415, "media_type", "Send the body in UTF-8; the charset of Content-Type is another.")
    if sent.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise ProblemError(415, "content_encoding", "Send the body without compression.")


def _says_utf8(parameters: bytes) -> bool:
    """Whether each charset among the parameters of a media type is UTF-8 or part of it; others mean nothing here."""
    sent = (
        (found[2] or b"").strip(b'" \t').lower()
        for found in _PARAMETER.finditer(parameters)
        if found[1].lower() == b"charset"
    )
    return all(charset in _UTF8 for charset in sent)


async def _read_body(headers: Mapping[bytes, bytes], receive: Receive, most: int) -> bytes:
    declared = headers.get(b"content-length", b"0")
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
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _slow_body() -> ProblemError:
    return ProblemError(408, "slow_body", "The body did not arrive in time.")


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
