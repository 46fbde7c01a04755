"""Groups compared within strata: what is planted is found, what usage explains is not, small cells are hidden."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from common_utils.errors import DataError
from common_utils.monitoring.bias.groups import BiasLimits, GroupFigure, Measure, compare_groups, latest_of_each, wilson
from common_utils.monitoring.bias.proxies import proxies
from common_utils.testing.monitoring.offers import decisions


def found_of(figures: list[GroupFigure], group: str, measure: str = "offered") -> GroupFigure:
    return next(one for one in figures if (one.group, one.measure) == (group, measure))


def judged(seed: int, *, halved: bool) -> list[GroupFigure]:
    drawn = decisions(np.random.default_rng(seed), 5_000, halved="18-25" if halved else None)
    return compare_groups("age_band", drawn.groups, drawn.strata, drawn.measures)


def test_halved_offers_of_a_fifth_are_found() -> None:
    found = [found_of(judged(seed, halved=True), "18-25") for seed in range(20)]
    assert sum(one.level == "alarm" for one in found) >= 19
    ratios = [one.ratio.estimate for one in found if one.ratio]
    assert np.mean(ratios) == pytest.approx(0.5, abs=0.05)


def test_nothing_planted_is_silent_though_raw_shares_differ() -> None:
    runs = [judged(seed, halved=False) for seed in range(20)]
    assert sum(any(one.level in ("notice", "alarm") for one in run) for run in runs) <= 1
    raw = [one.raw for one in runs[0] if one.measure == "offered" and one.raw]
    assert max(one.estimate for one in raw) > 1.5 * min(one.estimate for one in raw)


def test_without_strata_the_same_decisions_would_be_called_biased() -> None:
    drawn = decisions(np.random.default_rng(1), 5_000, halved=None)
    flat = compare_groups("age_band", drawn.groups, np.zeros(5_000), drawn.measures)
    assert {"notice", "alarm"} & {one.level for one in flat}


def test_p_is_that_of_cochran_mantel_and_haenszel() -> None:
    rng = np.random.default_rng(2)
    strata, inside = rng.integers(0, 3, 900), rng.random(900) < 0.4
    values = (rng.random(900) < 0.1 + 0.1 * strata + 0.05 * inside).astype(float)
    top = bottom = 0.0
    for stratum in range(3):
        here = strata == stratum
        n, mine, events = here.sum(), (here & inside).sum(), values[here].sum()
        top += values[here & inside].sum() - mine * events / n
        bottom += mine * (n - mine) * events * (n - events) / (n**2 * (n - 1))
    figures = compare_groups("g", np.where(inside, "a", "b"), strata, [Measure("offered", values, "less")])
    assert figures[0].p == pytest.approx(float(stats.chi2.sf(top**2 / bottom, 1)))


def test_number_affected_is_what_the_others_rates_would_have_given() -> None:
    groups = np.array(["a"] * 400 + ["b"] * 1600)
    offered = np.array([1.0] * 40 + [0.0] * 360 + [1.0] * 320 + [0.0] * 1280)
    young = found_of(compare_groups("age", groups, np.zeros(2000), [Measure("offered", offered, "less")]), "a")
    assert young.affected is not None
    assert young.affected.estimate == pytest.approx(40)  # 400 at 20 % are 80, and 40 were offered
    assert young.affected.low < 40 < young.affected.high
    assert young.finding().value == pytest.approx(0.5)
    assert "0.50 of the rate of others alike" in young.sentence()


def test_more_refusals_harm_and_fewer_do_not_alarm() -> None:
    groups = np.array(["a"] * 500 + ["b"] * 1500)
    refused = np.array([1.0] * 200 + [0.0] * 300 + [1.0] * 300 + [0.0] * 1200)
    found = compare_groups("age", groups, np.zeros(2000), [Measure("refused", refused, "more")])
    assert [one.level for one in found] == ["alarm", "notice"]
    assert found_of(found, "a", "refused").affected.estimate == pytest.approx(100)  # type: ignore[union-attr]


def test_amounts_are_compared_too() -> None:
    rng = np.random.default_rng(3)
    groups = np.where(rng.random(3000) < 0.3, "a", "b")
    saving = rng.lognormal(0, 0.5, 3000) * np.where(groups == "a", 0.7, 1.0)
    assert (
        found_of(
            compare_groups("age", groups, np.zeros(3000), [Measure("saving", saving, "less")]), "a", "saving"
        ).level
        == "alarm"
    )
    fair = rng.lognormal(0, 0.5, 3000)
    assert {one.level for one in compare_groups("age", groups, np.zeros(3000), [Measure("saving", fair, "less")])} == {
        "ok"
    }


@pytest.mark.parametrize(("size", "shown"), [(19, False), (20, True)])
def test_cells_under_twenty_are_hidden(size: int, shown: bool) -> None:
    groups = np.array(["few"] * size + ["many"] * 1000)
    offered = (np.arange(size + 1000) % 5 == 0).astype(float)
    few = found_of(compare_groups("age", groups, np.zeros(size + 1000), [Measure("offered", offered, "less")]), "few")
    assert few.level == "insufficient"
    assert (few.subjects is not None, few.raw is not None) == (shown, shown)
    assert ("nothing is shown" in few.sentence()) is not shown


def test_a_small_group_is_not_called_ok() -> None:
    groups = np.array(["few"] * 60 + ["many"] * 2000)
    offered = (np.arange(2060) % 10 == 0).astype(float)
    few = found_of(compare_groups("age", groups, np.zeros(2060), [Measure("offered", offered, "less")]), "few")
    assert few.level == "insufficient"
    assert found_of(judged(1, halved=False), "26-40").level == "ok"


def test_holm_counts_groups_and_measures() -> None:
    groups = np.array(["a"] * 500 + ["b"] * 1500)
    offered = np.zeros(2000)
    offered[:60], offered[500:780] = 1, 1
    alone = compare_groups("age", groups, np.zeros(2000), [Measure("offered", offered, "less")])
    p = alone[0].p
    assert p is not None
    noise = (np.arange(2000) % 4 == 0).astype(float)
    many = [Measure("offered", offered, "less"), *(Measure(f"m{at}", noise, "less") for at in range(9))]
    limits = BiasLimits(alpha=4 * p)
    assert alone[0].p == compare_groups("age", groups, np.zeros(2000), many)[0].p
    assert compare_groups("age", groups, np.zeros(2000), many[:1], limits=limits)[0].level == "alarm"
    assert compare_groups("age", groups, np.zeros(2000), many, limits=limits)[0].level not in ("alarm", "notice")


def test_unknown_is_a_group_and_rows_not_in_question_do_not_count() -> None:
    groups = np.array(["a"] * 100 + [None] * 100 + ["b"] * 100, dtype=object)
    values = np.tile([1.0, 0.0], 150)
    values[250:] = np.nan
    found = compare_groups("age", groups, np.zeros(300), [Measure("offered", values, "less")])
    assert [(one.group, one.subjects) for one in found] == [("a", 100), ("b", 50), ("unknown", 100)]


def test_repeated_subjects_and_uneven_columns_are_refused() -> None:
    measure = [Measure("offered", np.zeros(3), "less")]
    with pytest.raises(DataError, match="a subject has several decisions"):
        compare_groups("age", ["a", "a", "b"], [0, 0, 0], measure, subjects=["x", "y", "x"])
    with pytest.raises(DataError, match="differ in length"):
        compare_groups("age", ["a", "b"], [0, 0], measure)
    with pytest.raises(DataError, match="infinite"):
        compare_groups("age", ["a", "a", "b"], [0, 0, 0], [Measure("saving", np.array([np.inf, 0, 0]), "less")])
    assert latest_of_each(["x", "y", "x"], [5, 1, 2]).tolist() == [0, 1]


def test_wilson_is_scipys() -> None:
    expected = stats.binomtest(7, 60).proportion_ci(method="wilson")
    found = wilson(7, 60)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_proxies_find_any_form_of_relation_and_no_other() -> None:
    rng = np.random.default_rng(4)
    inside = rng.random(4000) < 0.25
    columns = {
        "valley": np.where(inside, rng.normal(0, 0.3, 4000), rng.normal(0, 2, 4000)),
        "word": np.where(inside & (rng.random(4000) < 0.7), "x", "y").astype(object),
        "noise": rng.normal(size=4000),
        "many levels": rng.integers(0, 500, 4000).astype(str).astype(object),
    }
    found, small = proxies(columns, np.where(inside, "a", "b"), rng=rng)
    by_name = {one.feature: one.auc for one in found if one.group == "a"}
    assert small == []
    assert by_name["valley"].low > 0.75
    assert by_name["word"].low > 0.8
    assert all(by_name[name].low < 0.5 < by_name[name].high for name in ("noise", "many levels"))


def test_proxies_name_small_groups_and_refuse_other_lengths() -> None:
    rng = np.random.default_rng(5)
    groups = np.array(["a"] * 39 + ["b"] * 200 + ["c"] * 200)
    found, small = proxies({"x": rng.normal(size=439)}, groups, rng=rng)
    assert small == ["a"]
    assert {one.group for one in found} == {"b", "c"}
    with pytest.raises(DataError, match="x: 3 values"):
        proxies({"x": np.zeros(3)}, groups, rng=rng)


def test_proxy_intervals_hold_one_half_where_nothing_tells() -> None:
    rng = np.random.default_rng(6)
    held = 0
    for _ in range(60):
        found, _ = proxies({"x": rng.normal(size=800)}, np.where(rng.random(800) < 0.3, "a", "b"), rng=rng)
        held += found[0].auc.low <= 0.5 <= found[0].auc.high
    assert held >= 51
