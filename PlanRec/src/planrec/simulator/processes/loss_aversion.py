"""Loss aversion: a bill above today's weighs more than one below it; a logit decides.

References
----------
Tversky & Kahneman 1991, Loss Aversion in Riskless Choice: A Reference-Dependent Model; 1992 for the factor 2.25.
"""

from __future__ import annotations

import numpy as np

from common_utils.array_types import FloatArray, IntArray

__all__ = ["loss_averse"]


def loss_averse(
    value: FloatArray, mean_bill: FloatArray, price: FloatArray, current: IntArray, factor: float
) -> FloatArray:
    """Return utilities in which what a plan costs beyond the one held counts `factor` times.

    Parameters
    ----------
    value : float64 array of shape (n, n_plans)
        Utilities in which it counts once.
    mean_bill : float64 array of shape (n, n_plans)
        Believed, in currency.
    price : float64 array of shape (n,)
        Utility lost per unit of currency.
    current : int64 array of shape (n,)
        Position of the current plan, -1 for a newcomer, who has no bill to compare with.
    factor : float
        >= 1; 1 changes nothing.

    Returns
    -------
    float64 array of shape (n, n_plans)

    Examples
    --------
    >>> loss_averse(np.zeros((1, 2)), np.array([[20.0, 24.0]]), np.array([0.5]), np.array([0]), 2.25).tolist()
    [[0.0, -2.5]]
    """
    today = np.where(current >= 0, mean_bill[np.arange(len(current)), np.maximum(current, 0)], np.inf)
    return value - price[:, None] * (factor - 1) * np.maximum(mean_bill - today[:, None], 0.0)
