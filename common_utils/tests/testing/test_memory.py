"""Memory of commands is measured in processes of their own, and who holds a table is told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import typer

from common_utils.config import BaseConfig
from common_utils.config.project import ProjectSpec
from common_utils.testing.memory import table_project
from common_utils.testing.memory.forked import measured
from common_utils.testing.memory.growth import BOUND, Growth, commands_with_tables, growth_of
from common_utils.testing.memory.table_project import (
    ALL_MEMORY_CHECKS,
    check_a_command_that_holds_its_table_is_found,
    check_every_command_is_measured_or_holds_its_table,
    check_memory_does_not_grow_with_the_table,
)
from common_utils.testing.table_fixtures import TableProject

SCRIPT = """
import sys
from common_utils.testing.memory.forked import answer_calls

def main():
    held = bytearray(int(sys.argv[2])) if sys.argv[1] == "hold" else None
    sys.exit(3 if sys.argv[1] == "fail" else 0)

answer_calls(main, "demo")
"""
MEGABYTES = 1 << 20
Input = Annotated[Path, typer.Option("--input")]
FINE = {"predict": Growth(0.5, 10, 20), "hold": Growth(9.0, 10, 90)}


def test_the_peak_of_a_process_is_its_own() -> None:
    def hold() -> None:
        assert len(sys.argv) == 2
        assert np.ones(5 * MEGABYTES).sum()  # 40 MB

    code, kilobytes = measured(hold, ["demo", "hold"])
    assert code == 1  # it did not say how it left
    assert 40_000 < kilobytes < 90_000


def test_growth_is_what_the_peak_grows_by_for_each_byte(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    calls = {
        "hold": [["hold", str(8 * MEGABYTES)], ["hold", str(48 * MEGABYTES)]],
        "flat": [["flat", "0"], ["flat", "0"]],
    }
    found = growth_of([str(tmp_path / "script.py")], calls, 10 * MEGABYTES, tmp_path)
    assert found["hold"].more == pytest.approx(4, abs=0.4)
    assert abs(found["flat"].more) < 0.4
    with pytest.raises(AssertionError, match=r"commands left with \[\('fail', 3\), \('fail', 3\)\]"):
        growth_of([str(tmp_path / "script.py")], {"fail": [["fail"], ["fail"]]}, 1, tmp_path)
    with pytest.raises(AssertionError, match="No such file"):
        growth_of([str(tmp_path / "none.py")], {}, 1, tmp_path)


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> TableProject:
    """A project whose command line takes a table twice."""
    app = typer.Typer()

    @app.command("predict")
    def predict(input_: Input) -> None: ...

    @app.command("contacts")
    def contacts(input_: Input) -> None: ...

    assert commands_with_tables(app) == {"predict", "contacts"}
    monkeypatch.setattr(table_project, "import_module", lambda name: type(name, (), {"app": app}))
    return TableProject(ProjectSpec("demo", "Demo", "Why?", BaseConfig), Path(), (), task=dict, main=print)


@pytest.mark.parametrize("check", ALL_MEMORY_CHECKS, ids=lambda check: check.__name__)
def test_memory_that_is_fine_passes(
    project: TableProject, check: Callable[[TableProject, Mapping[str, Growth]], None]
) -> None:
    check(project, FINE)


@pytest.mark.parametrize(
    ("check", "grown", "said"),
    [
        pytest.param(
            check_every_command_is_measured_or_holds_its_table,
            {"hold": FINE["hold"]},
            r"neither measured nor in HOLDS: \['predict'\]",
            id="left-out",
        ),
        pytest.param(
            check_every_command_is_measured_or_holds_its_table,
            {**FINE, "explain": FINE["predict"]},
            "no command that takes a table: .*explain",
            id="gone",
        ),
        pytest.param(
            check_memory_does_not_grow_with_the_table,
            {**FINE, "predict": Growth(BOUND + 0.1, 10, 90)},
            "memory grows with the table: .*predict",
            id="grows",
        ),
        pytest.param(
            check_a_command_that_holds_its_table_is_found,
            {**FINE, "hold": Growth(BOUND, 10, 20)},
            "a command that holds its table is not found",
            id="not-found",
        ),
    ],
)
def test_memory_that_is_not_is_told(
    project: TableProject,
    check: Callable[[TableProject, Mapping[str, Growth]], None],
    grown: Mapping[str, Growth],
    said: str,
) -> None:
    with pytest.raises(AssertionError, match=said):
        check(project, grown)
