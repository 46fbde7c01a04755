"""A bad release at three in the morning: from a bad live bundle to the good one, with everything broken that helps.

    python benchmarks/faults/rollback_drill.py --bundle PlanRec/artifacts

Two replicas of PlanRec follow one artifacts root under load. In each round the bad bundle is live everywhere, one thing
is broken (nothing, the record's chain, a full disk, a lock another process holds, all three), and `planrec release
rollback` is called. The clock runs from the call until every replica answers from the good bundle; no request may fail.
Then what was broken is repaired, and the next change must record the correction and the bar. Where this user may mount,
the full disk is one (tmpfs); else the command may not write a byte (RLIMIT_FSIZE).
"""

from __future__ import annotations

import argparse
import fcntl
import http.client
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from planrec_service import BODY, PROJECT, Served, serving
from report import Result, finish

from common_utils.bundle import Bundle, open_bundle, write_bundle
from common_utils.releases import bar, pardon, promote, publish
from common_utils.releases.author import Author
from common_utils.releases.history import HISTORY, read_history
from common_utils.reporting.cards import replace_block

NIGHT, DAY = Author("night", "drill"), Author("day", "drill")
REPLICAS, CLIENTS = 2, 2
LONGEST, BLOCKED = 60.0, 15.0  # seconds; the second until a command that waits for a lock is given up
RESULTS = Path(__file__).resolve().parents[1] / "results" / "rollback_drill.json"
PAGE, BLOCK = PROJECT / "docs" / "lifecycle.md", "rollback-drill"


class Load:
    """Clients that ask every replica once and never again, and tell by which versions they were answered."""

    def __init__(self, replicas: list[Served]) -> None:
        self.tally: Counter[str] = Counter()
        self.last: dict[int, str] = {}
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(number, one))
            for number, one in enumerate(replicas)
            for _ in range(CLIENTS)
        ]

    @contextmanager
    def running(self) -> Generator[None]:
        """Ask meanwhile."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join()

    def _ask(self, number: int, replica: Served) -> None:
        while not self._ended.is_set():
            try:
                status, body, _ = replica.ask("POST", "/predict", BODY)
                self.tally["answered" if status == 200 else "failed"] += 1
                if status == 200:
                    self.last[number] = json.loads(body)["model_version"]
            except (OSError, http.client.HTTPException):
                self.tally["failed"] += 1
            time.sleep(0.05)


@contextmanager
def broken_chain(root: Path) -> Generator[None]:
    """Exchange a letter of the record."""
    whole = (root / HISTORY).read_bytes()
    (root / HISTORY).write_bytes(whole.replace(b"drill", b"grill", 1))
    yield
    (root / HISTORY).write_bytes(whole)


@contextmanager
def full_disk(root: Path) -> Generator[None]:
    """Fill the disk of the root, where it is one of its own."""
    if not root.parent.is_mount():
        yield  # the command gets a limit instead
        return
    filler = root.parent / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while stream.write(bytes(4096)):
                pass
        except OSError:
            pass  # full
    yield
    filler.unlink()


@contextmanager
def held_lock(root: Path) -> Generator[None]:
    """Hold the lock of the root, as a writer that hangs would."""
    with (root / "releases.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


BROKEN: dict[str, list[Callable[[Path], AbstractContextManager[None]]]] = {
    "nothing broken": [],
    "broken chain": [broken_chain],
    "full disk": [full_disk],
    "held lock": [held_lock],
    "all three": [broken_chain, full_disk, held_lock],
}


def roll_back(root: Path, *, unrecorded: bool, no_space: bool, waits: bool = False) -> tuple[int, str]:
    """Call the command as an operator does; return its code and words."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    command = [sys.executable, "-m", "planrec.cli", "release", "rollback", "--who", NIGHT.who, "--why", NIGHT.why]
    command += ["--artifacts", str(root), *(["--unrecorded"] * unrecorded)]
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd=PROJECT,
            timeout=BLOCKED if waits else LONGEST,
            preexec_fn=limit if no_space else None,
        )
    except subprocess.TimeoutExpired:
        return -1, "it waited"
    return done.returncode, (done.stdout + done.stderr).strip()


def other_bundle(root: Path, good: Bundle) -> str:
    """Write the bad bundle: the good one with another card, so that it has another digest."""

    def write(folder: Path) -> None:
        for name in good.files:
            shutil.copyfile(good.path / name, folder / name)
        with (folder / "model_card.md").open("a", encoding="utf-8") as stream:
            stream.write("\nBad on purpose.\n")

    return write_bundle(root, info=good.info, write=write).version


def seconds_until(load: Load, replicas: list[Served], version: str, begun: float) -> float:
    """Wait until every replica answers from a version; return the seconds since the call."""
    load.last.clear()
    while set(load.last.values()) != {version} or len(load.last) < len(replicas):
        if time.monotonic() - begun > LONGEST:
            return LONGEST
        time.sleep(0.01)
    return time.monotonic() - begun


def drill(root: Path, bundle: Path) -> list[Result]:
    """Run every round; return the figures."""
    good = publish(root, bundle, author=DAY)
    promote(root, good.version, author=DAY)
    bad = other_bundle(root, good)
    results: list[Result] = []
    with ExitStack() as always:
        logs = Path(always.enter_context(tempfile.TemporaryDirectory()))
        replicas = [always.enter_context(serving(root, logs / str(number))) for number in range(REPLICAS)]
        load = Load(replicas)
        always.enter_context(load.running())
        for what, breaks in BROKEN.items():
            promote(root, bad, author=DAY)
            seconds_until(load, replicas, bad, time.monotonic())
            with ExitStack() as broken:
                for one in breaks:
                    broken.enter_context(one(root))
                no_space = full_disk in breaks and not root.parent.is_mount()
                waits = held_lock in breaks
                refused = bool(breaks) and roll_back(root, unrecorded=False, no_space=no_space, waits=waits)[0] != 0
                begun = time.monotonic()
                code, words = roll_back(root, unrecorded=bool(breaks), no_space=no_space)
                seconds = seconds_until(load, replicas, good.version, begun)
            print(f"{what}: {words}", file=sys.stderr)
            results += [
                Result(f"{what}: seconds until good everywhere", seconds, 30.0),
                Result(f"{what}: exit code", abs(code), 0),
                Result(f"{what}: the plain command was not blocked", int(bool(breaks) and not refused), 0),
                Result(f"{what}: corrections missing from the record", unrecorded_after(root, bad), 0),
            ]
            pardon(root, bad, author=DAY)
    return [
        Result("replicas", REPLICAS),
        Result("requests", load.tally.total()),
        Result("failed requests", load.tally["failed"], 0),
        *results,
    ]


def unrecorded_after(root: Path, bad: str) -> int:
    """Let the next writer come, and return what it did not record: the move and the bar, 0 to 2."""
    before = len(read_history(root))
    bar(root, "20200101T000000Z-aaaaaaaaaaaa", author=DAY)
    lines = [(entry.action, entry.from_version, entry.to_version, entry.who) for entry in read_history(root)]
    new = lines[before:-1]
    if not new:  # the roll-back was recorded at once
        action, left, _, who = lines[before - 1]
        return 0 if (action, left, who) == ("rollback", bad, NIGHT.who) else 2
    moved = any((action, left, who) == ("correct", bad, NIGHT.who) for action, left, _, who in new)
    barred = any((action, to, who) == ("bar", bad, NIGHT.who) for action, _, to, who in new)
    return (not moved) + (not barred)


@contextmanager
def disk(folder: Path, megabytes: int) -> Generator[str]:
    """Mount a small disk on a folder, where this user may; say which way the full disk is made."""
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=False, capture_output=True
        ).returncode
    )
    try:
        yield "a full tmpfs" if mounted else "RLIMIT_FSIZE 0"
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def page_table(figures: Mapping[str, float]) -> str:
    """Return kept figures as the table of the page: what was broken, and the seconds until all was good again."""
    ending = ": seconds until good everywhere"
    rows = [
        f"| {what.removesuffix(ending)} | {found:z.1f} |" for what, found in figures.items() if what.endswith(ending)
    ]
    return "\n".join(
        [
            f"{figures['failed requests']:.0f} of {figures['requests']:,.0f} requests failed.",
            "",
            "| broken | seconds until every replica answers from the good bundle |",
            "|---|---|",
            *rows,
        ]
    )


def main() -> int:
    """Drill, print the table, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True, help="a bundle of PlanRec, or a root of them")
    parser.add_argument("--write", action="store_true", help=f"keep {RESULTS.name} and the table of {PAGE.name}")
    options = parser.parse_args()
    size = sum(entry.size for entry in open_bundle(options.bundle).files.values())
    with tempfile.TemporaryDirectory() as name, disk(Path(name), 8 + 4 * size // (1 << 20)) as how:
        results = drill(Path(name) / "artifacts", open_bundle(options.bundle).path)
    print(f"the full disk: {how}")
    if options.write:
        figures = {result.what: round(result.found, 2) for result in results}
        RESULTS.write_text(json.dumps({"full disk": how, "figures": figures}, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(replace_block(PAGE.read_text(encoding="utf-8"), BLOCK, page_table(figures)), encoding="utf-8")
    return finish("A bad release, rolled back", results)


if __name__ == "__main__":
    sys.exit(main())
