"""Which features tell a group: a model without the attribute may still know it through another column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from common_utils.evaluation import Interval

__all__ = ["Proxy", "proxies", "proxy_words"]

_BINS = 10
_FEWEST = 40  # in the group and outside it: twenty of each in either half


@dataclass(frozen=True)
class Proxy:
    """How well one feature tells one group.

    Attributes
    ----------
    feature, group : str
    auc : Interval
        0.5: not at all, 1: perfectly. Out of sample: rates by bin or level are learnt on one half and tried on the
        other, so that any form of relation counts; 95 %, DeLong.
    """

    feature: str
    group: str
    auc: Interval


def proxies(
    features: Mapping[str, NDArray[Any]], groups: ArrayLike, *, rng: np.random.Generator
) -> tuple[list[Proxy], list[str]]:
    """Return how well each feature tells each group, the strongest first, and the groups too small to tell.

    Parameters
    ----------
    features : mapping of str to array of shape (n,)
        Numbers (NaN for missing) or texts (None for missing).
    groups : array-like of str of shape (n,)
        One row per subject.
    rng : numpy.random.Generator
        Draws the halves.

    Returns
    -------
    tuple of (list of Proxy, list of str)
        Groups with fewer than 40 subjects, or with fewer than 40 outside, are only named.

    Raises
    ------
    DataError
        If lengths differ.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> young = rng.random(2_000) < 0.3
    >>> columns = {"messages": rng.normal(young * 2.0), "shoe": rng.normal(size=2_000)}
    >>> found, _ = proxies(columns, np.where(young, "young", "old"), rng=rng)
    >>> found[0].feature, found[0].auc.low > 0.85, found[-1].auc.estimate < 0.55
    ('messages', True, True)
    """
    labels = np.asarray(groups).astype(str)
    for name, column in features.items():
        if len(column) != len(labels):
            raise DataError(f"{name}: {len(column)} values for {len(labels)} rows. Give one value per row.")
    codes = {name: _codes(column) for name, column in features.items()}
    half = rng.random(len(labels)) < 0.5
    found: list[Proxy] = []
    small: list[str] = []
    for group in sorted(set(labels.tolist())):
        inside = labels == group
        if min(inside.sum(), (~inside).sum()) < _FEWEST or min((inside & half).sum(), (inside & ~half).sum()) < 2:
            small.append(group)
            continue
        found += [Proxy(name, group, _out_of_half(code, inside, half)) for name, code in codes.items()]
    return sorted(found, key=lambda one: -one.auc.estimate), small


def proxy_words(found: Sequence[Proxy], small: Sequence[str], *, most: int = 20) -> str:
    """Return the strongest proxies as lines for a terminal.

    Examples
    --------
    >>> print(proxy_words([Proxy("messages", "18-24", Interval(0.91, 0.88, 0.94))], ["75+"]), end="")
    messages tells 18-24: AUC 0.910 [0.880, 0.940]
    too few subjects to tell: 75+
    0.5: the feature tells nothing; 1: it tells the group perfectly.
    """
    lines = [f"{one.feature} tells {one.group}: AUC {one.auc}" for one in found[:most]]
    lines += [f"too few subjects to tell: {', '.join(small)}"] if small else []
    return "\n".join([*lines, "0.5: the feature tells nothing; 1: it tells the group perfectly."]) + "\n"


def _codes(column: NDArray[Any]) -> IntArray:
    if column.dtype.kind in "biuf":
        values = column.astype(np.float64)
        known = values[~np.isnan(values)]
        edges = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS)) if len(known) else np.zeros(0)
        return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values)).astype(np.int64)
    texts = np.array(["" if value is None or value != value else str(value) for value in column.tolist()])
    return np.unique(texts, return_inverse=True)[1].astype(np.int64)


def _out_of_half(codes: IntArray, inside: BoolArray, half: BoolArray) -> Interval:
    """Return the mean AUC of both halves, each scored with the other's rates."""
    count = int(codes.max()) + 1
    figures: list[tuple[float, float]] = []
    for train in (half, ~half):
        share = inside[train].mean()
        hits = np.bincount(codes[train], weights=inside[train], minlength=count)
        rate = (hits + share) / (np.bincount(codes[train], minlength=count) + 1)
        figures.append(_auc(rate[codes[~train]], inside[~train]))
    auc = float(np.mean([figure for figure, _ in figures]))
    spread = float(np.sqrt(sum(variance for _, variance in figures)) / len(figures))
    return Interval(auc, max(0.0, auc - 1.96 * spread), min(1.0, auc + 1.96 * spread))


def _auc(score: FloatArray, happened: BoolArray) -> tuple[float, float]:
    """Return the AUC and its variance by DeLong."""
    ranks = rankdata(score)
    hits, misses = int(happened.sum()), int((~happened).sum())
    within_hits, within_misses = rankdata(score[happened]), rankdata(score[~happened])
    above = (ranks[happened] - within_hits) / misses
    below = 1 - (ranks[~happened] - within_misses) / hits
    return float(above.mean()), float(above.var(ddof=1) / hits + below.var(ddof=1) / misses)
