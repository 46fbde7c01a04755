"""Whether two tables differ in one feature: against SciPy, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from common_utils.errors import DataError
from common_utils.monitoring.drift.cells import CellCounts, category_cells, difference, number_cells
from common_utils.monitoring.profiles.profile import BinCounts, CategoryCounts


def bins(now: list[int], before: list[int], missing: tuple[int, int] = (0, 0)) -> CellCounts:
    edges = np.arange(1.0, len(now))
    mine, theirs = (BinCounts(edges, np.array(c), m) for c, m in zip((now, before), missing, strict=True))
    return number_cells(mine, theirs, "age")


def test_chi_square_is_scipys_on_the_same_table() -> None:
    now, before = [30, 60, 110, 40], [500, 900, 1600, 800]
    expected = stats.chi2_contingency([now, before], correction=False).pvalue
    found = difference(bins(now, before))
    assert found.tests["spread"] == pytest.approx(2 * expected)  # two tests were made


def test_rank_test_is_scipys_on_the_values() -> None:
    now, before = [30, 60, 110, 40], [500, 900, 1600, 800]
    values = [np.repeat(np.arange(4), counts) for counts in (now, before)]
    expected = stats.mannwhitneyu(*values, use_continuity=False, method="asymptotic").pvalue
    assert difference(bins(now, before)).tests["rank"] == pytest.approx(2 * expected)


def test_exact_test_of_a_rare_missing_is_scipys() -> None:
    found = difference(bins([100, 100, 96], [1000, 1000, 1000], missing=(4, 3)))
    tail = stats.hypergeom.sf(3, 3303, 7, 300)
    assert found.tests["missing"] == pytest.approx(3 * 2 * tail)
    assert found.shares["missing"] == (3 / 3003, 4 / 300)


def test_common_missing_is_a_cell_of_its_own() -> None:
    found = difference(bins([80, 80, 80], [1000, 1000, 1000], missing=(60, 100)))
    assert found.cells == 4
    assert "missing" not in found.tests
    assert found.moved[0] == "missing"
    assert found.p < 1e-6


def test_bins_that_expect_few_are_joined_with_their_neighbours() -> None:
    found = difference(bins([1, 2, 40, 157], [10, 10, 180, 800]))
    assert found.cells == 2  # 1.8 + 2 + 36.7 expect enough together; then 159; the empty missing joins one of them
    assert found.tests["spread"] > 0.5


@pytest.mark.parametrize("n", [200, 1000])
def test_three_hundred_levels_fire_no_more_often_than_they_say(n: int) -> None:
    rng = np.random.default_rng(3)
    shares = 1 / np.arange(1.0, 301)
    shares /= shares.sum()
    false = 0
    for _ in range(400):
        before, now = rng.multinomial(50_000, shares), rng.multinomial(n, shares)
        levels = [f"l{at}" for at in range(300)]
        mine, theirs = (CategoryCounts(dict(zip(levels, c.tolist(), strict=True)), 0, 0, 0) for c in (now, before))
        false += difference(category_cells(mine, theirs)).p < 0.01
    assert false <= 12  # 4 are expected, and more than 12 once in 3,000 seeds


def test_levels_the_reference_does_not_know_are_seen_though_none_was_expected() -> None:
    before = CategoryCounts({"a": 25_000, "b": 25_000}, 0, 0, 0)
    quiet = difference(category_cells(CategoryCounts({"a": 500, "b": 500}, 0, 0, 0), before))
    loud = difference(category_cells(CategoryCounts({"a": 490, "b": 490}, 0, 20, 0), before))
    as_level = difference(category_cells(CategoryCounts({"a": 490, "b": 490, "new": 20}, 0, 0, 0), before))
    assert quiet.p == 1.0
    assert loud.p < 1e-10
    assert as_level == loud


def test_a_level_called_missing_is_not_what_is_missing() -> None:
    before = CategoryCounts({"missing": 500, "b": 500}, 0, 0, 0)
    found = difference(category_cells(CategoryCounts({"missing": 100, "b": 95}, 0, 0, 5), before))
    assert found.shares["missing"] == (0.0, 5 / 200)


def test_a_feature_with_one_value_cannot_differ() -> None:
    found = difference(bins([300, 0, 0], [1000, 0, 0]))
    assert (found.p, found.psi) == (1.0, 0.0)


def test_stability_index_is_the_sum_by_hand_less_what_chance_gives() -> None:
    found = difference(bins([200, 800], [1000, 1000]))
    mine, theirs = np.array([200.5, 800.5]) / 1001, np.array([1000.5, 1000.5]) / 2001
    assert found.psi == pytest.approx(float(((mine - theirs) * np.log(mine / theirs)).sum()) - (1 / 1000 + 1 / 2000))


def test_stability_index_is_zero_on_average_where_nothing_changed() -> None:
    rng = np.random.default_rng(1)
    shares = np.full(10, 0.1)
    drawn = [
        difference(bins(rng.multinomial(400, shares).tolist(), rng.multinomial(4000, shares).tolist())).psi
        for _ in range(400)
    ]
    assert abs(np.mean(drawn)) < 4 * np.std(drawn) / 20 + 5e-4


def test_other_edges_are_refused() -> None:
    counts = np.array([1, 2])
    with pytest.raises(DataError, match="age: counted between other edges"):
        number_cells(BinCounts(np.array([1.0]), counts, 0), BinCounts(np.array([2.0]), counts, 0), "age")


def test_what_moved_is_named_with_its_shares_before_and_now() -> None:
    assert difference(bins([100, 100, 200], [1000, 1000, 1000])).moved == ("> 2", pytest.approx(1 / 3), 0.5)
