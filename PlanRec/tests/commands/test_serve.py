"""Starting the service: with the right bundle and settings, and without the libraries of a batch job."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from common_utils.bundle import Bundle
from common_utils.errors import ConfigError
from common_utils.releases.config import ReleaseConfig
from planrec import cli
from planrec.commands.requests import ServeCommand, SettingsCommand
from planrec.commands.run.serve import run_serve
from planrec.config import load_planrec_config


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """What the command leaves in the environment, for its server, must not reach the next test."""
    before, folder = dict(os.environ), Path.cwd()
    yield
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that would have replaced the process, as where the app cannot be found."""
    commands: list[list[str]] = []

    def execv(_: str, command: list[str]) -> None:
        commands.append(command)
        raise SystemExit(0)

    monkeypatch.setattr("common_utils.serving.start.find_spec", lambda _: None)
    monkeypatch.setattr("os.execv", execv)
    monkeypatch.setenv("PLANREC_BUNDLE", "")
    return commands


def start(folder: Path, *overrides: str, config: Path | None = None, rules: Path | None = None) -> None:
    """Serve with the settings of the project in `folder`."""
    os.chdir(folder)
    run_serve(ServeCommand(SettingsCommand(config, overrides), "127.0.0.1", 8123, 1, None, rules))


def test_serve_hands_the_bundle_to_the_server(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, dict[str, object]]] = []
    monkeypatch.setattr("common_utils.serving.server.run", lambda app, **given: calls.append((app, given)))
    monkeypatch.setenv("PLANREC_BUNDLE", "")
    start(project_folder)
    ((app, given),) = calls
    assert app == "app.fastapi_app:app"
    assert given == {
        "host": "127.0.0.1",
        "port": 8123,
        "workers": 1,
        "admin_port": None,
        "drain_seconds": 1.0,
        "header_seconds": 5.0,
        "max_connections": 1024,
        "graceful_seconds": 15,
    }
    assert os.environ["PLANREC_BUNDLE"] == str((project_folder / "artifacts").resolve())


@pytest.mark.parametrize("by_option", [True, False], ids=["option", "setting"])
def test_serve_hands_the_rule_file_to_the_server(
    project_folder: Path, monkeypatch: pytest.MonkeyPatch, by_option: bool
) -> None:
    monkeypatch.setattr("common_utils.serving.server.run", lambda *_, **__: None)
    monkeypatch.setenv("PLANREC_BUNDLE", "")
    monkeypatch.setenv("PLANREC__SERVING__RULES", "" if by_option else "configs/rules.yaml")
    start(project_folder, rules=Path("ours.yaml") if by_option else None)
    expected = project_folder / "ours.yaml" if by_option else project_folder / "configs" / "rules.yaml"
    assert os.environ["PLANREC__SERVING__RULES"] == str(expected)


def test_serve_starts_itself_as_a_module_where_the_app_cannot_be_found(
    project_folder: Path, started: list[list[str]]
) -> None:
    with pytest.raises(SystemExit):
        start(project_folder)
    assert started[0][1:4] == ["-m", "planrec.cli", "serve"]
    assert "--config" not in started[0]


def test_serve_keeps_its_settings_file_when_it_changes_folder(
    project_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[list[str]]
) -> None:
    settings_file = project_folder / "configs" / "config.yaml"
    monkeypatch.setenv("PLANREC_CONFIG", os.path.relpath(settings_file, tmp_path))
    with pytest.raises(SystemExit):
        start(tmp_path)
    assert os.environ["PLANREC_CONFIG"] == str(settings_file)
    assert Path.cwd() == project_folder
    os.environ.pop("COMMON_UTILS_STARTED_ANEW")
    with pytest.raises(SystemExit):
        start(tmp_path, config=Path(os.path.relpath(settings_file, tmp_path)))
    assert started[1][-2:] == ["--config", str(settings_file)]


def test_serve_hands_over_which_signatures_count(
    project_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common_utils.serving.server.run", lambda *_, **__: None)
    strict = ReleaseConfig(signatures="required", follow_seconds=0.5)
    config = project_folder / "configs" / "config.yaml"
    start(project_folder, "releases.signatures=required", "releases.follow_seconds=0.5", config=config)
    assert load_planrec_config(project_folder).releases == strict
    assert os.environ["PLANREC_CONFIG"] == str(config)


def test_serve_without_the_keys_that_its_settings_name_is_refused_before_it_starts(
    project_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common_utils.serving.server.run", lambda *_, **__: pytest.fail("was started"))
    monkeypatch.delenv("DECISION_KEYS", raising=False)
    with pytest.raises(ConfigError, match=r"decisions\.key_file .*missing cannot be read: there is no such file"):
        start(project_folder, "decisions.key_file=missing")
    monkeypatch.setattr("common_utils.serving.server.run", lambda *_, **__: None)
    start(project_folder, "decisions.key_file=missing", "decisions.log=false")


def test_serve_outside_a_project_is_refused(project_folder: Path, tmp_path: Path) -> None:
    settings_file = tmp_path / "mine.yaml"
    settings_file.write_bytes((project_folder / "configs" / "config.yaml").read_bytes())
    with pytest.raises(ConfigError, match=r"simulator\.yaml|no app/fastapi_app\.py"):
        start(tmp_path, config=settings_file)


def _settings_elsewhere(project_folder: Path, tmp_path: Path) -> Path:
    """A settings file that lies in no project: relative paths count from the working folder."""
    text = (project_folder / "configs" / "config.yaml").read_text(encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("configs/simulator.yaml", str(project_folder / "configs" / "simulator.yaml")))
    return path


def test_serve_never_serves_the_app_of_another_project(
    project_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common_utils.serving.server.run", lambda *_, **__: pytest.fail("served"))
    settings_file = _settings_elsewhere(project_folder, tmp_path)
    for sibling in ("BankChurn-Predictor", "CarVision-Market-Intelligence", "TelecomAI-Customer-Intelligence"):
        with pytest.raises(ConfigError, match="is not the app of PlanRec: it does not import planrec"):
            start(project_folder.parent / sibling, config=settings_file)


@pytest.mark.slow
@pytest.mark.parametrize("named", [True, False], ids=["with-config", "without"])
def test_serve_as_a_module_from_another_projects_folder(
    project_folder: Path, bundle: Bundle, named: bool, tmp_path: Path
) -> None:
    sibling = project_folder.parent / "BankChurn-Predictor"
    command = [sys.executable, "-m", "planrec.cli", "serve", "--port", "0", "--bundle", str(bundle.path)]
    if not named:
        done = subprocess.run(command, cwd=sibling, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 2
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command[command.index("0")] = str(port)
    config = project_folder / "configs" / "config.yaml"
    with (tmp_path / "log").open("w") as log:
        served = subprocess.Popen([*command, "--config", str(config)], cwd=sibling, stdout=log, stderr=log)
    try:
        assert _title(port, served) == "PlanRec"
    finally:
        served.terminate()
        served.wait(30)


def _title(port: int, served: subprocess.Popen[bytes]) -> str:
    """What the service on a port calls itself, once it answers."""
    until = time.monotonic() + 50
    while time.monotonic() < until and served.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=5) as answer:
                return json.loads(answer.read())["info"]["title"]
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"no answer; exit code {served.poll()}")


def test_serve_refuses_settings_that_are_not_the_bundles(
    project_folder: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("common_utils.serving.server.run", lambda *_, **__: None)
    monkeypatch.chdir(project_folder)
    said = SettingsCommand(None, ("advice.history_months=2",))
    with pytest.raises(ConfigError, match=r"advice\.history_months .*: 2 was asked for, the bundle has 6"):
        run_serve(ServeCommand(said, None, None, None, bundle.path, None))
    # Before there is a bundle the service starts; whatever it opens later is held against what was said.
    run_serve(ServeCommand(said, None, None, None, tmp_path, None))
    assert os.environ["PLANREC__ADVICE__HISTORY_MONTHS"] == "2"


def test_starting_needs_neither_pandas_nor_scikit_learn() -> None:
    heavy = {"pandas", "sklearn", "duckdb", "matplotlib"}
    code = f"import planrec.commands.run.serve, sys; print({heavy} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


def test_the_command_hands_over_what_it_was_given(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[ServeCommand] = []
    monkeypatch.setattr("planrec.commands.run.serve.run_serve", given.append)
    monkeypatch.setattr(sys, "argv", ["planrec", "serve", "--port", "0", "--set", "serving.workers=2"])
    monkeypatch.chdir(project_folder)
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 0
    settings = SettingsCommand(None, ("serving.workers=2",))
    assert given == [ServeCommand(settings, host=None, port=0, workers=None, bundle=None, rules=None)]
