"""Which project this is; the fixtures come from `common_utils.testing.table_fixtures`."""

from __future__ import annotations

from pathlib import Path

import pytest

from common_utils.testing.table_fixtures import TableProject
from telecom.config import SPEC

pytest_plugins = ["common_utils.testing.table_fixtures"]

PROJECT = Path(__file__).resolve().parents[1]
SMALL = (
    "data.source=sample",
    "data.sample_rows=800",
    "model.members=[{kind: hist, iterations: 6, leaves: 4}]",
    "model.calibration_folds=2",
    "training.split.folds=2",
    "training.split.repeats=1",
    "evaluation.resamples=50",
)


@pytest.fixture(scope="session")
def table_project() -> TableProject:
    return TableProject.of(SPEC, PROJECT, SMALL)
