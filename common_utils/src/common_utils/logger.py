"""Logging for every project: one line format, UTC, the request id, and nothing personal.

Redaction happens in the formatter, on the text that is about to leave the process, so it also covers
arguments, `extra` fields and tracebacks, and leaves the record alone for other handlers.
"""

from __future__ import annotations

import json
import logging
import math
import re
import sys
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal, TextIO, get_args

from common_utils.errors import ConfigError

__all__ = ["LogFormat", "redact", "request_id", "setup_logging"]

LogFormat = Literal["text", "json"]

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Identifier of the request being served; set it and every line logged in that context carries it."""

_MASK = "[redacted]"
_PERSONAL_IN_TEXT = (
    "subscriber_?id|user_?id|customer_?id|msisdn|imsi|e_?mail|phone(?:_?number)?|surname|(?:first|last|full)_?name"
)
_PERSONAL_FIELD = re.compile(rf"(?:{_PERSONAL_IN_TEXT}|name|address|date_of_birth)", re.IGNORECASE)
# Bounded repeats: a megabyte without an "@" must not cost quadratic time.
_EMAIL = re.compile(r"[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_NAMED_VALUE = re.compile(
    rf"""\b((?:{_PERSONAL_IN_TEXT})(?:["']?\s*=\s*|["']\s*:\s*))(?:"[^"]*"|'[^']*'|[^\s,;)}}\]]+)""", re.IGNORECASE
)
# Digests, ISO dates and small decimals hold long runs of digits too; matched first, they pass.
_DIGITS = re.compile(
    r"""
    (?P<harmless>
        (?<!\w)(?=[0-9-]*[a-f])(?:[0-9a-f]{12,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?!\w)
      | (?<!\d)(?:19|20)\d\d-[01]\d(?:-[0-3]\d)?(?!-?\d)
      | (?<![\d.])[1-9]?\d\.\d+(?![\d.])
    )
    | \+?\(?\d(?:[ .()/\u00a0\u2011-]{0,3}\d){8,}
    """,
    re.VERBOSE,
)
_DEEPEST = 5
# `color_message` is uvicorn's second copy of the message, for its own handler.
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_CONTROL = {code: repr(chr(code))[1:-1] for code in (*range(32), 127, 0x85, 0x2028, 0x2029)}
_lock = threading.Lock()


def setup_logging(
    name: str,
    *,
    level: str = "INFO",
    fmt: LogFormat = "text",
    stream: TextIO | None = None,
) -> logging.Logger:
    """Return the logger `name` with exactly one handler of ours on it.

    Calling again replaces the handler, so the last call's settings win. The logger does not propagate:
    neither a parent we set up nor a root handler prints the line a second time.

    Parameters
    ----------
    name : str
        Usually `__name__`.
    level : str
        DEBUG, INFO, WARNING, ERROR or CRITICAL, in any case.
    fmt : {"text", "json"}
        A line for people, or one JSON object per line with `time`, `level`, `logger`, `message` and,
        where there is one, `request_id`, `extra`, `exception` and `stack`.
    stream : text stream, optional
        Where lines go; standard error, looked up at each line, unless given.

    Raises
    ------
    ConfigError
        If the level or the format is unknown.

    Examples
    --------
    >>> log = setup_logging("example", fmt="json", stream=sys.stdout)
    >>> log.warning("mail to %s", "ann@example.org")  # doctest: +ELLIPSIS
    {"time": "...Z", "level": "WARNING", "logger": "example", "message": "mail to [redacted]"}
    """
    levels = logging.getLevelNamesMapping()
    if level.upper() not in levels:
        raise ConfigError(f"log level {level!r} is unknown; use DEBUG, INFO, WARNING, ERROR or CRITICAL.")
    if fmt not in get_args(LogFormat):
        raise ConfigError(f"log format {fmt!r} is unknown; use 'text' or 'json'.")
    handler = _Handler(stream)
    handler.setFormatter(_JsonFormatter() if fmt == "json" else _TextFormatter())
    logger = logging.getLogger(name)
    with _lock:
        for old in [present for present in logger.handlers if isinstance(present, _Handler)]:
            logger.removeHandler(old)
            old.close()
        logger.addHandler(handler)
        logger.setLevel(levels[level.upper()])
        logger.propagate = False
    return logger


def redact(text: str) -> str:
    """Return `text` with what looks like a person's data masked.

    Masked are e-mail addresses, runs of nine or more digits with the separators phone numbers are written
    with, and values given as `subscriber_id=...` and the like. ISO dates, hexadecimal digests and decimals
    below 100 pass.

    Examples
    --------
    >>> redact("ann@example.org called +44 7700 900123 on 2026-01-31")
    '[redacted] called [redacted] on 2026-01-31'
    >>> redact("subscriber_id=A17 rated in 0.123456789 s")
    'subscriber_id=[redacted] rated in 0.123456789 s'
    """
    text = _EMAIL.sub(_MASK, text)
    text = _NAMED_VALUE.sub(rf"\g<1>{_MASK}", text)
    return _DIGITS.sub(lambda match: match["harmless"] or _MASK, text)


class _Handler(logging.StreamHandler[TextIO]):
    """Ours, so that a second set-up finds it; without a stream it follows `sys.stderr` wherever it is moved."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__(stream)
        self._follow = stream is None

    def emit(self, record: logging.LogRecord) -> None:
        if self._follow:
            self.stream = sys.stderr
        super().emit(record)


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        words = [_timestamp(record), record.levelname, record.name]
        current = request_id.get()
        if current is not None:
            words.append(f"[{current}]")
        words.append(_message(record))
        words += [f"{key}={value}" for key, value in _extra(record).items()]
        line = " ".join(words).translate(_CONTROL)
        # Indented: a line break inside an error's message cannot pass for the start of a record.
        below = [f"  {row.translate(_CONTROL)}" for text in _traces(self, record).values() for row in text.splitlines()]
        return "\n".join([line, *below])


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": _timestamp(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        current = request_id.get()
        if current is not None:
            entry["request_id"] = current
        extra = _extra(record)
        if extra:
            entry["extra"] = extra
        return json.dumps(entry | _traces(self, record), allow_nan=False)


def _timestamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    try:
        return redact(record.getMessage())
    except (KeyError, TypeError, ValueError):
        # logging would print the arguments as they are, unredacted.
        return redact(f"{record.msg} (arguments do not fit the message and are left out)")


def _extra(record: logging.LogRecord) -> dict[str, object]:
    given = {key: value for key, value in vars(record).items() if key not in _STANDARD_FIELDS}
    return _masked_mapping(given, _DEEPEST)


def _traces(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, str]:
    found: dict[str, str] = {}
    if record.exc_info:
        found["exception"] = redact(formatter.formatException(record.exc_info))
    if record.stack_info:
        found["stack"] = redact(record.stack_info)
    return found


def _masked(value: object, depth: int) -> object:
    match value:
        case None | bool():
            return value
        case int():
            return value if redact(str(value)) == str(value) else _MASK
        case float():
            return value if math.isfinite(value) else str(value)
        case dict() if depth:
            return _masked_mapping(value, depth - 1)
        case list() | tuple() | set() | frozenset() if depth:
            return [_masked(item, depth - 1) for item in value]
        case _:
            return redact(str(value))


def _masked_mapping(values: Mapping[object, object] | Mapping[str, object], depth: int) -> dict[str, object]:
    return {
        redact(str(key)): _MASK if _PERSONAL_FIELD.fullmatch(str(key)) else _masked(value, depth)
        for key, value in values.items()
    }
