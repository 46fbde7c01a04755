"""What several test files need: the shipped rate cards, and the real tables where they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from planrec.catalogue import Catalogue, load_catalogue

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def project_folder() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The simulated operator's 13 plans."""
    return load_catalogue(PROJECT / "configs" / "plans.yaml")


@pytest.fixture(scope="session")
def megaline() -> Catalogue:
    """Megaline's two plans, prices easy to check by hand."""
    return load_catalogue(PROJECT / "configs" / "plans_megaline.yaml")


@pytest.fixture(scope="session")
def megaline_folder() -> Path:
    """The folder of the real Megaline tables; tests that use it carry the marker `realdata`."""
    named = os.environ.get("PORTFOLIO_DATA", "")
    if not named:
        pytest.skip("PORTFOLIO_DATA is not set: tests on the real Megaline tables are left out")
    folder = Path(named)
    missing = [t for t in ("users", "calls", "messages", "internet") if not (folder / f"megaline_{t}.csv").is_file()]
    if missing:
        pytest.fail(f"PORTFOLIO_DATA is set, but its folder has no megaline_*.csv of {missing}")
    return folder
