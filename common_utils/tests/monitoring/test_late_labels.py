"""Performance from mature outcomes: what is too young does not count, what is worse than the card is told."""

from __future__ import annotations

import numpy as np
import pytest

from common_utils.decision_log.kinds import DAY_MS
from common_utils.errors import DataError
from common_utils.evaluation import Interval
from common_utils.monitoring.late_labels import LateFigure, auc, calibration_error, estimated, judge, mature, mean_of

ALL = np.ones(2_000, dtype=np.bool_)


def scores(seed: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, 1.5, 2_000)
    happened = (rng.random(2_000) < 1 / (1 + np.exp(-strength * logit))).astype(float)
    return 1 / (1 + np.exp(-logit)), happened


def judged(seed: int, strength: float) -> list[LateFigure]:
    score, happened = scores(seed, strength)
    figures = [auc("auc", score, happened, ALL), calibration_error("ece", score, happened, ALL)]
    card = {("auc", ""): Interval(0.797, 0.78, 0.815), ("ece", ""): Interval(0.02, 0.01, 0.03)}
    return judge(figures, np.arange(2_000), card, rng=np.random.default_rng(0))


def test_a_model_as_good_as_its_card_is_silent() -> None:
    assert sum(one.level != "ok" for seed in range(10) for one in judged(seed, 1.0)) <= 1


def test_a_model_that_has_lost_its_strength_is_told() -> None:
    worse = judged(1, 0.4)
    assert [one.level for one in worse] == ["alarm", "alarm"]
    assert "much worse than the card's 0.797" in worse[0].sentence()
    assert worse[0].finding("2025-10").usual == 0.797


def test_better_than_the_card_is_ok() -> None:
    score, happened = scores(2, 3.0)
    card = {("auc", ""): Interval(0.6, 0.59, 0.61)}
    (found,) = judge([auc("auc", score, happened, ALL)], np.arange(2_000), card, rng=np.random.default_rng(0))
    assert found.level == "ok"


@pytest.mark.parametrize(("better", "level"), [("less", "alarm"), ("more", "ok")])
def test_the_direction_decides_what_is_worse(better: str, level: str) -> None:
    values = np.random.default_rng(3).normal(2, 1, 2_000)
    figure = mean_of("x", values, ALL, better)  # type: ignore[arg-type]
    (found,) = judge([figure], np.arange(2_000), {("x", ""): Interval(1.0, 0.9, 1.1)}, rng=np.random.default_rng(0))
    assert found.level == level


def test_only_mature_outcomes_count() -> None:
    """The newest three months look terrible because savings are not in yet; they are left out."""
    at = np.repeat(np.arange(200), 10) * DAY_MS
    now = 200 * DAY_MS
    rows = mature("saving", at, now)
    assert rows.sum() == 10 * 109  # days 0 to 108: 92 days before now
    saving = np.where(rows, 5.0, 0.0) + np.random.default_rng(4).normal(0, 0.1, 2_000)
    card = {("saving", ""): Interval(5.0, 4.9, 5.1)}
    right = judge([mean_of("saving", saving, rows, "more")], np.arange(2_000), card, rng=np.random.default_rng(0))
    wrong = judge([mean_of("saving", saving, ALL, "more")], np.arange(2_000), card, rng=np.random.default_rng(0))
    assert (right[0].level, right[0].subjects) == ("ok", 1090)
    assert wrong[0].level == "alarm"
    assert mature("accepted", at, now).all()
    with pytest.raises(DataError, match="'mood': no such kind"):
        mature("mood", at, now)


@pytest.mark.parametrize(("subjects", "level"), [(199, "insufficient"), (200, "ok")])
def test_fewer_than_two_hundred_subjects_are_not_judged(subjects: int, level: str) -> None:
    figure = mean_of("x", np.arange(2_000) % 2 + 0.0, ALL, "more")
    names = np.arange(2_000) % subjects
    card = {("x", ""): Interval(0.5, 0.4, 0.6)}
    (found,) = judge([figure], names, card, rng=np.random.default_rng(0))
    assert (found.level, found.subjects) == (level, subjects)


def test_intervals_are_by_subject() -> None:
    values = np.repeat(np.random.default_rng(5).normal(0, 1, 400), 5)
    card = {("x", ""): Interval(0.0, -0.1, 0.1)}
    figure = [mean_of("x", values, ALL, "more")]
    whole, rows = (
        judge(figure, n, card, rng=np.random.default_rng(0))[0].found
        for n in (np.repeat(np.arange(400), 5), np.arange(2_000))
    )
    assert whole is not None
    assert rows is not None
    assert (whole.high - whole.low) > 1.8 * (rows.high - rows.low)


def test_segments_are_judged_where_the_card_has_a_figure_and_shown_where_not() -> None:
    parts = np.where(np.arange(2_000) % 2 == 0, "even", "odd")
    values = np.where(parts == "even", 1.0, 2.0) + np.random.default_rng(6).normal(0, 0.1, 2_000)
    card = {("mae", ""): Interval(1.5, 1.4, 1.6), ("mae", "odd"): Interval(1.0, 0.9, 1.1)}
    figure = [mean_of("mae", values, ALL, "less")]
    found = judge(figure, np.arange(2_000), card, segments=parts, rng=np.random.default_rng(0))
    assert [(one.segment, one.level) for one in found] == [("", "ok"), ("even", "insufficient"), ("odd", "alarm")]
    assert found[1].found is not None
    assert "the card has no figure" in found[1].sentence()


def test_one_class_alone_gives_no_auc() -> None:
    figure = auc("auc", np.linspace(0, 1, 2_000), np.zeros(2_000), ALL)
    (found,) = judge([figure], np.arange(2_000), {}, rng=np.random.default_rng(0))
    assert (found.level, found.found) == ("insufficient", None)


def test_an_estimate_says_it_is_one_and_is_never_ok() -> None:
    score, happened = scores(7, 1.0)
    share, area = estimated(score)
    assert share.value == pytest.approx(happened.mean(), abs=0.03)
    assert area.value == pytest.approx(0.8, abs=0.03)
    finding = area.finding(2_000)
    assert finding.level == "insufficient"
    assert "is an estimate" in finding.sentence
    assert "still calibrated" in finding.sentence
    assert [one.name for one in estimated(np.zeros(5))] == ["share"]
