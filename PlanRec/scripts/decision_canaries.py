"""Values that must turn up nowhere, in thousands of requests and of file rows, and a search of all that is kept."""

from __future__ import annotations

import http.client
import subprocess
from collections.abc import Iterator
from pathlib import Path

from decision_service import PROJECT, Service, asked, command

from common_utils.decision_log.desk import Desk
from common_utils.testing.decisions.canaries import Canaries, found_canaries, found_in_log

__all__ = ["search", "told_by_files", "told_by_requests"]

_MINUTES, _MEGABYTES = 9313, 7171
_MONTHS = 4
_PLANS = ("basic-6", "smart-12", "smart-25", "unlimited")
_SEED = 15


def _usage(number: int, canaries: Canaries) -> Iterator[tuple[str, float, float, float]]:
    yield "2025-07", canaries.number(_MINUTES), number % 90, canaries.number(_MEGABYTES)
    for month in (8, 9, 10):  # ordinary ones: a file of slips alone is refused
        yield f"2025-{month:02d}", 10 + (number + month) % 700, number % 90, 1000 + number * month % 40_000


def told_by_requests(service: Service, count: int) -> int:
    """Send requests with such values by each route; return how many answers there were, each with its entry."""
    answered, canaries = 0, Canaries(_SEED)
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    for number in range(count):
        record: dict[str, object] = {
            "usage": [
                {"month": month, "minutes": minutes, "messages": messages, "megabytes": megabytes}
                for month, minutes, messages, megabytes in _usage(number, canaries)
            ],
            "current_plan": _PLANS[number % len(_PLANS)],
            "age": 18 + number % 70,
            "subject": canaries.text(),
        }
        path = ("/recommend", "/predict", "/what-if", "/predict")[number % 4]
        record |= {"travel": {}} if path == "/what-if" else {}
        answer = asked(connection, path, record, key=canaries.text())
        answered += "event_id" in answer
    connection.close()
    (service.folder / "metrics.txt").write_text(service.ask("/metrics"), encoding="utf-8")
    return answered


def told_by_files(service: Service, bundle: Path, count: int) -> int:
    """Answer files of such rows by two commands; return how many rows there were."""
    canaries = Canaries(_SEED + 1)
    usage, outputs = service.folder / "usage", service.folder / "outputs"
    usage.mkdir()
    outputs.mkdir()
    lines = ["subscriber_id,month,minutes,messages,megabytes,current_plan,age"]
    lines += [
        f"{name},{month},{minutes},{messages},{megabytes},{_PLANS[number % len(_PLANS)]},{18 + number % 70}"
        for number, name in enumerate(canaries.text() for _ in range(count // _MONTHS))
        for month, minutes, messages, megabytes in _usage(number, canaries)
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


def search(desk: Desk) -> dict[str, int]:
    """Look for such values in all that is kept; return how many were found, by place, where there were any.

    What a caller sent and got back, in the folders `usage` and `outputs`, is theirs; of these only manifests count.
    """
    theirs = (desk.folder / "usage", desk.folder / "outputs")
    found = found_in_log(desk, theirs)
    found["manifests"] = sum(found_canaries(one.read_bytes()) for one in theirs[1].glob("*.manifest.json"))
    return {place: times for place, times in found.items() if times}
