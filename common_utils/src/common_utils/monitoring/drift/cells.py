"""Two tables' counts of one feature side by side: which cells are compared, whether they differ, and by how much.

A p-value per feature comes from up to three tests, joined by Bonferroni: chi-square over the cells (any change), the
rank test of ordered bins (all moved the same way: it finds x1.1 where chi-square does not), and the exact test of the
missing and of the unknown where too few are expected for a cell of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import chdtrc, gammaln, ndtr

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from common_utils.monitoring.profiles.profile import BinCounts, CategoryCounts

__all__ = ["FEWEST_EXPECTED", "CellCounts", "Difference", "category_cells", "difference", "directions", "number_cells"]

FEWEST_EXPECTED = 5.0
"""A cell expecting fewer in either table is joined with others: unjoined, 23 % of days are false at n = 50."""
_FEWEST_RANKED = 50  # values in each table: the rank test is a normal approximation
_SPECIAL = ("missing", "unknown")

Test: TypeAlias = Literal["spread", "rank", "missing", "unknown"]


@dataclass(frozen=True)
class CellCounts:
    """Counts of one feature in two tables, cell by cell.

    Attributes
    ----------
    names : tuple of str
        What each cell holds, for people: `<= 12`, `12 to 30`, a level, `missing`, `unknown`.
    now, before : int64 arrays of shape (n_cells,)
        Subjects in the table that is judged, and in the reference.
    ordered : int
        How many cells, from the first, are bins of a number in order; 0 for a category.
    """

    names: tuple[str, ...]
    now: IntArray
    before: IntArray
    ordered: int


@dataclass(frozen=True)
class Difference:
    """How two tables differ in one feature.

    Attributes
    ----------
    p : float
        In [0, 1]: chance of a difference as large, if nothing changed; all tests joined.
    tests : dict of str to float
        p of each test made, times their number.
    psi : float
        Population stability index of the joined cells less what chance gives, (cells - 1) (1 / n + 1 / N).
    shares : dict of str to (float, float)
        Share before and now of `missing` and `unknown`, where a test of their own was made.
    moved : tuple of (str, float, float)
        The cell whose share changed most: its name, its share before and now.
    cells : int
        Cells compared after joining.
    """

    p: float
    tests: dict[Test, float]
    psi: float
    shares: dict[Test, tuple[float, float]]
    moved: tuple[str, float, float]
    cells: int


def number_cells(now: BinCounts, before: BinCounts, feature: str) -> CellCounts:
    """Return the cells of a number: its bins in order, then what is missing.

    Raises
    ------
    DataError
        If the two are not counted between the same edges.

    Examples
    --------
    >>> edges, counts = np.array([1.5]), np.array([3, 1])
    >>> cells = number_cells(BinCounts(edges, counts, 2), BinCounts(edges, counts, 0), "age")
    >>> cells.names, cells.now.tolist(), cells.ordered
    (('<= 1.5', '> 1.5', 'missing'), [3, 1, 2], 2)
    """
    if not np.array_equal(now.edges, before.edges):
        raise DataError(f"{feature}: counted between other edges than the reference; count again on the reference's.")
    edges = [f"{edge:,.6g}" for edge in before.edges]
    bins = [f"{low} to {high}" for low, high in pairwise(edges)]
    names = (f"<= {edges[0]}", *bins, f"> {edges[-1]}") if edges else ("any value",)
    joined = [np.append(one.counts, one.missing).astype(np.int64) for one in (now, before)]
    return CellCounts((*names, "missing"), joined[0], joined[1], len(names))


def category_cells(now: CategoryCounts, before: CategoryCounts) -> CellCounts:
    """Return the cells of a category: the reference's levels, the tail, what is missing and what it does not know.

    Examples
    --------
    >>> before = CategoryCounts({"a": 5, "b": 4}, other=1, unknown=0, missing=0)
    >>> cells = category_cells(CategoryCounts({"a": 3, "new": 2}, 0, 1, 0), before)
    >>> dict(zip(cells.names, cells.now.tolist()))
    {'a': 3, 'b': 0, 'other levels': 0, 'missing': 0, 'unknown': 3}
    """
    strange = now.unknown + sum(count for level, count in now.counts.items() if level not in before.counts)
    mine = [*(now.counts.get(level, 0) for level in before.counts), now.other, now.missing, strange]
    theirs = [*before.counts.values(), before.other, before.missing, before.unknown]
    names = (*before.counts, "other levels", *_SPECIAL)
    return CellCounts(names, np.array(mine, dtype=np.int64), np.array(theirs, dtype=np.int64), 0)


def difference(cells: CellCounts) -> Difference:
    """Return how the two tables of a feature differ, with one p-value.

    Parameters
    ----------
    cells : CellCounts
        One row per subject: repeated rows make every p-value too small.

    Examples
    --------
    >>> names = ("<= 10", "10 to 20", "> 20", "missing")
    >>> same = difference(CellCounts(names, np.array([100, 98, 102, 0]), np.array([1000, 1000, 1000, 0]), 3))
    >>> moved = difference(CellCounts(names, np.array([60, 90, 150, 0]), np.array([1000, 1000, 1000, 0]), 3))
    >>> same.p > 0.5, moved.p < 1e-6, moved.moved[0], round(moved.psi, 2)
    (True, True, '> 20', 0.13)
    """
    place = _joined(cells)
    count = int(place.max()) + 1
    now, before = _sums(place, cells.now), _sums(place, cells.before)
    found: dict[Test, float] = {}
    if count > 1:
        found["spread"] = _chi_square(now, before)
    ranked = slice(0, cells.ordered)
    values = min(cells.now[ranked].sum(), cells.before[ranked].sum()) if cells.ordered > 2 else 0
    if values >= _FEWEST_RANKED:
        found["rank"] = _rank(cells.now[ranked].astype(np.float64), cells.before[ranked].astype(np.float64))
    shares = _rare(cells, place, found)
    tests: dict[Test, float] = {name: min(1.0, p * len(found)) for name, p in found.items()}
    most = _most_moved(cells, place)
    return Difference(min(tests.values(), default=1.0), tests, _psi(now, before), shares, most, count)


def directions(cells: CellCounts) -> dict[str, float]:
    """Return one-sided p-values: small where a number `rose`, where it `fell`, or where a category `changed`.

    Examples
    --------
    >>> names = ("<= 10", "10 to 20", "> 20", "missing")
    >>> found = directions(CellCounts(names, np.array([60, 90, 150, 0]), np.array([1000, 1000, 1000, 0]), 3))
    >>> found["rose"] < 1e-6, found["fell"] > 0.999
    (True, True)
    """
    if cells.ordered:
        now, before = (one[: cells.ordered].astype(np.float64) for one in (cells.now, cells.before))
        z = _rank_z(now, before) if min(now.sum(), before.sum()) >= _FEWEST_RANKED else 0.0
        return {"rose": float(ndtr(-z)), "fell": float(ndtr(z))}
    place = _joined(cells)
    now, before = _sums(place, cells.now), _sums(place, cells.before)
    return {"changed": _chi_square(now, before) if len(now) > 1 else 1.0}


def _rare(cells: CellCounts, place: IntArray, found: dict[Test, float]) -> dict[Test, tuple[float, float]]:
    """Test what is missing, and what is unknown, where either has been joined with other cells."""
    shares: dict[Test, tuple[float, float]] = {}
    n, reference = int(cells.now.sum()), int(cells.before.sum())
    names: tuple[Literal["missing", "unknown"], ...] = ("missing", "unknown")
    for name in names:
        if name not in cells.names:
            continue
        at = len(cells.names) - 1 - cells.names[::-1].index(name)  # the last: a level may have that name too
        mine, theirs = int(cells.now[at]), int(cells.before[at])
        if mine + theirs and np.count_nonzero(place == place[at]) > 1:
            found[name] = _exact(mine, n, theirs, reference)
            shares[name] = (theirs / reference, mine / n)
    return shares


def _joined(cells: CellCounts) -> IntArray:
    """Return which joined cell each cell belongs to: every one expects enough in the smaller table."""
    n, reference = int(cells.now.sum()), int(cells.before.sum())
    smaller = min(n, reference) / (n + reference)
    total = np.asarray((cells.now + cells.before) * smaller, dtype=np.float64)
    place = np.empty(len(total), dtype=np.int64)
    last = 0
    if cells.ordered:
        waiting, last = 0.0, 0
        for at in range(cells.ordered):
            place[at] = last
            waiting += float(total[at])
            if waiting >= FEWEST_EXPECTED:
                last, waiting = last + 1, 0.0
        if waiting and last:  # what is left over goes to the bin before
            place[: cells.ordered][place[: cells.ordered] == last] = last - 1
        last = int(place[: cells.ordered].max()) + 1
    rest = np.arange(cells.ordered, len(total))
    large: BoolArray = total[rest] >= FEWEST_EXPECTED
    place[rest[large]] = last + np.arange(int(large.sum()))
    place[rest[~large]] = last + int(large.sum())
    return _without_a_small_one(place, total)


def _without_a_small_one(place: IntArray, total: FloatArray) -> IntArray:
    """Join a cell of small ones that is still too small with the smallest of the others."""
    sums = _sums(place, total)
    while len(sums) > 1 and sums.min() < FEWEST_EXPECTED:
        small, into = np.argsort(sums, kind="stable")[:2]
        place = np.where(place == small, into, place)
        place = np.where(place > small, place - 1, place)
        sums = _sums(place, total)
    return place.astype(np.int64)


def _sums(place: IntArray, values: IntArray | FloatArray) -> FloatArray:
    return np.bincount(place, weights=values).astype(np.float64)


def _chi_square(now: FloatArray, before: FloatArray) -> float:
    n, reference = now.sum(), before.sum()
    expected = (now + before) * (n / (n + reference))
    other = now + before - expected
    statistic = ((now - expected) ** 2 * (1 / expected + 1 / other)).sum()
    return float(chdtrc(len(now) - 1, statistic))


def _rank(now: FloatArray, before: FloatArray) -> float:
    return float(2 * ndtr(-abs(_rank_z(now, before))))


def _rank_z(now: FloatArray, before: FloatArray) -> float:
    """Return the rank sum statistic of bins in standard deviations, ties counted: the permutation variance."""
    total = now + before
    everyone, n, reference = total.sum(), now.sum(), before.sum()
    score = np.cumsum(total) - total / 2
    middle = score @ total / everyone
    variance = ((score - middle) ** 2) @ total / (everyone - 1) * (1 / n + 1 / reference)
    if not variance > 0:
        return 0.0
    return float((now @ score / n - before @ score / reference) / np.sqrt(variance))


def _exact(mine: int, n: int, theirs: int, reference: int) -> float:
    """Return twice the smaller tail of the hypergeometric law: Fisher's exact test."""
    total = mine + theirs
    possible = np.arange(max(0, total - reference), min(total, n) + 1)
    chance = np.exp(_choose(n, possible) + _choose(reference, total - possible) - _choose(n + reference, total))
    return float(min(1.0, 2 * min(chance[possible <= mine].sum(), chance[possible >= mine].sum())))


def _choose(n: int, k: IntArray | int) -> FloatArray:
    taken = np.asarray(k, dtype=np.float64)
    return np.asarray(gammaln(n + 1.0) - gammaln(taken + 1) - gammaln(n - taken + 1), dtype=np.float64)


def _psi(now: FloatArray, before: FloatArray) -> float:
    """Return the stability index less its mean where nothing changed; half a subject in each cell avoids log 0."""
    mine, theirs = ((one + 0.5) / (one.sum() + 0.5 * len(one)) for one in (now, before))
    chance = (len(now) - 1) * (1 / now.sum() + 1 / before.sum())
    return float(((mine - theirs) * np.log(mine / theirs)).sum() - chance)


def _most_moved(cells: CellCounts, place: IntArray) -> tuple[str, float, float]:
    """Return the name and shares of the joined cell that changed most; a joined cell has its largest member's name."""
    now, before = _sums(place, cells.now), _sums(place, cells.before)
    mine, theirs = now / now.sum(), before / before.sum()
    change = mine - theirs
    most = int(np.argmax(np.abs(change) + 1e-12 * (change > 0)))  # of two equal ones, the one that grew
    members = np.flatnonzero((place == most) & (cells.now + cells.before > 0))
    if members[0] < cells.ordered and len(members) > 1:
        name = f"{cells.names[members[0]]} … {cells.names[members[-1]]}"
    else:
        name = cells.names[members[int(np.argmax(cells.before[members] + cells.now[members]))]]
        name += f" and {len(members) - 1} rarer" if len(members) > 1 else ""
    return name, float(theirs[most]), float(mine[most])
