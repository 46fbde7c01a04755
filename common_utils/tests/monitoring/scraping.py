"""A real Prometheus that scrapes one port of this machine, and what it answers."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["asked", "got", "prometheus_of"]


def got(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
        return answer.read().decode()


@contextmanager
def prometheus_of(scraped: int, folder: Path) -> Iterator[int]:
    """Start a Prometheus that scrapes a port each second, and give its own port."""
    prometheus = shutil.which("prometheus")
    if prometheus is None:
        pytest.skip("prometheus is not installed; on Debian: apt-get install prometheus")
    target = [{"targets": [f"127.0.0.1:{scraped}"]}]
    settings = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "monitor", "static_configs": target}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(settings))  # JSON is YAML
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [
        prometheus,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield port
    finally:
        server.terminate()
        server.wait(30)


def asked(port: int, query: str) -> str:
    """Return the value a query has, once it has one."""
    url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}"
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            found = json.loads(got(url))["data"]["result"]
        except OSError:
            found = []
        if found:
            return str(found[0]["value"][1])
        time.sleep(0.2)
    raise AssertionError(f"Prometheus has no {query} after a minute")
