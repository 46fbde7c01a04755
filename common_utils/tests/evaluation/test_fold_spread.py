from __future__ import annotations

import numpy as np
import pytest

from common_utils.errors import DataError
from common_utils.evaluation.fold_spread import FOLD_FIGURES, fold_spread, fold_values
from common_utils.splits import stratified_folds

HALVES = [(np.array([2, 3]), np.array([0, 1])), (np.array([0, 1]), np.array([2, 3]))]
Y = [0, 1, 0, 1]


def test_fold_values_are_of_the_rows_of_each_fold_by_hand() -> None:
    p = [[0.2, 0.6, 0.7, 0.6], [0.5, 0.5, 0.0, 1.0]]
    said = [[False, True, True, True], [True, True, False, True]]
    found = fold_values(Y, p, said, [HALVES, HALVES])
    assert set(found) == set(FOLD_FIGURES)
    assert found["auc"].tolist() == [[1, 0], [0.5, 1]]
    assert found["accuracy"].tolist() == [[1, 0.5], [0.5, 1]]
    np.testing.assert_allclose(found["f1"], [[1, 2 / 3], [2 / 3, 1]])
    np.testing.assert_allclose(found["brier"], [[0.1, 0.325], [0.25, 0]])
    np.testing.assert_allclose(found["log_loss"][1], [np.log(2), 0], atol=1e-12)


def test_fold_values_with_nobody_called_have_an_f1_of_zero() -> None:
    assert fold_values(Y, [[0.1] * 4], [[False] * 4], [HALVES])["f1"].tolist() == [[0, 0]]


def test_fold_values_ask_for_one_round_of_folds_for_each_of_probabilities() -> None:
    with pytest.raises(DataError, match=r"\(1, 4\) probabilities for 2 rounds of 4 rows"):
        fold_values(Y, [[0.1] * 4], [[False] * 4], [HALVES, HALVES])


def test_fold_spread_by_hand() -> None:
    # Four folds of 2 test and 2 training rows; means of the rounds are 0.5 and 0.7.
    found = fold_spread(np.array([[0.4, 0.6], [0.6, 0.8]]), [HALVES, HALVES])
    sd = np.sqrt((0.04 + 0 + 0 + 0.04) / 3)
    assert found == pytest.approx(
        {"mean": 0.6, "fold_sd": sd, "fold_se": sd * np.sqrt(1 / 4 + 1), "round_se": 0.1 * np.sqrt(2) / np.sqrt(2)}
    )


def test_fold_spread_of_noise_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(40):
        y = rng.integers(0, 2, 200)
        folds = stratified_folds(y, n_splits=5, seed=1)
        values = fold_values(y, rng.random((1, 200)), np.zeros((1, 200), dtype=bool), [folds])["auc"]
        found = fold_spread(values, [folds])
        missed += abs(found["mean"] - 0.5) > 2.8 * found["fold_se"]  # t with 4 degrees of freedom, 5 %
    assert missed <= 6
