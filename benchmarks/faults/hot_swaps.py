"""Swaps of the live model under load: no request may fail, and no answer may mix two versions.

A service follows the pointer of an artifacts root; this script promotes one bundle after the other while requests come
at a fixed rate. Each bundle holds one number twice, once in each of two files, and an answer repeats both and its
version. Between good bundles the pointer is set, by hand, to bad ones: the old model must stay and a metric must tell.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fastapi import APIRouter
from hostile import KEY
from report import Result, finish

from common_utils.bundle import open_bundle, write_bundle
from common_utils.bundle.durable import replace_link
from common_utils.releases import promote
from common_utils.releases.author import Author
from common_utils.serving.app import create_service
from common_utils.serving.follower import PointerFollower
from common_utils.serving.model_slot import ModelSlot
from common_utils.serving.server import run

AUTHOR = Author("fault script", "swap")


@dataclass(frozen=True)
class Pair:
    """A model: the same number from two files."""

    version: str
    one: int
    two: int


def open_pair(path: Path) -> Pair:
    """Verify a bundle and read both numbers."""
    bundle = open_bundle(path, trust=KEY)
    return Pair(bundle.version, int(bundle.read_bytes("one")), int(bundle.read_bytes("two")))


def write_pair(root: Path, number: int) -> str:
    """Write the bundle of a number; return its version."""

    def write(folder: Path) -> None:
        (folder / "one").write_text(str(number))
        (folder / "two").write_text(str(number))

    return write_bundle(root, info={"number": number}, write=write, trust=KEY).version


def serve(root: Path, port: int, *, mixing: bool) -> None:
    """Serve until SIGTERM; `mixing` asks the slot twice in one request, as a careless handler would."""
    slot: ModelSlot[Pair] = ModelSlot()
    router = APIRouter()

    @router.get("/number")
    def number() -> dict[str, str | int]:
        pair = slot.get()
        if mixing:
            time.sleep(0.05)
        again = slot.get() if mixing else pair
        return {"version": pair.version, "one": pair.one, "two": again.two}

    app = create_service(
        title="Swaps",
        version="1",
        description="",
        slot=slot,
        loader=partial(open_pair, root),
        probe=lambda _: None,
        model_info=lambda _: {},
        routes=[router],
        follow=lambda: PointerFollower(slot, root, open_pair, lambda _: None, interval_seconds=0.02),
    )
    run(app, port=port, drain_seconds=0.1, log_level="CRITICAL")


@dataclass
class Tally:
    """What the clients saw."""

    numbers: dict[str, int]
    failed: int = 0
    mixed: int = 0
    milliseconds: list[float] = field(default_factory=list[float])
    seen: set[str] = field(default_factory=set[str])


def ask(port: int, path: str) -> tuple[int, bytes]:
    """Return status and body of a GET."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def client(port: int, seconds_between: float, stop: threading.Event, tally: Tally) -> None:
    """Ask at a fixed rate, whatever the answers take."""
    due = time.perf_counter()
    while not stop.is_set():
        due += seconds_between
        time.sleep(max(0.0, due - time.perf_counter()))
        started = time.perf_counter()
        try:
            status, body = ask(port, "/number")
        except OSError:
            status, body = 0, b""
        tally.milliseconds.append((time.perf_counter() - started) * 1000)
        if status != 200:
            tally.failed += 1
            continue
        answer = json.loads(body)
        tally.seen.add(answer["version"])
        tally.mixed += {answer["one"], answer["two"]} != {tally.numbers[answer["version"]]}


def wait_for(port: int, version: str, seconds: float = 30.0) -> bool:
    """Wait until the service says that a version is live."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if json.loads(ask(port, "/ready")[1]).get("version") == version:
                return True
        except OSError:
            pass  # not listening yet
        time.sleep(0.01)
    return False


def metric(port: int, name: str) -> float:
    """Return the sum of a metric's series."""
    lines = ask(port, "/metrics")[1].decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def plant_bad(root: Path, version: str, number: int) -> None:
    """Put a damaged copy of a bundle under another version and point to it, as no command would."""
    bad = f"20990101T{number:06d}Z-000000000000"
    shutil.copytree(root / version, root / bad)
    (root / bad / "one").chmod(0o600)
    (root / bad / "one").write_text("-1")
    replace_link(root, "current", bad)


def main() -> int:
    """Start the service, swap under load, look at what clients saw; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=100)
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument("--pause", type=float, default=0.2, help="seconds between swaps")
    parser.add_argument("--control", action="store_true", help="a handler that asks the slot twice: must be found out")
    parser.add_argument("--serve", nargs=2, metavar=("ROOT", "PORT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(Path(options.serve[0]), int(options.serve[1]), mixing=options.control)
        return 0
    with tempfile.TemporaryDirectory() as name:
        return swap_under_load(Path(name), options)


def swap_under_load(root: Path, options: argparse.Namespace) -> int:
    """Run the experiment in a root."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tally = Tally({write_pair(root, 0): 0})
    promote(root, next(iter(tally.numbers)), author=AUTHOR, trust=KEY)
    command = [sys.executable, __file__, "--serve", str(root), str(port), *(["--control"] * options.control)]
    with subprocess.Popen(command) as server:
        stop, missed, bad, unnoticed = threading.Event(), 0, 0, 0
        try:
            missed += not wait_for(port, next(iter(tally.numbers)))
            clients = [threading.Thread(target=client, args=(port, 8 / options.rate, stop, tally)) for _ in range(8)]
            for thread in clients:
                thread.start()
            for number in range(1, options.swaps + 1):
                version = write_pair(root, number)
                tally.numbers[version] = number
                if number % 10 == 0:
                    refused = metric(port, "model_load_failures_total")
                    plant_bad(root, version, number)
                    bad += 1
                    time.sleep(options.pause)
                    noticed = metric(port, "model_load_failures_total") > refused and metric(port, "model_behind") == 1
                    unnoticed += not noticed
                promote(root, version, author=AUTHOR, trust=KEY)
                missed += not wait_for(port, version)
                time.sleep(options.pause)
            swaps = metric(port, "model_loads_total") - 1
            stop.set()
            for thread in clients:
                thread.join()
        finally:
            server.terminate()
    times = sorted(tally.milliseconds)
    return finish(
        f"{options.swaps} swaps at {options.rate:g} requests/s",
        [
            Result("requests", len(times)),
            Result("failed", tally.failed, 0),
            Result("answers mixing versions", tally.mixed, 0),
            Result("swaps that did not come", missed, 0),
            Result("swaps counted by the service", swaps),
            Result("versions seen in answers", len(tally.seen)),
            Result("bad bundles pointed to", bad),
            Result("bad bundles without a metric", unnoticed, 0),
            Result("exit code of the service", abs(server.returncode), 0),
            Result("p50 of an answer, ms", times[len(times) // 2]),
            Result("p99 of an answer, ms", times[int(len(times) * 0.99)]),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
