"""The service of a project on one table, and how it starts."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from pydantic import Field
from tests.table_project.cases import (
    CASE,
    SPEC,
    CarRequest,
    app_of,
    project_of,
)

from common_utils.bundle import Bundle
from common_utils.compiled import CompiledScorer
from common_utils.decision_log.recorder import check_log
from common_utils.errors import ArtifactError, ConfigError
from common_utils.serving.start import is_alive, run_app, serve_configured, serve_project
from common_utils.table_project.column_step import ColumnStep
from common_utils.table_project.config import TableProjectConfig
from common_utils.table_project.service import LiveModel, TableRecord, open_live
from common_utils.testing.services import (
    ALL_SERVICE_CHECKS,
    check_hostile_bodies_get_a_documented_answer,
)
from common_utils.testing.table_app import ALL_APP_CHECKS, AppCase


@pytest.mark.parametrize("check", ALL_SERVICE_CHECKS, ids=lambda check: check.__name__)
def test_the_service_keeps_its_promises(folder: Path, bundle: Bundle, monkeypatch, check) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv(SPEC.bundle_variable, str(bundle.path))
    with TestClient(app_of(folder)) as client:
        check(client, CASE)


@pytest.mark.parametrize("check", ALL_SERVICE_CHECKS, ids=lambda check: check.__name__)
def test_every_service_check_can_fail(folder: Path, bundle: Bundle, monkeypatch, check) -> None:  # type: ignore[no-untyped-def]
    """A service that echoes, lets everything through and answers batches otherwise."""
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"], include_in_schema=False)
    async def anything(path: str, request: Request) -> dict[str, Any]:
        body = (await request.body()).decode()
        return {"status": "alive", "version": path, "model_version": "v", "predictions": [body], "echo": body}

    with TestClient(app) as client, pytest.raises(AssertionError):
        check(client, CASE)


def test_the_check_of_hostile_bodies_finds_a_handler_as_written_by_hand() -> None:
    """FastAPI's own 422 repeats NaN, which its answer then cannot carry: 500."""
    app = FastAPI()

    @app.post("/predict")
    async def predict(body: CarRequest) -> dict[str, Any]:
        return {}

    client = TestClient(app, raise_server_exceptions=False)
    with client, pytest.raises(AssertionError, match=r"/predict: hostile body \d+ got 500"):
        check_hostile_bodies_get_a_documented_answer(client, CASE)


def test_the_service_opens_the_configured_artifacts(folder: Path, bundle: Bundle, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv(SPEC.bundle_variable, raising=False)
    with TestClient(app_of(folder)) as client:
        assert client.get("/ready").json()["version"] == bundle.version
        assert client.get("/model").json()["synthetic"] is True


def test_a_service_without_a_bundle_is_not_ready(folder: Path) -> None:
    def missing() -> LiveModel[TableProjectConfig]:
        raise ArtifactError("none")

    with TestClient(app_of(folder, open_model=missing)) as client:
        assert client.get("/ready").status_code == 503
        assert client.post("/predict", json=CASE.record).status_code == 503


@pytest.fixture
def served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would have been started, and the folder with an app in it."""
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app" / "fastapi_app.py").write_text("from pricedemo.config import SPEC\n", encoding="utf-8")
    calls: list[Any] = []
    monkeypatch.setattr("common_utils.serving.server.run", lambda app, **given: calls.append((app, given)))

    def execv(_: str, command: list[str]) -> None:
        calls.append(command)
        raise SystemExit(0)

    monkeypatch.setattr("os.execv", execv)
    monkeypatch.setenv(SPEC.bundle_variable, "")
    monkeypatch.setenv("COMMON_UTILS_STARTED_ANEW", "")
    monkeypatch.chdir(folder)
    return calls


def _app_in(folder: Path) -> ModuleSpec:
    """Where Python would find an app."""
    found = ModuleSpec("app", None, is_package=True)
    found.submodule_search_locations = [str(folder / "app")]
    return found


def _serve(folder: Path, settings_file: Path | None = None) -> None:
    serve_project(
        SPEC, folder, folder / "artifacts", settings_file=settings_file, host="127.0.0.1", port=8123, workers=1
    )


def test_serve_hands_the_bundle_to_the_server(folder: Path, served: list[Any], monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("common_utils.serving.start.find_spec", lambda _: _app_in(folder))
    _serve(folder)
    assert served == [("app.fastapi_app:app", {"host": "127.0.0.1", "port": 8123, "workers": 1})]
    assert os.environ[SPEC.bundle_variable] == str((folder / "artifacts").resolve())


def test_serve_starts_anew_where_python_finds_the_app_of_another_project(
    folder: Path, served: list[Any], tmp_path: Path, monkeypatch
) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("common_utils.serving.start.find_spec", lambda _: _app_in(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        _serve(folder)
    assert served[0][:4] == [sys.executable, "-m", "pricedemo.cli", "serve"]
    assert Path.cwd() == folder.resolve()
    with pytest.raises(ConfigError, match="cannot be imported; start the command in that folder"):
        _serve(folder)  # the process that was started anew, and looks elsewhere still: no circle


@pytest.mark.parametrize("text", ["from otherdemo.config import SPEC\n", "app = 1\n", "def (\n"])
def test_an_app_of_another_project_is_never_served(folder: Path, served: list[Any], text: str) -> None:
    (folder / "app" / "fastapi_app.py").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"is not the app of PriceDemo|cannot be read as Python"):
        _serve(folder)
    assert not served


@pytest.mark.parametrize("named", [True, False], ids=["with-config", "from-environment"])
def test_serve_starts_itself_as_a_module_where_the_app_cannot_be_found(
    folder: Path,
    served: list[Any],
    monkeypatch,
    named: bool,  # type: ignore[no-untyped-def]
) -> None:
    settings_file = folder / "configs" / "config.yaml"
    monkeypatch.setattr("common_utils.serving.start.find_spec", lambda _: None)
    monkeypatch.setenv(SPEC.config_variable, "configs/config.yaml")
    with pytest.raises(SystemExit):
        _serve(folder, settings_file if named else None)
    assert served[0][:4] == [sys.executable, "-m", "pricedemo.cli", "serve"]
    assert ("--config" in served[0]) is named
    if not named:
        assert os.environ[SPEC.config_variable] == str(settings_file.resolve())


def test_an_image_serves_as_settings_and_environment_say(folder: Path, served: list[Any], monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("PRICEDEMO__SERVING__HOST", "localhost")
    monkeypatch.setenv("PRICEDEMO__SERVING__ADMIN_PORT", "9000")
    monkeypatch.setenv("PRICEDEMO__SERVING__LIMITS__DEADLINE_SECONDS", "3")
    serve_configured(SPEC, folder)
    ((app, given),) = served
    assert (app, given["host"], given["port"], given["workers"]) == ("app.fastapi_app:app", "localhost", 8000, 1)
    assert (given["admin_port"], given["graceful_seconds"], given["log_format"]) == (9000, 8, "json")
    assert given["loggers"] == ("pricedemo",)


def test_an_image_drains_as_long_as_the_settings_say(folder: Path, served: list[Any], monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("PRICEDEMO__SERVING__DRAIN_SECONDS", "7.5")
    serve_configured(SPEC, folder)
    assert served[0][1]["drain_seconds"] == 7.5


def test_the_health_check_asks_where_the_settings_listen(folder: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    class Alive(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Alive) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("PRICEDEMO__SERVING__HOST", "0.0.0.0")  # noqa: S104  nothing is bound
        monkeypatch.setenv("PRICEDEMO__SERVING__PORT", str(server.server_port))
        assert is_alive(SPEC, folder)
        server.shutdown()
        thread.join()
    assert not is_alive(SPEC, folder, seconds=0.2)


@pytest.mark.parametrize(("words", "code"), [([], 2), (["health"], 1)], ids=["serve", "health"])
def test_an_image_with_a_wrong_setting_leaves_with_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], code: int
) -> None:
    monkeypatch.setenv("PRICEDEMO__SERVING__PROT", "8000")
    monkeypatch.setattr(sys, "argv", ["app", *words])
    with pytest.raises(SystemExit) as left:
        run_app(SPEC, folder)
    assert left.value.code == code
    said = capsys.readouterr().err
    assert said.startswith("pricedemo: 1 setting is invalid:\nserving.prot (from PRICEDEMO__SERVING__PROT): unknown")


@pytest.mark.parametrize("words", [[], ["health"]], ids=["serve", "health"])
def test_an_image_without_the_keys_that_its_settings_name_leaves_with_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.setenv("PRICEDEMO__DECISIONS__KEY_FILE", str(folder / "missing"))
    monkeypatch.setenv("PRICEDEMO__SERVING__PORT", "1")
    monkeypatch.delenv("DECISION_KEYS", raising=False)
    monkeypatch.setattr(sys, "argv", ["app", *words])
    with pytest.raises(SystemExit) as left:
        run_app(SPEC, folder, check_log)
    said = capsys.readouterr().err
    if words:  # which asks a running service, and needs no keys
        assert (left.value.code, said) == (True, "")
    else:
        assert left.value.code == 2
        assert said == (
            f"pricedemo: decisions.key_file {folder / 'missing'} cannot be read: there is no such file; "
            "`decisions rotate-key` makes it with a first key, or name the file that holds your keys.\n"
        )


def test_keys_rate_and_limits_of_the_settings_hold(folder: Path, bundle: Bundle, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv(SPEC.bundle_variable, raising=False)
    user, admin = "a-users-key", "an-administrators-key"
    lines = [f"{n}:{r}:{hashlib.sha256(k.encode()).hexdigest()}" for n, r, k in (
        ("crm", "predict", user), ("ops", "admin", admin)
    )]  # fmt: skip
    monkeypatch.setenv("SERVICE_KEYS", "\n".join(lines))
    for name, value in {
        "ACCESS__KEYS": "required",
        "ACCESS__REQUESTS_PER_SECOND": "0.001",
        "ACCESS__BURST": "2",
        "LIMITS__MAX_BODY_BYTES": "2000",
        "LOG_SAMPLE": "0",
    }.items():
        monkeypatch.setenv(f"PRICEDEMO__SERVING__{name}", value)
    with TestClient(app_of(folder)) as client:
        assert client.post("/predict", json=CASE.record).status_code == 401
        asked = {"Authorization": f"Bearer {user}"}
        assert client.get("/metrics", headers=asked).status_code == 403
        assert client.get("/metrics", headers={"Authorization": f"Bearer {admin}"}).status_code == 200
        assert client.post("/predict", json=CASE.record, headers=asked).status_code == 200
        large = client.post("/predict", content=b" " * 3000, headers={**asked, "Content-Type": "application/json"})
        assert large.status_code == 413
        late = client.post("/predict", json=CASE.record, headers=asked)
        assert (late.status_code, int(late.headers["Retry-After"]) > 0) == (429, True)


def test_the_settings_say_how_many_records_a_batch_may_have(folder: Path, bundle: Bundle, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv(SPEC.bundle_variable, raising=False)
    monkeypatch.setenv("PRICEDEMO__SERVING__LIMITS__MAX_BATCH_ROWS", "1001")
    with TestClient(app_of(folder)) as client:
        for records, status in ((1001, 200), (1002, 413)):
            assert client.post("/predict/batch", json={"records": [CASE.record] * records}).status_code == status


def test_serve_without_an_app_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no app/fastapi_app\.py"):
        _serve(tmp_path)


def test_serve_takes_host_and_port_from_the_command_line(run, folder: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    given: dict[str, Any] = {}
    monkeypatch.setattr("common_utils.command_line.serve.serve_project", lambda *_, **rest: given.update(rest))
    assert run("serve", "--port", "0", "--host", "localhost")[0] == 0
    assert (given["host"], given["port"], given["workers"]) == ("localhost", 0, 1)
    assert given["environment"]["PRICEDEMO__RELEASES__SIGNATURES"] == "development"


APP_CHECKS = pytest.mark.parametrize("check", ALL_APP_CHECKS, ids=lambda check: check.__name__)
MAIN = """
import sys
from common_utils.decision_log.beside import ship_configured
from common_utils.serving.start import serve_configured
from startdemo import FOLDER, SPEC
if sys.argv[1:2] == ["export"]:
    from common_utils.monitoring.beside import export_configured

    export_configured(SPEC, FOLDER, sys.argv[2:])
else:
    (ship_configured if sys.argv[1:] == ["ship"] else serve_configured)(SPEC, FOLDER)
"""


@pytest.fixture
def app_case(folder: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> AppCase:
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app" / "__main__.py").write_text(MAIN)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setitem(sys.modules, "startdemo", SimpleNamespace(SPEC=SPEC, FOLDER=folder))
    live = open_live(SPEC, bundle.path, lambda opened, _: CompiledScorer.open(opened, ColumnStep(["age"])))

    def create(opener: Any = None, open_log: Any = None) -> Any:
        return app_of(folder, open_model=opener, open_log=open_log)

    return AppCase(project_of(folder), create, CarRequest, CASE.record, {"age": (0, 100)}, live)


@APP_CHECKS
def test_the_app_starts_as_it_should(app_case: AppCase, check) -> None:  # type: ignore[no-untyped-def]
    check(app_case)


class OpenRequest(TableRecord):
    model: str
    age: float | None = Field(default=None, ge=1, le=100)


@APP_CHECKS
def test_every_app_check_can_fail(app_case: AppCase, folder: Path, check) -> None:  # type: ignore[no-untyped-def]
    """An app that is ready whatever it is given, starts nothing, and takes what the table does not."""
    app = FastAPI()

    @app.get("/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    (folder / "app" / "__main__.py").write_text("")
    with pytest.raises(AssertionError):
        check(replace(app_case, create_app=lambda *_, **__: app, record_model=OpenRequest))
