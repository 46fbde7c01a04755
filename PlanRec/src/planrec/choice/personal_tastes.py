"""Tastes that differ between people: a mixed logit whose weights are jointly normal, fitted by EM.

The plain logit gives everybody the same weights. Here each person has weights of their own, drawn once from a normal
distribution; what a person chose before tells which weights they may have, and so what they choose next. Integrals
over the distribution are means over fixed draws; what is known of a person are weights of those draws.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from planrec.choice.logit import likeliest_weights

__all__ = ["PersonalTastes", "fitted_tastes"]

_CELLS = 250_000  # utilities worked out at once: they fit a processor's cache
_JITTER = 1e-6  # share of the first variance that no later one falls below, so that draws stay apart


@dataclass(frozen=True, slots=True)
class PersonalTastes:
    """How tastes are spread over people.

    Attributes
    ----------
    mean : float64 array of shape (k,)
        Mean weight of each feature.
    covariance : float64 array of shape (k, k)
    draws : float64 array of shape (n_draws, k)
        People from this distribution, equally likely beforehand.
    trace : tuple of float
        Simulated log-likelihood of the choices fitted on, before each round of EM and after the last.
    """

    mean: FloatArray
    covariance: FloatArray
    draws: FloatArray
    trace: tuple[float, ...] = ()

    def redrawn(self, n_draws: int, *, seed: int) -> PersonalTastes:
        """Return the same distribution with other draws.

        Parameters
        ----------
        n_draws : int
            A power of 2.
        seed : int

        Examples
        --------
        >>> tastes = PersonalTastes(np.array([1.0]), np.array([[4.0]]), np.zeros((1, 1)))
        >>> drawn = tastes.redrawn(1024, seed=0).draws
        >>> drawn.shape, drawn.mean().round(2), drawn.std().round(2)
        ((1024, 1), np.float64(1.0), np.float64(2.0))
        """
        nodes = _normal_nodes(n_draws, len(self.mean), seed)
        return PersonalTastes(self.mean, self.covariance, _spread(nodes, self.mean, self.covariance), self.trace)

    def known_of(
        self, features: FloatArray, available: BoolArray, chosen: IntArray, person: IntArray, n_people: int
    ) -> FloatArray:
        """Return what earlier choices say of people: the probability of each draw.

        Parameters
        ----------
        features : float64 array of shape (n, n_plans, k)
            The choices known; n may be 0.
        available : bool array of shape (n, n_plans)
        chosen : int64 array of shape (n,)
            Always in the choice set.
        person : int64 array of shape (n,)
            Who chose, in [0, n_people).
        n_people : int

        Returns
        -------
        float64 array of shape (n_people, n_draws)
            Each row adds up to 1; without a known choice all draws are equally likely.

        Examples
        --------
        >>> likes, dislikes = [1.0], [-1.0]
        >>> tastes = PersonalTastes(np.zeros(1), np.eye(1), np.array([likes, dislikes]))
        >>> two, open_to_all = np.array([[[0.0], [1.0]]]), np.ones((1, 2), dtype=bool)
        >>> tastes.known_of(two, open_to_all, np.array([1]), np.array([0]), 2).round(3).tolist()
        [[0.731, 0.269], [0.5, 0.5]]
        """
        joint = _log_chances(self.draws, features, available, chosen, person, n_people)
        return _normalised(joint)[0]

    def probabilities(self, features: FloatArray, available: BoolArray, known: FloatArray) -> FloatArray:
        """Return P(take) of each alternative by people of whom something is known.

        Parameters
        ----------
        features : float64 array of shape (n, n_plans, k)
        available : bool array of shape (n, n_plans)
        known : float64 array of shape (n, n_draws)
            Probability of each draw for the person of each row; rows of `known_of`.

        Returns
        -------
        float64 array of shape (n, n_plans)
            0 outside the choice set; each row adds up to 1.

        Examples
        --------
        >>> tastes = PersonalTastes(np.zeros(1), np.eye(1), np.array([[1.0], [-1.0]]))
        >>> two, open_to_all = np.array([[[0.0], [1.0]]]), np.ones((1, 2), dtype=bool)
        >>> tastes.probabilities(two, open_to_all, np.array([[0.5, 0.5]])).round(3).tolist()
        [[0.5, 0.5]]
        >>> tastes.probabilities(two, open_to_all, np.array([[1.0, 0.0]])).round(3).tolist()
        [[0.269, 0.731]]
        """
        found = np.zeros(available.shape)
        for rows in _pieces(len(features), available.shape[1] * len(self.draws)):
            log_p = _log_softmax(self.draws, features[rows], available[rows])
            found[rows] = np.einsum("npr,nr->np", np.exp(log_p), known[rows])
        return found


def fitted_tastes(
    features: FloatArray,
    available: BoolArray,
    chosen: IntArray,
    person: IntArray,
    *,
    n_draws: int = 256,
    most_rounds: int = 200,
    least_gain: float = 1e-3,
    seed: int = 0,
) -> PersonalTastes:
    """Fit how tastes are spread over people, from choices that each made several times.

    EM: given the distribution, the probability of each draw for each person follows from their choices; given those,
    mean and covariance of the draws are the next distribution. With enough draws no round lowers the likelihood.

    Parameters
    ----------
    features : float64 array of shape (n, n_plans, k)
    available : bool array of shape (n, n_plans)
    chosen : int64 array of shape (n,)
        Always in the choice set.
    person : int64 array of shape (n,)
        Who chose: 0, 1, ..., each at least once.
    n_draws : int, default=256
        A power of 2.
    most_rounds : int, default=200
    least_gain : float, default=1e-3
        A round that raises the log-likelihood by less a person is the last.
    seed : int, default=0
        Of the draws.

    Raises
    ------
    DataError
        If no person has two choices: with one choice each, a taste cannot be told from chance.

    References
    ----------
    Train (2009), Discrete Choice Methods with Simulation, 14.3.1: EM for a mixed logit with normal tastes.

    Examples
    --------
    >>> two = np.tile([[[0.0], [1.0]]], (8, 1, 1))  # two people, one always takes the second, one the first
    >>> chosen, person = np.repeat([1, 0], 4), np.repeat([0, 1], 4)
    >>> tastes = fitted_tastes(two, np.ones((8, 2), dtype=bool), chosen, person, n_draws=128, most_rounds=20)
    >>> bool(tastes.covariance[0, 0] > 4), tastes.trace[-1] > tastes.trace[0]
    (True, True)
    """
    n_people = int(person.max(initial=-1)) + 1
    if len(person) <= n_people:
        raise DataError("personal tastes: nobody chose twice, so nothing tells tastes apart; bring repeated choices.")
    nodes = _normal_nodes(n_draws, features.shape[2], seed)
    mean = likeliest_weights(features, available, chosen)
    # At first a feature's standard deviation is worth one unit of utility more to one person than to the next.
    first = np.diag(np.maximum(features[available].std(axis=0), 1e-9) ** -2.0)
    covariance, trace = first, list[float]()
    for _ in range(most_rounds):
        draws = _spread(nodes, mean, covariance)
        known, value = _normalised(_log_chances(draws, features, available, chosen, person, n_people))
        trace.append(value)
        if len(trace) > 1 and trace[-1] - trace[-2] < least_gain * n_people:
            break
        share = known.mean(axis=0)
        mean = share @ draws
        apart = draws - mean
        covariance = apart.T @ (apart * share[:, None]) + _JITTER * first
    return PersonalTastes(mean, covariance, _spread(nodes, mean, covariance), tuple(trace))


def _normal_nodes(n: int, k: int, seed: int) -> FloatArray:
    """Well-spread standard normal draws; shape (n, k)."""
    return ndtri(np.clip(qmc.Sobol(k, rng=seed).random(n), 1e-12, 1 - 1e-12))


def _spread(nodes: FloatArray, mean: FloatArray, covariance: FloatArray) -> FloatArray:
    return mean + nodes @ np.linalg.cholesky(covariance).T


def _pieces(n: int, cells: int) -> Iterator[slice]:
    step = max(1, _CELLS // cells)
    return (slice(start, start + step) for start in range(0, n, step))


def _log_softmax(draws: FloatArray, features: FloatArray, available: BoolArray) -> FloatArray:
    """Log P(take) of each alternative at each draw; shape (n, n_plans, n_draws)."""
    utility = np.where(available[..., None], features @ draws.T, -np.inf)
    utility -= utility.max(axis=1, keepdims=True)
    utility -= np.log(np.exp(utility).sum(axis=1, keepdims=True))
    return utility


def _log_chances(
    draws: FloatArray, features: FloatArray, available: BoolArray, chosen: IntArray, person: IntArray, n_people: int
) -> FloatArray:
    """Log-likelihood of each person's choices at each draw; shape (n_people, n_draws)."""
    found = np.zeros((n_people, len(draws)))
    for rows in _pieces(len(features), available.shape[1] * len(draws)):
        log_p = _log_softmax(draws, features[rows], available[rows])
        own: NDArray[np.float64] = log_p[np.arange(len(log_p)), chosen[rows]]
        np.add.at(found, person[rows], own)
    return found


def _normalised(joint: FloatArray) -> tuple[FloatArray, float]:
    """Probability of each draw for each person, and the log-likelihood of all: log of the mean over draws."""
    top = joint.max(axis=1, keepdims=True)
    chances = np.exp(joint - top)
    sums = chances.sum(axis=1, keepdims=True)
    return chances / sums, float((top + np.log(sums / joint.shape[1])).sum())
