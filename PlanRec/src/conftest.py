"""What the examples in docstrings may use without saying so: the project's folder and its two rate cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from planrec.billing import load_catalogue

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True, scope="session")
def rate_cards(doctest_namespace: dict[str, Any]) -> None:
    """Give every example `project` (this member's folder), `card` (the default rate card) and `megaline`."""
    doctest_namespace["project"] = PROJECT
    doctest_namespace["card"] = load_catalogue(PROJECT / "configs" / "plans.yaml")
    doctest_namespace["megaline"] = load_catalogue(PROJECT / "configs" / "plans_megaline.yaml")
