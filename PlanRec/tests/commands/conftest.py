"""A rate card and a file of usage months."""

from __future__ import annotations

from pathlib import Path

import pytest

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
