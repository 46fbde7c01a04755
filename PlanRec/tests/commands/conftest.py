"""The command line in the project's folder, a rate card and a file of usage months."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from planrec import cli
from tests.commands.cases import USAGE


@pytest.fixture
def plans(project_folder: Path) -> str:
    return str(project_folder / "configs" / "plans_megaline.yaml")


@pytest.fixture
def usage_text() -> str:
    """What `usage` holds; a module with other months says so by a fixture of this name."""
    return USAGE


@pytest.fixture
def usage(tmp_path: Path, usage_text: str) -> Path:
    path = tmp_path / "usage.csv"
    path.write_text(usage_text, encoding="utf-8")
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, project_folder: Path):  # type: ignore[no-untyped-def]
    """Run the command line in the project's folder; return its exit code."""
    monkeypatch.chdir(project_folder)

    def call(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["planrec", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        return int(left.value.code or 0)

    return call
