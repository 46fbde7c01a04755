"""Masks of a forest: which leaves of every tree are still possible when a feature lies in an interval.

For each feature the thresholds cut the line into intervals; each interval has one row with a mask a tree, and one more
row is for a missing value. Masks are as narrow as the largest tree allows, so that small trees cost little memory.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.compiled.forest import MaskForest

__all__ = ["Leaves", "MaskTable", "mask_tables", "mask_type", "table_bytes"]

Masks: TypeAlias = NDArray[Any]  # an unsigned integer a tree

_MASK_TYPES: tuple[tuple[int, type[np.unsignedinteger[Any]]], ...] = (
    (8, np.uint8),
    (16, np.uint16),
    (32, np.uint32),
    (64, np.uint64),
)

MaskTable: TypeAlias = tuple[FloatArray, Masks]
"""Thresholds of a feature, rising, and its masks, shape (len(thresholds) + 2, n_trees): intervals, then missing."""


def mask_type(forest: MaskForest) -> type[np.unsignedinteger[Any]]:
    """Return the narrowest type that holds a bit for every leaf of the largest tree.

    Examples
    --------
    >>> forest = MaskForest.of(n_features=1, n_outputs=1, splits=[(0, 0, 2.0, 1, True)], leaves=[[[10.0], [20.0]]])
    >>> mask_type(forest).__name__
    'uint8'
    """
    largest = int(forest.n_leaves.max())
    return next(kind for bits, kind in _MASK_TYPES if largest <= bits)


def table_bytes(forest: MaskForest) -> int:
    """Return how much memory the masks of a forest take.

    Examples
    --------
    >>> forest = MaskForest.of(n_features=1, n_outputs=1, splits=[(0, 0, 2.0, 1, True)], leaves=[[[10.0], [20.0]]])
    >>> table_bytes(forest)  # up to 2, above 2, missing
    3
    """
    rows = sum(len(points) + 2 for points in forest.split_points().values())
    return rows * forest.n_trees * np.dtype(mask_type(forest)).itemsize


def mask_tables(forest: MaskForest) -> dict[int, MaskTable]:
    """Return the masks of every feature that is split on, by its position; of the first where none is.

    Examples
    --------
    >>> forest = MaskForest.of(n_features=2, n_outputs=1, splits=[(0, 1, 2.0, 1, True)], leaves=[[[10.0], [20.0]]])
    >>> thresholds, masks = mask_tables(forest)[1]
    >>> thresholds.tolist(), (masks & 0b11).tolist()  # both leaves; the right one; both
    ([2.0], [[3], [2], [3]])
    """
    kind = mask_type(forest)
    split_on = forest.split_points() or {0: np.empty(0)}
    return {f: (points, _feature_table(forest, f, points, kind)) for f, points in split_on.items()}


class Leaves:
    """The values of the leaves that masks leave over: the lowest bit of each tree's mask is its leaf.

    Parameters
    ----------
    forest : MaskForest
    """

    def __init__(self, forest: MaskForest) -> None:
        self._before = np.cumsum(forest.n_leaves) - forest.n_leaves - 1
        narrow = mask_type(forest) is np.uint8
        every_mask = np.arange(256, dtype=np.uint8)
        self._bits_to_lowest = _bits_to_lowest(every_mask).astype(np.int64) if narrow else None
        self._values = forest.leaf_values[:, 0] if forest.width == 1 else forest.leaf_values

    def of_row(self, possible: Masks) -> FloatArray:
        """Return the values for masks of shape (n_trees,): the same shape, or (n_trees, n_outputs)."""
        if self._bits_to_lowest is None:
            return self.of_rows(possible)
        # One call less than below, which counts for one row.
        return self._values.take(self._before + self._bits_to_lowest.take(possible), axis=0)

    def of_rows(self, possible: Masks, trees: IntArray | None = None) -> FloatArray:
        """Return the values for masks of shape (..., n_trees): the same shape, or (..., n_trees, n_outputs).

        `trees` are the positions of those that the masks are of, where they are not of all.
        """
        before = self._before if trees is None else self._before[trees]
        return self._values.take(before + _bits_to_lowest(possible), axis=0)


def _bits_to_lowest(masks: Masks) -> NDArray[np.uint8]:
    """How many bits there are up to and including the lowest that is set."""
    return np.bitwise_count(masks ^ (masks - masks.dtype.type(1)))


def _feature_table(
    forest: MaskForest, feature: int, thresholds: FloatArray, kind: type[np.unsignedinteger[Any]]
) -> Masks:
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
