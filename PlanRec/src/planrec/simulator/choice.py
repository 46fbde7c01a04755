"""How a simulated subscriber chooses: believed bills, utilities, and when a decision is taken; arrays in, arrays out.

Utility of a plan = - price sensitivity x (believed mean bill + risk aversion x believed spread) + flat-rate bonus
+ perks - dislike of a new contract + inertia for the current plan. Under the logit the choice is the argmax after
adding Gumbel noise; the other process stands in `simulate_satisficing`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from planrec.billing import Catalogue, Usage, bill_totals
from planrec.simulator.config import SimulatorConfig

__all__ = [
    "Tastes",
    "anticipated_regret",
    "believed_bills",
    "choice_set",
    "choose",
    "draw_tastes",
    "likings",
    "logit_probabilities",
    "utilities",
]

# Two points per service: the product rule that meets the first three moments of independent normals.
_NODES = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
_CHUNK = 20_000  # subscribers rated at once; bounds the memory of nodes x plans


@dataclass(frozen=True, slots=True)
class Tastes:
    """What subscribers believe and like; arrays of shape (n,), `guess` of shape (n, 3).

    Attributes
    ----------
    overestimation : believed over real usage
    price : utility lost per unit of currency
    flat_rate : utility of everything being unlimited
    perk : utility of one perk
    contract : utility lost per year of a new contract
    inertia : utility of the current plan
    guess : a new subscriber's guess of their usage: minutes, messages, megabytes
    """

    overestimation: FloatArray
    price: FloatArray
    flat_rate: FloatArray
    perk: FloatArray
    contract: FloatArray
    inertia: FloatArray
    guess: FloatArray

    def at(self, rows: NDArray[np.int64]) -> Tastes:
        """Return the tastes of some subscribers."""
        return Tastes(*(getattr(self, name)[rows] for name in self.__slots__))


def draw_tastes(config: SimulatorConfig, typical: FloatArray, rng: np.random.Generator) -> Tastes:
    """Draw beliefs and tastes.

    Parameters
    ----------
    config : SimulatorConfig
    typical : float64 array of shape (n, 3)
        A typical month's usage.
    rng : numpy.random.Generator

    Returns
    -------
    Tastes

    Examples
    --------
    >>> tastes = draw_tastes(SimulatorConfig(), np.full((4, 3), 100.0), np.random.default_rng(1))
    >>> tastes.guess.shape, bool((tastes.price > 0).all())
    ((4, 3), True)
    """
    n = len(typical)

    def around(mean: float) -> FloatArray:
        return mean * np.maximum(1 + config.taste_sd * rng.standard_normal(n), 0)

    spread = config.overestimation_sd
    return Tastes(
        overestimation=config.overestimation * np.exp(spread * rng.standard_normal(n) - spread**2 / 2),
        price=config.price_sensitivity * np.exp(config.price_sensitivity_sd * rng.standard_normal(n)),
        flat_rate=around(config.flat_rate_bias),
        perk=around(config.perk_taste),
        contract=around(config.contract_dislike),
        inertia=around(config.inertia),
        guess=typical * np.exp(config.guess_sd * rng.standard_normal((n, 3))),
    )


def believed_bills(
    believed: FloatArray, config: SimulatorConfig, catalogue: Catalogue
) -> tuple[FloatArray, FloatArray]:
    """Return mean and spread of the bill subscribers expect on every plan.

    Parameters
    ----------
    believed : float64 array of shape (n, 3)
        Usage expected a month: minutes, messages, megabytes, >= 0.
    config : SimulatorConfig
        Its noise and perceived variance give the spread of usage that is believed.
    catalogue : Catalogue

    Returns
    -------
    tuple of two float64 arrays of shape (n, n_plans)
        In units of currency.

    Examples
    --------
    >>> mean, spread = believed_bills(np.array([[510.0, 50, 10000]]), SimulatorConfig(perceived_variance=0), megaline)
    >>> mean.tolist(), spread.tolist()
    ([[20.3, 70.0]], [[0.0, 0.0]])
    """
    means, spreads = [np.empty((0, len(catalogue.plans)))], [np.empty((0, len(catalogue.plans)))]
    for bills in _bills_at_nodes(believed, config, catalogue):
        means.append(bills.mean(axis=1))
        spreads.append(bills.std(axis=1))
    return np.concatenate(means), np.concatenate(spreads)


def anticipated_regret(
    believed: FloatArray, allowed: NDArray[np.bool_], config: SimulatorConfig, catalogue: Catalogue
) -> FloatArray:
    """Return how much subscribers fear to pay beyond the best plan: root mean square over believed usage.

    Parameters
    ----------
    believed : float64 array of shape (n, 3)
        As `believed_bills`.
    allowed : bool array of shape (n, n_plans)
        Plans a subscriber may compare with, at least one.
    config : SimulatorConfig
    catalogue : Catalogue

    Returns
    -------
    float64 array of shape (n, n_plans)
        In units of currency, >= 0 where the plan is allowed.

    Examples
    --------
    >>> both = np.array([[True, True]])
    >>> config = SimulatorConfig(perceived_variance=0)
    >>> anticipated_regret(np.array([[500.0, 50, 10000]]), both, config, megaline).tolist()
    [[0.0, 50.0]]
    """
    parts, start = [np.empty((0, len(catalogue.plans)))], 0
    for bills in _bills_at_nodes(believed, config, catalogue):
        compared = allowed[start : start + len(bills), None, :]
        best = np.where(compared, bills, np.inf).min(axis=2, keepdims=True)
        parts.append(np.sqrt(np.square(bills - best).mean(axis=1)))
        start += len(bills)
    return np.concatenate(parts)


def _bills_at_nodes(believed: FloatArray, config: SimulatorConfig, catalogue: Catalogue) -> Iterator[FloatArray]:
    """Give the bills, in currency, at each point of the usage believed in: arrays of shape (chunk, nodes, n_plans)."""
    swing = np.sqrt(config.perceived_variance) * np.array(config.noise_sd.as_tuple())
    factors = np.exp(_NODES * swing) / np.cosh(swing)  # the mean stays the believed usage
    for start in range(0, len(believed), _CHUNK):
        usage = np.round(believed[start : start + _CHUNK, None, :] * factors, 2)
        yield bill_totals(Usage(usage[..., 0], usage[..., 1], usage[..., 2]), catalogue) / 100


def choice_set(
    catalogue: Catalogue, month: int, age: NDArray[np.int64], current: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which plans each subscriber may hold: on sale and eligible that month, or the current one.

    Parameters
    ----------
    catalogue : Catalogue
    month : int
        Month index.
    age : int64 array of shape (n,)
    current : int64 array of shape (n,)
        Position of the current plan, -1 where there is none.

    Returns
    -------
    bool array of shape (n, n_plans)

    Examples
    --------
    >>> choice_set(megaline, 24216, np.array([40]), np.array([-1])).tolist()
    [[True, True]]
    """
    youngest, oldest = catalogue.age_limits
    eligible = (age[:, None] >= youngest) & (age[:, None] <= oldest)
    return (eligible & (catalogue.sale_state(month) == 0)) | (current[:, None] == np.arange(len(catalogue.plans)))


def utilities(
    tastes: Tastes,
    bills: tuple[FloatArray, FloatArray],
    current: NDArray[np.int64],
    config: SimulatorConfig,
    catalogue: Catalogue,
) -> FloatArray:
    """Return each plan's utility before the choice noise.

    Parameters
    ----------
    tastes : Tastes
        Of n subscribers.
    bills : tuple of two float64 arrays of shape (n, n_plans)
        Believed mean and spread, in currency.
    current : int64 array of shape (n,)
        Position of the current plan, -1 where there is none.
    config : SimulatorConfig
    catalogue : Catalogue

    Returns
    -------
    float64 array of shape (n, n_plans)

    Examples
    --------
    >>> one = np.array([1.0])
    >>> tastes = Tastes(one, one / 10, flat_rate=one, perk=one, contract=one, inertia=2 * one, guess=np.zeros((1, 3)))
    >>> bills = np.array([[20.0, 70.0]]), np.zeros((1, 2))
    >>> utilities(tastes, bills, np.array([1]), SimulatorConfig(), megaline).tolist()
    [[-2.0, -5.0]]
    """
    mean, spread = bills
    value = likings(tastes, current, catalogue)
    value -= tastes.price[:, None] * (mean + config.risk_aversion * spread)
    return value + tastes.inertia[:, None] * (current[:, None] == np.arange(len(catalogue.plans)))


def likings(tastes: Tastes, current: NDArray[np.int64], catalogue: Catalogue) -> FloatArray:
    """Return what each plan is liked for beside its bill: flat rate and perks, less the dislike of a new contract.

    Parameters
    ----------
    tastes : Tastes
        Of n subscribers.
    current : int64 array of shape (n,)
        Position of the current plan, -1 where there is none; keeping it binds nobody anew.
    catalogue : Catalogue

    Returns
    -------
    float64 array of shape (n, n_plans)
        In units of utility.
    """
    stays = current[:, None] == np.arange(len(catalogue.plans))
    liking = tastes.flat_rate[:, None] * catalogue.unlimited_shares
    liking += tastes.perk[:, None] * catalogue.perk_counts
    return liking - tastes.contract[:, None] * np.where(stays, 0.0, catalogue.contract_years)


def logit_probabilities(value: FloatArray, allowed: NDArray[np.bool_]) -> FloatArray:
    """Return the chance of each plan under the logit.

    Parameters
    ----------
    value : float64 array of shape (n, n_plans)
        Utilities.
    allowed : bool array of shape (n, n_plans)
        At least one plan in each row.

    Returns
    -------
    float64 array of shape (n, n_plans)
        Rows add up to 1; 0 outside the choice set.

    Examples
    --------
    >>> logit_probabilities(np.array([[0.0, 99.0, 0.0]]), np.array([[True, False, True]])).tolist()
    [[0.5, 0.0, 0.5]]
    """
    within = np.where(allowed, value, -np.inf)
    weight = np.exp(within - within.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)


def choose(value: FloatArray, allowed: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the chosen plan of each subscriber from the logit of the utilities.

    Parameters
    ----------
    value : float64 array of shape (n, n_plans)
    allowed : bool array of shape (n, n_plans)
        At least one plan in each row.
    rng : numpy.random.Generator

    Returns
    -------
    int64 array of shape (n,)
        Positions.

    Examples
    --------
    >>> choose(np.array([[0.0, 99.0, 50.0]]), np.array([[True, False, True]]), np.random.default_rng(1)).tolist()
    [2]
    """
    return np.argmax(np.where(allowed, value + rng.gumbel(size=value.shape), -np.inf), axis=1)
