"""What one line of the journal holds, and how it is told from half a line.

A line is eight hexadecimal digits of CRC-32, a space, JSON, and a line feed. A line whose sum does not fit, or that has
no end yet, is never read. A line of spaces is one that was erased in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from zlib import crc32

from pydantic_core import from_json, to_json

__all__ = [
    "MARK_DIGITS",
    "MARK_SIGN",
    "OBJECTED",
    "Decision",
    "Fixed",
    "OutcomeLine",
    "decision_line",
    "outcome_line",
    "parse_line",
    "sealed",
]

MARK_SIGN = ":"
"""In a line, what parts the keyed subject from its mark (see `Decision`); a key's id holds none."""

MARK_DIGITS = 2
"""So many digits of a digest tell two people apart in 255 of 256 cases, and nobody from a list of subscribers."""

OBJECTED = "objected"
"""The mark of an entry about somebody who objected, and who is not named in it."""

_SUM = 8


@dataclass(frozen=True)
class Fixed:
    """What every decision of one route and one live model shares; written once, as the start of each line.

    Attributes
    ----------
    project, route, mode : str
        Project, route or command, and what was asked for.
    model, rules, card : str
        Versions; empty where there is none.
    snapshot : str
        Digest of the data the model was trained on; empty where its bundle names none.
    experiment, arm : str
        Empty until there are experiments.
    start : bytes
    sum : int
        CRC-32 of `start`.

    Examples
    --------
    >>> Fixed("planrec", "/predict", "choice", "v1").start[:39]
    b'{"line":"decision","project":"planrec",'
    """

    project: str
    route: str
    mode: str
    model: str
    rules: str = ""
    card: str = ""
    snapshot: str = ""
    experiment: str = ""
    arm: str = ""
    start: bytes = b""
    sum: int = 0

    def __post_init__(self) -> None:
        names = ("project", "route", "mode", "model", "rules", "card", "snapshot", "experiment", "arm")
        values = {"line": "decision", **{name: getattr(self, name) for name in names}}
        object.__setattr__(self, "start", to_json(values)[:-1] + b',"answer":')
        object.__setattr__(self, "sum", crc32(self.start))


class Decision(NamedTuple):
    """One decision, as it was read back.

    Attributes
    ----------
    event : str
        Id: of client and Idempotency-Key or request id, keyed.
    at_ms : int
        When, milliseconds since 1970, UTC.
    subject : str or None
        `<key id>.<keyed digest>`; None where the caller named nobody.
    project, route, mode, model, rules, card, snapshot, experiment, arm : str
    milliseconds : float
        From the request's arrival to this entry.
    status : int
    propensity : float or None
        Chance of this answer over arms and exploration; None where it is deterministic.
    groups : mapping of str to str
        Declared coarse groups, such as an age band.
    asked : str
        `<key id>.<keyed digest>` of what was asked.
    answer : mapping
        Plan ids, cents and probabilities, as they were answered.
    mark : str
        `objected` where the subject did, and is not named here. Where another key than the one in use names events, the
        first digits of the subject's digest under that one: a retry across a rotation is known to be about the same
        one. Else empty.
    """

    event: str
    at_ms: int
    subject: str | None
    project: str
    route: str
    mode: str
    model: str
    rules: str
    card: str
    snapshot: str
    experiment: str
    arm: str
    milliseconds: float
    status: int
    propensity: float | None
    groups: Mapping[str, str]
    asked: str
    answer: Mapping[str, Any]
    mark: str = ""


class OutcomeLine(NamedTuple):
    """One outcome that a service was told.

    Attributes
    ----------
    at_ms : int
        When, milliseconds since 1970, UTC.
    said : mapping
        What came, by event or by subject and date.
    told_ns : int
        The same time in nanoseconds, another one for each outcome of a replica: what was told last counts.
    """

    at_ms: int
    said: Mapping[str, Any]
    told_ns: int


def decision_line(
    fixed: Fixed,
    event: str,
    at_ms: int,
    subject: str | None,
    milliseconds: float,
    propensity: float | None,
    groups: bytes,
    asked: str,
    answer: bytes,
) -> bytes:
    r"""Return the line of a decision that was answered with 200; by position, as it is made for every answer.

    Parameters
    ----------
    fixed : Fixed
    event, at_ms, subject, milliseconds, propensity, asked
        As in `Decision`.
    groups, answer : bytes
        JSON objects of one line.

    Examples
    --------
    >>> line = decision_line(Fixed("p", "/predict", "choice", "v1"), "e1", 5, None, 1, None, b"{}", "", b'{"a":"surf"}')
    >>> parse_line(line).answer
    {'a': 'surf'}
    >>> parse_line(line[:-2] + b"\n") is None
    True
    """
    named = "null" if subject is None else f'"{subject}"'
    chance = "null" if propensity is None else repr(float(propensity))  # of NumPy, too
    # One text, one encoding; whole hundredths, because formatting a float takes three times as long.
    rest = (
        f',"event":"{event}","at_ms":{at_ms},"subject":{named},"milliseconds":{int(milliseconds * 100)}e-2,'
        f'"status":200,"propensity":{chance},"groups":{groups.decode()},"asked":"{asked}"}}'
    ).encode()
    return b"%08x %b%b%b\n" % (crc32(rest, crc32(answer, fixed.sum)), fixed.start, answer, rest)


def outcome_line(told_ns: int, said: Mapping[str, Any]) -> bytes:
    """Return the line of an outcome a service was told at a time, nanoseconds since 1970."""
    values = {"line": "outcome", "at_ms": told_ns // 1_000_000, "said": dict(said), "told_ns": told_ns}
    return sealed(to_json(values))


def sealed(content: bytes) -> bytes:
    """Return JSON with its sum before it and its end behind it."""
    return b"%08x %b\n" % (crc32(content), content)


def parse_line(line: bytes) -> Decision | OutcomeLine | None:
    """Return what a whole line holds; None for half a line, a damaged one, or one of another format."""
    content = line[_SUM + 1 : -1]
    if not line.endswith(b"\n") or line[:_SUM] != b"%08x" % crc32(content):
        return None
    try:
        values: dict[str, Any] = from_json(content)
        kind = values.pop("line")
        if kind == "decision" and MARK_SIGN in (named := values["subject"] or ""):
            subject, _, values["mark"] = named.partition(MARK_SIGN)
            values["subject"] = subject or None
        return Decision(**values) if kind == "decision" else OutcomeLine(**values) if kind == "outcome" else None
    except (AttributeError, KeyError, TypeError, ValueError):  # no object, or fields of another version
        return None
