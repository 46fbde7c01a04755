"""Kill a real service over HTTP, its shipper and its database under load; compare what clients heard with the log.

Run it by `common_utils.testing.log_kills`, in a process without threads, because it forks. The listening socket
outlives the service, as it does behind a supervisor: clients wait in its queue for the next life, and a client whose
answer was under way asks again.
"""

from __future__ import annotations

import json
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.keys import KEYS_VARIABLE
from common_utils.decision_log.recorder import open_recorder
from common_utils.decision_log.shipper import Shipper
from common_utils.decision_log.store.store import open_store
from common_utils.testing.decisions.demo import demo_app
from common_utils.testing.decisions.processes import forked, forked_shipper, kill_now

__all__ = ["HttpKillStory", "http_kill_story"]

_CLIENTS = 3
_ASKED_AGAIN = 4  # each fourth order that was answered is asked once more, as if the answer had been lost
_ENVIRONMENT = {KEYS_VARIABLE: "k1:" + "1" * 64}


@dataclass(frozen=True)
class HttpKillStory:
    """What came of it.

    Attributes
    ----------
    killed : dict of str to int
        How often each was killed.
    acknowledged : int
        Event ids that a client received with 200.
    retried : int
        Requests that were sent again: the connection had ended, or the client only pretended not to have heard.
    unlogged : int
        Answers that said they were not logged.
    lost, doubled, conflicts, changed : int
        Acknowledged events that the log does not hold; entries of one event; answers that differ from the first of
        their event; orders whose event id was another one at a retry.
    """

    killed: dict[str, int]
    acknowledged: int
    retried: int
    unlogged: int
    lost: int
    doubled: int
    conflicts: int
    changed: int


def http_kill_story(
    folder: Path,
    url: str,
    *,
    kills: int,
    seed: int,
    app: Callable[[Path], FastAPI] | None = None,
    body: Callable[[int], dict[str, Any]] = lambda order: {"minutes": order % 900, "subject": f"S{order % 50}"},
    kill_database: Callable[[], None] | None = None,
    most_between: int = 40,
) -> HttpKillStory:
    """Serve, ask, ship and kill, then compare the clients' lists with the log.

    Parameters
    ----------
    folder : Path
        Empty; `journal` and a SQLite file go there.
    url : str
        As `decisions.url`.
    kills : int
        How many, in an order that `seed` draws.
    seed : int
    app : callable, optional
        From the folder to the service, whose `POST /predict` is asked and whose journal is `journal` in the folder; a
        small one unless it is given.
    body : callable
        From the number of an order to the body of its request.
    kill_database : callable, optional
        Kills the database and starts it again.
    most_between : int
        Answers that are heard between two kills, drawn from 1 to this.
    """
    rng = random.Random(seed)  # noqa: S311 - a seeded order of kills
    victims = ["service", "shipper"] if kill_database is None else ["service", "shipper", "database"]
    killed = Counter[str]()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        port = int(listening.getsockname()[1])
        served = (app or _demo)(folder)
        service, shipper = _forked_service(served, listening), forked_shipper(folder / "journal", folder, url)
        clients = [forked(lambda name=name: _ask(folder / f"heard-{name}", name, port, body)) for name in _names()]
        for _ in range(kills):
            _wait_for(folder, rng.randint(1, most_between))
            victim = rng.choice(victims)
            killed[victim] += 1
            if victim == "service":
                kill_now(service)
                service = _forked_service(served, listening)
            elif victim == "shipper":
                kill_now(shipper)
                shipper = forked_shipper(folder / "journal", folder, url)
            elif kill_database is not None:
                kill_database()
        for one in (*clients, service, shipper):
            kill_now(one)
    return _compared(folder, url, dict(killed))


def _demo(folder: Path) -> FastAPI:
    config = DecisionsConfig(journal=Path("journal"))
    return demo_app(lambda: open_recorder(config, "demo", folder, environ=_ENVIRONMENT))


def _names() -> list[str]:
    return [f"client{number}" for number in range(_CLIENTS)]


def _wait_for(folder: Path, answers: int, *, seconds: float = 20.0) -> None:
    """Wait until clients have heard so many more answers, however busy the machine is."""
    deadline, wanted = time.monotonic() + seconds, _heard(folder) + answers
    while _heard(folder) < wanted and time.monotonic() < deadline:
        time.sleep(0.002)


def _heard(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("heard-*"))


def _forked_service(app: FastAPI, listening: socket.socket) -> int:
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on")
    return forked(lambda: uvicorn.Server(config).run([listening]))


def _ask(path: Path, name: str, port: int, body: Callable[[int], dict[str, Any]]) -> None:
    """Ask order after order, each until it is answered, and write down what was heard: order, event or a dash."""
    with path.open("ab", buffering=0) as heard:
        connection = HTTPConnection("127.0.0.1", port, timeout=2)
        for order in range(10**9):
            key, text = f"{name}-{order}", json.dumps(body(order))
            wanted, tries = 2 if order % _ASKED_AGAIN == 0 else 1, 0
            while wanted:
                tries += 1
                with suppress(OSError, HTTPException):
                    connection.request(
                        "POST", "/predict", text, {"Content-Type": "application/json", "Idempotency-Key": key}
                    )
                    answer = connection.getresponse()
                    said = json.loads(answer.read())
                    if answer.status == 200:
                        heard.write(b"%d %d %s\n" % (order, tries, str(said.get("event_id") or "-").encode()))
                        wanted -= 1
                        continue
                connection.close()
                time.sleep(0.002)


def _compared(folder: Path, url: str, killed: dict[str, int]) -> HttpKillStory:
    acknowledged, unlogged, retried, changed = set[str](), 0, 0, 0
    for name in _names():
        events: dict[bytes, bytes] = {}
        for line in (folder / f"heard-{name}").read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                continue  # the client was killed as it wrote
            order, tries, event = line.split()
            retried += int(tries) > 1
            if event == b"-":
                unlogged += 1
                continue
            changed += events.setdefault(order, event) != event
            acknowledged.add(event.decode())
    with closing(open_store(url, folder)) as store:
        Shipper(folder / "journal", store).round()
        held = [one["event"] for one in store.decisions()]
        conflicts = store.count("conflicts")
    lost, doubled = len(acknowledged - set(held)), len(held) - len(set(held))
    return HttpKillStory(killed, len(acknowledged), retried, unlogged, lost, doubled, conflicts, changed)
