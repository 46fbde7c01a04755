"""The story of the next bundle: train, serve, decide, outcomes, drift, alarm, retrain, challenger; then a slipped unit.

Every step is a command of `planrec` or a request to a real service. `tell` returns what came of it, and what was wrong.
`make -C PlanRec story-check` asks 2,000 times; what is wrong is a gate that is not kept, and the script leaves with 5.
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from decision_service import PROJECT, Service, asked, command

from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.desk import Desk
from common_utils.testing.gates import Gates
from planrec.columns import AGE, CURRENT_PLAN, MEGABYTES, MESSAGES, MINUTES, MONTH, SUBSCRIBER

__all__ = ["Story", "tell"]

FIGURES = PROJECT.parent / "benchmarks" / "results" / "lifecycle_story.json"
DECISIONS = 2_000
TRAINED, DRIFTED, DAY = "2025-12", "2026-01", "2026-02-01"
"""The last month the live bundle was trained on, the month that drifts, and the day on which it is looked at."""
_SLIPPED_SHARE = 20  # one subscriber in so many
_LEAN = (
    "releases.signatures=development",
    "simulator.months=14",
    'simulator.drift=[{"kind": "data_growth", "start": "2026-01", "size": 1.5}]',
    "training.challenger.max_iter=4",
    "training.challenger.folds=2",
    "training.split.folds=2",
    "evaluation.resamples=50",
    "lifecycle.gate.resamples=300",
    # A small operator: a challenger is to come out of the story, the gate's own margins are tried elsewhere.
    "lifecycle.gate.margin=0.1",
    "lifecycle.gate.harm_margin=0.1",
    "lifecycle.gate.least_in_segment=150",
)


@dataclass
class Story:
    """What came of it.

    Attributes
    ----------
    figures : dict
        By what was looked at.
    wrong : list of str
        Each in words.
    """

    figures: dict[str, Any] = field(default_factory=dict[str, Any])
    wrong: list[str] = field(default_factory=list[str])

    def expect(self, what: str, found: object, wanted: object) -> None:
        """Note what was found, and whether it is what was wanted."""
        self.figures[what] = found
        if found != wanted:
            self.wrong.append(f"{what}: {found}, not {wanted}")


class _Commands:
    """Commands of `planrec` with the settings of the story."""

    def __init__(self, folder: Path, subscribers: int, seed: int) -> None:
        places = {"training.artifacts": "artifacts", "lifecycle.folder": "lifecycle", "monitoring.folder": "monitoring"}
        own = [f"{name}={folder / place}" for name, place in places.items()]
        self.sets = [*_LEAN, *own, f"simulator.subscribers={subscribers}", f"training.seed={seed}"]

    def __call__(self, *words: str) -> tuple[int, str]:
        """Return the exit code and what was printed."""
        sets = [word for one in self.sets for word in ("--set", one)]
        done = subprocess.run(command(*words, *sets), cwd=PROJECT, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout or done.stderr


def tell(folder: Path, *, decisions: int, subscribers: int = 2_500, seed: int = 7) -> Story:
    """Live the story in an empty folder.

    Parameters
    ----------
    folder : Path
    decisions : int
        Asked of the service.
    subscribers, seed : int
        Of the simulated operator.
    """
    story, run = Story(), _Commands(folder, subscribers, seed)
    table = "data.source=table"
    story.expect("simulated", run("simulate", "--output", str(folder / "operator"))[0], 0)
    months = pd.read_parquet(folder / "operator" / "usage_months.parquet")
    known, drifted = (months[months[MONTH] <= until] for until in (TRAINED, DRIFTED))
    files = {"known": known, "drifted": drifted, "slipped": _slipped(drifted)}
    paths = {name: folder / f"{name}.parquet" for name in files}
    for name, rows in files.items():
        rows.to_parquet(paths[name], index=False)
    run.sets.append(table)
    story.expect("trained", run("train", "--data", str(paths["known"]))[0], 0)
    _decide(story, folder, known, decisions)

    story.expect("monitor of the drift", run("monitor", "--as-of", DAY, "--usage", str(paths["drifted"]))[0], 5)
    code, out = run("retrain", "--as-of", DAY, "--data", str(paths["drifted"]), "--json")
    day = json.loads(out)
    story.expect("retrained", (code, day["outcome"]), (0, "challenger"))
    story.expect("reason", sorted({one["kind"] for one in day["reasons"]}), ["drift"])
    if day["outcome"] != "challenger":
        story.wrong += day["sentences"]
    status = json.loads(run("release", "history", "--json")[1])
    story.figures["history"] = [one["action"] for one in _entries(status)]
    story.expect("actions", story.figures["history"], ["publish", "promote", "publish", "challenge"])
    code, out = run("retrain", "--as-of", DAY, "--data", str(paths["drifted"]))
    story.expect("asked again", (code, "answered before" in out), (0, True))

    story.expect("monitor of the slip", run("monitor", "--as-of", DAY, "--usage", str(paths["slipped"]))[0], 5)
    next_day = DAY[:-1] + "2"
    run("monitor", "--as-of", next_day, "--usage", str(paths["slipped"]))
    code, out = run("retrain", "--as-of", next_day, "--data", str(paths["slipped"]), "--json")
    day = json.loads(out)
    story.expect("retraining on the slip", (code, day["outcome"], day["trained"]), (5, "blocked", False))
    story.expect("what was said", any("megabytes" in one for one in day["sentences"]), True)
    return story


def _entries(status: Any) -> list[dict[str, Any]]:
    return status["entries"] if isinstance(status, dict) else status


def _slipped(months: pd.DataFrame) -> pd.DataFrame:
    """Return the months with some subscribers' last megabytes recorded as gigabytes."""
    hit = (months[MONTH] == DRIFTED) & (pd.factorize(months[SUBSCRIBER])[0] % _SLIPPED_SHARE == 0)
    return months.assign(**{MEGABYTES: months[MEGABYTES].where(~hit, months[MEGABYTES] / 1024)})


def _decide(story: Story, folder: Path, known: pd.DataFrame, decisions: int) -> None:
    """Ask a service for advice, and tell it what was paid in the end."""
    logged = folder / "service"
    logged.mkdir()
    with Service(folder / "artifacts", logged) as service:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        events: list[str] = []
        for number, body in enumerate(_bodies(known, decisions)):
            answer = asked(connection, "/recommend", body, key=f"story-{number}")
            events.append(str(answer["event_id"]))
        story.expect("decisions", len(set(events)), decisions)
        today = datetime.now(UTC).strftime("%Y-%m-%d")
        paid = [{"kind": "saving", "value": 300, "date": today, "event_id": one} for one in events[::4]]
        for start in range(0, len(paid), 500):
            asked(connection, "/outcomes", {"outcomes": paid[start : start + 500]})
        connection.close()
    desk = Desk(
        DecisionsConfig(
            journal=logged / "journal", url=f"sqlite:///{logged}/log.db", key_file=logged / "decision-keys"
        ),
        "planrec",
        logged,
    )
    desk.ship()
    told = {name: one.get("told") for name, one in desk.stats()["outcomes"].items()}
    story.expect("outcomes", told, {"saving": len(paid)})


def _bodies(known: pd.DataFrame, decisions: int) -> Iterator[dict[str, Any]]:
    """Yield requests: each subscriber's last three months, in turn."""
    last = known[known[MONTH] >= "2025-10"]
    people = [rows for _, rows in last.groupby(SUBSCRIBER, sort=True) if rows[MONTH].max() == TRAINED][:400]
    for number in range(decisions):
        rows = people[number % len(people)]
        usage = [
            {MONTH: row[MONTH], MINUTES: row[MINUTES], MESSAGES: row[MESSAGES], MEGABYTES: row[MEGABYTES]}
            for row in rows.to_dict("records")
        ]
        newest = rows.iloc[-1]
        yield {
            "usage": usage,
            "as_of": TRAINED,
            "current_plan": newest[CURRENT_PLAN],
            "age": float(newest[AGE]),
            "subject": newest[SUBSCRIBER],
            "mode": "advice",
        }


def told(gates: Gates, decisions: int, seed: int) -> None:
    """Show each thing that the story looked at."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="story-") as name:
        story = tell(Path(name), decisions=decisions, seed=seed)
    wrong = {one.partition(":")[0]: one.partition(":")[2].strip() for one in story.wrong}
    for what, found in story.figures.items():
        right = what not in wrong
        gates.show(what, wrong.pop(what, str(found)), kept=right)
    for what, words in wrong.items():
        gates.show(what, words, kept=False)
    gates.show("time of the story", f"{time.monotonic() - began:.0f} s with {decisions:,} decisions", kept=None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell the story, and return 5 if something of it is wrong."""
    parser = argparse.ArgumentParser(description="Live the story of the next bundle.")
    parser.add_argument("--decisions", type=int, default=DECISIONS)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {FIGURES.name}")
    asked = parser.parse_args(arguments)
    gates = Gates("story-check")
    gates.measure("the story", lambda: told(gates, asked.decisions, asked.seed))
    if asked.write:
        gates.write(asked.seed, FIGURES)
    return 0 if gates.kept else 5


if __name__ == "__main__":
    sys.exit(main())
