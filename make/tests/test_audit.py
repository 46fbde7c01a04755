from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from audit import UNREACHABLE, audit, main, reachable


class Advisories(BaseHTTPRequestHandler):
    """A fake service; what it says is set on the server."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()
        self.wfile.write(self.server.body)  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        return


@pytest.fixture
def service() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Advisories)
    server.status, server.body = 200, b"{}"  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(server: HTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}/v1/query"


def tool(folder: Path, name: str, script: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o700)
    return str(path)


@pytest.mark.parametrize(
    ("status", "body", "expected"), [(200, b"{}", True), (503, b"{}", False), (200, b"<p>", False)]
)
def test_service_is_reachable_when_it_answers_in_its_own_words(
    service: HTTPServer, status: int, body: bytes, expected: bool
) -> None:
    service.status, service.body = status, body  # type: ignore[attr-defined]
    assert reachable(address(service)) is expected


def test_nobody_there_has_its_own_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/v1/query"
        assert audit(tool(tmp_path, "never", "exit 9"), nobody, [Path("lock")]) == UNREACHABLE
    assert "nothing is known about the packages" in capsys.readouterr().err


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (1, 1)])
def test_what_is_found_decides_where_the_service_answers(
    service: HTTPServer, tmp_path: Path, code: int, expected: int
) -> None:
    pip_audit = tool(tmp_path, "pip-audit", f'echo "$@" >> {tmp_path}/said; exit {code}')
    assert audit(pip_audit, address(service), [Path("a.lock"), Path("b.lock")]) == expected
    said = (tmp_path / "said").read_text(encoding="utf-8").splitlines()
    assert len(said) == 2
    assert said[0].startswith("--strict")
    assert said[0].endswith("--requirement a.lock")


def test_a_service_that_goes_away_is_not_a_finding(service: HTTPServer, tmp_path: Path) -> None:
    pip_audit = tool(tmp_path, "pip-audit", "exit 1")
    asked: list[str] = []

    def once(url: str, seconds: float = 10.0) -> bool:
        asked.append(url)
        return len(asked) == 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audit.reachable", once)
        assert audit(pip_audit, address(service), [Path("a.lock")]) == UNREACHABLE


def test_each_image_gets_its_bill_of_materials(service: HTTPServer, tmp_path: Path) -> None:
    cyclonedx = tool(tmp_path, "cyclonedx-py", 'while [ "$1" != "-o" ]; do shift; done; echo "{}" > "$2"')
    options = ["--cyclonedx", cyclonedx, "--pip-audit", tool(tmp_path, "pip-audit", "exit 0")]
    assert main([*options, "--service", address(service), "--output", str(tmp_path / "sbom")]) == 0
    assert {"PlanRec.cdx.json", "PlanRec-jobs.cdx.json"} <= {path.name for path in (tmp_path / "sbom").iterdir()}
    broken = tool(tmp_path, "broken", "exit 2")
    assert main(["--cyclonedx", broken, "--pip-audit", broken, "--output", str(tmp_path / "sbom")]) == 1
