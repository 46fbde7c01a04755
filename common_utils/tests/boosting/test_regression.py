from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from common_utils.boosting.config import ForestConfig
from common_utils.boosting.forests import forest_scores
from common_utils.boosting.regression import grow_quantile_forest, new_regressor, quantile_regressors

RNG = np.random.default_rng(4)
X = RNG.uniform(0, 1, (600, 2))
Y = 10 * X[:, 0] + RNG.normal(0, 1, 600)


def _member(kind: str, **settings: object) -> ForestConfig:
    return ForestConfig.model_validate({"kind": kind, "iterations": 60, "depth": 3, "leaves": 8, "l2": 0, **settings})


@pytest.mark.parametrize("kind", ["catboost", "lightgbm", "hist"])
@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_about_the_share_that_was_asked_lies_below(kind: str, quantile: float) -> None:
    forest = grow_quantile_forest([_member(kind)], X, Y, quantile=quantile, seed=1)
    assert abs((forest_scores(forest, X) >= Y).mean() - quantile) < 0.1


@pytest.mark.parametrize("kind", ["catboost", "lightgbm", "hist"])
def test_the_forest_answers_as_the_mean_of_its_regressors(kind: str) -> None:
    members = [_member(kind, iterations=9, seeds=2), _member("hist", iterations=5)]
    models = quantile_regressors(members, X, Y, quantile=0.25, seed=7)
    assert len(models) == 3
    forest = grow_quantile_forest(members, X, Y, quantile=0.25, seed=7)
    np.testing.assert_allclose(forest_scores(forest, X), np.mean([m.predict(X) for m in models], axis=0), atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "name", "median", "quantile"),
    [
        pytest.param("catboost", "loss_function", "MAE", "Quantile:alpha=0.95", id="catboost"),
        pytest.param("lightgbm", "objective", "l1", "quantile", id="lightgbm"),
        pytest.param("hist", "loss", "absolute_error", "quantile", id="hist"),
    ],
)
def test_the_median_is_found_by_least_absolute_error(kind: str, name: str, median: str, quantile: str) -> None:
    member = _member(kind)
    assert new_regressor(member, quantile=0.5, seed=1).get_params()[name] == median
    assert new_regressor(member, quantile=0.95, seed=1).get_params()[name] == quantile


def test_small_errors_count_squared_where_the_setting_says_so() -> None:
    # Two values, 0 and 1, in shares 3:1: the median is 0, the mean 0.25; errors below 1e3 all count squared.
    y = np.tile([0.0, 0.0, 0.0, 1.0], 100)
    member = {"l2": 0, "iterations": 200, "learning_rate": 0.2}
    asked = np.ones((400, 1))
    smooth = new_regressor(_member("lightgbm", huber=1e3, **member), quantile=0.5, seed=1)
    assert smooth.get_params()["objective"] == "huber"
    assert smooth.fit(asked, y).predict(asked)[0] == pytest.approx(0.25)
    assert new_regressor(_member("lightgbm", **member), quantile=0.5, seed=1).fit(asked, y).predict(asked)[0] == 0


def test_trees_on_a_share_of_the_rows_differ_by_seed() -> None:
    answers = [
        new_regressor(_member("lightgbm", row_share=0.5), quantile=0.5, seed=s).fit(X, Y).predict(X) for s in (1, 2)
    ]
    assert not np.allclose(*answers)


@pytest.mark.parametrize("setting", [{"huber": 0.1}, {"row_share": 0.5}], ids=["huber", "row_share"])
@pytest.mark.parametrize("kind", ["catboost", "hist"])
def test_a_setting_that_a_library_does_not_know_is_refused(kind: str, setting: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="are for kind: lightgbm"):
        _member(kind, **setting)
