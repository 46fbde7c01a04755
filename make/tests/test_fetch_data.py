"""Getting the public tables, against a server of this machine: whole, checked, continued, or not at all."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fetch_data import SOURCES, FetchError, OtherBytesError, SourcesError, Table, fetch, main, read_sources
from members import PROJECTS

BODY = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(BODY).hexdigest()


@dataclass
class Server:
    """What the server answers, and what it was asked."""

    url: str = ""
    body: bytes = BODY
    ranges: bool = True
    breaks_after: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    wrong_range: bool = False


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            state.asked.append(wanted)
            if state.statuses:
                self.send_error(state.statuses.pop(0))
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and state.ranges else 0
            if start >= len(state.body):
                self.send_error(416)
                return
            rest = state.body[start:]
            self.send_response(206 if start else 200)
            shown = start + 1 if state.wrong_range else start
            if start:
                self.send_header("Content-Range", f"bytes {shown}-{len(state.body) - 1}/{len(state.body)}")
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest[: state.breaks_after.pop(0)] if state.breaks_after else rest)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{running.server_address[1]}/table.csv"
        yield state
        running.shutdown()
        thread.join()


def _table(*urls: str, sha256: str = SHA256, size: int = len(BODY)) -> Table:
    return Table("table.csv", size, sha256, urls)


def _fetch(table: Table, folder: Path, attempts: int = 3) -> str:
    return fetch(table, folder, attempts=attempts, sleep=lambda _: None)


def test_a_table_arrives_whole_and_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    assert _fetch(_table(server.url), folder) == "fetched"
    assert [path.name for path in folder.iterdir()] == ["table.csv"]
    assert (folder / "table.csv").read_bytes() == BODY
    assert _fetch(_table(server.url), folder) == "there already"
    assert server.asked == [""]


def test_a_download_that_breaks_off_is_continued_in_the_same_run(server: Server, tmp_path: Path) -> None:
    server.breaks_after = [100_000, 50_000]
    waits: list[float] = []
    assert fetch(_table(server.url), tmp_path, attempts=3, sleep=waits.append) == "fetched"
    assert (tmp_path / "table.csv").read_bytes() == BODY
    assert server.asked == ["", "bytes=100000-", "bytes=150000-"]
    assert waits == [1.0, 2.0]


def test_a_download_that_broke_off_is_continued_by_the_next_run(server: Server, tmp_path: Path) -> None:
    server.breaks_after = [100_000]
    with pytest.raises(FetchError, match="run this again to continue"):
        _fetch(_table(server.url), tmp_path, attempts=1)
    assert not (tmp_path / "table.csv").exists()
    assert _fetch(_table(server.url), tmp_path) == "fetched"
    assert server.asked == ["", "bytes=100000-"]


def test_a_download_complete_but_not_renamed_is_not_asked_for(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".table.csv.part").write_bytes(BODY)
    assert _fetch(_table(server.url), tmp_path) == "fetched"
    assert server.asked == []


@pytest.mark.parametrize("kind", ["no-ranges", "wrong-range"])
def test_a_server_that_cannot_continue_starts_anew(server: Server, tmp_path: Path, kind: str) -> None:
    server.ranges, server.wrong_range = kind != "no-ranges", kind == "wrong-range"
    (tmp_path / ".table.csv.part").write_bytes(BODY[:1000])
    if kind == "no-ranges":
        assert _fetch(_table(server.url), tmp_path) == "fetched"
    else:  # the piece that came is not a beginning; what it leaves is found out by its length or hash
        with pytest.raises(FetchError):
            _fetch(_table(server.url), tmp_path, attempts=1)
        assert not (tmp_path / "table.csv").exists()


def test_a_beginning_that_does_not_fit_is_dropped_and_the_table_loaded_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".table.csv.part").write_bytes(b"x" * 1000)
    assert _fetch(_table(server.url), tmp_path) == "fetched"
    assert server.asked == ["bytes=1000-", ""]


def test_a_range_the_server_cannot_give_drops_the_beginning(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".table.csv.part").write_bytes(BODY[:1000])
    server.statuses = [416]
    assert _fetch(_table(server.url), tmp_path) == "fetched"
    assert server.asked == ["bytes=1000-", ""]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(BODY[:-1] + b"!", "other bytes than declared; refused", id="same-length"),
        pytest.param(BODY + b"!", "more than 256,000 bytes; refused", id="longer"),
    ],
)
def test_other_bytes_are_refused_and_nothing_is_left(server: Server, tmp_path: Path, body: bytes, message: str) -> None:
    server.body = body
    with pytest.raises(OtherBytesError, match=message):
        _fetch(_table(server.url), tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(server.asked) == 1


def test_a_shorter_file_is_never_taken(server: Server, tmp_path: Path) -> None:
    server.body = BODY[:-1]
    with pytest.raises(FetchError, match=r"255,999 of 256,000 bytes"):
        _fetch(_table(server.url), tmp_path)
    assert not (tmp_path / "table.csv").exists()


def test_a_file_with_other_bytes_is_not_overwritten(server: Server, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(b"mine")
    with pytest.raises(OtherBytesError, match="move the file away"):
        _fetch(_table(server.url), tmp_path)
    assert (tmp_path / "table.csv").read_bytes() == b"mine"
    assert server.asked == []


def test_the_next_address_is_tried_where_one_fails(server: Server, tmp_path: Path) -> None:
    server.statuses = [404]
    assert _fetch(_table(server.url, server.url), tmp_path) == "fetched"
    assert len(server.asked) == 2


def test_a_missing_file_is_asked_for_once_and_a_failing_server_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [404]
    with pytest.raises(FetchError, match="404"):
        _fetch(_table(server.url), tmp_path)
    assert len(server.asked) == 1
    server.statuses = [503, 503]
    assert _fetch(_table(server.url), tmp_path) == "fetched"
    assert len(server.asked) == 4


def test_nobody_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="URLError"):
        _fetch(_table("http://127.0.0.1:9/table.csv"), tmp_path)


def _sources(folder: Path, text: str) -> Path:
    path = folder / "sources.toml"
    path.write_text(text)
    return path


def _entry(url: str, sha256: str = SHA256, name: str = "table.csv") -> str:
    return f'["{name}"]\nsize = {len(BODY)}\nsha256 = "{sha256}"\nurls = ["{url}"]\n'


def test_the_command_fetches_what_was_asked_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = _sources(tmp_path, _entry(server.url) + _entry(server.url, name="other.csv"))
    monkeypatch.setenv("PORTFOLIO_DATA", str(tmp_path / "named"))
    assert main(["--sources", str(sources), "--only", "other.csv"]) == 0
    assert [path.name for path in (tmp_path / "named").iterdir()] == ["other.csv"]
    assert main(["--sources", str(sources), "--dest", str(tmp_path / "all")]) == 0
    assert capsys.readouterr().out.splitlines() == ["other.csv: fetched", "table.csv: fetched", "other.csv: fetched"]


def test_exit_codes_tell_what_went_wrong_and_the_other_tables_still_come(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PORTFOLIO_DATA", raising=False)
    good = _entry(server.url)
    bad = _entry(server.url, sha256="0" * 64, name="bad.csv")
    away = _entry("http://127.0.0.1:9/", name="away.csv")
    command = ["--dest", str(tmp_path / "data"), "--attempts", "1", "--sources"]
    assert main([*command, str(_sources(tmp_path, away + good))]) == 3
    assert (tmp_path / "data" / "table.csv").exists()
    assert main([*command, str(_sources(tmp_path, bad + away))]) == 4
    assert main([*command, str(SOURCES), "--only", "none.csv"]) == 2
    assert "['none.csv'] not declared; known: ['Churn_Modelling.csv'" in capsys.readouterr().err
    assert main(["--only", "table.csv"]) == 2
    assert "set PORTFOLIO_DATA" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[", "must be a TOML file", id="no-toml"),
        pytest.param("a = 1", "must hold size, sha256 and urls", id="no-table"),
        pytest.param(_entry("https://x/y") + "more = 1\n", "and nothing else", id="unknown-key"),
        pytest.param(_entry("https://x/y", name="../x.csv"), "is not a plain file name", id="another-folder"),
        pytest.param(_entry("https://x/y", sha256="abc"), "64 hexadecimal digits", id="short-hash"),
        pytest.param(_entry("file:///etc/passwd"), "http or https", id="a-file-of-this-machine"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourcesError, match=message):
        read_sources(_sources(tmp_path, text))
    with pytest.raises(SourcesError, match="missing"):
        read_sources(tmp_path / "missing.toml")


def test_every_project_s_public_table_is_declared(root: Path) -> None:
    import yaml

    declared = read_sources(SOURCES)
    for project in PROJECTS:
        settings = yaml.safe_load((root / project / "configs" / "config.yaml").read_text())
        name = settings["data"].get("public_file")
        assert name is None or name in declared, project
