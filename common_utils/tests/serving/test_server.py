from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from common_utils.errors import ConfigError
from common_utils.serving.server import run

SERVICE = """
import os
import time
from types import SimpleNamespace

from fastapi import APIRouter

from common_utils.serving.app import create_service
from common_utils.serving.model_slot import ModelSlot

router = APIRouter()


@router.get("/sleep")
def sleep(seconds: float) -> dict[str, str]:
    time.sleep(seconds)
    return {"threads": os.environ["OMP_NUM_THREADS"]}


@router.post("/size")
async def size(rows: list[int]) -> int:
    return len(rows)


app = create_service(
    title="Demo", version="1", description="", slot=ModelSlot(), loader=lambda: SimpleNamespace(version="v1"),
    probe=lambda model: None, model_info=lambda model: {}, routes=[router],
)
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_ready(client: httpx.Client) -> None:
    for _ in range(200):
        try:
            if client.get("/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("the service did not become ready in 10 s")


class Service:
    """A service in a process of its own, stopped after the test whatever happens."""

    def __init__(self, folder: Path, **options: object) -> None:
        (folder / "demo.py").write_text(SERVICE)
        port = free_port()
        arguments = {"port": port} | options
        script = "import sys; from common_utils.serving.server import run\n"
        script += f"if __name__ == '__main__': run('demo:app', **{arguments!r})"
        (folder / "start.py").write_text(script)
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
        self.process = subprocess.Popen(
            [sys.executable, "start.py"],
            cwd=folder,
            env=environment | {"PYTHONPATH": str(folder)},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10)

    def __enter__(self) -> Service:
        wait_until_ready(self.client)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        self.client.close()


def test_sigterm_finishes_what_is_in_flight_and_exits_with_0(tmp_path: Path) -> None:
    with Service(tmp_path, drain_seconds=0.6) as service, ThreadPoolExecutor(1) as pool:
        in_flight = pool.submit(httpx.get, f"{service.client.base_url}/sleep?seconds=1.5", timeout=10)
        time.sleep(0.3)
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        draining = service.client.get("/ready")
        assert (draining.status_code, draining.json()["reason"]) == (503, "draining")
        assert service.client.get("/sleep?seconds=0").status_code == 200
        answer = in_flight.result(10)
        assert (answer.status_code, answer.json()) == (200, {"threads": "1"})
        _, log = service.process.communicate(timeout=10)
        assert service.process.returncode == 0
        assert "Traceback" not in log
        assert "GET /sleep 200" in log


def test_large_bodies_over_a_socket_are_refused_and_the_service_goes_on(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(160):
            yield b" " * (64 << 10)

    headers = {"content-type": "application/json"}
    with Service(tmp_path) as service:
        declared = service.client.post("/size", content=b" " * (10 << 20), headers=headers)
        chunked = service.client.post("/size", content=chunks(), headers=headers)
        assert [declared.status_code, chunked.status_code] == [413, 413]
        assert "server" not in declared.headers
        assert service.client.post("/size", content=b"[1, 2, 3]", headers=headers).json() == 3


def test_several_workers_end_with_0(tmp_path: Path) -> None:
    with Service(tmp_path, workers=2) as service:
        assert service.client.get("/sleep?seconds=0").json() == {"threads": "1"}
        service.process.send_signal(signal.SIGTERM)
        _, log = service.process.communicate(timeout=10)
        assert service.process.returncode == 0
        assert "GET /sleep 200" in log


@pytest.fixture
def loggers() -> Iterator[None]:
    """Undo `setup_logging`, which `run` calls for the whole process."""
    named = [logging.getLogger(name) for name in ("common_utils", "uvicorn")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in named]
    yield
    for logger, (handlers, level, propagate) in zip(named, before, strict=True):
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT], [signal.SIGTERM, signal.SIGTERM]])
def test_run_returns_after_a_signal(
    make_app: Callable[..., FastAPI], loggers: None, signals: list[signal.Signals]
) -> None:
    port, statuses = free_port(), []

    def stop() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            wait_until_ready(client)
            for sent in signals:
                os.kill(os.getpid(), sent)
                time.sleep(0.15)
            if signals == [signal.SIGTERM]:
                statuses.append(client.get("/ready").status_code)

    stopper = threading.Thread(target=stop)
    stopper.start()
    patient = 0.5 if signals == [signal.SIGTERM] else 60.0
    run(make_app(), port=port, drain_seconds=patient)
    stopper.join(10)
    assert statuses == ([503] if signals == [signal.SIGTERM] else [])


def test_run_without_our_lifespan_still_ends(loggers: None) -> None:
    port = free_port()

    def stop() -> None:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    stopper = threading.Thread(target=stop)
    stopper.start()
    run(FastAPI(openapi_url=None), port=port, drain_seconds=0.0)
    stopper.join(10)


def test_run_refuses_impossible_workers() -> None:
    with pytest.raises(ConfigError, match="at least one"):
        run("demo:app", workers=0)
    with pytest.raises(ConfigError, match="import string"):
        run(FastAPI(openapi_url=None), workers=2)


def test_several_workers_are_left_to_uvicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    def supervise(app: str, *, workers: int, **_: Any) -> None:
        started.append(workers)

    monkeypatch.setattr(uvicorn, "run", supervise)
    run("demo:app", workers=2, port=0)
    assert started == [2]
