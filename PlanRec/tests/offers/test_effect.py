"""The effect of an offer on leaving: by hand, and its error against derivatives that are taken by small steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from planrec.billing import Catalogue
from planrec.offers import AcceptanceModel, LeavingModel, Standing
from planrec.offers.acceptance import ACCEPTANCE_FEATURES
from planrec.offers.effect import ChurnChange, churn_change
from planrec.offers.leaving import LEAVING_FEATURES
from planrec.offers.logistic import LogisticWeights

STEP = 1e-6


@pytest.fixture
def asked(catalogue: Catalogue) -> Callable[[LeavingModel, AcceptanceModel], ChurnChange]:
    """Three subscribers with bills, terms and contacts of their own."""
    rng = np.random.default_rng(4)
    n, plans = 3, len(catalogue.plans)
    current = np.array([1, 5, 9])
    offerable = np.arange(plans) != current[:, None]
    standing = Standing(
        current, rng.uniform(10, 60, (n, plans)), offerable, rng.uniform(0, 9, n), np.array([0, 1, 4.0])
    )
    about = {"alternatives": rng.normal(size=(n, plans, 8)), "contacts": np.array([0.0, 2.0, np.nan])}
    return lambda leaving, acceptance: churn_change(leaving, acceptance, standing, catalogue, **about)


def models(seed: int = 0) -> tuple[LeavingModel, AcceptanceModel]:
    """Models whose weights are small, correlated, and not known exactly."""
    rng = np.random.default_rng(seed)

    def spread(k: int) -> np.ndarray:
        root = 0.1 * rng.normal(size=(k, k))
        return root @ root.T

    leaves, takes = len(LEAVING_FEATURES), len(ACCEPTANCE_FEATURES)
    return (
        LeavingModel(0.05 * rng.normal(size=leaves), -1.5, spread(leaves + 1)),
        AcceptanceModel(0.3 * rng.normal(size=takes), -0.5, spread(takes + 1)),
    )


def moved(model: LogisticWeights, place: int, by: float) -> LogisticWeights:
    weights = model.weights.copy()
    if place == len(weights):
        return replace(model, intercept=model.intercept + by)
    weights[place] += by
    return replace(model, weights=weights)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_error_carries_every_weight_s_uncertainty_through_the_formula(
    asked: Callable[[LeavingModel, AcceptanceModel], ChurnChange], seed: int
) -> None:
    pair = models(seed)
    variance = np.zeros(asked(*pair).change.shape)
    for which, model in enumerate(pair):
        slopes = []
        for place in range(len(model.weights) + 1):
            ends = [[*pair[:which], moved(model, place, by), *pair[which + 1 :]] for by in (STEP, -STEP)]
            up, down = (asked(*end).change for end in ends)  # type: ignore[arg-type]
            slopes.append((up - down) / (2 * STEP))
        gradient = np.stack(slopes, axis=-1)
        variance += np.einsum("npi,ij,npj->np", gradient, model.covariance, gradient)
    found = asked(*pair)
    np.testing.assert_allclose(found.error, np.sqrt(variance), rtol=1e-5)
    assert np.nanmin(found.error) > 0
    assert np.isnan(found.error).tolist() == np.isnan(found.change).tolist()


def test_weights_that_are_known_exactly_leave_no_error(
    asked: Callable[[LeavingModel, AcceptanceModel], ChurnChange],
) -> None:
    leaving, acceptance = (replace(model, covariance=np.zeros((0, 0))) for model in models())
    found = asked(leaving, acceptance)
    assert np.nanmax(found.error) == 0
    np.testing.assert_array_equal(found.bound(3.0), found.change)


def test_the_bound_lies_above_the_change_by_so_many_errors() -> None:
    found = ChurnChange(np.array([[0.5]]), np.array([[-0.03]]), np.array([[0.01]]))
    assert found.bound(0.5) == pytest.approx(-0.025)
    assert found.bound(0.0) == pytest.approx(-0.03)


@pytest.mark.parametrize(
    ("accepts", "expected"),
    [
        pytest.param(-99.0, 0.231, id="declined: the contact alone"),
        pytest.param(99.0, 0.119 - 0.5, id="accepted: kept"),
    ],
)
def test_change_is_that_of_who_accepts_and_of_who_declines(
    megaline: Catalogue, accepts: float, expected: float
) -> None:
    """Alone .5; a contact reminds of 10 overpaid, logit 1: .731; accepting leaves nothing overpaid, logit -2: .119."""
    weights = {"overpaid_when_contacted": 0.1, "accepted": -2.0}
    leaving = LeavingModel(np.array([weights.get(name, 0.0) for name in LEAVING_FEATURES]), 0.0)
    standing = Standing(np.array([1]), np.array([[60.0, 70.0]]), np.array([[True, False]]), np.zeros(1), np.zeros(1))
    found = churn_change(
        leaving,
        AcceptanceModel(np.zeros(len(ACCEPTANCE_FEATURES)), accepts),
        standing,
        megaline,
        alternatives=np.zeros((1, 2, 8)),
        contacts=np.zeros(1),
    )
    assert found.change[0, 0] == pytest.approx(expected, abs=1e-3)
    assert found.p_accept[0, 0] == pytest.approx(float(accepts > 0))
