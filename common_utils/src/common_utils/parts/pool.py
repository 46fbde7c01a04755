"""Processes that answer blocks: answers come back in the order of the blocks, and few blocks are held at once."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, NoReturn, TypeVar

import pyarrow as pa

from common_utils.errors import DataError
from common_utils.parts.packing import packed, unpacked

__all__ = ["answered_in_order", "serve"]

_Block = TypeVar("_Block")
_Answer = TypeVar("_Answer")

_PARENT_DEATH = 1  # PR_SET_PDEATHSIG of Linux
_AHEAD = 1  # blocks that wait beside those being answered, so that no process waits for the next to be read
_ENDED = (
    "a worker process ended before it had answered: it was killed, or memory ran out. The output is not complete: run "
    "again, with fewer --workers if memory is short; a folder of parts goes on where it stopped."
)
_NOT_STARTED = "{count} worker processes cannot be started ({why}): run again with fewer --workers."


def answered_in_order(
    work: Callable[[_Block], _Answer], blocks: Iterable[_Block], workers: int, *, ended: str = _ENDED
) -> Generator[_Answer]:
    """Yield the answer of each block, in their order; the next block is read while others are answered.

    Parameters
    ----------
    work : callable
        Pure: it gives the same answer wherever it runs.
    blocks : iterable
        Read in this process.
    workers : int
        1: a thread of this process answers; more: so many processes.
    ended : str
        What to say where a process ends before it has answered.

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
        ask = work if workers == 1 else stack.enter_context(_Processes(work, workers, ended)).ask
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
    """So many processes, each at the other end of a connection; they end when their connection does.

    They are copies of this one, which has read bundle and rate card already and starts no thread before: they begin at
    once, and share its memory.
    """

    def __init__(self, work: Callable[[Any], Any], count: int, ended: str) -> None:
        self._ended = ended
        self._free: SimpleQueue[Connection] = SimpleQueue()
        self._ours: list[Connection] = []
        self._children: list[int] = []
        parent = os.getpid()
        gc.collect()
        gc.freeze()  # what is shared stays shared: the collector would write to every object
        try:
            for _ in range(count):
                ours, theirs = Pipe()
                self._ours.append(ours)
                child = os.fork()
                if not child:
                    _answer_for_good(work, theirs, self._ours, parent)
                theirs.close()
                self._children.append(child)
        except OSError as error:  # no memory, or no further process
            self._end()
            raise DataError(_NOT_STARTED.format(count=count, why=error.strerror or error)) from error
        finally:
            gc.unfreeze()
        for one in self._ours:
            self._free.put(one)

    def __enter__(self) -> _Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, block: Any) -> Any:
        """Return the answer of a process that is free to a block."""
        connection = self._free.get()
        try:
            connection.send_bytes(packed(block))
            answer = unpacked(connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise DataError(self._ended) from error
        finally:
            self._free.put(connection)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _end(self) -> None:
        for one in self._ours:
            one.close()
        for child in self._children:
            with suppress(ChildProcessError):  # whoever started this process lets the kernel wait for children
                os.waitpid(child, 0)


def _answer_for_good(
    work: Callable[[Any], Any], mine: Connection, others: Sequence[Connection], parent: int
) -> NoReturn:  # pragma: no cover - another process
    """Answer until the other side closes, and end without what this process would do at its end."""
    try:
        # Dies with the parent, however that dies: it holds copies of its files and locks, which the next run waits for.
        ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)  # it died just before
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; its end is seen at the connection
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for other in others:
            other.close()
        pa.set_cpu_count(1)  # the other cores have their own process
        serve(work, mine)
    finally:
        os._exit(0)


def serve(work: Callable[[Any], Any], connection: Connection) -> None:
    """Answer what comes until the other side closes; an error is an answer, too.

    Examples
    --------
    >>> ours, theirs = Pipe()
    >>> for block in ([3, 1], 7):
    ...     ours.send_bytes(packed(block))
    >>> ours.send_bytes(b"")
    >>> serve(sorted, theirs)
    >>> unpacked(ours.recv_bytes()), unpacked(ours.recv_bytes())
    ([1, 3], TypeError("'int' object is not iterable"))
    """
    while True:
        try:
            block = connection.recv_bytes()
        except (EOFError, ConnectionResetError):
            return
        if not block:
            return
        try:
            answer: object = work(unpacked(block))
        except Exception as error:  # told to the other side, which raises it
            answer = error
        try:
            connection.send_bytes(packed(answer))
        except (BrokenPipeError, ConnectionResetError):
            return
