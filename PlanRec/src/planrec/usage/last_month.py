"""First and last month that count, where some rows come from a switch with a wrong clock; today is never asked."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

__all__ = ["first_month", "last_month"]

_LEAST_PERCENT = 1  # of the subscribers in a month that may be the last
_GAP = 12  # months without any event


def first_month(subscribers: Mapping[int, int]) -> int:
    """Return the first month that counts: what lies before 12 months without anything is of a clock that began anew.

    Parameters
    ----------
    subscribers : mapping of int to int
        As for `last_month`.

    Examples
    --------
    >>> first_month({23640: 1, 24308: 200, 24309: 150}), first_month({24308: 1})
    (24308, 24308)
    """
    months = sorted(subscribers)
    fullest = max(months, key=lambda month: (subscribers[month], -month))
    earlier = [month for month in months if month <= fullest]
    return max((after for month, after in pairwise(earlier) if after - month > _GAP), default=months[0])


def last_month(subscribers: Mapping[int, int], total: int, *, until: int | None = None) -> int:
    """Return the last month that counts: the stated one, else the last one that enough subscribers have.

    Parameters
    ----------
    subscribers : mapping of int to int
        Month index -> subscribers with something in that month; at least one month.
    total : int
        All subscribers.
    until : int, optional
        What `--as-of` or `data.table.until` says.

    Returns
    -------
    int
        The last month with 1 % of the subscribers or more or, if that is earlier, the month before 12 months without
        anything that follow the fullest month.

    Examples
    --------
    >>> last_month({24309: 1, 25188: 1}, 2), last_month({24308: 200, 24309: 150, 24312: 1}, 200)
    (24309, 24309)
    """
    if until is not None:
        return until
    months = sorted(subscribers)
    enough = [month for month in months if 100 * subscribers[month] >= _LEAST_PERCENT * total]
    fullest = max(months, key=lambda month: (subscribers[month], -month))
    later = [month for month in months if month >= fullest]
    gaps = (month for month, after in pairwise(later) if after - month > _GAP)
    return min([*enough[-1:], next(gaps, months[-1])])
