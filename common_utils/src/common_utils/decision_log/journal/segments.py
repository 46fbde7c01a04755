"""The files of a journal: who writes them, what can be read of them, what may be deleted or erased.

A segment belongs to one process, which holds its lock while it writes. The kernel drops the lock when the process ends,
however it ends, so a segment whose lock can be had will never grow.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from common_utils.bundle.durable import exclusive
from common_utils.decision_log.journal.lines import Decision, OutcomeLine, parse_line
from common_utils.errors import ConfigError

__all__ = [
    "BATCH_FOLDER",
    "SUFFIX",
    "JournalSegment",
    "SegmentPart",
    "create_segment",
    "erase",
    "folder_bytes",
    "kept_still",
    "segments",
]

SUFFIX = ".journal"
_LOCK = "ship.lock"
BATCH_FOLDER = "batch"
"""Entries of batch commands lie apart: a file of a million rows must not take the service's room."""


@contextmanager
def kept_still(folder: Path) -> Generator[None]:
    """Keep others who ship, erase or look from a journal while the block runs; its writers go on.

    Raises
    ------
    ConfigError
        If the folder cannot be made or its lock cannot be had.
    """
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            held.enter_context(exclusive(folder / _LOCK))
        except OSError as error:
            raise ConfigError(
                f"decisions.journal: {folder} cannot be used ({error.strerror}); name a folder this user may write."
            ) from error
        yield


def create_segment(folder: Path) -> tuple[int, Path]:
    """Return the descriptor and path of a new segment that this process alone writes.

    It is locked before it has its name: nobody can take it for one whose writer is gone.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
    temporary = folder / f".{name}"
    number = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        temporary.rename(folder / name)
    except OSError:
        os.close(number)
        temporary.unlink(missing_ok=True)
        raise
    return number, folder / name


def segments(folder: Path) -> list[JournalSegment]:
    """Return the segments of a journal, the oldest first; none where there is no journal."""
    found = [*folder.glob(f"*{SUFFIX}"), *(folder / BATCH_FOLDER).glob(f"*{SUFFIX}")]
    return [JournalSegment(path) for path in sorted(path for path in found if not path.name.startswith("."))]


def folder_bytes(folder: Path) -> int:
    """Return how many bytes the segments of a folder take; those of batch commands do not count."""
    total = 0
    with os.scandir(folder) as listed:
        for one in listed:
            with suppress(FileNotFoundError):  # shipped a moment ago
                total += one.stat().st_size if one.name.endswith(SUFFIX) else 0
    return total


@dataclass
class SegmentPart:
    """What was read of a segment, for the one who counts.

    Attributes
    ----------
    offset : int
        Behind the last whole line.
    damaged : int
        Whole lines that could not be read.
    """

    offset: int = 0
    damaged: int = 0
    entries: list[Decision | OutcomeLine] = field(default_factory=list[Decision | OutcomeLine])


@dataclass(frozen=True)
class JournalSegment:
    """One file of a journal."""

    path: Path

    def read(self, offset: int = 0, most: int = 5000) -> Iterator[SegmentPart]:
        """Yield whole lines from an offset on, at most so many at once; half a line at the end is left."""
        with self.path.open("rb") as file:
            file.seek(offset)
            part = SegmentPart(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                part.offset += len(line)
                entry = parse_line(line) if line.strip() else None
                if entry is not None:
                    part.entries.append(entry)
                elif line.strip():
                    part.damaged += 1
                if len(part.entries) >= most:
                    yield part
                    part = SegmentPart(part.offset)
            if part.entries or part.damaged or part.offset > offset:
                yield part

    @contextmanager
    def finished(self) -> Generator[bool]:
        """Say whether the writer is gone or has moved on; while the block runs, nobody takes the segment."""
        with self.path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def erase(self, unwanted: Callable[[Decision | OutcomeLine], bool]) -> int:
        """Overwrite the lines of unwanted entries in place with spaces, and return how many there were.

        A writer only appends behind them, so it may go on meanwhile.
        """
        erased, at = 0, 0
        with self.path.open("r+b") as file:
            lines = iter(file.readline, b"")
            for line in lines:
                entry = parse_line(line) if line.endswith(b"\n") and line.strip() else None
                if entry is not None and unwanted(entry):
                    os.pwrite(file.fileno(), b" " * (len(line) - 1) + b"\n", at)
                    erased += 1
                at += len(line)
            if erased:
                os.fsync(file.fileno())
        return erased


def erase(folder: Path, unwanted: Callable[[Decision | OutcomeLine], bool]) -> int:
    """Erase the unwanted entries of every segment of a journal, and return how many there were."""
    return sum(segment.erase(unwanted) for segment in segments(folder))
