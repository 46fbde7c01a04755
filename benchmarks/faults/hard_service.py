"""Bad neighbours of a service: restarts under load, sockets that never finish, ten times too many requests, a leak.

    python benchmarks/faults/hard_service.py --bundle PlanRec/artifacts

`--control` swaps the service for one with a planted leak, which the memory figure must show.
"""

from __future__ import annotations

import argparse
import http.client
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from planrec_service import BODY, LEAKY, Served, free_port, serving
from report import Result, finish

from common_utils.bundle import open_bundle, write_bundle
from common_utils.releases import promote, publish
from common_utils.releases.author import Author

AUTHOR = Author("fault script", "swap")
NOISE = 5.0  # MB that pools and pages take however little is asked, 3.1 on a loaded machine; .5 per 10,000 at full size


def asked(port: int, connection: http.client.HTTPConnection | None = None) -> tuple[int, str | None]:
    """Return status and Retry-After of one prediction; 0 where the connection was refused or ended."""
    one = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        one.request("POST", "/predict", BODY, {"Content-Type": "application/json"})
        answer = one.getresponse()
        answer.read()
        return answer.status, answer.headers["Retry-After"]
    except (OSError, http.client.HTTPException):
        one.close()
        return 0, None
    finally:
        if connection is None:
            one.close()


def restarts(bundle: Path, folder: Path, count: int) -> list[Result]:
    """SIGTERM under load: a client that tries again must lose nothing, and every process must end with 0."""
    port, stop = free_port(), threading.Event()
    tally: Counter[str] = Counter()

    def client() -> None:
        while not stop.is_set():
            until = time.monotonic() + 60
            while (status := asked(port)[0]) != 200 and not stop.is_set():
                tally["tried again"] += 1
                tally["refused with a status"] += status not in (0, 503)
                if time.monotonic() > until:
                    tally["lost"] += 1
                    break
                time.sleep(0.05)
            tally["answered"] += status == 200

    threads = [threading.Thread(target=client) for _ in range(4)]
    bad_ends = 0
    for number in range(count):
        with serving(bundle, folder / "log", port=port) as served:
            if not number:
                for thread in threads:
                    thread.start()
            time.sleep(0.3)
        bad_ends += served.process.returncode != 0
    stop.set()
    for thread in threads:
        thread.join()
    return [
        Result("restarts under load", count),
        Result("answered meanwhile", tally["answered"]),
        Result("tried again", tally["tried again"]),
        Result("lost requests", tally["lost"], 0),
        Result("other statuses than 200 and 503", tally["refused with a status"], 0),
        Result("processes that did not end with 0", bad_ends, 0),
    ]


def slow_heads(served: Served, count: int) -> list[Result]:
    """Sockets that send a head byte by byte: others are answered, and the sockets are hung up."""
    sockets = [socket.create_connection(("127.0.0.1", served.port), timeout=30) for _ in range(count)]
    for one in sockets:
        one.sendall(b"POST /predict HTTP/1.1\r\nX-Slow: ")
    answers = [asked(served.port)[0] for _ in range(200)]
    hung_up = 0
    for one in sockets:
        try:
            hung_up += one.recv(1) == b""
        except ConnectionResetError:
            hung_up += 1
        one.close()
    return [
        Result("slow sockets", count),
        Result("normal requests not answered beside them", sum(status != 200 for status in answers), 0),
        Result("slow sockets not hung up", count - hung_up, 0),
    ]


def overload(bundle: Path, folder: Path, seconds: float) -> list[Result]:
    """Ten times as many requests at once as are served, with a rate limit: each refusal says when to come again."""
    settings = {"LIMITS__MAX_CONCURRENCY": 4, "ACCESS__REQUESTS_PER_SECOND": 200, "ACCESS__BURST": 50}
    statuses: Counter[int] = Counter()
    without_time = 0
    with serving(bundle, folder / "log", settings=settings) as served:
        before, end = served.resident_megabytes(), time.monotonic() + seconds

        def client(_: int) -> list[tuple[int, str | None]]:
            kept = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
            said: list[tuple[int, str | None]] = []
            while time.monotonic() < end:
                said.append(asked(served.port, kept))
            kept.close()
            return said

        with ThreadPoolExecutor(40) as pool:
            for said in pool.map(client, range(40)):
                for status, again in said:
                    statuses[status] += 1
                    without_time += status in (429, 503) and again is None
        grown = served.resident_megabytes() - before
        time.sleep(1)
        after = asked(served.port)[0]
    other = sum(statuses.values()) - statuses[200] - statuses[429] - statuses[503]
    return [
        Result("overload: answered", statuses[200]),
        Result("overload: 429 and 503", statuses[429] + statuses[503]),
        Result("overload: nothing refused", int(not statuses[429] + statuses[503]), 0),
        Result("overload: refused without Retry-After", without_time, 0),
        Result("overload: other answers, or none", other, 0),
        Result("overload: memory grown, MB", grown, 32),
        Result("overload: not answered a second later", int(after != 200), 0),
    ]


def two_releases(bundle: Path, root: Path) -> tuple[str, str]:
    """Write two bundles that differ in a note alone, publish both; return their versions."""
    source = open_bundle(bundle)
    versions: list[str] = []
    for note in ("one", "two"):

        def write(folder: Path, note: str = note) -> None:
            for name in source.files:
                (folder / name).write_bytes(source.read_bytes(name))
            (folder / "note.txt").write_text(note, encoding="utf-8")

        versions.append(write_bundle(root, info=source.info, write=write).version)
        publish(root, root / versions[-1], author=AUTHOR)
    return versions[0], versions[1]


def growth(bundle: Path, folder: Path, count: int, swaps: int, *, leak: bool) -> list[Result]:
    """Memory that predictions and swaps of the live model leave behind, after a tenth has warmed all caches."""
    root = folder / "root"
    versions = two_releases(bundle, root)
    promote(root, versions[0], author=AUTHOR)
    failed = 0
    with serving(root, folder / "log", program=LEAKY if leak else None, releases={"FOLLOW_SECONDS": 0.1}) as served:

        def ask(most: int, times: int) -> None:
            nonlocal failed
            kept = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
            for number in range(times):
                failed += sum(asked(served.port, kept)[0] != 200 for _ in range(most // times))
                promote(root, versions[1 - number % 2], author=AUTHOR)
                served.wait_for(versions[1 - number % 2])
            kept.close()

        warm = max(swaps // 10, 2)
        ask(count // 10, warm)
        before = served.resident_megabytes()
        ask(count, swaps)
        per = (served.resident_megabytes() - before) / count * 10_000
    return [
        Result("predictions", count),
        Result("swaps of the live model between them", swaps),
        Result("predictions not answered", failed, 0),
        Result("memory grown per 10,000 predictions, MB", per, max(1.0, NOISE / count * 10_000)),
    ]


def main() -> int:
    """Run all, print the table, return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--restarts", type=int, default=50)
    parser.add_argument("--sockets", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0, help="of overload")
    parser.add_argument("--predictions", type=int, default=100_000)
    parser.add_argument("--swaps", type=int, default=100)
    parser.add_argument("--control", action="store_true", help="plant a leak: must be found out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = growth(options.bundle, folder, options.predictions, options.swaps, leak=options.control)
        if not options.control:
            with serving(options.bundle, folder / "log") as served:
                results += slow_heads(served, options.sockets)
            results += overload(options.bundle, folder, options.seconds)
            results += restarts(options.bundle, folder, options.restarts)
    return finish("Bad neighbours", results)


if __name__ == "__main__":
    sys.exit(main())
