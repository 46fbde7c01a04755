from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from common_utils.errors import DataError
from planrec.campaigns.regression import Prior, fit_logistic


def test_weights_are_those_of_a_ridge_on_scaled_features() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 3)) * [1.0, 20.0, 0.1]
    outcome = (rng.random(400) < 1 / (1 + np.exp(-features @ [1.0, 0.05, -4.0]))).astype(np.float64)
    scaler = StandardScaler().fit(features)
    peer = LogisticRegression(C=0.5, tol=1e-10, max_iter=1000).fit(scaler.transform(features), outcome)
    fitted = fit_logistic(features, outcome, C=0.5)
    np.testing.assert_allclose(fitted.weights[:-1], peer.coef_[0] / scaler.scale_, rtol=1e-5)


def test_the_covariance_counts_each_group_once() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(300, 1))
    outcome = (rng.random(300) < 0.3).astype(np.float64)
    groups = np.arange(300).astype(str).astype(object)
    once = fit_logistic(features, outcome, groups=groups, C=1e9)
    thrice = fit_logistic(np.repeat(features, 3, axis=0), np.repeat(outcome, 3), groups=np.repeat(groups, 3), C=1e9)
    np.testing.assert_allclose(thrice.covariance, once.covariance, rtol=1e-6)
    # Of a share: p (1 - p) / n, on the logit 1 / (n p (1 - p)).
    share = outcome.mean()
    assert once.covariance[1, 1] == pytest.approx(1 / (300 * share * (1 - share)), rel=0.1)


def test_a_feature_that_never_varies_has_no_weight() -> None:
    outcome = np.array([0.0, 1.0, 0.25, 0.5])
    fitted = fit_logistic(np.column_stack([np.full(4, 7.0), np.arange(4.0)]), outcome)
    assert np.isfinite(fitted.weights).all()
    assert np.isfinite(fitted.covariance).all()


def test_an_outcome_that_is_always_the_same_is_refused() -> None:
    with pytest.raises(DataError, match="every outcome is the same"):
        fit_logistic(np.zeros((3, 1)), np.ones(3))


def test_a_prior_counts_as_much_as_its_spread_allows() -> None:
    rng = np.random.default_rng(2)
    features = rng.random((400, 2))
    outcome = (rng.random(400) < 0.3).astype(np.float64)
    free = fit_logistic(features, outcome, C=1e9)
    direction = np.array([1.0, 2.0, 0.0])

    def summed(mean: float, sd: float) -> float:
        return float(direction @ fit_logistic(features, outcome, C=1e9, prior=Prior(direction, mean, sd)).weights)

    own = float(direction @ free.weights)
    assert summed(5.0, 1e6) == pytest.approx(own, abs=1e-4)
    assert summed(5.0, 1e-4) == pytest.approx(5.0, abs=1e-3)
    assert own < summed(5.0, 1.0) < 5.0
    # Precision-weighted, as of a normal likelihood: the sum's own variance is d' V d.
    variance = float(direction @ np.linalg.inv(free.curvature) @ direction)
    expected = (own / variance + (own + 0.2) / variance) / (2 / variance)
    assert summed(own + 0.2, variance**0.5) == pytest.approx(expected, abs=0.01)


def test_weights_that_are_right_at_once_stay() -> None:
    fitted = fit_logistic(np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([0.0, 1.0, 0.0, 1.0]))
    assert fitted.weights.tolist() == [0.0, 0.0]
