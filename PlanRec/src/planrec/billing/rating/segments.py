"""Sums and limits over runs of rows: the arithmetic behind allowances, caps and line items.

Rows come sorted, so that each group is one run. Sums wrap around in 64 bits and differences undo it, so a total over
all subscribers may be larger than int64 as long as each group's is not; cards and usage are bounded so that it is not.
"""

from __future__ import annotations

import numpy as np

from common_utils.array_types import IntArray

__all__ = ["clip_to_limits", "group_sums", "run_numbers", "used_before"]


def run_numbers(*keys: IntArray) -> tuple[IntArray, IntArray]:
    """Return the number of each row's run of equal keys, and where each run begins.

    Examples
    --------
    >>> [part.tolist() for part in run_numbers(np.array([3, 3, 5, 5]), np.array([1, 2, 2, 2]))]
    [[0, 1, 2, 2], [0, 1, 2]]
    """
    n = len(keys[0])
    if not n:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    change = np.zeros(n, dtype=bool)
    for key in keys:
        change[1:] |= key[1:] != key[:-1]
    runs = np.cumsum(change)
    return runs, np.concatenate(([0], np.flatnonzero(change)))


def used_before(amounts: IntArray, runs: IntArray, starts: IntArray) -> IntArray:
    """Return the sum of the rows before each row in its run.

    Examples
    --------
    >>> used_before(np.array([5, 7, 1, 2]), np.array([0, 0, 1, 1]), np.array([0, 2])).tolist()
    [0, 5, 0, 1]
    """
    before = np.cumsum(amounts) - amounts
    return before - before[starts][runs]


def clip_to_limits(wanted: IntArray, runs: IntArray, starts: IntArray, limits: IntArray | int) -> IntArray:
    """Return what each row takes of its run's limit, in order; `limits` is one a run, or one for all.

    Examples
    --------
    >>> clip_to_limits(np.array([5, 7, 1]), np.array([0, 0, 0]), np.array([0]), 10).tolist()
    [5, 5, 0]
    """
    limit = limits[runs] if isinstance(limits, np.ndarray) else limits
    return np.clip(limit - used_before(wanted, runs, starts), 0, wanted)


def group_sums(amounts: IntArray, groups: IntArray, n: int) -> IntArray:
    """Return the sum of each group 0..n-1; `groups` does not fall.

    Examples
    --------
    >>> group_sums(np.array([5, 7, 1]), np.array([0, 0, 2]), 3).tolist()
    [12, 0, 1]
    """
    sums = np.concatenate(([0], np.cumsum(amounts)))
    edges = np.searchsorted(groups, np.arange(n + 1))
    return sums[edges[1:]] - sums[edges[:-1]]
