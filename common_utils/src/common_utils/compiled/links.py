"""From raw sums to what a model answers: the last step of a classifier or regressor, for many rows and for one.

Both forms of a link give the same bits: a record gets the same answer alone and in a batch. Sums over classes are
taken one class after the other, as scikit-learn takes them for a table.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from common_utils.array_types import FloatArray

__all__ = [
    "LINKS",
    "Link",
    "answer_row",
    "answer_rows",
    "answer_width",
]


Link = Literal["identity", "exp", "expm1", "logit", "sigmoid", "softmax"]
"""`logit`: one margin to two probabilities; `sigmoid`: each score by itself; the others as their names say."""

LINKS: tuple[str, ...] = get_args(Link)


def answer_width(link: Link, n_raw: int) -> int:
    """Return how many numbers a row has after the link.

    Examples
    --------
    >>> answer_width("logit", 1), answer_width("softmax", 3)
    (2, 3)
    """
    return 2 if link == "logit" else n_raw


def answer_rows(link: Link, raw: FloatArray) -> FloatArray:
    """Return the answers for raw scores.

    Parameters
    ----------
    link : Link
    raw : float64 array of shape (n, k)
        k is 1 for `logit`.

    Returns
    -------
    float64 array of shape (n, answer_width(link, k))

    Examples
    --------
    >>> answer_rows("logit", np.array([[0.0]])).tolist()
    [[0.5, 0.5]]
    >>> answer_rows("softmax", np.log([[1.0, 3.0]])).round(3).tolist()
    [[0.25, 0.75]]
    """
    if link != "softmax" or len(raw) == 1:
        return _elementwise(link, raw) if link != "softmax" else np.array([answer_row(link, raw[0])])
    columns = raw.T
    powers = np.exp(columns - np.maximum.reduce(columns, axis=0))
    total = powers[0].copy()
    for power in powers[1:]:
        total += power
    return np.ascontiguousarray((powers / total).T)


def answer_row(link: Link, raw: FloatArray) -> list[float]:
    """Return the answer for the raw scores of one row, shape (k,) in and answer_width(link, k) plain numbers out.

    Examples
    --------
    >>> answer_row("logit", np.array([0.0]))
    [0.5, 0.5]
    """
    if link != "softmax":
        return _elementwise(link, raw[None, :])[0].tolist()
    powers = np.exp(raw - max(raw.tolist())).tolist()
    total = 0.0
    for power in powers:  # a handful of numbers: Python divides them before NumPy has begun
        total += power
    return [power / total for power in powers]


def _elementwise(link: Link, raw: FloatArray) -> FloatArray:
    match link:
        case "identity":
            return raw
        case "exp":
            return np.exp(raw)
        case "expm1":
            return np.expm1(raw)
        case "logit":
            taken = _expit(raw[:, 0])
            return np.stack([1 - taken, taken], axis=1)
        case _:
            return _expit(raw)


def _expit(raw: FloatArray) -> FloatArray:
    power = np.exp(-np.abs(raw))  # never overflows
    return np.where(raw >= 0, 1.0, power) / (1.0 + power)
