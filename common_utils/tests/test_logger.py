from __future__ import annotations

import io
import json
import logging
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils import setup_logging
from common_utils.errors import ConfigError
from common_utils.logger import redact, request_id

NAME = "common_utils.tests.logger"


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(autouse=True)
def loggers_put_back() -> Iterator[None]:
    yield
    for name in (NAME, f"{NAME}.child"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)


def _one(stream: io.StringIO) -> dict[str, object]:
    (line,) = stream.getvalue().splitlines()
    return json.loads(line)


def test_text_line_has_time_level_name_and_message(stream: io.StringIO):
    setup_logging(NAME, stream=stream).info("trained in %d folds", 5)
    assert re.fullmatch(
        rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z INFO {re.escape(NAME)} trained in 5 folds\n",
        stream.getvalue(),
    )


@pytest.mark.parametrize("fmt", ["text", "json"])
def test_timestamps_are_utc(stream: io.StringIO, fmt: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "America/New_York")
    log = setup_logging(NAME, fmt=fmt, stream=stream)  # type: ignore[arg-type]
    record = log.makeRecord(NAME, logging.INFO, __file__, 1, "x", (), None)
    record.created = datetime(2026, 1, 31, 23, 59, 59, 500_000, tzinfo=UTC).timestamp()
    log.handle(record)
    assert "2026-01-31T23:59:59.500Z" in stream.getvalue()


def test_second_call_replaces_the_first(stream: io.StringIO):
    first = io.StringIO()
    setup_logging(NAME, level="DEBUG", stream=first)
    log = setup_logging(NAME, level="warning", fmt="json", stream=stream)
    log.info("too quiet")
    log.warning("heard")
    assert first.getvalue() == ""
    assert _one(stream)["message"] == "heard"


def test_set_up_from_many_threads_leaves_one_handler(stream: io.StringIO):
    threads = [threading.Thread(target=setup_logging, args=(NAME,), kwargs={"stream": stream}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logging.getLogger(NAME).info("once")
    assert stream.getvalue().count("once") == 1


def test_foreign_handlers_stay(stream: io.StringIO):
    foreign = logging.StreamHandler(io.StringIO())
    logging.getLogger(NAME).addHandler(foreign)
    assert foreign in setup_logging(NAME, stream=stream).handlers


@pytest.mark.parametrize("child_first", [True, False], ids=["child-first", "parent-first"])
def test_parent_and_child_print_a_line_once(stream: io.StringIO, *, child_first: bool):
    for name in sorted([NAME, f"{NAME}.child"], reverse=child_first):
        setup_logging(name, stream=stream)
    logging.getLogger(f"{NAME}.child").info("once")
    assert stream.getvalue().count("once") == 1


def test_root_handler_does_not_print_the_line_again(stream: io.StringIO, caplog: pytest.LogCaptureFixture):
    setup_logging(NAME, stream=stream).info("once")
    assert stream.getvalue().count("once") == 1
    assert caplog.text == ""


def test_default_stream_follows_standard_error(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    log = setup_logging(NAME)
    log.info("captured")
    moved = io.StringIO()
    monkeypatch.setattr("sys.stderr", moved)
    log.info("moved")
    captured = capsys.readouterr()
    assert "captured" in captured.err
    assert captured.out == ""
    assert "moved" in moved.getvalue()


@pytest.mark.parametrize("fmt", ["text", "json"])
def test_request_id_is_carried_and_only_while_set(stream: io.StringIO, fmt: str):
    log = setup_logging(NAME, fmt=fmt, stream=stream)  # type: ignore[arg-type]
    token = request_id.set("req-1")
    log.info("inside")
    request_id.reset(token)
    log.info("outside")
    inside, outside = stream.getvalue().splitlines()
    assert ('"request_id": "req-1"' if fmt == "json" else "[req-1] inside") in inside
    assert "req" not in outside


def test_json_is_one_line_whatever_the_message(stream: io.StringIO):
    text = 'a\nb\r\nc\u2028d\x85e "quoted" {json} \x1b[31m'
    setup_logging(NAME, fmt="json", stream=stream).info(text)
    assert stream.getvalue().count("\n") == 1
    assert _one(stream)["message"] == text


def test_text_message_cannot_forge_a_line(stream: io.StringIO):
    log = setup_logging(NAME, stream=stream)
    log.info("real\n2026-01-01T00:00:00.000Z INFO forged", extra={"field": "x\ny"})
    try:
        raise ValueError("broken\n2026-01-01T00:00:00.000Z INFO forged\x1b[2J")
    except ValueError:
        log.exception("failed")
    lines = stream.getvalue().splitlines()
    assert [line.startswith("  ") for line in lines[:2]] == [False, False]
    assert all(line.startswith("  ") for line in lines[2:])
    assert "\x1b" not in stream.getvalue()


def test_extra_fields_are_carried(stream: io.StringIO):
    fields = {
        "rows": 3,
        "share": 0.25,
        "path": Path("a/b"),
        "ok": True,
        "none": None,
        "worst": float("nan"),
        "plans": ("s", {"m"}),
        "by_plan": {"s": 1},
        "time": "kept apart",
    }
    setup_logging(NAME, fmt="json", stream=stream).info("read", extra=fields)
    entry = _one(stream)
    assert entry["extra"] == {
        "rows": 3,
        "share": 0.25,
        "path": "a/b",
        "ok": True,
        "none": None,
        "worst": "nan",
        "plans": ["s", ["m"]],
        "by_plan": {"s": 1},
        "time": "kept apart",
    }
    assert entry["time"] != "kept apart"


def test_extra_fields_appear_in_text(stream: io.StringIO):
    setup_logging(NAME, stream=stream).info("read", extra={"rows": 3, "user_id": "A17"})
    assert stream.getvalue().endswith(" read rows=3 user_id=[redacted]\n")


def test_a_structure_that_holds_itself_ends(stream: io.StringIO):
    loop: list[object] = []
    loop.append(loop)
    setup_logging(NAME, fmt="json", stream=stream).info("x", extra={"loop": loop})
    assert "extra" in _one(stream)


PERSONAL = [
    pytest.param("ann.lee+x@mail.example.org", id="e-mail"),
    pytest.param("ana.müller@exämple.org", id="e-mail-not-ascii"),
    pytest.param("447700900123", id="digits"),
    pytest.param("+44 7700 900123", id="spaces"),
    pytest.param("+1 (555) 010-9999", id="brackets"),
    pytest.param("06.12.34.56.78", id="dots"),
    pytest.param("0612-345-678", id="dashes"),
    pytest.param("123456789", id="nine-digits"),
]


@pytest.mark.parametrize("value", PERSONAL)
@pytest.mark.parametrize("fmt", ["text", "json"])
def test_personal_values_are_masked_everywhere(stream: io.StringIO, fmt: str, value: str):
    log = setup_logging(NAME, fmt=fmt, stream=stream)  # type: ignore[arg-type]
    log.info(f"of {value}, known", extra={"note": value, value: 1, "deep": [{"x": (value,)}]})
    log.info("by argument %s", value)
    log.info("by mapping %(v)s", {"v": value})
    log.info("does not fit %d", value)
    log.info("missing %(w)s", {"v": value})
    log.info("stack %s", value, stack_info=True)
    try:
        raise KeyError(value)
    except KeyError:
        log.exception("failed")
    text = stream.getvalue()
    assert value not in text
    assert text.count("[redacted]") >= 8
    assert "KeyError" in text


@pytest.mark.parametrize(
    "field", ["subscriber_id", "user_id", "msisdn", "email", "name", "surname", "Customer_ID", "first_name", "phone"]
)
def test_personal_fields_are_masked_at_any_depth(stream: io.StringIO, field: str):
    log = setup_logging(NAME, fmt="json", stream=stream)
    log.info("x", extra={"row": {field: "Ann"}, "rows": [{field: 7}]})
    assert _one(stream)["extra"] == {"row": {field: "[redacted]"}, "rows": [{field: "[redacted]"}]}


def test_whole_numbers_that_look_like_phones_are_masked(stream: io.StringIO):
    setup_logging(NAME, fmt="json", stream=stream).info("x", extra={"a": 447700900123, "rows": 12_345_678})
    assert _one(stream)["extra"] == {"a": "[redacted]", "rows": 12_345_678}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("subscriber_id=A17, x", "subscriber_id=[redacted], x", id="assignment"),
        pytest.param("{'user_id': 'A 17'}", "{'user_id': [redacted]}", id="dict-repr"),
        pytest.param('{"surname": "O\'Lee"}', '{"surname": [redacted]}', id="json"),
        pytest.param("Row(email = None)", "Row(email = [redacted])", id="repr"),
        pytest.param("subscriber_id: missing column", "subscriber_id: missing column", id="column-name-stays"),
    ],
)
def test_redact_masks_values_given_by_name(text: str, expected: str):
    assert redact(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2026-01-31", id="date"),
        pytest.param("2026-01-31 10:00:00", id="date-and-time"),
        pytest.param("2018-01-15 2018-12-31 2018-01 2018-02", id="dates-in-a-row"),
        pytest.param("AUC 0.812345678901, 12.345678901 s", id="decimals"),
        pytest.param("12345678", id="eight-digits"),
        pytest.param("fa089b8abaee72e5fdc514749912dcf6e4959ca6f4c76900b5ea4ae55257354e", id="digest"),
        pytest.param("1234567890ab4cde8123456789012345", id="digest-that-starts-with-digits"),
        pytest.param("12345678-1234-1234-1234-12345678901a", id="uuid"),
        pytest.param("artifacts/20260131T235959Z-ab12cd34", id="bundle-name"),
        pytest.param("12,345,678,901 rows", id="thousands"),
        pytest.param("a@b", id="at-sign"),
    ],
)
def test_redact_leaves_what_is_not_personal(text: str):
    assert redact(text) == text


@pytest.mark.parametrize("text", ["a" * 200_000, "1 " * 100_000, "@" * 200_000, "a." * 100_000, "0-" * 100_000])
def test_redact_takes_linear_time(text: str):
    redact(text)  # quadratic behaviour would take minutes


@settings(deadline=None, max_examples=50)
@given(
    number=st.integers(10**8, 10**15),
    before=st.sampled_from(["", "tel ", "id_", "+", "(", "x:", "2026-01-31 "]),
    gap=st.sampled_from(["", " ", "-", ".", " / "]),
)
def test_redact_masks_every_long_digit_run(number: int, before: str, gap: str):
    digits = str(number)
    written = f"{digits[:3]}{gap}{digits[3:5]}{gap}{digits[5:]}"
    assert written not in redact(f"{before}{written} end")
    assert "[redacted]" in redact(f"{before}{written} end")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"level": "LOUD"}, "log level 'LOUD' is unknown; use DEBUG", id="level"),
        pytest.param({"fmt": "xml"}, "log format 'xml' is unknown; use 'text' or 'json'", id="format"),
    ],
)
def test_unknown_settings_are_refused(options: dict[str, str], message: str):
    with pytest.raises(ConfigError, match=message):
        setup_logging(NAME, **options)  # type: ignore[arg-type]
