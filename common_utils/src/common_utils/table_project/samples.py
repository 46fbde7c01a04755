"""Pieces of sample generators: synthetic columns with the ranges of a real table. Randomness comes in as `rng`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray

__all__ = ["bounded_normal", "category", "happened", "with_missing"]


_STEPS = 60  # of the bisection below: the width of a double


def category(rng: np.random.Generator, n_rows: int, shares: Mapping[str, float]) -> NDArray[np.object_]:
    """Return values drawn by their shares.

    Parameters
    ----------
    rng : Generator
    n_rows : int
    shares : mapping of str to float
        Any positive weights.

    Returns
    -------
    object array of shape (n_rows,)

    Examples
    --------
    >>> category(np.random.default_rng(0), 3, {"France": 1.0}).tolist()
    ['France', 'France', 'France']
    """
    weights = np.array(list(shares.values()), dtype=np.float64)
    return rng.choice(np.array(list(shares), dtype=object), size=n_rows, p=weights / weights.sum())


def bounded_normal(
    rng: np.random.Generator, n_rows: int, *, mean: float, sd: float, low: float, high: float, decimals: int = 0
) -> FloatArray:
    """Return rounded normal values; what falls outside the bounds is moved onto them.

    Examples
    --------
    >>> values = bounded_normal(np.random.default_rng(0), 100, mean=650, sd=97, low=350, high=850)
    >>> bool(values.min() >= 350), bool(values.max() <= 850)
    (True, True)
    """
    return np.clip(np.round(rng.normal(mean, sd, n_rows), decimals), low, high)


def with_missing(rng: np.random.Generator, values: FloatArray, share: float) -> FloatArray:
    """Return the values with about `share` of them NaN, at random.

    Examples
    --------
    >>> with_missing(np.random.default_rng(0), np.ones(2), share=1).tolist()
    [nan, nan]
    """
    return np.where(rng.random(len(values)) < share, np.nan, values)


def happened(rng: np.random.Generator, log_odds: FloatArray, *, rate: float) -> NDArray[np.int64]:
    """Return 0 or 1 by row, with log-odds shifted so that the expected share of ones is `rate`.

    Parameters
    ----------
    rng : Generator
    log_odds : float64 array of shape (n,)
    rate : float
        Inside (0, 1).

    Examples
    --------
    >>> int(happened(np.random.default_rng(0), np.zeros(1000), rate=0.2).sum())
    193
    """
    low, high = -50.0 - log_odds.max(), 50.0 - log_odds.min()
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if (1 / (1 + np.exp(-log_odds - middle))).mean() > rate else (middle, high)
    return (rng.random(len(log_odds)) < 1 / (1 + np.exp(-log_odds - low))).astype(np.int64)
