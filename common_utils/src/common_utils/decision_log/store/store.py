"""The store that a shipper loads: one schema, in SQLite or PostgreSQL; every statement may be said twice.

A decision is known by its event id. The same id with another answer, or about another subject, is a conflict: the first
answer stays, and each other one is kept beside it, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pydantic_core import from_json, to_json

from common_utils.decision_log.journal.lines import MARK_DIGITS, Decision
from common_utils.decision_log.store.database import Database, Row
from common_utils.decision_log.store.postgres import PostgresDatabase
from common_utils.decision_log.store.sqlite import SqliteDatabase, claimed
from common_utils.errors import ConfigError

__all__ = ["COLUMNS", "Loaded", "Store", "decision_row", "open_store"]

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
    "answer_json",
)
_STORED = (*COLUMNS, "mark")
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
    + ", ".join(f"{name} {_TYPES.get(name, 'TEXT NOT NULL')}" for name in _STORED)
    + ")",
    "CREATE INDEX IF NOT EXISTS decisions_subject ON decisions (subject, at_ms)",
    "CREATE INDEX IF NOT EXISTS decisions_at ON decisions (at_ms, event)",
    "CREATE TABLE IF NOT EXISTS conflicts (event TEXT, place INTEGER, subject TEXT, mark TEXT NOT NULL, "
    "answer_json TEXT NOT NULL, at_ms BIGINT NOT NULL, PRIMARY KEY (event, place))",
    "CREATE INDEX IF NOT EXISTS conflicts_subject ON conflicts (subject)",
    "CREATE TABLE IF NOT EXISTS outcomes (event TEXT, kind TEXT, period TEXT, value_json TEXT, at_ms BIGINT, "
    "told_ns BIGINT, corrections INTEGER, PRIMARY KEY (event, kind, period))",
    "CREATE TABLE IF NOT EXISTS waiting (digest TEXT PRIMARY KEY, said_json TEXT, told_ns BIGINT, reason TEXT)",
    "CREATE TABLE IF NOT EXISTS erased (subject TEXT PRIMARY KEY, at_ms BIGINT)",
    "CREATE TABLE IF NOT EXISTS objections (subject TEXT PRIMARY KEY, at_ms BIGINT)",
    "CREATE TABLE IF NOT EXISTS exports (path TEXT, host TEXT, at_ms BIGINT, oldest_ms BIGINT, "
    "PRIMARY KEY (path, host))",
    "CREATE TABLE IF NOT EXISTS audit (at_ms BIGINT, who TEXT, what TEXT, why TEXT, about TEXT, rows BIGINT)",
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT)",
)
_GROUPS = COLUMNS.index("groups_json")
_PIECE = 500  # values in one list of a statement
_PAGE = 5000


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
        Tables are made where they are missing.

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
        database.make(_SCHEMA)

    def close(self) -> None:
        """Close the connection."""
        self.database.close()

    def load(self, decisions: Sequence[Decision]) -> Loaded:
        """Add decisions in one transaction; those of a subject erased later than they were made are left out."""
        if not decisions:
            return Loaded()
        with self.database.transaction():
            erased = self.erased()
            kept = [d for d in decisions if d.subject is None or d.at_ms > erased.get(d.subject, -1)]
            first = {d.event: d for d in reversed(kept)}
            new = self.database.add("decisions", _STORED, [decision_row(d) for d in first.values()])
            conflicts = self._conflicts(kept) if new < len(kept) else 0
        return Loaded(new, len(kept) - new, conflicts, len(decisions) - len(kept))

    def erased(self) -> dict[str, int]:
        """Return until when what was logged of a subject is not taken, milliseconds."""
        return {row[0]: row[1] for row in self.database.rows("SELECT subject, at_ms FROM erased")}

    def rows_in(self, statement: str, values: Sequence[str]) -> Iterator[Row]:
        """Yield the rows of a query whose `{}` is a list of values of any length."""
        for start in range(0, len(values), _PIECE):
            part = values[start : start + _PIECE]
            yield from self.database.rows(statement.format(",".join("?" * len(part))), part)

    def _conflicts(self, kept: Sequence[Decision]) -> int:
        """Keep what is no retry of an answer to the same event, and count what is new of it."""
        events = list(dict.fromkeys(d.event for d in kept))
        known: dict[str, list[_Answer]] = {}
        for table in ("decisions", "conflicts"):
            statement = f"SELECT event, answer_json, subject, mark FROM {table} WHERE event IN ({{}})"  # noqa: S608
            for event, *answer in self.rows_in(statement, events):
                known.setdefault(event, []).append(_Answer(*answer))
        rows: list[Row] = []
        for decision in kept:
            answers = known[decision.event]
            answer = _Answer(_json(decision.answer), decision.subject, decision.mark)
            if not any(map(answer.is_retry_of, answers)):
                rows.append((decision.event, len(answers), *answer, decision.at_ms))
                answers.append(answer)
        columns = ("event", "place", "answer_json", "subject", "mark", "at_ms")
        return self.database.add("conflicts", columns, rows) if rows else 0

    def fact(self, name: str) -> str | None:
        """Return what was noted under a name."""
        return next((row[0] for row in self.database.rows("SELECT value FROM facts WHERE name = ?", (name,))), None)

    def note(self, name: str, value: str) -> None:
        """Note a fact about the store, in place of an older one."""
        with self.database.transaction():
            self.database.run("DELETE FROM facts WHERE name = ?", (name,))
            self.database.add("facts", ("name", "value"), [(name, value)])

    def objections(self) -> frozenset[str]:
        """Return the keyed subjects who objected."""
        return frozenset(row[0] for row in self.database.rows("SELECT subject FROM objections"))

    def count(self, table: str) -> int:
        """Return how many rows a table of this store has."""
        return int(next(iter(self.database.rows(f"SELECT COUNT(*) FROM {table}")))[0])  # noqa: S608 - our own names

    def decisions(self, where: str = "TRUE", values: Row = ()) -> Iterator[dict[str, Any]]:
        """Yield decisions as mappings, the oldest first; `groups` and `answer` are parsed.

        Parameters
        ----------
        where : str
            A condition of ours, values marked by `?`.
        values : sequence
        """
        after: Row = (-1, "")
        statement = (
            f"SELECT {', '.join(COLUMNS)} FROM decisions WHERE {where} AND (at_ms, event) > (?, ?) "  # noqa: S608
            f"ORDER BY at_ms, event LIMIT {_PAGE}"
        )
        while page := list(self.database.rows(statement, (*values, *after))):
            for row in page:
                found: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
                found["groups"] = from_json(found.pop("groups_json"))
                found["answer"] = from_json(found.pop("answer_json"))
                yield found
            after = (page[-1][1], page[-1][0])


def decision_row(decision: Decision) -> Row:
    """Return a decision as the values its table holds: those of `COLUMNS`, and the mark."""
    return (
        *decision[:_GROUPS],
        _json(decision.groups),
        decision.asked,
        _json(decision.answer),
        decision.mark,
    )


class _Answer(NamedTuple):
    """An answer to an event, and whom it was about."""

    text: str
    subject: str | None
    mark: str

    def is_retry_of(self, other: _Answer) -> bool:
        """Whether it says the same of the same one; who is not named may be anybody."""
        if self.text != other.text:
            return False
        if self.subject is None or other.subject is None:
            return True
        if self.subject.partition(".")[0] == other.subject.partition(".")[0]:  # under one key
            return self.subject == other.subject
        return self._digits == other._digits

    @property
    def _digits(self) -> str:
        """First digits of the subject under the key that names events, whichever key is in use."""
        return self.mark or (self.subject or "").partition(".")[2][:MARK_DIGITS]


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
    StoreUnavailableError
        If PostgreSQL does not answer.
    """
    if url.startswith("sqlite:///"):
        store = Store(SqliteDatabase.open(project / url.removeprefix("sqlite:///")))
        _check(store, lambda: _claim(store, environ))
        return store
    if url.startswith("postgresql://"):
        return Store(PostgresDatabase.open(url))
    raise ConfigError(f"decisions.url: {urlsplit(url).scheme!r} is not known; give sqlite:///FILE or postgresql://.")


def _check(store: Store, check: Callable[[], None]) -> None:
    try:
        check()
    except ConfigError:
        store.close()
        raise


def _claim(store: Store, environ: Mapping[str, str] | None) -> None:
    """Note that this host uses a SQLite file; its locks do not hold between hosts."""
    held = store.fact("host")
    ours = claimed(held, environ)
    if held != ours:
        store.note("host", ours)


def _json(value: object) -> str:
    return to_json(value).decode()
