from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from common_utils.bundle import set_current, write_bundle
from common_utils.config.project import ProjectSpec
from common_utils.table_project.config import TableProjectConfig
from common_utils.testing.table_fixtures import Run, TableProject

pytest_plugins = ["common_utils.testing.table_fixtures"]

SPEC = ProjectSpec("fixturedemo", "FixtureDemo", "Why?", TableProjectConfig)


def _main() -> None:
    sys.stdout.write(" ".join(sys.argv))
    sys.exit(3 if "--wrong" in sys.argv else None)


@pytest.fixture(scope="session")
def table_project(tmp_path_factory: pytest.TempPathFactory) -> TableProject:
    folder = tmp_path_factory.mktemp("Fixture-Demo")
    (folder / "configs").mkdir()
    (folder / "configs" / "config.yaml").write_text("data: {public_file: cars.csv}\n")
    (folder / "cars.csv").write_text("age\n1\n")
    return TableProject(SPEC, folder, ("data.sample_rows=500",), task=lambda: "task", main=_main)


def test_settings_are_small_and_shipped_ones_as_they_are(
    settings: Any, shipped: Any, small: tuple[str, ...], project_folder: Path
) -> None:
    assert (settings.data.sample_rows, small[0]) == (500, "data.sample_rows=500")
    assert settings.tracking.folder.as_posix() == small[1].removeprefix("tracking.folder=")
    assert shipped.data.sample_rows != 500
    assert project_folder.name.startswith("Fixture-Demo")


def test_the_bundle_is_trained_with_the_small_settings(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, settings: Any, artifacts: Path
) -> None:
    calls = []

    def train(*given: object, artifacts: Path, **named: object) -> None:
        calls.append(given[:2])
        made = write_bundle(artifacts, info={}, write=lambda folder: (folder / "model").touch())
        set_current(artifacts, made.version)

    monkeypatch.setattr("common_utils.table_project.training.train_table", train)
    bundle = request.getfixturevalue("bundle")
    assert calls == [("task", settings)]
    assert bundle.path.parent == artifacts
    assert set(bundle.files) == {"model"}


def test_the_real_table_is_found(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, project_folder: Path
) -> None:
    monkeypatch.setenv("PORTFOLIO_DATA", str(project_folder))
    assert request.getfixturevalue("real_table").name == "cars.csv"


def test_run_tells_code_and_output_in_the_project_s_folder(run: Run, table_project: TableProject) -> None:
    assert run("train", "--wrong")[:2] == (3, "fixturedemo train --wrong")
    assert run("--help")[0] == 0
    assert Path.cwd() == table_project.folder
