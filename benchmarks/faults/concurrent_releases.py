"""Trainers, promoters and readers on one artifacts root at once: every read must be of one whole bundle.

Trainers write, publish and promote; promoters promote an older version if the one they saw is still live, or roll
back. In the end the history must be unbroken, name the live version last, and show no update that overwrote another.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from multiprocessing.synchronize import Event
from pathlib import Path

from hostile import KEY
from kill_publish import naive_release, release
from report import Result, finish

from common_utils.bundle import current_version, open_bundle
from common_utils.errors import PortfolioError, ReleaseConflictError
from common_utils.releases import promote, rollback, versions
from common_utils.releases.author import Author
from common_utils.releases.history import read_history
from common_utils.releases.standing import live_by_record

Job = Callable[[Path, int, Event], Counter[str]]


def train(root: Path, number: int, stop: Event) -> Counter[str]:
    """Release one bundle after the other."""
    counts: Counter[str] = Counter()
    while not stop.is_set():
        release(root, number * 1_000_000 + counts["releases"])
        counts["releases"] += 1
        time.sleep(0.02)
    return counts


def overwrite(root: Path, number: int, stop: Event) -> Counter[str]:
    """Change the live bundle in place: the control."""
    counts: Counter[str] = Counter()
    while not stop.is_set():
        naive_release(root, number * 1_000_000 + counts["releases"])
        counts["releases"] += 1
    return counts


def decide(root: Path, number: int, stop: Event) -> Counter[str]:
    """Promote any version if what was seen is still live, or roll back."""
    rng, counts, author = random.Random(number), Counter[str](), Author(f"promoter {number}", "trying")
    names = [name for name, _ in versions(root)]
    while not stop.is_set():
        seen = current_version(root)
        time.sleep(rng.uniform(0, 0.05))
        try:
            if rng.random() < 0.5:
                promote(root, rng.choice(names), author=author, expected=seen, trust=KEY)
            else:
                rollback(root, author=author, expected=seen, trust=KEY)
            counts["decisions"] += 1
        except ReleaseConflictError:
            counts["conflicts"] += 1
        except PortfolioError:  # nothing to roll back to; in the control also a damaged bundle
            counts["refusals"] += 1
    return counts


def read(root: Path, reads: int) -> Counter[str]:
    """Open what is live, again and again, and compare its files with each other."""
    counts: Counter[str] = Counter()
    for _ in range(reads):
        try:
            found = open_bundle(root, trust=KEY)
            whole = {found.read_bytes(name) for name in found.files} == {b"%d" % found.info["run"] * 5000}
        except (PortfolioError, OSError):
            whole = False
        counts["inconsistent"] += not whole
    return counts


def _report(job: Job, root: Path, number: int, stop: Event, answers: multiprocessing.SimpleQueue[Counter[str]]) -> None:
    answers.put(job(root, number, stop))


def main() -> int:
    """Start all, read, look at what is left; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reads", type=int, default=10_000)
    parser.add_argument("--trainers", type=int, default=4)
    parser.add_argument("--promoters", type=int, default=2)
    parser.add_argument("--control", action="store_true", help="trainers overwrite in place: must be found out")
    options = parser.parse_args()
    context = multiprocessing.get_context("fork")
    stop, answers = context.Event(), context.SimpleQueue()
    trainer: Job = overwrite if options.control else train
    jobs: list[Job] = [trainer] * options.trainers + [decide] * options.promoters
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for number in range(3):
            release(root, number)
        workers = [
            context.Process(target=_report, args=(job, root, number, stop, answers))
            for number, job in enumerate(jobs, start=1)
        ]
        for worker in workers:
            worker.start()
        counts = read(root, options.reads)
        stop.set()
        for worker in workers:
            counts += answers.get()
            worker.join()
        entries = read_history(root)
        moves = [entry for entry in entries if entry.action != "publish"]
        jumps = sum(b.from_version != a.to_version for a, b in pairwise(moves))
        wrong = live_by_record(entries)[-1] != current_version(root)
        torn = sum(isinstance(found, PortfolioError) for _, found in versions(root, trust=KEY))
    return finish(
        f"{options.trainers} trainers and {options.promoters} promoters at once",
        [
            Result("reads", options.reads),
            Result("inconsistent reads", counts["inconsistent"], 0),
            Result("torn bundles", torn, 0),
            Result("updates that overwrote another", jumps, 0),
            Result("corrections in the history", sum(entry.action == "correct" for entry in entries), 0),
            Result("live version other than the history's", int(wrong), 0),
            Result("releases by trainers", counts["releases"]),
            Result("decisions by promoters", counts["decisions"]),
            Result("conflicts told to promoters", counts["conflicts"]),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
