"""Memory of the commands of a project on one table; also run as a script, with the project's package: `memory.forked`.

A project's tests use it as

    @pytest.fixture(scope="module")
    def grown(table_project: TableProject, bundle: Bundle, tmp_path_factory) -> dict[str, Growth]:
        return growth_of_project(table_project, bundle, tmp_path_factory.mktemp("memory"))

and call each of `ALL_MEMORY_CHECKS` with it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

import common_utils.tables.pieces.checked as checked
import common_utils.tables.text.records as records
import common_utils.tables.write as write
from common_utils.bundle import Bundle
from common_utils.table_project.source import read_records
from common_utils.testing.expectations import expect
from common_utils.testing.memory.forked import answer_calls
from common_utils.testing.memory.growth import BOUND, Growth, commands_with_tables, growth_of
from common_utils.testing.table_fixtures import TableProject

__all__ = [
    "ALL_MEMORY_CHECKS",
    "HOLDS",
    "check_a_command_that_holds_its_table_is_found",
    "check_every_command_is_measured_or_holds_its_table",
    "check_memory_does_not_grow_with_the_table",
    "growth_of_project",
]

HOLDS = {
    **dict.fromkeys(["train", "evaluate", "retrain", "data", "data snapshot"], "learns from all of it at once"),
    **dict.fromkeys(["monitor", "bias proxies", "bias threshold"], "compares all of it at once"),
    "outcomes": "refuses the file, or keeps the whole of it",
    "contacts": "ranks all of it",
}
"""Commands that hold their table, and why."""

_PLANTED = "hold"
_ROWS, _BYTES = 4_000, 1 << 17  # of a piece, at most
_SMALL, _LARGE = 1 << 20, 3 << 20  # bytes of the tables


def growth_of_project(project: TableProject, bundle: Bundle, folder: Path) -> dict[str, Growth]:
    """Measure the commands of a project that do not have to hold their table, and one planted that does.

    Parameters
    ----------
    project : TableProject
    bundle : Bundle
    folder : Path
        Empty, to write into.
    """
    small, large = (_table(project, folder / f"{size}.csv", size) for size in (_SMALL, _LARGE))
    by_bundle = ["--bundle", str(bundle.path)]
    further = {"predict": ["--output", str(folder / "answers.parquet"), *by_bundle], "explain": by_bundle}
    calls = {
        name: [[name, "--input", str(path), *words] for path in (small, large)]
        for name, words in {**further, _PLANTED: []}.items()
    }
    more = large.stat().st_size - small.stat().st_size
    return growth_of(["-m", __name__, project.spec.name], calls, more, project.folder)


def _table(project: TableProject, path: Path, size: int) -> Path:
    """Write records without their target, over and over, each under an id of its own where there are ids."""
    task = project.task()
    sample = task.sample(1000, np.random.default_rng(5))
    columns = [c for c in task.record_schema().columns if c in sample and c != task.id_column]
    header, *lines = sample[columns].to_csv(index=False, lineterminator="\n").splitlines(keepends=True)
    named = task.id_column is not None and task.id_column in sample
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{task.id_column},{header}" if named else header)
        written = 0
        while file.tell() < size:
            file.writelines(f"s{written + place:08d},{line}" if named else line for place, line in enumerate(lines))
            written += len(lines)
    return path


def check_every_command_is_measured_or_holds_its_table(project: TableProject, grown: Mapping[str, Growth]) -> None:
    """Promise that no command that takes a table is left out: measured, or in `HOLDS`.

    Raises
    ------
    AssertionError
        Naming those that are.
    """
    takes = commands_with_tables(import_module(f"{project.spec.name}.cli").app)
    left_out = takes - {*HOLDS, *grown}
    expect(not left_out, f"neither measured nor in HOLDS: {sorted(left_out)}")
    expect({*grown} - {_PLANTED} <= takes, f"measured, and no command that takes a table: {sorted({*grown} - takes)}")


def check_memory_does_not_grow_with_the_table(project: TableProject, grown: Mapping[str, Growth]) -> None:
    """Promise that no measured command holds its table.

    Raises
    ------
    AssertionError
        With the figures of those that do.
    """
    del project
    held = {name: found for name, found in grown.items() if name != _PLANTED and found.more > BOUND}
    expect(not held, f"memory grows with the table: {held}")


def check_a_command_that_holds_its_table_is_found(project: TableProject, grown: Mapping[str, Growth]) -> None:
    """Promise that the planted command is told from the others.

    Raises
    ------
    AssertionError
        With its figures.
    """
    del project
    expect(grown[_PLANTED].more > BOUND, f"a command that holds its table is not found: {grown[_PLANTED]}")


ALL_MEMORY_CHECKS: list[Callable[[TableProject, Mapping[str, Growth]], None]] = [
    check_every_command_is_measured_or_holds_its_table,
    check_memory_does_not_grow_with_the_table,
    check_a_command_that_holds_its_table_is_found,
]


def _main(package: str) -> None:
    task = import_module(f"{package}.training").TASK
    cli = import_module(f"{package}.cli")
    commands = import_module("common_utils.table_project.commands")  # what commands import when they run
    checked.PIECE_ROWS = write._ROW_GROUP = _ROWS  # pyright: ignore[reportPrivateUsage]
    records.PIECE_BYTES = _BYTES

    @cli.app.command(_PLANTED)
    def hold(input_: Annotated[Path, typer.Option("--input")]) -> None:
        """Hold a table: planted, so that it is seen that the check would tell."""
        expect(len(read_records(input_, task.record_schema(), name=package).frame) > 0, "no row")

    del commands, hold
    answer_calls(cli.main, package)


if __name__ == "__main__":
    _main(sys.argv[1])
