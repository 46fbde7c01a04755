"""Entries that several test files write."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from common_utils.decision_log.batch import BatchEntry, LogOf
from common_utils.decision_log.journal.journal import Journal
from common_utils.decision_log.keys import Key, KeyRing
from common_utils.decision_log.kinds import DAY_MS
from common_utils.decision_log.recorder import Recorder

KEYS = KeyRing((Key("k1", b"1" * 32),))
START_MS = 1_760_000_000_000
BATCH = LogOf("predict", "choice", "v1", "2025-10")


def entries(count: int) -> Iterator[BatchEntry]:
    """Answers of a batch, each about somebody else."""
    return (BatchEntry(f"S{i}", b'{"prediction":"surf"}') for i in range(count))


def recorder(
    folder: Path,
    *,
    at_ms: int = START_MS,
    keys: KeyRing = KEYS,
    to_disk: bool = False,
    sync: Callable[[int], None] = os.fsync,
) -> Recorder:
    """A recorder whose clock stands still."""
    journal = Journal(folder, 1 << 24, to_disk=to_disk, sync=sync)
    return Recorder("demo", keys, journal, clock=lambda: at_ms * 1_000_000)


def decide(
    at: Recorder,
    name: str,
    subject: str | None = None,
    answer: bytes = b'{"prediction":"surf"}',
    **more: Any,
) -> str:
    """Log an answer, and return its event."""
    event = at.event("crm", name)
    fixed = at.fixed("/predict", more.pop("mode", "choice"), "v1")
    assert at.keep_now(at.line(fixed, event, answer=answer, asked=b"{}", subject=subject, **more))
    return event


def days(count: float) -> int:
    """A time so many days after the start, milliseconds."""
    return START_MS + int(count * DAY_MS)
