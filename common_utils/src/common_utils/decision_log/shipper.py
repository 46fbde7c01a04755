"""From the journal to the store, idempotent by event id; a segment is deleted once all of it is acknowledged there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from common_utils.decision_log.batch import recover
from common_utils.decision_log.journal.lines import Decision, OutcomeLine
from common_utils.decision_log.journal.segments import JournalSegment, kept_still, segments
from common_utils.decision_log.objections import write_objections
from common_utils.decision_log.outcomes import settle, told
from common_utils.decision_log.store.database import StoreUnavailableError
from common_utils.decision_log.store.store import Loaded, Store

__all__ = ["Shipped", "Shipper", "follow"]

_NOTHING = Loaded()
_TELL_SECONDS = 60.0

logger = logging.getLogger(__name__)


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
    clock : callable
        As `time.time_ns`.
    """

    def __init__(
        self, folder: Path, store: Store, *, piece: int = 5000, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._folder = folder
        self._store = store
        self._piece = piece
        self._clock = clock
        self._offsets: dict[Path, int] = {}

    def round(self) -> Shipped:
        """Load what is new, delete what is done, settle outcomes that waited, and bring objections to the service.

        Entries of a batch run that died once its manifest lay there are brought in first.
        """
        total = Shipped()
        with kept_still(self._folder):
            recover(self._folder)
            found = segments(self._folder)
            for segment in found:
                total += self._ship(segment)
            self._offsets = {path: at for path, at in self._offsets.items() if path.exists()}
            settle(self._store, now_ms=self._clock() // 1_000_000)
            write_objections(self._folder, self._store.objections())
        return total

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
        for part in segment.read(self._offsets.get(segment.path, 0), self._piece):
            decisions = [entry for entry in part.entries if isinstance(entry, Decision)]
            outcomes = [entry for entry in part.entries if isinstance(entry, OutcomeLine)]
            with self._store.database.transaction():
                loaded = self._store.load(decisions)
                told(self._store, outcomes)
            self._offsets[segment.path] = part.offset
            total += Shipped(loaded, len(outcomes), part.damaged)
        return total


def follow(
    folder: Path,
    open_again: Callable[[], Store],
    show: Callable[[Shipped], None],
    *,
    seconds: float,
    until: Callable[[], bool],
) -> None:
    """Go round after round, with a pause where nothing came, until told to end; then load what is left.

    A store that does not answer is asked again after the pause: the journal keeps what it holds meanwhile.

    Parameters
    ----------
    folder : Path
        Of the journal.
    open_again : callable
        Opens the store.
    show : callable
        Told of each round in which something came.
    seconds : float
        Of a pause.
    until : callable
        Says when to end.

    Raises
    ------
    ConfigError
        If the store cannot be opened for another reason than that it does not answer.
    """
    told_at = -_TELL_SECONDS
    while not until():
        try:
            with closing(open_again()) as store:
                _rounds(Shipper(folder, store), show, seconds, until)
        except StoreUnavailableError as error:
            if time.monotonic() - told_at >= _TELL_SECONDS:  # and not at each try of a night
                logger.warning("%s The journal is shipped once it is back.", error)
                told_at = time.monotonic()
            time.sleep(seconds)


def _rounds(shipper: Shipper, show: Callable[[Shipped], None], seconds: float, until: Callable[[], bool]) -> None:
    ending = False
    while not ending:
        ending = until()  # asked before the last round, which takes what came up to the end
        done = shipper.round()
        if done.loaded.new or done.outcomes or done.damaged:
            show(done)
        elif not ending:
            time.sleep(seconds)
