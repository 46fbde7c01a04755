"""A root of bundles, and a bundle made live in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.bundle.cases import write_small

from common_utils.bundle import Bundle, set_current


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def bundle(root: Path) -> Bundle:
    made = write_small(root, seed=42)
    set_current(root, made.version)
    return made


@pytest.fixture(autouse=True)
def _every_test(removable: None) -> None:
    """Every test here writes bundles."""
