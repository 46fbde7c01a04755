"""The commands and services of one checkout, run as a user would: nothing of it is imported."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from answers.payloads import Request
from answers.records import Item, figures_of, neutral, parted

__all__ = ["PROJECTS", "Checkout", "ServiceError"]

PROJECTS = {
    "planrec": "PlanRec",
    "bankchurn": "BankChurn-Predictor",
    "carvision": "CarVision-Market-Intelligence",
    "telecom": "TelecomAI-Customer-Intelligence",
}
"""Command: the project's folder."""

_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "LOKY_MAX_CPU")
_SETTINGS = re.compile(r"^(PLANREC|BANKCHURN|CARVISION|TELECOM|SERVICE|BUNDLE|RELEASE|PORTFOLIO|PYTHON)", re.IGNORECASE)
_READY_SECONDS = 120.0
_OF_THE_RUN = frozenset(
    {"created", "libraries", "request_id"}
)  # what an answer tells about the run, not the subscriber
_TO_CSV = "import pandas as p, sys; [p.read_parquet(f).to_csv(f + '.csv', index=False) for f in sys.argv[1:]]"
_TO_PARQUET = "import pandas as p, sys; p.read_csv(sys.argv[1]).to_parquet(sys.argv[2], index=False)"


class ServiceError(Exception):
    """A service did not start, or did not answer."""


@dataclass
class Checkout:
    """One checkout with its environment, asked in a folder of its own.

    Attributes
    ----------
    root : Path
        Of the repository.
    venv : Path
        The environment its commands lie in.
    folder : Path
        Where commands write; nothing of the checkout is changed.
    data : Path
        Folder of the public tables.
    printed : list
        Of every command so far: its words, exit code and the figures it printed.
    problems : list of str
        Commands that left with another code than they should.
    """

    root: Path
    venv: Path
    folder: Path
    data: Path
    printed: list[Any] = field(default_factory=list[Any])
    problems: list[str] = field(default_factory=list[str])

    def run(self, command: str, *arguments: str | Path, expect: int = 0) -> str:
        """Run a command in its project's folder and note what it prints; return its standard output."""
        words = [str(argument) for argument in arguments]
        done = subprocess.run(
            [str(self.venv / "bin" / command), *words],
            cwd=self.root / PROJECTS[command],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        said = {"stdout": figures_of(self._placed(done.stdout)), "stderr": figures_of(self._placed(done.stderr))}
        self.printed.append({"command": self._placed(f"{command} {' '.join(words)}"), "exit": done.returncode, **said})
        if done.returncode != expect:
            told = "\n".join(done.stderr.splitlines()[-5:])
            self.problems.append(f"{command} {' '.join(words)}\nleft with {done.returncode}, not {expect}: {told}")
        return done.stdout

    def environment(self) -> dict[str, str]:
        """Return the environment of a child: one thread, wide tables, no setting of the caller's."""
        kept = {name: value for name, value in os.environ.items() if not _SETTINGS.match(name)}
        threads = {f"{name}_NUM_THREADS": "1" for name in _THREADS} | {"LOKY_MAX_CPU_COUNT": "1"}
        compiled = str(self.folder.parent / "bytecode")  # outside the checkout, and once for all commands
        return kept | threads | {"PYTHONPYCACHEPREFIX": compiled, "COLUMNS": "200", "PORTFOLIO_DATA": str(self.data)}

    def to_parquet(self, table: Path) -> Path:
        """Write a CSV file again as Parquet, beside it; return where."""
        path = table.with_suffix(".parquet")
        self._python(_TO_PARQUET, [table, path])
        return path

    def to_csv(self, tables: Sequence[Path]) -> list[Path]:
        """Write Parquet files again as CSV, beside them; return where."""
        self._python(_TO_CSV, tables)
        return [table.with_name(f"{table.name}.csv") for table in tables]

    @contextmanager
    def service(self, command: str, bundle: Path, *arguments: str | Path) -> Generator[Service]:
        """Serve a bundle on a free port; the process is ended on leaving."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        words = ["serve", "--port", str(port), "--bundle", str(bundle), *(str(argument) for argument in arguments)]
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(
                [str(self.venv / "bin" / command), *words],
                cwd=self.root / PROJECTS[command],
                env=self.environment(),
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
            try:
                service = Service(port)
                if not service.ready(process):
                    said.seek(0)
                    raise ServiceError(f"{command} {' '.join(words)}: not ready: {said.read()[-2000:]}")
                yield service
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=30)
            finally:
                process.kill()
                process.wait()

    def _python(self, code: str, paths: Sequence[Path]) -> None:
        words = [str(path) for path in paths]
        subprocess.run([str(self.venv / "bin" / "python"), "-c", code, *words], env=self.environment(), check=True)

    def _placed(self, text: str) -> str:
        for folder in (self.folder, self.data, self.root):
            text = text.replace(str(folder), "")
        return text


class Service:
    """A running service on this machine.

    Parameters
    ----------
    port : int
    """

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until it answers; False if it ended or takes too long."""
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if self.ask(Request("/ready"))["status"] == 200:
                    return True
            except ServiceError:
                pass  # not listening yet
            time.sleep(0.1)
        return False

    def ask(self, request: Request) -> dict[str, Any]:
        """Return what was asked, the status and the answer, without what only this run knows.

        Raises
        ------
        ServiceError
            If nobody answers.
        """
        method = "GET" if request.body is None else "POST"
        try:
            self._connection.request(method, request.path, request.body, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            answer = json.loads(neutral(response.read().decode()))
        except (OSError, ValueError, http.client.HTTPException) as error:
            self._connection.close()
            raise ServiceError(f"{method} {request.path}: {error!r}") from error
        asked = None if request.body is None else request.body.decode(errors="replace")
        return {"asked": asked, "status": response.status, "answer": _without(answer, _OF_THE_RUN)}

    def items(self, name: str, requests: Sequence[Request]) -> Iterator[Item]:
        """Yield the answers to requests as an item of figures and, where there are any, one of sentences."""
        both = [parted(self.ask(request)) for request in requests]
        yield Item(name, [figures for figures, _ in both])
        if any(words is not None for _, words in both):
            yield Item(f"{name}, words", [words for _, words in both])


def _without(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {name: part for name, part in value.items() if name not in names}
    return value
