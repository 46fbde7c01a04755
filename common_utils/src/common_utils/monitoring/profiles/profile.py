"""What a table looked like, in counts that can be added up: no value of anybody. Light: neither pandas nor SciPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError
from common_utils.monitoring.profiles.subjects import SubjectSketch

__all__ = ["PROFILE_FORMAT", "BinCounts", "CategoryCounts", "Profile", "merge", "same_scale"]

PROFILE_FORMAT = 2

_Counts = TypeVar("_Counts", "BinCounts", "CategoryCounts")


@dataclass(frozen=True, eq=False)
class BinCounts:
    """A number's counts between unique, increasing edges fixed by the reference.

    Attributes
    ----------
    edges : float64 array of shape (n,)
    counts : int64 array of shape (n + 1,)
        Entry i counts the values v with edges[i-1] < v <= edges[i]; the first and the last are open. A value with much
        mass, such as zero, has a bin of its own.
    missing : int
        Rows without the number.

    Examples
    --------
    >>> minutes = BinCounts(np.array([0.0, 100.0]), np.array([4, 3, 2]), missing=1)
    >>> minutes.rows, minutes == BinCounts(np.array([0.0, 100.0]), np.array([4, 3, 2]), missing=1)
    (10, True)
    """

    edges: FloatArray
    counts: IntArray
    missing: int

    @property
    def rows(self) -> int:
        """Rows counted, those without the number as well."""
        return int(self.counts.sum()) + self.missing

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BinCounts):
            return NotImplemented
        same = np.array_equal(self.edges, other.edges) and np.array_equal(self.counts, other.counts)
        return same and self.missing == other.missing

    __hash__ = None  # type: ignore[assignment] - arrays are compared, not hashed


@dataclass(frozen=True)
class CategoryCounts:
    """A category's counts by level as the reference knows them.

    Attributes
    ----------
    counts : mapping of str to int
        By level that the reference holds often, as people write it.
    other : int
        Rows of the reference's rare levels.
    unknown : int
        Rows of levels that the reference does not know.
    missing : int
    tail : tuple of str
        Digests of the rare levels, by which `other` and `unknown` are told apart; sorted.

    Examples
    --------
    >>> CategoryCounts({"surf": 7, "ultimate": 2}, other=0, unknown=1, missing=0).rows
    10
    """

    counts: Mapping[str, int]
    other: int
    unknown: int
    missing: int
    tail: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows counted, those without the category as well."""
        return sum(self.counts.values()) + self.other + self.unknown + self.missing


def _no_numbers() -> dict[str, BinCounts]:
    return {}


def _no_categories() -> dict[str, CategoryCounts]:
    return {}


@dataclass(frozen=True)
class Profile:
    """Counts of every feature and of the model's score over the rows of some subjects.

    Attributes
    ----------
    rows : int
    subjects : int
        Distinct ones. Rows that name none count as one each; named ones are estimated where `seen` is given. A test
        takes rows as independent, so it is for rows == subjects.
    months : tuple of str
        The months the rows are of, sorted; `2025-10`. Empty where rows belong to none.
    numbers, categories : mapping of str to counts
        By feature as its users know it, before any encoding.
    score : BinCounts or None
        Of what the model answered: a probability, a price. A reference counts those of its rows that the model had not
        learnt from.
    seen : SubjectSketch or None
        The subjects of rows that name one.

    Examples
    --------
    >>> Profile(10, 10, ("2025-10",), {"minutes": BinCounts(np.array([0.0]), np.array([4, 5]), 1)}).rows
    10
    """

    rows: int
    subjects: int
    months: tuple[str, ...]
    numbers: Mapping[str, BinCounts] = field(default_factory=_no_numbers)
    categories: Mapping[str, CategoryCounts] = field(default_factory=_no_categories)
    score: BinCounts | None = None
    seen: SubjectSketch | None = None

    def without_score(self) -> Profile:
        """Return the profile of the features alone, for a table that was answered in another way."""
        return replace(self, score=None)


def merge(first: Profile, *others: Profile) -> Profile:
    """Return the profile of the rows of all: exactly what the rows together would give on the same reference.

    Parameters
    ----------
    first, *others : Profile
        Of the same features, on the edges and levels of one reference. Where a profile does not say which subjects it
        saw (`seen` is None), it counts rows of subjects that no other profile holds.

    Raises
    ------
    DataError
        If features, edges or levels differ; the message names the feature.

    Examples
    --------
    >>> hour = Profile(3, 3, ("2025-10",), {"minutes": BinCounts(np.array([0.0]), np.array([1, 2]), 0)})
    >>> both = merge(hour, hour)
    >>> both.rows, both.numbers["minutes"].counts.tolist()
    (6, [2, 4])
    """
    merged = first
    for other in others:
        merged = _pair(merged, other)
    return merged


def same_scale(a: Profile, b: Profile) -> bool:
    """Whether two profiles were counted on the edges and levels of one reference; their scores may be missing.

    Examples
    --------
    >>> one = Profile(3, 3, (), {"age": BinCounts(np.array([30.0]), np.array([1, 2]), 0)})
    >>> same_scale(one, one), same_scale(one, Profile(3, 3, ()))
    (True, False)
    """
    try:
        _pair(a.without_score(), b.without_score())
    except DataError:
        return False
    return a.score is None or b.score is None or np.array_equal(a.score.edges, b.score.edges)


def _pair(a: Profile, b: Profile) -> Profile:
    numbers = {name: _numbers(name, x, y) for name, (x, y) in _paired(a.numbers, b.numbers).items()}
    categories = {name: _categories(name, x, y) for name, (x, y) in _paired(a.categories, b.categories).items()}
    if (a.score is None) != (b.score is None):
        raise DataError("profiles: one has a score and the other none; merge profiles of one kind of answer.")
    score = None if a.score is None or b.score is None else _numbers("the score", a.score, b.score)
    unnamed = _unnamed(a) + _unnamed(b)
    seen = _joined(a.seen, b.seen)
    return Profile(
        rows=a.rows + b.rows,
        subjects=unnamed + (0 if seen is None else seen.count),
        months=tuple(sorted({*a.months, *b.months})),
        numbers=numbers,
        categories=categories,
        score=score,
        seen=seen,
    )


def _joined(a: SubjectSketch | None, b: SubjectSketch | None) -> SubjectSketch | None:
    if a is None or b is None:
        return b if a is None else a
    return a.joined(b)


def _unnamed(profile: Profile) -> int:
    return profile.subjects - (0 if profile.seen is None else profile.seen.count)


def _paired(a: Mapping[str, _Counts], b: Mapping[str, _Counts]) -> dict[str, tuple[_Counts, _Counts]]:
    if a.keys() != b.keys():
        apart: Sequence[str] = sorted(a.keys() ^ b.keys())
        raise DataError(f"profiles: feature(s) {apart[:5]} are in one and not in the other; merge those of one bundle.")
    return {name: (a[name], b[name]) for name in a}


def _numbers(name: str, a: BinCounts, b: BinCounts) -> BinCounts:
    if not np.array_equal(a.edges, b.edges):
        raise DataError(f"profiles: {name!r} has other edges in one than in the other; merge those of one bundle.")
    return BinCounts(a.edges, a.counts + b.counts, a.missing + b.missing)


def _categories(name: str, a: CategoryCounts, b: CategoryCounts) -> CategoryCounts:
    if a.counts.keys() != b.counts.keys() or a.tail != b.tail:
        raise DataError(f"profiles: {name!r} has other levels in one than in the other; merge those of one bundle.")
    counts = {level: count + b.counts[level] for level, count in a.counts.items()}
    return CategoryCounts(counts, a.other + b.other, a.unknown + b.unknown, a.missing + b.missing, a.tail)
