from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from common_utils.bundle import set_current, write_bundle
from common_utils.testing.end_to_end import EndToEnd, StepError, ask, expect, run_steps, table_steps

CLI = """
import http.server, json, sys
if sys.argv[1] == "fail":
    sys.exit("it broke")
if sys.argv[1] == "serve":
    import signal
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200); self.end_headers(); self.wfile.write(b'{"status": "ready"}')
        def log_message(self, *_): pass
    if "--never" in sys.argv[0:] or MODE == "dies":
        sys.exit("no model")
    server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Answer)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT))
    server.serve_forever()
print("said", *sys.argv[1:])
"""


@pytest.fixture
def project(tmp_path: Path):
    """Make a project whose command line behaves as asked."""

    def make(mode: str = "good", exit_code: int = 0) -> EndToEnd:
        package = tmp_path / "tinydemo"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
        (package / "cli.py").write_text(f"MODE, EXIT = {mode!r}, {exit_code}\n{CLI}")
        return EndToEnd("tinydemo", tmp_path, wait_seconds=20)

    return make


def test_a_command_s_output_comes_back(project) -> None:
    assert project().run("train", "--x") == "said train --x\n"


def test_a_command_that_fails_fails_the_run_with_what_it_said(project) -> None:
    with pytest.raises(StepError, match=r"tinydemo fail left with 1:\nit broke"):
        project().run("fail")


def test_a_service_is_up_inside_and_gone_after(project, tmp_path: Path) -> None:
    with project().service(tmp_path) as url:
        assert ask(f"{url}/ready") == (200, {"status": "ready"})
    with pytest.raises(OSError, match="refused"):
        ask(f"{url}/ready")


def test_a_service_that_ends_badly_fails_the_run(project, tmp_path: Path) -> None:
    with pytest.raises(StepError, match="the service left with 3"), project(exit_code=3).service(tmp_path):
        pass


def test_a_service_that_dies_at_once_fails_the_run_with_its_words(project, tmp_path: Path) -> None:
    with pytest.raises(StepError, match="ended with 1: no model"), project("dies").service(tmp_path):
        pass


def test_a_service_that_is_never_ready_fails_the_run(project, tmp_path: Path) -> None:
    slow = project()
    slow.wait_seconds = 0
    with pytest.raises(StepError, match="not ready within 0 s"), slow.service(tmp_path):
        pass


@pytest.fixture
def refusing() -> Iterator[str]:
    """A server that refuses everything with a JSON body."""

    class Refuse(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = json.loads(self.rfile.read(length))
            self.send_response(422)
            self.end_headers()
            self.wfile.write(json.dumps({"got": body}).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Refuse)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_refusal_is_an_answer(refusing: str) -> None:
    assert ask(f"{refusing}/predict", {"a": 1}) == (422, {"got": {"a": 1}})


def test_steps_that_do_not_hold_are_told_with_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_steps("demo", lambda folder: expect(folder.is_dir() and False, "this")) == 1
    assert "FAILED: this" in capsys.readouterr().err


class Rehearsal(EndToEnd):
    """Plays the answers of a project instead of running it; `wrong` names what goes wrong."""

    def __init__(self, wrong: str | None) -> None:
        super().__init__("rehearsal", Path())
        self.wrong = wrong

    def run(self, *arguments: str) -> str:
        match arguments[0]:
            case "train":
                root = Path(arguments[arguments.index("--output") + 1])
                bundle = write_bundle(root, info={}, write=self._write)
                set_current(root, bundle.version)
            case "predict":
                said = "no" if self.wrong == "predict" else "yes"
                Path(arguments[arguments.index("--output") + 1]).write_text(f"row,prediction\n1,{said}\n")
            case "explain":
                score = 2.0 if self.wrong == "explain" else 1.5
                return json.dumps({"base": 1.0, "contributions": [{"amount": 0.5}], "score": score})
            case _:
                return json.dumps({"holdout": {"mae": 2 if self.wrong == "evaluate" else 1}})
        return ""

    def _write(self, folder: Path) -> None:
        for name in ("model.joblib", *([] if self.wrong == "bundle" else ["model_card.md"])):
            (folder / name).touch()
        (folder / "metrics.json").write_text('{"holdout": {"mae": 1}}')

    @contextmanager
    def service(self, artifacts: Path) -> Iterator[str]:
        yield "http://rehearsal"


def _rehearse(folder: Path, monkeypatch: pytest.MonkeyPatch, wrong: str | None) -> None:
    answer = {"prediction": "yes", "model_version": "v"}

    def play(url: str, body: object = None) -> tuple[int, object]:
        match url.removeprefix("http://rehearsal"), body:
            case "/health", _:
                return 200, {"status": "alive"}
            case "/model", _:
                return 200, {"version": "v"}
            case "/predict", {"age": -1}:
                return (200, answer) if wrong == "refusal" else (422, {})
            case "/predict", _:
                return (422, {}) if wrong == "answer" else (200, answer)
            case "/predict/batch", _:
                return 200, {"predictions": [answer] * (1 if wrong == "batch" else 2)}
        return (200 if wrong == "nowhere" else 404), {}

    monkeypatch.setattr("common_utils.testing.end_to_end.ask", play)
    table_steps(Rehearsal(wrong), folder, train=[], record={"age": 1}, refused={"age": -1}, records="age\n1\n")


def test_table_steps_hold_where_everything_agrees(tmp_path: Path, monkeypatch, capsys) -> None:  # type: ignore[no-untyped-def]
    _rehearse(tmp_path, monkeypatch, None)
    assert capsys.readouterr().out.count("ok   ") == 3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param("bundle", "the bundle lacks a file", id="bundle"),
        pytest.param("answer", "/predict does not answer", id="answer"),
        pytest.param("refusal", "was not refused", id="refusal"),
        pytest.param("batch", "/predict/batch differs", id="batch"),
        pytest.param("nowhere", "an unknown path was not 404", id="path"),
        pytest.param("predict", "predict and the service differ", id="predict"),
        pytest.param("explain", "contributions do not add up", id="explain"),
        pytest.param("evaluate", "evaluate differs", id="evaluate"),
    ],
)
def test_each_step_can_fail(tmp_path: Path, monkeypatch, wrong: str, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(StepError, match=message):
        _rehearse(tmp_path, monkeypatch, wrong)
