"""Promises every service on one table keeps; each project's tests run all of them on its own app.

A check gets a started test client and a `ServiceCase`, and raises AssertionError with what differed. Use it as
`@pytest.mark.parametrize("check", ALL_SERVICE_CHECKS, ids=lambda check: check.__name__)`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from common_utils.serving.decisions.events import LoggedAnswer
from common_utils.testing.expectations import expect

__all__ = [
    "ALL_SERVICE_CHECKS",
    "Client",
    "ServiceCase",
    "check_batch_equals_singles",
    "check_hostile_bodies_get_a_documented_answer",
    "check_numbers_json_does_not_know_are_refused",
    "check_refusals_are_problems_that_echo_nothing",
    "check_says_what_is_live",
    "hostile_bodies",
]

PROBLEM = "application/problem+json"


class Client(Protocol):
    """What is needed of a test client, such as Starlette's."""

    def get(self, url: str) -> Any:
        """Ask."""
        ...

    def post(self, url: str, *, json: Any = ..., content: Any = ..., headers: Any = ...) -> Any:
        """Send."""
        ...


@dataclass(frozen=True)
class ServiceCase:
    """What to try on a service.

    Attributes
    ----------
    record : mapping
        A request that is answered; holds a number.
    refused : sequence of mapping
        Requests that must get 422.
    canary : str
        A text in some of them that no answer may repeat.
    """

    record: Mapping[str, Any]
    refused: Sequence[Mapping[str, Any]]
    canary: str


def check_says_what_is_live(client: Client, case: ServiceCase) -> None:
    """Promise that `/health`, `/ready`, `/model` and an answer agree on one version.

    Raises
    ------
    AssertionError
        Naming the route that differs.
    """
    expect(client.get("/health").json() == {"status": "alive"}, "/health")
    version = client.get("/ready").json()["version"]
    expect(client.get("/model").json()["version"] == version, "/model names another version than /ready")
    answer = client.post("/predict", json=dict(case.record))
    expect(answer.status_code == 200 and answer.json()["model_version"] == version, "/predict: another version")


def check_batch_equals_singles(client: Client, case: ServiceCase) -> None:
    """Promise that a record gets the same answer alone and among others, and that predictions are counted.

    What an answer says of its entry in the decision log is its own.

    Raises
    ------
    AssertionError
        If they differ, or an empty or oversized batch is answered.
    """
    single = _said(client.post("/predict", json=dict(case.record)).json())
    batch = client.post("/predict/batch", json={"records": [dict(case.record)] * 3}).json()
    expect([_said(one) for one in batch["predictions"]] == [single] * 3, "/predict/batch differs from /predict")
    expect(client.post("/predict/batch", json={"records": []}).status_code == 422, "an empty batch is answered")
    large = {"records": [dict(case.record)] * 1001}
    expect(400 <= client.post("/predict/batch", json=large).status_code < 500, "a batch of 1,001 is answered")
    expect(b"predictions_total" in client.get("/metrics").content, "/metrics counts no predictions")


def _said(answer: Any) -> Any:
    if not isinstance(answer, dict):
        return answer
    return {name: value for name, value in answer.items() if name not in LoggedAnswer.model_fields}


def check_refusals_are_problems_that_echo_nothing(client: Client, case: ServiceCase) -> None:
    """Promise that what does not fit gets 422 as `application/problem+json`, without a word of what was sent.

    Raises
    ------
    AssertionError
        Naming the first request, by its place in `refused`, that is treated otherwise.
    """
    for place, body in enumerate(case.refused):
        for url, sent in (("/predict", dict(body)), ("/predict/batch", {"records": [dict(case.record), dict(body)]})):
            answer = client.post(url, json=sent)
            expect(answer.status_code == 422, f"{url}: refused[{place}] got {answer.status_code}")
            expect(answer.headers["content-type"] == PROBLEM, f"{url}: refused[{place}] is not a problem document")
            expect(case.canary not in answer.text, f"{url}: refused[{place}] is repeated")


def check_numbers_json_does_not_know_are_refused(client: Client, case: ServiceCase) -> None:
    """Promise a 4xx for NaN, infinities and numbers past a double, in any numeric field.

    Raises
    ------
    AssertionError
        Naming the field and the number.
    """
    numeric = [name for name, value in case.record.items() if isinstance(value, (int, float))]
    expect(bool(numeric), "the case's record holds no number to try")
    for name in numeric:
        for token in ("NaN", "Infinity", "-Infinity", "1e400"):
            body = json.dumps({**case.record, name: "@"}).replace('"@"', token)
            answer = client.post("/predict", content=body, headers={"content-type": "application/json"})
            expect(400 <= answer.status_code < 500, f"{name}: {token} got {answer.status_code}")


def hostile_bodies(body: bytes, *, number: bytes, text: bytes | None) -> Iterator[bytes]:
    """Yield bodies that parsers trip over: not JSON, not one thing, not finite, not small.

    Parameters
    ----------
    body : bytes
        A JSON object that would be answered.
    number : bytes
        A number in it, to put others in its place.
    text : bytes or None
        What stands between the quotes of a text in it, to put others in its place.

    Examples
    --------
    >>> bodies = list(hostile_bodies(b'{"age":34,"city":"Bonn"}', number=b"34", text=b"Bonn"))
    >>> bodies[0], max(map(len, bodies)) > 10_000_000
    (b'{"age":NaN,"city":"Bonn"}', True)
    """
    for token in ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "-0", "-0.0", "1e308", "9" * 5000, "true", '"1"'):
        yield body.replace(number, token.encode())
    for depth in (40, 500, 2000, 100_000):
        yield b"[" * depth + b"]" * depth
        yield b'{"a":' * depth + b"1" + b"}" * depth
    yield body[:-1] + b"," + body[1:]  # every key twice
    if text is not None:
        for strange in (b"\\ud800", b"\\udc00\\ud800", b"\xff", b"\\u0000", "\u202e\U0001d11e".encode()):
            yield body.replace(text, strange)
    yield b"\xef\xbb\xbf" + body
    yield body.decode().encode("utf-16")
    yield from (b"", b"null", b"[]", b"{}", b"0", b'"x"', b"{", body[:-1], body + body)
    yield b" " * 10_000_000
    yield b'{"a":"' + b"x" * 10_000_000 + b'"}'


def check_hostile_bodies_get_a_documented_answer(client: Client, case: ServiceCase) -> None:
    """Promise no 5xx, and no status that the OpenAPI document does not declare, whatever is sent.

    Raises
    ------
    AssertionError
        Naming the route, the body by its place in `hostile_bodies`, and the status.
    """
    document = client.get("/openapi.json").json()
    number = next(name for name, value in case.record.items() if isinstance(value, (int, float)))
    text = next((name for name, value in case.record.items() if isinstance(value, str)), None)
    marked = {**case.record, number: "@number", **({} if text is None else {text: "@text"})}
    body = json.dumps(marked, separators=(",", ":")).encode()
    bodies = list(hostile_bodies(body, number=b'"@number"', text=None if text is None else b"@text"))
    for url in ("/predict", "/predict/batch"):
        declared = document["paths"].get(url, {}).get("post", {}).get("responses", {})
        for place, sent in enumerate(bodies):
            whole = sent if url == "/predict" else b'{"records":[' + sent + b"]}"
            status = client.post(url, content=whole, headers={"content-type": "application/json"}).status_code
            expect(status < 500 and str(status) in declared, f"{url}: hostile body {place} got {status}")


ALL_SERVICE_CHECKS: tuple[Callable[[Client, ServiceCase], None], ...] = (
    check_says_what_is_live,
    check_batch_equals_singles,
    check_refusals_are_problems_that_echo_nothing,
    check_numbers_json_does_not_know_are_refused,
    check_hostile_bodies_get_a_documented_answer,
)
