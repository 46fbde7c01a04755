"""What is held about a subject, and its end: show, forget, object, retain. Each leaves a line: who, when, why."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from common_utils.decision_log.journal.lines import Decision, OutcomeLine
from common_utils.decision_log.journal.segments import erase, kept_still, segments
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
    left : tuple of str
        Exports of this host that could not be deleted, with the reason.
    """

    counts: dict[str, int]
    out_of_reach: tuple[str, ...]
    nobody: bool = False
    left: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return lines for people.

        Examples
        --------
        >>> Forgotten({"decisions": 2, "exports": 0}, ("web-2:/srv/log.csv",)).lines()
        ['deleted: decisions 2, exports 0', 'NOT deleted, on another host: web-2:/srv/log.csv; delete it there']
        """
        deleted = ", ".join(f"{name} {count:,}" for name, count in self.counts.items())
        beyond = [f"NOT deleted, on another host: {path}; delete it there" for path in self.out_of_reach]
        left = [f"NOT deleted: {path}; delete it, and run this command again" for path in self.left]
        return [f"deleted: {deleted}", *beyond, *left, *([NOTHING_HELD] if self.nobody else [])]


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
        with kept_still(self.journal):  # no shipper takes an entry from one place to the other meanwhile
            held = [one for name in names for one in self.store.decisions("subject = ?", (name,))]
            further, entries = list(self._further_answers(names)), list(self._in_journal())
            waiting = self._waiting()
        stored = {_said(one["event"], one["answer"]) for one in held}
        stored |= {_said(event, json.loads(answer)) for event, answer, _ in further}
        ours = [one for one in entries if isinstance(one, Decision) and one.subject in names]
        said_here = {_said(one.event, one.answer): one for one in ours}
        unshipped = [one for key, one in said_here.items() if key not in stored]
        events = {event for event, _ in stored} | {one.event for one in unshipped}
        told = [("waits for its decision", said) for said in waiting.values()]
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
        with kept_still(self.journal):  # no shipper holds entries in its hands meanwhile
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
        exports = self._delete_exports()
        counts |= exports.counts
        self.note("forget", who=who, why=why, about=names[0], rows=sum(counts.values()))
        return Forgotten(counts, exports.out_of_reach, nobody=nobody, left=exports.left)

    def object(self, subject: str, *, who: str, why: str, withdraw: bool = False) -> bool:
        """Keep a subject out of offers, experiments and the log's joins from now on; or take that back.

        Returns
        -------
        bool
            Whether the log knows the subject: a decision, or an objection before.
        """
        names = self.keys.subjects(self.project, subject)
        with kept_still(self.journal):  # no shipper puts back who objected before
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
        with kept_still(self.journal), self.store.database.transaction():
            old = "SELECT event FROM decisions WHERE at_ms < ?"
            self.store.database.run(f"DELETE FROM outcomes WHERE event IN ({old})", (before,))  # noqa: S608 - ours
            self.store.database.run(f"DELETE FROM conflicts WHERE at_ms < ? OR event IN ({old})", (before, before))  # noqa: S608
            counts = {"decisions": self.store.database.run("DELETE FROM decisions WHERE at_ms < ?", (before,))}
            self.store.database.run("DELETE FROM waiting WHERE told_ns < ?", (before * 1_000_000,))
            self.store.database.run("DELETE FROM erased WHERE at_ms < ?", (before,))
            self.store.database.run("DELETE FROM audit WHERE at_ms < ?", (before,))
            counts["journal"] = erase(self.journal, lambda entry: entry.at_ms < before)
        exports = self._delete_exports("oldest_ms < ?", (before,))
        counts |= exports.counts
        self.note("retain", who=who, why=why, about=f"{days} days", rows=sum(counts.values()))
        return Forgotten(counts, exports.out_of_reach, left=exports.left)

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
        counts["outcomes"] = self.store.database.run(f"DELETE FROM outcomes WHERE event IN ({about})", names)  # noqa: S608
        # An event that two subjects share belongs to the first one's decision; the second one's answer lies here, and
        # stays where the first one is forgotten.
        further = f"subject IN ({marks}) OR (subject IS NULL AND event IN ({about}))"
        counts["conflicts"] = self.store.database.run(f"DELETE FROM conflicts WHERE {further}", (*names, *names))  # noqa: S608
        waiting = [digest for digest, said in self._waiting().items() if _is_about(said, names, events)]
        for digest in waiting:
            self.store.database.run("DELETE FROM waiting WHERE digest = ?", (digest,))
        statement = f"DELETE FROM decisions WHERE subject IN ({marks})"  # noqa: S608
        return {**counts, "waiting": len(waiting), "decisions": self.store.database.run(statement, names)}

    def _delete_exports(self, where: str = "TRUE", values: Row = ()) -> Forgotten:
        """Delete exports of this host, which hold everybody: they are made anew from the store."""
        deleted, beyond, left = 0, list[str](), list[str]()
        statement = f"SELECT path, host FROM exports WHERE {where} ORDER BY host, path"  # noqa: S608 - ours
        for path, host in self.store.database.rows(statement, values):
            if host != host_name():
                beyond.append(f"{host}:{path}")
                continue
            try:
                if Path(path).is_file():
                    Path(path).unlink()
                    deleted += 1
            except OSError as error:  # it stays known, for the next try
                left.append(f"{path} ({error.strerror})")
                continue
            self.store.database.run("DELETE FROM exports WHERE path = ? AND host = ?", (path, host))
        return Forgotten({"exports": deleted}, tuple(beyond), left=tuple(left))

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


def _said(event: str, answer: Mapping[str, Any]) -> tuple[str, str]:
    """Return what tells an answer from the others to its event: a retry says the same."""
    return event, json.dumps(answer, sort_keys=True)


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
