"""Bit tables: a forest answers by ANDing one row of masks per feature, without walking a tree.

The rows of all features are ANDed, the lowest bit left is the leaf (`masks`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.compiled.forest import MaskForest
from common_utils.compiled.masks import Leaves, mask_tables, mask_type
from common_utils.compiled.row_tables import RowTables

__all__ = ["ForestTables"]


# Rows are scored in blocks whose masks stay in a core's cache.
_BLOCK_BYTES, _SMALLEST_BLOCK, _LARGEST_BLOCK = 1 << 17, 16, 1024


class ForestTables:
    """Sums of a forest, for many rows and for one; both give the same bits.

    Parameters
    ----------
    forest : MaskForest
        Checked.

    Examples
    --------
    >>> forest = MaskForest.of(n_features=1, n_outputs=1, splits=[(0, 0, 2.0, 1, False)], leaves=[[[10.0], [20.0]]])
    >>> tables = ForestTables(forest)
    >>> tables.rows(np.array([[2.0], [2.0000001], [np.nan]])).tolist(), tables.row(np.array([-1.0])).tolist()
    ([[10.0], [20.0], [20.0]], [10.0])
    """

    def __init__(self, forest: MaskForest) -> None:
        self._n_outputs = forest.n_outputs
        self._leaves = Leaves(forest)
        tables = mask_tables(forest)
        # Sorting puts NaN above infinity, so one more threshold leads it to the last row by itself.
        self._parts = [(f, np.append(thresholds, np.inf), masks) for f, (thresholds, masks) in tables.items()]
        self._row = RowTables(forest, tables)
        block = _BLOCK_BYTES // (forest.n_trees * np.dtype(mask_type(forest)).itemsize)
        self._block = min(max(block, _SMALLEST_BLOCK), _LARGEST_BLOCK)

    def row(self, x: FloatArray) -> FloatArray:
        """Return the sums for one row of shape (n_features,); shape (n_outputs,)."""
        return self._row.sums(x.tolist())

    def rows(self, X: FloatArray) -> FloatArray:
        """Return the sums for a matrix of shape (n, n_features); shape (n, n_outputs)."""
        places = [points.searchsorted(X[:, feature]) for feature, points, _ in self._parts]
        masks = [part for _, _, part in self._parts]
        out = np.empty((len(X), self._n_outputs))
        for start in range(0, len(X), self._block):
            rows = slice(start, start + self._block)
            possible = masks[0].take(places[0][rows], axis=0)
            for part, place in zip(masks[1:], places[1:], strict=True):
                np.bitwise_and(possible, part.take(place[rows], axis=0), out=possible)
            out[rows] = self._summed(possible)
        return out

    def _summed(self, possible: NDArray[Any]) -> FloatArray:
        """Add the leaves' values tree after tree, in the order the libraries add them; (n, n_trees) to (n, k)."""
        found = self._leaves.of_rows(possible)
        if self._n_outputs == 1:
            # A plain sum along the last axis would add in pairs.
            return np.add.accumulate(found, axis=1)[:, -1:]
        return np.add.reduce(found.reshape(len(possible), -1, self._n_outputs), axis=1)
