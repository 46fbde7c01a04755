"""What several test files need: the shipped rate cards."""

from __future__ import annotations

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
