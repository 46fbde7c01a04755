"""How sure a figure is: bootstrap intervals that resample whole groups, and paired comparisons.

Rows of one subscriber resemble each other, so a group is drawn with all its rows or not at all; resampling rows
would make every interval too narrow. Intervals are percentile intervals. Randomness comes in as `rng`: the same
generator state gives the same interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError

__all__ = [
    "FEW_GROUPS",
    "Interval",
    "PairedDifference",
    "bootstrap_interval",
    "bootstrap_mean",
    "group_codes",
    "paired_mean_difference",
    "percentile_interval",
    "resampled_weights",
    "segment_table",
]


FEW_GROUPS = 3
"""An interval of fewer says nothing, as two of them resample to three values: people are told "too few" instead."""
_FEWEST_GROUPS = 2  # one alone shows no spread
_CHUNK_CELLS = 4_000_000  # weights held at once: 32 MB


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it.

    Attributes
    ----------
    estimate, low, high : float
        In the unit of the figure.
    level : float
        Nominal coverage, in (0, 1).

    Examples
    --------
    >>> print(Interval(0.8123, 0.79, 0.8333))
    0.812 [0.790, 0.833]
    """

    estimate: float
    low: float
    high: float
    level: float = 0.95

    def __str__(self) -> str:
        return f"{self.estimate:z.3f} [{self.low:z.3f}, {self.high:z.3f}]"

    def to_dict(self) -> dict[str, float]:
        """Return the four numbers by name, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class PairedDifference:
    """How much one method differs from another on the same rows.

    Attributes
    ----------
    mean : float
        Mean of first minus second.
    se : float
        Standard error of that mean, by group.
    interval : Interval
    """

    mean: float
    se: float
    interval: Interval

    def to_dict(self) -> dict[str, float]:
        """Return mean, standard error and interval by name, ready for JSON."""
        return {**self.interval.to_dict(), "se": self.se}


def bootstrap_interval(
    statistic: Callable[[IntArray], float],
    *,
    groups: ArrayLike | None = None,
    n_rows: int | None = None,
    n_resamples: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator,
) -> Interval:
    """Return the interval of any statistic of rows, by calling it on resampled row numbers.

    Parameters
    ----------
    statistic : callable
        Takes an int64 array of row numbers (with repeats), returns a finite number.
    groups : array-like of shape (n,), optional
        Drawn whole; each row is its own group where None.
    n_rows : int, optional
        Number of rows, needed where `groups` is None.

    Returns
    -------
    Interval
        Its estimate is the statistic of all rows in order.

    Raises
    ------
    DataError
        With fewer than two groups, or a statistic that is not finite.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> interval = bootstrap_interval(lambda rows: x[rows].max(), n_rows=4, rng=np.random.default_rng(0))
    >>> interval.estimate, interval.high
    (4.0, 4.0)
    """
    if groups is None and n_rows is None:
        raise DataError("bootstrap_interval: neither `groups` nor `n_rows` given. Give one of them.")
    n = len(np.asarray(groups)) if groups is not None else int(n_rows or 0)
    codes, n_groups = group_codes(groups, n)
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(codes, minlength=n_groups))[:-1])
    estimate = float(statistic(np.arange(n)))
    draws = (rng.integers(0, n_groups, n_groups) for _ in range(n_resamples))
    found = [float(statistic(np.concatenate([members[group] for group in draw]))) for draw in draws]
    return percentile_interval(estimate, np.array(found), level)


def bootstrap_mean(
    values: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    n_resamples: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator,
) -> Interval:
    """Return the mean over rows with its interval: the quick path, a ratio of group sums and group sizes.

    Parameters
    ----------
    values : array-like of shape (n,)
        Finite numbers.
    groups : array-like of shape (n,), optional
        Drawn whole; each row is its own group where None.

    Raises
    ------
    DataError
        With fewer than two groups, unequal lengths, or a value that is not finite.

    Examples
    --------
    >>> print(bootstrap_mean([1, 1, 1, 3], ["a", "a", "b", "b"], rng=np.random.default_rng(0)))
    1.500 [1.000, 2.000]
    """
    data = _finite(values, "values")
    codes, n_groups = group_codes(groups, len(data))
    means = _resampled_means(data, codes, n_groups, n_resamples, rng)
    return percentile_interval(float(data.mean()), means, level)


def paired_mean_difference(
    a: ArrayLike,
    b: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    n_resamples: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator,
) -> PairedDifference:
    """Compare two methods on the same rows: mean of `a - b`, its standard error and interval, all by group.

    Parameters
    ----------
    a, b : array-like of shape (n,)
        The figure of each method, row by row.
    groups : array-like of shape (n,), optional
        As in `bootstrap_mean`.

    Raises
    ------
    DataError
        As `bootstrap_mean`.

    Notes
    -----
    The standard error is that of a ratio estimator over groups (Cochran, Sampling Techniques, 6.4).

    Examples
    --------
    >>> found = paired_mean_difference([2, 4], [1, 1], rng=np.random.default_rng(0))
    >>> found.mean, found.se
    (2.0, 1.0)
    """
    first, second = _finite(a, "a"), _finite(b, "b")
    if first.shape != second.shape:
        raise DataError(f"a has {len(first)} rows and b has {len(second)}. Give both methods the same rows.")
    difference = first - second
    codes, n_groups = group_codes(groups, len(difference))
    mean = float(difference.mean())
    residuals = np.bincount(codes, weights=difference - mean, minlength=n_groups)
    se = float(np.sqrt(n_groups / (n_groups - 1) * np.sum(residuals**2)) / len(difference))
    interval = bootstrap_mean(difference, groups, n_resamples=n_resamples, level=level, rng=rng)
    return PairedDifference(mean, se, interval)


def segment_table(
    values: Mapping[str, ArrayLike],
    segments: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    n_resamples: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator,
) -> list[dict[str, object]]:
    """Return the mean of each figure in each segment, with its interval.

    Parameters
    ----------
    values : mapping of str to array-like of shape (n,)
        Figures by row; NaN where a row has none.
    segments : array-like of shape (n,)
        Label of each row.
    groups : array-like of shape (n,), optional
        As in `bootstrap_mean`.

    Returns
    -------
    list of dict
        One per segment of two groups or more, sorted by label: `segment`, `n` (rows), and for each figure a dict of
        estimate, low, high, level and n. low and high are None where only one group has a value; the figure is None
        without any.

    Raises
    ------
    DataError
        If lengths differ or a value is infinite.

    Examples
    --------
    >>> row, = segment_table({"paid": [1.0, 3.0]}, ["young", "young"], rng=np.random.default_rng(0))
    >>> row["segment"], row["n"], row["paid"]["estimate"]
    ('young', 2, 2.0)
    """
    labels = np.asarray(segments).astype(str)
    codes, _ = group_codes(groups, len(labels), at_least=1)
    columns = {name: np.asarray(column, dtype=np.float64) for name, column in values.items()}
    for name, data in columns.items():
        if data.shape != labels.shape:
            raise DataError(f"{name}: {data.size} values for {len(labels)} rows. Give one value per row.")
    table: list[dict[str, object]] = []
    for label in sorted(set(labels.tolist())):
        inside = labels == label
        if len(np.unique(codes[inside])) < _FEWEST_GROUPS:
            continue
        row: dict[str, object] = {"segment": label, "n": int(inside.sum())}
        for name, data in columns.items():
            known = inside & ~np.isnan(data)
            row[name] = _segment_mean(data[known], codes[known], n_resamples, level, rng)
        table.append(row)
    return table


def group_codes(groups: ArrayLike | None, n_rows: int, *, at_least: int = 2) -> tuple[IntArray, int]:
    """Return the group of each row as 0, 1, … and the number of groups; one group per row where None.

    Raises
    ------
    DataError
        If lengths differ or there are fewer groups than a spread needs.

    Examples
    --------
    >>> codes, n_groups = group_codes(["b", "a", "b"], 3)
    >>> codes.tolist(), n_groups
    ([1, 0, 1], 2)
    """
    if groups is None:
        codes, n_groups = np.arange(n_rows), n_rows
    else:
        try:
            labels, codes = np.unique(np.asarray(groups), return_inverse=True)
        except TypeError as error:
            raise DataError("groups: labels of different types, or missing ones. Fill them in first.") from error
        n_groups = len(labels)
        if len(codes) != n_rows:
            raise DataError(f"groups has {len(codes)} rows, the values have {n_rows}. Give one group per row.")
    if n_groups < at_least:
        raise DataError(f"{n_groups} group(s): an interval needs at least {at_least}. Add rows or drop the interval.")
    return codes.astype(np.int64), n_groups


def resampled_weights(n_groups: int, n_resamples: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Yield, per resample, how often each group was drawn: float64 arrays of shape (n_groups,) with sum n_groups.

    Examples
    --------
    >>> [float(weights.sum()) for weights in resampled_weights(3, 2, np.random.default_rng(0))]
    [3.0, 3.0]
    """
    for _ in range(n_resamples):
        yield np.bincount(rng.integers(0, n_groups, n_groups), minlength=n_groups).astype(np.float64)


def percentile_interval(estimate: float, resampled: FloatArray, level: float) -> Interval:
    """Return the interval between the outer percentiles of resampled values.

    Raises
    ------
    DataError
        If a value is not finite or `level` is not inside (0, 1).

    Examples
    --------
    >>> print(percentile_interval(5.0, np.arange(11.0), level=0.8))
    5.000 [1.000, 9.000]
    """
    if not 0 < level < 1:
        raise DataError(f"level {level!r} is not inside (0, 1). Use 0.95.")
    if not (np.isfinite(estimate) and np.isfinite(resampled).all() and resampled.size):
        raise DataError("the statistic is not finite on every resample. Check for empty classes or missing values.")
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(estimate), float(low), float(high), level)


def _resampled_means(
    data: FloatArray, codes: IntArray, n_groups: int, n_resamples: int, rng: np.random.Generator
) -> FloatArray:
    sums = np.bincount(codes, weights=data, minlength=n_groups)
    sizes = np.bincount(codes, minlength=n_groups).astype(np.float64)
    means = np.empty(n_resamples)
    step = max(1, _CHUNK_CELLS // n_groups)
    for start in range(0, n_resamples, step):
        draws = rng.integers(0, n_groups, (min(step, n_resamples - start), n_groups))
        means[start : start + step] = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    return means


def _segment_mean(
    data: FloatArray, codes: IntArray, n_resamples: int, level: float, rng: np.random.Generator
) -> dict[str, float | None] | None:
    if not data.size:
        return None
    if len(np.unique(codes)) < _FEWEST_GROUPS:
        return {"estimate": float(data.mean()), "low": None, "high": None, "level": level, "n": data.size}
    interval = bootstrap_mean(data, codes, n_resamples=n_resamples, level=level, rng=rng)
    return {**interval.to_dict(), "n": data.size}


def _finite(values: ArrayLike, name: str) -> FloatArray:
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1 or not data.size or not np.isfinite(data).all():
        raise DataError(f"{name}: not a non-empty column of finite numbers. Leave out rows without a value.")
    return data
