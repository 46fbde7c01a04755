"""What is held about a subject, and its end: show, forget, object, retain. Each leaves a line: who, when, why."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common_utils.bundle.durable import exclusive
from common_utils.decision_log.entry import Decision, OutcomeLine
from common_utils.decision_log.keys import KeyRing
from common_utils.decision_log.kinds import DAY_MS
from common_utils.decision_log.objections import write_objections
from common_utils.decision_log.segments import LOCK, erase, segments
from common_utils.decision_log.sqlite_store import host_names
from common_utils.decision_log.store import Store

__all__ = ["Forgotten", "Holder", "Office", "register", "registered"]

Holder = Callable[[Sequence[str]], int]
"""Another store of personal data: given the keyed forms of a subject, it deletes what it holds and says how much."""

_HOLDERS: dict[str, Holder] = {}


def register(name: str, holder: Holder) -> None:
    """Let `forget` reach another store: caches, snapshots, pages register when they come."""
    _HOLDERS[name] = holder


def registered() -> tuple[str, ...]:
    """Return the names of the stores that registered."""
    return tuple(_HOLDERS)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much was deleted, by place, and exports that lie where this host cannot reach them."""

    counts: dict[str, int]
    out_of_reach: tuple[str, ...]


@dataclass(frozen=True)
class Office:
    """Acts for a subject on one project's log.

    Parameters
    ----------
    store : Store
    keys : KeyRing
    project : str
    journal : Path
        Folder of this host's journal.
    """

    store: Store
    keys: KeyRing
    project: str
    journal: Path

    def show(self, subject: str, *, who: str, why: str) -> str:
        """Return everything held about a subject, in words."""
        names = self.keys.subjects(self.project, subject)
        held = [one for name in names for one in self.store.decisions("WHERE subject = ?", (name,))]
        waiting = self._in_journal(names)
        lines = [
            f"Project {self.project}: {len(held)} decision(s) in the store, {len(waiting)} in this host's journal.",
            "Kept under a keyed digest of the subject; the subject's name itself is stored nowhere in this log.",
        ]
        for one in held:
            lines += [_decision_words(one), *(f"  {text}" for text in self._outcome_words(one["event"]))]
        lines += [f"{_when(one.at_ms)}: {one.route}, not shipped yet" for one in waiting]
        objected = self._count("objections", names)
        lines.append("The subject objected to offers and experiments." if objected else "No objection is recorded.")
        exports = [row[0] for row in self.store.database.rows("SELECT path FROM exports")]
        lines.append(f"Exports that may hold these decisions: {', '.join(exports) if exports else 'none'}.")
        self.note("show", who=who, why=why, about=names[0], rows=len(held) + len(waiting))
        return "\n".join(lines) + "\n"

    def forget(self, subject: str, *, who: str, why: str) -> Forgotten:
        """Delete all that is held about a subject: journal, store, outcomes, exports, and stores that registered.

        Journals of other hosts are not shipped for this subject any more: the store refuses entries made before now.
        """
        names = self.keys.subjects(self.project, subject)
        now = _now()
        self.journal.mkdir(parents=True, exist_ok=True, mode=0o700)
        with exclusive(self.journal / LOCK):  # no shipper holds entries in its hands meanwhile
            counts = {"journal": erase(self.journal, lambda entry: _is_about(entry, names, self.store))}
            with self.store.database.transaction():
                counts |= self._delete(names)
                for name in names:
                    self.store.database.run("DELETE FROM erased WHERE subject = ?", (name,))
                self.store.database.add("erased", ("subject", "at_ms"), [(name, now) for name in names])
        counts["exports"], out_of_reach = self._forget_exports()
        for name, holder in _HOLDERS.items():
            counts[name] = holder(names)
        self.note("forget", who=who, why=why, about=names[0], rows=sum(counts.values()))
        return Forgotten(counts, out_of_reach)

    def object(self, subject: str, *, who: str, why: str, withdraw: bool = False) -> None:
        """Keep a subject out of offers, experiments and the log's joins from now on; or take that back."""
        names = self.keys.subjects(self.project, subject)
        with self.store.database.transaction():
            for name in names:
                self.store.database.run("DELETE FROM objections WHERE subject = ?", (name,))
            if not withdraw:
                self.store.database.add("objections", ("subject", "at_ms"), [(name, _now()) for name in names])
        write_objections(self.journal, self.store.objections())
        self.note("withdraw objection" if withdraw else "object", who=who, why=why, about=names[0], rows=len(names))

    def retain(self, days: int, *, who: str, why: str) -> int:
        """Delete decisions older than so many days with their outcomes, and return how many there were."""
        before = _now() - days * DAY_MS
        old = "SELECT event FROM decisions WHERE at_ms < ?"
        with self.store.database.transaction():
            for table in ("outcomes", "outcomes_seen", "conflicts"):
                self.store.database.run(f"DELETE FROM {table} WHERE event IN ({old})", (before,))  # noqa: S608 - ours
            count = self.store.database.run("DELETE FROM decisions WHERE at_ms < ?", (before,))
            self.store.database.run("DELETE FROM waiting WHERE told_ms < ?", (before,))
            self.store.database.run("DELETE FROM erased WHERE at_ms < ?", (before,))
            self.store.database.run("DELETE FROM audit WHERE at_ms < ?", (before,))
        count += erase(self.journal, lambda entry: entry.at_ms < before)
        self.note("retain", who=who, why=why, about=f"{days} days", rows=count)
        return count

    def note(self, what: str, *, who: str, why: str, about: str, rows: int) -> None:
        """Add a line to the audit."""
        columns = ("at_ms", "who", "what", "why", "about", "rows")
        with self.store.database.transaction():
            self.store.database.add("audit", columns, [(_now(), who, what, why, about, rows)])

    def _delete(self, names: Sequence[str]) -> dict[str, int]:
        marks = ",".join("?" * len(names))
        about = f"SELECT event FROM decisions WHERE subject IN ({marks})"  # noqa: S608 - marks only
        counts: dict[str, int] = {}
        for table in ("outcomes", "outcomes_seen", "conflicts"):
            counts[table] = self.store.database.run(f"DELETE FROM {table} WHERE event IN ({about})", names)  # noqa: S608
        ours = {*names, *(row[0] for row in self.store.database.rows(about, names))}
        told = list(self.store.database.rows("SELECT digest, said_json FROM waiting"))
        waiting = [digest for digest, text in told if not ours.isdisjoint(_named(text))]
        for digest in waiting:
            self.store.database.run("DELETE FROM waiting WHERE digest = ?", (digest,))
        statement = f"DELETE FROM decisions WHERE subject IN ({marks})"  # noqa: S608
        return {**counts, "waiting": len(waiting), "decisions": self.store.database.run(statement, names)}

    def _forget_exports(self) -> tuple[int, tuple[str, ...]]:
        """Delete exports of this host, which hold everybody: they are made anew from the store."""
        host = host_names()[0]
        deleted, beyond = 0, list[str]()
        for path, of in list(self.store.database.rows("SELECT path, host FROM exports")):
            if of != host:
                beyond.append(f"{of}:{path}")
                continue
            if Path(path).is_file():
                Path(path).unlink()
                deleted += 1
            with self.store.database.transaction():
                self.store.database.run("DELETE FROM exports WHERE path = ?", (path,))
        return deleted, tuple(beyond)

    def _in_journal(self, names: Sequence[str]) -> list[Decision]:
        readings = (reading for segment in segments(self.journal) for reading in segment.read())
        found = [entry for reading in readings for entry in reading.entries]
        return [entry for entry in found if isinstance(entry, Decision) and entry.subject in names]

    def _outcome_words(self, event: str) -> list[str]:
        statement = "SELECT kind, period, value_json, at_ms FROM outcomes WHERE event = ?"
        rows = self.store.database.rows(statement, (event,))
        return [f"outcome {' '.join(filter(None, (kind, of)))}: {value}, {_when(at)}" for kind, of, value, at in rows]

    def _count(self, table: str, names: Sequence[str]) -> int:
        marks = ",".join("?" * len(names))
        statement = f"SELECT COUNT(*) FROM {table} WHERE subject IN ({marks})"  # noqa: S608 - our own names
        return int(next(iter(self.store.database.rows(statement, names)))[0])


def _is_about(entry: Decision | OutcomeLine, names: Sequence[str], store: Store) -> bool:
    if isinstance(entry, Decision):
        return entry.subject in names
    if not set(names).isdisjoint(entry.said.get("subjects", ())):
        return True
    rows = store.database.rows("SELECT subject FROM decisions WHERE event = ?", (entry.said.get("event"),))
    return any(row[0] in names for row in rows)


def _named(said: str) -> set[str]:
    """Return the event and keyed subjects that a waiting outcome is about."""
    one = json.loads(said)
    return {*one["subjects"], one["event"] or ""}


def _decision_words(one: dict[str, Any]) -> str:
    groups = ", ".join(f"{name} {value}" for name, value in one["groups"].items()) or "none"
    return (
        f"{_when(one['at_ms'])}: {one['route']} ({one['mode']}), model {one['model']}, event {one['event']}; "
        f"groups: {groups}; answered: {one['answer']}"
    )


def _when(at_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at_ms / 1000))


def _now() -> int:
    return time.time_ns() // 1_000_000
