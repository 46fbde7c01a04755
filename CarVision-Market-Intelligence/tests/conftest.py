"""What several test files need: small settings, a bundle of the sample, and the real table where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from carvision.config import SPEC, CarVisionConfig
from common_utils.bundle import Bundle
from common_utils.table_source import public_table

PROJECT = Path(__file__).resolve().parents[1]
SMALL = (
    "data.source=sample",
    "data.sample_rows=1200",
    "model.members=[{kind: hist, iterations: 15, leaves: 8, learning_rate: 0.2}]",
    "model.interval_members=[{kind: hist, iterations: 15, leaves: 6, learning_rate: 0.2}]",
    "model.calibration_folds=2",
    "training.split.folds=2",
    "evaluation.resamples=50",
)


@pytest.fixture(scope="session")
def project_folder() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def small() -> tuple[str, ...]:
    """Settings of a run that ends in seconds."""
    return SMALL


@pytest.fixture(scope="session")
def settings() -> CarVisionConfig:
    """The shipped settings, with the sample and a small model."""
    return SPEC.load(PROJECT, overrides=SMALL, environ={})


@pytest.fixture(scope="session")
def shipped() -> CarVisionConfig:
    return SPEC.load(PROJECT, environ={})


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of the bundles of `bundle`."""
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="session")
def bundle(settings: CarVisionConfig, artifacts: Path) -> Bundle:
    """A bundle of the small sample, trained once for all tests."""
    from carvision.training import TASK
    from common_utils.table_training import train_table

    return train_table(TASK, settings, PROJECT, artifacts=artifacts, step=lambda _: None, environ={})


@pytest.fixture(scope="session")
def real_table(shipped: CarVisionConfig) -> Path:
    """The public table; tests that use it carry the marker `realdata`."""
    path = public_table(shipped.data.public_file)
    if path is None:
        pytest.skip("PORTFOLIO_DATA is not set: tests on the real table are left out")
    return path
