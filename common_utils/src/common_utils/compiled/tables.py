"""Bit tables: a forest answers by ANDing one table row per feature, without walking a tree.

For each feature the thresholds cut the line into intervals; each interval has one row with the leaves still possible
in every tree, and one more row is for a missing value. The rows of all features are ANDed, the lowest bit left is the
leaf. Masks are as narrow as the largest tree allows, so that small trees cost little memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common_utils.compiled.forest import Forest

__all__ = ["ForestTables", "table_bytes"]

FloatArray = NDArray[np.float64]

_MASK_TYPES: tuple[tuple[int, type[np.unsignedinteger[Any]]], ...] = (
    (8, np.uint8),
    (16, np.uint16),
    (32, np.uint32),
    (64, np.uint64),
)
# Rows are scored in blocks whose masks stay in a core's cache.
_BLOCK_BYTES, _SMALLEST_BLOCK, _LARGEST_BLOCK = 1 << 17, 16, 1024


def table_bytes(forest: Forest) -> int:
    """Return how much memory the tables of a forest take.

    Examples
    --------
    >>> forest = Forest.of(n_features=1, n_outputs=1, splits=[(0, 0, 2.0, 1, True)], leaves=[[[10.0], [20.0]]])
    >>> table_bytes(forest)  # up to 2, above 2, missing
    3
    """
    rows = sum(len(points) + 2 for points in forest.split_points().values())
    return rows * forest.n_trees * np.dtype(_mask_type(forest)).itemsize


def _mask_type(forest: Forest) -> type[np.unsignedinteger[Any]]:
    largest = int(forest.n_leaves.max())
    return next(kind for bits, kind in _MASK_TYPES if largest <= bits)


class ForestTables:
    """Sums of a forest, for many rows and for one; both give the same bits.

    Parameters
    ----------
    forest : Forest
        Checked.

    Examples
    --------
    >>> forest = Forest.of(n_features=1, n_outputs=1, splits=[(0, 0, 2.0, 1, False)], leaves=[[[10.0], [20.0]]])
    >>> tables = ForestTables(forest)
    >>> tables.rows(np.array([[2.0], [2.0000001], [np.nan]])).tolist(), tables.row(np.array([-1.0])).tolist()
    ([[10.0], [20.0], [20.0]], [10.0])
    """

    def __init__(self, forest: Forest) -> None:
        kind = _mask_type(forest)
        self._n_outputs = forest.n_outputs
        self._before = np.cumsum(forest.n_leaves) - forest.n_leaves - 1
        every_mask = np.arange(256, dtype=np.uint8)
        self._bits_to_lowest = _bits_to_lowest(every_mask).astype(np.int64) if kind is np.uint8 else None
        self._values = forest.leaf_values[:, 0] if forest.width == 1 else forest.leaf_values
        points = forest.split_points() or {0: np.empty(0)}  # a forest without a split still needs one row
        parts = [_feature_table(forest, f, thresholds, kind) for f, thresholds in points.items()]
        # For one row: complex numbers are sorted by their real and then by their imaginary part, so with the place of
        # the feature as the one and the value as the other a single search finds the intervals of all features. A
        # missing imaginary part is sorted behind everything, also behind as many fillers as there are features.
        self._masks = np.vstack([*(part[:-1] for part in parts), *(part[-1:] for part in parts)])
        self._query = np.arange(len(parts)).astype(np.complex128)
        counts = [len(thresholds) for thresholds in points.values()]
        self._thresholds: NDArray[np.complex128] = np.repeat([*self._query, len(parts)], [*counts, len(parts)])
        self._thresholds.imag[: sum(counts)] = np.concatenate(list(points.values()))
        self._shift = np.arange(len(parts))  # each feature has an interval more than thresholds
        self._picked = itemgetter(*points)
        # For many rows: sorting puts NaN above infinity, so one more threshold leads it to the last row by itself.
        self._arrays = [(feature, np.append(thresholds, np.inf)) for feature, thresholds in points.items()]
        self._parts = parts
        block = _BLOCK_BYTES // (forest.n_trees * self._masks.itemsize)
        self._block = min(max(block, _SMALLEST_BLOCK), _LARGEST_BLOCK)

    def row(self, x: FloatArray) -> FloatArray:
        """Return the sums for one row of shape (n_features,); shape (n_outputs,)."""
        return self.row_of(x.tolist())

    def row_of(self, values: Sequence[float]) -> FloatArray:
        """Return the sums for one row given as n_features plain numbers; shape (n_outputs,)."""
        query = self._query.copy()
        query.imag = self._picked(values)
        places = self._thresholds.searchsorted(query) + self._shift
        possible = np.bitwise_and.reduce(self._masks.take(places, axis=0), axis=0)
        found = self._values.take(self._leaves(possible), axis=0)
        if self._n_outputs == 1:
            return np.add.accumulate(found)[-1:]
        return np.add.reduce(found.reshape(-1, self._n_outputs), axis=0)

    def rows(self, X: FloatArray) -> FloatArray:
        """Return the sums for a matrix of shape (n, n_features); shape (n, n_outputs)."""
        places = [points.searchsorted(X[:, feature]) for feature, points in self._arrays]
        out = np.empty((len(X), self._n_outputs))
        for start in range(0, len(X), self._block):
            rows = slice(start, start + self._block)
            possible = self._parts[0].take(places[0][rows], axis=0)
            for part, place in zip(self._parts[1:], places[1:], strict=True):
                np.bitwise_and(possible, part.take(place[rows], axis=0), out=possible)
            out[rows] = self._summed(possible)
        return out

    def _summed(self, possible: NDArray[Any]) -> FloatArray:
        """Add the leaves' values tree after tree, in the order the libraries add them; (n, n_trees) to (n, k)."""
        found = self._values.take(self._leaves(possible), axis=0)
        if self._n_outputs == 1:
            # A plain sum along the last axis would add in pairs.
            return np.add.accumulate(found, axis=1)[:, -1:]
        return np.add.reduce(found.reshape(len(possible), -1, self._n_outputs), axis=1)

    def _leaves(self, possible: NDArray[Any]) -> NDArray[np.int64]:
        """Positions of the leaves in the values: the lowest bit of each tree's mask; `_before` is one place short."""
        if self._bits_to_lowest is not None and possible.ndim == 1:  # for one row, one call less counts
            return self._before + self._bits_to_lowest.take(possible)
        return self._before + _bits_to_lowest(possible)


def _bits_to_lowest(masks: NDArray[Any]) -> NDArray[np.uint8]:
    """How many bits there are up to and including the lowest that is set."""
    return np.bitwise_count(masks ^ (masks - masks.dtype.type(1)))


def _feature_table(
    forest: Forest, feature: int, thresholds: FloatArray, kind: type[np.unsignedinteger[Any]]
) -> NDArray[Any]:
    """One row per interval and one for missing; (len(thresholds) + 2, n_trees)."""
    mine = forest.split_feature == feature
    trees = forest.split_tree[mine]
    allowed = ~forest.excluded[mine].astype(kind)
    table = np.full((len(thresholds) + 2, forest.n_trees), np.iinfo(kind).max, dtype=kind)
    # Above threshold j, every split at or below j sends the row right.
    np.bitwise_and.at(table, (np.searchsorted(thresholds, forest.threshold[mine]) + 1, trees), allowed)
    table[:-1] = np.bitwise_and.accumulate(table[:-1], axis=0)
    table[-1] = np.iinfo(kind).max
    right = ~forest.missing_left[mine]
    np.bitwise_and.at(table[-1], trees[right], allowed[right])
    return table
