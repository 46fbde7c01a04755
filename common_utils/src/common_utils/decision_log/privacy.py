"""What is held about a subject, and its end: show, forget, object, retain. Each leaves a line: who, when, why."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from common_utils.bundle.durable import exclusive
from common_utils.decision_log.journal.lines import Decision, OutcomeLine
from common_utils.decision_log.journal.segments import LOCK, erase, segments
from common_utils.decision_log.keys import KeyRing
from common_utils.decision_log.kinds import DAY_MS
from common_utils.decision_log.objections import write_objections
from common_utils.decision_log.store.database import Row
from common_utils.decision_log.store.sqlite import host_name
from common_utils.decision_log.store.store import Store

__all__ = ["NOTHING_HELD", "Forgotten", "Holder", "Office", "register"]

NOTHING_HELD = "nothing held of this subject in the log; if there should be, look at how it is written."
"""What an act for a subject says whom the log does not know; it is done, and noted, all the same."""


class Holder(Protocol):
    """Another store of personal data, such as a cache: it knows subjects by their keyed forms."""

    def held(self, subjects: Sequence[str]) -> list[str]:
        """Return a line in words for each thing held about a subject."""
        ...

    def forget(self, subjects: Sequence[str]) -> int:
        """Delete what is held about a subject, and return how much that was."""
        ...


_HOLDERS: dict[str, Holder] = {}


def register(name: str, holder: Holder) -> None:
    """Let `show` and `forget` reach another store: caches, snapshots, pages register when they come."""
    _HOLDERS[name] = holder


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much was deleted, by place, and exports that lie where this host cannot reach them.

    Attributes
    ----------
    counts : dict of str to int
    out_of_reach : tuple of str
    nobody : bool
        Whether nothing of it was about the subject who was to be forgotten.
    """

    counts: dict[str, int]
    out_of_reach: tuple[str, ...]
    nobody: bool = False

    def lines(self) -> list[str]:
        """Return lines for people.

        Examples
        --------
        >>> Forgotten({"decisions": 2, "exports": 0}, ("web-2:/srv/log.csv",)).lines()
        ['deleted: decisions 2, exports 0', 'NOT deleted, on another host: web-2:/srv/log.csv; delete it there']
        """
        deleted = ", ".join(f"{name} {count:,}" for name, count in self.counts.items())
        beyond = [f"NOT deleted, on another host: {path}; delete it there" for path in self.out_of_reach]
        return [f"deleted: {deleted}", *beyond, *([NOTHING_HELD] if self.nobody else [])]


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
    holders : mapping of str to Holder
        Further stores of this project, beside those that registered.
    """

    store: Store
    keys: KeyRing
    project: str
    journal: Path
    holders: Mapping[str, Holder] = field(default_factory=dict[str, Holder])

    def show(self, subject: str, *, who: str, why: str) -> str:
        """Return everything held about a subject, in words."""
        names = self.keys.subjects(self.project, subject)
        held = [one for name in names for one in self.store.decisions("subject = ?", (name,))]
        further, entries = list(self._further_answers(names)), list(self._in_journal())
        stored = {one["event"] for one in held} | {event for event, _, _ in further}
        ours = [one for one in entries if isinstance(one, Decision) and one.subject in names]
        unshipped = [one for one in ours if one.event not in stored]
        events = stored | {one.event for one in unshipped}
        told = [("waits for its decision", said) for said in self._waiting().values()]
        told += [("in this host's journal", one.said) for one in entries if isinstance(one, OutcomeLine)]
        told = [(where, said) for where, said in told if _is_about(said, names, events)]
        lines = [
            f"Project {self.project}: {len(held)} decision(s) in the store, {len(unshipped)} not shipped yet.",
            "Kept under a keyed digest of the subject; the subject's name itself is stored nowhere in this log.",
        ]
        for one in held:
            lines += [_decision_words(one), *(f"  {text}" for text in self._outcome_words(one["event"]))]
        lines += [f"{_when(at)}: a further answer to event {event}: {answer}" for event, answer, at in further]
        lines += [f"{_decision_words(one._asdict())}; in this host's journal" for one in unshipped]
        lines += [f"outcome {where}: {_told_words(said)}" for where, said in told]
        beyond = [f"{name}: {text}" for name, holder in self._every_holder() for text in holder.held(names)]
        lines += beyond
        objected = not self.store.objections().isdisjoint(names)
        lines.append("The subject objected to offers and experiments." if objected else "No objection is recorded.")
        exports = [f"{host}:{path}" for path, host in self.store.database.rows("SELECT path, host FROM exports")]
        lines.append(f"Exports that may hold these decisions: {', '.join(exports) if exports else 'none'}.")
        rows = len(held) + len(unshipped) + len(told) + len(further) + len(beyond)
        if not rows:
            lines.insert(1, NOTHING_HELD)
        self.note("show", who=who, why=why, about=names[0], rows=rows)
        return "\n".join(lines) + "\n"

    def forget(self, subject: str, *, who: str, why: str) -> Forgotten:
        """Delete all that is held about a subject: journal, store, outcomes, exports, and stores that registered.

        Journals of other hosts are not shipped for this subject any more: the store refuses entries made before now.
        """
        names = self.keys.subjects(self.project, subject)
        now = _now()
        self.journal.mkdir(parents=True, exist_ok=True, mode=0o700)
        with exclusive(self.journal / LOCK):  # no shipper holds entries in its hands meanwhile
            events = self._events(names)

            def unwanted(entry: Decision | OutcomeLine) -> bool:
                if isinstance(entry, Decision):
                    return entry.subject in names
                return _is_about(entry.said, names, events)

            counts = {"journal": erase(self.journal, unwanted)}
            with self.store.database.transaction():
                counts |= self._delete(names, events)
                for name in names:
                    self.store.database.run("DELETE FROM erased WHERE subject = ?", (name,))
                self.store.database.add("erased", ("subject", "at_ms"), [(name, now) for name in names])
        for name, holder in self._every_holder():
            counts[name] = holder.forget(names)
        nobody = not sum(counts.values())
        counts["exports"], out_of_reach = self._delete_exports()
        self.note("forget", who=who, why=why, about=names[0], rows=sum(counts.values()))
        return Forgotten(counts, out_of_reach, nobody=nobody)

    def object(self, subject: str, *, who: str, why: str, withdraw: bool = False) -> bool:
        """Keep a subject out of offers, experiments and the log's joins from now on; or take that back.

        Returns
        -------
        bool
            Whether the log knows the subject: a decision, or an objection before.
        """
        names = self.keys.subjects(self.project, subject)
        known = bool(self._events(names)) or not self.store.objections().isdisjoint(names)
        with self.store.database.transaction():
            for name in names:
                self.store.database.run("DELETE FROM objections WHERE subject = ?", (name,))
            if not withdraw:
                self.store.database.add("objections", ("subject", "at_ms"), [(name, _now()) for name in names])
        write_objections(self.journal, self.store.objections())
        self.note("withdraw objection" if withdraw else "object", who=who, why=why, about=names[0], rows=len(names))
        return known

    def retain(self, days: int, *, who: str, why: str) -> Forgotten:
        """Delete decisions older than so many days with their outcomes, and exports that hold such decisions."""
        before = _now() - days * DAY_MS
        self.journal.mkdir(parents=True, exist_ok=True, mode=0o700)
        with exclusive(self.journal / LOCK), self.store.database.transaction():
            old = "SELECT event FROM decisions WHERE at_ms < ?"
            for table in ("outcomes", "conflicts"):
                self.store.database.run(f"DELETE FROM {table} WHERE event IN ({old})", (before,))  # noqa: S608 - ours
            counts = {"decisions": self.store.database.run("DELETE FROM decisions WHERE at_ms < ?", (before,))}
            self.store.database.run("DELETE FROM waiting WHERE told_ns < ?", (before * 1_000_000,))
            self.store.database.run("DELETE FROM erased WHERE at_ms < ?", (before,))
            self.store.database.run("DELETE FROM audit WHERE at_ms < ?", (before,))
            counts["journal"] = erase(self.journal, lambda entry: entry.at_ms < before)
        counts["exports"], out_of_reach = self._delete_exports("oldest_ms < ?", (before,))
        self.note("retain", who=who, why=why, about=f"{days} days", rows=sum(counts.values()))
        return Forgotten(counts, out_of_reach)

    def note(self, what: str, *, who: str, why: str, about: str, rows: int) -> None:
        """Add a line to the audit."""
        columns = ("at_ms", "who", "what", "why", "about", "rows")
        with self.store.database.transaction():
            self.store.database.add("audit", columns, [(_now(), who, what, why, about, rows)])

    def _every_holder(self) -> list[tuple[str, Holder]]:
        return list({**_HOLDERS, **self.holders}.items())

    def _events(self, names: Sequence[str]) -> set[str]:
        """Return the events about a subject, in the store and in the journal."""
        stored = self.store.rows_in("SELECT event FROM decisions WHERE subject IN ({})", names)
        waiting = (one.event for one in self._in_journal() if isinstance(one, Decision) and one.subject in names)
        return {row[0] for row in stored} | set(waiting)

    def _delete(self, names: Sequence[str], events: set[str]) -> dict[str, int]:
        marks = ",".join("?" * len(names))
        about = f"SELECT event FROM decisions WHERE subject IN ({marks})"  # noqa: S608 - marks only
        counts: dict[str, int] = {}
        for table in ("outcomes", "conflicts"):
            counts[table] = self.store.database.run(f"DELETE FROM {table} WHERE event IN ({about})", names)  # noqa: S608
        # An event that two subjects share belongs to the first one's decision; the second one's answer lies here.
        statement = f"DELETE FROM conflicts WHERE subject IN ({marks})"  # noqa: S608
        counts["conflicts"] += self.store.database.run(statement, names)
        waiting = [digest for digest, said in self._waiting().items() if _is_about(said, names, events)]
        for digest in waiting:
            self.store.database.run("DELETE FROM waiting WHERE digest = ?", (digest,))
        statement = f"DELETE FROM decisions WHERE subject IN ({marks})"  # noqa: S608
        return {**counts, "waiting": len(waiting), "decisions": self.store.database.run(statement, names)}

    def _delete_exports(self, where: str = "TRUE", values: Row = ()) -> tuple[int, tuple[str, ...]]:
        """Delete exports of this host, which hold everybody: they are made anew from the store."""
        deleted, beyond = 0, list[str]()
        statement = f"SELECT path, host FROM exports WHERE {where} ORDER BY host, path"  # noqa: S608 - ours
        for path, host in self.store.database.rows(statement, values):
            if host != host_name():
                beyond.append(f"{host}:{path}")
                continue
            if Path(path).is_file():
                Path(path).unlink()
                deleted += 1
            self.store.database.run("DELETE FROM exports WHERE path = ? AND host = ?", (path, host))
        return deleted, tuple(beyond)

    def _in_journal(self) -> Iterator[Decision | OutcomeLine]:
        for segment in segments(self.journal):
            for part in segment.read():
                yield from part.entries

    def _waiting(self) -> dict[str, dict[str, Any]]:
        rows = self.store.database.rows("SELECT digest, said_json FROM waiting")
        return {digest: json.loads(said) for digest, said in rows}

    def _further_answers(self, names: Sequence[str]) -> Iterator[Row]:
        """Yield event, answer and time of answers whose event had another one before, be it another subject's."""
        statement = "SELECT event, answer_json, at_ms FROM conflicts WHERE subject IN ({}) ORDER BY at_ms"
        return self.store.rows_in(statement, names)

    def _outcome_words(self, event: str) -> list[str]:
        statement = "SELECT kind, period, value_json, at_ms FROM outcomes WHERE event = ?"
        rows = self.store.database.rows(statement, (event,))
        return [f"outcome {' '.join(filter(None, (kind, of)))}: {value}, {_when(at)}" for kind, of, value, at in rows]


def _is_about(said: Mapping[str, Any], names: Sequence[str], events: set[str]) -> bool:
    """Whether an outcome that was told names the subject or one of the subject's events."""
    return said.get("event") in events or not set(names).isdisjoint(said.get("subjects") or ())


def _decision_words(one: Mapping[str, Any]) -> str:
    groups = ", ".join(f"{name} {value}" for name, value in one["groups"].items()) or "none"
    return (
        f"{_when(one['at_ms'])}: {one['route']} ({one['mode']}), model {one['model']}, event {one['event']}; "
        f"groups: {groups}; answered: {json.dumps(one['answer'])}"
    )


def _told_words(said: Mapping[str, Any]) -> str:
    return f"{said['kind']} {json.dumps(said['value'])}, {_when(said['at_ms'])}"


def _when(at_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at_ms / 1000))


def _now() -> int:
    return time.time_ns() // 1_000_000
