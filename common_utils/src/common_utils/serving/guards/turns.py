"""Large bodies are read, answered and written in a thread, one after the other, so that the event loop keeps its turn.

A thread alone does not keep `/health` waiting short: Python code and most of what it calls run one thread at a time.
One thread beside the loop costs it a switch interval; twelve cost it twelve. What holds the interpreter for longer
than an interval is a collection of all garbage, which walks through everything the service has imported: that is set
apart.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

__all__ = ["LARGE_BYTES", "Lane", "short_turns"]

Result = TypeVar("Result")

LARGE_BYTES = 1 << 15
"""Bodies above this many bytes, about thirty records of PlanRec, leave the event loop; what is below takes 2 ms."""

_AT_ONCE = 1  # a second thread would share the same interpreter, and the loop would wait for both
_SWITCH_SECONDS = 0.001  # a request needs the interpreter three or four times; Python's own interval is 5 ms


class Lane:
    """Runs work on large bodies in a thread, in the order in which it was asked for.

    Examples
    --------
    >>> import anyio
    >>> anyio.run(Lane().run, bytes.upper, b"body")
    b'BODY'
    """

    def __init__(self) -> None:
        self._limiter: CapacityLimiter | None = None

    async def run(self, work: Callable[[bytes], Result], body: bytes) -> Result:
        """Return what the work makes of a body; raises what it raises. While it waits it can be cancelled."""
        if self._limiter is None:  # belongs to the event loop
            self._limiter = CapacityLimiter(_AT_ONCE)
        return await to_thread.run_sync(work, body, limiter=self._limiter)


@contextmanager
def short_turns() -> Generator[None]:
    """Set garbage collection and thread switching so that an event loop seldom waits for other threads, until the end.

    What lives when it begins is set apart from later collections: begin when all is loaded.

    Examples
    --------
    >>> with short_turns():
    ...     gc.get_freeze_count() > 0, sys.getswitchinterval()
    (True, 0.001)
    >>> gc.get_freeze_count()
    0
    """
    interval = sys.getswitchinterval()
    gc.freeze()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.unfreeze()
