"""Processes that are forked to be killed: a hundred times quicker than a start, and not for a process with threads."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from common_utils.decision_log.shipper import follow
from common_utils.decision_log.store.store import open_store

__all__ = ["forked", "forked_shipper", "kill_now"]


def forked(work: Callable[[], None], *, close: Sequence[int] = ()) -> int:
    """Return the id of a process that does some work and ends.

    Parameters
    ----------
    work : callable
    close : sequence of int
        Descriptors of the parent that are not for the new process.
    """
    sys.stdout.flush()
    number = os.fork()
    if number:
        return number
    code = 1
    try:
        for one in close:
            os.close(one)
        work()
        code = 0
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        os._exit(code)


def forked_shipper(journal: Path, folder: Path, url: str) -> int:
    """Return the id of a process that loads a journal into a store until it is killed."""
    return forked(
        lambda: follow(journal, lambda: open_store(url, folder), lambda _: None, seconds=0.005, until=lambda: False)
    )


def kill_now(number: int) -> None:
    """Kill a process at once, and wait until it is gone."""
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)
