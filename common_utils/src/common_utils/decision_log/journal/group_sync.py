"""Sync files for all who wait, in groups: the next sync starts when the last one ends, with no timer between.

A thread of its own does it, started when somebody first waits; whoever writes in the same turn of the event loop goes
with the same sync. A sync that does not end in time lets everybody go with
"no", so that a hanging disk takes no answer away.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

__all__ = ["GroupSync"]

SYNC_SECONDS = 2.0
_SWITCH_SECONDS = 0.0005

_Waiter = asyncio.Future[bool]

logger = logging.getLogger(__name__)


class GroupSync:
    """Syncs descriptors that were written to.

    Parameters
    ----------
    sync : callable
        As `os.fsync`.
    seconds : float
        A sync that takes longer counts as failed for those who wait.
    """

    def __init__(self, sync: Callable[[int], None] = os.fsync, seconds: float = SYNC_SECONDS) -> None:
        self._sync = sync
        self._seconds = seconds
        self._changed = threading.Condition()
        self._numbers: set[int] = set()
        self._finished: list[int] = []
        self._waiting: list[_Waiter] = []
        self._blocked: list[Future[bool]] = []
        self._busy: list[_Waiter] = []
        self._began = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._beginning: asyncio.AbstractEventLoop | None = None
        self._interval = 0.0
        self._watching = False
        self._thread: threading.Thread | None = None
        self._stopped = False

    def changed(self, number: int) -> None:
        """Say that a descriptor was written to."""
        with self._changed:
            self._numbers.add(number)

    def finish(self, number: int) -> None:
        """Close a descriptor, after the sync that somebody may wait for."""
        with self._changed:
            if self._thread is None or self._stopped:
                self._numbers.discard(number)
                os.close(number)
                return
            self._finished.append(number)
            self._changed.notify()

    async def wait(self) -> bool:
        """Wait on the event loop until everything written before is on the disk."""
        loop = asyncio.get_running_loop()
        waiter: _Waiter = loop.create_future()
        with self._changed:
            self._loop = loop
            if self._is_stuck():
                return False
            self._waiting.append(waiter)
        if self._beginning is not loop:  # all that this turn of the loop still writes goes with the same sync
            self._beginning = loop
            loop.call_soon(self._begin)
        if not self._watching:
            self._watching = True
            loop.call_later(self._seconds, self._watch)
        return await waiter

    def wait_in_thread(self) -> bool:
        """Wait likewise, in a thread."""
        waiter: Future[bool] = Future()
        with self._changed:
            if self._is_stuck():
                return False
            self._blocked.append(waiter)
            self._wake()
        try:
            return waiter.result(self._seconds)
        except TimeoutError:
            return False

    def stop(self) -> None:
        """End the thread once nobody waits."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(self._seconds)
            sys.setswitchinterval(self._interval)

    def _begin(self) -> None:
        """On the event loop: let the next sync start, unless the last one ended meanwhile and took everybody along."""
        self._beginning = None
        with self._changed:
            if self._waiting:
                self._wake()

    def _wake(self) -> None:
        if self._thread is None:
            # Else the thread that synced waits up to 5 ms for a busy event loop before it can say so.
            self._interval = sys.getswitchinterval()
            sys.setswitchinterval(min(self._interval, _SWITCH_SECONDS))
            self._thread = threading.Thread(target=self._run, name="decision-sync", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _is_stuck(self) -> bool:
        return bool(self._began) and time.monotonic() - self._began > self._seconds

    def _watch(self) -> None:
        """On the event loop: let everybody go where a sync hangs, and look again while somebody waits."""
        with self._changed:
            late = [*self._busy, *self._waiting] if self._is_stuck() else []
            if late:
                self._waiting = []
            self._watching = bool(self._waiting or self._busy) and not late
        _answer(late, safe=False)
        if self._watching and self._loop is not None:
            self._loop.call_later(self._seconds, self._watch)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting or self._blocked or self._finished or self._stopped):
                    self._changed.wait()
                if self._stopped and not (self._waiting or self._blocked or self._finished):
                    return
                self._busy, self._waiting = self._waiting, []
                blocked, self._blocked = self._blocked, []
                finished, self._finished = self._finished, []
                numbers, self._numbers = self._numbers, set()
                self._began = time.monotonic()
            safe = self._sync_all(numbers)
            for number in finished:
                os.close(number)
            with self._changed:
                if not safe:
                    self._numbers |= numbers.difference(finished)  # they are still to be synced
                self._began = 0.0
                done, self._busy = self._busy, []
            for one in blocked:
                if one.set_running_or_notify_cancel():
                    one.set_result(safe)
            if done and self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(lambda waiters=done, ok=safe: _answer(waiters, safe=ok))

    def _sync_all(self, numbers: set[int]) -> bool:
        try:
            for number in numbers:
                self._sync(number)
        except OSError as error:
            logger.error("decision journal: a sync failed (%s); answers go on unlogged", type(error).__name__)
            return False
        return True


def _answer(waiters: list[_Waiter], *, safe: bool) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(safe)
