"""Passes: bought by the first use at a place, they move use to another place while they last.

The slow path that the page on rate cards names: passes are opened one after another, all subscribers at once, so the
loop is as long as the most passes that one subscriber opens, not as the number of events.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from planrec.billing.events import DAY, MICRO
from planrec.billing.rating.segments import run_numbers

__all__ = ["Opened", "PassUse", "open_passes"]


@dataclass(frozen=True)
class PassUse:
    """Events that one pass fits, in order: group of the holder, cell, instant, local day, and who may not buy."""

    group: IntArray
    cell: IntArray
    instant: IntArray
    day: IntArray
    never_opens: BoolArray  # refused whole for other reasons: looked at as at the pass's place, but opens nothing
    cannot_pay: BoolArray  # a cap on the pass's fee has been reached


@dataclass(frozen=True)
class Opened:
    """What became of each event: bought a pass, opened one free of charge, or was refused."""

    bought: BoolArray
    refused: BoolArray


def open_passes(use: PassUse, lasts: str, most: int | None) -> Opened:
    """Open passes in order.

    Parameters
    ----------
    use : PassUse
        Arrays of shape (n,), sorted by group and time; `cell` is the account in a period.
    lasts : str
        "24h" of elapsed time or "day", the local calendar day.
    most : int or None
        Passes paid in a period; later ones are free of charge.

    Returns
    -------
    Opened

    Examples
    --------
    >>> n, hours = 3, np.array([0, 23, 24]) * 3600 * 1_000_000
    >>> no = np.zeros(n, dtype=bool)
    >>> use = PassUse(np.zeros(n, int), np.zeros(n, int), hours, np.array([0, 0, 1]), no, no)
    >>> open_passes(use, "24h", None).bought.tolist()
    [True, False, True]
    """
    n = len(use.group)
    bought, refused = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    paid = np.zeros(int(use.cell.max()) + 1 if n else 0, dtype=np.int64)
    left = np.arange(n)
    limit = n + 1 if most is None else most
    while len(left):
        free = paid[use.cell[left]] >= limit
        opens = ~use.never_opens[left] & (free | ~use.cannot_pay[left])
        # The first event of each group that opens a pass; those before it do not and are done.
        runs, _ = run_numbers(use.group[left])
        openers = np.flatnonzero(opens)
        first_of_run = np.full(int(runs[-1]) + 1, n, dtype=np.int64)
        np.minimum.at(first_of_run, runs[openers], openers)
        place = first_of_run[runs]
        position = np.arange(len(left))
        passed = position < place
        refused[left[passed & ~use.never_opens[left] & ~opens]] = True
        new = first_of_run[first_of_run < n]
        rows = left[new]
        pays = ~free[new]
        bought[rows[pays]] = True
        np.add.at(paid, use.cell[rows[pays]], 1)
        opener = left[np.minimum(place, len(left) - 1)]
        if lasts == "24h":
            inside = use.instant[left] < use.instant[opener] + DAY * MICRO
        else:
            inside = use.day[left] == use.day[opener]
        left = left[(position > place) & ~inside]
    return Opened(bought, refused)
