"""The folder of the small project, its commands and its bundle."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.table_project.cases import (
    CARD,
    CONFIG,
    DATA_CARD,
    SPEC,
    TASK,
)

from common_utils.bundle import Bundle, open_bundle
from common_utils.command_line.run import run_command_line
from common_utils.table_project.cli import table_cli


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with its package, settings and README."""
    folder = tmp_path_factory.mktemp("Price-Demo")
    templates = folder / "src" / "pricedemo" / "templates"
    templates.mkdir(parents=True)
    (templates.parent / "__init__.py").touch()
    (templates / "model_card.md").write_text(CARD)
    (templates / "data_card.md").write_text(DATA_CARD)
    (folder / "configs").mkdir()
    (folder / "configs" / "config.yaml").write_text(CONFIG)
    (folder / "README.md").write_text("# Demo\n<!-- results:start -->\n<!-- results:end -->\n")
    return folder


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command in the project's folder; returns exit code, output and errors."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder / "src")
    monkeypatch.delenv("PORTFOLIO_DATA", raising=False)
    app = table_cli(SPEC.name, SPEC.question, lambda: SPEC, lambda: TASK)

    def run_(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["pricedemo", *arguments])
        with pytest.raises(SystemExit) as left:
            run_command_line(app, "pricedemo")
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run_


@pytest.fixture
def bundle(folder: Path, run) -> Bundle:
    if not (folder / "artifacts").exists():
        assert run("train")[0] == 0
    return open_bundle(folder / "artifacts")
