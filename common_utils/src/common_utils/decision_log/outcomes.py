"""What came of decisions: each kind of outcome, when it can be judged, and how one is joined to its decision.

An outcome names its event, or a subject and a date; then it belongs to the subject's last decision before that date, no
longer ago than the window. The same outcome told twice changes nothing. Another value for the same event and kind is a
correction, and replaces the first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, TypeAlias

from common_utils.decision_log.journal.lines import OutcomeLine
from common_utils.decision_log.kinds import DAY_MS
from common_utils.decision_log.store.store import Store

__all__ = ["KEPT", "WINDOW_DAYS", "JoinVerdict", "Said", "record", "settle", "told"]

WINDOW_DAYS = 120
"""An outcome counts for a decision no longer ago than this; later it is rejected as late."""

JoinVerdict: TypeAlias = Literal[
    "new", "again", "corrected", "no such event", "no decision in the window", "late", "early", "objected"
]
"""What became of an outcome: of the last five, the first two may wait for their decision, the others are not kept."""

KEPT: tuple[JoinVerdict, ...] = ("new", "again", "corrected")
"""What counts as taken."""

_MAY_COME = ("no such event", "no decision in the window")


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


def record(store: Store, said: Said, *, told_ms: int, window_days: int = WINDOW_DAYS) -> JoinVerdict:
    """Join an outcome to its decision and keep it; say what became of it.

    Parameters
    ----------
    store : Store
    said : Said
    told_ms : int
        When it was told.
    window_days : int
        Days after a decision within which an outcome counts for it.
    """
    window = window_days * DAY_MS
    if said.event is not None:
        statement, values = "SELECT event, subject, at_ms FROM decisions WHERE event = ?", (said.event,)
        event, subject, at_ms = next(iter(store.database.rows(statement, values)), (None, None, 0))
        if event is None:
            return "no such event"
        if said.at_ms < _day(at_ms):
            return "early"
        if said.at_ms - at_ms > window:
            return "late"
    else:
        event, subject = _last_decision(store, said, window)
        if event is None:
            return "no decision in the window"
    if not store.objections().isdisjoint((*said.subjects, subject or "")):
        return "objected"
    return _keep(store, said, event, told_ms)


def _last_decision(store: Store, said: Said, window: int) -> tuple[str, str] | tuple[None, None]:
    """Return event and subject of the subject's last decision before an outcome's day is over."""
    marks = ",".join("?" * len(said.subjects))
    statement = (
        f"SELECT event, subject FROM decisions WHERE subject IN ({marks}) AND at_ms <= ? AND at_ms >= ? "  # noqa: S608
        "ORDER BY at_ms DESC LIMIT 1"
    )
    values = (*said.subjects, said.at_ms + DAY_MS - 1, said.at_ms - window)
    found = next(iter(store.database.rows(statement, values)), None) if said.subjects else None
    return (None, None) if found is None else (found[0], found[1])


def told(store: Store, lines: Sequence[OutcomeLine]) -> None:
    """Let outcomes that a service was told wait in the store until `settle` joins them; each waits once.

    Those of a subject erased later than they were told are left out.
    """
    if not lines:
        return
    erased = store.erased()
    rows: list[tuple[str, str, int, str]] = []
    for line in lines:
        said = Said.of(line.said)
        if all(line.at_ms > erased.get(subject, -1) for subject in said.subjects):
            rows.append((said.digest, said.to_json(), line.at_ms, ""))
    store.database.add("waiting", ("digest", "said_json", "told_ms", "reason"), rows)


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
        for digest, text, told_ms in store.database.rows("SELECT digest, said_json, told_ms FROM waiting"):
            verdict = record(store, Said.of(json.loads(text)), told_ms=told_ms, window_days=window_days)
            counts[verdict] = counts.get(verdict, 0) + 1
            if verdict in _MAY_COME and now_ms - told_ms <= window_days * DAY_MS:
                store.database.run("UPDATE waiting SET reason = ? WHERE digest = ?", (verdict, digest))
            else:
                store.database.run("DELETE FROM waiting WHERE digest = ?", (digest,))
    return counts


def _day(at_ms: int) -> int:
    """Start of the day: a file says dates, not times."""
    return at_ms - at_ms % DAY_MS


def _keep(store: Store, said: Said, event: str, told_ms: int) -> JoinVerdict:
    digest = sha256(f"{event}\0{said.kind}\0{said.period}\0{json.dumps(said.value)}\0{said.at_ms}".encode()).hexdigest()
    if not store.database.add("outcomes_seen", ("digest", "event"), [(digest, event)]):
        return "again"
    key = (event, said.kind, said.period)
    columns = ("event", "kind", "period", "value_json", "at_ms", "told_ms", "corrections")
    if store.database.add("outcomes", columns, [(*key, json.dumps(said.value), said.at_ms, told_ms, 0)]):
        return "new"
    store.database.run(
        "UPDATE outcomes SET value_json = ?, at_ms = ?, told_ms = ?, corrections = corrections + 1 "
        "WHERE event = ? AND kind = ? AND period = ?",
        (json.dumps(said.value), said.at_ms, told_ms, *key),
    )
    return "corrected"
