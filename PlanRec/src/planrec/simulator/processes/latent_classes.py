"""Latent classes: kinds of chooser whose tastes go together; a logit decides within each.

Whoever watches the price hardly minds moving, and whoever is settled hardly watches it. A model with one taste for
everybody is right for nobody, and what somebody did before tells what they will do.

References
----------
Kamakura & Russell 1989, A Probabilistic Choice Model for Market Segmentation and Elasticity Structure; Greene & Hensher
2003, A latent class model for discrete choice analysis. The classes are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from common_utils.array_types import FloatArray
from planrec.simulator.choice import Tastes
from planrec.simulator.process_settings import LatentClass

__all__ = ["with_classes"]


def with_classes(tastes: Tastes, classes: Sequence[LatentClass], rng: np.random.Generator) -> Tastes:
    """Draw everybody's class, and return their tastes with its factors.

    Parameters
    ----------
    tastes : Tastes
        Of n subscribers.
    classes : sequence of LatentClass
        Their shares add up to 1.
    rng : numpy.random.Generator

    Returns
    -------
    Tastes

    Examples
    --------
    >>> one = np.ones(2)
    >>> tastes = Tastes(one, one, one, one, one, one, guess=np.zeros((2, 3)))
    >>> settled = LatentClass(name="settled", share=1, inertia=2.5)
    >>> with_classes(tastes, [settled], np.random.default_rng(1)).inertia.tolist()
    [2.5, 2.5]
    """
    ends = np.cumsum([kind.share for kind in classes])
    kinds = np.minimum(np.searchsorted(ends, rng.random(len(tastes.price)), side="right"), len(classes) - 1)

    def times(name: str) -> FloatArray:
        factors = np.array([getattr(kind, name) for kind in classes], dtype=np.float64)
        return np.asarray(getattr(tastes, name) * factors[kinds], dtype=np.float64)

    return replace(tastes, **{name: times(name) for name in ("price", "inertia", "flat_rate", "perk", "contract")})
