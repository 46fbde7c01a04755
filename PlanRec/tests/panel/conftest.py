"""The real choices, where they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from planrec.panel.table import TABLE_FILE


@pytest.fixture(scope="session")
def panel_file() -> Path:
    """The real table; tests that use it carry the marker `realdata`."""
    named = os.environ.get("PORTFOLIO_DATA", "")
    if not named:
        pytest.skip("PORTFOLIO_DATA is not set: tests on the real choices are left out")
    path = Path(named) / TABLE_FILE
    if not path.is_file():
        pytest.fail(f"PORTFOLIO_DATA is set, but its folder has no {TABLE_FILE}")
    return path
