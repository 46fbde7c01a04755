"""The local journal a service appends to before an answer leaves: bounded, whole lines only, and never in the way.

`append` hands lines to the kernel in one write, which survives the death of every process. `synced` waits until they
are on the disk, too. Whatever fails here, the caller is told and goes on; nothing is raised.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal, get_args

from common_utils.decision_log.journal.group_sync import GroupSync
from common_utils.decision_log.journal.segments import create_segment, folder_bytes

__all__ = ["Journal", "Reason"]

Reason = Literal["full", "unwritable", "slow", "no_keys"]
"""Why an answer went out unlogged: the bound, the disk, a sync that did not end in time, or keys that cannot be had."""

_REASONS: tuple[Reason, ...] = get_args(Reason)
_SEGMENT_BYTES = 4 << 20
_SEGMENT_SECONDS = 60.0
_RETRY_SECONDS = 1.0

logger = logging.getLogger(__name__)


class Journal:
    r"""Appends lines to segments of its own in a folder that other processes may use as well.

    Parameters
    ----------
    folder : Path
        Made when the first line is written.
    most_bytes : int
        All segments of the folder together; several processes may go beyond by a segment each.
    write : callable
        As `os.write`; a test passes a disk that is full.
    to_disk : bool
        Whether `synced` waits for the disk; else it answers at once.
    sync : callable
        As `os.fsync`.
    clock : callable
        Seconds that only grow.
    refuse : Reason, optional
        Why this journal takes nothing at all.

    Examples
    --------
    >>> import tempfile
    >>> from common_utils.decision_log.journal.segments import segments
    >>> journal = Journal(Path(tempfile.mkdtemp()), 1 << 20)
    >>> journal.append(b"line\n"), [segment.path.read_bytes() for segment in segments(journal.folder)]
    (True, [b'line\n'])
    >>> journal.close()
    """

    def __init__(
        self,
        folder: Path,
        most_bytes: int,
        *,
        to_disk: bool = False,
        write: Callable[[int, bytes], int] = os.write,
        sync: Callable[[int], None] = os.fsync,
        clock: Callable[[], float] = time.monotonic,
        refuse: Reason | None = None,
    ) -> None:
        self._refuse: Reason | None = refuse
        self.folder = folder
        self.to_disk = to_disk
        self._most = most_bytes
        self._segment_bytes = max(1, min(_SEGMENT_BYTES, most_bytes // 8))
        self._write = write
        self._clock = clock
        self._lock = threading.Lock()
        self._number: int | None = None
        self._path: Path | None = None
        self._size = 0
        self._until = 0.0
        self._room = self._left = self._granted = 0
        self._look_again = 0.0
        self._why: Reason = "unwritable"
        self._unlogged: Counter[Reason] = Counter()
        self._syncer = GroupSync(sync) if to_disk else None

    @property
    def bytes_held(self) -> int:
        """How many bytes wait for the shipper; 0 where the folder cannot be read."""
        try:
            return folder_bytes(self.folder)
        except OSError:
            return 0

    @property
    def unlogged(self) -> Mapping[Reason, int]:
        """How many lines were not taken, by reason; reasons that did not occur are there with 0.

        A counter that is first seen at 1 has not increased for whoever watches it.
        """
        return {reason: self._unlogged[reason] for reason in _REASONS}

    def append(self, lines: bytes, count: int = 1) -> bool:
        """Hand whole lines to the kernel in one write; say whether it took all of them. From any thread.

        Parameters
        ----------
        lines : bytes
            One line or more, each with its end.
        count : int
            How many.
        """
        # For nearly every answer all of it is here: between other work each further call counts.
        size, reason = len(lines), None
        with self._lock:
            if size > self._left or self._number is None or self._clock() > self._until:
                reason = self._made_ready(size)
            number = self._number
            if reason is None and number is not None:
                try:
                    written = self._write(number, lines)
                except OSError:
                    written = 0
                if written == size:
                    self._left -= size
                    if self._syncer is not None:
                        self._syncer.changed(number)
                    return True
                if written:
                    self._take_back(number)
            self._unlogged[reason or "unwritable"] += count
            return False

    async def synced(self, count: int = 1) -> bool:
        """Wait until all that was appended before is on the disk; False where that fails or takes too long."""
        return self._syncer is None or self._counted(await self._syncer.wait(), count)

    def synced_now(self, count: int = 1) -> bool:
        """Wait likewise, in a thread."""
        return self._syncer is None or self._counted(self._syncer.wait_in_thread(), count)

    def close(self) -> None:
        """End the segment; what is in it stays."""
        with self._lock:
            self._end_segment()
        if self._syncer is not None:
            self._syncer.stop()

    def _made_ready(self, size: int) -> Reason | None:
        """See to a segment that takes so many bytes; say why where there is none."""
        if self._refuse is not None:
            return self._refuse
        self._settle()
        now = self._clock()
        if now < self._look_again and (size > self._room or self._number is None):
            return self._why
        reason = self._make_room(size) if size > self._room else None
        if reason is None and (self._number is None or self._size + size > self._segment_bytes or now > self._until):
            reason = self._new_segment(size, now)
        if reason is not None or self._number is None:
            self._look_again, self._why = now + _RETRY_SECONDS, reason or "unwritable"
            return self._why
        self._granted = self._left = min(self._room, self._segment_bytes - self._size)
        return None

    def _settle(self) -> None:
        """Work in what was written since room was granted; one number is counted down with every line."""
        used, self._granted = self._granted - self._left, self._left
        self._size += used
        self._room -= used

    def _take_back(self, number: int) -> None:
        """Cut half a line off again; where that fails, its segment is left, and nobody reads the half."""
        self._settle()
        try:
            os.ftruncate(number, self._size)
        except OSError:
            self._end_segment()

    def _make_room(self, size: int) -> Reason | None:
        """Look at the folder again: a shipper may have made room."""
        try:
            self._room = self._most - folder_bytes(self.folder)
        except FileNotFoundError:
            self._room = self._most
        except OSError:
            return "unwritable"
        return None if self._room >= size else "full"

    def _new_segment(self, size: int, now: float) -> Reason | None:
        self._end_segment()
        reason = self._make_room(size)
        if reason is not None:
            return reason
        try:
            self._number, self._path = create_segment(self.folder)
        except OSError as error:
            logger.error("decision journal: no segment can be made (%s); answers go on unlogged", type(error).__name__)
            return "unwritable"
        self._size = 0
        self._until = now + _SEGMENT_SECONDS
        return None

    def _end_segment(self) -> None:
        if self._number is None:
            return
        self._settle()
        number, self._number = self._number, None
        if self._syncer is None:
            os.close(number)
        else:
            self._syncer.finish(number)
        if not self._size and self._path is not None:
            with suppress(OSError):
                self._path.unlink()

    def _counted(self, safe: bool, count: int) -> bool:  # noqa: FBT001 - what a sync came to
        if not safe:
            with self._lock:
                self._unlogged["slow"] += count
                self._until = 0.0  # a disk that failed once may say later that all is well: what follows goes elsewhere
        return safe
