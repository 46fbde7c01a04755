"""kill -9 amid any sequence of actions on both pointers: pointers and record must come back into line.

Each sequence draws actions (publish, promote, roll back with and without a record, challenge, abort, bar, pardon) and
kills the process that does one of them before a file-system call drawn at random. The next action must find the record
whole; after it, pointers and record agree, what is barred neither is live nor challenges by an action of ours, and
nothing is left over.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from kill_publish import die_at_call, in_child
from report import Result, finish

from common_utils.bundle import current_version, write_bundle
from common_utils.bundle.durable import replace_link
from common_utils.errors import PortfolioError
from common_utils.releases import (
    abort,
    bar,
    challenge,
    challenger_version,
    pardon,
    promote,
    publish,
    rollback,
    rollback_unrecorded,
)
from common_utils.releases.author import Author
from common_utils.releases.history import read_history
from common_utils.releases.standing import barred_by_record, challenger_by_record, digest_of, live_by_record

AUTHORS = (Author("ana", "drawn"), Author("bo", "drawn"))
BUNDLES, LENGTH, MOST_CALLS = 4, 14, 40


def actions(root: Path, versions: list[str], rng: random.Random) -> dict[str, Callable[[], object]]:
    """Return an action of each kind, on a version drawn."""
    version, author = rng.choice(versions), rng.choice(AUTHORS)
    return {
        "publish": lambda: publish(root, root / version, author=author),
        "promote": lambda: promote(root, version, author=author),
        "rollback": lambda: rollback(root, author=author),
        "unrecorded": lambda: rollback_unrecorded(root, author=author),
        "challenge": lambda: challenge(root, version, author=author, evidence={"gate": "7" * 64}),
        "abort": lambda: abort(root, author=author),
        "bar": lambda: bar(root, version, author=author),
        "pardon": lambda: pardon(root, version, author=author),
    }


def refused(act: Callable[[], object]) -> bool:
    """Do something; tell whether one of our errors refused it."""
    try:
        act()
    except PortfolioError:
        return True
    return False


def faults(root: Path) -> list[str]:
    """Say what is out of line after an action that was not killed."""
    try:
        entries = read_history(root)
    except PortfolioError:
        return ["broken histories"]
    path, found = live_by_record(entries), list[str]()
    live, challenger = current_version(root), challenger_version(root)
    if live != (path[-1] if path else None):
        found.append("records of another live version")
    if challenger != challenger_by_record(entries):
        found.append("records of another challenger")
    if challenger is not None and (challenger == live or digest_of(challenger) in barred_by_record(entries)):
        found.append("challengers that are live or barred")
    if list(root.glob(".tmp-*")) + list(root.glob("rolled-back~*")):
        found.append("things left over")
    return found


def _write_number(n: int, folder: Path) -> None:
    folder.joinpath("n").write_text(str(n))


def sequence(root: Path, rng: random.Random, *, control: bool) -> tuple[int, int, list[str]]:
    """Run one sequence; return how many actions were begun and killed, and what was out of line."""
    versions = [write_bundle(root, info={}, write=partial(_write_number, n)).version for n in range(BUNDLES)]
    killed, found = 0, list[str]()
    for _ in range(LENGTH):
        act = rng.choice(list(actions(root, versions, rng).values()))
        if rng.random() < 0.5:
            stop = rng.randrange(1, MOST_CALLS)

            def work(act: Callable[[], object] = act, stop: int = stop) -> None:
                die_at_call(stop)
                refused(act)

            killed += os.WIFSIGNALED(os.waitpid(in_child(work), 0)[1])
        else:
            refused(act)
        if control and current_version(root):
            replace_link(root, "current", rng.choice(versions))
        else:
            publish(root, root / versions[0], author=AUTHORS[0])  # the next writer
        found += faults(root)
    return LENGTH, killed, found


def main() -> int:
    """Draw sequences, kill, look; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=300)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--control", action="store_true", help="move the pointer by hand last: must be found out")
    options = parser.parse_args()
    rng, begun, killed, found = random.Random(options.seed), 0, 0, list[str]()
    for _ in range(options.sequences):
        with tempfile.TemporaryDirectory() as name:
            done = sequence(Path(name), rng, control=options.control)
        begun, killed, found = begun + done[0], killed + done[1], found + done[2]
    kinds = ("broken histories", "records of another live version", "records of another challenger",
             "challengers that are live or barred", "things left over")  # fmt: skip
    return finish(
        f"kill -9 amid any actions, seed {options.seed}",
        [
            Result("actions begun", begun),
            Result("killed", killed),
            *(Result(kind, found.count(kind), 0) for kind in kinds),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
