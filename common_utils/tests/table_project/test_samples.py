from __future__ import annotations

import numpy as np
import pytest

from common_utils.table_project.samples import bounded_normal, category, happened, with_missing


def test_category_keeps_the_shares() -> None:
    drawn = category(np.random.default_rng(0), 4000, {"a": 3, "b": 1})
    assert np.mean(drawn == "a") == pytest.approx(0.75, abs=0.03)


def test_bounded_normal_is_rounded_and_inside() -> None:
    values = bounded_normal(np.random.default_rng(0), 500, mean=0, sd=5, low=-1, high=2)
    assert set(values.tolist()) <= {-1, 0, 1, 2}


def test_with_missing_leaves_the_others_alone() -> None:
    values = with_missing(np.random.default_rng(0), np.arange(1000.0), 0.1)
    there = ~np.isnan(values)
    assert 50 < (~there).sum() < 150
    np.testing.assert_array_equal(values[there], np.arange(1000.0)[there])


def test_happened_meets_the_rate_and_follows_the_log_odds() -> None:
    log_odds = np.repeat([-2.0, 2.0], 2000)
    found = happened(np.random.default_rng(0), log_odds, rate=0.3)
    assert found.mean() == pytest.approx(0.3, abs=0.03)
    assert found[2000:].mean() > 3 * found[:2000].mean()
