"""What came of decisions: each kind of outcome, when it can be judged, and how one is joined to its decision.

An outcome names its event, or a subject and a date; then it belongs to the subject's last decision before that date, no
longer ago than the window. Of what was told about one event, kind and month the last word counts: another value or date
is a correction, and replaces what was known; the same said again changes nothing. A file is one telling, at the time it
is read: it is asked for its last word on each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, NamedTuple, TypeAlias

from common_utils.decision_log.journal.lines import OBJECTED, OutcomeLine
from common_utils.decision_log.kinds import DAY_MS, KINDS
from common_utils.decision_log.store.store import Store

__all__ = ["KEPT", "WINDOW_DAYS", "JoinVerdict", "Said", "Telling", "record", "settle", "told"]

WINDOW_DAYS = 120
"""An outcome counts for a decision no longer ago than this; later it is rejected as late."""

JoinVerdict: TypeAlias = Literal[
    "new",
    "again",
    "corrected",
    "no such event",
    "no decision in the window",
    "late",
    "early",
    "objected",
    "told before what is known",
]
"""What became of an outcome: of the last six, the first two may wait for their decision, the others are not kept."""

KEPT: tuple[JoinVerdict, ...] = ("new", "again", "corrected")
"""What counts as taken."""

_MAY_COME = ("no such event", "no decision in the window")
_MS = 1_000_000  # nanoseconds
_COLUMNS = ("event", "kind", "period", "value_json", "at_ms", "told_ns", "corrections")


@dataclass(frozen=True, slots=True)
class Said:
    """One outcome as it was told.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    value : bool, float or str
    at_ms : int
        Date of the outcome, milliseconds since 1970, UTC.
    event : str or None
        Of the decision; or else:
    subjects : tuple of str
        The keyed forms of a subject.
    period : str
        Month of a bill, YYYY-MM; empty elsewhere.
    """

    kind: str
    value: bool | float | str
    at_ms: int
    event: str | None = None
    subjects: tuple[str, ...] = ()
    period: str = ""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Said:
        """Build from what a journal's line says."""
        values: dict[str, Any] = {**said, "subjects": tuple(said.get("subjects", ()))}
        return cls(**values)

    def to_json(self) -> str:
        """Return plain JSON with its keys in order: the same outcome is the same text."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(values, sort_keys=True)

    @property
    def digest(self) -> str:
        """What tells one outcome from another."""
        return sha256(self.to_json().encode()).hexdigest()


class _Decision(NamedTuple):
    """The decision that an outcome belongs to."""

    event: str
    subject: str | None
    mark: str


@dataclass(frozen=True)
class Telling:
    """Outcomes that were told together, such as those of a file.

    Parameters
    ----------
    store : Store
    told_ns : int
        When they were told, nanoseconds since 1970.
    window_days : int
        Days after a decision within which an outcome counts for it.
    """

    store: Store
    told_ns: int
    window_days: int = WINDOW_DAYS
    _objections: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_objections", self.store.objections())

    def record(self, outcomes: Sequence[Said]) -> list[JoinVerdict]:
        """Join outcomes to their decisions and keep the last word on each; say what became of every one, in order.

        Where the last word is what is known already, those before it were said and taken back in the same telling, and
        nothing changes: a file that is read again adds nothing.
        """
        found: list[_Decision | JoinVerdict] = [self._decision(said) for said in outcomes]
        last: dict[_Key, Said] = {}
        for said, one in zip(outcomes, found, strict=True):
            if isinstance(one, _Decision):
                last[_key(said, one)] = said
        known = {key for key, said in last.items() if _known(self.store, key) == _words(said)}
        verdicts: list[JoinVerdict] = []
        for said, one in zip(outcomes, found, strict=True):
            if not isinstance(one, _Decision):
                verdicts.append(one)
            elif (key := _key(said, one)) in known and said is not last[key]:
                verdicts.append("again")
            else:
                verdicts.append(_keep(self.store, said, key, self.told_ns))
        return verdicts

    def _decision(self, said: Said) -> _Decision | JoinVerdict:
        """Return the decision of an outcome, or why it has none that may be joined."""
        if not self._objections.isdisjoint(said.subjects):
            return "objected"
        window = self.window_days * DAY_MS
        if said.event is None:
            found = _last_decision(self.store, said, window)
            return "no decision in the window" if found is None else found
        statement = "SELECT event, subject, mark, at_ms FROM decisions WHERE event = ?"
        for event, subject, mark, at_ms in self.store.database.rows(statement, (said.event,)):
            if subject in self._objections or mark == OBJECTED:
                return "objected"
            if said.at_ms < _day(at_ms):
                return "early"
            return "late" if said.at_ms - at_ms > window else _Decision(event, subject, mark)
        return "no such event"


def record(store: Store, said: Said, *, told_ns: int, window_days: int = WINDOW_DAYS) -> JoinVerdict:
    """Join one outcome to its decision and keep it; say what became of it. Parameters are those of `Telling`."""
    return Telling(store, told_ns, window_days).record([said])[0]


def _last_decision(store: Store, said: Said, window: int) -> _Decision | None:
    """Return the subject's last decision before an outcome's day is over."""
    marks = ",".join("?" * len(said.subjects))
    statement = (
        f"SELECT event, subject, mark FROM decisions WHERE subject IN ({marks}) AND at_ms <= ? "  # noqa: S608
        "AND at_ms >= ? ORDER BY at_ms DESC, event LIMIT 1"
    )
    values = (*said.subjects, said.at_ms + DAY_MS - 1, said.at_ms - window)
    found = next(iter(store.database.rows(statement, values)), None) if said.subjects else None
    return None if found is None else _Decision(*found)


def told(store: Store, lines: Sequence[OutcomeLine]) -> None:
    """Let outcomes that a service was told wait in the store until `settle` joins them; each waits once.

    One that is told again waits as told then: the last word counts. Those of a subject erased later than they were told
    are left out.
    """
    if not lines:
        return
    erased = store.erased()
    rows: dict[str, tuple[str, str, int, str]] = {}
    for line in lines:
        said = Said.of(line.said)
        if all(line.at_ms > erased.get(subject, -1) for subject in said.subjects):
            told_ns = max(line.told_ns, rows[said.digest][2] if said.digest in rows else 0)
            rows[said.digest] = (said.digest, said.to_json(), told_ns, "")
    columns = ("digest", "said_json", "told_ns", "reason")
    if store.database.add("waiting", columns, list(rows.values())) < len(rows):
        for digest, _, told_ns, _ in rows.values():
            statement = "UPDATE waiting SET told_ns = ? WHERE digest = ? AND told_ns < ?"
            store.database.run(statement, (told_ns, digest, told_ns))


def settle(store: Store, *, now_ms: int, window_days: int = WINDOW_DAYS) -> dict[str, int]:
    """Join what waits; what has no decision yet goes on waiting, as that may come from another host's journal.

    What waited longer than the window is dropped, and counted as it was before.

    Returns
    -------
    dict of str to int
        Outcomes by what became of them.
    """
    counts: dict[str, int] = {}
    with store.database.transaction():
        statement = "SELECT digest, said_json, told_ns FROM waiting ORDER BY told_ns, digest"
        for digest, text, told_ns in store.database.rows(statement):
            verdict = record(store, Said.of(json.loads(text)), told_ns=told_ns, window_days=window_days)
            counts[verdict] = counts.get(verdict, 0) + 1
            if verdict in _MAY_COME and now_ms - told_ns // _MS <= window_days * DAY_MS:
                store.database.run("UPDATE waiting SET reason = ? WHERE digest = ?", (verdict, digest))
            else:
                store.database.run("DELETE FROM waiting WHERE digest = ?", (digest,))
    return counts


def _day(at_ms: int) -> int:
    """Start of the day: a file says dates, not times."""
    return at_ms - at_ms % DAY_MS


_Key: TypeAlias = tuple[str, str, str]


def _key(said: Said, one: _Decision) -> _Key:
    """Return what an outcome says something of: event, kind and month."""
    return one.event, said.kind, said.period if KINDS[said.kind].monthly else ""


def _words(said: Said) -> tuple[str, int]:
    return json.dumps(said.value), said.at_ms


def _held(store: Store, key: _Key) -> tuple[str, int, int] | None:
    """Return value, date and time of telling of what is known."""
    statement = "SELECT value_json, at_ms, told_ns FROM outcomes WHERE event = ? AND kind = ? AND period = ?"
    found = next(iter(store.database.rows(statement, key)), None)
    return None if found is None else (found[0], found[1], found[2])


def _known(store: Store, key: _Key) -> tuple[str, int] | None:
    found = _held(store, key)
    return None if found is None else found[:2]


def _keep(store: Store, said: Said, key: _Key, told_ns: int) -> JoinVerdict:
    words, held = _words(said), _held(store, key)
    if held is None and store.database.add("outcomes", _COLUMNS, [(*key, *words, told_ns, 0)]):
        return "new"
    *known, told_before = held or _held(store, key) or (*words, told_ns)  # another one was quicker a moment ago
    if told_ns < told_before:
        return "told before what is known"
    store.database.run(
        "UPDATE outcomes SET value_json = ?, at_ms = ?, told_ns = ?, corrections = corrections + ? "
        "WHERE event = ? AND kind = ? AND period = ?",
        (*words, told_ns, int((*known,) != words), *key),
    )
    return "again" if (*known,) == words else "corrected"
