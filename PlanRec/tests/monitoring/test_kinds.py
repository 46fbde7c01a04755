"""The kinds of subscribers that moved most: by what they share, never fewer than twenty, never one huge month."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planrec.monitoring.kinds import FEWEST, moved_kinds
from planrec.months import month_index

_MONTH = month_index("2025-04")


def _months(count: int, age: float, factor: float, first: int = 0, plan: str | None = "surf") -> pd.DataFrame:
    rng = np.random.default_rng(first + 1)
    rows: list[dict[str, object]] = []
    for number in range(first, first + count):
        usual = 1000.0 + number
        for month in range(1, 5):
            noise = float(np.exp(0.05 * rng.standard_normal()))
            megabytes = usual * noise * (factor if month == 4 else 1)
            rows.append(
                {
                    "subscriber_id": f"S{number:04d}",
                    "month": f"2025-{month:02d}",
                    "minutes": 100.0 * noise,
                    "messages": 10.0,
                    "megabytes": megabytes,
                    "age": age,
                    "current_plan": plan,
                }
            )
    return pd.DataFrame(rows)


def test_the_kind_that_moved_comes_first_with_its_size() -> None:
    table = pd.concat([_months(60, 30.0, 2.0), _months(200, 50.0, 1.0, first=60)])
    first = moved_kinds(table, _MONTH)[0]
    assert first.name.startswith("25-34, ")
    assert first.name.endswith(", on surf")
    assert first.service == "megabytes"
    assert 0.7 < first.change < 1.1  # 100 MB are added to both sides, so that empty months have a ratio


def test_fewer_than_twenty_are_never_spoken_of() -> None:
    table = pd.concat([_months(FEWEST - 1, 30.0, 5.0), _months(90, 50.0, 1.0, first=60)])
    assert not any(kind.name.startswith("25-34") for kind in moved_kinds(table, _MONTH))
    assert all(kind.subscribers >= FEWEST for kind in moved_kinds(table, _MONTH))


def test_whoever_lacks_a_month_does_not_count() -> None:
    table = _months(40, 30.0, 2.0)
    assert moved_kinds(table[table["month"] != "2025-03"], _MONTH) == []
    assert moved_kinds(table[table["month"] != "2025-04"], _MONTH) == []
    assert moved_kinds(table.iloc[:0], _MONTH) == []


def test_one_huge_month_makes_no_kind() -> None:
    table = pd.concat([_months(30, 30.0, 1.0), _months(30, 50.0, 1.2, first=60)])
    huge = (table["subscriber_id"] == "S0000") & (table["month"] == "2025-04")
    table.loc[huge, "megabytes"] = 5e7
    assert moved_kinds(table, _MONTH)[0].name.startswith("45-54")


def test_no_name_is_a_persons() -> None:
    words = " ".join(kind.words() for kind in moved_kinds(_months(60, 30.0, 2.0), _MONTH))
    assert "S0" not in words


def test_without_ages_and_plans_kinds_are_of_usage_alone() -> None:
    table = _months(90, 30.0, 2.0, plan=None).drop(columns="age")
    assert {kind.name for kind in moved_kinds(table, _MONTH)} == {"little data", "some data", "much data"}


def test_an_unknown_plan_and_age_have_their_words() -> None:
    table = pd.concat([_months(60, 30.0, 2.0), _months(60, float("nan"), 2.0, first=60, plan=None)])
    assert any("an unknown plan" in kind.name for kind in moved_kinds(table, _MONTH, most=9))
    assert any(kind.name.startswith("unknown") for kind in moved_kinds(table, _MONTH, most=9))
