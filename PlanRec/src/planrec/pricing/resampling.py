"""Bootstrap weights drawn by a hash of subscriber and resample: whatever the order and the cut, the same sums.

Each subscriber counts a Poisson(1) number of times in each resample, as in a bootstrap of many; sums are set to the
number of subscribers. Values are rounded to whole steps first, so that adding them up is exact in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, factorial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.evaluation import Interval
from common_utils.evaluation.intervals import percentile_interval
from common_utils.mixing import ODD, mixed

__all__ = ["ResampledSums", "poisson_weights"]

_LANES = 4  # 16-bit draws in a hash
_ROWS = 4_096  # subscribers weighed at once: times resamples, 16 MB
_STEP = 2.0**-20  # of a value; sums over a piece below 2^33 are exact in a double, and over all below 2^43
_FINE = 2.0**-44  # what is left of a value, for the sum of all
_MOST_WEIGHT = 9  # a Poisson(1) number above it has a chance below what 16 bits tell
_SEED = np.uint64(0x94D049BB133111EB)  # odd, so that different seeds stay different


def _table() -> NDArray[np.float64]:
    """Return the weight of each 16-bit draw: Poisson(1) by inversion."""
    below = np.cumsum([exp(-1) / factorial(k) for k in range(_MOST_WEIGHT)])
    return np.searchsorted(below, (np.arange(1 << 16) + 0.5) / (1 << 16)).astype(np.float64)


_WEIGHTS = _table()


def poisson_weights(subscribers: NDArray[np.object_], resamples: int, seed: int) -> FloatArray:
    """Return how often each subscriber counts in each resample.

    Returns
    -------
    float64 array of shape (resamples, n)

    Examples
    --------
    >>> one = poisson_weights(np.array(["a", "b"], dtype=object), 500, 1)
    >>> other = poisson_weights(np.array(["b"], dtype=object), 500, 1)
    >>> bool((one[:, 1:] == other).all()), 450 < one[:, 0].sum() < 550
    (True, np.True_)
    """
    keys = pd.util.hash_array(subscribers, categorize=False) ^ (np.array([seed], dtype=np.uint64) * _SEED)
    blocks = -(-resamples // _LANES)
    draws = mixed(keys[:, None] + ODD * np.arange(1, blocks + 1, dtype=np.uint64)).view(np.uint16)
    return _WEIGHTS[draws[:, :resamples]].T


class ResampledSums:
    """Sums over subscribers, and over resamples of them, that add up over pieces.

    Parameters
    ----------
    columns : int
        Values of each subscriber; of 4,096 subscribers below 2^29 in sum, of all below 2^43.
    resamples : int
        0: sums alone.
    seed : int
        >= 0.

    Examples
    --------
    >>> sums = ResampledSums(1, 500, seed=1)
    >>> people = np.array([f"s{number}" for number in range(400)], dtype=object)
    >>> sums.add(people, np.ones((400, 1)) * np.arange(400)[:, None])
    >>> interval = sums.intervals(0.95)[0]
    >>> interval.estimate, round(interval.low, -3), round(interval.high, -3)
    (79800.0, 75000.0, 84000.0)
    """

    def __init__(self, columns: int, resamples: int, *, seed: int) -> None:
        self._resamples, self._seed = resamples, seed
        self._drawn = np.zeros((resamples, columns + 1), dtype=np.int64)
        self._total, self._rest = np.zeros(columns + 1, dtype=np.int64), np.zeros(columns)

    @property
    def subscribers(self) -> int:
        """How many were added."""
        return int(self._total[-1])

    def add(self, subscribers: Sequence[str] | NDArray[np.object_], values: FloatArray) -> None:
        """Take the values of some subscribers, shape (n, columns)."""
        who = np.asarray(subscribers, dtype=object)
        for start in range(0, len(who), _ROWS):
            part = slice(start, start + _ROWS)
            steps = np.column_stack([np.rint(values[part] / _STEP), np.ones(len(who[part]))])
            if self._resamples:
                weighed = poisson_weights(who[part], self._resamples, self._seed) @ steps
                self._drawn += weighed.astype(np.int64)
            self._total += steps.sum(axis=0).astype(np.int64)
            self._rest += np.rint((values[part] - steps[:, :-1] * _STEP) / _FINE).sum(axis=0)

    def take(self, other: ResampledSums) -> None:
        """Add the sums over other subscribers, made with the same columns, resamples and seed."""
        self._drawn += other._drawn
        self._total += other._total
        self._rest += other._rest

    def sums(self) -> FloatArray:
        """Return the sum of each column."""
        return self._total[:-1] * _STEP + self._rest * _FINE

    def intervals(self, level: float) -> list[Interval]:
        """Return each column's sum with its interval; a resample without anybody counts as none."""
        counts = self._drawn[:, -1:]
        drawn = self._drawn[:, :-1] * _STEP * (self.subscribers / np.maximum(counts, 1.0))
        pairs = zip(self.sums().tolist(), drawn.T, strict=True)
        return [percentile_interval(total, column, level) for total, column in pairs]
