"""Memory of every command that takes a table: it does not grow with the table, unless the command has to hold it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from common_utils.bundle import Bundle
from common_utils.command_line.clashes import path_kinds
from common_utils.testing.command_lines import commands_of
from planrec import cli
from tests.commands import memory

TABLES = {"--usage", "--events", "--cells", "--billed", "--accounts", "--input", "--data"}
"""Options that name a table of rows."""

HOLDS = {
    **dict.fromkeys(
        ["train", "evaluate", "choices", "retrain", "data", "data snapshot"], "learns from all of it at once"
    ),
    **dict.fromkeys(
        ["monitor", "bias proxies", "bias threshold", "decisions off-policy"], "compares all of it at once"
    ),
    **dict.fromkeys(["plans diff", "plans rank"], "draws subscribers over and over"),
    "outcomes": "refuses the file, or keeps the whole of it",
}
"""Commands that hold their table, and why."""

SMALL, LARGE = 40_000, 120_000  # rows
BOUND = 4.0
"""Bytes that the peak may grow by for each further byte of the table as CSV: a command that holds it takes about 8, and
of one that does not the allocator keeps some megabytes more while it runs longer."""


def table(path: Path, rows: int) -> Path:
    """Write six months of each subscriber, contracts of some ending next month."""
    lines = [
        f"s{number // 6:07d},2025-{number % 6 + 7:02d},{number % 900}.25,{number % 77},{number % 9000}.75,smart-25,"
        f"{20 + number // 6 % 60},{max(number // 6 % 24 - number % 6, 0)},{number // 6 % 30 + number % 6}\n"
        for number in range(rows)
    ]
    names = "subscriber_id,month,minutes,messages,megabytes,current_plan,age,contract_months_left,tenure_months\n"
    path.write_text(names + "".join(lines), encoding="ascii")
    return path


@pytest.fixture(scope="module")
def grown(bundle: Bundle, project_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[float]]:
    """Bytes that the peak of memory grows by, for each further byte of the table, by command."""
    folder = tmp_path_factory.mktemp("memory")
    card = str(project_folder / "configs" / "plans.yaml")
    plan = folder / "plan.yaml"
    plan.write_text(
        "plan_id: drafted\nname: Drafted\nmonthly_fee_cents: 1900\n"
        "included: {minutes: 300, messages: 100, megabytes: 20480}\n"
        "overage: {cents_per_minute: 5, cents_per_message: 5, cents_per_data_unit: 300}\n"
        "contract_months: 0\nperks: []\n"
    )
    asked = ("--as-of", "2025-12")
    by_bundle = ("--bundle", str(bundle.path.parent))
    further: dict[str, tuple[str, ...]] = {
        "bill": ("--plans", card),
        "recommend": ("--plans", card, *asked),
        "notices": ("--plans", card, "--as-of", "2026-01-05"),
        "predict": (*by_bundle, *asked),
        "what-if": ("--plans", card, *asked, "--usage-factor", "1.2"),
        "draft": (*by_bundle, *asked, "--plan", str(plan), "--set", "evaluation.resamples=50"),
    }
    usage = {rows: table(folder / f"{rows}.csv", rows) for rows in (SMALL, LARGE)}
    runs = [
        (name, [name, "--usage", str(path), *words, "--output", str(folder / f"{name}{_ENDING.get(name, '.parquet')}")])
        for name, words in further.items()
        for path in usage.values()
    ]
    for _, call in runs:
        call.extend(["--workers", "1"])  # all of the work in the process that is measured
    runs += [("hold", ["hold", str(path)]) for path in usage.values()]
    answers = _measured([call for _, call in runs], project_folder)
    assert [(name, code) for (name, _), (code, _) in zip(runs, answers, strict=True) if code] == []
    bytes_more = usage[LARGE].stat().st_size - usage[SMALL].stat().st_size
    peaks: dict[str, list[int]] = {}
    for (name, _), (_, kilobytes) in zip(runs, answers, strict=True):
        peaks.setdefault(name, []).append(1024 * kilobytes)
    return {name: [(large - small) / bytes_more, small, large] for name, (small, large) in peaks.items()}


_ENDING = {"notices": ".jsonl", "draft": ".csv"}


def _measured(asked: list[list[str]], project_folder: Path) -> list[tuple[int, int]]:
    done = subprocess.run(
        [sys.executable, memory.__file__],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=project_folder,
        # What is freed goes back: else the peak tells what allocators keep.
        env={**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_command_that_takes_a_table_is_measured_or_has_to_hold_it(grown: dict[str, list[float]]) -> None:
    takes = {
        " ".join(command.words)
        for command in commands_of(cli.app)
        if TABLES & {option for option, _ in path_kinds(command.function).values()}
    }
    assert takes == {*HOLDS, *grown} - {"hold"}


def test_memory_does_not_grow_with_the_table(grown: dict[str, list[float]]) -> None:
    assert {name: more for name, (more, *_) in grown.items() if name != "hold" and more > BOUND} == {}


def test_a_command_that_holds_its_table_is_found(grown: dict[str, list[float]]) -> None:
    assert grown["hold"][0] > BOUND
