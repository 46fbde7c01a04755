"""Does the interval of an off-policy estimate hold the true value as often as it says? Known on a simulated operator.

The operator's subscribers are the population, so the value of a policy is known exactly: the mean over all their
moments of chance under the policy x P(accept) x saving. Each run draws as many subscribers from it, with replacement
and with all their moments, makes every offer anew by the logging policy, and has it answered anew; the interval covers
exactly these three sources of chance. Which moments a subscriber has, and what is known at them, stays as it was.

No interval covers what a log hardly ever holds: a policy that would offer somebody a plan far dearer than the one held,
which was logged once in fifty such moments, has a rare and great loss that most logs do not show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError
from planrec.campaigns.moments import OfferRows, offer_rows
from planrec.campaigns.off_policy import PolicyValue, doubly_robust, inverse_propensity, self_normalised
from planrec.simulator.campaign import offer_propensities
from planrec.simulator.processes.satisficing import pick
from planrec.simulator.simulation import Simulation
from planrec.study.truth import realised_saving, truth_at

__all__ = ["Coverage", "OffPolicyStudy", "off_policy_study", "target_chances"]


_RIDGE = 1e-3  # on features of about unit size, per row: keeps the equations solvable, no more


@dataclass(frozen=True, slots=True)
class Coverage:
    """How one estimator did over the runs.

    Attributes
    ----------
    estimator : str
    coverage : float
        Share of the runs whose interval holds the true value.
    bias : float
        Mean estimate less the true value, in the unit of the reward.
    sd, mean_se : float
        Spread of the estimates over the runs, and what the estimator believed it to be.
    effective_sample_size : float
        Mean over the runs.
    clipped_share : float
        Mean share of offers whose weight was cut.
    """

    estimator: str
    coverage: float
    bias: float
    sd: float
    mean_se: float
    effective_sample_size: float
    clipped_share: float


@dataclass(frozen=True, slots=True)
class OffPolicyStudy:
    """What a study found.

    Attributes
    ----------
    true_value, logged_value : float
        Accepted saving a month per offer, in currency: of the target policy, and of the policy that made the log.
    estimators : tuple of Coverage
        `ips` (clipped), `snips` and `dr` (neither is).
    runs, offers, subscribers : int
        Runs, and the size of the population: moments of contact, and the subscribers they belong to.
    """

    true_value: float
    logged_value: float
    estimators: tuple[Coverage, ...]
    runs: int
    offers: int
    subscribers: int


@dataclass(frozen=True, slots=True)
class _Population:
    """Moments ordered by subscriber: `start` and `size` of each subscriber's, and arrays by moment (and plan)."""

    start: IntArray
    size: IntArray
    fold: IntArray
    logging: FloatArray
    target: FloatArray
    accept: FloatArray
    saving: FloatArray
    features: FloatArray


def off_policy_study(
    operator: Simulation, *, runs: int = 1000, seed: int = 0, max_weight: float = 5.0, level: float = 0.95
) -> OffPolicyStudy:
    """Return how often the intervals of the estimators hold the known value of a policy.

    The policy is `target_chances`, favouring plans that would have saved something without a contract; the log did not
    look at contracts. The reward of an offer is what it saves a month if it is accepted, else 0. The outcome model of
    the doubly robust estimator is a linear one on what the operator sees, fitted in every run on that run's log and
    cross-fitted: no subscriber is predicted by a model that saw the subscriber.

    Parameters
    ----------
    operator : Simulation
        Without drift: the chances with which it logged its offers must follow from its tables.
    runs : int
        Logs to draw, >= 2.
    seed : int
    max_weight : float
        Where the weights of `ips` are cut.
    level : float
        Nominal coverage of the intervals.

    Returns
    -------
    OffPolicyStudy

    Raises
    ------
    DataError
        If the logged chances do not follow from the tables, or `runs` is below 2.
    """
    if runs < 2:
        raise DataError(f"runs is {runs!r}; a spread over runs needs at least 2.")
    rng = np.random.default_rng(seed)
    world = _population(operator, rng)
    offered_mean = world.accept * world.saving
    value = float((world.target * offered_mean).sum(axis=1).mean())
    found: dict[str, list[PolicyValue]] = {"ips": [], "snips": [], "dr": []}
    for _ in range(runs):
        for name, estimate in _one_run(world, rng, max_weight, level).items():
            found[name].append(estimate)
    return OffPolicyStudy(
        true_value=value,
        logged_value=float((world.logging * offered_mean).sum(axis=1).mean()),
        estimators=tuple(_coverage(name, estimates, value) for name, estimates in found.items()),
        runs=runs,
        offers=len(world.target),
        subscribers=len(world.start),
    )


def target_chances(saving: FloatArray, favoured: NDArray[np.bool_], logging: FloatArray) -> FloatArray:
    """Return the policy the study evaluates: mostly the favoured plan that saves most, at times what was done before.

    Parameters
    ----------
    saving : float64 array of shape (n, n_plans)
        What each plan would have saved lately.
    favoured : bool array of shape (n, n_plans)
        Rows without any fall back on all plans with a chance in the log.
    logging : float64 array of shape (n, n_plans)
        Chances of the logging policy.

    Returns
    -------
    float64 array of shape (n, n_plans)
        0.8 on that plan, and 0.2 times `logging`; rows add up to 1.

    Examples
    --------
    >>> saving, logging = np.array([[9.0, 4.0, 3.0]]), np.array([[0.0, 0.5, 0.5]])
    >>> target_chances(saving, np.array([[False, False, True]]), logging).tolist()
    [[0.0, 0.1, 0.9]]
    """
    eligible = np.where(favoured.any(axis=1, keepdims=True), favoured, logging > 0)
    chances = 0.2 * logging
    chances[np.arange(len(saving)), np.where(eligible, saving, -np.inf).argmax(axis=1)] += 0.8
    return chances


def _population(operator: Simulation, rng: np.random.Generator) -> _Population:
    rows = offer_rows(operator)
    rows = rows.at(rows.contacts.made)
    at = np.arange(len(rows.month))
    seen = rows.seen[at, rows.standing.current][:, None] - rows.seen
    logging = offer_propensities(seen, rows.standing.offerable, operator.config.offers)
    if not np.allclose(logging[at, rows.contacts.offered], rows.contacts.propensity, atol=1e-6):
        raise DataError(
            "offers: the logged propensities do not follow from the usage months. Simulate without drift, and with "
            "`offers.first_month` of 3 or later, so that the months the campaign looked at are in the table."
        )
    _, start, size = np.unique(rows.subscribers, return_index=True, return_counts=True)
    plans = list(operator.catalogue.plan_ids)
    return _Population(
        start=start.astype(np.int64),
        size=size.astype(np.int64),
        fold=rng.integers(0, 2, len(start)).repeat(size),
        logging=logging,
        target=target_chances(seen, rows.standing.offerable & ~_binding(operator) & (seen > 0), logging),
        accept=np.nan_to_num(truth_at(rows, operator.truth.acceptance, plans)),
        saving=realised_saving(rows, operator.truth.bills),
        features=_outcome_features(rows, seen, operator),
    )


def _binding(operator: Simulation) -> NDArray[np.bool_]:
    return np.array([plan.contract_months > 0 for plan in operator.catalogue.plans])


def _outcome_features(rows: OfferRows, seen: FloatArray, operator: Simulation) -> FloatArray:
    """Return what is seen of an offer: saving (bent at 0), spread, contract, contacts; shape (n, n_plans, 9)."""
    at = np.arange(len(rows.month))
    binds = _binding(operator).astype(np.float64)
    saving, gain = seen / 10, np.maximum(seen, 0) / 10
    contacts = np.broadcast_to(rows.contacts.before[:, None], seen.shape)
    overpaid = seen.max(axis=1, keepdims=True) / 10
    parts = [
        np.ones_like(seen),
        saving,
        gain,
        gain**2,
        (rows.spread - rows.spread[at, rows.standing.current][:, None]) / 10,
        np.broadcast_to(binds, seen.shape),
        gain * binds,
        gain * contacts,
        np.broadcast_to(overpaid, seen.shape),
    ]
    return np.stack(parts, axis=2)


def _one_run(world: _Population, rng: np.random.Generator, max_weight: float, level: float) -> dict[str, PolicyValue]:
    drawn = rng.integers(0, len(world.start), len(world.start))
    size = world.size[drawn]
    groups = np.arange(len(drawn)).repeat(size)
    first = np.cumsum(size) - size
    rows = np.arange(len(groups)) - (first - world.start[drawn]).repeat(size)
    offered = pick(world.logging[rows], rng)
    accepted = rng.random(len(rows)) < world.accept[rows, offered]
    rewards = np.where(accepted, world.saving[rows, offered], 0.0)
    log = (rewards, world.logging[rows, offered], world.target[rows, offered])
    predicted = _cross_fitted(world, rows, offered, rewards)
    of_target = (world.target * predicted).sum(axis=1)[rows]
    return {
        "ips": inverse_propensity(*log, groups=groups, max_weight=max_weight, level=level),
        "snips": self_normalised(*log, groups=groups, level=level),
        "dr": doubly_robust(*log, predicted[rows, offered], of_target, groups=groups, level=level),
    }


def _cross_fitted(world: _Population, rows: IntArray, offered: IntArray, rewards: FloatArray) -> FloatArray:
    """Return the reward expected of every plan at every moment, by a model fitted on the other half of subscribers."""
    predicted = np.empty(world.target.shape)
    for half in (0, 1):
        learn = world.fold[rows] != half
        design = world.features[rows[learn], offered[learn]]
        square = design.T @ design + _RIDGE * len(design) * np.eye(design.shape[1])
        weights = np.linalg.solve(square, design.T @ rewards[learn])
        predicted[world.fold == half] = world.features[world.fold == half] @ weights
    return predicted


def _coverage(name: str, estimates: list[PolicyValue], value: float) -> Coverage:
    intervals = [estimate.interval for estimate in estimates]
    points = np.array([interval.estimate for interval in intervals])
    return Coverage(
        estimator=name,
        coverage=float(np.mean([interval.low <= value <= interval.high for interval in intervals])),
        bias=float(points.mean()) - value,
        sd=float(points.std(ddof=1)),
        mean_se=float(np.mean([estimate.se for estimate in estimates])),
        effective_sample_size=float(np.mean([estimate.effective_sample_size for estimate in estimates])),
        clipped_share=float(np.mean([estimate.clipped_share for estimate in estimates])),
    )
