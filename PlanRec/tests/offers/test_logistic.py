"""The variance of a figure by its derivatives, worked out by hand."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from common_utils.errors import ArtifactError
from planrec.offers.logistic import LogisticWeights


class Two(LogisticWeights):
    WHAT: ClassVar[str] = "two weights"
    FEATURES: ClassVar[tuple[str, ...]] = ("x", "y")


COVARIANCE = np.array([[4.0, 1.0, 0.5], [1.0, 9.0, -2.0], [0.5, -2.0, 1.0]])


@pytest.mark.parametrize(
    ("gradient", "variance"),
    [
        pytest.param([1.0, 0.0, 0.0], 4.0, id="one-weight"),
        pytest.param([0.0, 0.0, 3.0], 9.0, id="the-intercept-counts-squared"),
        pytest.param([1.0, 1.0, 0.0], 4 + 9 + 2 * 1, id="weights-that-go-together"),
        pytest.param([1.0, -1.0, 0.0], 4 + 9 - 2 * 1, id="weights-against-each-other"),
        pytest.param([2.0, 1.0, -1.0], 16 + 9 + 1 + 2 * (2 * 1 - 2 * 0.5 + 2), id="all-three"),
    ],
)
def test_variance_is_the_quadratic_form(gradient: list[float], variance: float) -> None:
    model = Two(np.zeros(2), 0.0, COVARIANCE)
    assert model.variance(np.array(gradient)) == pytest.approx(variance)
    assert model.variance(np.array([[gradient, [0.0] * 3]])).tolist() == [[pytest.approx(variance), 0.0]]


def test_rounding_never_makes_a_variance_negative() -> None:
    root = np.array([1e8, -1e8, 1.0])
    assert Two(np.zeros(2), 0.0, np.outer(root, root)).variance(np.array([1.0, 1.0, 1e-9])) >= 0


def test_what_is_written_is_read_again() -> None:
    again = Two.from_dict(Two(np.array([1.0, -2.0]), 0.5, COVARIANCE).to_dict())
    assert (again.weights.tolist(), again.intercept) == ([1.0, -2.0], 0.5)
    assert again.covariance.tolist() == COVARIANCE.tolist()


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param({"covariance": [[1.0, 0.0], [0.0, 1.0]]}, id="a-covariance-of-fewer-weights"),
        pytest.param({"covariance": np.eye(4).tolist()}, id="a-covariance-of-more-weights"),
        pytest.param({"covariance": [[float("nan")] * 3] * 3}, id="a-covariance-that-is-not-finite"),
        pytest.param({"covariance": [[1.0], [0.0, 1.0]]}, id="a-torn-covariance"),
        pytest.param({"weights": {"x": 1.0}}, id="a-weight-is-missing"),
        pytest.param({"weights": {"x": 1.0, "y": float("inf")}}, id="a-weight-is-not-finite"),
        pytest.param({"weights": [1.0, 2.0]}, id="weights-without-names"),
        pytest.param({"intercept": None}, id="no-intercept"),
        pytest.param({"intercept": "a"}, id="an-intercept-in-words"),
    ],
)
def test_damaged_weights_are_refused(damaged: dict[str, object]) -> None:
    whole = Two(np.zeros(2), 0.0, COVARIANCE).to_dict()
    with pytest.raises(ArtifactError, match="two weights: a weight is missing or is not a number; train again"):
        Two.from_dict({**whole, **damaged})
