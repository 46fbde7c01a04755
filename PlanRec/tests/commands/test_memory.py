"""Memory of every command that takes a table: it does not grow with the table, unless the command has to hold it."""

from __future__ import annotations

from pathlib import Path

import pytest

from common_utils.bundle import Bundle
from common_utils.testing.memory.growth import BOUND, Growth, commands_with_tables, growth_of
from planrec import cli
from tests.commands import memory

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
def grown(bundle: Bundle, project_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Growth]:
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
    calls = {
        name: [
            [name, "--usage", str(path), *words, "--output", str(folder / f"{name}{_ENDING.get(name, '.parquet')}")]
            for path in usage.values()
        ]
        for name, words in further.items()
    }
    for some in calls.values():
        for call in some:
            call.extend(["--workers", "1"])  # all of the work in the process that is measured
    calls["hold"] = [["hold", str(path)] for path in usage.values()]
    bytes_more = usage[LARGE].stat().st_size - usage[SMALL].stat().st_size
    return growth_of([memory.__file__], calls, bytes_more, project_folder)


_ENDING = {"notices": ".jsonl", "draft": ".csv"}


def test_every_command_that_takes_a_table_is_measured_or_has_to_hold_it(grown: dict[str, Growth]) -> None:
    assert commands_with_tables(cli.app) == {*HOLDS, *grown} - {"hold"}


def test_memory_does_not_grow_with_the_table(grown: dict[str, Growth]) -> None:
    assert {name: found for name, found in grown.items() if name != "hold" and found.more > BOUND} == {}


def test_a_command_that_holds_its_table_is_found(grown: dict[str, Growth]) -> None:
    assert grown["hold"].more > BOUND
