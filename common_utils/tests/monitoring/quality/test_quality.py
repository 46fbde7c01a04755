"""Quality: each check fires on its fault, and stays silent without."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from common_utils.errors import ConfigError, DataError
from common_utils.monitoring.findings import Finding, blocks_retraining
from common_utils.monitoring.profiles.counting import profile_like, reference_profile
from common_utils.monitoring.quality.checks import (
    check_freshness,
    check_impossible,
    check_missing,
    check_repeated,
    check_row_count,
    check_subjects,
    check_unknown,
)
from common_utils.monitoring.quality.own_median import check_own_median
from common_utils.monitoring.quality.rises import RiseLimits, judged_rise

_PERIODS = [f"2025-{month:02d}" for month in range(1, 13)]


def _panel(seed: int, subjects: int = 3_345, absent: float = 0.005) -> np.ndarray:
    rng = np.random.default_rng(seed)
    usage = rng.lognormal(8, 1, (subjects, 1)) * rng.lognormal(0, 0.3, (subjects, 12))
    usage *= rng.random((subjects, 12)) > absent
    usage[rng.random(subjects) < 0.1, :4] = np.nan  # joined late
    return usage


def _by_check(found: list[Finding]) -> dict[str, Finding]:
    return {one.check: one for one in found}


@pytest.mark.parametrize("seed", range(5))
def test_own_median_is_silent_in_sound_months(seed: int) -> None:
    usage = _panel(seed)
    for last in range(6, 13):
        found = check_own_median(usage[:, :last], feature="megabytes", periods=_PERIODS[:last])
        assert [one for one in found if one.level == "alarm"] == []
        assert {one.level for one in found} <= {"ok", "notice"}


@pytest.mark.parametrize(
    ("factor", "check"),
    [
        pytest.param(1 / 1024, "own_median_below_hundredth", id="gigabytes"),
        pytest.param(1024, "own_median_above_hundredfold", id="kilobytes"),
        pytest.param(1 / 60, "own_median_below_tenth", id="hours"),
        pytest.param(60, "own_median_above_tenfold", id="seconds"),
        pytest.param(0, "own_median_to_nothing", id="nothing"),
    ],
)
@pytest.mark.parametrize("share", [0.05, 0.02])
def test_own_median_sees_a_slip_in_its_first_month(factor: float, check: str, share: float) -> None:
    usage = _panel(11)
    hit = np.random.default_rng(3).random(len(usage)) < share
    usage[hit, 9:] *= factor
    first = _by_check(check_own_median(usage[:, :10], feature="megabytes", periods=_PERIODS[:10]))[check]
    assert (first.level, first.since, first.blocks_retraining) == ("alarm", "2025-10", True)
    assert first.value == pytest.approx(share, rel=0.5)
    assert first.usual is not None
    assert first.usual < 0.01
    second = _by_check(check_own_median(usage[:, :11], feature="megabytes", periods=_PERIODS[:11]))[check]
    assert (second.level, second.since) == ("alarm", "2025-10")


def test_own_median_sees_five_in_a_thousand() -> None:
    found = []
    for seed in range(5):
        usage = _panel(seed)
        usage[np.random.default_rng(seed).random(len(usage)) < 0.005, 9] /= 1024
        found.append(check_own_median(usage[:, :10], feature="megabytes", periods=_PERIODS[:10])[0].level)
    assert found == ["alarm"] * 5


def test_own_median_counts_what_it_says() -> None:
    usage = np.full((300, 5), 100.0)
    usage[:6, 4] = [0.99, 1.0, 10.0, 0.0, 1_001.0, 10_001.0]
    usage[6, :4] = 0.0  # no median to compare with
    usage[7, 0], usage[8, 4], usage[9, 1] = np.nan, np.nan, np.nan
    found = check_own_median(usage, feature="x", periods=_PERIODS[:5])
    assert [one.count for one in found] == [1, 1, 2, 2, 1]
    assert found[0].value == 1 / (300 - 1 - 2)


def test_own_median_of_too_little_is_insufficient() -> None:
    usage = _panel(1)
    for values in (usage[:, :3], usage[:, :4], usage[:150, :6], usage[:0, :6]):
        found = check_own_median(values, feature="x", periods=_PERIODS[: values.shape[1]])
        assert {one.level for one in found} == {"insufficient"}
    with pytest.raises(DataError, match="for 11 periods"):
        check_own_median(usage, feature="x", periods=_PERIODS[:11])


def _profiles(missing: float, unknown: float, rows: int = 2_000, seed: int = 0):  # type: ignore[no-untyped-def]
    def table(missing: float, unknown: float, seed: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(seed)
        age = np.where(rng.random(rows) < missing, np.nan, rng.normal(50, 9, rows))
        plan = np.where(rng.random(rows) < unknown, "flagship", rng.choice(["surf", "ultimate"], rows)).astype(object)
        plan[rng.random(rows) < missing] = None
        return {"age": age, "plan": plan}

    reference = reference_profile(table(0.02, 0, seed))
    return profile_like(reference, table(missing, unknown, seed + 1)), reference


def test_missing_fires_for_each_feature_and_not_the_other_way_round() -> None:
    now, before = _profiles(0.12, 0)
    found = check_missing(now, before, since="2025-10")
    assert [(one.feature, one.level, one.since, one.blocks_retraining) for one in found] == [
        ("age", "alarm", "2025-10", True),
        ("plan", "alarm", "2025-10", True),
    ]
    assert found[0].value == pytest.approx(0.12, abs=0.03)
    assert found[0].usual == pytest.approx(0.02, abs=0.01)
    assert [one.level for one in check_missing(before, now)] == ["ok", "ok"], "less is missing than before"
    assert [one.level for one in check_missing(_profiles(0.045, 0)[0], before)] == ["notice", "notice"]


@pytest.mark.parametrize("seed", range(20))
def test_missing_and_unknown_are_silent_without_a_change(seed: int) -> None:
    now, before = _profiles(0.02, 0, seed=seed)
    assert {one.level for one in (*check_missing(now, before), *check_unknown(now, before))} == {"ok"}


def test_missing_of_too_few_rows_is_insufficient() -> None:
    now, before = _profiles(0.02, 0, rows=100)
    assert {one.level for one in check_missing(now, before)} == {"insufficient"}


def test_unknown_levels_fire_by_their_share() -> None:
    for share, level in ((0.15, "alarm"), (0.05, "notice"), (0.008, "notice"), (0.0, "ok")):
        now, before = _profiles(0.02, share)
        found = check_unknown(now, before, since="2025-10")
        assert [(one.feature, one.level) for one in found] == [("plan", level)]
        assert found[0].count == now.categories["plan"].unknown
        assert found[0].usual == 0
        assert found[0].blocks_retraining == (level == "alarm")


def test_a_column_that_is_gone_is_an_alarm() -> None:
    now, before = _profiles(0.02, 0)
    gone = profile_like(before, {"plan": np.array(["surf"] * 500, dtype=object)})
    assert _levels(check_missing(gone, before)) == {"age": "alarm", "plan": "ok"}
    assert now.rows == 2_000


def _levels(found: list[Finding]) -> dict[str, str]:
    return {one.feature: one.level for one in found}


def test_repeated_values_fire_when_one_value_grows() -> None:
    rng = np.random.default_rng(4)
    before = np.where(rng.random(1_000) < 0.4, 0.0, rng.random(1_000))  # zero is usual
    again = np.where(rng.random(1_000) < 0.4, 0.0, rng.random(1_000))
    default = np.where(rng.random(1_000) < 0.3, 0.5, again)
    assert check_repeated(again, before, feature="x").level == "ok"
    found = check_repeated(default, before, feature="x", since="2025-10")
    assert (found.level, found.since, found.usual, found.blocks_retraining) == ("alarm", "2025-10", 0.001, True)
    assert found.value == pytest.approx(0.3, abs=0.04)
    assert check_repeated(before, default, feature="x").level == "ok"
    assert check_repeated(np.full(1_000, 7.0), before, feature="x").level == "alarm"
    assert check_repeated(np.where(rng.random(1_000) < 0.1, 0.5, again), before, feature="x").level == "notice"
    assert check_repeated(np.array([]), before, feature="x").level == "insufficient"
    assert check_repeated(again, np.array([]), feature="x").level == "insufficient"


def test_a_cohort_that_counts_down_repeats_no_more_than_usual() -> None:
    before = np.repeat(np.arange(24.0), np.where(np.arange(24) == 9, 300, 40))
    assert check_repeated((before - 1) % 24, before, feature="contract_months_left").level == "ok"


def test_repeated_values_of_text() -> None:
    before = np.array([f"car {i % 40}" for i in range(800)], dtype=object)
    now = np.where(np.arange(800) < 400, "car 1", before).astype(object)
    now[0] = None
    assert check_repeated(now, before, feature="model").level == "alarm"
    assert check_repeated(before[::-1], before, feature="model").level == "ok"


def test_impossible_values() -> None:
    values = np.linspace(18, 90, 2_000)
    assert check_impossible(values, low=18, high=90, feature="age").level == "ok"
    for count, level in ((1, "notice"), (4, "notice"), (5, "alarm")):
        faulty = np.concatenate([values, np.full(count, 200.0), [np.nan]])
        found = check_impossible(faulty, low=18, high=90, feature="age", since="2025-10")
        assert (found.level, found.count, found.blocks_retraining) == (level, count, level == "alarm")
    assert check_impossible(np.array([np.inf, -np.inf]), low=0, high=1, feature="x").count == 2
    assert check_impossible(np.array([np.nan]), low=0, high=1, feature="x").level == "insufficient"


@pytest.mark.parametrize(
    ("newest", "level"),
    [
        (date(2025, 11, 20), "ok"),
        (date(2025, 10, 16), "ok"),
        (date(2025, 10, 15), "alarm"),
        (date(2025, 11, 21), "alarm"),
        (None, "alarm"),
    ],
)
def test_freshness(newest: date | None, level: str) -> None:
    found = check_freshness(newest, date(2025, 11, 20), most_days=35)
    assert (found.level, found.blocks_retraining) == (level, level == "alarm")


@pytest.mark.parametrize(
    ("rows", "level"),
    [(10_000, "ok"), (8_500, "ok"), (7_500, "notice"), (4_900, "alarm"), (20_500, "alarm"), (0, "alarm")],
)
def test_row_counts_against_the_same_weekday(rows: int, level: str) -> None:
    found = check_row_count(rows, [9_800, 10_100, 9_900, 10_300, 10_000], since="2025-11-24")
    assert (found.level, found.usual, found.blocks_retraining) == (level, 10_000, level == "alarm")


def test_row_counts_without_a_past() -> None:
    assert check_row_count(10_000, [10_000] * 3).level == "insufficient"
    assert check_row_count(0, []).level == "alarm"
    assert check_row_count(4, [10, 2, 6, 7, 3]).level == "ok", "a handful a day is noise"


def test_subjects_gone_and_new() -> None:
    rng = np.random.default_rng(2)
    months, there = [], np.arange(3_000)
    for month in range(8):
        months.append(there)
        kept = there[rng.random(len(there)) > 0.008]
        there = np.concatenate([kept, 10_000 * (month + 1) + np.arange(rng.poisson(24))])
    assert [one.level for one in check_subjects(months)] == ["ok", "ok"]
    gone = check_subjects([*months, there[:2_400]], since="2025-10")
    assert [(one.check, one.level) for one in gone] == [("subjects_gone", "alarm"), ("subjects_new", "ok")]
    new = check_subjects([*months, np.concatenate([there, -1 - np.arange(600)])])
    assert [one.level for one in new] == ["ok", "alarm"]
    assert blocks_retraining(gone)
    assert {one.level for one in check_subjects(months[:2])} == {"insufficient"}
    assert {one.level for one in check_subjects([])} == {"insufficient"}


def test_rise_is_false_no_more_often_than_its_level_says() -> None:
    rng, limits = np.random.default_rng(0), RiseLimits(alarm_level=0.01, notice_level=0.05, times=1, fewest=1)
    levels = [
        judged_rise(int(now), 1_000, [int(then)], [3_000], limits).level
        for now, then in zip(rng.binomial(1_000, 0.02, 4_000), rng.binomial(3_000, 0.02, 4_000), strict=True)
    ]
    assert 0.003 < levels.count("alarm") / 4_000 <= 0.013
    assert levels.count("notice") / 4_000 <= 0.05


def test_rise_depends_on_how_many_rows_there_were() -> None:
    assert judged_rise(30, 1_000, [30], [3_000], RiseLimits()).level == "alarm"
    assert judged_rise(30, 1_000, [90], [3_000], RiseLimits()).level == "ok"
    assert judged_rise(30, 1_000, [10], [1_000], RiseLimits()).level == "notice"
    assert judged_rise(4, 1_000, [0], [100_000], RiseLimits()).level == "ok", "fewer than the fewest that count"
    assert judged_rise(0, 0, [1], [10], RiseLimits()).level == "insufficient"
    with pytest.raises(ConfigError, match="alarm_level"):
        RiseLimits(alarm_level=0.1, notice_level=0.01)
