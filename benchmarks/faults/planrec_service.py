"""The service under attack: PlanRec as `planrec serve` starts it, in a process of its own, its log in a file."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BODY", "FAILED_PROBE", "LEAKY", "Served", "free_port", "serving"]

PROJECT = Path(__file__).resolve().parents[2] / "PlanRec"
BODY = (
    b'{"usage":[{"month":"2025-09","minutes":312,"messages":20,"megabytes":9150.5},'
    b'{"month":"2025-10","minutes":287,"messages":14,"megabytes":11020}],"current_plan":"basic-6","age":34}'
)


LEAKY = """
import app.live as service
from planrec.cli import main
kept, answer = [], service.LivePlanRec.quick_chances
service.LivePlanRec.quick_chances = lambda self, *asked: kept.append(b"x" * 4096 + bytes(8)) or answer(self, *asked)
main()
"""
"""A program that plants a leak of four kilobytes a prediction."""

FAILED_PROBE = """
import app.live as service
from common_utils.errors import ArtifactError
from planrec.cli import main
def fail(self, *asked):
    raise ArtifactError("probe: planted")
service.LivePlanRec.quick_chances = service.LivePlanRec.predict = fail
main()
"""
"""A program whose model never passes its probe."""


@dataclass(frozen=True)
class Served:
    """A running service."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers of one answer; raises OSError or HTTPException where there was none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, body, {**sent, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}
        finally:
            connection.close()

    def resident_megabytes(self) -> float:
        """Return the resident memory of the process, MB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"^VmRSS:\s+(\d+)", text, re.MULTILINE)
        return int(found[1]) / 1024 if found else 0.0

    def wait_for(self, version: str) -> None:
        """Wait until a version is live."""
        end = time.monotonic() + 30
        while version.encode() not in self.ask("GET", "/ready")[1]:
            if time.monotonic() > end:
                raise SystemExit(f"{version} did not become live; the service's log: {self.log}")
            time.sleep(0.02)


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(
    bundle: Path,
    log: Path,
    *,
    port: int | None = None,
    settings: Mapping[str, object] | None = None,
    releases: Mapping[str, object] | None = None,
    program: str | None = None,
    wait_for: str = "/ready",
) -> Generator[Served]:
    """Start the service, or a program in its place, wait until a path answers 200, and terminate it."""
    port = port or free_port()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment |= {f"PLANREC__SERVING__{name}": str(value) for name, value in (settings or {}).items()}
    environment |= {f"PLANREC__RELEASES__{name}": str(value) for name, value in (releases or {}).items()}
    started = ["-m", "planrec.cli"] if program is None else ["-c", program]
    command = [sys.executable, *started, "serve", "--port", str(port), "--bundle", str(bundle.resolve())]
    with log.open("ab") as stream, subprocess.Popen(command, cwd=PROJECT, env=environment, stderr=stream) as process:
        served = Served(port, process, log)
        try:
            _wait(served, wait_for)
            yield served
        finally:
            process.terminate()


def _wait(served: Served, path: str) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and served.process.poll() is None:
        try:
            if served.ask("GET", path)[0] == 200:
                return
        except OSError:
            pass  # not listening yet
        time.sleep(0.02)
    raise SystemExit("the service did not become ready; its log: " + served.log.read_text(encoding="utf-8")[-2000:])
