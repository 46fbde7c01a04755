"""Servers that are dead, hang, fail or are slow, and that count who connected to them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Literal

__all__ = ["AILMENTS", "AilingServer", "Ailment", "ailing_server"]

Ailment = Literal["dead", "hangs", "fails", "slow"]
AILMENTS: tuple[Ailment, ...] = ("dead", "hangs", "fails", "slow")

_LOOK_SECONDS = 0.05
_FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class AilingServer:
    """What `ailing_server` yields.

    Attributes
    ----------
    uri : str
    connections : int
        How many were opened so far.
    """

    def __init__(self, port: int) -> None:
        self.uri = f"http://127.0.0.1:{port}"
        self.connections = 0


@contextmanager
def ailing_server(ailment: Ailment, port: int = 0) -> Generator[AilingServer]:
    """Keep a server on a port of this machine for as long as the block runs.

    Parameters
    ----------
    ailment : str
        `dead`: nobody listens; `hangs`: takes a connection and says nothing; `fails`: answers 500; `slow`: answers so
        after a minute.
    port : int
        0: a free one.

    Examples
    --------
    >>> with ailing_server("hangs") as server, socket.create_connection(("127.0.0.1", int(server.uri[17:]))):
    ...     pass
    >>> server.connections
    1
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    server = AilingServer(listener.getsockname()[1])
    ended = threading.Event()
    if ailment == "dead":
        listener.close()
        yield server
        return
    listener.listen()
    thread = threading.Thread(target=_serve, args=(listener, server, ailment, ended), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        ended.set()
        thread.join(5)
        listener.close()


def _serve(listener: socket.socket, server: AilingServer, ailment: Ailment, ended: threading.Event) -> None:
    """Take connections, those that wait at the end among them."""
    held: list[socket.socket] = []
    listener.settimeout(_LOOK_SECONDS)
    while True:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            if ended.is_set():
                break
            continue
        held.append(connection)
        server.connections += 1
        if ailment == "slow":
            ended.wait(60)
        if ailment != "hangs":
            with suppress(OSError), connection:
                connection.sendall(_FAILED)
    for one in held:
        one.close()
