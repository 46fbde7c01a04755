"""Processes that answer blocks: answers come back in the order of the blocks, and few blocks are held at once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, TypeVar

from common_utils.errors import DataError
from common_utils.parts.packing import packed, unpacked

__all__ = ["answered_in_order"]

_Block = TypeVar("_Block")
_Answer = TypeVar("_Answer")

_AHEAD = 1  # blocks that wait beside those being answered, so that no process waits for the next to be read
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # the other cores have their own process


def answered_in_order(work: Callable[[_Block], _Answer], blocks: Iterable[_Block], workers: int) -> Generator[_Answer]:
    """Yield the answer of each block, in their order; the next block is read while others are answered.

    Parameters
    ----------
    work : callable
        With more than one worker it is sent to them, so it is made of plain values and functions of modules, and gives
        the same answer wherever it runs.
    blocks : iterable
        Read in this process.
    workers : int
        1: a thread of this process answers; more: so many processes.

    Raises
    ------
    DataError
        If a process ends before it has answered.

    Examples
    --------
    >>> list(answered_in_order(abs, [-3, -1, -2], 1)), list(answered_in_order(abs, [-3, -1, -2], 2))
    ([3, 1, 2], [3, 1, 2])
    """
    with ExitStack() as stack:
        ask = work if workers == 1 else stack.enter_context(_Processes(work, workers)).ask
        pool = stack.enter_context(ThreadPoolExecutor(workers))
        waiting: deque[Future[_Answer]] = deque()
        stack.callback(lambda: [one.cancel() for one in waiting])
        for block in blocks:
            waiting.append(pool.submit(ask, block))
            if len(waiting) > (1 if workers == 1 else workers + _AHEAD):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Processes:
    """So many processes, each at the other end of a connection; they end when their connection does."""

    def __init__(self, work: Callable[[Any], Any], count: int) -> None:
        self._free: SimpleQueue[Connection] = SimpleQueue()
        self._ours: list[Connection] = []
        theirs: list[int] = []
        for _ in range(count):
            ours, other = socket.socketpair()
            self._ours.append(Connection(ours.detach()))
            theirs.append(other.detach())
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
                [sys.executable, "-P", "-m", "common_utils.parts.worker", *map(str, theirs)],
                pass_fds=theirs,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **dict.fromkeys(_ONE_THREAD, "1"), "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        finally:
            for number in theirs:
                os.close(number)
        with suppress(OSError):  # it died at once; whoever asks says so
            self._ours[0].send_bytes(packed(work))
        for one in self._ours:
            self._free.put(one)

    def __enter__(self) -> _Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._ours:
            one.close()
        self._process.wait()

    def ask(self, block: Any) -> Any:
        """Return the answer of a process that is free to a block."""
        connection = self._free.get()
        try:
            connection.send_bytes(packed(block))
            answer = unpacked(connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise DataError(
                "a worker process ended before it had answered, most likely for lack of memory; nothing was written. "
                "Run again with fewer --workers."
            ) from error
        finally:
            self._free.put(connection)
        if isinstance(answer, BaseException):
            raise answer
        return answer
