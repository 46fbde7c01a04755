from __future__ import annotations

from typing import Any

import pytest

from common_utils.table_project.cards import accounting_rows, goal_rows, source_words
from common_utils.table_project.task import Goal

ECE = Goal(
    "ece", "calibration error", 0.02, higher_is_better=False, beside="ece_if_perfect", beside_title="a perfect model"
)


def _interval(estimate: float) -> dict[str, float]:
    return {"estimate": estimate, "low": estimate / 2, "high": 2 * estimate}


def test_a_figure_stands_beside_the_one_it_means_something_against() -> None:
    part = {"ece": _interval(0.008), "ece_if_perfect": _interval(0.006)}
    (row,) = goal_rows([ECE], {"cross_validation": part, "holdout": {"ece": _interval(0.016)}})
    assert row["cross-validation"] == "0.0080 [0.0040, 0.0160]; a perfect model: 0.0060 [0.0030, 0.0120]"
    assert row["holdout"] == "0.0160 [0.0080, 0.0320]"  # a bundle from before it was measured


def test_what_a_rule_sets_aside_is_not_rejected() -> None:
    report: dict[str, Any] = {"table": "cars", "read": 10, "kept": 7, "repaired": {}, "rejected": {"x: missing": 1}}
    (row,) = accounting_rows({"rows": {"read": [{**report, "set_aside": {"price at most 1": 2}}]}})
    assert (row["rejected"], row["set aside by a rule"]) == ("x: missing: 1", "price at most 1: 2")
    assert accounting_rows({"rows": {"read": [report]}})[0]["set aside by a rule"] == "0"


@pytest.mark.parametrize("synthetic", [True, False])
def test_a_refitted_bundle_says_that_its_figures_are_from_before(synthetic: bool) -> None:
    about = {"synthetic": synthetic, "table": "cars.csv"}
    assert "each figure is from before" not in source_words(about)
    assert "each figure is from before" in source_words({**about, "refitted": True})
