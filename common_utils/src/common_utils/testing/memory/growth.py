"""By how much the peak of a command's memory grows with its table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import typer

from common_utils.command_line.clashes import path_kinds
from common_utils.testing.command_lines import commands_of
from common_utils.testing.expectations import expect

__all__ = ["BOUND", "Growth", "commands_with_tables", "growth_of", "measured_calls"]

TABLES = {"--usage", "--events", "--cells", "--billed", "--accounts", "--input", "--data"}
"""Options that name a table of rows."""
BOUND = 4.0
"""Bytes that the peak may grow by for each further byte of the table as CSV: a command that holds it takes about 8, and
of one that does not the allocator keeps some megabytes more while it runs longer."""

_GIVEN_BACK = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "65536",
}
"""What is freed goes back: else the peak tells what allocators keep."""


class Growth(NamedTuple):
    """Bytes that the peak grows by for each further byte of the table; the peak of the small table and of the large."""

    more: float
    small: int
    large: int


def commands_with_tables(app: typer.Typer) -> set[str]:
    """Return the commands that take a table of rows.

    Examples
    --------
    >>> app = typer.Typer()
    >>> @app.command("count")
    ... def count(usage: Path): ...
    >>> @app.command("other")
    ... def other(plans: Path): ...
    >>> commands_with_tables(app)
    {'count'}
    """
    return {
        " ".join(command.words)
        for command in commands_of(app)
        if TABLES & {option for option, _ in path_kinds(command.function).values()}
    }


def growth_of(
    script: Sequence[str], calls: Mapping[str, Sequence[list[str]]], more_bytes: int, folder: Path
) -> dict[str, Growth]:
    """Measure commands on a small and on a large table.

    Parameters
    ----------
    script : sequence of str
        What Python runs, and its arguments: as `memory.forked` says.
    calls : mapping of str to sequence of list of str
        By command, the words with the small table, then those with the large one.
    more_bytes : int
        By which the large table is larger, as CSV.
    folder : Path
        In which the commands run.

    Raises
    ------
    AssertionError
        If a command fails.
    """
    words = [call for both in calls.values() for call in both]
    answers = measured_calls(script, words, folder)
    failed = [(call[0], code) for call, (code, _) in zip(words, answers, strict=True) if code]
    expect(not failed, f"commands left with {failed}")
    peaks = [1024 * kilobytes for _, kilobytes in answers]
    pairs = zip(calls, peaks[::2], peaks[1::2], strict=True)
    return {name: Growth((large - small) / more_bytes, small, large) for name, small, large in pairs}


def measured_calls(script: Sequence[str], calls: Sequence[list[str]], folder: Path) -> list[tuple[int, int]]:
    """Return exit code and kilobytes at the peak of each call.

    Raises
    ------
    AssertionError
        If the script fails.
    """
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, *script],
        input=json.dumps(list(calls)),
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **_GIVEN_BACK, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    expect(done.returncode == 0, done.stderr)
    return [(int(code), int(kilobytes)) for code, kilobytes in json.loads(done.stdout)]
