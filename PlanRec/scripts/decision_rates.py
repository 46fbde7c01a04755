"""How fast `/predict` is with the log against without it: the same service, the same requests, turn by turn.

A client of its own keeps a number of connections busy; figures are ratios within a turn, and the median of these.
"""

from __future__ import annotations

import json
import os
import random
import selectors
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from decision_service import Service

__all__ = ["Turn", "compared", "fsync_seconds", "requests"]

_PLANS = ("basic-6", "smart-12", "smart-25", "unlimited", "talk-800", "data-20", "prepaid-0")


@dataclass
class Turn:
    """What was seen of one service in one turn.

    Attributes
    ----------
    rate : float
        Answers a second.
    processor : float
        Seconds of the service's processor time an answer.
    waits : list of float
        Seconds from each request to its answer.
    """

    rate: float
    processor: float
    waits: list[float] = field(default_factory=list[float], repr=False)


def requests(count: int, plans: Sequence[str] = _PLANS, seed: int = 7) -> list[bytes]:
    """Return HTTP requests of `POST /predict` with one to six months, most about a subject."""
    draw = random.Random(seed)  # noqa: S311 - load, no secret
    made: list[bytes] = []
    for number in range(count):
        level = draw.lognormvariate(0, 0.7)
        usage = [
            {
                "month": f"2025-{10 - back:02d}",
                "minutes": round(300 * level * draw.uniform(0.5, 1.5)),
                "messages": draw.choice((0, draw.randrange(60))),
                "megabytes": round(9000 * level * draw.uniform(0.5, 1.5), 2),
            }
            for back in range(draw.choice((1, 3, 6, 6, 6)))
        ]
        body: dict[str, object] = {"usage": usage, "current_plan": draw.choice(plans), "age": draw.randrange(18, 90)}
        if draw.random() < 0.9:
            body["subject"] = f"S-{number:07d}"
        text = json.dumps(body, separators=(",", ":")).encode()
        head = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        head += b"Content-Length: %d\r\n\r\n"
        made.append(head % len(text) + text)
    return made


def compared(
    services: Sequence[Service], connections: int, *, turns: int, seconds: float, asked: Sequence[bytes]
) -> list[list[Turn]]:
    """Return the turns of each service; within a turn they follow each other, in an order that changes."""
    found: list[list[Turn]] = [[] for _ in services]
    for service in services:
        _turn(service, connections, seconds / 2, cycle(asked))
    for turn in range(turns):
        order = list(range(len(services)))
        for place in order if turn % 2 else reversed(order):
            found[place].append(_turn(services[place], connections, seconds, cycle(asked)))
    return found


def fsync_seconds(folder: Path, times: int = 60, size: int = 800) -> float:
    """Return the median time of one sync after an entry's bytes were written."""
    number = os.open(folder / "synced", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    waits: list[float] = []
    try:
        for _ in range(times):
            os.write(number, b"x" * size)
            began = time.perf_counter()
            os.fsync(number)
            waits.append(time.perf_counter() - began)
    finally:
        os.close(number)
    return statistics.median(waits)


def _turn(service: Service, connections: int, seconds: float, asked: Iterator[bytes]) -> Turn:
    before, began = _processor(service.pid), time.perf_counter()
    waits = _load(service.port, connections, seconds, asked)
    wall = time.perf_counter() - began
    return Turn(len(waits) / wall, (_processor(service.pid) - before) / max(1, len(waits)), waits)


def _load(port: int, connections: int, seconds: float, asked: Iterator[bytes]) -> list[float]:
    """Keep connections busy for a while, and return how long each answer took."""
    waits: list[float] = []
    with ExitStack() as stack, selectors.DefaultSelector() as ready:
        sent: dict[socket.socket, float] = {}
        for _ in range(connections):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ready.register(one, selectors.EVENT_READ)
            sent[one] = time.perf_counter()
            one.sendall(next(asked))
        end = time.perf_counter() + seconds
        while sent:
            for key, _ in ready.select(5):
                one: socket.socket = key.fileobj  # type: ignore[assignment]
                answer = one.recv(65536)
                if not answer.startswith(b"HTTP/1.1 200") or not answer.endswith(b"}"):
                    raise RuntimeError(f"not a whole answer: {answer[:80]!r}")
                now = time.perf_counter()
                waits.append(now - sent[one])
                if now < end:
                    sent[one] = now
                    one.sendall(next(asked))
                else:
                    ready.unregister(one)
                    del sent[one]
    return waits


def _processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
