"""Splits in which nothing crosses: whole groups (people) on one side, and no month before the past ends."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common_utils.errors import DataError, LeakageError

__all__ = [
    "Fold",
    "assert_apart",
    "group_holdout",
    "grouped_folds",
    "grouped_stratified_folds",
    "stratified_folds",
    "time_holdout",
]

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Positions of the training rows and of the test rows, each ascending."""

_MOST_REPORTED = 5


def grouped_stratified_folds(y: ArrayLike, groups: ArrayLike, *, n_splits: int, seed: int) -> list[Fold]:
    """Return folds that keep each group whole and the classes' shares about even.

    Every row is in exactly one test fold, and every training part holds all classes.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Class of each row, none missing.
    groups : array-like of shape (n_rows,)
        Whom each row belongs to, none missing.
    n_splits : int
        Number of folds, >= 2.
    seed : int
        Same seed and rows, same folds.

    Returns
    -------
    list of (train, test)
        `n_splits` pairs of positions.

    Raises
    ------
    DataError
        If there are fewer than two classes, fewer groups than folds, or a class in fewer groups than folds.

    References
    ----------
    scikit-learn, `StratifiedGroupKFold`.

    Examples
    --------
    >>> y, people = [0, 0, 1, 1, 0, 1], ["a", "a", "b", "b", "c", "d"]
    >>> for train, test in grouped_stratified_folds(y, people, n_splits=2, seed=0):
    ...     print(sorted({people[row] for row in test}))
    ['b', 'c']
    ['a', 'd']
    """
    labels, n_classes = _codes(_values(y, "y"))
    people, n_groups = _codes(_values(groups, "groups"))
    _check_same_length(labels, people)
    if n_splits < 2:
        raise DataError(f"n_splits: at least 2 folds are needed, not {n_splits}.")
    if n_classes < 2:
        raise DataError(f"y holds {n_classes} class(es), 2 are needed to learn from; check how the target is built.")
    pairs = np.unique(np.stack([labels, people]), axis=1)
    scarcest = int(np.bincount(pairs[0]).min())
    if min(n_groups, scarcest) < n_splits:
        raise DataError(
            f"{n_splits} folds need that many groups in every class; there are {n_groups} groups and the rarest "
            f"class is in {scarcest}. Use at most {scarcest} folds, merge rare classes or bring more data."
        )
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(n_splits=n_splits, shuffle=True, random_state=seed)
    folds = [(train, test) for train, test in splitter.split(labels, labels, people)]
    if any(len(np.unique(labels[train])) < n_classes or not len(test) for train, test in folds):
        raise DataError(
            f"with {n_splits} folds and seed {seed} some class falls into one fold as a whole. "
            "Use fewer folds, or merge classes that a few groups hold."
        )
    return folds


def stratified_folds(y: ArrayLike, *, n_splits: int, seed: int) -> list[Fold]:
    """Return folds of single rows that keep the classes' shares even; every row is in exactly one test fold.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Class of each row, none missing.
    n_splits : int
        Number of folds, >= 2.
    seed : int
        Same seed and rows, same folds.

    Raises
    ------
    DataError
        If there are fewer than two classes, or a class has fewer rows than there are folds.

    Examples
    --------
    >>> [test.tolist() for _, test in stratified_folds([0, 0, 1, 1], n_splits=2, seed=0)]
    [[1, 2], [0, 3]]
    """
    labels, n_classes = _codes(_values(y, "y"))
    if n_splits < 2:
        raise DataError(f"n_splits: at least 2 folds are needed, not {n_splits}.")
    if n_classes < 2:
        raise DataError(f"y holds {n_classes} class(es), 2 are needed to learn from; check how the target is built.")
    scarcest = int(np.bincount(labels).min())
    if scarcest < n_splits:
        raise DataError(f"{n_splits} folds need that many rows in every class; the rarest has {scarcest}.")
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(n_splits=n_splits, shuffle=True, random_state=seed)
    return [(train, test) for train, test in splitter.split(labels, labels)]


def grouped_folds(groups: ArrayLike, *, n_splits: int, seed: int) -> list[Fold]:
    """Return folds that keep each group whole; every row is in exactly one test fold.

    Parameters
    ----------
    groups : array-like of shape (n_rows,)
        Whom or what each row belongs to, none missing; row numbers for folds of single rows.
    n_splits : int
        Number of folds, >= 2.
    seed : int
        Same seed and rows, same folds.

    Raises
    ------
    DataError
        If there are fewer groups than folds.

    Examples
    --------
    >>> [test.tolist() for _, test in grouped_folds(["a", "a", "b"], n_splits=2, seed=0)]
    [[2], [0, 1]]
    """
    owners, n_groups = _codes(_values(groups, "groups"))
    if n_splits < 2:
        raise DataError(f"n_splits: at least 2 folds are needed, not {n_splits}.")
    if n_groups < n_splits:
        raise DataError(f"{n_splits} folds need that many groups; there are {n_groups}. Use fewer folds.")
    from sklearn.model_selection import KFold

    splitter = KFold(n_splits=n_splits, shuffle=True, random_state=seed)
    folds: list[Fold] = []
    for _, tested in splitter.split(np.arange(n_groups)):
        in_test = np.isin(owners, tested)
        folds.append((np.flatnonzero(~in_test), np.flatnonzero(in_test)))
    return folds


def group_holdout(groups: ArrayLike, *, share: float, seed: int) -> Fold:
    """Return a split that keeps each group whole and puts about `share` of the groups on the test side.

    A seeded hash of the group's own name decides, so a group stays on its side when rows or groups are
    added or reordered. The share is therefore met only on average.

    Parameters
    ----------
    groups : array-like of shape (n_rows,)
        Whom each row belongs to, none missing; 7 and "7" are on the same side.
    share : float
        Expected share of groups in the test part, between 0 and 1, both excluded.
    seed : int
        Another seed, another split.

    Raises
    ------
    DataError
        If one side is empty.

    Examples
    --------
    >>> train, test = group_holdout(["a", "b", "a", "c"], share=0.5, seed=2)
    >>> train.tolist(), test.tolist()
    ([3], [0, 1, 2])
    """
    if not 0 < share < 1:
        raise DataError(f"share: a number between 0 and 1 is needed, not {share}.")
    values = _values(groups, "groups").tolist()
    tested = {value: _unit_hash(value, seed) < share for value in dict.fromkeys(values)}
    return _sides(
        np.fromiter((tested[value] for value in values), dtype=bool, count=len(values)),
        f"with share {share} and seed {seed} all {len(tested)} group(s) fall on one side; bring more groups.",
    )


def time_holdout(months: ArrayLike, *, first_test_month: int) -> Fold:
    """Return a split in time: training rows are before `first_test_month`, test rows are not.

    Parameters
    ----------
    months : int array-like of shape (n_rows,)
        Month of each row, in any coding that grows with time.
    first_test_month : int
        In the same coding.

    Raises
    ------
    DataError
        If `months` are not integers, or one side is empty.

    Examples
    --------
    >>> train, test = time_holdout([202601, 202603, 202602], first_test_month=202603)
    >>> train.tolist(), test.tolist()
    ([0, 2], [1])
    """
    values = _values(months, "months")
    if not np.issubdtype(values.dtype, np.integer):
        raise DataError(f"months: integers are needed, not {values.dtype}.")
    return _sides(
        values >= first_test_month,
        f"no row is on one side of month {first_test_month}; choose a month inside the table.",
    )


def assert_apart(groups: ArrayLike, train: ArrayLike, test: ArrayLike) -> None:
    """Raise if a group has rows on both sides of a split.

    Parameters
    ----------
    groups : array-like of shape (n_rows,)
        Whom each row belongs to.
    train, test : int array-like
        Positions of rows.

    Raises
    ------
    LeakageError
        If any group is on both sides; the message gives their number, not their names.

    Examples
    --------
    >>> assert_apart(["a", "b", "a"], [0, 2], [1])
    >>> assert_apart(["a", "b", "a"], [0, 1], [2])
    Traceback (most recent call last):
    common_utils.errors.LeakageError: 1 of 2 groups has rows on both sides of the split; split by whole groups.
    """
    people, n_groups = _codes(_values(groups, "groups"))
    both = np.intersect1d(people[np.asarray(train, dtype=np.intp)], people[np.asarray(test, dtype=np.intp)])
    if len(both):
        verb = "has" if len(both) == 1 else "have"
        raise LeakageError(
            f"{len(both)} of {n_groups} groups {verb} rows on both sides of the split; split by whole groups."
        )


def _values(values: ArrayLike, name: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 1 or not len(array):
        raise DataError(f"{name}: one value per row is needed, not an array of shape {array.shape}.")
    missing = sum(map(_is_missing, array.tolist())) if array.dtype.kind in "fO" else 0
    if missing:
        raise DataError(f"{name}: {missing} value(s) are missing; drop these rows or fill them in first.")
    return array


def _is_missing(value: object) -> bool:
    try:
        return value is None or bool(value != value)  # NaN is what differs from itself
    except TypeError:  # pandas.NA has no truth value
        return True


def _check_same_length(*arrays: NDArray[Any]) -> None:
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) > 1:
        raise DataError(f"y and groups differ in length: {lengths}.")


def _codes(values: NDArray[Any]) -> tuple[NDArray[np.intp], int]:
    """Return the values as 0..n-1 in order of appearance, and n; works where values cannot be sorted."""
    seen: dict[Any, int] = {}
    listed: Iterable[Any] = values.tolist()
    codes = np.fromiter((seen.setdefault(value, len(seen)) for value in listed), dtype=np.intp, count=len(values))
    return codes, len(seen)


def _unit_hash(value: object, seed: int) -> float:
    """Return a number in [0, 1) that depends on nothing but the value's text and the seed."""
    digest = blake2b(f"{seed}:{value}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _sides(in_test: NDArray[np.bool_], complaint: str) -> Fold:
    if in_test.all() or not in_test.any():
        raise DataError(complaint)
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)
