"""Whom to contact: expected profit of a contact list, its gain curve, and thresholds by profit. Arrays in, numbers out.

A contact of a customer who leaves with probability p is worth `p * success_rate * kept_value - contact_cost`. The list
is the customers in falling p; it ends where a contact costs more than it brings, or the budget does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bankchurn.config import BankChurnConfig
from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError
from common_utils.thresholds import threshold_between

__all__ = [
    "ContactList",
    "Economics",
    "best_profit_threshold",
    "contact_count",
    "contact_list",
    "economics_of",
    "expected_profit",
    "gain_curve",
]


@dataclass(frozen=True)
class Economics:
    """What a campaign costs and brings; euro.

    Attributes
    ----------
    kept_value : float
        Margin of a customer who was kept.
    success_rate : float
        Share of contacted leavers who then stay.
    contact_cost : float
    budget_share : float
        Share of customers that can be contacted.

    Examples
    --------
    >>> Economics(400, 0.25, 25, 0.2).break_even
    0.25
    """

    kept_value: float
    success_rate: float
    contact_cost: float
    budget_share: float

    @property
    def break_even(self) -> float:
        """Probability of leaving at which a contact pays for itself."""
        return self.contact_cost / (self.success_rate * self.kept_value)


def economics_of(config: BankChurnConfig) -> Economics:
    """Return the settings of a retention campaign as the core takes them."""
    retention = config.retention
    return Economics(
        kept_value=retention.kept_value,
        success_rate=retention.success_rate,
        contact_cost=retention.contact_cost,
        budget_share=retention.contact_budget_share,
    )


def expected_profit(probability: ArrayLike, economics: Economics) -> FloatArray:
    """Return what contacting each customer brings, euro.

    Parameters
    ----------
    probability : array-like of shape (n,)
        Of leaving; calibrated, or the money is wrong.
    economics : Economics

    Examples
    --------
    >>> expected_profit([0.0, 0.5], Economics(400, 0.25, 25, 0.2)).tolist()
    [-25.0, 25.0]
    """
    worth = economics.success_rate * economics.kept_value
    return worth * np.asarray(probability, dtype=np.float64) - economics.contact_cost


def contact_count(probability: ArrayLike, economics: Economics) -> int:
    """Return how many customers the list of largest expected profit holds, within the budget.

    Examples
    --------
    >>> contact_count([0.9, 0.8, 0.3, 0.1], Economics(400, 0.25, 25, 0.5))
    2
    """
    worth_it = int((expected_profit(probability, economics) > 0).sum())
    return min(worth_it, _budget(np.asarray(probability).size, economics))


@dataclass(frozen=True)
class ContactList:
    """Whom to contact: customers by falling expected profit.

    Attributes
    ----------
    order : int64 array of shape (n,)
        Rows, the first to contact first; of equal customers the earlier row.
    profit : float64 array of shape (n,)
        What a contact of each of them is expected to bring, euro, whole cents.
    contacts : int
        How many customers at the head of the list are worth a contact and within the budget.
    """

    order: IntArray
    profit: FloatArray
    contacts: int

    @property
    def total(self) -> FloatArray:
        """What the contacts down to each row bring together, euro; past the last contact it stays as it is."""
        counted = np.where(np.arange(len(self.profit)) < self.contacts, self.profit, 0.0)
        return np.round(np.cumsum(np.round(100 * counted))) / 100


def contact_list(probability: ArrayLike, economics: Economics) -> ContactList:
    """Return the customers in the order in which they are to be contacted.

    Parameters
    ----------
    probability : array-like of shape (n,)
        Of leaving; calibrated, or the money is wrong.
    economics : Economics

    Examples
    --------
    >>> found = contact_list([0.1, 0.9, 0.8, 0.3], Economics(400, 0.25, 25, 0.5))
    >>> found.order.tolist(), found.profit.tolist(), found.contacts
    ([1, 2, 3, 0], [65.0, 55.0, 5.0, -15.0], 2)
    >>> found.total.tolist()
    [65.0, 120.0, 120.0, 120.0]
    """
    p = np.asarray(probability, dtype=np.float64)
    order = np.argsort(-p, kind="stable")
    profit = np.round(expected_profit(p[order], economics), 2) + 0.0  # no -0
    return ContactList(order, profit, contact_count(p, economics))


def best_profit_threshold(probability: ArrayLike, outcome: ArrayLike, economics: Economics) -> float:
    """Return the threshold whose list would have brought most, within the budget: at or above it is contacted.

    Parameters
    ----------
    probability : array-like of shape (n,)
    outcome : array-like of shape (n,)
        1 where the customer left.
    economics : Economics

    Returns
    -------
    float
        Above 1 where no contact pays.

    Examples
    --------
    >>> best_profit_threshold([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0], Economics(400, 0.25, 25, 1.0))
    0.5
    """
    p, y = _pair(probability, outcome)
    order = np.argsort(-p, kind="stable")
    ordered = p[order]
    profit = np.cumsum(_realised(y[order], economics))
    allowed = np.append(ordered[1:] != ordered[:-1], True)
    allowed[_budget(len(p), economics) :] = False
    if not allowed.any() or profit[allowed].max() <= 0:
        return float(np.nextafter(1.0, 2.0))
    best = int(np.argmax(np.where(allowed, profit, -np.inf)))
    below = ordered[best + 1] if best + 1 < len(ordered) else 0.0
    return threshold_between(float(below), float(ordered[best]))


def gain_curve(
    probability: ArrayLike, outcome: ArrayLike, economics: Economics, *, shares: ArrayLike
) -> list[dict[str, float]]:
    """Return what contacting the likeliest leavers brings, by how many are contacted.

    Parameters
    ----------
    probability : array-like of shape (n,)
    outcome : array-like of shape (n,)
        1 where the customer left.
    economics : Economics
    shares : array-like of shape (k,)
        Shares of customers contacted, in [0, 1].

    Returns
    -------
    list of dict
        share, contacts, leavers_reached (share of all leavers), expected (euro, from the probabilities), realised
        (euro, from who left), random (euro, the same number of contacts drawn by lot).

    Examples
    --------
    >>> row, = gain_curve([0.5, 0.1], [1, 0], Economics(400, 0.25, 25, 1.0), shares=[0.5])
    >>> row["contacts"], row["leavers_reached"], row["expected"], row["realised"], row["random"]
    (1, 1.0, 25.0, 75.0, 25.0)
    """
    p, y = _pair(probability, outcome)
    order = np.argsort(-p, kind="stable")
    expected = np.cumsum(expected_profit(p[order], economics))
    realised = np.cumsum(_realised(y[order], economics))
    reached = np.cumsum(y[order]) / y.sum()
    by_lot = float(_realised(y, economics).mean())
    rows: list[dict[str, float]] = []
    for share in np.asarray(shares, dtype=np.float64).tolist():
        count = round(share * len(p))
        last = count - 1
        rows.append(
            {
                "share": share,
                "contacts": count,
                "leavers_reached": float(reached[last]) if count else 0.0,
                "expected": float(expected[last]) if count else 0.0,
                "realised": float(realised[last]) if count else 0.0,
                "random": by_lot * count,
            }
        )
    return rows


def _realised(left: FloatArray, economics: Economics) -> FloatArray:
    """Return what a contact brought on average, given who left: an unsuccessful contact only costs."""
    return economics.success_rate * economics.kept_value * left - economics.contact_cost


def _budget(n_rows: int, economics: Economics) -> int:
    return int(economics.budget_share * n_rows + 1e-9)


def _pair(probability: ArrayLike, outcome: ArrayLike) -> tuple[FloatArray, FloatArray]:
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    if p.ndim != 1 or p.shape != y.shape or not y.sum():
        raise DataError(f"{p.shape} probabilities for {y.shape} outcomes, {y.sum():.0f} left; give one per customer.")
    return p, y
