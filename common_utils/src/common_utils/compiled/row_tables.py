"""One row against the masks of a forest: one search for all its columns, one AND, one sum.

NumPy takes longer to be called than to work on one row, so what counts is how few calls there are, and how few columns.
Columns that one number decides (the plan held decides its indicators, its fee and its term) are ANDed beforehand, a row
of masks for each case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.compiled.forest import MaskForest
from common_utils.compiled.masks import Leaves, MaskTable, mask_tables, mask_type
from common_utils.errors import DataError

__all__ = ["DecidedColumns", "RowTables"]


@dataclass(frozen=True, eq=False)
class DecidedColumns:
    """Columns that one number decides, and what they are in each case.

    Attributes
    ----------
    names : tuple of str
        As in the `feature_names` of the model or of its formulas.
    values : float64 array of shape (n_cases, len(names))
        At least one case.

    Raises
    ------
    DataError
        If the shape is another.

    Examples
    --------
    >>> DecidedColumns(("is_a", "fee"), np.array([[1.0, 990.0], [0.0, 1490.0]])).n_cases
    2
    """

    names: tuple[str, ...]
    values: FloatArray

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not len(self.values) or self.values.shape[1] != len(self.names):
            raise DataError(f"decided columns: values of shape {self.values.shape} for {len(self.names)} name(s).")

    @property
    def n_cases(self) -> int:
        """How many cases there are."""
        return len(self.values)


class RowTables:
    """Sums of a forest for one row of plain numbers.

    Parameters
    ----------
    forest : MaskForest
        Checked.
    columns : sequence of int
        Which column of the forest each number of a row is; -1: none that it takes. With those of `decided`, all.
    decided : tuple of sequence of int and float64 array of shape (n_cases, len(sequence)), optional
        Columns of the forest that a last number of the row decides, which is the case, 0 to n_cases - 1.
    tables : dict of int to MaskTable, optional
        `mask_tables(forest)`, where they are at hand.

    Examples
    --------
    >>> forest = MaskForest.of(n_features=2, n_outputs=1, splits=[(0, 1, 2.0, 1, False)], leaves=[[[10.0], [20.0]]])
    >>> tables = RowTables(forest, [0, 1])
    >>> tables.sums([7.0, 2.0]).tolist(), tables.sums([7.0, float("nan")]).tolist()
    ([10.0], [20.0])
    >>> RowTables(forest, [0], ([1], np.array([[2.0], [3.0]]))).sums([7.0, 1]).tolist()
    [20.0]
    """

    def __init__(
        self,
        forest: MaskForest,
        columns: Sequence[int],
        decided: tuple[Sequence[int], FloatArray] | None = None,
        *,
        tables: dict[int, MaskTable] | None = None,
    ) -> None:
        tables = mask_tables(forest) if tables is None else tables
        self._n_outputs = forest.n_outputs
        self._leaves = Leaves(forest)
        used = [(place, tables[column]) for place, column in enumerate(columns) if column in tables]
        if decided is not None:
            used.append((len(columns), _decided_table(forest, tables, *decided)))
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
        """Return the sums, shape (n_outputs,), for one number a column and, last, the case."""
        query = self._query.copy()
        query.imag = self._picked(values)
        possible = np.bitwise_and.reduce(self._masks.take(self._points.searchsorted(query), axis=0))
        found = self._leaves.of_row(possible)
        if self._n_outputs == 1:
            return np.add.accumulate(found)[-1:]
        return np.add.reduce(found.reshape(-1, self._n_outputs))


def _decided_table(
    forest: MaskForest, tables: dict[int, MaskTable], columns: Sequence[int], values: FloatArray
) -> MaskTable:
    """Masks by case, as if the case were a feature with a threshold after each."""
    kind = mask_type(forest)
    masks = np.full((len(values) + 1, forest.n_trees), np.iinfo(kind).max, dtype=kind)
    for column, cases in zip(columns, values.T, strict=True):
        if column in tables:
            thresholds, mine = tables[column]
            # Sorting puts NaN above infinity, so one more threshold leads it to the last row.
            masks[:-1] &= mine.take(np.append(thresholds, np.inf).searchsorted(cases), axis=0)
    return np.arange(len(values) - 1, dtype=np.float64), masks
