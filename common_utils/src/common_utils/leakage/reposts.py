"""Rows that stand twice in a table: the same listing posted again, the same record exported twice."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import IntArray

__all__ = ["Reposts", "find_reposts"]


_SPARE_BITS = 7.0
_USUAL_SHARE, _USUAL_ROWS = 0.01, 5
_PATTERN_SHARE, _PATTERN_ROWS = 0.01, 20


class Reposts:
    """Which rows of a table are equal beyond coincidence.

    Attributes
    ----------
    columns : tuple of str
        The columns compared.
    number : int64 array of shape (n,)
        Equal for equal rows; -1 for a row that says too little to be recognised.

    Notes
    -----
    Two idle subscribers have equal rows and are two people. So a value counts by how rare it is among the other rows
    (-log2 of its share); a missing value, and one far more common than all others, such as 0 messages, count nothing.
    A row is recognisable when its values together are 2^7 times rarer than one row of the table. A row that stands
    there more than 20 times (in a large table: in more than 1 % of the rows) is a pattern and no re-post.
    """

    def __init__(self, columns: tuple[str, ...], number: IntArray) -> None:
        self.columns = columns
        self.number = number

    def shared(self, train: IntArray, test: IntArray) -> NDArray[np.bool_]:
        """Return, for each test row, whether an equal row is in training.

        Examples
        --------
        >>> Reposts((), np.array([7, 7, -1, -1])).shared(np.array([0, 2]), np.array([1, 3])).tolist()
        [True, False]
        """
        return (self.number[test] >= 0) & np.isin(self.number[test], self.number[train])


def find_reposts(features: pd.DataFrame) -> Reposts:
    """Compare the rows of a table.

    Parameters
    ----------
    features : DataFrame of shape (n, m)
        Traits of a row. Identifiers (text or whole numbers that never repeat) are left out: a re-post has a new one.

    Returns
    -------
    Reposts

    Examples
    --------
    >>> odometer = pd.Series([*range(500), 3])  # the last row is the fourth again
    >>> table = pd.DataFrame({"odometer": odometer, "model": odometer % 97, "year": 1990 + odometer % 13})
    >>> number = find_reposts(table).number
    >>> bool(number[3] == number[500] >= 0)
    True
    >>> find_reposts(table[["model"]]).number.max()  # a model alone is not a twin
    np.int64(-1)
    """
    n = len(features)
    row, bits = np.zeros(n, dtype=np.uint64), np.zeros(n)
    compared: list[str] = []
    for name in features.columns:
        column = features[name]
        if column.dtype == np.dtype(object):
            column = column.astype("string")  # lists have no hash, what they print has
        if column.is_unique and not pd.api.types.is_float_dtype(column.dtype):
            continue
        compared.append(str(name))
        hashes = np.asarray(pd.util.hash_pandas_object(column, index=False), dtype=np.uint64)
        row = row * np.uint64(0x9E3779B97F4A7C15) + hashes  # wraps; an odd factor loses nothing
        known = column.notna().to_numpy()
        _, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
        bits += np.where(known & ~_usual(inverse, known), np.log2(n / np.maximum(counts[inverse] - 1, 1)), 0.0)
    _, number, counts = np.unique(row, return_inverse=True, return_counts=True)
    pattern = counts[number] > max(_PATTERN_ROWS, _PATTERN_SHARE * n)
    recognisable = (bits >= np.log2(max(n, 1)) + _SPARE_BITS) & ~pattern
    return Reposts(tuple(compared), np.where(recognisable, number, -1).astype(np.int64))


def _usual(value: IntArray, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows with the value that is at least twice as common as the next."""
    seen = np.bincount(value[known], minlength=2)
    second, first = np.sort(seen)[-2:]
    if first < 2 * second or first <= max(_USUAL_ROWS, _USUAL_SHARE * len(value)):
        return np.zeros(len(value), dtype=np.bool_)
    return value == seen.argmax()
