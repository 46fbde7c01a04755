"""The promises every model keeps, and those of an interval."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carvision.columns import MODEL, PRICE
from carvision.config import CarVisionConfig
from carvision.data import car_keys, sample_ads
from carvision.models import price_pipeline, random_forest_pipeline, ridge_pipeline
from carvision.price_model import PriceModel, conformal_margin, margins_by_kind
from carvision.scoring import car_prices
from common_utils.boosting.config import ForestConfig
from common_utils.boosting.regression import new_regressor, quantile_regressors
from common_utils.compiled.export.pipeline import compile_node
from common_utils.errors import DataError
from common_utils.splits import group_holdout
from common_utils.testing.models import ALL_CHECKS, ModelCase

ROWS = sample_ads(1500, np.random.default_rng(2)).query("price > 1000").reset_index(drop=True)
X, Y = ROWS.drop(columns=[PRICE]), ROWS[PRICE]
TRAIN, TEST = group_holdout(car_keys(ROWS), share=0.4, seed=1)


@pytest.fixture(scope="module")
def fitted(settings: CarVisionConfig):
    members = (ForestConfig(kind="hist", iterations=60, leaves=16, learning_rate=0.15),)
    model = settings.model.model_copy(update={"members": members, "interval_members": members})
    config = settings.model_copy(update={"model": model})
    return price_pipeline(config).fit(X.iloc[TRAIN], Y.iloc[TRAIN])


@pytest.mark.parametrize("check", ALL_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ["catboost", "lightgbm", "hist"])
def test_the_shipped_pipeline_keeps_its_promises(
    settings: CarVisionConfig, kind: str, check: Callable[[ModelCase], None]
) -> None:
    members = (ForestConfig.model_validate({"kind": kind, "iterations": 5, "depth": 3, "leaves": 6}),)
    model = settings.model.model_copy(update={"members": members, "interval_members": members})
    config = settings.model_copy(update={"model": model})
    check(ModelCase(lambda: price_pipeline(config), X.head(300), Y.head(300), car_prices))


def test_intervals_hold_about_as_many_unseen_cars_as_was_asked(fitted) -> None:  # type: ignore[no-untyped-def]
    price, low, high = car_prices(fitted, X.iloc[TEST]).T
    held = (low <= Y.iloc[TEST]) & (Y.iloc[TEST] <= high)
    assert 0.85 <= held.mean() <= 0.96
    assert (low <= price).all()
    assert (price <= high).all()


def test_an_unseen_model_gets_a_wider_interval(fitted) -> None:  # type: ignore[no-untyped-def]
    known = car_prices(fitted, X.iloc[TEST])
    unseen = car_prices(fitted, X.iloc[TEST].assign(**{MODEL: "tatra 603"}))
    width = [np.median(np.log(found[:, 2] / found[:, 1])) for found in (known, unseen)]
    assert width[1] > width[0]


def test_contributions_and_average_are_the_logarithm_of_the_price(fitted) -> None:  # type: ignore[no-untyped-def]
    matrix = fitted[0].transform(X.head(40))
    base, parts = fitted[-1].contributions(matrix)
    np.testing.assert_allclose(base + parts.sum(axis=1), np.log(fitted.predict(X.head(40))), atol=1e-12)


def test_a_price_without_a_logarithm_is_refused() -> None:
    model = PriceModel([ForestConfig(kind="hist", iterations=2)], car_columns=[0, 1, 2])
    with pytest.raises(DataError, match="not above 0"):
        model.fit(np.ones((3, 3)), np.array([1.0, 0.0, 2.0]))


def test_without_interval_members_only_the_price_is_there(settings: CarVisionConfig) -> None:
    pipeline = price_pipeline(settings, interval=False).fit(X, Y)
    assert not hasattr(pipeline[-1], "low_forest_")
    assert not hasattr(pipeline[-1], "listings_")
    assert (pipeline.predict(X) > 0).all()


def test_a_model_without_hidden_columns_knows_every_row() -> None:
    small = [ForestConfig(kind="hist", iterations=5, leaves=4)]
    matrix = np.column_stack([np.arange(60) % 2, 1990 + np.arange(60) % 30, np.arange(60.0)]).astype(np.float64)
    model = PriceModel(small, small, car_columns=[0, 1, 2]).fit(matrix, np.exp(matrix[:, 2] / 60))
    assert model.predict_interval(np.full((1, 3), np.nan)).shape == (1, 3)


@pytest.mark.parametrize("build", [ridge_pipeline, random_forest_pipeline], ids=["ridge", "forest"])
def test_candidates_beat_the_median(settings: CarVisionConfig, build) -> None:  # type: ignore[no-untyped-def]
    model = build(settings).fit(X.iloc[TRAIN], Y.iloc[TRAIN])
    off = np.abs(model.predict(X.iloc[TEST]) - Y.iloc[TEST]).mean()
    assert off < 0.6 * np.abs(Y.iloc[TRAIN].median() - Y.iloc[TEST]).mean()


@pytest.mark.parametrize("kind", ["catboost", "lightgbm", "hist"])
@pytest.mark.parametrize("quantile", [0.5, 0.05])
def test_every_forest_of_the_price_can_be_compiled(kind: str, quantile: float) -> None:
    member = ForestConfig.model_validate({"kind": kind, "iterations": 8, "leaves": 64, "min_leaf": 2, "depth": 6})
    matrix = np.nan_to_num(np.random.default_rng(0).normal(size=(400, 3)))
    model = new_regressor(member, quantile=quantile, seed=1).fit(matrix, matrix @ [1.0, 2.0, 3.0])
    np.testing.assert_allclose(compile_node(model).rows(matrix)[:, 0], model.predict(matrix), atol=1e-9)


def test_the_mean_of_regressors_is_the_forest_s_score(fitted) -> None:  # type: ignore[no-untyped-def]
    from common_utils.boosting.forests import forest_scores
    from common_utils.boosting.regression import grow_quantile_forest

    members = [ForestConfig(kind="hist", iterations=4), ForestConfig(kind="lightgbm", iterations=4, seeds=2)]
    matrix = fitted[0].transform(X)
    y = np.log(Y.to_numpy())
    models = quantile_regressors(members, matrix, y, quantile=0.9, seed=3)
    assert len(models) == 3
    forest = grow_quantile_forest(members, matrix, y, quantile=0.9, seed=3)
    expected = np.mean([model.predict(matrix) for model in models], axis=0)
    np.testing.assert_allclose(forest_scores(forest, matrix), expected, atol=1e-9)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=50), st.floats(0.51, 0.99))
def test_a_margin_covers_at_least_the_share_of_the_rows_it_was_chosen_on(misses: list[float], coverage: float) -> None:
    array = np.array(misses)
    assert (array <= conformal_margin(array, coverage)).mean() >= min(coverage, 1.0) - 1e-12


def test_each_body_type_has_the_coverage_that_was_asked() -> None:
    """Every fifth car is of a type whose prices vary four times as much, which forests of few leaves do not see."""
    rng = np.random.default_rng(5)
    kind = (rng.random(6000) < 0.2).astype(np.float64)
    matrix = np.column_stack([np.zeros(6000), rng.integers(1995, 2019, 6000), rng.uniform(0, 2e5, 6000), kind])
    y = np.exp(9 - 0.08 * (2019 - matrix[:, 1]) + rng.normal(0, np.where(kind == 1, 0.8, 0.2)))
    flat = [ForestConfig(kind="hist", iterations=8, leaves=2, learning_rate=0.3)]
    grown, new = slice(0, 4000), slice(4000, None)

    def shares(kind_column: int) -> list[float]:
        model = PriceModel(flat, flat, car_columns=[0, 1, 2], kind_column=kind_column, calibration_folds=4)
        _, low, high = model.fit(matrix[grown], y[grown]).predict_interval(matrix[new]).T
        held = (low <= y[new]) & (y[new] <= high)
        return [float(held[kind[new] == code].mean()) for code in (0.0, 1.0)]

    assert shares(-1)[1] < 0.85
    assert all(0.87 <= share <= 0.93 for share in shares(3))


def test_a_type_of_few_ads_hardly_moves_from_the_margin_of_all() -> None:
    misses = np.vstack([np.zeros((1000, 2)), np.ones((2, 2))])
    kinds = np.repeat([0.0, 2.0], [1000, 2])
    found = margins_by_kind(misses, kinds, 0.9)
    assert found.by_kind[0] == found.by_kind[1] == (found.low, found.high) == (0.0, 0.0)
    assert found.by_kind[2] == pytest.approx((2 / 102, 2 / 102))
    assert found.of(np.array([np.nan, 7.0])).tolist() == [[0.0, 0.0]] * 2
