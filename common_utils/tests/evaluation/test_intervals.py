from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from common_utils.evaluation import (
    FEW_GROUPS,
    Interval,
    bootstrap_interval,
    bootstrap_mean,
    paired_mean_difference,
    segment_table,
)
from common_utils.evaluation.intervals import group_codes, percentile_interval
from common_utils.reporting.cards import format_interval


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_interval_prints_three_digits_and_goes_into_json() -> None:
    interval = Interval(0.81234, 0.7899, 0.8333, 0.9)
    assert str(interval) == "0.812 [0.790, 0.833]"
    assert json.loads(json.dumps(interval.to_dict())) == {
        "estimate": 0.81234,
        "low": 0.7899,
        "high": 0.8333,
        "level": 0.9,
    }


def test_bootstrap_mean_covers_the_truth_when_groups_are_drawn_whole_and_not_when_rows_are() -> None:
    # 40 subscribers with 5 equal rows each: the spread is that of 40 values, not of 200
    rng, groups = _rng(1), np.repeat(np.arange(40), 5)
    by_group = by_row = 0
    for _ in range(300):
        values = np.repeat(rng.normal(size=40), 5)
        grouped = bootstrap_mean(values, groups, n_resamples=200, rng=rng)
        rows = bootstrap_mean(values, n_resamples=200, rng=rng)
        by_group += grouped.low <= 0 <= grouped.high
        by_row += rows.low <= 0 <= rows.high
    assert 0.90 <= by_group / 300 <= 0.98
    assert by_row / 300 < 0.75


def test_bootstrap_mean_weighs_groups_by_their_rows() -> None:
    # two draws of (one row of 0, three rows of 4): twice a -> 0, one each -> 3, twice b -> 4
    values, groups = [0, 4, 4, 4], ["a", "b", "b", "b"]
    wide, narrow = (bootstrap_mean(values, groups, rng=_rng(), level=level) for level in (0.95, 0.4))
    assert (wide.estimate, wide.low, wide.high) == (3.0, 0.0, 4.0)
    assert (narrow.low, narrow.high) == (3.0, 3.0)


def test_bootstrap_interval_agrees_with_the_quick_path() -> None:
    values, groups = _rng(2).normal(size=300), np.repeat(np.arange(60), 5)
    slow = bootstrap_interval(lambda rows: values[rows].mean(), groups=groups, n_resamples=2000, rng=_rng(3))
    quick = bootstrap_mean(values, groups, n_resamples=2000, rng=_rng(4))
    assert slow.estimate == pytest.approx(quick.estimate)
    assert (slow.low, slow.high) == pytest.approx((quick.low, quick.high), abs=0.01)


def test_bootstrap_interval_draws_groups_whole() -> None:
    groups = np.array(["x", "y", "x", "z"])

    def share_of_torn_groups(rows: np.ndarray) -> float:
        return float(np.sum(rows == 0) - np.sum(rows == 2))

    interval = bootstrap_interval(share_of_torn_groups, groups=groups, n_resamples=50, rng=_rng())
    assert (interval.low, interval.high) == (0.0, 0.0)


def test_same_generator_state_same_interval() -> None:
    values = _rng().normal(size=50)
    assert bootstrap_mean(values, rng=_rng(7)) == bootstrap_mean(values, rng=_rng(7))
    assert bootstrap_mean(values, rng=_rng(7)) != bootstrap_mean(values, rng=_rng(8))


def test_large_tables_are_drawn_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    values = _rng().normal(size=30)
    whole = bootstrap_mean(values, n_resamples=100, rng=_rng(1))
    monkeypatch.setattr("common_utils.evaluation.intervals._CHUNK_CELLS", 30 * 7)
    assert bootstrap_mean(values, n_resamples=100, rng=_rng(1)) == whole


def test_paired_difference_by_hand() -> None:
    # differences 1, 3 | 5: mean 3; group residuals -2 and 2; se = sqrt(2/1 * 8) / 3
    found = paired_mean_difference([2, 4, 6], [1, 1, 1], ["a", "a", "b"], rng=_rng())
    assert found.mean == 3.0
    assert found.se == pytest.approx(4 / 3)
    assert found.interval.low == 2.0
    assert found.interval.high == 5.0
    assert found.to_dict() == {"estimate": 3.0, "low": 2.0, "high": 5.0, "level": 0.95, "se": found.se}


def test_paired_difference_without_groups_has_the_textbook_standard_error() -> None:
    a, b = _rng(1).normal(size=100), _rng(2).normal(size=100)
    found = paired_mean_difference(a, b, rng=_rng())
    assert found.se == pytest.approx(np.std(a - b, ddof=1) / math.sqrt(100))


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30),
    shift=st.floats(-1e3, 1e3),
)
def test_an_interval_moves_with_its_values(values: list[float], shift: float) -> None:
    plain = bootstrap_mean(values, n_resamples=50, rng=_rng())
    moved = bootstrap_mean(np.array(values) + shift, n_resamples=50, rng=_rng())
    assert plain.low <= plain.high
    assert min(values) - 1e-6 <= plain.low
    assert plain.high <= max(values) + 1e-6
    assert (moved.low, moved.high) == pytest.approx((plain.low + shift, plain.high + shift), abs=1e-6)


def test_segment_table_gives_each_figure_per_segment() -> None:
    table = segment_table(
        {"saving": [1.0, 3.0, 5.0, math.nan], "hit": [1, 0, 1, 1]},
        ["young", "young", "old", "old"],
        ["a", "b", "c", "d"],
        rng=_rng(),
    )
    assert [(row["segment"], row["n"]) for row in table] == [("old", 2), ("young", 2)]
    old, young = table
    # the saving of one subscriber only: a mean, but no spread to speak of
    assert old["saving"] == {"estimate": 5.0, "low": None, "high": None, "level": 0.95, "n": 1}
    assert young["saving"] == {"estimate": 2.0, "low": 1.0, "high": 3.0, "level": 0.95, "n": 2}
    assert json.loads(json.dumps(table)) == table


def test_segment_table_says_when_a_figure_is_unknown_in_a_segment() -> None:
    (row,) = segment_table({"saving": [math.nan, math.nan]}, [1, 1], rng=_rng())
    assert row == {"segment": "1", "n": 2, "saving": None}


def test_segment_table_leaves_out_segments_of_one_group() -> None:
    found = segment_table({"x": [1.0, 2.0, 3.0, 4.0]}, ["a", "a", "b", "b"], ["s", "s", "t", "u"], rng=_rng())
    assert [row["segment"] for row in found] == ["b"]
    assert segment_table({"x": [1.0]}, ["a"], rng=_rng()) == []


def test_group_codes_number_groups_in_order_of_their_labels() -> None:
    codes, n_groups = group_codes(np.array(["s-9", "s-1", "s-9"], dtype=object), 3)
    assert codes.tolist() == [1, 0, 1]
    assert n_groups == 2


@pytest.mark.parametrize(
    ("call", "match"),
    [
        pytest.param(lambda: bootstrap_mean([], rng=_rng()), "not a non-empty column", id="empty"),
        pytest.param(lambda: bootstrap_mean([1, math.nan], rng=_rng()), "finite numbers", id="nan"),
        pytest.param(lambda: bootstrap_mean([[1.0, 2.0]], rng=_rng()), "finite numbers", id="two-dimensional"),
        pytest.param(lambda: bootstrap_mean([1, 2], ["a", "a"], rng=_rng()), r"1 group\(s\)", id="one-group"),
        pytest.param(lambda: bootstrap_mean([1, 2], ["a"], rng=_rng()), "groups has 1 rows", id="groups-short"),
        pytest.param(
            lambda: bootstrap_mean([1, 2], np.array(["a", None]), rng=_rng()), "different types, or missing", id="none"
        ),
        pytest.param(lambda: bootstrap_mean([1, 2], level=1.0, rng=_rng()), "level 1.0 is not inside", id="level"),
        pytest.param(
            lambda: bootstrap_interval(lambda _: math.nan, n_rows=3, rng=_rng()), "not finite", id="nan-statistic"
        ),
        pytest.param(lambda: bootstrap_interval(lambda _: 1.0, rng=_rng()), "neither `groups` nor", id="no-rows"),
        pytest.param(lambda: percentile_interval(1.0, np.array([]), 0.9), "not finite", id="no-resamples"),
        pytest.param(lambda: paired_mean_difference([1, 2], [1], rng=_rng()), "a has 2 rows and b", id="unpaired"),
        pytest.param(
            lambda: segment_table({"x": [1.0]}, ["a", "b"], rng=_rng()), "x: 1 values for 2 rows", id="segment-length"
        ),
        pytest.param(
            lambda: segment_table({"x": [1.0, math.inf]}, ["a", "a"], rng=_rng()), "finite numbers", id="infinite"
        ),
    ],
)
def test_unusable_input_is_refused(call: object, match: str) -> None:
    assert callable(call)
    with pytest.raises(DataError, match=match):
        call()


@pytest.mark.parametrize("n", [2, 3])
def test_too_few_values_get_a_word_instead_of_an_interval(n: int) -> None:
    (row,) = segment_table({"paid": np.arange(n, dtype=np.float64)}, ["a"] * n, np.arange(n), rng=_rng())
    said = format_interval(row["paid"])  # type: ignore[arg-type]
    assert ("too few" in said) == (n < FEW_GROUPS)
    assert ("[" in said) == (n >= FEW_GROUPS)
