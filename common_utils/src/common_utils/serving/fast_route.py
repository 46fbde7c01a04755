"""A route for the hot path: the body is validated from its bytes, once, and the answer leaves as bytes.

FastAPI parses the body to Python objects, validates these, solves dependencies and validates the answer again. A
`FastRoute` is declared like any other route, so the OpenAPI document is as complete, and the errors are the same
problems; only the way from body to handler is short.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any, NamedTuple, NoReturn, TypeGuard, get_type_hints

from anyio import to_thread
from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, FailFast, Field, ValidationError, create_model
from pydantic_core import to_json
from starlette.types import Send

from common_utils.errors import ConfigError
from common_utils.serving.config import LimitConfig
from common_utils.serving.explain import FORM, explained, fields_without_form
from common_utils.serving.guards.bounds import unbounded_fields
from common_utils.serving.guards.json_guard import check_json, read_json
from common_utils.serving.guards.shape import Shape
from common_utils.serving.guards.turns import Lane
from common_utils.serving.problems import MOST_ERRORS, CutValidationError, ProblemError
from common_utils.serving.request_id import caller

__all__ = ["BodyReader", "FastRoute", "fast_routes"]

_JSON = (b"content-type", b"application/json")
_MISSING = {"type": "missing", "loc": ("body",), "msg": "Field required"}
# Records looked at after the first that was refused, so that several can be told at a bounded cost.
_FURTHER_RECORDS = 100
_EXACT = 1 << 53


class BodyReader:
    """Reads a body into a strict model, and refuses all that `check_json` refuses.

    What a strict, bounded model without open fields accepts is JSON of one meaning already, but for repeated keys: each
    pair of the text has one colon, so where there are no more colons than fields set, no key was repeated. Only where
    that cannot be told, or the body is refused anyway, is it parsed a second time.

    Parameters
    ----------
    model : type of BaseModel
    limits : LimitConfig
        `max_json_depth`; `max_batch_rows` for a field `records`, `max_k` for a field `top_k`, of a record as well.

    Raises
    ------
    ConfigError
        If a field of the model is not bounded, or has a pattern that is not described.

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
        if wordless := fields_without_form(model):
            raise ConfigError(f"{wordless[:5]}: say in words what the pattern asks for, as `{FORM}` or description.")
        self.limits = limits
        self._model = model
        self._k = "top_k" in model.model_fields
        self._records = "records" in model.model_fields
        self._record_k = self._records and _has_top_k(model.model_fields["records"].annotation)
        self._shape = Shape.of(model, limits.max_batch_rows)
        bounded = _first_failure_only(model, limits.max_batch_rows) if self._records else model
        self._validate = bounded.__pydantic_validator__.validate_json
        self._nesting: dict[type[BaseModel], _Nesting] = {}

    def __call__(self, body: bytes) -> Any:
        """Return the model's instance.

        Raises
        ------
        ProblemError
            As `check_json` and `Shape.check`; 413 for more records, 422 for a larger `top_k` than the settings allow.
        RequestValidationError
            If the model refuses the body.
        """
        if not body:
            raise RequestValidationError([_MISSING])
        try:
            self._shape.check(body)
        except CutValidationError as error:
            raise CutValidationError(explained(self._model, error.errors())) from None
        try:
            value = self._validate(body)
        except ValidationError as error:
            value = self._second_look(body, error)
        else:
            if body.count(b":") != self._pairs(value):
                check_json(body, self.limits.max_json_depth)
        if self._k and value.top_k > self.limits.max_k:
            raise ProblemError(422, "k_too_large", f"top_k may be {self.limits.max_k} at most.")
        if self._record_k:
            self._check_k(value.records)
        return value

    def _check_k(self, records: list[Any]) -> None:
        for place, record in enumerate(records):
            if record.top_k > self.limits.max_k:
                which = f"record {place}, counted from 0: "
                raise ProblemError(422, "k_too_large", f"{which}top_k may be {self.limits.max_k} at most.")

    def _second_look(self, body: bytes, error: ValidationError) -> Any:
        """Return the instance if only whole numbers written as `2.0` were refused (RFC 8259 has no integers)."""
        sent = read_json(body, self.limits.max_json_depth)
        if any(one["type"] == "int_type" and _is_whole(one["input"]) for one in error.errors(include_url=False)):
            sent = _with_integers(sent)
            try:
                return self._validate(to_json(sent))
            except ValidationError as again:
                error = again
        return self._refuse(sent, error)

    def _refuse(self, sent: Any, error: ValidationError) -> NoReturn:
        errors = error.errors(include_url=False, include_input=False)
        first = errors[0]
        if self._records and first["loc"] == ("records",) and first["type"] == "too_long":
            most = self.limits.max_batch_rows
            raise ProblemError(413, "batch_too_large", f"A batch may have {most} records; send several.")
        cut = False
        match first["loc"]:
            case ("records", int(place), *_) if self._records:
                cut = self._add_records(errors, sent["records"], place + 1)
            case _:
                pass
        kind = CutValidationError if cut or len(errors) > MOST_ERRORS else RequestValidationError
        told = [{**one, "loc": ("body", *one["loc"])} for one in errors[:MOST_ERRORS]]
        raise kind(explained(self._model, told)) from None

    def _add_records(self, errors: list[Any], records: list[Any], begin: int) -> bool:
        """Append the errors of the records that follow, up to the most that are told; say whether some may be left."""
        validate = self._model.__pydantic_validator__.validate_json
        end = min(len(records), begin + _FURTHER_RECORDS)
        for place in range(begin, end):
            if len(errors) > MOST_ERRORS:
                return True
            try:
                validate(to_json({"records": [records[place]]}))
            except ValidationError as error:
                found = error.errors(include_url=False, include_input=False)
                own = (one for one in found if one["loc"][:2] == ("records", 0))
                errors += [{**one, "loc": ("records", place, *one["loc"][2:])} for one in own]
        return end < len(records) or len(errors) > MOST_ERRORS

    def _pairs(self, value: BaseModel) -> int:
        """How many pairs of key and value a model was read from; never more than there were."""
        kind = type(value)
        nesting = self._nesting.get(kind)
        if nesting is None:
            nesting = self._nesting[kind] = _Nesting.of(kind)
        if nesting.pairs is not None:
            return nesting.pairs
        found = len(value.__pydantic_fields_set__)
        for name in nesting.names:
            inner = getattr(value, name)
            for one in inner if isinstance(inner, list | tuple) else (inner,):
                if isinstance(one, BaseModel):
                    found += self._pairs(one)
        return found


class _Nesting(NamedTuple):
    """Fields of a model that can be or hold models, and how many pairs it always has, if that is so."""

    names: tuple[str, ...]
    pairs: int | None

    @classmethod
    def of(cls, kind: type[BaseModel]) -> _Nesting:
        fields = kind.model_fields
        names = tuple(name for name, field in fields.items() if _nests(field.annotation))
        always = not names and all(field.is_required() for field in fields.values())
        return cls(names, len(fields) if always else None)


class FastRoute(APIRoute):
    """A route whose handler takes `body`, a strict model, and returns a model or the bytes of its JSON.

    An `async def` handler computes on the event loop: it must be short and wait for nothing, because no deadline ends
    it. Where that cannot be, it returns a function without arguments instead of an answer, which is then called in a
    thread, under the deadline. A plain handler runs in a thread altogether. Bodies above `LARGE_BYTES` are read in a
    thread as well, and one at a time. Give the answer's model as
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
        self.model = model
        self.reader = BodyReader(model, LimitConfig())
        self.at_once = inspect.iscoroutinefunction(endpoint)

    async def begin(self, body: bytes) -> Any:
        """Return the answer to a body that was read, or what gives it in a thread; layers outside handle errors."""
        value = self.reader(body)
        _note(body)
        return await self.endpoint(value) if self.at_once else partial(self.endpoint, value)

    async def begin_large(self, body: bytes, lane: Lane) -> Any:
        """Return the same for a large body, which a thread reads and, where the handler is a plain one, answers."""
        _note(body)
        if not self.at_once:
            return await lane.run(self._answered, body)
        return await self.endpoint(await lane.run(self.reader, body))

    def _answered(self, body: bytes) -> bytes:
        return _content(self.endpoint(self.reader(body)))

    async def finish(self, answer: Any, send: Send) -> None:
        """Send an answer, got in a thread first where `begin` returned a function."""
        if callable(answer):
            answer = await to_thread.run_sync(answer)
        content = _content(answer)
        headers = [(b"content-length", b"%d" % len(content)), _JSON]
        await send({"type": "http.response.start", "status": self.status_code or 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def fast_routes(routers: Iterable[APIRouter], limits: LimitConfig) -> dict[tuple[str, str], FastRoute]:
    """Return the fast routes of some routers by method and path, set to the limits of a service."""
    found = [route for router in routers for route in router.routes if isinstance(route, FastRoute)]
    for route in found:
        route.reader = BodyReader(route.model, limits)
    return {(method, route.path): route for route in found for method in route.methods or ()}


def _note(body: bytes) -> None:
    """Keep what was asked while it is answered: a keyed digest of it is logged."""
    if (asking := caller.get()) is not None:
        asking.body = body


def _content(answer: Any) -> bytes:
    return answer if isinstance(answer, bytes) else answer.__pydantic_serializer__.to_json(answer)


def _first_failure_only(model: type[BaseModel], rows: int) -> type[BaseModel]:
    """Return a model that takes `rows` records at most, and whose validation ends at the first record refused."""
    field = model.model_fields["records"]
    declared = {
        kind: getattr(one, kind)
        for one in field.metadata
        for kind in ("min_length", "max_length")
        if hasattr(one, kind)
    }
    declared["max_length"] = min(rows, declared["max_length"])
    fail_fast = Annotated[field.annotation, FailFast()]  # type: ignore[name-defined]
    default = ... if field.is_required() else field.get_default(call_default_factory=False)
    changed: dict[str, Any] = {"records": (fail_fast, Field(default, **declared))}
    return create_model(model.__name__, __base__=model, __module__=model.__module__, **changed)


def _has_top_k(records: Any) -> bool:
    """Whether the records of a batch each ask for their own number of answers."""
    return any(_is_model(kind) and "top_k" in kind.model_fields for kind in getattr(records, "__args__", ()))


def _is_whole(sent: Any) -> bool:
    return isinstance(sent, float) and sent.is_integer() and abs(sent) <= _EXACT


def _with_integers(sent: Any) -> Any:
    """Return a JSON value with every whole number as an integer; a field of any number takes both alike."""
    if isinstance(sent, dict):
        return {key: _with_integers(value) for key, value in sent.items()}
    if isinstance(sent, list):
        return [_with_integers(value) for value in sent]
    return int(sent) if _is_whole(sent) else sent


def _is_model(annotation: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _nests(annotation: Any) -> bool:
    """Whether a value of a field can be or hold a model."""
    return _is_model(annotation) or any(_nests(part) for part in getattr(annotation, "__args__", ()))
