"""A route for the hot path: the body is validated from its bytes, once, and the answer leaves as bytes.

FastAPI parses the body to Python objects, validates these, solves dependencies and validates the answer again. A
`FastRoute` is declared like any other route, so the OpenAPI document is as complete, and the errors are the same
problems; only the way from body to handler is short.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeGuard, get_type_hints

from anyio import to_thread
from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.types import Send

from common_utils.errors import ConfigError
from common_utils.serving.config import LimitConfig
from common_utils.serving.guards.bounds import unbounded_fields
from common_utils.serving.guards.json_guard import check_json
from common_utils.serving.problems import ProblemError

__all__ = ["BodyReader", "FastRoute", "fast_routes"]

_JSON = (b"content-type", b"application/json")
_MISSING = {"type": "missing", "loc": ("body",), "msg": "Field required"}


class BodyReader:
    """Reads a body into a strict model, and refuses all that `check_json` refuses.

    What a strict, bounded model without open fields accepts is JSON of one meaning already, but for repeated keys: each
    pair of the text has one colon, so where there are no more colons than fields set, no key was repeated. Only where
    that cannot be told, or the body is refused anyway, is it parsed a second time.

    Parameters
    ----------
    model : type of BaseModel
    limits : LimitConfig
        `max_json_depth`; `max_batch_rows` for a field `records`, `max_k` for a field `top_k`.

    Raises
    ------
    ConfigError
        If a field of the model is not bounded.

    Examples
    --------
    >>> from pydantic import Field
    >>> class Call(BaseModel, extra="forbid", strict=True):
    ...     minutes: float = Field(ge=0, le=1000)
    >>> read = BodyReader(Call, LimitConfig())
    >>> read(b'{"minutes": 3.5}').minutes
    3.5
    >>> read(b'{"minutes": 3.5, "minutes": 4}')
    Traceback (most recent call last):
    common_utils.serving.problems.ProblemError: An object repeats a key.
    """

    def __init__(self, model: type[BaseModel], limits: LimitConfig) -> None:
        if open_fields := unbounded_fields(model):
            raise ConfigError(f"{model.__name__}: {open_fields[:5]}; a request model bounds every field.")
        self.limits = limits
        self._counted = not {"records", "top_k"}.isdisjoint(model.model_fields)
        self._validate = model.__pydantic_validator__.validate_json
        self._nesting: dict[type[BaseModel], tuple[str, ...]] = {}

    def __call__(self, body: bytes) -> Any:
        """Return the model's instance.

        Raises
        ------
        ProblemError
            As `check_json`; 413 for more records, 422 for a larger `top_k` than the settings allow.
        RequestValidationError
            If the model refuses the body.
        """
        if not body:
            raise RequestValidationError([_MISSING])
        try:
            value = self._validate(body)
        except ValidationError as error:
            check_json(body, self.limits.max_json_depth)
            refused = error.errors(include_url=False, include_input=False)
            raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in refused]) from None
        if body.count(b":") != self._pairs(value):
            check_json(body, self.limits.max_json_depth)
        if self._counted:
            self._check_amount(value)
        return value

    def _check_amount(self, value: Any) -> None:
        most = self.limits
        if len(getattr(value, "records", ())) > most.max_batch_rows:
            raise ProblemError(413, "batch_too_large", f"A batch may have {most.max_batch_rows} records; send several.")
        if getattr(value, "top_k", 0) > most.max_k:
            raise ProblemError(422, "k_too_large", f"top_k may be {most.max_k} at most.")

    def _pairs(self, value: BaseModel) -> int:
        """How many pairs of key and value a model was read from; never more than there were."""
        kind = type(value)
        names = self._nesting.get(kind)
        if names is None:
            names = self._nesting[kind] = tuple(name for name, f in kind.model_fields.items() if _nests(f.annotation))
        found = len(value.model_fields_set)
        for name in names:
            inner = getattr(value, name)
            for one in inner if isinstance(inner, list | tuple) else (inner,):
                if isinstance(one, BaseModel):
                    found += self._pairs(one)
        return found


class FastRoute(APIRoute):
    """A route whose handler takes `body`, a strict model, and returns a model or the bytes of its JSON.

    An `async def` handler computes on the event loop: it must be short and wait for nothing, because no deadline ends
    it. Where that cannot be, it returns a function without arguments instead of an answer, which is then called in a
    thread, under the deadline. A plain handler runs in a thread altogether. Give the answer's model as
    `response_model`. What the body calls `records` and `top_k` is held to the settings' `max_batch_rows` and `max_k`.
    Use it by `APIRouter(route_class=FastRoute)`, in a service made by `create_service`.

    Attributes
    ----------
    at_once : bool
        Whether the handler computes on the event loop.

    Raises
    ------
    ConfigError
        If the handler takes anything else, or a field of the body is not bounded.

    Examples
    --------
    >>> from fastapi import APIRouter
    >>> from pydantic import Field
    >>> class Call(BaseModel, extra="forbid", strict=True):
    ...     minutes: float = Field(ge=0, le=1000)
    >>> router = APIRouter(route_class=FastRoute)
    >>> @router.post("/double", response_model=Call)
    ... async def double(body: Call) -> bytes:
    ...     return b'{"minutes":%d}' % (2 * body.minutes)
    >>> router.routes[0].path
    '/double'
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        hints = {name: hint for name, hint in get_type_hints(endpoint).items() if name != "return"}
        model = hints.get("body")
        if not _is_model(model) or len(hints) != 1:
            raise ConfigError(f"{path}: a handler of a FastRoute takes `body: <a model>` and nothing else.")
        self.reader = BodyReader(model, LimitConfig())
        self.at_once = inspect.iscoroutinefunction(endpoint)

    async def begin(self, body: bytes) -> Any:
        """Return the answer to a body that was read, or what gives it in a thread; layers outside handle errors."""
        value = self.reader(body)
        return await self.endpoint(value) if self.at_once else partial(self.endpoint, value)

    async def finish(self, answer: Any, send: Send) -> None:
        """Send an answer, got in a thread first where `begin` returned a function."""
        if callable(answer):
            answer = await to_thread.run_sync(answer)
        content: bytes = answer if isinstance(answer, bytes) else answer.__pydantic_serializer__.to_json(answer)
        headers = [(b"content-length", b"%d" % len(content)), _JSON]
        await send({"type": "http.response.start", "status": self.status_code or 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def fast_routes(routers: Iterable[APIRouter], limits: LimitConfig) -> dict[tuple[str, str], FastRoute]:
    """Return the fast routes of some routers by method and path, set to the limits of a service."""
    found = [route for router in routers for route in router.routes if isinstance(route, FastRoute)]
    for route in found:
        route.reader.limits = limits
    return {(method, route.path): route for route in found for method in route.methods or ()}


def _is_model(annotation: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _nests(annotation: Any) -> bool:
    """Whether a value of a field can be or hold a model."""
    return _is_model(annotation) or any(_nests(part) for part in getattr(annotation, "__args__", ()))
