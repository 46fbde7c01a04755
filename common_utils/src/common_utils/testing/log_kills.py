"""Kill the writer, the shipper and the database of a decision log in drawn orders, and see that nothing is lost.

`python -m common_utils.testing.log_kills FOLDER KILLS SEED sqlite|postgresql` prints what came of it as JSON. It is a
process of its own, because it forks: that is a hundred times quicker than a start, and wants no threads.
"""

from __future__ import annotations

import json
import os
import random
import select
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from common_utils.decision_log.journal.journal import Journal
from common_utils.decision_log.keys import Key, KeyRing
from common_utils.decision_log.recorder import Recorder
from common_utils.decision_log.shipper import Shipper
from common_utils.decision_log.store.store import open_store
from common_utils.testing.decisions.http_kills import http_kill_story
from common_utils.testing.decisions.processes import forked, forked_shipper, kill_now
from common_utils.testing.postgres import postgres_server

__all__ = ["KillStory", "kill_story", "whole_story"]

_ANSWER = b'{"prediction":"surf","probabilities":{"surf":0.75,"smart":0.25},"model_version":"v1"}'
_ID = 32
_OVER_HTTP = 4  # each fourth kill
_RETRIED = 4  # each fourth answer is sent twice, as a client does that did not hear it


@dataclass(frozen=True)
class KillStory:
    """What came of it.

    Attributes
    ----------
    killed : dict of str to int
        How often each was killed.
    acknowledged : int
        Answers whose event id the client received.
    lost, doubled, conflicts : int
        Of these, which the log does not hold; entries of one event; answers, or over HTTP event ids, that differ from
        the first of their event.
    """

    killed: dict[str, int]
    acknowledged: int
    lost: int
    doubled: int
    conflicts: int


def kill_story(
    folder: Path,
    url: str,
    *,
    kills: int,
    seed: int,
    kill_database: Callable[[], None] | None = None,
    to_disk: bool = False,
) -> KillStory:
    """Write, ship and kill, then compare the client's list with the log.

    Parameters
    ----------
    folder : Path
        Empty; the journal and a SQLite file go there.
    url : str
        As `decisions.url`.
    kills : int
        How many, in an order that `seed` draws.
    seed : int
    kill_database : callable, optional
        Kills the database and starts it again.
    to_disk : bool
        Whether each answer waits for the disk.
    """
    rng = random.Random(seed)  # noqa: S311 - a seeded order of kills
    journal = folder / "journal"
    victims = ["writer", "shipper"] if kill_database is None else ["writer", "shipper", "database"]
    killed, heard = Counter[str](), set[str]()
    writer, shipper, lives = _Writer(journal, 0, to_disk), forked_shipper(journal, folder, url), 0
    for _ in range(kills):
        heard |= writer.hear(rng.randrange(1, 40))
        victim = rng.choice(victims)
        killed[victim] += 1
        if victim == "writer":
            lives += 1
            heard |= writer.kill()
            writer = _Writer(journal, lives, to_disk)
        elif victim == "shipper":
            kill_now(shipper)
            shipper = forked_shipper(journal, folder, url)
        elif kill_database is not None:
            kill_database()
    heard |= writer.kill()
    kill_now(shipper)
    with closing(open_store(url, folder)) as store:
        Shipper(journal, store).round()
        held = [one["event"] for one in store.decisions()]
        conflicts = store.count("conflicts")
    lost, doubled = len(heard - set(held)), len(held) - len(set(held))
    return KillStory(dict(killed), len(heard), lost, doubled, conflicts)


class _Writer:
    """A process that answers; its pipe is the client."""

    def __init__(self, journal: Path, life: int, to_disk: bool) -> None:  # noqa: FBT001
        reads, writes = os.pipe()
        self.number = forked(lambda: _answer(journal, life, writes, to_disk=to_disk), close=(reads,))
        os.close(writes)
        self._reads = reads
        self._rest = b""

    def hear(self, count: int, *, seconds: float = 20.0) -> set[str]:
        """Return event ids of at least so many answers."""
        deadline = time.monotonic() + seconds
        while self._rest.count(b"\n") < count and time.monotonic() < deadline:
            if select.select([self._reads], [], [], 0.1)[0]:
                self._rest += os.read(self._reads, 1 << 16)
        return self._taken()

    def kill(self) -> set[str]:
        """Kill it, and return what its client still received."""
        kill_now(self.number)
        while part := os.read(self._reads, 1 << 16):
            self._rest += part
        os.close(self._reads)
        return self._taken()

    def _taken(self) -> set[str]:
        whole, _, self._rest = self._rest.rpartition(b"\n")
        return {line.decode() for line in whole.split(b"\n") if len(line) == _ID}


def _answer(journal: Path, life: int, pipe: int, *, to_disk: bool) -> None:
    log = Recorder("demo", KeyRing((Key("k1", b"1" * 32),)), Journal(journal, 1 << 30, to_disk=to_disk))
    fixed = log.fixed("/predict", "choice", "v1")
    for place in range(10**9):
        asked = place - place % _RETRIED // (_RETRIED - 1)
        event = log.event("crm", f"{life}-{asked}")
        line = log.line(fixed, event, answer=_ANSWER, asked=b"{}", subject=f"S{asked % 50}")
        if log.keep_now(line):
            os.write(pipe, event.encode() + b"\n")


def whole_story(folder: Path, kind: str, *, kills: int, seed: int) -> KillStory:
    """Kill so many times, a quarter of it with a real service over HTTP, and return what came of it all.

    Parameters
    ----------
    folder : Path
        Empty.
    kind : {"sqlite", "postgresql"}
    kills, seed : int
    """
    over_http = kills // _OVER_HTTP
    for part in ("pipe", "http"):
        (folder / part).mkdir()

    def both(url: Callable[[str], str], kill_database: Callable[[], None] | None) -> KillStory:
        piped = kill_story(
            folder / "pipe", url("pipe"), kills=kills - over_http, seed=seed, kill_database=kill_database
        )
        asked = http_kill_story(folder / "http", url("http"), kills=over_http, seed=seed, kill_database=kill_database)
        return KillStory(
            dict(Counter(piped.killed) + Counter(asked.killed)),
            piped.acknowledged + asked.acknowledged,
            piped.lost + asked.lost,
            piped.doubled + asked.doubled,
            piped.conflicts + asked.conflicts + asked.changed,
        )

    if kind == "sqlite":
        return both(lambda _: "sqlite:///log.db", None)
    with postgres_server() as server:
        return both(server.of, server.kill)


def main() -> int:
    """Print a story as JSON; leave with 1 where something was lost, doubled or in conflict."""
    folder, kills, seed, kind = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    story = whole_story(folder, kind, kills=kills, seed=seed)
    sys.stdout.write(json.dumps(asdict(story)) + "\n")
    return int(bool(story.lost or story.doubled or story.conflicts))


if __name__ == "__main__":
    raise SystemExit(main())
