from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.serving.guards.json_guard import check_json
from common_utils.serving.problems import ProblemError

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        pytest.param(b'{"a": NaN}', "finite", id="nan"),
        pytest.param(b'{"a": Infinity}', "finite", id="infinity"),
        pytest.param(b'{"a": -Infinity}', "finite", id="minus-infinity"),
        pytest.param(b'{"a": 1e400}', "finite", id="1e400"),
        pytest.param(b'{"a": -1e400}', "finite", id="minus-1e400"),
        pytest.param(b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON", id="5000-digits"),
        pytest.param(b'{"a": 1, "a": 2}', "repeats a key", id="duplicate-key"),
        pytest.param(b'{"a": 1, "\\u0061": 2}', "repeats a key", id="duplicate-escaped-key"),
        pytest.param(b'{"a": "\\ud800"}', "surrogate", id="lone-surrogate"),
        pytest.param(b'{"\\udfff": 1}', "surrogate", id="lone-surrogate-key"),
        pytest.param(b'{"a": "\xff"}', "UTF-8", id="bad-utf8"),
        pytest.param(b'{"a": "\xed\xa0\x80"}', "UTF-8", id="raw-surrogate"),
        pytest.param('{"a": 1}'.encode("utf-16"), "UTF-8", id="utf-16"),
        pytest.param('{"a": 1}'.encode("utf-16-le"), "not valid JSON", id="utf-16-without-mark"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', "not valid JSON", id="byte-order-mark"),
        pytest.param(b'{"a": "\x00"}', "not valid JSON", id="nul"),
        pytest.param(b" ", "not valid JSON", id="blank"),
        pytest.param(b"{} {}", "not valid JSON", id="two-values"),
        pytest.param(b"{'a': 1}", "not valid JSON", id="single-quotes"),
        pytest.param(b"[" * 500 + b"]" * 500, "nested 32 deep", id="500-deep"),
        pytest.param(b"[" * 100_000, "nested 32 deep", id="100000-open"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested 32 deep", id="100000-objects"),
        pytest.param(b"[" * 40 + b"}" * 40, "nested 32 deep", id="brackets-do-not-match"),
    ],
)
def test_ambiguous_or_hostile_body_is_refused(body: bytes, detail: str) -> None:
    with pytest.raises(ProblemError, match=detail) as caught:
        check_json(body, max_depth=32)
    assert (caught.value.status, caught.value.code) == (400, "malformed_json")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"a": -0}', id="minus-zero"),
        pytest.param(b'{"a": 1e308}', id="1e308"),
        pytest.param('{"a": "\U0001f600"}'.encode(), id="4-byte"),
        pytest.param(b'{"a": "\\ud83d\\ude00"}', id="surrogate-pair"),
        pytest.param(b'{"a": "\\\\ud800"}', id="escaped-backslash"),
        pytest.param(b'"' + b"[" * 1000 + b'"', id="brackets-in-a-string"),
        pytest.param(b"[" + b",".join([b"[]"] * 1000) + b"]", id="wide"),
        pytest.param(b'["\\"[[[[", "]"]', id="escaped-quote"),
    ],
)
def test_plain_body_passes(body: bytes) -> None:
    check_json(body, max_depth=32)


def test_depth_limit_is_exact() -> None:
    check_json(b'{"a":[[1],[2]]}', max_depth=3)
    with pytest.raises(ProblemError, match="nested 2 deep"):
        check_json(b'{"a":[[1],[2]]}', max_depth=2)


@given(value=JSON_VALUES, limit=st.integers(1, 6))
@settings(deadline=None, max_examples=200)
def test_valid_json_is_refused_for_its_depth_alone(value: object, limit: int) -> None:
    body = json.dumps(value).encode("utf-8")
    if depth(value) <= limit:
        check_json(body, limit)
    else:
        with pytest.raises(ProblemError, match="nested"):
            check_json(body, limit)


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=200)
def test_any_bytes_pass_or_are_a_problem(body: bytes) -> None:
    with suppress(ProblemError):
        check_json(body, max_depth=4)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'"\\"' * 350_000, id="quotes"),
        pytest.param(b"[" * (1 << 20), id="brackets"),
        pytest.param(b'{"a":[' * 170_000, id="alternating"),
        pytest.param(b"[" * 33 + b'"' + b"\\" * (1 << 20), id="backslashes"),
    ],
)
def test_a_hostile_megabyte_is_refused(body: bytes) -> None:
    with pytest.raises(ProblemError):
        check_json(body, max_depth=32)
