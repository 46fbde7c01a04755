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


def _task() -> object:
    from telecom.training import TASK

    return TASK


def _main() -> None:
    from telecom.cli import main

    main()


@pytest.fixture(scope="session")
def table_project() -> TableProject:
    return TableProject(SPEC, PROJECT, SMALL, task=_task, main=_main)
