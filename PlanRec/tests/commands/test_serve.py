"""Starting the service: with the right bundle and settings, and without the libraries of a batch job."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from common_utils.errors import ConfigError
from common_utils.releases.config import ReleaseConfig
from planrec import cli
from planrec.commands.serve import run_serve
from planrec.config import PlanRecConfig, load_planrec_config


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """What the command leaves in the environment, for its server, must not reach the next test."""
    before = dict(os.environ)
    yield
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


def start(config: PlanRecConfig, project: Path, settings_file: Path | None = None) -> None:
    run_serve(config, project, None, settings_file=settings_file, host="127.0.0.1", port=8123, workers=1)


def test_serve_hands_the_bundle_to_the_server(
    settings: PlanRecConfig, project_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[object, dict[str, object]]] = []
    monkeypatch.setattr("common_utils.serving.server.run", lambda app, **given: calls.append((app, given)))
    monkeypatch.setattr("common_utils.serving.start.find_spec", lambda _: object())
    monkeypatch.setenv("PLANREC_BUNDLE", "")
    start(settings, project_folder)
    ((app, given),) = calls
    assert app == "app.fastapi_app:app"
    assert given == {
        "host": "127.0.0.1",
        "port": 8123,
        "workers": 1,
        "admin_port": None,
        "header_seconds": 5.0,
        "max_connections": 1024,
        "graceful_seconds": 15,
    }
    assert os.environ["PLANREC_BUNDLE"] == str((project_folder / "artifacts").resolve())


@pytest.mark.parametrize("by_option", [True, False], ids=["option", "setting"])
def test_serve_hands_the_rule_file_to_the_server(
    settings: PlanRecConfig, project_folder: Path, monkeypatch: pytest.MonkeyPatch, by_option: bool, tmp_path: Path
) -> None:
    monkeypatch.setattr("common_utils.serving.server.run", lambda *_, **__: None)
    monkeypatch.setattr("common_utils.serving.start.find_spec", lambda _: object())
    monkeypatch.setenv("PLANREC_BUNDLE", "")
    monkeypatch.setenv("PLANREC__SERVING__RULES", "")
    monkeypatch.chdir(tmp_path)
    named = settings.serving.model_copy(update={"rules": Path("configs/rules.yaml")})
    run_serve(
        settings if by_option else settings.model_copy(update={"serving": named}),
        project_folder,
        None,
        settings_file=None,
        rules=Path("ours.yaml") if by_option else None,
        host="127.0.0.1",
        port=8123,
        workers=1,
    )
    expected = tmp_path / "ours.yaml" if by_option else project_folder / "configs" / "rules.yaml"
    assert os.environ["PLANREC__SERVING__RULES"] == str(expected)


def test_serve_starts_itself_as_a_module_where_the_app_cannot_be_found(
    settings: PlanRecConfig, project_folder: Path, monkeypatch: pytest.MonkeyPatch, started: list[list[str]]
) -> None:
    monkeypatch.chdir(project_folder)
    with pytest.raises(SystemExit):
        start(settings, project_folder)
    assert started[0][1:4] == ["-m", "planrec.cli", "serve"]
    assert "--config" not in started[0]


def test_serve_keeps_its_settings_file_when_it_changes_folder(
    settings: PlanRecConfig,
    project_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    started: list[list[str]],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLANREC_CONFIG", "mine.yaml")
    with pytest.raises(SystemExit):
        start(settings, project_folder)
    assert os.environ["PLANREC_CONFIG"] == str(tmp_path / "mine.yaml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        start(settings, project_folder, Path("other.yaml"))
    assert started[1][-2:] == ["--config", str(tmp_path / "other.yaml")]


def test_serve_hands_over_which_signatures_count(
    settings: PlanRecConfig, project_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common_utils.serving.server.run", lambda *_, **__: None)
    monkeypatch.setattr("common_utils.serving.start.find_spec", lambda _: object())
    strict = ReleaseConfig(signatures="required", follow_seconds=0.5)
    start(settings.model_copy(update={"releases": strict}), project_folder, project_folder / "configs" / "config.yaml")
    assert load_planrec_config(project_folder).releases == strict
    assert os.environ["PLANREC_CONFIG"] == str(project_folder / "configs" / "config.yaml")


def test_serve_outside_a_project_is_refused(settings: PlanRecConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no app/fastapi_app\.py"):
        start(settings, tmp_path)


def test_starting_needs_neither_pandas_nor_scikit_learn() -> None:
    code = "import planrec.commands.serve, sys; print({'pandas', 'sklearn', 'duckdb', 'matplotlib'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


def test_the_command_hands_over_what_it_was_given(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr("planrec.commands.serve.run_serve", lambda *_, **options: given.update(options))
    monkeypatch.setattr(sys, "argv", ["planrec", "serve", "--port", "0", "--set", "serving.workers=2"])
    monkeypatch.chdir(project_folder)
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 0
    assert given == {"settings_file": None, "host": "127.0.0.1", "rules": None, "port": 0, "workers": 2}
