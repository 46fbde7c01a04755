"""From columns to a profile: the reference fixes edges and levels, everything later is counted on them.

Vectorised, NumPy alone; a table in pieces is counted piece by piece and merged, so that memory does not grow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.errors import DataError
from common_utils.monitoring.profiles.profile import BinCounts, CategoryCounts, Profile
from common_utils.monitoring.profiles.subjects import SubjectSketch

__all__ = ["Columns", "bin_edges", "empty_like", "profile_like", "reference_profile"]

Columns = Mapping[str, NDArray[Any]]
"""Columns by name, of shape (n,): numbers with NaN for missing, anything else as objects with None or NaN."""

BINS = 10
MOST_LEVELS = 50
FEWEST_ROWS = 5  # of a level that is kept by its name
_MOST_TAIL = 10_000
_DIGEST = 12  # hexadecimal digits: two of 10,000 levels share one in a run of 5 million tables
_ROUNDED = 3  # digits of an edge below the span of the edges: no edge is the value of a person


def reference_profile(
    columns: Columns,
    *,
    score: FloatArray | None = None,
    subjects: NDArray[Any] | None = None,
    months: Iterable[str] = (),
    bins: int = BINS,
) -> Profile:
    """Return the profile of a reference, and with it the edges and levels that later profiles are counted on.

    Parameters
    ----------
    columns : mapping of str to array of shape (n,)
        A column of numbers or booleans becomes `BinCounts`, any other `CategoryCounts`.
    score : float64 array of shape (m,), optional
        What the model answered to rows that it had not learnt from, m <= n.
    subjects : array of shape (n,), optional
        Who each row is about; None where no two rows are about the same.
    months : iterable of str
        The months the rows are of.
    bins : int
        Bins of equal mass, >= 2; a value with half the mass of one has a bin of its own. An edge between them is
        rounded to a thousandth of their span.

    Raises
    ------
    DataError
        If columns differ in length, or there are more scores than rows.

    Examples
    --------
    >>> columns = {"minutes": np.array([0.0, 0, 0, 0, 5, 6, 7, 8]), "plan": np.array(["surf"] * 8)}
    >>> reference = reference_profile(columns, bins=4)
    >>> reference.numbers["minutes"].counts.tolist(), dict(reference.categories["plan"].counts)
    ([0, 4, 0, 2, 2], {'surf': 8})
    """
    _check_bins(bins)
    numbers: dict[str, BinCounts] = {}
    categories: dict[str, CategoryCounts] = {}
    for name, column in columns.items():
        if column.dtype.kind in "biuf":
            edges = bin_edges(column.astype(np.float64), bins)
            numbers[name] = BinCounts(edges, np.zeros(len(edges) + 1, dtype=np.int64), 0)
        else:
            categories[name] = _levels(column)
    counted = profile_like(Profile(0, 0, (), numbers, categories), columns, subjects=subjects, months=months)
    if score is None:
        return counted
    if len(score) > counted.rows:
        raise DataError(f"profile: {len(score):,} scores of {counted.rows:,} rows.")
    return replace(counted, score=_between(bin_edges(score, bins), score))


def profile_like(
    reference: Profile,
    columns: Columns,
    *,
    score: FloatArray | None = None,
    subjects: NDArray[Any] | None = None,
    months: Iterable[str] = (),
) -> Profile:
    """Return the profile of a table on the edges and levels of a reference; its own counts do not matter.

    Parameters
    ----------
    reference : Profile
    columns : mapping of str to array of shape (n,)
        A feature of the reference that is not there is missing in every row; other columns are not looked at.
    score : float64 array of shape (n,), optional
        Without one, the profile has no score.
    subjects : array of shape (n,), optional
        Who each row is about, None where it is not said; None altogether where no two rows are about the same.
    months : iterable of str

    Raises
    ------
    DataError
        If columns differ in length, or a number's column holds text.

    Examples
    --------
    >>> reference = reference_profile({"plan": np.array(["surf"] * 6 + ["ultimate"] * 2)})
    >>> today = profile_like(reference, {"plan": np.array(["surf", "ultimate", "gold", None], dtype=object)})
    >>> today.categories["plan"].other, today.categories["plan"].unknown, today.categories["plan"].missing
    (1, 1, 1)
    """
    rows = _rows(reference, columns, score, subjects)
    numbers = {name: _counted_numbers(name, known, columns, rows) for name, known in reference.numbers.items()}
    categories = {
        name: _counted_levels(known, columns[name]) if name in columns else _empty_levels(known, missing=rows)
        for name, known in reference.categories.items()
    }
    counted = None
    if score is not None and reference.score is not None:
        counted = _between(reference.score.edges, np.asarray(score, dtype=np.float64))
    seen = unnamed = None
    if subjects is not None:
        named = np.array([one is not None and one == one for one in subjects.tolist()], dtype=np.bool_)
        seen, unnamed = SubjectSketch.of(subjects[named]), rows - int(named.sum())
    distinct = rows if seen is None or unnamed is None else unnamed + seen.count
    return Profile(rows, distinct, tuple(sorted(set(months))), numbers, categories, counted, seen)


def empty_like(reference: Profile) -> Profile:
    """Return the profile of no rows on a reference's edges and levels: where a sum begins.

    Examples
    --------
    >>> empty_like(reference_profile({"minutes": np.array([1.0, 2.0])})).rows
    0
    """
    scores = None if reference.score is None else np.array([], dtype=np.float64)
    return profile_like(reference, {name: np.array([]) for name in reference.numbers}, score=scores)


def bin_edges(values: FloatArray, bins: int = BINS) -> FloatArray:
    """Return increasing edges: quantiles, equal ones joined, and both sides of every value with much mass.

    Parameters
    ----------
    values : float64 array of shape (n,)
        NaN and infinite ones are left out.
    bins : int
        Bins of equal mass, >= 2.

    Returns
    -------
    float64 array of shape (m,)
        Empty where no value is known.

    Examples
    --------
    >>> bin_edges(np.arange(1001.0), bins=4).tolist()
    [250.0, 500.0, 750.0]
    """
    _check_bins(bins)
    known = values[np.isfinite(values)]
    if not len(known):
        return np.array([], dtype=np.float64)
    distinct, counts = np.unique(known, return_counts=True)
    heavy = distinct[(counts * 2 * bins >= len(known)) & (counts > 1)]
    with np.errstate(over="ignore"):  # between the ends of what a double can hold
        quantiles = np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])
        span = float(np.ptp(quantiles))
    between = _coarse(quantiles[np.isfinite(quantiles) & ~np.isin(quantiles, heavy)], span)
    return np.unique(np.concatenate([between, heavy, np.nextafter(heavy, -np.inf)])) + 0.0


def _check_bins(bins: int) -> None:
    if bins < 2:
        raise DataError(f"profile: {bins!r} bins; give at least 2.")


def _coarse(values: FloatArray, span: float) -> FloatArray:
    if not 0 < span < np.inf:
        return values
    digits = _ROUNDED - int(np.floor(np.log10(span)))
    return np.round(values, digits) if digits <= 300 else values  # numbers that small are not usage


def _rows(reference: Profile, columns: Columns, score: FloatArray | None, subjects: NDArray[Any] | None) -> int:
    lengths = {name: len(columns[name]) for name in (*reference.numbers, *reference.categories) if name in columns}
    further = {"the score": score, "the subjects": subjects}
    lengths |= {name: len(values) for name, values in further.items() if values is not None}
    if len(set(lengths.values())) > 1:
        raise DataError(f"profile: columns of different lengths: {dict(list(lengths.items())[:5])}.")
    if not lengths:
        raise DataError("profile: the table has none of the features of the reference; is it the right table?")
    return next(iter(lengths.values()))


def _counted_numbers(name: str, known: BinCounts, columns: Columns, rows: int) -> BinCounts:
    if name not in columns:
        return BinCounts(known.edges, np.zeros(len(known.edges) + 1, dtype=np.int64), rows)
    try:
        values = columns[name].astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise DataError(f"profile: column {name!r} holds text, and numbers in the reference.") from error
    return _between(known.edges, values)


def _between(edges: FloatArray, values: FloatArray) -> BinCounts:
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1).astype(np.int64)
    missing = int(np.isnan(values).sum())
    counts[-1] -= missing  # NaN sorts behind every number
    return BinCounts(edges, counts, missing)


def _levels(column: NDArray[Any]) -> CategoryCounts:
    """Return a reference's levels, without counts: those often enough by name, the others by digest."""
    common = sorted(_tally(column).items(), key=lambda item: (-item[1], item[0]))
    kept = [level for level, count in common[:MOST_LEVELS] if count >= FEWEST_ROWS]
    tail = sorted(_digest(level) for level, _ in common[len(kept) : len(kept) + _MOST_TAIL])
    return CategoryCounts(dict.fromkeys(kept, 0), 0, 0, 0, tuple(tail))


def _counted_levels(known: CategoryCounts, column: NDArray[Any]) -> CategoryCounts:
    counts, tail = dict.fromkeys(known.counts, 0), set(known.tail)
    found = _tally(column)
    other = unknown = 0
    for level, count in found.items():
        if level in counts:
            counts[level] = count
        elif tail and _digest(level) in tail:
            other += count
        else:
            unknown += count
    return CategoryCounts(counts, other, unknown, len(column) - sum(found.values()), known.tail)


def _empty_levels(known: CategoryCounts, *, missing: int) -> CategoryCounts:
    return CategoryCounts(dict.fromkeys(known.counts, 0), 0, 0, missing, known.tail)


def _tally(column: NDArray[Any]) -> Counter[str]:
    """Rows by level as text, without those that are missing: None, NaN or pandas' NA."""
    found: Counter[str] = Counter()
    for value, count in Counter(column.tolist()).items():
        if isinstance(value, str):
            found[value] += count
        elif value is not None and _is_itself(value):
            found[str(value)] += count
    return found


def _is_itself(value: object) -> bool:
    """Whether a value is not NaN or NA; the latter has no truth of its own."""
    return (value == value) is True


def _digest(level: str) -> str:
    return sha256(level.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
