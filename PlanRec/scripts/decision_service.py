"""A real service with a decision log, for what is measured of it: started, killed at once, started again, ended."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

__all__ = ["KEY_LINE", "PROJECT", "Service", "command"]

PROJECT = Path(__file__).resolve().parents[1]
KEY_LINE = "k1:" + "a" * 64
"""The key of the log; of no secret, as nothing here is real."""
_START_SECONDS = 120.0


def command(*words: str) -> list[str]:
    """Return a command of PlanRec's command line, by this Python.

    Examples
    --------
    >>> command("decisions", "ship")[1:]
    ['-m', 'planrec.cli', 'decisions', 'ship']
    """
    return [sys.executable, "-m", "planrec.cli", *words]


class Service:
    """`planrec serve` as a process of its own; what it says goes to the file service.log of its folder.

    Parameters
    ----------
    bundle : Path
        A bundle, or a root of bundles.
    folder : Path
        There; its journal, its store and what it says lie in it.
    settings : mapping of str to str
        As `--set` takes them.
    """

    def __init__(self, bundle: Path, folder: Path, **settings: str) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        usual = {
            "decisions.journal": str(folder / "journal"),
            "decisions.url": f"sqlite:///{folder}/log.db",
            "decisions.key_file": str(folder / "decision-keys"),
        }
        self.options = [word for name, value in (usual | settings).items() for word in ("--set", f"{name}={value}")]
        (folder / "decision-keys").write_text(KEY_LINE + "\n", encoding="utf-8")
        self._bundle = bundle
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        return 0 if self._process is None else self._process.pid

    @property
    def environment(self) -> dict[str, str]:
        """With one thread."""
        return {**os.environ, "OMP_NUM_THREADS": "1"}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> None:
        """Start, and wait until it is ready."""
        said = ("serve", "--port", str(self.port), "--bundle", str(self._bundle), *self.options)
        with (self.folder / "service.log").open("ab") as log:
            self._process = subprocess.Popen(
                command(*said), cwd=PROJECT, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        end = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > end:
                said_last = (self.folder / "service.log").read_text(encoding="utf-8")[-500:]
                raise RuntimeError(f"the service did not become ready: {said_last}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a crash does."""
        self._signal(signal.SIGKILL)

    def end(self) -> None:
        """End it as an operator does."""
        self._signal(signal.SIGTERM)

    def ask(self, path: str, body: object = None, *, key: str = "") -> Any:
        """Return the JSON of an answer, or its text; raise OSError where none came."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            return asked(connection, path, body, key=key)
        finally:
            connection.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)
            self._process = None

    def _is_ready(self) -> bool:
        try:
            return self.ask("/ready")["status"] == "ready"
        except (OSError, http.client.HTTPException, KeyError):
            return False


def asked(connection: http.client.HTTPConnection, path: str, body: object = None, *, key: str = "") -> Any:
    """Ask on an open connection.

    Raises
    ------
    OSError
        Where no whole answer came, or the service was not ready for one.
    RuntimeError
        Where the request was refused.
    """
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    try:
        connection.request(
            "GET" if body is None else "POST", path, None if body is None else json.dumps(body).encode(), headers
        )
        answer = connection.getresponse()
        content = answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"no whole answer ({type(error).__name__})") from error
    if answer.status >= 500:
        raise OSError(f"{path}: {answer.status}")
    if answer.status >= 400:
        raise RuntimeError(f"{path}: {answer.status} {content[:300]!r}")
    return json.loads(content) if "json" in (answer.headers.get("Content-Type") or "") else content.decode()
