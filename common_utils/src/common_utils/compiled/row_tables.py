"""One row against the masks of a forest: one search for all its columns, one AND, one sum.

NumPy takes longer to be called than to work on one row, so what counts is how few calls there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.compiled.forest import MaskForest
from common_utils.compiled.masks import Leaves, MaskTable

__all__ = ["RowTables"]


class RowTables:
    """Sums of a forest for one row of plain numbers.

    Parameters
    ----------
    forest : MaskForest
        Checked.
    tables : dict of int to MaskTable
        `mask_tables(forest)`.

    Examples
    --------
    >>> from common_utils.compiled.masks import mask_tables
    >>> forest = MaskForest.of(n_features=2, n_outputs=1, splits=[(0, 1, 2.0, 1, False)], leaves=[[[10.0], [20.0]]])
    >>> tables = RowTables(forest, mask_tables(forest))
    >>> tables.sums([7.0, 2.0]).tolist(), tables.sums([7.0, float("nan")]).tolist()
    ([10.0], [20.0])
    """

    def __init__(self, forest: MaskForest, tables: dict[int, MaskTable]) -> None:
        self._n_outputs = forest.n_outputs
        self._leaves = Leaves(forest)
        used = [(column, tables[column]) for column in range(forest.n_features) if column in tables]
        # Complex numbers are sorted by their real and then by their imaginary part, so with the place of a column as
        # the one and the value as the other a single search finds the intervals of all columns. Above the last
        # threshold lies infinity, so that a column has as many points as intervals; a missing imaginary part is
        # sorted behind everything, by its real part.
        self._query = np.arange(len(used)).astype(np.complex128)
        points = [np.append(thresholds, np.inf) for _, (thresholds, _) in used]
        self._points: NDArray[np.complex128] = np.concatenate(
            [np.repeat(self._query, [len(part) for part in points]), self._query]
        )
        self._points.imag[: -len(used)] = np.concatenate(points)
        self._points.imag[-len(used) :] = np.nan
        self._masks = np.vstack([*(masks[:-1] for _, (_, masks) in used), *(masks[-1:] for _, (_, masks) in used)])
        self._picked = itemgetter(*(place for place, _ in used))

    def sums(self, values: Sequence[float]) -> FloatArray:
        """Return the sums, shape (n_outputs,), for one number a column of the forest."""
        query = self._query.copy()
        query.imag = self._picked(values)
        possible = np.bitwise_and.reduce(self._masks.take(self._points.searchsorted(query), axis=0))
        found = self._leaves.of_row(possible)
        if self._n_outputs == 1:
            return np.add.accumulate(found)[-1:]
        return np.add.reduce(found.reshape(-1, self._n_outputs))
