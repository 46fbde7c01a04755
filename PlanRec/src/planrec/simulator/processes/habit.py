"""Habit: the plans are looked at only where the best of them saves enough to be noticed; then a logit decides.

A subscriber who does not notice keeps the plan held, whatever it costs. Noticed is a believed saving of at least
`threshold` of the believed bill (a just noticeable difference is a share of what one is used to), and by chance.

References
----------
Hortacsu, Madanizadeh & Puller 2017, Power to Choose? An Analysis of Consumer Inertia in the Residential Electricity
Market (a stage of noticing before a stage of choosing). Weber's law for the share.
"""

from __future__ import annotations

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from planrec.simulator.choice import logit_probabilities
from planrec.simulator.config import HabitConfig

__all__ = ["habit_probabilities"]


def habit_probabilities(
    value: FloatArray, mean_bill: FloatArray, allowed: BoolArray, current: IntArray, rules: HabitConfig
) -> FloatArray:
    """Return the chance of each plan at a decision.

    Parameters
    ----------
    value : float64 array of shape (n, n_plans)
        Utilities before the choice noise.
    mean_bill : float64 array of shape (n, n_plans)
        Believed, in currency.
    allowed : bool array of shape (n, n_plans)
        The choice set, the current plan in it.
    current : int64 array of shape (n,)
        Position of the current plan, -1 for a newcomer, who always looks.
    rules : HabitConfig

    Returns
    -------
    float64 array of shape (n, n_plans)
        Rows add up to 1; 0 outside the choice set.

    Examples
    --------
    >>> bills, both = np.array([[20.0, 19.0], [20.0, 10.0]]), np.ones((2, 2), dtype=bool)
    >>> rules = HabitConfig(threshold=0.2, attention=0.0)
    >>> habit_probabilities(np.zeros((2, 2)), bills, both, np.array([0, 0]), rules).tolist()
    [[1.0, 0.0], [0.5, 0.5]]
    """
    rows, held = np.arange(len(current)), np.maximum(current, 0)
    today = mean_bill[rows, held]
    saved = today - np.where(allowed, mean_bill, np.inf).min(axis=1)
    looks = np.where((current < 0) | (saved >= rules.threshold * today), 1.0, rules.attention)
    chance = looks[:, None] * logit_probabilities(value, allowed)
    chance[rows, held] += 1 - looks
    return chance
