"""The store that a shipper loads: one schema, in SQLite or PostgreSQL; every statement may be said twice.

A decision is known by its event id. The same id with another answer is a conflict: the first answer stays, and the
other's digest is kept, so that conflicts are counted once each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from common_utils.decision_log.entry import Decision
from common_utils.errors import ConfigError

__all__ = ["COLUMNS", "Database", "Loaded", "Row", "Store", "decision_row", "open_store"]

Row = Sequence[Any]

COLUMNS: tuple[str, ...] = (
    "event",
    "at_ms",
    "subject",
    "project",
    "route",
    "mode",
    "model",
    "rules",
    "card",
    "snapshot",
    "experiment",
    "arm",
    "milliseconds",
    "status",
    "propensity",
    "groups_json",
    "asked",
    "answered",
    "answer_json",
)
_TYPES = {
    "at_ms": "BIGINT NOT NULL",
    "milliseconds": "DOUBLE PRECISION NOT NULL",
    "status": "INTEGER NOT NULL",
    "propensity": "DOUBLE PRECISION",
    "subject": "TEXT",
    "event": "TEXT PRIMARY KEY",
}
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS decisions ("
    + ", ".join(f"{name} {_TYPES.get(name, 'TEXT NOT NULL')}" for name in COLUMNS)
    + ")",
    "CREATE INDEX IF NOT EXISTS decisions_subject ON decisions (subject, at_ms)",
    "CREATE INDEX IF NOT EXISTS decisions_at ON decisions (at_ms)",
    "CREATE TABLE IF NOT EXISTS conflicts (event TEXT, answered TEXT, at_ms BIGINT, PRIMARY KEY (event, answered))",
    "CREATE TABLE IF NOT EXISTS outcomes (event TEXT, kind TEXT, period TEXT, value_json TEXT, at_ms BIGINT, "
    "told_ms BIGINT, corrections INTEGER, PRIMARY KEY (event, kind, period))",
    "CREATE TABLE IF NOT EXISTS outcomes_seen (digest TEXT PRIMARY KEY, event TEXT)",
    "CREATE TABLE IF NOT EXISTS waiting (digest TEXT PRIMARY KEY, said_json TEXT, told_ms BIGINT, reason TEXT)",
    "CREATE TABLE IF NOT EXISTS erased (subject TEXT PRIMARY KEY, at_ms BIGINT)",
    "CREATE TABLE IF NOT EXISTS objections (subject TEXT PRIMARY KEY, at_ms BIGINT)",
    "CREATE TABLE IF NOT EXISTS exports (path TEXT PRIMARY KEY, host TEXT, at_ms BIGINT)",
    "CREATE TABLE IF NOT EXISTS audit (at_ms BIGINT, who TEXT, what TEXT, why TEXT, about TEXT, rows BIGINT)",
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT)",
)


class Database(Protocol):
    """What a driver must do; statements mark values by `?`."""

    def run(self, statement: str, values: Row = ()) -> int:
        """Run a statement, and return how many rows it changed."""
        ...

    def rows(self, statement: str, values: Row = ()) -> Iterator[Row]:
        """Yield the rows of a query."""
        ...

    def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> int:
        """Add rows whose key is not there yet, quickly, and return how many were new."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Commit the block as one, or nothing of it."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load came to: decisions that were new, known already, conflicts among these, and erased ones left out."""

    new: int = 0
    known: int = 0
    conflicts: int = 0
    erased: int = 0

    def __add__(self, other: Loaded) -> Loaded:
        return Loaded(
            self.new + other.new,
            self.known + other.known,
            self.conflicts + other.conflicts,
            self.erased + other.erased,
        )


class Store:
    """The decisions, outcomes and the record of what was done with them.

    Parameters
    ----------
    database : Database

    Examples
    --------
    >>> import tempfile
    >>> store = open_store("sqlite:///log.db", Path(tempfile.mkdtemp()))
    >>> store.load([])
    Loaded(new=0, known=0, conflicts=0, erased=0)
    >>> store.close()
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.transaction():
            for statement in _SCHEMA:
                database.run(statement)

    def close(self) -> None:
        """Close the connection."""
        self.database.close()

    def load(self, decisions: Sequence[Decision]) -> Loaded:
        """Add decisions in one transaction; those of a subject erased later than they were made are left out."""
        if not decisions:
            return Loaded()
        with self.database.transaction():
            erased = dict(self._pairs("SELECT subject, at_ms FROM erased"))
            kept = [d for d in decisions if d.subject is None or d.at_ms > erased.get(d.subject, -1)]
            first = {d.event: d for d in reversed(kept)}
            new = self.database.add("decisions", COLUMNS, [decision_row(d) for d in first.values()])
            conflicts = self._conflicts(kept) if new < len(kept) else 0
        return Loaded(new, len(kept) - new, conflicts, len(decisions) - len(kept))

    def _conflicts(self, kept: Sequence[Decision]) -> int:
        events = [d.event for d in kept]
        known = dict(self._in("SELECT event, answered FROM decisions WHERE event IN ({})", events))
        other = {(d.event, d.answered): d.at_ms for d in kept if known.get(d.event, d.answered) != d.answered}
        rows = [(event, answered, at) for (event, answered), at in other.items()]
        return self.database.add("conflicts", ("event", "answered", "at_ms"), rows) if rows else 0

    def _pairs(self, statement: str, values: Row = ()) -> Iterator[tuple[str, Any]]:
        return ((row[0], row[1]) for row in self.database.rows(statement, values))

    def _in(self, statement: str, values: Sequence[str]) -> Iterator[tuple[str, Any]]:
        for start in range(0, len(values), 500):
            part = values[start : start + 500]
            yield from self._pairs(statement.format(",".join("?" * len(part))), part)

    def fact(self, name: str) -> str | None:
        """Return what was noted under a name."""
        return next((row[0] for row in self.database.rows("SELECT value FROM facts WHERE name = ?", (name,))), None)

    def note(self, name: str, value: str) -> None:
        """Note a fact about the store, in place of an older one."""
        with self.database.transaction():
            self.database.run("DELETE FROM facts WHERE name = ?", (name,))
            self.database.add("facts", ("name", "value"), [(name, value)])

    def objections(self) -> list[str]:
        """Return the keyed subjects who objected."""
        return [row[0] for row in self.database.rows("SELECT subject FROM objections")]

    def count(self, table: str) -> int:
        """Return how many rows a table of this store has."""
        return int(next(iter(self.database.rows(f"SELECT COUNT(*) FROM {table}")))[0])  # noqa: S608 - our own names

    def decisions(self, where: str = "", values: Row = ()) -> Iterator[dict[str, Any]]:
        """Yield decisions as mappings, the oldest first; `groups` and `answer` are parsed."""
        statement = f"SELECT {', '.join(COLUMNS)} FROM decisions {where} ORDER BY at_ms, event"  # noqa: S608
        for row in self.database.rows(statement, values):
            found: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
            found["groups"] = json.loads(found.pop("groups_json"))
            found["answer"] = json.loads(found.pop("answer_json"))
            yield found


def decision_row(decision: Decision) -> Row:
    """Return a decision as values of `COLUMNS`."""
    return (
        decision.event,
        decision.at_ms,
        decision.subject,
        decision.project,
        decision.route,
        decision.mode,
        decision.model,
        decision.rules,
        decision.card,
        decision.snapshot,
        decision.experiment,
        decision.arm,
        decision.milliseconds,
        decision.status,
        decision.propensity,
        _text(decision.groups),
        decision.asked,
        decision.answered,
        _text(decision.answer),
    )


def open_store(url: str, project: Path, *, environ: Mapping[str, str] | None = None) -> Store:
    """Open the store of `decisions.url`; tables are made where they are missing.

    Parameters
    ----------
    url : str
        `sqlite:///FILE`, counted from the project's folder, or `postgresql://...` without a password, which libpq
        takes from PGPASSWORD or PGPASSFILE.
    project : Path
    environ : mapping, optional
        Read instead of `os.environ`: `DECISION_HOST` names this host where its own name changes with each start.

    Raises
    ------
    ConfigError
        If the url is of another kind, the store cannot be opened, or an SQLite file is another host's.
    """
    if url.startswith("sqlite:///"):
        from common_utils.decision_log.sqlite_store import SqliteDatabase, claim

        store = Store(SqliteDatabase.open(project / url.removeprefix("sqlite:///")))
        claim(store, environ)
        return store
    if url.startswith("postgresql://"):
        from common_utils.decision_log.postgres_store import PostgresDatabase

        return Store(PostgresDatabase.open(url))
    raise ConfigError(f"decisions.url: {urlsplit(url).scheme!r} is not known; give sqlite:///FILE or postgresql://.")


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
