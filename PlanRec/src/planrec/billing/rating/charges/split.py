"""Calls priced second by second where a band ends: the price at each second's own local clock, as one integral."""

from __future__ import annotations

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from planrec.billing.events import DAY, LocalClock
from planrec.billing.rating.cells import CardCells

__all__ = ["split_charges"]


def split_charges(
    cells: CardCells, clock: LocalClock, item: str, cell: IntArray, start: IntArray, first: IntArray, last: IntArray
) -> tuple[IntArray, BoolArray]:
    """Return what the seconds from `first` to `last` of calls cost, over the item's denominator, and which have none.

    Parameters
    ----------
    cells : CardCells
    clock : LocalClock
    item : str
        Line item of the start's rate.
    cell : int64 array of shape (n,)
        Cell of each call's start.
    start : int64 array of shape (n,)
        Instant of the start, seconds.
    first, last : int64 arrays of shape (n,)
        Seconds of the call, `last` not included.

    Returns
    -------
    int64 array of shape (n,)
    bool array of shape (n,)
        Whether a second meets no rate of 1/1 with `per_minute`; it costs nothing in the sum.
    """
    if not len(cell):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)
    edges, band_sets = _edges(cells, clock, int(start.min()), int((start + last).max()))
    band = cells.parts(cell)[2]
    base, which = np.unique(cell - band * cells.band_step, return_inverse=True)
    prices = _prices(cells, item, base)[:, band_sets]
    lengths = np.diff(edges)
    zeros = np.zeros((len(base), 1), dtype=np.int64)
    sums = np.concatenate((zeros, np.cumsum(np.maximum(prices, 0)[:, :-1] * lengths, axis=1)), axis=1)
    missing = (prices < 0).astype(np.int64)
    gaps = np.concatenate((zeros, np.cumsum(missing[:, :-1] * lengths, axis=1)), axis=1)

    def until(seconds: IntArray, totals: IntArray, each: IntArray) -> IntArray:
        place = np.searchsorted(edges, seconds, side="right") - 1
        return totals[which, place] + (seconds - edges[place]) * each[which, place]

    costs = np.maximum(prices, 0)
    without = until(start + last, gaps, missing) - until(start + first, gaps, missing) > 0
    return until(start + last, sums, costs) - until(start + first, sums, costs), without


def _edges(cells: CardCells, clock: LocalClock, low: int, high: int) -> tuple[IntArray, IntArray]:
    """Return instants at which the band set may change, and the set from each on."""
    table = cells.band_of_minute
    minutes = np.append(np.flatnonzero(np.concatenate(([True], table[1:] != table[:-1]))) % 1440, 0)
    changes, offsets = clock.changes(low - 2 * DAY, high + 2 * DAY)
    days = np.arange(low // DAY - 2, high // DAY + 3)
    local = (days[:, None] * DAY + np.unique(minutes)[None] * 60).reshape(-1)
    edges = np.unique(np.concatenate([changes, [low, high + 1], *(local - o for o in offsets.tolist())]))
    at = edges + clock.offsets(edges)
    week_minute = cells.weekday(at // DAY) * 1440 + at % DAY // 60
    return edges, table[week_minute].astype(np.int64)


def _prices(cells: CardCells, item: str, base: IntArray) -> IntArray:
    """Return the price of a second for each base cell and band set, -1 where there is none."""
    prices = np.full((len(base), len(cells.band_sets)), -1, dtype=np.int64)
    for b in range(len(cells.band_sets)):
        found = cells.rate[base + b * cells.band_step]
        for r in np.unique(found[found >= 0]).tolist():
            rate = cells.sheet.rates[r].rate
            if (
                rate is not None
                and rate.increment == (1, 1)
                and len(rate.per_minute) == 1
                and not rate.per_minute[0][0]
            ):
                prices[found == r, b] = cells.sheet.in_item(item, rate.per_minute[0][1], 60)
    return prices
