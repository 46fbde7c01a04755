"""The declared coarse groups of a subscriber, for reports on bias: what a log may keep of who somebody is."""

from __future__ import annotations

from bisect import bisect
from itertools import pairwise

from planrec.columns import AGE, MOST

__all__ = ["age_band", "age_group"]

_BANDS = (0, 18, 25, 35, 45, 55, 65, 75)
_NAMES = (*(f"{low}-{high - 1}" for low, high in pairwise(_BANDS)), f"{_BANDS[-1]}+")
UNKNOWN_BAND = "unknown"


def age_band(age: float | None) -> str:
    """Return the band of an age, `unknown` where there is none.

    Examples
    --------
    >>> age_band(34.5), age_band(float("nan"))
    ('25-34', 'unknown')
    """
    return UNKNOWN_BAND if age is None or age != age else _NAMES[bisect(_BANDS, int(age)) - 1]


_GROUPS = [b'{"age_band":"%b"}' % age_band(age).encode() for age in range(MOST[AGE] + 1)]


def age_group(age: float | None) -> bytes:
    """Return the declared coarse groups of a subscriber, as JSON.

    Parameters
    ----------
    age : float or None
        Years, 0 to 130; NaN where it is unknown.

    Examples
    --------
    >>> age_group(34), age_group(90), age_group(None)
    (b'{"age_band":"25-34"}', b'{"age_band":"75+"}', b'{}')
    """
    return b"{}" if age is None or age != age else _GROUPS[int(age)]
