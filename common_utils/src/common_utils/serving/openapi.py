"""The OpenAPI document with every error a client can meet, and the names our schema declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from common_utils.serving.guards.access import PUBLIC_PATHS
from common_utils.serving.problems import PROBLEM_JSON, FieldProblem, Problem

__all__ = ["PROBLEM_RESPONSES", "declared_names", "document_problems"]

_REF = "#/components/schemas/{model}"
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}}}
_TEXTS = {
    400: "The body is not JSON in the strict sense",
    401: "No known API key was sent",
    403: "The key's role may not do this",
    408: "The body did not arrive in time",
    413: "The body or the batch is too large",
    415: "The body is not plain application/json",
    422: "A field breaks a rule of the schema",
    429: "Too many requests from this client",
    431: "Address and headers are too large",
    500: "A fault of the service",
    503: "Not ready, or too many requests at once",
    504: "The answer took too long",
}


_EXAMPLES = {
    400: ("malformed_json", "The body is not valid JSON."),
    401: ("unknown_key", "Send a known key as `Authorization: Bearer`."),
    403: ("wrong_role", "This key may ask for predictions only."),
    408: ("slow_body", "The body did not arrive in time."),
    413: ("body_too_large", "The body may have 1048576 bytes."),
    415: ("media_type", "Send the body as application/json."),
    422: ("validation", "1 field was refused."),
    429: ("too_many_requests", "This key asks too often; wait and try again."),
    431: ("headers_too_large", "Address and headers may have 16384 bytes together."),
    500: ("internal", None),
    503: ("overloaded", "Too many requests at once; try again later."),
    504: ("deadline", "The answer took too long; try again later."),
}
_REFUSED = FieldProblem(
    location=["body", "<unknown field>"], code="extra_forbidden", message="This field is not permitted."
)


def _example(status: int) -> dict[str, Any]:
    code, detail = _EXAMPLES[status]
    problem = Problem(
        type=f"urn:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        request_id="3f2b8c1d9e4a4b6f8a7c5d2e1f0b9a86",
        errors=[_REFUSED] if code == "validation" else None,
    )
    return problem.model_dump(exclude_none=True)


def _response(status: int) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=Problem.__name__)}
    content = {"schema": schema, "example": _example(status)}
    response: dict[str, Any] = {"description": _TEXTS[status], "content": {PROBLEM_JSON: content}}
    return response | ({"headers": _RETRY_AFTER} if status in {429, 503, 504} else {})


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {status: _response(status) for status in _TEXTS}
"""Error responses by status, as FastAPI's `responses=` takes them. `document_problems` adds them to every
operation; a router needs them only for a status of its own."""

_NOTHING = object()
_ALWAYS = (431, 500, 503, 504)
_GUARDED = (401, 403, 429)
_WITH_BODY = (400, 408, 413, 415, 422, *_ALWAYS)


def document_problems(app: FastAPI) -> None:
    """Make the `openapi()` of an app declare the problem responses of every operation.

    Parameters
    ----------
    app : FastAPI
        Changed in place; the document is built at the first request for it, and kept.

    Examples
    --------
    >>> app = FastAPI()
    >>> document_problems(app)
    >>> "Problem" in app.openapi()["components"]["schemas"]
    True
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if Problem.__name__ not in schemas:
            _complete(document, schemas)
        return document

    app.openapi = openapi


def declared_names(app: FastAPI) -> Callable[[], frozenset[str]]:
    """Return a function that lists every field and parameter name the app's schema declares.

    Examples
    --------
    >>> app = FastAPI()
    >>> @app.get("/plans")
    ... def plans(on_sale: bool = True) -> dict[str, str]: return {}
    >>> "on_sale" in declared_names(app)()
    True
    """
    return lambda: frozenset(_names(app.openapi()))


def _complete(document: dict[str, Any], schemas: dict[str, Any]) -> None:
    _, models = models_json_schema([(model, "serialization") for model in (Problem, FieldProblem)], ref_template=_REF)
    schemas.update(models["$defs"])
    for path, operations in document.get("paths", {}).items():
        for operation in operations.values():
            with_body = "requestBody" in operation
            if "parameters" in operation and not with_body:
                expected: tuple[int, ...] = (422, *_ALWAYS)
            else:
                expected = _WITH_BODY if with_body else _ALWAYS
            guarded = () if path in PUBLIC_PATHS else _GUARDED
            responses = operation["responses"]
            _add_examples(responses, schemas)
            responses.update({str(status): PROBLEM_RESPONSES[status] for status in (*expected, *guarded)})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)


def _add_examples(responses: Mapping[str, Any], schemas: Mapping[str, Any]) -> None:
    """Show each answer as its model's example has it; Swagger UI would invent one of `string` and 0."""
    for response in responses.values():
        content = response.get("content", {}).get("application/json", {})
        shown = _shown(content.get("schema", {}), schemas)
        if shown is not _NOTHING and "example" not in content:
            content["example"] = shown


def _shown(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """Return the first example of a schema, or one put together from those of its parts; `_NOTHING` without any."""
    if "$ref" in schema:
        return _shown(schemas[schema["$ref"].rsplit("/", 1)[-1]], schemas)
    if schema.get("examples"):
        return schema["examples"][0]
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if schema.get("type") == "array":
        item = _shown(schema.get("items", {}), schemas)
        return item if item is _NOTHING else [item]
    properties = schema.get("properties", {})
    parts = {name: _shown(part, schemas) for name, part in properties.items()}
    return parts if parts and _NOTHING not in parts.values() else _NOTHING


def _names(node: Any) -> set[str]:
    found: set[str] = set()
    if isinstance(node, Mapping):
        found.update(node.get("properties", {}))
        if "in" in node and isinstance(node.get("name"), str):
            found.add(node["name"])
        children = list(node.values())
    else:
        children = node if isinstance(node, list) else []
    for child in children:
        found |= _names(child)
    return found
