"""Where the chosen item stands in a ranking, and what that is worth: rank, hit@k, NDCG@k."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError

__all__ = ["chosen_ranks", "column_codes", "hit_at_k", "ndcg_at_k"]


def chosen_ranks(scores: ArrayLike, chosen: ArrayLike, available: ArrayLike | None = None) -> IntArray:
    """Return the rank of the chosen item in each row: 1 is best, 0 stands for an item that was not available.

    Parameters
    ----------
    scores : array-like of shape (n, k)
        Higher is better; equal scores keep the order of the columns. Not NaN where available.
    chosen : int array-like of shape (n,)
        Column of the chosen item.
    available : bool array-like of shape (n, k), optional
        Items that compete; all of them where None.

    Raises
    ------
    DataError
        If shapes differ, a column is outside [0, k), or an available score is NaN.

    Examples
    --------
    >>> chosen_ranks([[0.5, 0.2, 0.5], [0.1, 0.2, 0.7]], [2, 0]).tolist()
    [2, 3]
    """
    values = np.asarray(scores, dtype=np.float64)
    columns = column_codes(chosen, values)
    mask = np.ones(values.shape, dtype=np.bool_) if available is None else np.asarray(available, dtype=np.bool_)
    if mask.shape != values.shape or np.isnan(values[mask]).any():
        raise DataError("scores: NaN where available, or `available` of another shape. Give one score per item.")
    row = np.arange(len(values))
    own = values[row, columns][:, None]
    before = (values > own) | ((values == own) & (np.arange(values.shape[1]) < columns[:, None]))
    ranks = 1 + (before & mask).sum(axis=1)
    return np.where(mask[row, columns], ranks, 0).astype(np.int64)


def hit_at_k(ranks: ArrayLike, k: int) -> FloatArray:
    """Return 1.0 for each row whose chosen item is among the first k, else 0.0.

    Examples
    --------
    >>> hit_at_k([1, 3, 4, 0], k=3).tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    rank = np.asarray(ranks)
    return ((rank >= 1) & (rank <= k)).astype(np.float64)


def ndcg_at_k(ranks: ArrayLike, k: int) -> FloatArray:
    """Return NDCG per row with relevance 1 for the chosen item: 1 / log2(1 + rank) within the first k, else 0.

    Examples
    --------
    >>> ndcg_at_k([1, 3, 6, 0], k=5).tolist()
    [1.0, 0.5, 0.0, 0.0]
    """
    rank = np.asarray(ranks, dtype=np.float64)
    return hit_at_k(rank, k) / np.log2(1 + np.maximum(rank, 1))


def column_codes(codes: ArrayLike, scores: FloatArray) -> IntArray:
    """Return codes as int64 after checking that each names a column of its row of scores.

    Raises
    ------
    DataError
        If shapes differ, there is no row, or a code is not a whole number in [0, k).

    Examples
    --------
    >>> column_codes([1], np.array([[0.2, 0.8]])).tolist()
    [1]
    """
    columns = np.asarray(codes)
    if scores.ndim != 2 or columns.shape != scores.shape[:1] or not columns.size:
        raise DataError(f"{scores.shape} scores for {columns.shape} codes. Give one row of scores per code.")
    if not np.issubdtype(columns.dtype, np.integer) or columns.min() < 0 or columns.max() >= scores.shape[1]:
        raise DataError(f"codes are not whole numbers in [0, {scores.shape[1]}). Encode by position in the classes.")
    return columns.astype(np.int64)
