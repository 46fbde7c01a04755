from __future__ import annotations

import numpy as np

from carvision.effects import ModelEffects, learn_effects

N_MODELS = 3


def _rows(n_each: int) -> np.ndarray:
    """Models 0 and 1, one ad a year each, all with 50,000 miles."""
    year = np.tile(2019.0 - np.arange(n_each), 2)
    return np.column_stack([np.repeat([0.0, 1.0], n_each), year, np.full(2 * n_each, 5e4)])


def test_a_model_twice_as_dear_stands_log_two_above_the_other_less_ten_ads_of_doubt() -> None:
    matrix = _rows(40)
    logs = 9 + np.log(2) * matrix[:, 0]
    level = learn_effects(matrix, logs, (0, 1, 2), N_MODELS).level
    assert np.isclose(level[1] - level[0], np.log(2) * 40 / 50)
    assert np.isnan(level[2:]).all()


def test_a_year_s_loss_is_the_model_s_own_and_needs_thirty_ads() -> None:
    matrix = _rows(30)
    age = 2019 - matrix[:, 1]
    logs = 9 - np.where(matrix[:, 0] == 0, 0.05, 0.2) * age
    np.testing.assert_allclose(learn_effects(matrix, logs, (0, 1, 2), N_MODELS).loss[:2], [-0.05, -0.2])
    # Without one ad, the first takes what both lose: -(0.05 s + 0.2 t) / (s + t), squares of ages about their mean.
    few = np.delete(np.arange(60), 0)
    s, t = (float(((ages - ages.mean()) ** 2).sum()) for ages in (np.arange(1.0, 30.0), np.arange(30.0)))
    loss = learn_effects(matrix[few], logs[few], (0, 1, 2), N_MODELS).loss
    np.testing.assert_allclose(loss[:2], [-(0.05 * s + 0.2 * t) / (s + t), -0.2])
    assert np.isnan(loss[2:]).all()


def test_ads_without_year_odometer_or_known_model_say_nothing() -> None:
    matrix = _rows(30)
    logs = 9 - 0.1 * (2019 - matrix[:, 1])
    holes = np.repeat(matrix[:1], 3, axis=0)
    holes[np.arange(3), np.arange(3)] = np.nan
    more = learn_effects(np.vstack([matrix, holes]), np.append(logs, [1e6, 1e6, 1e6]), (0, 1, 2), N_MODELS)
    np.testing.assert_array_equal(more.level, learn_effects(matrix, logs, (0, 1, 2), N_MODELS).level)


def test_where_all_are_of_one_year_age_costs_nothing() -> None:
    matrix = np.column_stack([np.zeros(40), np.full(40, 2010.0), np.arange(40) * 1e3])
    assert learn_effects(matrix, np.full(40, 9.0), (0, 1, 2), N_MODELS).loss[0] == 0


def test_without_any_complete_ad_nothing_is_known() -> None:
    effects = learn_effects(np.full((5, 3), np.nan), np.zeros(5), (0, 1, 2), N_MODELS)
    assert np.isnan(effects.level).all()
    assert np.isnan(effects.loss).all()


def test_extending_leaves_the_rows_as_they_were() -> None:
    matrix = np.array([[1.0, 7.0], [np.nan, 8.0]])
    wide = ModelEffects(np.arange(N_MODELS) / 2.0, -np.ones(N_MODELS), column=0).extend(matrix)
    np.testing.assert_array_equal(wide, [[1.0, 7.0, 0.5, -1.0], [np.nan, 8.0, np.nan, np.nan]])


def test_as_many_models_as_the_codes_need() -> None:
    assert learn_effects(_rows(3), np.zeros(6), (0, 1, 2)).level.shape == (2,)
