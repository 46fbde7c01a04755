"""What `pool` starts: one process that loads everything once and becomes as many as it was given connections."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from common_utils.parts.packing import packed, unpacked

__all__ = ["main", "serve"]


def main(numbers: Sequence[int]) -> None:
    """Read the work from the first connection, and answer on all of them, each in a process of its own.

    Parameters
    ----------
    numbers : sequence of int
        Open sockets.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; its end is seen at the connections
    connections = [Connection(number) for number in numbers]
    work = unpacked(connections[0].recv_bytes())
    # No thread has been started so far, so that a copy of this process is whole; it loads nothing a second time.
    children = [pid for mine in connections[1:] if (pid := _copied(work, mine, connections))]
    for other in connections[1:]:
        other.close()
    serve(work, connections[0])
    for child in children:
        os.waitpid(child, 0)


def _copied(work: Callable[[Any], Any], mine: Connection, connections: Sequence[Connection]) -> int:
    pid = os.fork()
    if not pid:
        for other in connections:
            if other is not mine:
                other.close()
        serve(work, mine)
        os._exit(0)
    return pid


def serve(work: Callable[[Any], Any], connection: Connection) -> None:
    """Answer what comes until the other side closes; an error is an answer, too.

    Examples
    --------
    >>> from multiprocessing import Pipe
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


if __name__ == "__main__":
    main([int(number) for number in sys.argv[1:]])
