"""Restarts behind HAProxy, clients that keep their connections and never ask twice: no request may be lost.

    python benchmarks/faults/drain.py --bundle PlanRec/artifacts

Needs `haproxy` (Debian: `apt-get install haproxy`), which runs infra/haproxy/haproxy.cfg before two replicas that are
restarted in turn. `--control` gives the replicas no time to drain: requests must be lost.
"""

from __future__ import annotations

import argparse
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from planrec_service import BODY, Served, free_port, serving
from report import Result, finish

CONFIGURATION = Path(__file__).resolve().parents[2] / "infra" / "haproxy" / "haproxy.cfg"
CLIENTS = 8
DRAIN_SECONDS = 2.0


class Traffic:
    """Clients that keep their connections and ask once, until the restarts are over and enough was asked."""

    def __init__(self, port: int, requests: int, pause: float) -> None:
        self.tally: Counter[str] = Counter()
        self._port, self._pause = port, pause
        self._least = requests
        self._restarted = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """End when the least number of requests is asked."""
        self._restarted.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        kept = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._restarted.is_set() or self.tally.total() < self._least:
            try:
                kept.request("POST", "/predict", BODY, {"Content-Type": "application/json"})
                answer = kept.getresponse()
                answer.read()
                self.tally["answered" if answer.status == 200 else f"lost: {answer.status}"] += 1
            except (OSError, http.client.HTTPException) as error:
                self.tally[f"lost: {type(error).__name__}"] += 1
                kept.close()
            time.sleep(self._pause)
        kept.close()


@contextmanager
def balancing(port: int, replicas: tuple[int, int], log: Path) -> Generator[None]:
    """Run HAProxy before two replicas."""
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    if not Path(program).is_file():
        raise SystemExit("haproxy is not installed: apt-get install haproxy")
    environment = {**os.environ, "PORT": str(port), "FIRST": str(replicas[0]), "SECOND": str(replicas[1])}
    command = [program, "-db", "-f", str(CONFIGURATION)]
    with log.open("ab") as stream, subprocess.Popen(command, env=environment, stdout=stream, stderr=stream) as process:
        try:
            time.sleep(1.0)
            if process.poll() is not None:
                raise SystemExit(f"haproxy ended: {log.read_text(encoding='utf-8')[-1000:]}")
            yield
        finally:
            process.terminate()


def restarts(bundle: Path, folder: Path, count: int, requests: int, pause: float, drain: float) -> list[Result]:
    """Restart the replicas in turn, each while the other serves, under traffic."""
    port, ports = free_port(), (free_port(), free_port())
    settings = {"DRAIN_SECONDS": drain}
    bad_ends = 0
    with ExitStack() as always:
        stacks = [always.enter_context(ExitStack()) for _ in ports]

        def start(place: int) -> Served:
            log = folder / f"log{place}"
            return stacks[place].enter_context(serving(bundle, log, port=ports[place], settings=settings))

        replicas = [start(place) for place in (0, 1)]
        always.enter_context(balancing(port, ports, folder / "haproxy"))
        traffic = Traffic(port, requests, pause)
        traffic.start()
        begun = time.monotonic()
        for number in range(count):
            place = number % 2
            process = replicas[place].process
            stacks[place].close()
            bad_ends += process.returncode != 0
            replicas[place] = start(place)
            time.sleep(1.0)  # HAProxy sees it rise
        traffic.finish()
        seconds = time.monotonic() - begun
    lost = sum(number for what, number in traffic.tally.items() if what != "answered")
    return [
        Result("restarts", count),
        Result("requests of clients that do not ask again", sum(traffic.tally.values())),
        Result("seconds", seconds),
        Result("answered", traffic.tally["answered"]),
        *(Result(what, number) for what, number in sorted(traffic.tally.items()) if what != "answered"),
        Result("lost requests", lost, 0),
        Result("processes that did not end with 0", bad_ends, 0),
    ]


def main() -> int:
    """Run, print the table, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--requests", type=int, default=100_000, help="at least")
    parser.add_argument("--pause", type=float, default=0.002, help="of each client between two requests, seconds")
    parser.add_argument("--control", action="store_true", help="no drain: requests must be lost")
    options = parser.parse_args()
    drain = 0.0 if options.control else DRAIN_SECONDS
    with tempfile.TemporaryDirectory() as name:
        results = restarts(options.bundle, Path(name), options.restarts, options.requests, options.pause, drain)
    code = finish("Restarts behind HAProxy", results)  # not one of `make faults`: HAProxy is needed, so `make drain`
    return code  # noqa: RET504


if __name__ == "__main__":
    sys.exit(main())
