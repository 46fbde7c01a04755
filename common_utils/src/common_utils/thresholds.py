"""Where to cut between two values: above the lower one, whatever rounding does."""

from __future__ import annotations

__all__ = ["threshold_between"]


def threshold_between(below: float, value: float) -> float:
    """Return a threshold that a value reaches and the next value below it does not.

    Examples
    --------
    >>> threshold_between(0.2, 0.8), threshold_between(0.0, 5e-324)
    (0.5, 5e-324)
    """
    between = (value + below) / 2  # so that rounding decides nothing
    return between if between > below else value  # two neighbours have nothing between them
