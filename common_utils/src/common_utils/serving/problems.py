"""Errors as `application/problem+json` (RFC 9457): what went wrong and where, never what was sent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from common_utils.errors import DataError, NotReadyError, PortfolioError
from common_utils.logger import request_id
from common_utils.serving.tracebacks import redacted_traceback

__all__ = [
    "MOST_ERRORS",
    "PROBLEM_JSON",
    "CutValidationError",
    "FieldProblem",
    "Problem",
    "ProblemError",
    "error_response",
    "install_problem_handlers",
    "validation_problem",
]

PROBLEM_JSON = "application/problem+json"

_TITLES = {status.value: status.phrase for status in HTTPStatus}
MOST_ERRORS = 20
"""Refused fields that an answer lists."""

_MAX_ANSWER_BYTES = 4096
_MAX_TEXT = 300
_MAX_LOCATION = 8
_UNKNOWN = "<unknown field>"
_UNSAID = "This value cannot be accepted."
_RETRY_SECONDS = "5"
_FORM = "This text does not follow the field's pattern; its description in /docs says which texts do."
# Parts of a location that pydantic and FastAPI write themselves.
_FIXED_PARTS = frozenset({"body", "query", "path", "header", "cookie", "[key]"})
# What a message may be built from: limits of our own schema. Everything else may quote the request.
_SCHEMA_CONTEXT = frozenset(
    {
        "actual_length", "class", "class_name", "decimal_places", "discriminator", "expected", "expected_tags",
        "field_type", "ge", "gt", "le", "lt", "max_digits", "max_length", "min_length", "multiple_of", "pattern",
        "whole_digits",
    }
)  # fmt: skip

logger = logging.getLogger(__name__)


class FieldProblem(BaseModel):
    """One field that was refused."""

    location: list[str | int] = Field(max_length=_MAX_LOCATION, description="Where: body, then field names and indices")
    code: str = Field(max_length=64, description="Stable code of the rule that was broken")
    message: str = Field(max_length=_MAX_TEXT, description="The rule in words; never the value that was sent")


class Problem(BaseModel):
    """An error, as RFC 9457 describes it, with the request's id."""

    type: str = Field(max_length=100, description="What kind of problem: urn:problem:<code>")
    title: str = Field(max_length=100, description="The status in words")
    status: int = Field(ge=400, le=599, description="The HTTP status")
    detail: str | None = Field(default=None, max_length=_MAX_TEXT, description="What to change")
    request_id: str | None = Field(
        default=None, max_length=64, description="Also in the header X-Request-ID and in the log"
    )
    reason: str | None = Field(default=None, max_length=64, description="Why the service is not ready, as a code")
    errors: list[FieldProblem] | None = Field(
        default=None, max_length=MOST_ERRORS, description="Fields that were refused"
    )


class ProblemError(PortfolioError):
    """A request is refused with a given status.

    Parameters
    ----------
    status : int
        400 to 599.
    code : str
        Names the kind of problem; becomes `urn:problem:<code>`.
    detail : str
        A constant sentence: what to change. Never put a value of the request in it.
    reason : str, optional
        A code that says why the service cannot answer.
    headers : mapping, optional
        Further response headers, such as `Retry-After`.

    Examples
    --------
    >>> str(ProblemError(404, "unknown_plan", "The catalogue has no plan of this id; see GET /plans."))
    'The catalogue has no plan of this id; see GET /plans.'
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        reason: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.reason = reason
        self.headers = dict(headers or {})


class CutValidationError(RequestValidationError):
    """A body breaks more rules of its model than are told; only the first errors were built."""


def error_response(error: Exception, known_names: Callable[[], frozenset[str]]) -> Response:
    """Return the answer to a request that raised.

    Parameters
    ----------
    error : Exception
        Ours, FastAPI's, Starlette's, or an unforeseen one: that is logged, and the client learns only the request id.
    known_names : callable
        Returns the field names our schema declares; any other name in an error's location was sent by the client.

    Returns
    -------
    Response
        `application/problem+json`, at most 4 kB.

    Examples
    --------
    >>> error_response(ProblemError(415, "media_type", "Send JSON."), frozenset).status_code
    415
    """
    match error:
        case ProblemError():
            return _response(error.status, error.code, str(error), reason=error.reason, headers=error.headers)
        case RequestValidationError():
            cut = isinstance(error, CutValidationError)
            detail, fields = validation_problem(error.errors(), known_names(), cut=cut)
            return _response(422, "validation", detail, fields=fields)
        case DataError():
            return _response(422, "data", str(error))
        case NotReadyError():
            reason = getattr(error, "reason", None)
            text = "The service has no verified model to answer with; try again later."
            return _response(503, "not_ready", text, reason=reason, headers={"Retry-After": _RETRY_SECONDS})
        case HTTPException():
            # Its detail is free text that may quote the request, so only the status is told.
            return _http_response(error)
        case _:
            logger.error("unhandled error\n%s", redacted_traceback(error))
            return _response(500, "internal", None)


def validation_problem(
    errors: Sequence[Mapping[str, Any]], known_names: frozenset[str], *, cut: bool = False
) -> tuple[str, list[FieldProblem]]:
    """Translate pydantic's errors without the input, its context or any name the client made up.

    Parameters
    ----------
    errors : sequence of mapping
        As pydantic's `errors()` returns them.
    known_names : frozenset of str
        Field names of our own schema.
    cut : bool
        Whether there are more errors, which were not built.

    Returns
    -------
    tuple of str and list of FieldProblem
        A summary, and the first twenty fields.

    Notes
    -----
    A validator that raises `ValueError` gets a general message, because such texts tend to quote the value. Raise
    `pydantic_core.PydanticCustomError(code, "a constant sentence")` to tell the client more.

    Examples
    --------
    >>> error = {"type": "missing", "loc": ("body", "minutes"), "msg": "Field required", "input": {"msisdn": "0700"}}
    >>> validation_problem([error], frozenset({"minutes"}))[1][0].location
    ['body', 'minutes']
    """
    fields = [_field(error, known_names) for error in errors[:MOST_ERRORS]]
    noun = "field was" if len(errors) == 1 else "fields were"
    count = f"More than {min(len(errors), MOST_ERRORS)}" if cut else str(len(errors))
    rest = f"; the first {len(fields)} are listed" if cut or len(errors) > MOST_ERRORS else ""
    return f"{count} {noun} refused{rest}.{_record(errors)}", fields


def install_problem_handlers(app: FastAPI, known_names: Callable[[], frozenset[str]]) -> None:
    """Make every error that reaches FastAPI's exception layer a problem; what escapes it is `RequestContext`'s.

    Parameters
    ----------
    app : FastAPI
        Changed in place.
    known_names : callable
        As in `error_response`.
    """

    async def answer(request: Request, error: Exception) -> Response:  # noqa: ARG001  Starlette's signature
        answer = error_response(error, known_names)
        if answer.headers.get("allow") == "GET":
            answer.headers["allow"] = "GET, HEAD"  # `RequestContext` answers HEAD by the route of GET
        return answer

    for kind in (ProblemError, RequestValidationError, DataError, NotReadyError, HTTPException):
        app.add_exception_handler(kind, answer)


def _http_response(error: HTTPException) -> Response:
    status, headers = error.status_code, dict(error.headers or {})
    if status < HTTPStatus.BAD_REQUEST:  # "not modified" and the like are answers, not problems
        return Response(status_code=status, headers=headers)
    return _response(status, f"http_{status}", None, headers=headers)


def _record(errors: Sequence[Mapping[str, Any]]) -> str:
    """Return which record of a batch the first error is in, in words."""
    match tuple(errors[0]["loc"]) if errors else ():
        case ("body", "records", int(place), *_):
            return f" The first is in record {place}, counted from 0."
        case _:
            return ""


def _field(error: Mapping[str, Any], known_names: frozenset[str]) -> FieldProblem:
    known = known_names | _FIXED_PARTS
    location = [part if isinstance(part, int) or part in known else _UNKNOWN for part in error["loc"]]
    said = set(error.get("ctx", {})) <= _SCHEMA_CONTEXT
    message = str(error["msg"])[:_MAX_TEXT] if said else _UNSAID
    if error["type"] == "string_pattern_mismatch" and "pattern '" in message:
        message = _FORM  # a regular expression helps nobody who sends a form
    return FieldProblem(location=location[:_MAX_LOCATION], code=str(error["type"])[:64], message=message)


def _response(
    status: int,
    code: str,
    detail: str | None,
    *,
    reason: str | None = None,
    fields: list[FieldProblem] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    problem = Problem(
        type=f"urn:problem:{code}",
        title=_TITLES.get(status, "Error"),
        status=status,
        detail=None if detail is None else detail[:_MAX_TEXT],
        request_id=request_id.get(),
        reason=reason,
        errors=fields,
    )
    while len(body := _encoded(problem)) > _MAX_ANSWER_BYTES and problem.errors:
        problem.errors = problem.errors[:-1]
    return Response(body, status_code=status, headers=dict(headers or {}), media_type=PROBLEM_JSON)


def _encoded(problem: Problem) -> bytes:
    return problem.model_dump_json(exclude_none=True).encode()
