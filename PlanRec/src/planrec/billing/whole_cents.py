"""Averages in whole cents: rounded once, half a cent up, by one rule for advice, offers, what-if and notices."""

from __future__ import annotations

from math import floor

import numpy as np

from common_utils.array_types import FloatArray

__all__ = ["whole_cent", "whole_cents"]

# An average of whole cents over n months lies on a half cent or 1 / (2 n) away from it; sums of averages may fall a
# little short of it, by less than this.
_HALF = 0.5 + 1e-6


def whole_cents(cents: FloatArray) -> FloatArray:
    """Return amounts in whole cents, half a cent up; NaN stays.

    Parameters
    ----------
    cents : float64 array of any shape

    Examples
    --------
    >>> whole_cents(np.array([622.5, 623.5, 0.49, -0.5])).tolist()
    [623.0, 624.0, 0.0, 0.0]
    """
    return np.floor(cents + _HALF)


def whole_cent(cents: float) -> int:
    """Return one amount as `whole_cents` does.

    Examples
    --------
    >>> whole_cent(622.5), whole_cent(100 / 6 + 35 / 6)
    (623, 23)
    """
    return floor(cents + _HALF)
