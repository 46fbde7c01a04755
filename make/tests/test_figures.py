"""What a page shows of a measurement is what the committed figures say."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from common_utils.reporting.cards import replace_block
from common_utils.testing.gates import gate_table

ROOT = Path(__file__).resolve().parents[2]
GATES = {
    "decisions-check": ("decisions.md", "decisions.json"),
    "monitor-check": ("monitoring.md", "monitoring.json"),
    "planted-check": ("lifecycle.md", "retraining.json"),
    "tracking-check": ("tracking.md", "tracking.json"),
}


def kept(name: str) -> Any:
    return json.loads((ROOT / "benchmarks" / "results" / name).read_text(encoding="utf-8"))


def stands(page: str, block: str, table: str) -> None:
    document = (ROOT / "PlanRec" / "docs" / page).read_text(encoding="utf-8")
    assert replace_block(document, block, table) == document


@pytest.mark.parametrize("target", GATES)
def test_the_table_of_a_page_is_that_of_its_gates(target: str) -> None:
    page, figures = GATES[target]
    stands(page, target, gate_table(kept(figures)["gates"]))


@pytest.fixture
def drill(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "benchmarks" / "faults")
    yield import_module("rollback_drill")
    for name in ("rollback_drill", "planrec_service", "report"):  # names that other folders of scripts have, too
        sys.modules.pop(name, None)


def test_the_seconds_of_a_roll_back_are_those_of_the_last_drill(drill: Any) -> None:
    stands("lifecycle.md", drill.BLOCK, drill.page_table(kept("rollback_drill.json")["figures"]))


def test_a_roll_back_is_a_row_for_each_thing_broken(drill: Any) -> None:
    figures: Mapping[str, float] = {"requests": 1234, "failed requests": 0, "held lock: exit code": 0}
    table = drill.page_table({**figures, "held lock: seconds until good everywhere": 1.04})
    assert table.splitlines()[0] == "0 of 1,234 requests failed."
    assert table.splitlines()[-1] == "| held lock | 1.0 |"
    assert len(table.splitlines()) == 5
