"""An opened log for the command line: one object whose methods are the commands, so that a command needs one import."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from common_utils.config import resolve_path
from common_utils.config.reading import ReadingConfig
from common_utils.decision_log.beside import ship_until_ended
from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.exports import DecisionSelection, export, joined, stats
from common_utils.decision_log.keys import KEYS_VARIABLE, KeyRing, default_key_file, load_keys, rotate
from common_utils.decision_log.privacy import NOTHING_HELD, Forgotten, Holder, Office
from common_utils.decision_log.shipper import Shipped, Shipper
from common_utils.decision_log.store.store import Store, open_store
from common_utils.errors import ConfigError

if TYPE_CHECKING:
    from common_utils.tables import Reading

__all__ = ["Desk", "FindHolders"]

FindHolders: TypeAlias = Callable[[Callable[[str], Sequence[str]]], Mapping[str, Holder]]
"""From what names a subject in the log to further stores that hold data about subjects."""

_AUDIT = ("at_ms", "who", "what", "why", "about", "rows")


@dataclass(frozen=True)
class Desk:
    """One project's log as its settings name it; store and keys are opened when they are needed.

    Attributes
    ----------
    settings : DecisionsConfig
    project : str
        Name of the package.
    folder : Path
        The project's; relative paths of the settings count from it.
    table : ReadingConfig
        How a table is written, and how much of it may be rejected; its columns are those of another table.
    holders : callable, optional
        From the keyed forms of a subject's name to the project's further stores of personal data.
    """

    settings: DecisionsConfig
    project: str
    folder: Path
    table: ReadingConfig = field(default_factory=ReadingConfig)
    holders: FindHolders | None = None

    @property
    def journal(self) -> Path:
        """Folder of this host's journal."""
        return resolve_path(self.folder, self.settings.journal)

    @cached_property
    def keys(self) -> KeyRing:
        """The keys; made at the first need."""
        return load_keys(self.settings, self.folder)

    def open_store(self) -> Store:
        """Open the store of the settings."""
        return open_store(self.settings.url, self.folder)

    def selection(
        self,
        since: date | None,
        until: date | None,
        *,
        route: str | None = None,
        mode: str | None = None,
        event: str | None = None,
    ) -> DecisionSelection:
        """Return which decisions are asked for; days are UTC, and the last one is not included."""
        return DecisionSelection(since=since, until=until, route=route, mode=mode, event=event)

    def ship(self) -> Shipped:
        """Load the journal once."""
        with closing(self.open_store()) as store:
            return Shipper(self.journal, store).round()

    def follow(self, seconds: float, show: Callable[[Shipped], None]) -> None:
        """Load the journal until SIGTERM or SIGINT, and once more then."""
        ship_until_ended(self.settings, self.folder, show, seconds=seconds)

    def query(self, selection: DecisionSelection, limit: int) -> Iterator[dict[str, Any]]:
        """Yield decisions with their outcomes, the oldest first."""
        with closing(self.open_store()) as store:
            yield from islice(joined(store, selection), limit)

    def export(self, selection: DecisionSelection, path: Path, *, who: str, why: str) -> int:
        """Write decisions with their outcomes to a file that `forget` knows of."""
        with self._office() as office:
            rows = export(office.store, selection, path)
            office.note("export", who=who, why=why, about=path.name, rows=rows)
            return rows

    def stats(self) -> dict[str, Any]:
        """Return counts."""
        with closing(self.open_store()) as store:
            return stats(store)

    def audit(self) -> Iterator[dict[str, Any]]:
        """Yield who did what, when and why."""
        with closing(self.open_store()) as store:
            for row in store.database.rows(f"SELECT {', '.join(_AUDIT)} FROM audit ORDER BY at_ms"):  # noqa: S608
                yield dict(zip(_AUDIT, row, strict=True))

    def show(self, subject: str, *, who: str, why: str) -> str:
        """Return everything held about a subject, in words."""
        with self._office() as office:
            return office.show(subject, who=who, why=why)

    def forget(self, subject: str, *, who: str, why: str) -> Forgotten:
        """Delete what is held about a subject."""
        with self._office() as office:
            return office.forget(subject, who=who, why=why)

    def object(self, subject: str, *, who: str, why: str, withdraw: bool) -> str:
        """Record an objection, or take it back; say so in words, and where the log knows nothing of the subject."""
        with self._office() as office:
            known = office.object(subject, who=who, why=why, withdraw=withdraw)
        return f"objection {'withdrawn' if withdraw else 'recorded'}{'' if known else f'; {NOTHING_HELD}'}"

    def retain(self, days: int | None, *, who: str, why: str) -> Forgotten:
        """Delete what is older than so many days, else than the settings' retention."""
        with self._office() as office:
            return office.retain(days or self.settings.retention_days, who=who, why=why)

    def rotate_key(self) -> str:
        """Put a new key on top of the key file, or make the file with the first one; say in words what was done.

        Raises
        ------
        ConfigError
            If the keys come from the environment, or the file cannot be read or written.
        """
        if os.environ.get(KEYS_VARIABLE):  # an empty one gives none, as everywhere
            raise ConfigError(
                f"{KEYS_VARIABLE} gives the keys, and no file: put a new line before the others there, or unset it."
            )
        path = default_key_file(self.settings, self.folder)
        first = not path.exists()
        name = rotate(path, None if first else load_keys(self.settings, self.folder, environ={}))
        made = f": the first one of {path}, which was made for its owner only" if first else ""
        return f"key {name} is in use{made}"

    def read_outcomes(self, path: Path, *, reading: Reading, window_days: int) -> str:
        """Read a file of outcomes, and return its account in words."""
        from common_utils.decision_log.outcome_files import keep_outcomes, read_outcome_table

        reading = reading.over(self.table.model_copy(update={"columns": {}}))
        table = read_outcome_table(path, reading)
        with closing(self.open_store()) as store:
            report = keep_outcomes(table, store, self.keys, self.project, reading=reading, window_days=window_days)
        return f"{report.summary()}; window {window_days} days"

    def note(self, what: str, *, who: str, why: str, about: str, rows: int) -> None:
        """Add a line to the audit."""
        with self._office() as office:
            office.note(what, who=who, why=why, about=about, rows=rows)

    @contextmanager
    def _office(self) -> Generator[Office]:
        with closing(self.open_store()) as store:
            found = {} if self.holders is None else self.holders(partial(self.keys.subjects, self.project))
            yield Office(store, self.keys, self.project, self.journal, found)
