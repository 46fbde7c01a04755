"""Outcomes of a project on one table against its card: errors and coverage of a price; groups are shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.table_project.cases import PriceTask

from common_utils.monitoring.matured import Matured
from common_utils.table_project.watch.outcomes import look_at_records

CARD = {"cross_validation": {"mae": {"estimate": 10.0, "low": 9.0, "high": 11.0}, "coverage": 0.9}}


class PaidTask(PriceTask):
    outcome = "bill_paid"
    coarse_groups = ("kind",)


def seen(error: float, *, told: bool = True) -> Matured:
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = [
        {
            "event": f"e{place}",
            "subject": f"s{place}",
            "groups": {"kind": "van"},
            "answer": {"prediction": 100.0, "low": 60.0, "high": 140.0},
            "bill_paid": 100 * (100.0 + off) if told else None,
        }
        for place, off in enumerate(rng.choice([-1, 1], 300) * rng.normal(error, 1, 300))
    ]
    return look_at_records(PaidTask(), rows, CARD, rng=rng)


@pytest.mark.parametrize(("error", "level"), [(10.0, "ok"), (20.0, "alarm")])
def test_an_error_in_the_tables_unit_is_judged(error: float, level: str) -> None:
    found = seen(error)
    assert [(one.feature, one.level) for one in found.findings] == [("mae", level)]
    assert any(line.startswith("coverage of all: 1.000") for line in found.shown)
    assert any(line.startswith("mae of van: ") for line in found.shown)


def test_nothing_is_judged_before_outcomes_mature() -> None:
    found = seen(10.0, told=False)
    assert {one.level for one in found.findings} == {"insufficient"}


def test_a_project_without_an_outcome_says_so() -> None:
    found = look_at_records(PriceTask(), [], CARD, rng=np.random.default_rng(0))
    assert "no outcome that the card has a figure for is mature" in found.findings[0].sentence
