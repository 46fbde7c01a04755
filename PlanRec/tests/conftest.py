"""What several test files need: rate cards, a small bundle, the command line, and the real tables where they are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd
import pytest

from common_utils.bundle import Bundle, open_bundle
from common_utils.testing.once import fill_once
from planrec.billing import Catalogue, load_catalogue
from planrec.config import PlanRecConfig, load_planrec_config

pytest_plugins = ["common_utils.testing.unhurried"]

SMALL = (
    "simulator.subscribers=1200",
    "training.model.max_iter=4",
    "training.challenger.max_iter=4",
    "training.challenger.folds=2",
    "training.split.folds=2",
    "evaluation.resamples=50",
)

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


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Settings of a run that ends in seconds, and is recorded beside the test."""
    return (*SMALL, f"tracking.folder={tmp_path_factory.mktemp('runs')}")


@pytest.fixture(scope="session")
def settings(small: tuple[str, ...]) -> PlanRecConfig:
    """The shipped settings, with a small operator and a small model."""
    return load_planrec_config(PROJECT, overrides=small, environ={})


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root of the bundles of `bundle`."""
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="session")
def bundle(settings: PlanRecConfig, artifacts: Path, request: pytest.FixtureRequest) -> Bundle:
    """A bundle of the small operator, trained once for all tests and workers."""
    from planrec.training import train

    fill_once(
        artifacts, lambda root: train(settings, PROJECT, artifacts=root, step=lambda _: None), request, name="bundle"
    )
    return open_bundle(artifacts)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, project_folder: Path, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """Run the command line in the project's folder, its runs recorded beside the test; return its exit code."""
    from planrec import cli

    monkeypatch.chdir(project_folder)
    monkeypatch.setenv("PLANREC__TRACKING__FOLDER", str(tmp_path_factory.mktemp("runs")))

    def call(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["planrec", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        return int(left.value.code or 0)

    return call


@pytest.fixture
def trio() -> pd.DataFrame:
    """Subscriber a: January to March, changes to ultimate in March; b: February only; c: January and March."""
    return pd.DataFrame(
        {
            "subscriber_id": ["a", "a", "a", "b", "c", "c"],
            "month": ["2018-01", "2018-02", "2018-03", "2018-02", "2018-01", "2018-03"],
            "minutes": [10.0, 20.0, 30.0, 5.0, 1.0, 3.0],
            "messages": [1.0, 2.0, 3.0, 0.0, 0.0, 0.0],
            "megabytes": [100.0, 200.0, 300.0, 0.0, 0.0, 0.0],
            "current_plan": ["surf", "surf", "ultimate", "surf", "ultimate", "ultimate"],
            "age": [30.0, 30.0, 30.0, 50.0, 70.0, 70.0],
        }
    )
