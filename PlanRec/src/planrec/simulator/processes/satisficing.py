"""The second way simulated subscribers choose, no logit: look at a few plans, take one that is good enough.

A subscriber looks at K plans besides the current one; a set of K is looked at with a chance proportional to the product
of its plans' saliences (conditional Bernoulli sampling). Good enough is a plan whose cost (believed bill + anticipated
regret, less what it is liked for) lies below an aspiration: well below the current plan's cost, or, for the restless,
a little above it; a newcomer's lies a little above the least cost. Of those looked at, the most salient that is good
enough is taken. Where none is, the current plan is kept; a newcomer takes the least cost.

The chances are exact: with the plans in the order in which they would be taken, the r-th is taken if it is looked at
and none before it is, which are sums of products (elementary symmetric polynomials) of the saliences after r.
"""

from __future__ import annotations

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from planrec.billing import Catalogue
from planrec.months import month_index
from planrec.simulator.choice import Tastes, anticipated_regret, likings
from planrec.simulator.config import SatisficingConfig, SimulatorConfig

__all__ = ["perceived_costs", "pick", "salience", "satisficing_probabilities", "satisfied_choice"]

_NEW_MONTHS = 3  # a launch is talked about so long


def satisfied_choice(
    tastes: Tastes,
    believed: FloatArray,
    mean_bill: FloatArray,
    allowed: BoolArray,
    current: IntArray,
    month: int,
    config: SimulatorConfig,
    catalogue: Catalogue,
) -> FloatArray:
    """Return the chance of each plan at a decision.

    Parameters
    ----------
    tastes : Tastes
        Of n subscribers.
    believed : float64 array of shape (n, 3)
        Usage expected a month.
    mean_bill : float64 array of shape (n, n_plans)
        Of `simulator.choice.believed_bills`, in currency.
    allowed : bool array of shape (n, n_plans)
        The choice set.
    current : int64 array of shape (n,)
        Position of the current plan, -1 for a newcomer.
    month : int
        Month index.
    config : SimulatorConfig
    catalogue : Catalogue

    Returns
    -------
    float64 array of shape (n, n_plans)
        Rows add up to 1.
    """
    rules = config.satisficing
    regret = anticipated_regret(believed, allowed, config, catalogue)
    cost = perceived_costs(tastes, mean_bill, regret, current, rules, catalogue)
    least = np.where(allowed, cost, np.inf).min(axis=1)
    held, rows = np.maximum(current, 0), np.arange(len(current))
    newcomer = current < 0
    cheapest = np.where(allowed, mean_bill, np.inf).min(axis=1)
    usual = np.where(newcomer, cheapest, mean_bill[rows, held])
    weights = salience(usual, month, rules, catalogue)
    settled = np.where(newcomer, least + rules.slack, cost[rows, held] - rules.effort * tastes.inertia / tastes.price)
    restless = np.where(newcomer, least, cost[rows, held]) + rules.slack
    return (1 - rules.restless) * satisficing_probabilities(
        cost, weights, settled, allowed, current, rules.considered
    ) + rules.restless * satisficing_probabilities(cost, weights, restless, allowed, current, rules.considered)


def perceived_costs(
    tastes: Tastes,
    mean_bill: FloatArray,
    regret: FloatArray,
    current: IntArray,
    rules: SatisficingConfig,
    catalogue: Catalogue,
) -> FloatArray:
    """Return what each plan seems to cost a month, all in all: bill + regret - likings; in currency, (n, n_plans)."""
    liked = likings(tastes, current, catalogue) / tastes.price[:, None]
    return mean_bill + rules.regret_weight * regret - liked


def salience(usual: FloatArray, month: int, rules: SatisficingConfig, catalogue: Catalogue) -> FloatArray:
    """Return how easily each plan comes to mind.

    Parameters
    ----------
    usual : float64 array of shape (n,)
        The bill a subscriber is used to, in currency; a fee near it is salient.
    month : int
        Month index; a plan launched less than three months ago is salient.
    rules : SatisficingConfig
    catalogue : Catalogue

    Returns
    -------
    float64 array of shape (n, n_plans)
        Weights > 0.

    Examples
    --------
    >>> salience(np.array([20.0]), 24216, SatisficingConfig(), megaline).round(2).tolist()
    [[1.0, 0.29]]
    """
    fees = np.maximum(catalogue.prices.fee_cents / 100, 1.0)
    launched = [month_index(p.on_sale.first) if p.on_sale.first else month - _NEW_MONTHS for p in catalogue.plans]
    new = month - np.array(launched, dtype=np.int64) < _NEW_MONTHS
    distance = np.abs(np.log(fees / np.maximum(usual, 1.0)[:, None]))
    advertised = rules.unlimited_salience * catalogue.unlimited_shares + rules.new_salience * new
    return np.exp(advertised - rules.fee_salience * distance)


def satisficing_probabilities(
    cost: FloatArray,
    weights: FloatArray,
    aspiration: FloatArray,
    allowed: BoolArray,
    current: IntArray,
    considered: int,
) -> FloatArray:
    """Return the exact chance of each plan.

    Parameters
    ----------
    cost, weights : float64 arrays of shape (n, n_plans)
        Perceived cost; salience > 0.
    aspiration : float64 array of shape (n,)
        A plan that costs no more is good enough.
    allowed : bool array of shape (n, n_plans)
        The choice set, the current plan in it.
    current : int64 array of shape (n,)
        Position of the current plan, -1 for a newcomer.
    considered : int
        Plans looked at besides the current one; all where there are fewer.

    Returns
    -------
    float64 array of shape (n, n_plans)
        Rows add up to 1; 0 outside the choice set.

    Examples
    --------
    Two plans are looked at, one of them, each as likely; only the second is good enough:

    >>> cost, weights, free = np.array([[5.0, 9.0, 3.0]]), np.ones((1, 3)), np.full((1, 3), True)
    >>> satisficing_probabilities(cost, weights, np.array([4.0]), free, np.array([0]), 1).tolist()
    [[0.5, 0.0, 0.5]]
    """
    n, width = cost.shape
    stays = current[:, None] == np.arange(width)
    other = allowed & ~stays
    good = other & (cost <= aspiration[:, None])
    tier = np.where(good, 0, np.where(other, 1, 2))
    order = np.lexsort((np.where(good, -weights, cost), tier), axis=-1)
    sorted_weights = np.take_along_axis(np.where(other, weights, 0.0), order, axis=1)
    looked_at = np.minimum(other.sum(axis=1), considered)
    rows = np.arange(n)
    # after[k] is the sum over all sets of k plans behind the present one of the product of their weights.
    after = np.zeros((considered + 1, n))
    after[0] = 1.0
    taken = np.zeros((n, width))
    for r in range(width - 1, -1, -1):
        weight = sorted_weights[:, r]
        taken[:, r] = weight * after[np.maximum(looked_at - 1, 0), rows]
        after[1:] += weight * after[:-1]
    taken /= after[looked_at, rows][:, None]
    chances = np.zeros((n, width))
    np.put_along_axis(chances, order, taken, axis=1)
    settled = np.where((current >= 0)[:, None], good, other)
    chances = np.where(settled, chances, 0.0)
    holders = np.flatnonzero(current >= 0)
    chances[holders, current[holders]] = np.maximum(1 - chances[holders].sum(axis=1), 0.0)
    return chances


def pick(chances: FloatArray, rng: np.random.Generator) -> IntArray:
    """Draw one position from the chances of each row.

    Examples
    --------
    >>> pick(np.array([[0.0, 1.0, 0.0]]), np.random.default_rng(1)).tolist()
    [1]
    """
    reached = np.cumsum(chances, axis=1)
    draw = rng.random(len(chances)) * reached[:, -1]
    return (reached <= draw[:, None]).sum(axis=1)
