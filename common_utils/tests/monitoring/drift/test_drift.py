"""Whether the world has moved: what fires, what stays silent, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from common_utils.errors import ConfigError, DataError
from common_utils.monitoring.drift.comparison import Limits, Reference, compare, difference_of, drift_findings
from common_utils.monitoring.findings import worst
from common_utils.monitoring.profiles.profile import BinCounts, CategoryCounts, Profile
from common_utils.monitoring.profiles.subjects import SubjectSketch
from common_utils.testing.monitoring.worlds import DriftWorld

PLANTED = dict.fromkeys(("minutes", "messages", "megabytes", "bill"), 1.1)


@pytest.fixture(scope="module")
def world() -> DriftWorld:
    return DriftWorld(np.random.default_rng(16), rows=50_000)


def table(*counts: int, missing: int = 0) -> Profile:
    n = sum(counts) + missing
    edges = np.arange(1.0, len(counts))
    return Profile(n, n, ("2025-09",), {"age": BinCounts(edges, np.array(counts), missing)})


def references(world: DriftWorld, before: Profile) -> list[Reference]:
    return [Reference("training", "2025-01", world.reference), Reference("period before", "2025-08", before)]


def days_told(world: DriftWorld, n: int, days: int, times: dict[str, float] | None = None, seed: int = 1) -> list[str]:
    rng = np.random.default_rng(seed)
    before = world.day(rng, n)
    levels: list[str] = []
    for _ in range(days):
        now = world.day(rng, n, times=times)
        levels.append(worst([one.finding() for one in compare(now, references(world, before))]))
        before = before if times else now
    return levels


@pytest.mark.parametrize("n", [200, 1000, 5000])
def test_days_without_drift_are_silent(world: DriftWorld, n: int) -> None:
    levels = days_told(world, n, 100)
    assert len(levels) - levels.count("ok") <= 4  # .01 a day: 5 or more of 100 once in 300 seeds
    assert "insufficient" not in levels


def test_a_tenth_more_on_four_features_is_noticed_among_a_thousand(world: DriftWorld) -> None:
    assert days_told(world, 1000, 20, PLANTED).count("ok") <= 1


def test_half_more_on_one_feature_is_noticed_among_two_hundred(world: DriftWorld) -> None:
    assert "ok" not in days_told(world, 200, 20, {"megabytes": 1.5})


def test_two_per_cent_among_a_hundred_thousand_is_significant_and_not_told(world: DriftWorld) -> None:
    rng = np.random.default_rng(2)
    before = world.day(rng, 100_000)
    now = world.day(rng, 100_000, times=dict.fromkeys(PLANTED, 1.02))
    found = compare(now, references(world, before))
    assert {one.level for one in found} == {"ok"}
    assert {"minutes", "messages", "megabytes", "bill"} <= {one.feature for one in found if one.significant}


def test_without_the_floor_the_same_day_would_be_told(world: DriftWorld) -> None:
    rng = np.random.default_rng(2)
    now = world.day(rng, 100_000, times=dict.fromkeys(PLANTED, 1.02))
    found = compare(now, references(world, world.day(rng, 100_000)), limits=Limits(notice=0.0))
    assert "notice" in {one.level for one in found}


@pytest.mark.parametrize(("now", "level"), [((500, 500), "ok"), ((430, 570), "notice"), ((330, 670), "alarm")])
def test_levels_follow_the_size(now: tuple[int, int], level: str) -> None:
    (found,) = compare(table(*now), [Reference("training", "2025-06", table(25_000, 25_000))])
    assert found.level == level


def test_the_finding_names_the_reference_and_says_from_what_to_what() -> None:
    found = compare(
        table(330, 670),
        [
            Reference("training", "2025-06", table(25_000, 25_000)),
            Reference("period before", "2025-08", table(340, 660)),
        ],
    )
    first, second = drift_findings(found, since="2025-09")
    assert (first.check, first.level, first.since, first.count) == ("drift_from_training", "alarm", "2025-09", 1000)
    assert first.sentence.startswith("age has moved: share of > 1: 50.0% in training (2025-06), 67.0% now")
    assert (second.check, second.level) == ("drift_from_period_before", "ok")
    assert "the period before (2025-08)" in second.sentence


def test_family_is_all_features_and_both_references() -> None:
    """A p just below alpha is let through alone, and not beside 39 that are not."""
    borders = table(5000, 5000)
    lone = replace(table(460, 540), months=())
    p = difference_of(lone, borders)["age"].p
    assert p == pytest.approx(stats.chi2_contingency([[460, 540], [5000, 5000]], correction=False).pvalue)
    many = {f"f{at}": BinCounts(np.array([1.0]), np.array([500, 500]), 0) for at in range(19)}
    other = {f"f{at}": BinCounts(np.array([1.0]), np.array([5000, 5000]), 0) for at in range(19)}
    wide = Profile(1000, 1000, (), {**lone.numbers, **many})
    reference = Profile(10_000, 10_000, (), {**borders.numbers, **other})
    limits = Limits(alpha=p * 1.5, notice=0.001)
    both = [Reference("training", "a", borders), Reference("period before", "b", table(4600, 5400))]
    assert compare(lone, both[:1], limits=limits)[0].level == "notice"
    assert compare(lone, both, limits=limits)[0].level == "ok"
    assert compare(wide, [Reference("training", "a", reference)], limits=limits)[0].level == "ok"


@pytest.mark.parametrize(("n", "level"), [(199, "insufficient"), (200, "ok")])
def test_below_two_hundred_subjects_nothing_is_judged(n: int, level: str) -> None:
    now = table(n // 2, n - n // 2)
    (found,) = compare(now, [Reference("training", "2025-06", table(25_000, 25_000))])
    assert found.level == level
    (turned,) = compare(table(25_000, 25_000), [Reference("training", "2025-06", now)])
    assert turned.level == level


def test_a_small_reference_does_not_hide_what_a_large_one_shows() -> None:
    both = [
        Reference("training", "2025-06", table(25_000, 25_000)),
        Reference("period before", "2025-08", table(50, 50)),
    ]
    assert [one.level for one in compare(table(330, 670), both)] == ["alarm", "insufficient"]


def test_no_reference_and_no_counts_are_never_ok() -> None:
    assert worst(drift_findings(compare(table(500, 500), []))) == "insufficient"
    empty = Profile(1000, 1000, ())
    (found,) = compare(empty, [Reference("training", "2025-06", empty)])
    assert found.level == "insufficient"


def test_repeated_requests_are_refused() -> None:
    repeated = replace(table(750, 750), subjects=1000)
    with pytest.raises(DataError, match=r"the table: 1,500 rows of 1,000 subjects.*one row per subject"):
        compare(repeated, [Reference("training", "2025-06", table(25_000, 25_000))])
    with pytest.raises(DataError, match=r"the period before \(2025-06\): 1,500 rows"):
        compare(table(500, 500), [Reference("period before", "2025-06", repeated)])
    with pytest.raises(DataError, match="500 rows cannot be of 600 subjects"):
        compare(replace(table(250, 250), subjects=600), [Reference("training", "2025-06", table(500, 500))])


def test_training_of_several_months_counts_for_its_subjects() -> None:
    months = replace(table(3000, 3000), subjects=1000)
    (found,) = compare(table(460, 540), [Reference("training", "2025-01 to 2025-06", months)])
    assert found.found is not None
    expected = stats.chi2_contingency([[460, 540], [500, 500]], correction=False).pvalue
    assert found.found.p == pytest.approx(expected)
    few = replace(table(3000, 3000), subjects=199)
    assert compare(table(460, 540), [Reference("training", "a", few)])[0].level == "insufficient"


def test_an_estimate_of_the_subjects_may_be_a_little_low_and_no_more() -> None:
    seen = SubjectSketch.of(np.arange(1000))
    reference = [Reference("training", "a", table(500, 500))]
    assert compare(replace(table(500, 500), subjects=960, seen=seen), reference)[0].level == "ok"
    with pytest.raises(DataError, match="one row per subject"):
        compare(replace(table(500, 500), subjects=940, seen=seen), reference)


def test_repeated_requests_would_have_fired() -> None:
    """Why they are refused: rows of one subject are alike, and the plain test takes each for a witness."""
    rng = np.random.default_rng(5)
    reference = table(25_000, 25_000)
    fired = 0
    for _ in range(100):
        mine = rng.random(200) < 0.5
        rows = np.repeat(mine, rng.zipf(2.0, 200).clip(max=60))
        n = len(rows)
        told = Profile(n, n, (), {"age": BinCounts(np.array([1.0]), np.array([n - rows.sum(), rows.sum()]), 0)})
        fired += difference_of(told, reference)["age"].p < 0.01
    assert fired >= 20


def test_counts_that_do_not_add_up_are_refused() -> None:
    wrong = replace(table(500, 500), rows=900, subjects=900)
    with pytest.raises(DataError, match="the counts of age do not add up to its 900 rows"):
        compare(wrong, [Reference("training", "2025-06", table(25_000, 25_000))])


def test_missing_and_unknown_are_part_of_it() -> None:
    reference = Reference("training", "2025-06", table(25_000, 25_000, missing=10))
    (few,) = compare(table(490, 490, missing=20), [reference])
    assert few.level == "notice"
    assert "share missing: 0.02% in training (2025-06), 2.00% now" in few.sentence()
    (many,) = compare(table(450, 450, missing=100), [reference])
    assert many.level == "alarm"


def test_gone_new_and_changed_features_are_told() -> None:
    number, category = table(500, 500), Profile(1000, 1000, (), {}, {"age": CategoryCounts({"a": 1000}, 0, 0, 0)})
    reference = Reference("training", "2025-06", number)
    gone = {
        one.feature: one.level for one in compare(Profile(1000, 1000, (), {"x": number.numbers["age"]}), [reference])
    }
    assert gone == {"age": "alarm", "x": "notice"}
    (changed,) = compare(category, [reference])
    assert changed.level == "alarm"
    assert "a number in one and a category in the other" in changed.sentence()


def test_the_score_is_one_of_the_family() -> None:
    counts = table(25_000, 25_000).numbers["age"]
    reference = Profile(50_000, 50_000, (), {}, {}, counts)
    (found,) = compare(
        Profile(1000, 1000, (), {}, {}, table(330, 670).numbers["age"]), [Reference("training", "2025-06", reference)]
    )
    assert (found.feature, found.level) == ("score", "alarm")


@pytest.mark.parametrize(("scored", "level"), [((40, 159), "insufficient"), ((66, 134), "alarm")])
def test_a_score_that_few_have_is_judged_on_these(scored: tuple[int, int], level: str) -> None:
    whole, score = table(500, 500), table(25_000, 25_000).numbers["age"]
    reference = Profile(60_000, 60_000, (), table(30_000, 30_000).numbers, {}, score)
    now = replace(whole, score=table(*scored).numbers["age"])
    found = {one.feature: one for one in compare(now, [Reference("training", "2025-06", reference)])}
    assert (found["score"].level, found["age"].level) == (level, "ok")
    assert found["score"].subjects == (1000 if level == "insufficient" else 200)
    with pytest.raises(DataError, match="the counts of score do not add up"):
        compare(replace(whole, score=table(600, 600).numbers["age"]), [Reference("training", "a", reference)])


@pytest.mark.parametrize(("population", "role"), [("traffic", "training"), ("table", "after promotion")])
def test_traffic_is_compared_with_traffic(population: str, role: str) -> None:
    with pytest.raises(ConfigError, match=f"{population} is compared with"):
        compare(table(500, 500), [Reference(role, "a", table(500, 500))], population=population)  # type: ignore[arg-type]


def test_traffic_after_promotion_is_named_in_the_finding() -> None:
    reference = Reference("after promotion", "2025-10-01", table(25_000, 25_000))
    (found,) = compare(table(330, 670), [reference], population="traffic")
    assert found.finding().check == "drift_from_after_promotion"
    assert "in traffic after promotion (2025-10-01)" in found.sentence()


def test_two_references_of_one_role_are_refused() -> None:
    one = Reference("training", "a", table(500, 500))
    with pytest.raises(ConfigError, match="two references are 'training'"):
        compare(table(500, 500), [one, one])


@pytest.mark.parametrize("limits", [{"alpha": 0.0}, {"notice": 0.2}, {"fewest": 0}, {"rare_notice": 0.5}])
def test_limits_that_make_no_sense_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="drift: "):
        Limits(**limits)  # type: ignore[arg-type]
