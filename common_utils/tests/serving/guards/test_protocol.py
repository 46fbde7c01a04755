from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from common_utils.errors import ConfigError
from common_utils.serving.server import run

SERVICE = """
import sys
from types import SimpleNamespace

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from common_utils.serving.fast_route import FastRoute
from common_utils.serving.guards.access import Access
from common_utils.serving.app import Settings, create_service
from common_utils.serving.config import LimitConfig
from common_utils.serving.model_slot import ModelSlot
from common_utils.serving.server import run

port, admin = int(sys.argv[1]), int(sys.argv[2])
fast, plain = APIRouter(route_class=FastRoute), APIRouter()


class Call(BaseModel, extra="forbid", strict=True):
    minutes: int = Field(ge=0, le=1000)


@fast.post("/double", response_model=Call)
async def double(body: Call) -> bytes:
    return b'{"minutes":%d}' % (2 * body.minutes)


@plain.get("/large")
def large() -> Response:
    return Response(b"x" * 4_000_000)


app = create_service(
    title="Demo", version="1", description="", slot=ModelSlot(), loader=lambda: SimpleNamespace(version="v1"),
    probe=lambda model: None, model_info=lambda model: {}, routes=[fast, plain],
    settings=lambda: Settings(
        access=Access(admin_port=admin), limits=LimitConfig(max_concurrency=4, deadline_seconds=1.0)
    ),
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


def read_answer(stream: BinaryIO) -> tuple[int, dict[bytes, bytes], bytes]:
    """Return status, headers and body of the next answer, and not a byte more."""
    code = int(stream.readline().split()[1])
    headers = dict(line.rstrip().split(b": ", 1) for line in iter(stream.readline, b"\r\n"))
    return code, headers, stream.read(int(headers[b"content-length"]))


def talk(port: int, sent: bytes, answers: int) -> list[tuple[int, bytes]]:
    """Send bytes as they are and return status and body of each answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection, connection.makefile("rb") as stream:
        connection.sendall(sent)
        return [(code, body) for code, _, body in (read_answer(stream) for _ in range(answers))]


def post(body: bytes, headers: bytes = b"") -> bytes:
    return b"POST /double HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%b\r\n%b" % (headers, body)


WHOLE = post(b'{"minutes":4}', b"Content-Length: 13\r\n")
CHUNKED = post(b'3\r\n{"m\r\na\r\ninutes":4}\r\n0\r\nX-Request-Id: late\r\n\r\n', b"Transfer-Encoding: chunked\r\n")


@pytest.mark.parametrize("request_", [pytest.param(WHOLE, id="whole"), pytest.param(CHUNKED, id="chunks-and-trailer")])
def test_a_body_is_read_however_it_comes_in_pieces(ports: tuple[int, int], request_: bytes) -> None:
    with socket.create_connection(("127.0.0.1", ports[0]), timeout=5) as connection:
        for place in range(len(request_)):
            connection.sendall(request_[place : place + 1])
        with connection.makefile("rb") as stream:
            code, headers, body = read_answer(stream)
    assert (code, body) == (200, b'{"minutes":8}')
    assert headers[b"x-request-id"] != b"late"


def test_requests_sent_at_once_are_answered_in_turn(ports: tuple[int, int]) -> None:
    other = post(b'{"minutes":5}', b"Content-Length: 13\r\n")
    said = talk(ports[0], WHOLE + other + CHUNKED + other, 4)
    assert said == [(200, b'{"minutes":%d}' % number) for number in (8, 10, 8, 10)]


def test_an_answer_without_a_body_is_not_lost_before_the_next(ports: tuple[int, int]) -> None:
    with socket.create_connection(("127.0.0.1", ports[0]), timeout=5) as connection:
        connection.sendall(b"HEAD /double HTTP/1.1\r\nHost: x\r\n\r\n" + WHOLE)
        said = b""
        while b'{"minutes":8}' not in said:
            said += connection.recv(65_536) or pytest.fail(f"ended after {said!r}")
    assert said.startswith(b"HTTP/1.1 405 ")
    assert said.count(b"HTTP/1.1 ") == 2


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", id="no-address"),
        pytest.param(b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", id="address-not-ascii"),
        pytest.param(b"\x16\x03\x01\x02\x00", id="encrypted"),
        pytest.param(WHOLE.replace(b"13", b"13, 14"), id="two-lengths"),
        pytest.param(WHOLE.replace(b"13", b"13\r\nTransfer-Encoding: chunked"), id="length-and-chunks"),
        pytest.param(WHOLE.replace(b"Content-Length", b"Content-Length "), id="space-in-a-name"),
    ],
)
def test_what_has_two_meanings_or_none_is_refused_and_hung_up(ports: tuple[int, int], sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", ports[0]), timeout=5) as connection:
        connection.sendall(sent)
        said = b""
        while part := connection.recv(65_536):
            said += part
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1 ") == 1


def test_a_client_is_asked_for_its_body_only_when_it_is_wanted(ports: tuple[int, int]) -> None:
    expects = b"Expect: 100-continue\r\nContent-Length: %d\r\n"
    with socket.create_connection(("127.0.0.1", ports[0]), timeout=5) as connection:
        connection.sendall(post(b"", expects % 13))
        assert connection.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b'{"minutes":4}')
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
    assert talk(ports[0], post(b"", expects % 10_000_000), 1)[0][0] == 413


@pytest.mark.parametrize(
    ("request_", "expected", "more"),
    [
        pytest.param(post(b"{", b"Content-Length: 13\r\n"), 408, b"x", id="rest-of-a-late-body"),
        pytest.param(post(b"", b"Content-Length: 9000000\r\n"), 413, b"x", id="body-refused-unread"),
        pytest.param(WHOLE, 200, b"\r\n", id="empty-line"),
    ],
)
def test_a_byte_after_the_answer_does_not_keep_the_connection(
    ports: tuple[int, int], request_: bytes, expected: int, more: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", ports[0]), timeout=4) as connection:
        connection.sendall(request_)
        with connection.makefile("rb") as stream:
            assert read_answer(stream)[0] == expected
        connection.sendall(more)
        begun = time.monotonic()
        assert hung_up(connection)
    assert time.monotonic() - begun < 3


def test_clients_that_do_not_read_lose_their_places(ports: tuple[int, int]) -> None:
    greedy = [socket.create_connection(("127.0.0.1", ports[0]), timeout=5) for _ in range(6)]
    for connection in greedy:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n" * 4)
    time.sleep(1.5)
    assert talk(ports[0], WHOLE, 1) == [(200, b'{"minutes":8}')]
    for connection in greedy:
        connection.close()


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"GET /health HTTP/1.1\r\nX-Long: ", id="header"),
        pytest.param(b"GET /", id="address"),
        pytest.param(post(b"0\r\nX-Long: ", b"Transfer-Encoding: chunked\r\n"), id="trailer"),
    ],
)
def test_an_endless_head_is_hung_up_before_it_fills_memory(ports: tuple[int, int], start: bytes) -> None:
    with socket.create_connection(("127.0.0.1", ports[0]), timeout=5) as connection:
        connection.sendall(start)
        with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
            connection.sendall(b"x" * 20_000_000)


def test_an_unfinished_body_of_a_client_that_left_disturbs_nobody(ports: tuple[int, int]) -> None:
    for _ in range(8):
        with socket.create_connection(("127.0.0.1", ports[0]), timeout=5) as connection:
            connection.sendall(post(b'{"min', b"Content-Length: 13\r\n"))
    assert talk(ports[0], WHOLE, 1) == [(200, b'{"minutes":8}')]


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
