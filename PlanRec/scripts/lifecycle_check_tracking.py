"""Measure the gates of runs and of their mirror against a real MLflow server, on SQLite and on PostgreSQL.

Prints each gate and leaves with 5 if one is not kept: `make -C PlanRec tracking-check`. The server comes from
.venv-mlflow (`make mlflow`), PostgreSQL from a wheel; without either the run fails. `--write` keeps the figures in
benchmarks/results/tracking.json and the table of docs/tracking.md.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
from psycopg import sql

from common_utils.bundle import current_version
from common_utils.releases import promote
from common_utils.releases.author import Author
from common_utils.testing.gates import Gates
from common_utils.testing.postgres import PostgresFromWheel, postgres_server
from common_utils.testing.tracking.ailing_servers import AILMENTS, ailing_server
from common_utils.tracking.config import TrackingConfig
from common_utils.tracking.mirror import BUNDLE_TAG, MANIFEST_TAG, RUN_TAG
from common_utils.tracking.mlflow_door import opened
from common_utils.tracking.store import RunStore

PROJECT = Path(__file__).resolve().parents[1]
ROOT = PROJECT.parent
SERVER = ROOT / ".venv-mlflow" / "bin" / "mlflow"
FIGURES = ROOT / "benchmarks" / "results" / "tracking.json"
PAGE = PROJECT / "docs" / "tracking.md"
CANARY = "CANARY4711"
_PROJECT_NAME = "planrec"
_SMALL = (
    "simulator.subscribers=1200",
    "training.model.max_iter=4",
    "training.challenger.max_iter=4",
    "training.challenger.folds=2",
    "training.split.folds=3",
    "evaluation.resamples=50",
)
_START_SECONDS, _SYNC_SECONDS = 180, 300


class Lab:
    """A folder of runs and bundles, and the command line that works in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.artifacts, self.runs = folder / "artifacts", folder / "runs"
        self.store = RunStore(self.runs)

    def words(self, *settings: str) -> list[str]:
        """Return the settings of a command as its words."""
        places = (f"tracking.folder={self.runs}", f"training.artifacts={self.artifacts}")
        return [word for one in (*_SMALL, *places, *settings) for word in ("--set", one)]

    def run(self, *words: str, settings: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command = [sys.executable, "-m", "planrec.cli", *words, *self.words(*settings)]
        environment = os.environ | {"PYTHONHASHSEED": "0"}  # pickles of sets follow it; the digest is of every file
        return subprocess.run(
            command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=900
        )

    def sync(self, uri: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one sync to its end."""
        return self.run("lifecycle", "sync", *words, settings=(f"tracking.url={uri}",))


class Mirrored:
    """What a server holds, asked by its own client."""

    def __init__(self, uri: str, folder: Path) -> None:
        self.config, self.folder = TrackingConfig(url=uri, timeout_seconds=60), folder

    def runs(self) -> list[Any]:
        """Return every run of the experiment."""
        with opened(self.config, self.folder) as client:
            experiment = client.get_experiment_by_name(_PROJECT_NAME)
            return [] if experiment is None else list(client.search_runs([experiment.experiment_id]))

    def versions(self) -> list[Any]:
        """Return every version of the model."""
        with opened(self.config, self.folder) as client:
            return list(client.search_model_versions(f"name = '{_PROJECT_NAME}'"))

    def aliases(self) -> dict[str, str]:
        """Return the bundle that each alias stands for."""
        with opened(self.config, self.folder) as client:
            return {
                name: client.get_model_version_by_alias(_PROJECT_NAME, name).tags[BUNDLE_TAG]
                for model in client.search_registered_models(f"name = '{_PROJECT_NAME}'")
                for name in model.aliases
            }

    def files(self) -> set[str]:
        """Return the names of the files that the runs hold."""
        with opened(self.config, self.folder) as client:
            runs = [run.info.run_id for run in self.runs()]
            return {file.path for run in runs for file in client.list_artifacts(run) if not file.is_dir} | {
                file.path for run in runs for file in client.list_artifacts(run, "figures")
            }

    def once(self, store: RunStore) -> tuple[bool, str]:
        """Tell whether each run of ours and each bundle is there exactly once, and say the counts."""
        runs = [run.data.tags[RUN_TAG] for run in self.runs()]
        manifests = [version.tags[MANIFEST_TAG] for version in self.versions()]
        bundles = {run.bundle.manifest_sha256 for run in map(store.read, store.names()) if run.bundle is not None}
        kept = sorted(runs) == store.names() and sorted(manifests) == sorted(bundles)
        return kept, f"{len(runs)} run(s) of {len(store.names())}, {len(manifests)} version(s) of {len(bundles)}"


@contextmanager
def mlflow_server(folder: Path, store: str, port: int) -> Generator[subprocess.Popen[bytes]]:
    """Start the real server, wait until it answers, and end it."""
    command = [
        str(SERVER),
        "server",
        "--backend-store-uri",
        store,
        "--artifacts-destination",
        str(folder / "artifacts"),
    ]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _await(f"http://127.0.0.1:{port}/health", process, folder / "server.log")
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def _await(uri: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        with suppress(OSError, urllib.error.URLError), urllib.request.urlopen(uri, timeout=2):  # noqa: S310 - ours
            return
        if process.poll() is not None:
            break
        time.sleep(0.5)
    raise RuntimeError(f"mlflow did not start: {log.read_text(encoding='utf-8')[-400:]}")


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def trainings(gates: Gates, lab: Lab, table: Path) -> None:
    """Train beside a server that is dead, hangs, fails or is slow; nobody connects, and the bundle is the same."""
    port, seconds, digests, connections, codes = free_port(), {}, set[str](), 0, set[int]()
    for ailment in AILMENTS:
        with ailing_server(ailment, port) as server:
            began = time.monotonic()
            done = lab.run(
                "train", "--data-source", "table", "--data", str(table), settings=(f"tracking.url={server.uri}",)
            )
            seconds[ailment] = time.monotonic() - began
            connections += server.connections
        codes.add(done.returncode)
        if done.returncode:
            gates.show(f"training, server {ailment}", done.stderr[-300:], kept=False)
            return
        digests.add(str(current_version(lab.artifacts)).rpartition("-")[2])
    outbox = len(lab.store.posted())
    words = ", ".join(f"{name} {took:.0f} s" for name, took in seconds.items())
    gates.show(
        "training while the server is dead, hangs, fails, is slow",
        f"exit {sorted(codes)}, {len(digests)} bundle digest, {connections} connections, outbox {outbox}; {words}",
        kept=(codes, len(digests), connections, outbox) == ({0}, 1, 0, len(AILMENTS)),
    )


def mirror(gates: Gates, lab: Lab, kind: str, folder: Path, store: str, kills: int, seed: int) -> None:
    """Sync to a server of one kind: killed on the way, repeated, with the server gone in between."""
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    held = Mirrored(uri, folder)
    for name in lab.store.names():
        lab.store.post(name)
    waiting = len(lab.store.posted())
    done = lab.sync(uri)
    gates.show(
        f"{kind}: sync without a server",
        f"exit {done.returncode}, {len(lab.store.posted())} of {waiting} wait on",
        kept=(done.returncode, len(lab.store.posted())) == (1, waiting),
    )
    with mlflow_server(folder, store, port):
        killed = _killed_syncs(lab, uri, kills, random.Random(seed))  # noqa: S311 - a drawn moment, seeded
        done = lab.sync(uri)
        kept, words = held.once(lab.store)
        gates.show(
            f"{kind}: sync killed {killed} times, then whole",
            f"{words}, exit {done.returncode}, outbox {len(lab.store.posted())}",
            kept=kept and done.returncode == 0 and not lab.store.posted(),
        )
        again = lab.sync(uri, "--all")
        kept, words = held.once(lab.store)
        gates.show(
            f"{kind}: everything once more", f"{words}, exit {again.returncode}", kept=kept and not again.returncode
        )
        _aliases(gates, lab, kind, held)
        files = held.files()
        gates.show(f"{kind}: files", ", ".join(sorted(files)), kept={"model_card.md", "figures/regret.png"} <= files)


def _killed_syncs(lab: Lab, uri: str, kills: int, rng: random.Random) -> int:
    """Kill a sync at a drawn moment after MLflow was loaded, so many times; return how many were still running."""
    killed = 0
    for _ in range(kills):
        command = [sys.executable, "-m", "planrec.cli", "lifecycle", "sync", *lab.words(f"tracking.url={uri}")]
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lock = lab.runs / ".sync.lock"
        lock.unlink(missing_ok=True)
        while process.poll() is None and not lock.exists():
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 6))
        if process.poll() is None:
            process.kill()
            killed += 1
        process.wait(_SYNC_SECONDS)
    return killed


def _aliases(gates: Gates, lab: Lab, kind: str, held: Mirrored) -> None:
    """Promote another bundle, name a challenger, take it away; the aliases follow each time."""
    live = current_version(lab.artifacts)
    other = min(path.name for path in lab.artifacts.iterdir() if path.is_dir() and path.name != live)
    seen: list[bool] = [held.aliases() == {"champion": live}]
    promote(lab.artifacts, other, author=Author("check", "a gate"))
    (lab.artifacts / "challenger").symlink_to(str(live))
    said = lab.sync(held.config.url).stdout
    seen.append(held.aliases() == {"champion": other, "challenger": live})
    (lab.artifacts / "challenger").unlink()
    promote(lab.artifacts, str(live), author=Author("check", "a gate"))
    lab.sync(held.config.url)
    seen.append(held.aliases() == {"champion": live})
    moved = said.count("(was ")
    gates.show(
        f"{kind}: aliases", f"{sum(seen)} of 3 as the pointers, {moved} changes said", kept=all(seen) and moved == 2
    )


def canaries(gates: Gates, lab: Lab, kind: str, folder: Path, rows: str) -> None:
    """Look for the subjects' ids in the records, the server's files and its database."""
    places = {"records": lab.runs, "server's folder": folder}
    found = [
        name
        for name, place in places.items()
        for path in place.rglob("*")
        if path.is_file() and CANARY.encode() in path.read_bytes()
    ]
    found += ["database"] * (CANARY in rows)
    gates.show(f"{kind}: ids of subjects", f"found in {sorted(set(found)) or 'nothing'}", kept=not found)


def table_of_subjects(folder: Path) -> Path:
    """Write simulated usage months whose subscribers can be found again wherever their ids are."""
    command = [sys.executable, "-m", "planrec.cli", "simulate", "--output", str(folder), "--set", _SMALL[0]]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    months = pd.read_parquet(folder / "usage_months.parquet")
    path = folder.with_suffix(".parquet")
    months.assign(subscriber_id=CANARY + months["subscriber_id"].astype(str)).to_parquet(path, index=False)
    return path


def database_text(server: PostgresFromWheel) -> str:
    """Return every row of every table as text."""
    with psycopg.connect(server.uri) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        every = [sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name)) for (name,) in tables]
        rows = [row for query in every for row in connection.execute(query).fetchall()]
    return "\n".join(text for (text,) in rows)


def main() -> int:
    """Measure every gate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--kills", type=int, default=5, help="syncs that are killed, on each kind of server")
    parser.add_argument("--write", action="store_true", help="keep the figures")
    options = parser.parse_args()
    gates = Gates("tracking-check")
    print(f"seed {options.seed}")
    if not SERVER.is_file():
        gates.show("the server of MLflow", f"{SERVER} is not there; make mlflow", kept=False)
        return 5
    with tempfile.TemporaryDirectory(prefix="tracking-") as name, postgres_server() as database:
        folder = Path(name)
        lab = Lab(folder)
        gates.measure("training", lambda: trainings(gates, lab, table_of_subjects(folder / "usage")))
        for kind, store in (
            ("SQLite", f"sqlite:///{folder / 'sqlite' / 'mlflow.db'}"),
            ("PostgreSQL", database.uri.replace("postgresql://", "postgresql+psycopg://")),
        ):
            place = folder / kind.lower()
            place.mkdir()

            def measured(kind: str = kind, store: str = store, place: Path = place) -> None:
                mirror(gates, lab, kind, place, store, options.kills, options.seed)
                canaries(gates, lab, kind, place, database_text(database) if kind == "PostgreSQL" else "")

            gates.measure(kind, measured)
    if options.write:
        gates.write(options.seed, FIGURES, PAGE)
    return 0 if gates.kept else 5


if __name__ == "__main__":
    sys.exit(main())
