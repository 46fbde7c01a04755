from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from common_utils.errors import ConfigError
from common_utils.serving.server import run

SERVICE = """
import sys
from types import SimpleNamespace

from common_utils.serving.access import Access
from common_utils.serving.app import Settings, create_service
from common_utils.serving.model_slot import ModelSlot
from common_utils.serving.server import run

port, admin = int(sys.argv[1]), int(sys.argv[2])
app = create_service(
    title="Demo", version="1", description="", slot=ModelSlot(), loader=lambda: SimpleNamespace(version="v1"),
    probe=lambda model: None, model_info=lambda model: {}, routes=[],
    settings=lambda: Settings(access=Access(admin_port=admin)),
)
run(app, port=port, admin_port=admin, header_seconds=0.5, max_connections=30, drain_seconds=0.0)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def hung_up(connection: socket.socket) -> bool:
    """Whether the server ends the connection, before we lose patience."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
    finally:
        connection.close()


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    script = tmp_path_factory.mktemp("service") / "service.py"
    script.write_text(SERVICE, encoding="utf-8")
    port, admin = free_port(), free_port()
    with subprocess.Popen([sys.executable, str(script), str(port), str(admin)], cwd=Path.cwd()) as process:
        for _ in range(400):
            try:
                if status(port, "/ready") == 200:
                    break
            except OSError:
                time.sleep(0.05)
        yield port, admin
        process.terminate()
    assert process.returncode == 0


def test_metrics_are_on_the_admin_port_alone(ports: tuple[int, int]) -> None:
    port, admin = ports
    assert [status(port, path) for path in ("/health", "/metrics", "/model")] == [200, 404, 404]
    assert [status(admin, path) for path in ("/health", "/metrics", "/model")] == [200, 200, 200]


def test_slow_heads_are_hung_up_and_others_answered(ports: tuple[int, int]) -> None:
    port, _ = ports
    slow = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(20)]
    for connection in slow:
        connection.sendall(b"GET /health HTTP/1.1\r\nX-Slow: ")
    assert status(port, "/health") == 200
    for connection in slow:
        assert hung_up(connection)


def test_a_further_request_has_its_own_clock(ports: tuple[int, int]) -> None:
    with socket.create_connection(("127.0.0.1", ports[0]), timeout=5) as connection:
        for _ in range(2):
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            said = b""
            while not said.endswith(b"}"):
                said += connection.recv(4096)
        begun = time.monotonic()
        connection.sendall(b"GET /health HT")
        assert hung_up(connection)
        assert time.monotonic() - begun < 4


def test_connections_beyond_the_most_are_hung_up(ports: tuple[int, int]) -> None:
    port, _ = ports
    opened = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(30)]
    time.sleep(0.1)
    assert hung_up(socket.create_connection(("127.0.0.1", port), timeout=5))
    for connection in opened:
        connection.close()
    time.sleep(0.2)
    assert status(port, "/health") == 200


def test_workers_cannot_share_an_admin_port() -> None:
    with pytest.raises(ConfigError, match="2 workers cannot share an admin_port"):
        run("demo:app", workers=2, admin_port=9000)
