from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.hermite_e import hermegauss
from xlogit import MixedLogit

from common_utils.errors import DataError
from planrec.choice.logit import likeliest_weights
from planrec.choice.personal_tastes import PersonalTastes, fitted_tastes

Choices = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def people_choose(seed: int, tastes: np.ndarray, times: int = 8, n_plans: int = 3) -> Choices:
    """Features, availability, choice and person: each row of `tastes` chooses so many times, by the logit."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(len(tastes)), times)
    features = rng.normal(size=(len(person), n_plans, tastes.shape[1]))
    available = rng.random((len(person), n_plans)) < 0.9
    noisy = np.einsum("npk,nk->np", features, tastes[person]) + rng.gumbel(size=features.shape[:2])
    available[np.arange(len(person)), rng.integers(0, n_plans, len(person))] = True
    return features, available, np.where(available, noisy, -np.inf).argmax(axis=1), person


@given(st.integers(0, 2**31), st.integers(1, 3))
@settings(deadline=None, max_examples=8)
def test_no_round_lowers_the_likelihood(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    choices = people_choose(seed, rng.normal(rng.normal(0, 1, k), rng.uniform(0.2, 2, k), (30, k)))
    trace = fitted_tastes(*choices, n_draws=1024, most_rounds=12, least_gain=0.0).trace
    # The law holds for integrals; means over 1,024 draws move by a few thousandths of a nat a person.
    assert np.diff(trace).min(initial=0) > -0.005 * 30


@given(st.integers(0, 2**31), st.floats(-40, 40))
@settings(deadline=None, max_examples=25)
def test_what_is_known_adds_up_to_1_and_knows_no_level(seed: int, level: float) -> None:
    rng = np.random.default_rng(seed)
    features, available, chosen, person = people_choose(seed, rng.normal(0, 5, (4, 2)), times=5)
    tastes = PersonalTastes(np.zeros(2), np.eye(2), rng.normal(0, 20, (64, 2)))
    known = tastes.known_of(features, available, chosen, person, 5)  # of the fifth nothing is known
    np.testing.assert_allclose(known.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(known[4], 1 / 64, rtol=1e-12)
    moved = tastes.known_of(features + level, available, chosen, person, 5)
    np.testing.assert_allclose(moved, known, atol=1e-6)
    p = tastes.probabilities(features, available, known[person])
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert (p[~available] == 0).all()


def test_probabilities_change_as_bayes_says() -> None:
    # Half the people take the second of two plans with probability 0.9, half with 0.2.
    tastes = PersonalTastes(np.zeros(1), np.eye(1), np.log([[0.9 / 0.1], [0.2 / 0.8]]))
    two, open_to_all = np.array([[[0.0], [1.0]]] * 3), np.ones((3, 2), dtype=bool)
    cold = tastes.probabilities(two[:1], open_to_all[:1], np.array([[0.5, 0.5]]))
    assert cold[0].tolist() == pytest.approx([0.45, 0.55])
    # One took it twice and then not: 0.9 x 0.9 x 0.1 against 0.2 x 0.2 x 0.8.
    known = tastes.known_of(two, open_to_all, np.array([1, 1, 0]), np.zeros(3, dtype=np.int64), 1)
    first = 0.081 / (0.081 + 0.032)
    assert known[0].tolist() == pytest.approx([first, 1 - first])
    after = tastes.probabilities(two[:1], open_to_all[:1], known)
    assert after[0, 1] == pytest.approx(first * 0.9 + (1 - first) * 0.2)


def test_known_tastes_are_found_again() -> None:
    rng = np.random.default_rng(7)
    mean, covariance = np.array([-1.0, 0.5]), np.array([[0.8, -0.6], [-0.6, 1.2]])
    choices = people_choose(7, rng.multivariate_normal(mean, covariance, 600), times=10)
    found = fitted_tastes(*choices, n_draws=512, least_gain=1e-4)
    assert found.mean == pytest.approx(mean, abs=0.15)
    assert found.covariance == pytest.approx(covariance, abs=0.3)


def test_the_likelihood_is_that_of_gauss_and_hermite() -> None:
    """One taste: the integral by a rule of another kind."""
    rng = np.random.default_rng(3)
    features, available, chosen, person = people_choose(3, rng.normal(0.7, 1.1, (60, 1)))
    found = fitted_tastes(features, available, chosen, person, n_draws=4096, least_gain=1e-5)
    nodes, weights = hermegauss(61)
    draws = found.mean[0] + nodes * np.sqrt(found.covariance[0, 0])
    utility = np.where(available[..., None], features * draws, -np.inf)
    p = np.exp(utility) / np.exp(utility).sum(axis=1, keepdims=True)
    own = p[np.arange(len(chosen)), chosen]
    each = np.array([own[person == one].prod(axis=0) @ (weights / weights.sum()) for one in range(60)])
    assert found.trace[-1] == pytest.approx(float(np.log(each).sum()), abs=0.05)


def test_estimates_of_one_taste_are_those_of_xlogit() -> None:
    """Simulated maximum likelihood, by other people, finds the mean and spread that EM finds."""
    rng = np.random.default_rng(11)
    features, _, _, person = people_choose(11, rng.normal(0.7, 1.1, (150, 1)))
    tastes = np.repeat(rng.normal(0.7, 1.1, 150), 8)
    chosen = (features[..., 0] * tastes[:, None] + rng.gumbel(size=features.shape[:2])).argmax(axis=1)
    other = MixedLogit()
    other.fit(
        X=features.reshape(-1, 1),
        y=np.eye(3)[chosen].ravel(),
        varnames=["x"],
        ids=np.repeat(np.arange(len(chosen)), 3),
        alts=np.tile(np.arange(3), len(chosen)),
        panels=np.repeat(person, 3),
        randvars={"x": "n"},
        n_draws=500,
        verbose=0,
    )
    found = fitted_tastes(
        features, np.ones(features.shape[:2], dtype=bool), chosen, person, n_draws=1024, least_gain=1e-6
    )
    assert found.trace[-1] == pytest.approx(other.loglikelihood, abs=0.2)
    assert found.mean[0] == pytest.approx(other.coeff_[0], abs=0.03)
    assert np.sqrt(found.covariance[0, 0]) == pytest.approx(abs(other.coeff_[1]), abs=0.03)


def test_people_who_all_like_the_same_have_hardly_a_spread() -> None:
    choices = people_choose(5, np.full((100, 1), 0.8))
    found = fitted_tastes(*choices, n_draws=128, most_rounds=100, least_gain=1e-6)
    assert np.sqrt(found.covariance[0, 0]) < 0.4
    assert found.mean[0] == pytest.approx(likeliest_weights(*choices[:3])[0], abs=0.05)


def test_people_who_chose_once_are_refused() -> None:
    features, available, chosen, _ = people_choose(1, np.zeros((4, 1)), times=1)
    with pytest.raises(DataError, match="nobody chose twice"):
        fitted_tastes(features, available, chosen, np.arange(4))


def test_how_rows_are_cut_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    choices = people_choose(2, np.random.default_rng(2).normal(size=(20, 2)))
    whole = fitted_tastes(*choices, n_draws=64, most_rounds=3)
    monkeypatch.setattr("planrec.choice.personal_tastes._CELLS", 500)
    cut = fitted_tastes(*choices, n_draws=64, most_rounds=3)
    np.testing.assert_allclose(cut.covariance, whole.covariance, rtol=1e-9)


def test_the_unit_of_a_feature_does_not_show() -> None:
    choices = people_choose(3, np.random.default_rng(3).normal(0.5, 1.0, (60, 2)))
    tastes = fitted_tastes(*choices, n_draws=256, most_rounds=6)
    in_quarters = fitted_tastes(4 * choices[0], *choices[1:], n_draws=256, most_rounds=6)
    np.testing.assert_allclose(in_quarters.trace, tastes.trace, rtol=1e-6)
    np.testing.assert_allclose(4 * in_quarters.mean, tastes.mean, rtol=1e-4)


def test_how_many_people_there_are_does_not_say_when_to_stop() -> None:
    features, available, chosen, person = people_choose(4, np.random.default_rng(4).normal(0.5, 1.0, (30, 1)))
    once = fitted_tastes(features, available, chosen, person, n_draws=256)
    ten = [np.concatenate([part] * 10) for part in (features, available, chosen)]
    often = fitted_tastes(*ten, np.concatenate([person + 30 * k for k in range(10)]), n_draws=256)  # type: ignore[arg-type]
    assert len(often.trace) == len(once.trace) > 2
