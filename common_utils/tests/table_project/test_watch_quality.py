"""Quality of a table of records: what was rejected, what is usual of a weekday and of a month, one value everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from common_utils.monitoring.profiles.counting import profile_like, reference_profile
from common_utils.table_project.watch.quality import rejected_finding, row_count_findings, table_quality
from common_utils.tables import RowReport

CATEGORY = np.array(["a", "b"] * 500, dtype=object)


@pytest.mark.parametrize(("rejected", "level"), [(0, "ok"), (1, "notice"), (9, "alarm")])
def test_rejected_rows_are_told_with_their_reasons(rejected: int, level: str) -> None:
    reasons = {"age: outside 0 to 130": rejected} if rejected else {}
    found = rejected_finding(RowReport("demo", 1_000, 1_000 - rejected, {}, reasons), since="2025-11-03")
    assert (found.check, found.level, found.blocks_retraining) == ("rejected", level, level == "alarm")
    assert ("age: outside 0 to 130" in found.sentence) == bool(rejected)


def test_a_month_is_held_against_months_whatever_their_weekdays() -> None:
    months = [(f"2025-{month:02}-01", 1_000 + month) for month in range(5, 11)]
    assert [one.level for one in row_count_findings(1_010, months, "2025-11-01")] == ["ok"]
    assert [one.level for one in row_count_findings(300, months, "2025-11-01")] == ["alarm"]


def test_a_sunday_is_not_held_against_working_days() -> None:
    days = [(f"2025-10-{day:02}", 100 if day in (5, 12, 19, 26) else 1_000) for day in range(1, 32)]
    assert [one.level for one in row_count_findings(100, days, "2025-11-02")] == ["ok"]
    assert [one.level for one in row_count_findings(100, days, "2025-11-03")] == ["alarm"]


def test_a_category_gone_constant_is_told_and_an_unchanged_one_is_not() -> None:
    before = reference_profile({"kind": CATEGORY})
    for values, level in ((CATEGORY, "ok"), (np.array(["a"] * 1_000, dtype=object), "alarm")):
        found = table_quality(profile_like(before, {"kind": values}), before, {"kind": values}, since="2025-11-03")
        assert {one.check: one.level for one in found}["repeated"] == level


def test_levels_that_training_did_not_know_are_told() -> None:
    before = reference_profile({"kind": CATEGORY})
    values = np.array(["a", "zz"] * 500, dtype=object)
    found = table_quality(profile_like(before, {"kind": values}), before, {"kind": values}, since="2025-11-03")
    assert {one.check: one.level for one in found}["unknown"] == "alarm"


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_told_of_the_same_world(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = ("flat", "zeros", "whole")
    tables = []
    for _ in range(2):
        flat, whole = rng.random(1_500), rng.integers(0, 4, 1_500).astype(np.float64)
        tables.append(dict(zip(names, (flat, np.where(flat < 0.4, 0.0, flat), whole), strict=True)))
    before = reference_profile(tables[0])
    found = table_quality(profile_like(before, tables[1]), before, tables[1], since="2025-11-03")
    assert {one.level for one in found} == {"ok"}
