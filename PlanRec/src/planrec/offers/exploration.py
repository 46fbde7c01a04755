"""A declared share of offers that are not the best one: it gives the log support, so that other policies can be judged.

Explored is only among plans that the rules allow and that gain enough; nobody is offered what would not be offered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import ConfigError

__all__ = ["Exploration", "draw_offers", "offer_chances"]


@dataclass(frozen=True, slots=True)
class Exploration:
    """How much is explored; nothing unless told.

    Attributes
    ----------
    share : float
        Share of offers drawn evenly among the plans that may be offered, 0 to 1.
    floor : float
        Least chance of each of these plans, 0 to 0.5.

    Raises
    ------
    ConfigError
        If one is outside its range.
    """

    share: float = 0.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.share <= 1 and 0 <= self.floor <= 0.5):
            raise ConfigError(f"exploration: share {self.share:g} must be in [0, 1], floor {self.floor:g} in [0, 0.5].")

    @property
    def on(self) -> bool:
        """Whether anything is explored."""
        return self.share > 0 or self.floor > 0


def offer_chances(best: IntArray, offerable: BoolArray, exploration: Exploration) -> FloatArray:
    """Return the chance with which each plan is offered.

    Parameters
    ----------
    best : int64 array of shape (n,)
        The plan of the highest value, one of the offerable; any number where there is none.
    offerable : bool array of shape (n, n_plans)
    exploration : Exploration

    Returns
    -------
    float64 array of shape (n, n_plans)
        Rows add up to 1, or are 0 where no plan is offerable.

    Examples
    --------
    >>> offerable = np.array([[True, True, False], [False, False, False]])
    >>> offer_chances(np.array([1, -1]), offerable, Exploration(share=0.1)).round(3).tolist()
    [[0.05, 0.95, 0.0], [0.0, 0.0, 0.0]]
    """
    count = offerable.sum(axis=1)
    at_most = 1 / np.maximum(count, 1)
    low = np.minimum(np.maximum(exploration.share * at_most, exploration.floor), at_most)
    chances = np.where(offerable, low[:, None], 0.0)
    rows = np.flatnonzero(count)
    chances[rows, best[rows]] = 1 - (count[rows] - 1) * low[rows]
    return chances


def draw_offers(chances: FloatArray, draws: FloatArray) -> IntArray:
    """Return the plan that each draw falls on, -1 where no plan can be offered.

    Parameters
    ----------
    chances : float64 array of shape (n, n_plans)
    draws : float64 array of shape (n,)
        In [0, 1).

    Examples
    --------
    >>> draw_offers(np.array([[0.05, 0.95, 0.0]] * 2), np.array([0.04, 0.05])).tolist()
    [0, 1]
    """
    ends = np.cumsum(chances, axis=1)
    plans = (draws[:, None] >= ends).sum(axis=1)
    some = chances.any(axis=1)
    last = chances.shape[1] - 1 - (chances[:, ::-1] > 0).argmax(axis=1)  # where rounding leaves the sum below a draw
    return np.where(some, np.minimum(plans, last), -1)
