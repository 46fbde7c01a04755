"""kill -9 while bundles are written, published and promoted: pointer and bundles must stay whole.

Two ways: at random moments (`--kills`), and before each single file-system call of one publication, also in the
middle of a write to the history (`--sweep`).
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile import KEY
from report import Result, finish

from common_utils.bundle import current_version, open_bundle, write_bundle
from common_utils.bundle.manifest import is_version
from common_utils.errors import PortfolioError
from common_utils.releases import promote, publish
from common_utils.releases.author import Author
from common_utils.releases.history import read_history
from common_utils.releases.standing import live_by_record

AUTHOR = Author("fault script", "kill -9")
_CALLS = ("fsync", "pwrite", "write", "ftruncate")  # the others tell the audit hook


def release(root: Path, number: int) -> None:
    """One training's worth: two files that must belong together, written, published, promoted."""

    def write(folder: Path) -> None:
        for name in ("model.joblib", "metrics.json"):
            (folder / name).write_bytes(b"%d" % number * 5000)

    bundle = write_bundle(root, info={"run": number}, write=write, trust=KEY)
    publish(root, bundle.path, author=AUTHOR, trust=KEY)
    promote(root, bundle.version, author=AUTHOR, trust=KEY)


def naive_release(root: Path, number: int) -> None:
    """Overwrite the live folder in place: the control."""
    folder = root / (current_version(root) or "")
    for name in ("model.joblib", "metrics.json"):
        (folder / name).chmod(0o600)
        (folder / name).write_bytes(b"%d" % number * 5000)


def check(root: Path, seen: set[str]) -> tuple[int, int, int]:
    """Return unreadable pointers, torn bundles and broken histories (0 or 1 each, torn: their number)."""
    pointer = torn = broken = 0
    try:
        found = open_bundle(root, trust=KEY)
        pointer += {found.read_bytes(name) for name in found.files} != {b"%d" % found.info["run"] * 5000}
    except (PortfolioError, OSError):
        pointer = 1
    for path in root.iterdir():
        if is_version(path.name) and path.name not in seen:
            seen.add(path.name)
            try:
                open_bundle(path, trust=KEY)
            except PortfolioError:
                torn += 1
    try:
        read_history(root)
    except PortfolioError:
        broken = 1
    return pointer, torn, broken


def prune(root: Path, seen: set[str]) -> None:
    """Keep the disk small: old versions go."""
    live = current_version(root)
    for name in sorted(seen)[:-20]:
        if name != live:
            shutil.rmtree(root / name, ignore_errors=True)
            seen.discard(name)


def in_child(work: Callable[[], None]) -> int:
    """Run something in a child and return its process id."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def die_at_call(stop: int) -> None:
    """Kill this process before its `stop`-th file-system call; a write to the history stops half-way."""
    calls = 0

    def count() -> bool:
        nonlocal calls
        calls += 1
        return calls == stop

    def hook(event: str, _: object) -> None:
        if event.split(".")[0] in {"open", "os", "shutil", "fcntl"} and count():
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(number: int, *arguments: Any) -> Any:
            if count():
                if name in ("pwrite", "write"):
                    real(number, arguments[0][: len(arguments[0]) // 2], *arguments[1:])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(number, *arguments)

        return call

    for name in _CALLS:
        setattr(os, name, counted(name))
    sys.addaudithook(hook)


def at_random(root: Path, kills: int, seed: int, publication: Callable[[Path, int], None]) -> list[Result]:
    """Kill at random moments of an endless series of publications."""
    rng, seen, sums = random.Random(seed), set[str](), [0, 0, 0]
    started = time.perf_counter()
    for number in range(1, 6):
        release(root, number)
    typical = (time.perf_counter() - started) / 5

    def endless(first: int) -> None:
        for number in range(first, first + 1_000_000):
            publication(root, number)

    for kill in range(kills):
        pid = in_child(lambda first=(kill + 1) * 1000: endless(first))
        time.sleep(rng.uniform(0, 2 * typical))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        sums = [a + b for a, b in zip(sums, check(root, seen), strict=True)]
        prune(root, seen)
    recovered = recovers(root, 7)
    return [
        Result("kills at random moments", kills),
        Result("unreadable or mixed current bundles", sums[0], 0),
        Result("torn bundles under a version", sums[1], 0),
        Result("broken histories", sums[2], 0),
        Result("failures of the publication after it", 1 - recovered, 0),
    ]


def at_every_call(root: Path) -> list[Result]:
    """Kill before each file-system call of one publication in turn."""
    seen, sums, stop, failures = set[str](), [0, 0, 0], 0, 0
    release(root, 1)
    while True:
        stop += 1

        def work(stop: int = stop) -> None:
            die_at_call(stop)
            release(root, 1000 + stop)

        killed = os.WIFSIGNALED(os.waitpid(in_child(work), 0)[1])
        sums = [a + b for a, b in zip(sums, check(root, seen), strict=True)]
        if not killed:
            break
        failures += not recovers(root, 100_000 + stop)
        prune(root, seen)
    return [
        Result("file-system calls of a publication, each killed at", stop - 1),
        Result("unreadable or mixed current bundles at a call", sums[0], 0),
        Result("torn bundles at a call", sums[1], 0),
        Result("broken histories at a call", sums[2], 0),
        Result("failures of the publication after a call", failures, 0),
    ]


def recovers(root: Path, number: int) -> bool:
    """Tell whether the next publication works, tells the truth and leaves no litter."""
    try:
        release(root, number)
    except PortfolioError as error:
        print(error, file=sys.stderr)
        return False
    live = open_bundle(root, trust=KEY)
    agrees = live_by_record(read_history(root))[-1] == live.version
    return agrees and live.info["run"] == number and not list(root.glob(".tmp-*"))


def main() -> int:
    """Kill, look, count; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--sweep", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--control", action="store_true", help="overwrite in place: must be found out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        publication = naive_release if options.control else release
        results = at_random(Path(name) / "random", options.kills, options.seed, publication)
        if options.sweep and not options.control:
            results += at_every_call(Path(name) / "sweep")
    return finish(f"kill -9 during publish, seed {options.seed}", results)


if __name__ == "__main__":
    sys.exit(main())
