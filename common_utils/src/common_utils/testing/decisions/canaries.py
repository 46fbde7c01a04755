"""Values that must be found nowhere: they go through a service and its log, and each place is searched for them.

A canary is text with a stem, or a number whose digits hold one, so that one search finds whichever got through.
"""

from __future__ import annotations

import io
import logging
import random
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI
from fastapi.testclient import TestClient

from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.desk import Desk
from common_utils.decision_log.exports import read_export
from common_utils.decision_log.recorder import Recorder, open_recorder

__all__ = ["Canaries", "CanaryReport", "CanaryRequest", "canary_story", "found_canaries", "found_in_log"]

_STEM, _DIGITS = "cAnArY", ".713092746"  # long enough never to stand in a digest by chance
_TABLES = ("decisions", "conflicts", "outcomes", "waiting", "erased", "objections", "audit", "facts")
_BY = {"who": "canary check", "why": "nothing may be found"}


class Canaries:
    """Makes canaries, each another one; the same seed makes the same.

    Examples
    --------
    >>> canaries = Canaries(15)
    >>> canaries.text()[:6], 300 <= canaries.number(300) < 301
    ('cAnArY', True)
    >>> found_canaries(f"a file with {canaries.number(20)!r}".encode())
    1
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self.made = 0

    def text(self) -> str:
        """Return a text of 22 letters and digits, such as the name of a subject."""
        self.made += 1
        return f"{_STEM}{self._random.getrandbits(64):016x}"

    def number(self, whole: int) -> float:
        """Return a number a little above a whole one below 10,000, such as minutes of a month."""
        self.made += 1
        return float(f"{whole}{_DIGITS}{self._random.randrange(1, 1000):03d}")


def found_canaries(content: bytes) -> int:
    """Return how many canaries stand in some bytes, whichever they are."""
    return content.count(_STEM.encode()) + content.count(_DIGITS.encode())


@dataclass(frozen=True, slots=True)
class CanaryRequest:
    """A request that holds canaries.

    Attributes
    ----------
    path : str
        As `/predict`; `/outcomes` after all the others.
    body : mapping
        JSON.
    key : str
        Of the header Idempotency-Key; a canary as well.
    status : int
        What it must be answered with: bodies that are refused must be found nowhere either.
    """

    path: str
    body: Mapping[str, Any]
    key: str = ""
    status: int = 200


@dataclass(frozen=True)
class CanaryReport:
    """How many requests were sent, entries are in the store, and canaries were found, by place: 0 is the promise."""

    requests: int
    entries: int
    found: Mapping[str, int]


class OpenApp(Protocol):
    """Makes a service with a log of its own, such as a project's `create_app` whose model is given."""

    def __call__(self, open_log: Callable[[], Recorder | None]) -> FastAPI:
        """Return the service."""
        ...


def canary_story(
    app: OpenApp,
    project: str,
    requests: Iterable[CanaryRequest],
    folder: Path,
    *,
    url: str = "sqlite:///log.db",
    dump: Callable[[], bytes] = bytes,
) -> CanaryReport:
    """Send requests, ship, export, show statistics and audit, and search all that was written.

    Parameters
    ----------
    app : callable
        From what opens the log to the service.
    project : str
        Name of the package.
    requests : iterable of CanaryRequest
    folder : Path
        Empty; journal, keys, SQLite file and exports go there, and each file of it is searched.
    url : str
        As `decisions.url`.
    dump : callable
        Returns what a database that is no file here holds.

    Returns
    -------
    CanaryReport

    Raises
    ------
    AssertionError
        If a request is answered with another status than it says.
    """
    config = DecisionsConfig(journal=Path("journal"), url=url)
    desk = Desk(config, project, folder)
    sent, found = 0, dict[str, int](answers=0)
    with _logged() as logs, TestClient(app(lambda: open_recorder(config, project, folder, environ={}))) as client:
        for one in requests:
            headers = {"Idempotency-Key": one.key} if one.key else {}
            answer = client.post(one.path, json=dict(one.body), headers=headers)
            if answer.status_code != one.status:
                raise AssertionError(f"{one.path}: {answer.status_code} and not {one.status}: {answer.text[:300]}")
            found["answers"] += found_canaries(answer.content + repr(answer.headers).encode())
            sent += 1
        found["metrics"] = found_canaries(client.get("/metrics").content)
    found |= found_in_log(desk)
    found["database"] += found_canaries(dump())
    found["logs"] = found_canaries(logs.getvalue().encode())
    with closing(desk.open_store()) as store:
        return CanaryReport(sent, store.count("decisions"), found)


def found_in_log(desk: Desk, without: Collection[Path] = ()) -> dict[str, int]:
    """Ship, export and show all that a log holds; return how many canaries were found, by place.

    Parameters
    ----------
    desk : Desk
        Each file of its folder is searched.
    without : collection of Path
        Folders of what a caller sent and got back, which is theirs.
    """
    found = {"journal": sum(found_canaries(content) for content in _files(desk.journal))}
    desk.ship()
    everything = desk.selection(None, None)
    for ending in ("csv", "json", "parquet"):
        desk.export(everything, desk.folder / f"export.{ending}", **_BY)
    exports = desk.folder.glob("export.*")
    found["exports"] = sum(found_canaries(repr(read_export(path)).encode()) for path in exports)
    found["views"] = found_canaries(repr([*desk.query(everything, 1000), desk.stats(), *desk.audit()]).encode())
    with closing(desk.open_store()) as store:
        rows = (row for table in _TABLES for row in store.database.rows(f"SELECT * FROM {table}"))  # noqa: S608 - ours
        found["database"] = sum(found_canaries(repr(tuple(row)).encode()) for row in rows)
    found["database"] += sum(found_canaries(content) for content in _files(desk.folder, without))
    return found


def _files(folder: Path, without: Collection[Path] = ()) -> Iterator[bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and not set(without) & set(path.parents))
    return (path.read_bytes() for path in files)


@contextmanager
def _logged() -> Generator[io.StringIO]:
    """Keep what every logger says meanwhile, at every level."""
    kept, root = io.StringIO(), logging.getLogger()
    handler, before = logging.StreamHandler(kept), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield kept
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
