"""Values that must turn up nowhere, in thousands of requests and of file rows, and a search of all that is kept."""

from __future__ import annotations

import http.client
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from decision_service import PROJECT, Service, asked, command

from common_utils.decision_log.desk import Desk
from common_utils.decision_log.exports import read_export

__all__ = ["CANARY", "Found", "search", "told_by_files", "told_by_requests"]

CANARY = re.compile(rb"canary|(?<![0-9a-f])(?:31313|929292|7171717)(?![0-9a-f])")
"""Names and amounts of usage; amounts as they came or rounded, and not as part of a keyed digest."""

_MINUTES, _MESSAGES, _MEGABYTES = 31313.31313, 929292, 7171717.17171
_MONTHS = 4
_PLANS = ("basic-6", "smart-12", "smart-25", "unlimited")
_TABLES = ("decisions", "conflicts", "outcomes", "waiting", "erased", "objections", "audit", "facts")
_BY = {"who": "check", "why": "search"}


@dataclass(frozen=True)
class Found:
    """How many bytes were searched, and how many values were found, by place."""

    searched: int
    places: dict[str, int]

    @property
    def total(self) -> int:
        """Values found anywhere."""
        return sum(self.places.values())


def _usage(number: int) -> Iterator[tuple[str, float, float, float]]:
    yield "2025-07", _MINUTES, _MESSAGES, _MEGABYTES
    for month in (8, 9, 10):  # ordinary ones: a file of slips alone is refused
        yield f"2025-{month:02d}", 10 + (number + month) % 700, number % 90, 1000 + number * month % 40_000


def told_by_requests(service: Service, count: int) -> int:
    """Send requests with such values by each route; return how many answers there were, each with its entry."""
    answered = 0
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    for number in range(count):
        record = {
            "usage": [
                {"month": month, "minutes": minutes, "messages": messages, "megabytes": megabytes}
                for month, minutes, messages, megabytes in _usage(number)
            ],
            "current_plan": _PLANS[number % len(_PLANS)],
            "age": 18 + number % 70,
            "subject": f"canary-{number}",
        }
        path = "/recommend" if number % 4 == 0 else "/predict"
        answer = asked(connection, path, record, key=f"canary-order-{number}")
        answered += "event_id" in answer
    connection.close()
    (service.folder / "metrics.txt").write_text(service.ask("/metrics"), encoding="utf-8")
    return answered


def told_by_files(service: Service, bundle: Path, count: int) -> int:
    """Answer files of such rows by two commands; return how many rows there were."""
    usage, outputs = service.folder / "usage", service.folder / "outputs"
    usage.mkdir()
    outputs.mkdir()
    lines = ["subscriber_id,month,minutes,messages,megabytes,current_plan,age"]
    lines += [
        f"canary-{number},{month},{minutes},{messages},{megabytes},{_PLANS[number % len(_PLANS)]},{18 + number % 70}"
        for number in range(count // _MONTHS)
        for month, minutes, messages, megabytes in _usage(number)
    ]
    (usage / "usage.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name in ("recommend", "predict"):
        words = (name, "--usage", str(usage / "usage.csv"), "--bundle", str(bundle), "--as-of", "2025-10")
        said = (*words, "--output", str(outputs / f"{name}.csv"), *service.options, "--set", "decisions.batch=true")
        with (service.folder / f"{name}.log").open("wb") as log:
            subprocess.run(
                command(*said), cwd=PROJECT, env=service.environment, stdout=log, stderr=subprocess.STDOUT, check=True
            )
    return len(lines) - 1


def search(desk: Desk) -> Found:
    """Look for such values in journal, store, logs, metrics, manifests and exports of each kind.

    What a caller sent and got back, in the folders `usage` and `outputs`, is theirs; of these only manifests count.
    """
    folder = desk.folder
    kept = {"journal": _bytes(folder / "journal")}
    desk.ship()
    theirs = {folder / "usage", folder / "outputs"}
    for path in sorted(folder.iterdir()):
        if path not in theirs and path.is_file():
            kept[path.name] = path.read_bytes()
    for path in folder.glob("outputs/*.manifest.json"):
        kept[path.name] = path.read_bytes()
    with closing(desk.open_store()) as store:
        statements = [f"SELECT * FROM {table}" for table in _TABLES]  # noqa: S608 - names of ours
        rows = (row for statement in statements for row in store.database.rows(statement))
        kept["store"] = b"\n".join(repr(tuple(row)).encode() for row in rows)
    for ending in ("json", "csv", "parquet"):
        path = folder / f"export.{ending}"
        desk.export(desk.selection(None, None), path, **_BY)
        kept[path.name] = repr(read_export(path)).encode() if ending == "parquet" else path.read_bytes()
    found = {place: len(CANARY.findall(content)) for place, content in kept.items()}
    return Found(sum(map(len, kept.values())), {place: times for place, times in found.items() if times})


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
