"""Decisions in which groups differ by usage alone, or in which one group's offers are halved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import IntArray
from common_utils.monitoring.bias.groups import Measure

__all__ = ["GROUPS", "SimulatedOffers", "decisions"]

GROUPS = ("18-25", "26-40", "41-60", "61+")
_SHARES = (0.2, 0.3, 0.3, 0.2)
_STRATA = np.array([[0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.3, 0.2], [0.3, 0.3, 0.2, 0.2], [0.5, 0.3, 0.15, 0.05]])


@dataclass(frozen=True)
class SimulatedOffers:
    """One decision per subject: group, stratum of possible saving, and what was done."""

    groups: NDArray[np.str_]
    strata: IntArray
    measures: tuple[Measure, ...]


def decisions(rng: np.random.Generator, n: int, *, halved: str | None, base: float = 0.1) -> SimulatedOffers:
    """Return n decisions on eligible subjects.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
    halved : str, optional
        The group that gets half the offers of others alike; a fifth of all for `18-25`.
    base : float
        Mean share offered where nothing is planted; strata differ fourfold.

    Examples
    --------
    >>> drawn = decisions(np.random.default_rng(0), 1_000, halved=None)
    >>> sorted(measure.name for measure in drawn.measures)
    ['advised', 'offered', 'refused', 'saving', 'worse off']
    """
    place = rng.choice(len(GROUPS), n, p=_SHARES)
    strata = np.minimum((rng.random(n)[:, None] > _STRATA.cumsum(axis=1)[place]).sum(axis=1), 3)
    rate = np.array([0.4, 0.8, 1.3, 2.0])[strata]
    chance = base * rate / rate.mean()
    groups = np.array(GROUPS)[place]
    mine = groups == halved
    offered = rng.random(n) < np.where(mine, chance / 2, chance)
    advised = rng.random(n) < np.minimum(2.5 * chance, 0.9)
    mature = advised & (rng.random(n) < 0.8)
    worse = np.where(mature, rng.random(n) < 0.12, np.nan)
    saving = np.where(mature, rng.normal(200.0 * (1 + strata), 150.0), np.nan)
    measures = (
        Measure("offered", offered.astype(np.float64), "less"),
        Measure("advised", advised.astype(np.float64), "less"),
        Measure("refused", (rng.random(n) < 0.15).astype(np.float64), "more"),
        Measure("worse off", worse, "more"),
        Measure("saving", saving, "less"),
    )
    return SimulatedOffers(groups, strata.astype(np.int64), measures)
