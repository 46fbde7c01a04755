"""A root of bundles, and a bundle made live in it."""

from __future__ import annotations

from collections.abc import Iterator
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
def _removable(tmp_path: Path) -> Iterator[None]:
    yield
    for path in tmp_path.rglob("*"):  # read-only files must not outlive the test for a user who is not root
        if path.is_file() and not path.is_symlink():
            path.chmod(0o644)
