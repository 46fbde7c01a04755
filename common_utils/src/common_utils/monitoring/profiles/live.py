"""What a service sees, counted beside its answers: a row is put on a queue, a thread does the rest.

Putting a row costs the hot path a tenth of a microsecond or so and never raises, whatever became of the thread or the
disk. The queue is bounded: where counting cannot follow, rows are left out and counted as `dropped`. What was counted
is written every minute and at the end; a process that is killed loses that much, and the one that follows adds to it.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from common_utils.array_types import FloatArray
from common_utils.bundle import Bundle
from common_utils.config import resolve_path
from common_utils.errors import DataError, PortfolioError
from common_utils.monitoring.config import MonitoringConfig
from common_utils.monitoring.profiles.counting import Columns, empty_like, profile_like
from common_utils.monitoring.profiles.hours import HourFolder, hour_of
from common_utils.monitoring.profiles.profile import Profile, merge
from common_utils.monitoring.profiles.profile_json import bundle_profile

__all__ = ["LiveProfiles", "SeenRows", "Watched", "served_profile"]

_log = logging.getLogger(__name__)

_MOST = 20_000  # rows that may wait
_FULL = 1_000  # rows at which the thread is woken
_SECONDS = 60.0  # between two writings


def served_profile(bundle: Bundle) -> Profile | None:
    """Return a bundle's profile; None, and a line in the log, where it is of before there were counts."""
    try:
        return bundle_profile(bundle)
    except DataError as error:
        _log.warning("what is asked is not counted: %s", error)
        return None


class Watched(Protocol):
    """What is needed of a live model."""

    @property
    def version(self) -> str:
        """Version of the bundle."""
        ...

    @property
    def reference(self) -> Profile | None:
        """The profile of the bundle; None where it has no counts, and then nothing is counted."""
        ...


Model = TypeVar("Model", bound=Watched)


@dataclass(frozen=True)
class SeenRows:
    """Some rows that were answered, as columns.

    Attributes
    ----------
    columns : mapping of str to array of shape (n,)
    score : float64 array of shape (n,) or None
    subjects : sequence of str or None, of length n
        None where a request does not say who it is about.
    """

    columns: Columns
    score: FloatArray | None
    subjects: Sequence[str | None]


class LiveProfiles(Generic[Model]):
    """Hourly profiles of one kind of answer of a service.

    Parameters
    ----------
    what : str
        What is answered, `predict` or `recommend`: the folder's name.
    rows : callable
        From records and scores to `SeenRows`; runs in the thread.

    Examples
    --------
    >>> import tempfile
    >>> from types import SimpleNamespace
    >>> from common_utils.monitoring.profiles.counting import reference_profile
    >>> reference = reference_profile({"minutes": np.arange(100.0)}, score=np.linspace(0, 1, 100))
    >>> def rows(records, scores):
    ...     return SeenRows({"minutes": np.array(records)}, np.array(scores), [None] * len(records))
    >>> root, live = Path(tempfile.mkdtemp()), LiveProfiles("predict", rows)
    >>> live.start(root, keep_days=30)
    >>> live.put((SimpleNamespace(version="v1", reference=reference), 3.5, 0.5))
    >>> live.close()
    >>> HourFolder(root, "v1", "predict").between(datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC)).rows
    1
    """

    def __init__(self, what: str, rows: Callable[[Sequence[Any], Sequence[float]], SeenRows]) -> None:
        self.what = what
        self.dropped = 0
        self.failed = 0
        self._rows = rows
        self._queue: deque[tuple[Model, Any, float]] = deque(maxlen=_MOST)
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._ended = False
        self._hours: dict[str, tuple[datetime, HourFolder, Profile]] = {}
        self._root = Path()
        self._keep_days = 1
        self._pruned: datetime | None = None

    @property
    def on(self) -> bool:
        """Whether rows are counted."""
        return self._thread is not None

    def start(self, root: Path, *, keep_days: int) -> None:
        """Begin to count; `root` is the configured folder."""
        self._root, self._keep_days, self._ended = root, keep_days, False
        self._thread = threading.Thread(target=self._run, name=f"profiles of {self.what}", daemon=True)
        self._thread.start()

    def started(self, config: MonitoringConfig, project: Path) -> Callable[[], None]:
        """Begin to count where the settings say so; return what ends it."""
        if config.profiles:
            self.start(resolve_path(project, config.folder), keep_days=config.keep_days)
        return self.close

    def put(self, row: tuple[Model, Any, float]) -> None:
        """Take note of a row: the model that answered, the record, and the score (NaN where there is none)."""
        if self._thread is None:
            return
        queue = self._queue
        queue.append(row)
        if len(queue) >= _FULL:
            self._full()

    def close(self) -> None:
        """Count what waits, write it, and end."""
        if self._thread is not None:
            self._ended = True
            self._wake.set()
            self._thread.join(10)
            self._thread = None

    def _full(self) -> None:
        if len(self._queue) >= _MOST:
            self.dropped += 1  # the oldest row gave way
        self._wake.set()

    def _run(self) -> None:
        written = datetime.now(UTC)
        while True:
            self._wake.wait(_SECONDS)
            self._wake.clear()
            now, ended = datetime.now(UTC), self._ended
            self._guarded(self._count, now)
            if ended or (now - written).total_seconds() >= _SECONDS:
                self._guarded(self._write, now)
                written = now
            if ended:
                return

    def _guarded(self, work: Callable[[datetime], None], now: datetime) -> None:
        """Work; what goes wrong is told once in the log and counted, and takes no answer from anybody."""
        try:
            work(now)
        except (PortfolioError, OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            self.failed += 1
            if self.failed == 1:
                _log.warning("profiles of %s: %s: %s", self.what, type(error).__name__, error)

    def _count(self, now: datetime) -> None:
        waiting = len(self._queue)
        by_model: dict[str, list[tuple[Model, Any, float]]] = {}
        for _ in range(waiting):
            row = self._queue.popleft()
            by_model.setdefault(row[0].version, []).append(row)
        for version, rows in by_model.items():
            reference = rows[0][0].reference
            if reference is not None:
                self._add(now, version, reference, rows)

    def _add(self, now: datetime, version: str, reference: Profile, rows: list[tuple[Model, Any, float]]) -> None:
        seen = self._rows([row[1] for row in rows], [row[2] for row in rows])
        if seen.score is None:
            reference = reference.without_score()
        subjects = np.array(seen.subjects, dtype=object)
        months = [now.strftime("%Y-%m")]
        counted = profile_like(reference, seen.columns, score=seen.score, subjects=subjects, months=months)
        hour, held = hour_of(now), self._hours.get(version)
        if held is not None and held[0] != hour:
            held[1].write(held[0], held[2])
            held = None
        if held is None:
            held = (hour, HourFolder(self._root, version, self.what), empty_like(reference))
        self._hours[version] = (hour, held[1], merge(held[2], counted))

    def _write(self, now: datetime) -> None:
        for version, (hour, folder, profile) in list(self._hours.items()):
            folder.write(hour, profile)
            if hour != hour_of(now):
                del self._hours[version]
            if self._pruned is None or self._pruned.date() != now.date():
                self._pruned = now
                folder.prune(now, self._keep_days)
