"""Requests/s of the service against an endpoint that does nothing, in one run: ratios within rounds are what counts.

The service runs as `planrec serve` starts it: metrics, request ids, limits, problems and its sampled log are on; API
keys are as well with --keys. wrk (Debian: `apt-get install wrk`) sends at least 1,000 different bodies in turn.
Processor time a request is told too, because on a machine with other work requests/s say as much about that work.

    python benchmarks/serving/compare.py --bundle PlanRec/artifacts --output benchmarks/serving/results.md
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from payloads import bodies, wrk_script

from common_utils.serving.guards.access import KEYS_VARIABLE

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1] / "PlanRec"
MUST = {1: 0.80, 16: 0.75, 64: 0.70}
GOAL = {1: 0.90, 16: 0.85, 64: 0.80}
RECOMMEND_MUST, RECOMMEND_GOAL = 0.55, 0.80
WARM = 4  # connections of the second before a round


@dataclass
class Target:
    """A server and what was measured of it."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict[str, str])
    headers: dict[str, str] = field(default_factory=dict[str, str])
    ready: str = "/ready"
    memory: list[float] = field(default_factory=list[float])
    start: list[float] = field(default_factory=list[float])
    rates: dict[tuple[str, int], list[float]] = field(default_factory=dict[tuple[str, int], list[float]])
    refused: int = 0
    cpu: dict[tuple[str, int], list[float]] = field(default_factory=dict[tuple[str, int], list[float]])
    pid: int = 0


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def resident_megabytes(pid: int) -> float:
    """Return the proportional set size of a process, MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1]) / 1024  # type: ignore[index]


@contextmanager
def running(target: Target, port: int) -> Generator[str]:
    """Start a server, wait until it is ready, stop it."""
    command = [part.replace("PORT", str(port)) for part in target.command]
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT}:{HERE}", **target.environment}
    begun = time.perf_counter()
    log = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=log) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            while True:
                try:
                    with urllib.request.urlopen(f"{url}{target.ready}", timeout=1) as answer:  # noqa: S310  our own server
                        if answer.status == 200:
                            break
                except OSError:
                    if process.poll() is not None or time.perf_counter() - begun > 120:
                        raise SystemExit(f"{target.name} did not become ready: {' '.join(command)}") from None
                time.sleep(0.005)
            target.pid = process.pid
            target.start.append(time.perf_counter() - begun)
            yield url
            target.memory.append(resident_megabytes(process.pid))
        finally:
            process.terminate()


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(target: Target, url: str, script: Path, connections: int, seconds: float) -> None:
    """Let wrk ask, and note requests/s and what a request cost the server in processor time."""
    before = cpu_seconds(target.pid)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(script), url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    target.refused += int(refused[1]) if refused else 0
    count = int(re.search(r"(\d+) requests in", text)[1])  # type: ignore[index]
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])  # type: ignore[index]
    key = (f"/{url.rpartition('/')[2]}", connections)
    target.rates.setdefault(key, []).append(rate)
    target.cpu.setdefault(key, []).append((cpu_seconds(target.pid) - before) / count * 1e6)


def measure(targets: list[Target], options: argparse.Namespace, folder: Path) -> None:
    """Go through all rounds; within a round the servers take turns at each number of connections."""
    payloads = bodies(options.payloads)
    for _ in range(options.rounds):
        for target in targets:
            script = folder / f"{target.name}.lua"
            wrk_script(script, payloads, target.headers)
        port = free_port()
        ports = {target.name: free_port() for target in targets} | {targets[0].name: port}
        with (
            running(targets[0], ports[targets[0].name]) as first,
            running(targets[1], ports[targets[1].name]) as second,
        ):
            for target, url in zip(targets, (first, second), strict=True):
                load(target, f"{url}/predict", folder / f"{target.name}.lua", WARM, 1)
            for connections in options.connections:
                for target, url in zip(targets, (first, second), strict=True):
                    load(target, f"{url}/predict", folder / f"{target.name}.lua", connections, options.seconds)
            service = targets[1]
            script = folder / "recommend.lua"
            recommended = [re.sub(r',"tenure_months":\d+', "", body) for body in payloads]
            wrk_script(script, recommended, service.headers)
            load(service, f"{second}/recommend", script, 16, options.seconds)


def three(values: list[float], form: str = ".2f") -> str:
    """Return min / median / max."""
    return " / ".join(format(v, form) for v in (min(values), statistics.median(values), max(values)))


def report(targets: list[Target], options: argparse.Namespace) -> tuple[str, bool]:
    """Return the table, and whether every ratio holds its must."""
    ceiling, service = targets
    lines = [
        "# Serving benchmark",
        "",
        f"`python benchmarks/serving/compare.py {' '.join(sys.argv[1:])}`",
        "",
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end; "
        f"{options.rounds} rounds of {options.seconds:g} s, {options.payloads:,} bodies, one worker each. "
        "Figures are min / median / max over the rounds; ratios are taken within a round.",
        "",
        "| what | ceiling, requests/s | service, requests/s | ratio | must | goal |",
        "|---|---|---|---|---|---|",
    ]
    holds = True
    for connections in options.connections:
        ours, theirs = service.rates["/predict", connections], ceiling.rates["/predict", connections]
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        holds &= statistics.median(ratios) >= MUST.get(connections, 0)
        lines.append(
            f"| `/predict`, {connections} connection(s) | {three(theirs, ',.0f')} | {three(ours, ',.0f')} | "
            f"{three(ratios)} | {MUST.get(connections, '-')} | {GOAL.get(connections, '-')} |"
        )
    for key, costs in service.cpu.items():
        base = ceiling.cpu.get(("/predict", key[1]), [])
        if key[1] in options.connections and base:
            ratios = [a / b for a, b in zip(base, costs, strict=True)]
            lines.append(
                f"| `{key[0]}`, {key[1]} connection(s), processor time a request, us | {three(base, '.0f')} | "
                f"{three(costs, '.0f')} | {three(ratios)} | - | - |"
            )
    if 16 in options.connections:
        theirs, ours = ceiling.rates["/predict", 16], service.rates["/recommend", 16]
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        holds &= statistics.median(ratios) >= RECOMMEND_MUST
        lines.append(
            f"| `/recommend`, 16 connections | {three(theirs, ',.0f')} | {three(ours, ',.0f')} | "
            f"{three(ratios)} | {RECOMMEND_MUST} | {RECOMMEND_GOAL:.1f} |"
        )
    for what, most, a, b in (
        ("memory, MB (PSS)", 2.5, service.memory, ceiling.memory),
        ("start to ready, s", 3.0, service.start, ceiling.start),
    ):
        ratios = [x / y for x, y in zip(a, b, strict=True)]
        holds &= statistics.median(ratios) <= most
        lines.append(f"| {what} | {three(b, '.1f')} | {three(a, '.1f')} | {three(ratios)} | <= {most} | - |")
    lines += [
        "",
        f"Answers other than 200: {ceiling.refused} of the ceiling's, {service.refused} of the service's.",
        "",
    ]
    return "\n".join(lines), holds and not service.refused


def ceiling() -> Target:
    """Return the endpoint that does nothing."""
    quiet = ["--no-access-log", "--log-level", "warning"]
    return Target("ceiling", [sys.executable, "-m", "uvicorn", *quiet, "--port", "PORT", "ceiling:app"])


def service(bundle: Path, *, keys: bool = False) -> Target:
    """Return the service as it is started for users."""
    target = Target(
        "service",
        [sys.executable, "-m", "planrec.cli", "serve", "--port", "PORT", "--bundle", str(bundle.resolve())],
        {"OMP_NUM_THREADS": "1"},
    )
    if keys:
        key = secrets.token_urlsafe(32)
        target.headers["Authorization"] = f"Bearer {key}"
        target.environment |= {
            "PLANREC__SERVING__ACCESS__KEYS": "required",
            KEYS_VARIABLE: f"benchmark:predict:{hashlib.sha256(key.encode()).hexdigest()}",
        }
    return target


def main() -> int:
    """Measure, print the table, write it if asked; return 1 if a must does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True, help="root of bundles, or a bundle")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--payloads", type=int, default=1000)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--keys", action="store_true", help="require an API key, as in production, and send one")
    parser.add_argument("--quick", action="store_true", help="one round of 2 s")
    parser.add_argument("--output", type=Path, help="write the table to this file")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 2.0
    if shutil.which("wrk") is None:
        print("wrk is not installed; on Debian: apt-get install wrk", file=sys.stderr)
        return 2
    targets = [ceiling(), service(options.bundle, keys=options.keys)]
    with tempfile.TemporaryDirectory() as name:
        measure(targets, options, Path(name))
    text, holds = report(targets, options)
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    return int(not holds)


if __name__ == "__main__":
    sys.exit(main())
