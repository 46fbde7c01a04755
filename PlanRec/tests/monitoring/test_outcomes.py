"""`monitor --decisions`: matured outcomes are judged against the card, what the card lacks is shown, guesses say so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from common_utils.monitoring.matured import Matured, decided_until, rows_digest
from planrec.monitoring.outcomes import look_at_outcomes
from tests.monitoring.logged import desk, kept, offers

CARD = {"test": {name: dict(zip(("estimate", "low", "high"), ends, strict=True)) for name, ends in {
    "ndcg_at_5": (0.85, 0.82, 0.88), "ece": (0.05, 0.02, 0.08)}.items()}}  # fmt: skip


def choices(n: int, *, right: float, told: bool = True) -> list[tuple[dict[str, Any], str | None]]:
    """Answers about choices that name `surf` with 0.7, and what was taken."""
    rng = np.random.default_rng(0)
    answer = {"prediction": "surf", "probabilities": {"surf": 0.7, "ultimate": 0.2, "basic": 0.1}}
    taken = np.where(rng.random(n) < right, "surf", "basic").tolist()
    return [(answer, plan if told else None) for plan in taken]


def seen(folder: Path, n: int, *, right: float, told: bool = True, metrics: Mapping[str, Any] = CARD) -> Matured:
    made = choices(n, right=right, told=told)
    entries = [(f"S{place}", "choice", answer, b'{"age_band":"25-34"}') for place, (answer, _) in enumerate(made)]
    kept(folder, entries, lambda place: [("plan_taken", made[place][1], 1)] if told else [])
    return look_at_outcomes(decided_until(desk(folder), date(2025, 11, 1)), metrics, rng=np.random.default_rng(1))


def test_choices_as_good_as_the_card_are_ok(tmp_path: Path) -> None:
    found = seen(tmp_path, 600, right=0.72)
    assert [(one.feature, one.level) for one in found.findings] == [("ndcg_at_5", "ok"), ("ece", "ok")]
    assert "is no worse than the card's 0.850 [0.820, 0.880]" in found.findings[0].sentence
    assert any(line.startswith("ndcg_at_5 of 25-34: ") for line in found.shown)
    assert all("the card has no figure to compare with" in line for line in found.shown)


def test_choices_that_are_taken_no_longer_alarm(tmp_path: Path) -> None:
    found = seen(tmp_path, 600, right=0.3)
    assert [one.level for one in found.findings] == ["alarm", "alarm"]
    assert "is much worse than the card's 0.850" in found.findings[0].sentence


def test_before_outcomes_an_estimate_says_that_it_is_one(tmp_path: Path) -> None:
    found = seen(tmp_path, 300, right=0.7, told=False)
    assert {one.level for one in found.findings} == {"insufficient"}
    assert "0.700 is an estimate from scores, not a measurement" in found.findings[-1].sentence


def test_a_figure_without_a_counterpart_is_shown_and_not_judged(tmp_path: Path) -> None:
    found = seen(tmp_path, 600, right=0.7, metrics={})
    assert [one.level for one in found.findings] == ["insufficient"]
    assert "no outcome that the card has a figure for is mature" in found.findings[0].sentence
    assert any(line.startswith("ece of all: ") for line in found.shown)


def test_harm_counts_only_once_it_is_mature(tmp_path: Path) -> None:
    kept(tmp_path, offers(7, 900, base=0.9), lambda place: [("accepted", place % 2 == 0, 1), ("worse_off", True, 100)])
    early, late = (decided_until(desk(tmp_path), day) for day in (date(2025, 11, 1), date(2026, 3, 1)))
    assert rows_digest(early) != rows_digest(late)
    said = [look_at_outcomes(rows, CARD, rng=np.random.default_rng(1)).shown for rows in (early, late)]
    assert any(line.startswith("accepted of all: 0.") for line in said[0])
    assert not any(line.startswith("worse_off of all") for line in said[0])
    assert any(line.startswith("worse_off of all: 1.000") for line in said[1])


def test_decisions_of_the_day_itself_do_not_count(tmp_path: Path) -> None:
    kept(tmp_path, offers(8, 5))
    assert [len(decided_until(desk(tmp_path), day)) for day in (date(2025, 10, 9), date(2025, 10, 10))] == [0, 5]
    assert look_at_outcomes([], CARD, rng=np.random.default_rng(1)).findings[0].level == "insufficient"
