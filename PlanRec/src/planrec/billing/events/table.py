"""Events as columns: calls, calls received, messages and data sessions, read from a CSV file or from arrays."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from secrets import token_bytes

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import IntArray
from common_utils.errors import DataError
from planrec.billing.events.clock import DAY, LocalClock

__all__ = ["CALL", "CALL_IN", "DATA", "KINDS", "MICRO", "SMS", "Events", "class_finder", "read_events"]

KINDS = ("call", "call_in", "sms", "data")
CALL, CALL_IN, SMS, DATA = range(4)
MICRO = 1_000_000
_MOST_SECONDS = 10_000_000
_MOST_MEGABYTES = 10_000_000
_COLUMNS = ("event", "subscriber", "kind", "start", "seconds", "mb", "to", "at")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_IN_UTC, _LOCAL, _A_DAY = range(3)
_DAY_ALONE = re.compile(r"\d{4}-?\d{2}-?\d{2}")
_POWER = re.compile(r"\W*\d+(?:[.,]\d*)?\s?[eE][+-]?\d+")
_A_FLOAT = re.compile(r"\W*\d+[.,]0{1,2}")  # 34600111222.0; what stood before the digits, 0 or 00, is lost
_MEGABYTES = re.compile(r"(\d{1,9})(?:\.(\d*))?|\.(\d+)")


@dataclass(frozen=True)
class Events:
    """Events in order of subscriber, instant and identifier; all arrays have one length.

    Attributes
    ----------
    ids : str array or None
        Identifiers; None where nothing asks for them.
    subscribers, classes, places : tuple of str
        What the codes of `subscriber`, `to` and `at` stand for; code 0 of `classes` is "not told", of `places` home.
    subscriber, to, at : int64 arrays
        Codes.
    callee : int64 array or None
        Which of the numbers that its subscriber uses in this table an event is to, from 1 in the order of the file; 0
        where none is told. None where no limit of numbers asks for it. It says nothing beyond this table.
    kind : int8 array
        Position in `KINDS`.
    instant : int64 array
        Microseconds since 1970 in UTC.
    quantity : int64 array
        Seconds of a call, 1 of a message, millionths of a megabyte of a session.
    """

    ids: NDArray[np.str_] | None
    subscribers: tuple[str, ...]
    classes: tuple[str, ...]
    places: tuple[str, ...]
    subscriber: IntArray
    kind: NDArray[np.int8]
    instant: IntArray
    quantity: IntArray
    to: IntArray
    at: IntArray
    callee: IntArray | None = None

    def __len__(self) -> int:
        return len(self.instant)


class _Codes:
    def __init__(self, first: Sequence[str]) -> None:
        self.names = list(first)
        self._places = {name: i for i, name in enumerate(first)}

    def __call__(self, name: str) -> int:
        code = self._places.setdefault(name, len(self.names))
        if code == len(self.names):
            self.names.append(name)
        return code


def class_finder(prefixes: dict[str, tuple[str, ...]]) -> Callable[[str], str]:
    """Return what finds the class of a number: the longest prefix wins, "" where none fits.

    Examples
    --------
    >>> find = class_finder({"spain": ("34",), "spain_mobile": ("346", "347")})
    >>> find("34600000000"), find("+34911111111"), find("44")
    ('spain_mobile', 'spain', '')
    """
    classes = {prefix: name for name, group in prefixes.items() for prefix in group}
    lengths = sorted({len(prefix) for prefix in classes}, reverse=True)

    def find(number: str) -> str:
        digits = re.sub(r"\D", "", number)
        return next((classes[digits[:n]] for n in lengths if digits[:n] in classes), "")

    return find


def _odd_number(number: str, *, trunk: bool) -> str:
    """Return why a number called is not one as it was dialled, "" where it may be.

    Signs between digits are passed over, so is a spreadsheet's apostrophe before them. `trunk` is whether numbers may
    begin with 00: they may not where the prefixes of the card do not.

    Examples
    --------
    >>> _odd_number("'+34 (600) 11-12-22", trunk=False), _odd_number("34600111222.0", trunk=False)[:38]
    ('', 'a number written as a decimal has lost')
    """
    if _POWER.fullmatch(number):
        return "a number written as a power of ten has lost its digits; export the column as text"
    if _A_FLOAT.fullmatch(number):
        return "a number written as a decimal has lost the + or 0 before its digits; export the column as text"
    if any(c.isdigit() for c in number) and any(c.isalpha() or (c.isdigit() and not c.isascii()) for c in number):
        return "a number has letters or digits other than 0 to 9; export the column as text"
    if not trunk and re.sub(r"\D", "", number).startswith("00"):
        return "a number begins with 00, and no prefix of the card does; write it as the prefixes are, such as +34600"
    return ""


def read_events(
    data: bytes,
    name: str,
    timezone: str,
    subscribers: Iterable[str],
    prefixes: dict[str, tuple[str, ...]] | None = None,
    time_for: str = "",
    number_for: str = "",
) -> Events:
    r"""Read a CSV file of events.

    Parameters
    ----------
    data : bytes
        UTF-8 CSV with the columns event, subscriber, kind, start, seconds, mb, to, at; instead of `to` a column
        `number` can hold the number called, which becomes a class at once and is not kept. Others are not looked at.
    name : str
        What messages call the file.
    timezone : str
        Zone of starts without an offset.
    subscribers : iterable of str
        Those who can have events.
    prefixes : dict, optional
        Prefixes of the numbers of each class.
    time_for : str
        Key of the card that asks for the time of day; a start that is a day alone is then refused. Without such a key
        it is the beginning of that day.
    number_for : str
        Key of the card that asks which calls and messages are to the same number; each then needs a `number`.

    Returns
    -------
    Events

    Raises
    ------
    DataError
        If a column is missing or a value cannot be used; the message names line and column, never the value.

    Examples
    --------
    >>> rows = b"event,subscriber,kind,start,seconds,mb,to,at\ne1,A,call,2025-03-31T23:30:00+00:00,60,,fixed,home\n"
    >>> events = read_events(rows, "events.csv", "Europe/Madrid", ["A"])
    >>> len(events), events.classes
    (1, ('', 'fixed'))
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: not UTF-8 text.") from error
    rows = csv.reader(io.StringIO(text, newline=""))
    header = next(rows, [])
    has_number = "number" in header
    missing = [c for c in _COLUMNS if c not in header and not (c == "to" and has_number)]
    if missing or len(set(header)) != len(header):
        raise DataError(f"{name}: column(s) {missing or 'named twice'}; the columns are {', '.join(_COLUMNS)}.")
    # What nobody needs is not looked at; what may be meant for a column that is looked at is not passed over.
    meant = sorted(c for c in {*header} - {*_COLUMNS, "number"} if c.strip().casefold() in {*_COLUMNS, "number"})
    if meant:
        raise DataError(f"{name}: column(s) {meant[:5]}; write the names as here: {', '.join(_COLUMNS)}, number.")
    place = [header.index(c) if c in header else -1 for c in _COLUMNS]
    number_at, find = (header.index("number") if has_number else -1), class_finder(prefixes or {})
    if number_for and not has_number:
        raise DataError(f"{name}: no column 'number', which {number_for} of the card asks for.")
    reader = _Reader(name, subscribers, time_for, number_for)
    trunk = not prefixes or any(prefix.startswith("00") for group in prefixes.values() for prefix in group)
    for line, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) != len(header):
            raise DataError(f"{name}: line {line} has {len(row)} values, the header {len(header)}.")
        values = [row[p] if p >= 0 else "" for p in place]
        number = row[number_at].strip() if number_at >= 0 else ""
        if number and (number_for or not values[6]):
            odd = _odd_number(number, trunk=trunk)
            if odd:
                raise DataError(f"{name}: line {line}, column 'number': {odd}.")
            values[6] = values[6] or find(number)
        reader.add(line, values, number)
    return reader.events(LocalClock(timezone))


class _Reader:
    """Collects rows, checks each value."""

    def __init__(self, name: str, subscribers: Iterable[str], time_for: str, number_for: str) -> None:
        self.name, self.time_for, self.number_for = name, time_for, number_for
        # Only a keyed digest of a number is held, with its subscriber, until the table is read; the key is of this run.
        self._key, self._digests = token_bytes(32), dict[bytes, int]()
        self._numbers_of: Counter[str] = Counter()
        self.known = {who: i for i, who in enumerate(subscribers)}
        self.classes, self.places = _Codes([""]), _Codes(["home"])
        self.lines: list[int] = []
        self.ids: list[str] = []
        self.columns: list[tuple[int, int, int, int, int, int, int, int]] = []

    def _refuse(self, line: int, column: str, what: str) -> DataError:
        return DataError(f"{self.name}: line {line}, column {column!r}: {what}.")

    def add(self, line: int, values: list[str], number: str) -> None:
        event, who, kind_name, start, seconds, mb, to, at = values
        if not event:
            raise self._refuse(line, "event", "an event needs an identifier")
        if who not in self.known:
            raise self._refuse(line, "subscriber", "the subscriber is not known")
        if kind_name not in KINDS:
            raise self._refuse(line, "kind", f"write one of {', '.join(KINDS)}")
        kind = KINDS.index(kind_name)
        quantity = 1
        if kind in (CALL, CALL_IN):
            quantity = self._seconds(line, seconds)
        elif kind == DATA:
            quantity = self._micro(line, mb)
        instant, local = self._start(line, start)
        self.lines.append(line)
        self.ids.append(event)
        code = self.classes(to)
        place, callee = self.places(at or "home"), self._callee(line, who, kind, number) if self.number_for else 0
        self.columns.append((self.known[who], kind, instant, quantity, code, place, local, callee))

    def _callee(self, line: int, who: str, kind: int, number: str) -> int:
        """Return which of the subscriber's numbers it is, from 1."""
        digits = re.sub(r"\D", "", number)
        if kind not in (CALL, SMS):
            return 0
        if not digits:
            raise self._refuse(line, "number", f"no number, which {self.number_for} of the card asks for")
        digest = blake2b(f"{who}\n{digits}".encode(), key=self._key, digest_size=16).digest()
        if digest not in self._digests:
            self._numbers_of[who] += 1
            self._digests[digest] = self._numbers_of[who]
        return self._digests[digest]

    def _seconds(self, line: int, text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text) or int(text) > _MOST_SECONDS:
            raise self._refuse(line, "seconds", f"write whole seconds from 0 to {_MOST_SECONDS:,}")
        return int(text)

    def _micro(self, line: int, text: str) -> int:
        match = _MEGABYTES.fullmatch(text)
        if not match:
            raise self._refuse(line, "mb", "write megabytes as a decimal, 0 or more")
        broken = (match[2] or match[3] or "").rstrip("0")
        if len(broken) > 6:
            raise self._refuse(line, "mb", "megabytes have at most 6 decimals")
        micro = int(match[1] or 0) * MICRO + int(broken.ljust(6, "0") or 0)
        if micro > _MOST_MEGABYTES * MICRO:
            raise self._refuse(line, "mb", f"more than {_MOST_MEGABYTES:,} megabytes")
        return micro

    def _start(self, line: int, text: str) -> tuple[int, int]:
        """Return microseconds since 1970, and whether they are UTC, local time or a local day alone."""
        try:
            start = datetime.fromisoformat(text)
        except ValueError as error:
            raise self._refuse(line, "start", "write a time such as 2025-03-31T23:30:00+00:00") from error
        told = _IN_UTC if start.tzinfo is not None else _A_DAY if _DAY_ALONE.fullmatch(text) else _LOCAL
        if told == _A_DAY and self.time_for:
            raise self._refuse(line, "start", f"a day without a time, which {self.time_for} of the card asks for")
        since = (start if told == _IN_UTC else start.replace(tzinfo=UTC)) - _EPOCH
        return since // timedelta(microseconds=1), told

    def events(self, clock: LocalClock) -> Events:
        if len(set(self.ids)) != len(self.ids):
            seen: set[str] = set()
            line = next(n for n, e in zip(self.lines, self.ids, strict=True) if e in seen or seen.add(e))
            raise self._refuse(line, "event", "the identifier stands twice")
        table = np.array(self.columns, dtype=np.int64).reshape(-1, 8)
        who, kind, instant, quantity, to, at, local, callee = (table[:, i].copy() for i in range(8))
        for day in np.unique(instant[local == _A_DAY]).tolist():  # clocks may leave out its midnight
            here = (local == _A_DAY) & (instant == day)
            instant[here] = clock.midnight(day // MICRO // DAY) * MICRO
        naive = np.flatnonzero(local == _LOCAL)
        if len(naive):
            seconds, exists = clock.instants(instant[naive] // MICRO)
            if not exists.all():
                bad = self.lines[int(naive[np.flatnonzero(~exists)[0]])]
                raise self._refuse(bad, "start", f"this local time does not exist in {clock.name}")
            instant[naive] = seconds * MICRO + instant[naive] % MICRO
        ids = np.array(self.ids, dtype=np.str_)
        order = np.lexsort((ids, instant, who)) if len(ids) else np.zeros(0, dtype=np.int64)
        return Events(
            ids[order],
            tuple(self.known),
            tuple(self.classes.names),
            tuple(self.places.names),
            who[order],
            kind[order].astype(np.int8),
            instant[order],
            quantity[order],
            to[order],
            at[order],
            callee[order] if self.number_for else None,
        )
