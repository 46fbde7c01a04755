"""What a recommendation is for: the value of an offer, from its parts, by weights that are declared and returned.

value = P(accept) x (saving + margin weight x change of margin) - churn weight x change in P(leaving), in cents a month.

The saving is the fall in the risk-adjusted bill, so that an offer that may turn out dearer is worth less. The margin is
the bill less what the plan's perks cost the operator. What an offer does to P(leaving) comes from an uplift model; the
contact itself can drive people away, which is why it counts whether the offer is accepted or not. An offer that may do
so is not made, whatever its value: `Engine.offer` asks the rules' bound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError
from planrec.billing import Catalogue

__all__ = ["OfferValue", "OfferWeights", "offer_values"]


@dataclass(frozen=True, slots=True)
class OfferWeights:
    """What an offer weighs; returned with every answer.

    Attributes
    ----------
    risk : float
        Standard deviations of the bill added to its mean, >= 0.
    margin : float
        Cents of saving that one cent of the operator's margin is worth, >= 0.
    churn_cents : float
        Cents a month that a subscriber who certainly leaves would cost, >= 0.
    perk_cost_cents : int
        What one perk costs the operator a month, >= 0.
    """

    risk: float = 0.1
    margin: float = 0.0
    churn_cents: float = 0.0
    perk_cost_cents: int = 0


@dataclass(frozen=True, slots=True)
class OfferValue:
    """The value of each offer and what it is made of; float64 arrays of shape (n, n_plans), NaN for the plan held.

    Attributes
    ----------
    value_cents : a month
    p_accept : 0 to 1
    adjusted_saving_cents : fall in the risk-adjusted bill, a month
    margin_cents : change of the operator's margin if accepted, a month
    churn_change : change in the chance of leaving, -1 to 1
    """

    value_cents: FloatArray
    p_accept: FloatArray
    adjusted_saving_cents: FloatArray
    margin_cents: FloatArray
    churn_change: FloatArray


def offer_values(
    mean_cents: FloatArray,
    spread_cents: FloatArray,
    current: IntArray,
    catalogue: Catalogue,
    *,
    p_accept: FloatArray,
    churn_change: FloatArray,
    weights: OfferWeights,
) -> OfferValue:
    """Return what offering each plan is worth.

    Parameters
    ----------
    mean_cents, spread_cents : float64 arrays of shape (n, n_plans)
        Mean and standard deviation of the bill a month.
    current : int64 array of shape (n,)
        Index of the plan held, >= 0.
    catalogue : Catalogue
    p_accept : float64 array of shape (n, n_plans)
        NaN for the plan held.
    churn_change : float64 array of shape (n, n_plans)
        Change in P(leaving) if the plan is offered, against no contact.
    weights : OfferWeights

    Returns
    -------
    OfferValue

    Raises
    ------
    DataError
        If a current plan is unknown.

    Examples
    --------
    >>> bills, half = np.array([[2000.0, 7000.0]]), np.array([[0.5, np.nan]])
    >>> none = np.zeros((1, 2))
    >>> offer_values(
    ...     bills, none, np.array([1]), megaline, p_accept=half, churn_change=none, weights=OfferWeights()
    ... ).value_cents.tolist()
    [[2500.0, nan]]
    """
    unknown = int((current < 0).sum())
    if unknown:
        raise DataError(f"offers: the current plan of {unknown} subscriber(s) is unknown; an offer needs one.")
    held = np.arange(len(current)), current
    adjusted = mean_cents + weights.risk * spread_cents
    saving = adjusted[held][:, None] - adjusted
    margin = mean_cents - weights.perk_cost_cents * catalogue.perk_counts
    change = margin - margin[held][:, None]
    value = p_accept * (saving + weights.margin * change) - weights.churn_cents * churn_change
    parts = [np.array(part) for part in (value, p_accept, saving, change, churn_change)]
    for part in parts:
        part[held] = np.nan
    return OfferValue(*parts)
