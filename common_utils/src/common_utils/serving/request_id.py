"""The outermost layer: an id for each request, one log line, its metrics, security headers, and a last answer."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from contextvars import ContextVar
from random import Random
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common_utils.logger import request_id
from common_utils.serving.metrics import ServiceMetrics, route_template
from common_utils.serving.problems import error_response

__all__ = ["Caller", "RequestContext", "accepted_id", "caller"]

_HEADER = b"x-request-id"
_KEY_HEADER = b"idempotency-key"
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_NO_STORE = (b"cache-control", b"no-store")
_NO_SNIFF = (b"x-content-type-options", b"nosniff")
_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_CLOSE = (b"connection", b"close")
_SERVER_FAULT = 500
_CLIENT_GONE = 499  # nginx's code: nobody was there to answer

logger = logging.getLogger(__name__)

# An id is to be distinct, not secret: a generator of its own is quicker than the system, and no seed reaches it.
_ids = Random()  # noqa: S311
os.register_at_fork(after_in_child=_ids.seed)


def accepted_id(sent: bytes | None) -> str:
    r"""Return the id a client sent if it is safe to repeat in a header and a log, else a new one.

    Examples
    --------
    >>> accepted_id(b"order-17.a")
    'order-17.a'
    >>> len(accepted_id(b"two\nlines"))
    32
    """
    if sent is not None and _ID.fullmatch(sent):
        return sent.decode("ascii")
    return f"{_ids.getrandbits(128):032x}"


class Caller:
    """The request that is being answered: who sent it, under which name, when.

    Attributes
    ----------
    scope : ASGI scope
        `client_name` in it is the name of the API key.
    name : str
        What makes a retry the same event: `key:` and the Idempotency-Key, else `id:` and the request id.
    begun : float
        `perf_counter` at its arrival.
    body : bytes
        As it was read; empty before.
    """

    __slots__ = ("begun", "body", "name", "scope")

    def __init__(self, scope: Scope, name: str, begun: float) -> None:
        self.scope = scope
        self.name = name
        self.begun = begun
        self.body = b""

    @property
    def client(self) -> str:
        """Name of the caller's API key; empty where none is asked for."""
        return str(self.scope.get("client_name", ""))


caller: ContextVar[Caller | None] = ContextVar("caller", default=None)
"""The request being answered; set by `RequestContext`, and seen in the threads of its handlers."""


class RequestContext:
    """Wrap the whole application, so that every answer carries its id and every error has an answer.

    Parameters
    ----------
    app : ASGI application
    metrics : ServiceMetrics
        Told about each request.
    paths : frozenset of str
        The app's declared paths, which may be logged and counted.
    log_sample : float
        Share of requests that get a line in the log, 0 to 1, evenly spread; faults of the service always get one.
    known_names : callable
        As in `error_response`.
    ending : callable
        Whether the process is about to end: each answer then says that its connection is not used again, so that a
        client that keeps connections opens the next one to another replica.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: ServiceMetrics,
        paths: frozenset[str],
        log_sample: float = 1.0,
        known_names: Callable[[], frozenset[str]] = frozenset,
        ending: Callable[[], bool] = lambda: False,
    ) -> None:
        self.app = app
        self._metrics = metrics
        self._paths = paths
        self._log_sample = log_sample
        self._log_due = 0.0
        self._known_names = known_names
        self._ending = ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event as ASGI asks."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sent = key = None
        for header, value in scope["headers"]:
            if header == _HEADER and sent is None:
                sent = value
            elif header == _KEY_HEADER and not key:
                key = value
        identifier = accepted_id(sent)
        token = request_id.set(identifier)
        begun = perf_counter()
        caller.set(Caller(scope, f"key:{key.decode('latin-1')}" if key else f"id:{identifier}", begun))
        without_body = scope["method"] == "HEAD"
        answer = _Answer(send, identifier, ending=self._ending(), without_body=without_body)
        if without_body:  # answered as GET, by whatever answers that (RFC 9110, 9.3.2)
            scope = {**scope, "method": "GET"}
        try:
            await self.app(scope, receive, answer.send)
        except Exception as error:  # the boundary: the server behind it would log the values an error quotes
            response = error_response(error, self._known_names)
            if answer.status is None:
                await response(scope, receive, answer.send)
        finally:
            method = "HEAD" if without_body else scope["method"]
            self._record(scope, method, answer.status or _CLIENT_GONE, perf_counter() - begun)
            request_id.reset(token)

    def _record(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        route = route_template(scope, self._paths)
        self._metrics.observe(route, method, status, seconds)
        self._log_due += self._log_sample
        if self._log_due >= 1 or status >= _SERVER_FAULT:
            self._log_due = max(self._log_due - 1, 0.0)
            logger.info("%s %s %d %.1f ms", method, route, status, seconds * 1000)


class _Answer:
    """Adds our headers to the answer and remembers its status."""

    def __init__(self, send: Send, identifier: str, *, ending: bool, without_body: bool) -> None:
        self.status: int | None = None
        self._send = send
        self._identifier = identifier.encode("ascii")
        self._ending = ending
        self._without_body = without_body

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), (_HEADER, self._identifier), _NO_SNIFF]
            names = {name for name, _ in headers}
            headers += [default for default in (_NO_STORE, _POLICY) if default[0] not in names]
            if self._ending:
                headers.append(_CLOSE)
            message = {**message, "headers": headers}
        elif self._without_body and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)
