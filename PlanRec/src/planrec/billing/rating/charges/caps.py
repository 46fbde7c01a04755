"""Spending caps: charges in order, cut where a cap is reached, nothing afterwards.

A cap is reached once in a period, so the earliest one is settled first, then the next: as many rounds as there are
caps, whatever the number of events.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from planrec.billing.rating.segments import run_numbers, used_before

__all__ = ["NEVER", "CapLimit", "cut_by_caps"]

NEVER = 2**62


@dataclass(frozen=True)
class CapLimit:
    """One cap: which charges count, in which cells it holds, and its amount in the items' unit."""

    counts: BoolArray
    holds: BoolArray
    amount: int


def cut_by_caps(amounts: IntArray, cell: IntArray, caps: list[CapLimit]) -> tuple[IntArray, list[IntArray]]:
    """Cut charges by caps.

    Parameters
    ----------
    amounts : int64 array of shape (n,)
        Charges in order of cell and time, not negative.
    cell : int64 array of shape (n,)
        Account in a period, rising.
    caps : list of CapLimit
        `counts` of shape (n,), `holds` of shape (n_cells,).

    Returns
    -------
    int64 array of shape (n,)
        What is charged.
    list of int64 arrays of shape (n_cells,)
        Position of the charge that reached each cap, `NEVER` where none did, -1 where the cap is 0.

    Examples
    --------
    >>> every = CapLimit(np.ones(3, dtype=bool), np.ones(1, dtype=bool), 10)
    >>> cut, reached = cut_by_caps(np.array([6, 6, 6]), np.zeros(3, dtype=np.int64), [every])
    >>> cut.tolist(), reached[0].tolist()
    ([6, 4, 0], [1])
    """
    charged = amounts.copy()
    runs, starts = run_numbers(cell)
    reached = [np.where(c.holds & (c.amount == 0), -1, NEVER) for c in caps]
    members = [c.counts & c.holds[cell] for c in caps]
    position = np.arange(len(cell))
    for cap, member in zip(caps, members, strict=True):
        if cap.amount == 0:
            charged[member] = 0
    if not len(cell):
        return charged, reached
    for _ in caps:
        firsts = [
            _first_hit(charged, member, cap, done, runs, starts, cell)
            for cap, member, done in zip(caps, members, reached, strict=True)
        ]
        hit = np.min([f[0] for f in firsts], axis=0)
        if (hit == NEVER).all():
            break
        left = np.min([np.where(f[0] == hit, f[1], NEVER) for f in firsts], axis=0)
        rows = np.flatnonzero(hit < NEVER)
        charged[hit[rows]] = left[rows]
        for c, (place, rest) in enumerate(firsts):
            now = (place == hit) & (rest == left) & (place < NEVER)
            reached[c][cell[starts][now]] = place[now]
            charged[members[c] & now[runs] & (position > place[runs])] = 0
    return charged, reached


def _first_hit(
    charged: IntArray,
    member: BoolArray,
    cap: CapLimit,
    done: IntArray,
    runs: IntArray,
    starts: IntArray,
    cell: IntArray,
) -> tuple[IntArray, IntArray]:
    """Return, for each run, where a cap is reached next and what is left of it there."""
    counted = np.where(member, charged, 0)
    before = used_before(counted, runs, starts)
    hits = np.flatnonzero((counted > 0) & (before + counted >= cap.amount) & (done[cell] == NEVER))
    place = np.full(len(starts), NEVER, dtype=np.int64)
    np.minimum.at(place, runs[hits], hits)
    rest = np.full(len(starts), NEVER, dtype=np.int64)
    found = np.flatnonzero(place < NEVER)
    rest[found] = cap.amount - before[place[found]]
    return place, rest
