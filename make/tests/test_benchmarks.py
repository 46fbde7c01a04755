"""The benchmarks run, and their ratios are where they have to be: quick versions, with a margin for a busy machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def quick(script: str, *further: str) -> dict[str, Any]:
    result = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / script), "--quick", "--json", *further],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_re_rating_500_plans_costs_at_most_three_times_the_bare_arithmetic() -> None:
    figures = [quick("planrec/bench_rater.py") for _ in range(2)]
    assert min(run["bills_over_bare"] for run in figures) <= 3
    assert min(run["bills_with_line_items_over_bare"] for run in figures) <= 4


def test_offers_and_questionnaires_cost_at_most_four_times_advice_and_a_table_little_more_than_its_rating() -> None:
    figures = [quick("planrec/bench_one_subscriber.py") for _ in range(2)]
    assert min(run["offers_over_advice"] for run in figures) <= 4
    assert min(run["questionnaires_over_advice"] for run in figures) <= 4
    assert min(run["table_forecast_over_bare_rating"] for run in figures) <= 3.5  # 3 on an idle machine
    assert min(run["table_past_over_bare_rating"] for run in figures) <= 6


def test_a_plan_of_a_full_card_costs_at_most_seven_groupings_of_its_events() -> None:
    figures = [quick("planrec/bench_full_cards.py") for _ in range(2)]
    assert max(run["share_of_duckdb"] for run in figures) >= 0.1  # 200,000 events spread what a plan costs over few


def test_a_batch_is_many_times_faster_than_a_loop_and_bounded_in_memory() -> None:
    figures = quick("planrec/bench_batch.py")
    assert figures["loop_over_batch"] >= 25  # a batch of 20,000 spreads what each piece costs over few
    assert figures["peak_megabytes"] <= 1.5 * figures["peak_megabytes_of_a_quarter"]


def test_a_second_worker_writes_the_same_bytes() -> None:
    assert quick("planrec/bench_workers.py")["same_bytes"] == "True"  # its gain shows on large tables


def test_profiling_a_table_costs_at_most_three_times_a_group_by_and_no_more_memory_for_more_rows() -> None:
    figures = quick("planrec/bench_profiles.py")
    assert figures["ours_over_duckdb"] <= 3
    assert figures["peak_megabytes"] <= 1.2 * figures["peak_megabytes_of_200000_rows"]


def test_records_are_answered_in_memory_that_does_not_grow_with_them() -> None:
    figures = quick("planrec/bench_tables.py", "--project", "telecom")
    for ending in ("csv", "parquet"):
        peak, of_a_tenth = (figures[f"telecom_{ending}_peak_megabytes{of}"] for of in ("", "_of_the_smaller_file"))
        assert peak <= 1.2 * of_a_tenth


def test_events_are_summed_in_memory_that_does_not_grow_with_them() -> None:
    figures = quick("planrec/bench_events.py")
    assert figures["peak_megabytes"] <= 1.5 * figures["peak_megabytes_of_a_quarter"]
    assert figures["peak_megabytes"] <= 600


@pytest.mark.parametrize("script", sorted(p.relative_to(ROOT).as_posix() for p in ROOT.glob("benchmarks/*/bench_*.py")))
def test_every_benchmark_says_what_it_measures(script: str) -> None:
    shown = subprocess.run([sys.executable, script, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--quick" in shown.stdout
    assert Path(script).name in (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
