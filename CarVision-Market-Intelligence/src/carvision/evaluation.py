"""How good prices and intervals are: figures with intervals by car, and coverage where it could fail."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common_utils.array_types import FloatArray
from common_utils.errors import DataError
from common_utils.evaluation import bootstrap_interval, segment_table
from common_utils.evaluation.intervals import group_codes, percentile_interval, resampled_weights

__all__ = ["AGE_BANDS", "CLOSE", "PRICE_BANDS", "bands", "coverage_table", "mean_of", "price_figures"]


PRICE_BANDS = (0.0, 5_000.0, 10_000.0, 15_000.0, 20_000.0, 30_000.0)
"""Lower ends of price bands, US dollars."""
AGE_BANDS = (0.0, 3.0, 6.0, 10.0, 15.0, 20.0)
"""Lower ends of age bands, years."""
CLOSE = 0.1
"""How far off a price may be, as a share of it, to count as near."""

_LEVEL = 0.95


def price_figures(
    price: ArrayLike,
    predicted: ArrayLike,
    groups: ArrayLike,
    *,
    n_resamples: int,
    seed: int,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
) -> dict[str, dict[str, float]]:
    """Return how far prices are off and, where there is an interval, how often it holds the price and how wide it is.

    Parameters
    ----------
    price, predicted : array-like of shape (n,)
        US dollars, > 0.
    groups : array-like of shape (n,)
        Cars, drawn whole.
    n_resamples, seed : int
    low, high : array-like of shape (n,), optional
        Ends of the interval.

    Returns
    -------
    dict of str to dict
        mae, median_ae, rmse (dollars), mape (percent), within_10 (share off by at most 10 %), r2; coverage (share),
        width (mean, dollars), relative_width (mean of width / prediction); each with estimate, low, high.

    Raises
    ------
    DataError
        If lengths differ.

    Examples
    --------
    >>> found = price_figures([100.0, 200.0], [110.0, 150.0], ["a", "b"], n_resamples=50, seed=0)
    >>> found["mae"]["estimate"], found["mape"]["estimate"], found["within_10"]["estimate"]
    (30.0, 17.5, 0.5)
    """
    y, p = np.asarray(price, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if y.shape != p.shape:
        raise DataError(f"{len(p)} predictions for {len(y)} prices. Give one for each.")
    off = np.abs(p - y)
    columns = {"n": np.ones(len(y)), "off": off, "relative": off / y, "close": (off / y <= CLOSE).astype(np.float64)}
    columns |= {"squared": off**2, "y": y, "yy": y**2}
    if low is not None and high is not None:
        below, above = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
        columns["held"] = ((below <= y) & (y <= above)).astype(np.float64)
        columns |= {"width": above - below, "relative_width": (above - below) / p}
    codes, n_groups = group_codes(groups, len(y))
    by_car = np.column_stack([np.bincount(codes, weights=values, minlength=n_groups) for values in columns.values()])
    names = list(columns)
    estimates = _from_sums(dict(zip(names, by_car.sum(axis=0).tolist(), strict=True)))
    found: dict[str, list[float]] = {name: [] for name in estimates}
    for weights in resampled_weights(n_groups, n_resamples, np.random.default_rng(seed)):
        for name, value in _from_sums(dict(zip(names, (weights @ by_car).tolist(), strict=True))).items():
            found[name].append(value)
    resampled = {name: np.array(values) for name, values in found.items()}
    answer = {
        name: _plain(percentile_interval(estimates[name], values[np.isfinite(values)], _LEVEL))
        for name, values in resampled.items()
    }
    median = bootstrap_interval(
        lambda rows: float(np.median(off[rows])), groups=groups, n_resamples=50, rng=np.random.default_rng(seed)
    )
    return {**answer, "median_ae": _plain(median)}


def _from_sums(total: dict[str, float]) -> dict[str, float]:
    n = total["n"]
    spread = total["yy"] - total["y"] ** 2 / n  # 0 where a resample draws one price only: no r2 then
    figures = {
        "mae": total["off"] / n,
        "mape": 100 * total["relative"] / n,
        "within_10": total["close"] / n,
        "rmse": float(np.sqrt(total["squared"] / n)),
        "r2": 1 - total["squared"] / spread if spread > 0 else np.nan,
    }
    if "held" in total:
        figures |= {
            "coverage": total["held"] / n,
            "width": total["width"] / n,
            "relative_width": total["relative_width"] / n,
        }
    return figures


def _plain(interval: Any) -> dict[str, float]:
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high}


def bands(values: ArrayLike, starts: tuple[float, ...], *, unit: str = "") -> NDArray[np.str_]:
    """Return the band each value is in, in words that sort in their order; `unknown` where it is missing.

    Parameters
    ----------
    values : array-like of shape (n,)
        At least the first start.
    starts : tuple of float
        Lower ends, ascending.
    unit : str
        Put before numbers, for example `$`.

    Examples
    --------
    >>> bands([1.0, 12.0, np.nan], (0.0, 10.0)).tolist()
    ['1: below 10', '2: 10 and more', 'unknown']
    """
    data = np.asarray(values, dtype=np.float64)
    last = len(starts) - 1
    words = [f"1: below {unit}{starts[1]:,.0f}"]
    words += [f"{k + 1}: {unit}{starts[k]:,.0f} to {starts[k + 1]:,.0f}" for k in range(1, last)]
    words += [f"{last + 1}: {unit}{starts[last]:,.0f} and more", "unknown"]
    place = np.clip(np.searchsorted(starts, data, side="right") - 1, 0, last)
    return np.array(words)[np.where(np.isnan(data), last + 1, place)]


def coverage_table(
    segments: ArrayLike,
    price: FloatArray,
    predicted: FloatArray,
    low: FloatArray,
    high: FloatArray,
    groups: ArrayLike,
    *,
    n_resamples: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Return, for each segment, error, share of prices the interval holds, and its width.

    Parameters
    ----------
    segments : array-like of shape (n,)
        Labels.
    price, predicted, low, high : float64 array of shape (n,)
    groups : array-like of shape (n,)
    n_resamples, seed : int

    Returns
    -------
    list of dict
        segment, n, and mae, coverage, width, relative_width as intervals.
    """
    held = ((low <= price) & (price <= high)).astype(np.float64)
    values = {
        "mae": np.abs(predicted - price),
        "coverage": held,
        "width": high - low,
        "relative_width": (high - low) / predicted,
    }
    return segment_table(values, segments, groups, n_resamples=n_resamples, rng=np.random.default_rng(seed))


def mean_of(values: ArrayLike) -> float:
    """Return the mean of some numbers, NaN of none.

    Examples
    --------
    >>> mean_of([1, 3]), mean_of([])
    (2.0, nan)
    """
    numbers = np.asarray(values, dtype=np.float64)
    return float(numbers.mean()) if numbers.size else float("nan")
