"""An opened log for the command line: one object whose methods are the commands, so that a command needs one import."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from common_utils.config import resolve_path
from common_utils.decision_log.beside import ship_until_ended
from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.exports import DecisionSelection, export, joined, stats
from common_utils.decision_log.keys import KeyRing, default_key_file, load_keys, rotate
from common_utils.decision_log.privacy import Forgotten, Holder, Office
from common_utils.decision_log.shipper import Shipped, Shipper
from common_utils.decision_log.store.store import Store, open_store

if TYPE_CHECKING:
    from common_utils.tables import Reading

__all__ = ["DecisionsOf", "Desk", "FindHolders"]

FindHolders: TypeAlias = Callable[[Callable[[str], Sequence[str]]], Mapping[str, Holder]]
"""From what names a subject in the log to further stores that hold data about subjects."""

DecisionsOf: TypeAlias = tuple[DecisionsConfig, str, Path, FindHolders | None]
"""What a desk is made of: settings, the package's name, the project's folder, its further stores of personal data."""

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
    holders : callable, optional
        From the keyed forms of a subject's name to the project's further stores of personal data.
    """

    settings: DecisionsConfig
    project: str
    folder: Path
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

    def object(self, subject: str, *, who: str, why: str, withdraw: bool) -> None:
        """Record an objection, or take it back."""
        with self._office() as office:
            office.object(subject, who=who, why=why, withdraw=withdraw)

    def retain(self, days: int | None, *, who: str, why: str) -> dict[str, int]:
        """Delete what is older than so many days, else than the settings' retention."""
        with self._office() as office:
            return office.retain(days or self.settings.retention_days, who=who, why=why)

    def rotate_key(self) -> str:
        """Put a new key on top of the key file, and return its id."""
        keys = load_keys(self.settings, self.folder, environ={})
        return rotate(default_key_file(self.settings, self.folder), keys)

    def read_outcomes(self, path: Path, *, reading: Reading, window_days: int) -> str:
        """Read a file of outcomes, and return its account in words."""
        from common_utils.decision_log.outcome_files import keep_outcomes, read_outcome_table

        table = read_outcome_table(path, reading)
        with closing(self.open_store()) as store:
            report = keep_outcomes(table, store, self.keys, self.project, reading=reading, window_days=window_days)
        return f"{report.summary()}; window {window_days} days"

    @contextmanager
    def _office(self) -> Generator[Office]:
        with closing(self.open_store()) as store:
            found = {} if self.holders is None else self.holders(partial(self.keys.subjects, self.project))
            yield Office(store, self.keys, self.project, self.journal, found)
