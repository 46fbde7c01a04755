"""Test fixtures of every project on one table; a project's `tests/conftest.py` says which project it is.

    pytest_plugins = ["common_utils.testing.table_fixtures"]

    @pytest.fixture(scope="session")
    def table_project() -> TableProject:
        return TableProject.of(SPEC, PROJECT, SMALL)

From it come `project_folder`, `small`, `settings`, `shipped`, `artifacts`, `bundle`, `real_table` and `run`.

PYTEST_DONT_REWRITE: there is no assertion here, and a conftest imports from it before it becomes a plugin.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from common_utils.bundle import Bundle, open_bundle
from common_utils.config.project import ProjectSpec
from common_utils.table_project.source import public_table
from common_utils.testing.once import fill_once

__all__ = [
    "Run",
    "TableProject",
    "artifacts",
    "bundle",
    "project_folder",
    "real_table",
    "run",
    "settings",
    "shipped",
    "small",
]

pytest_plugins = ["common_utils.testing.unhurried"]

Run: TypeAlias = Callable[..., tuple[int, str, str]]
"""Runs a command as a user would, words in; exit code, output and errors out."""


@dataclass(frozen=True)
class TableProject:
    """A project under test.

    Attributes
    ----------
    spec : ProjectSpec
    folder : Path
        The project's.
    small : tuple of str
        Overrides of a run on the sample that ends in seconds.
    task : callable
        Returns the project's `TableTask`; called when it is needed, because it imports what training needs.
    main : callable
        The command line.

    Examples
    --------
    >>> from common_utils.config import BaseConfig
    >>> demo = TableProject(ProjectSpec("demo", "Demo", "Why?", BaseConfig), Path(), (), task=dict, main=print)
    >>> demo.spec.name
    'demo'
    """

    spec: ProjectSpec[Any]
    folder: Path
    small: tuple[str, ...]
    task: Callable[[], Any]
    main: Callable[[], object]

    @classmethod
    def of(cls, spec: ProjectSpec[Any], folder: Path, small: tuple[str, ...]) -> TableProject:
        """Return the project whose package has the name of its `spec`.

        `TASK` of its module `training` and `main` of its module `cli` are imported when they are needed.
        """

        def task() -> Any:
            return import_module(f"{spec.name}.training").TASK

        def main() -> object:
            return import_module(f"{spec.name}.cli").main()

        return cls(spec, folder, small, task, main)


@pytest.fixture(scope="session")
def project_folder(table_project: TableProject) -> Path:
    """Return the project's folder."""
    return table_project.folder


@pytest.fixture(scope="session")
def small(table_project: TableProject, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Return settings of a run that ends in seconds, and is recorded beside the test."""
    return (*table_project.small, f"tracking.folder={tmp_path_factory.mktemp('runs')}")


@pytest.fixture(scope="session")
def settings(table_project: TableProject, small: tuple[str, ...]) -> Any:
    """Return the shipped settings, with the sample and a small model."""
    return table_project.spec.load(table_project.folder, overrides=small, environ={})


@pytest.fixture(scope="session")
def shipped(table_project: TableProject) -> Any:
    """Return the settings as they are shipped."""
    return table_project.spec.load(table_project.folder, environ={})


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of the bundles of `bundle`."""
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="session")
def bundle(table_project: TableProject, settings: Any, artifacts: Path, request: pytest.FixtureRequest) -> Bundle:
    """Return a bundle of the small sample, trained once for all tests and workers."""
    from common_utils.table_project.training import train_table

    def train(root: Path) -> None:
        task, folder = table_project.task(), table_project.folder
        train_table(task, settings, folder, artifacts=root, step=lambda _: None, environ={})

    fill_once(artifacts, train, request, name="bundle")
    return open_bundle(artifacts)


@pytest.fixture(scope="session")
def real_table(shipped: Any) -> Path:
    """Return the public table; tests that use it carry the marker `realdata`."""
    path = public_table(shipped.data.public_file)
    if path is None:
        pytest.skip("PORTFOLIO_DATA is not set: tests on the real table are left out")
    return path


@pytest.fixture
def run(
    table_project: TableProject,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Return what runs a command in the project's folder, without the table or settings of whoever runs the tests.

    Runs are recorded beside the test, and not among those of the project.
    """
    monkeypatch.chdir(table_project.folder)
    monkeypatch.setenv(f"{table_project.spec.prefix}__TRACKING__FOLDER", str(tmp_path_factory.mktemp("runs")))
    monkeypatch.delenv(table_project.spec.config_variable, raising=False)
    monkeypatch.delenv("PORTFOLIO_DATA", raising=False)

    def run_(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [table_project.spec.name, *arguments])
        with pytest.raises(SystemExit) as left:
            table_project.main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run_
