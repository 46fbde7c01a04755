"""What `docs/results.md` says of the public table's intervals, out of fold; `make evaluate` writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

_FEWEST_ADS = 300
_WIDTH_BEFORE = 9260  # dollars, mean; with one margin for all types
_MAE_BEFORE = 1997


def _table(folder: Path, title: str) -> list[dict[str, str]]:
    text = (folder / "docs" / "results.md").read_text(encoding="utf-8")
    lines = text.partition(f"## {title}\n\n")[2].partition("\n\n")[0].splitlines()
    names, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _number(cell: str) -> float:
    return float(cell.partition(" [")[0].replace(",", ""))


@pytest.mark.parametrize("by", ["type", "predicted price"])
def test_the_interval_holds_nine_of_ten_in_every_segment_a_user_knows(project_folder: Path, by: str) -> None:
    rows = [row for row in _table(project_folder, f"Interval by {by}") if _number(row["ads"]) >= _FEWEST_ADS]
    assert len(rows) >= 6
    assert {row["segment"]: row["coverage"] for row in rows if not 0.87 <= _number(row["coverage"]) <= 0.93} == {}


def test_the_interval_holds_nine_of_ten_and_is_no_wider_than_with_one_margin(project_folder: Path) -> None:
    figures = {row["figure"]: _number(row["cross-validation"]) for row in _table(project_folder, "Figures")}
    assert 0.89 <= figures["coverage"] <= 0.92
    assert figures["width"] <= 1.05 * _WIDTH_BEFORE
    assert figures["mae"] <= _MAE_BEFORE
