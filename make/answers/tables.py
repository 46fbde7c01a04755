"""Tables that commands are given: usage months and records of the siblings, made from a seed."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from answers.payloads import subscriber

__all__ = ["write_records", "write_usage"]

_DEFECTS: tuple[dict[str, Any], ...] = (
    {"megabytes": -5},
    {"month": "2025-13"},
    {"minutes": ""},
    {"messages": "many"},
    {"current_plan": "gone-1"},
    {},  # the row once more
)
_DEFECTIVE = 0.01


def write_usage(path: Path, subscribers: int, *, defects: bool = False, latest: int | None = None) -> Path:
    """Write a CSV file of usage months, with what advice, offers and notices ask about.

    Parameters
    ----------
    path : Path
    subscribers : int
    defects : bool
        Whether some rows are followed by a damaged copy.
    latest : int, optional
        As for `payloads.subscriber`.

    Returns
    -------
    Path
        The same.
    """
    rng = random.Random("same answers: usage months")  # noqa: S311 - a table, not secrets
    rows: list[dict[str, Any]] = []
    for number in range(subscribers):
        for row in _usage_rows(f"s{number:04}", subscriber(rng, latest=latest), rng):
            rows.append(row)
            if defects and rng.random() < _DEFECTIVE:
                rows.append(row | rng.choice(_DEFECTS))
    return _write(path, rows)


def write_records(path: Path, make: Callable[[random.Random], dict[str, Any]], count: int) -> Path:
    """Write a CSV file of records of one table; every hundredth lacks its first value."""
    rng = random.Random("same answers: records")  # noqa: S311 - a table, not secrets
    rows = [make(rng) for _ in range(count)]
    for row in rows[::100]:
        row[next(iter(row))] = ""
    return _write(path, rows)


def _usage_rows(name: str, known: dict[str, Any], rng: random.Random) -> list[dict[str, Any]]:
    left, tenure = known.get("contract_months_left", ""), known.get("tenure_months", "")
    facts = {
        "consent": rng.choice(("True", "True", "True", "False")),
        "contacts_90d": rng.choice((0, 0, 1, 2, 3)),
        "holdout": rng.choice(("False",) * 9 + ("True",)),
    }
    usage: list[dict[str, Any]] = known["usage"]
    rows: list[dict[str, Any]] = []
    for place, month in enumerate(usage):
        to_go = len(usage) - 1 - place
        rows.append(
            {
                "subscriber_id": name,
                **month,
                "current_plan": known.get("current_plan", ""),
                "age": known.get("age", ""),
                "tenure_months": "" if tenure == "" else max(tenure - to_go, 0),
                "contract_months_left": "" if left == "" else left + to_go,
                **facts,
            }
        )
    return rows


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    listed = list(rows)
    names = list(dict.fromkeys(name for row in listed for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(listed)
    return path
