"""The outermost layer: an id for each request, one log line, its metrics, security headers, and a last answer."""

from __future__ import annotations

import logging
import re
from time import perf_counter
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common_utils.logger import request_id
from common_utils.serving.metrics import ServiceMetrics, route_template
from common_utils.serving.problems import error_response

__all__ = ["RequestContext", "accepted_id"]

_HEADER = b"x-request-id"
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_NO_STORE = (b"cache-control", b"no-store")
_NO_SNIFF = (b"x-content-type-options", b"nosniff")
_CLIENT_GONE = 499  # nginx's code: nobody was there to answer

logger = logging.getLogger(__name__)


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
    return uuid4().hex


class RequestContext:
    """Wrap the whole application, so that every answer carries its id and every error has an answer.

    Parameters
    ----------
    app : ASGI application
    metrics : ServiceMetrics
        Told about each request.
    paths : frozenset of str
        The app's declared paths, which may be logged and counted.
    """

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics, paths: frozenset[str]) -> None:
        self.app = app
        self._metrics = metrics
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event as ASGI asks."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identifier = accepted_id(dict(scope["headers"]).get(_HEADER))
        token = request_id.set(identifier)
        begun = perf_counter()
        answer = _Answer(send, identifier)
        try:
            await self.app(scope, receive, answer.send)
        except Exception as error:  # the boundary: the server behind it would log the values an error quotes
            response = error_response(error, frozenset)
            if answer.status is None:
                await response(scope, receive, answer.send)
        finally:
            self._record(scope, answer.status or _CLIENT_GONE, perf_counter() - begun)
            request_id.reset(token)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = route_template(scope, self._paths)
        self._metrics.observe(route, scope["method"], status, seconds)
        logger.info("%s %s %d %.1f ms", scope["method"], route, status, seconds * 1000)


class _Answer:
    """Adds our headers to the answer and remembers its status."""

    def __init__(self, send: Send, identifier: str) -> None:
        self.status: int | None = None
        self._send = send
        self._identifier = identifier.encode("ascii")

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), (_HEADER, self._identifier), _NO_SNIFF]
            if not any(name == _NO_STORE[0] for name, _ in headers):
                headers.append(_NO_STORE)
            message = {**message, "headers": headers}
        await self._send(message)
