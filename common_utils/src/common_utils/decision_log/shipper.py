"""From the journal to the store, idempotent by event id; a segment is deleted once all of it is acknowledged there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from common_utils.bundle.durable import exclusive
from common_utils.decision_log.entry import Decision, OutcomeLine
from common_utils.decision_log.objections import write_objections
from common_utils.decision_log.outcomes import settle, told
from common_utils.decision_log.segments import LOCK, JournalSegment, segments
from common_utils.decision_log.store import Loaded, Store

__all__ = ["Shipped", "Shipper"]

_NOTHING = Loaded()


@dataclass(frozen=True, slots=True)
class Shipped:
    """What a round came to.

    Attributes
    ----------
    loaded : Loaded
    outcomes : int
        Outcomes a service was told.
    damaged : int
        Lines that could not be read.
    deleted : int
        Segments that are done with.
    """

    loaded: Loaded = _NOTHING
    outcomes: int = 0
    damaged: int = 0
    deleted: int = 0

    def __add__(self, other: Shipped) -> Shipped:
        return Shipped(
            self.loaded + other.loaded,
            self.outcomes + other.outcomes,
            self.damaged + other.damaged,
            self.deleted + other.deleted,
        )

    def summary(self) -> str:
        """Return a line for people.

        Examples
        --------
        >>> Shipped(Loaded(new=5, known=2, conflicts=1)).summary()
        '5 decisions new, 2 known already, 1 conflict(s), 0 erased; 0 outcomes; 0 damaged lines; 0 segments done'
        """
        one = self.loaded
        return (
            f"{one.new:,} decisions new, {one.known:,} known already, {one.conflicts:,} conflict(s), "
            f"{one.erased:,} erased; {self.outcomes:,} outcomes; {self.damaged:,} damaged lines; "
            f"{self.deleted:,} segments done"
        )


class Shipper:
    """Loads a journal into a store, one round after the other.

    Parameters
    ----------
    folder : Path
        Of the journal.
    store : Store
    piece : int
        Entries loaded in one transaction.
    """

    def __init__(self, folder: Path, store: Store, *, piece: int = 5000) -> None:
        self._folder = folder
        self._store = store
        self._piece = piece
        self._offsets: dict[Path, int] = {}

    def round(self) -> Shipped:
        """Load what is new, delete what is done, settle outcomes that waited, and bring objections to the service."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        total = Shipped()
        with exclusive(self._folder / LOCK):
            found = segments(self._folder)
            for segment in found:
                total += self._ship(segment)
            self._offsets = {path: at for path, at in self._offsets.items() if path.exists()}
            settle(self._store)
            write_objections(self._folder, self._store.objections())
        return total

    def follow(self, seconds: float, show: Callable[[Shipped], None], *, until: Callable[[], bool]) -> None:
        """Go round after round, with a pause where nothing came, until told to end."""
        while not until():
            done = self.round()
            if done.loaded.new or done.outcomes or done.damaged:
                show(done)
            else:
                time.sleep(seconds)

    def _ship(self, segment: JournalSegment) -> Shipped:
        try:
            with segment.finished() as over:  # looked at before reading: whatever is read then is all there will be
                total = self._load(segment)
                if over:
                    segment.path.unlink()
                    self._offsets.pop(segment.path, None)
                    total += Shipped(deleted=1)
                return total
        except FileNotFoundError:  # an empty segment that its writer took away
            return Shipped()

    def _load(self, segment: JournalSegment) -> Shipped:
        total = Shipped()
        for reading in segment.read(self._offsets.get(segment.path, 0), self._piece):
            decisions = [entry for entry in reading.entries if isinstance(entry, Decision)]
            outcomes = [entry for entry in reading.entries if isinstance(entry, OutcomeLine)]
            with self._store.database.transaction():
                loaded = self._store.load(decisions)
                told(self._store, outcomes)
            self._offsets[segment.path] = reading.offset
            total += Shipped(loaded, len(outcomes), reading.damaged)
        return total
