"""Bits of whole numbers mixed so that each hangs on all of them: the last step of a hash, the same everywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ODD", "mixed"]

ODD = np.uint64(0x9E3779B97F4A7C15)
"""The golden ratio as a whole number: steps of it apart, `mixed` makes a sequence of draws (splitmix64)."""

_STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the numbers mixed as the last step of splitmix64 does; different numbers stay different.

    Parameters
    ----------
    numbers : uint64 array of any shape

    Examples
    --------
    >>> mixed(np.array([1, 2], dtype=np.uint64)).tolist()
    [6238072747940578789, 15839785061582574730]
    """
    state = numbers.copy()
    for shift, factor in _STEPS:
        state ^= state >> np.uint64(shift)
        state *= np.uint64(factor)
    state ^= state >> np.uint64(31)
    return state
