"""Flat-rate bias by person: some dread what is charged beyond the fee, a few dread the fee; a logit decides.

With a flat-rate bias a subscriber weighs every cent that a meter adds more than a cent of the fee (the taximeter
effect), whatever the sum; with a pay-per-use bias it is the other way round. Which bias a subscriber has is drawn once.

References
----------
Lambrecht & Skiera 2006, Paying Too Much and Being Happy About It: Existence, Causes, and Consequences of Tariff-Choice
Biases. The shares are ours: both biases exist there, and the flat-rate bias is the commoner one.
"""

from __future__ import annotations

import numpy as np

from common_utils.array_types import FloatArray
from planrec.simulator.process_settings import FlatRateConfig

__all__ = ["draw_dread", "with_dread"]


def draw_dread(n: int, rules: FlatRateConfig, rng: np.random.Generator) -> FloatArray:
    """Draw who has which bias.

    Returns
    -------
    float64 array of shape (n, 2)
        Further weight of the fee, and of what is paid beyond it; at least one of the two is 0.

    Examples
    --------
    >>> draw_dread(2, FlatRateConfig(share=1, per_use_share=0), np.random.default_rng(1)).tolist()
    [[0.0, 3.0], [0.0, 3.0]]
    """
    lot = rng.random(n)
    flat, per_use = lot < rules.share, lot >= 1 - rules.per_use_share
    return np.column_stack([rules.per_use_dread * per_use, rules.dread * flat]).astype(np.float64)


def with_dread(
    value: FloatArray, mean_bill: FloatArray, fees: FloatArray, price: FloatArray, dread: FloatArray
) -> FloatArray:
    """Return utilities in which the fee, or what is paid beyond it, weighs more.

    Parameters
    ----------
    value : float64 array of shape (n, n_plans)
        Utilities in which both weigh once.
    mean_bill : float64 array of shape (n, n_plans)
        Believed, in currency.
    fees : float64 array of shape (n_plans,)
        In currency.
    price : float64 array of shape (n,)
        Utility lost per unit of currency.
    dread : float64 array of shape (n, 2)
        Of `draw_dread`.

    Returns
    -------
    float64 array of shape (n, n_plans)

    Examples
    --------
    >>> bills, fees = np.array([[24.0, 30.0]]), np.array([20.0, 30.0])
    >>> with_dread(np.zeros((1, 2)), bills, fees, np.array([0.5]), np.array([[0.0, 2.0]])).tolist()
    [[-4.0, 0.0]]
    """
    beyond = np.maximum(mean_bill - fees, 0.0)
    return value - price[:, None] * (dread[:, :1] * fees + dread[:, 1:] * beyond)
