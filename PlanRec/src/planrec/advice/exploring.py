"""Offers with a declared exploration: which plan was drawn, with which chance, and what that costs in the objective."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from planrec.advice.engine import EngineAnswer
from planrec.offers.exploration import Exploration, draw_offers, offer_chances
from planrec.rules import ExclusionCode

__all__ = ["Explored", "explored", "offerable_plans"]


@dataclass(frozen=True, slots=True)
class Explored:
    """Answers after the draw.

    Attributes
    ----------
    answer : EngineAnswer
        The plan drawn stands first.
    chances : float64 array of shape (n, n_plans)
        With which each plan was offered; 0 where nothing could be.
    propensity : float64 array of shape (n,)
        Chance of the plan that was drawn; NaN where nothing could be offered, as "stay" is certain then.
    cost_cents : float64 array of shape (n,)
        What the draw is expected to give away: value of the best plan less the mean over the chances; cents a month.
    """

    answer: EngineAnswer
    chances: FloatArray
    propensity: FloatArray
    cost_cents: FloatArray


def offerable_plans(answer: EngineAnswer, current: IntArray) -> BoolArray:
    """Return which plans may be offered: all that no rule and no minimum gain excludes, but for the one held.

    Parameters
    ----------
    answer : EngineAnswer
        Of the mode "offer".
    current : int64 array of shape (n,)
        Position of the plan held, -1 where unknown.
    """
    codes = answer.advice.excluded
    return (codes == ExclusionCode.NONE) & (current[:, None] != np.arange(codes.shape[1]))


def explored(answer: EngineAnswer, current: IntArray, exploration: Exploration, draws: FloatArray) -> Explored:
    """Return offers of which a declared share is not the best one.

    Parameters
    ----------
    answer : EngineAnswer
        Of the mode "offer".
    current : int64 array of shape (n,)
    exploration : Exploration
    draws : float64 array of shape (n,)
        In [0, 1); the same draw makes the same offer.

    Raises
    ------
    DataError
        If the answer is advice: that is never explored.
    """
    if answer.offer is None:
        raise DataError("exploration: only offers are explored; this is advice.")
    offerable = offerable_plans(answer, current)
    values = np.where(offerable, answer.offer.value_cents, -np.inf)
    best = values.argmax(axis=1)
    chances = offer_chances(best, offerable, exploration)
    drawn = draw_offers(chances, draws)
    rows = np.arange(len(drawn))
    some = drawn >= 0
    mean = np.where(offerable, chances * np.nan_to_num(answer.offer.value_cents), 0.0).sum(axis=1)
    cost = np.where(some, np.where(some, values[rows, best], 0.0) - mean, 0.0)
    order = _first(answer.advice.order, drawn)
    propensity = np.where(some, chances[rows, np.maximum(drawn, 0)], np.nan)
    return Explored(replace(answer, advice=replace(answer.advice, order=order)), chances, propensity, cost)


def _first(order: IntArray, drawn: IntArray) -> IntArray:
    """Return the order with the plan drawn before all others, which keep theirs."""
    key = np.where(order == drawn[:, None], -1, np.arange(order.shape[1]))
    places = np.where((drawn < 0)[:, None], np.arange(order.shape[1]), np.argsort(key, axis=1, kind="stable"))
    return np.take_along_axis(order, places, axis=1)
