"""What a table looked like, in counts that can be added up: no value of anybody. Light: neither pandas nor SciPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from common_utils.array_types import FloatArray, IntArray

__all__ = ["PROFILE_FORMAT", "CategoryCounts", "NumberCounts", "Profile"]

PROFILE_FORMAT = 2


@dataclass(frozen=True)
class NumberCounts:
    """A number's counts between unique, increasing edges fixed by the reference.

    `counts` has `len(edges) + 1` entries: entry i counts values v with edges[i-1] < v <= edges[i]; the first and last
    are open. A value with much mass (zero) is an edge of its own (two equal neighbours are joined).
    """

    edges: FloatArray
    counts: IntArray
    missing: int


@dataclass(frozen=True)
class CategoryCounts:
    """A category's counts by level as the reference knows them.

    The reference's tail is joined into `other`; levels the reference does not know are counted in `unknown`.
    """

    counts: Mapping[str, int]
    other: int
    unknown: int
    missing: int


def _numbers() -> dict[str, NumberCounts]:
    return {}


def _categories() -> dict[str, CategoryCounts]:
    return {}


@dataclass(frozen=True)
class Profile:
    """Counts of every feature and of the model's score over rows of distinct subjects."""

    rows: int
    subjects: int
    months: tuple[str, ...]
    numbers: Mapping[str, NumberCounts] = field(default_factory=_numbers)
    categories: Mapping[str, CategoryCounts] = field(default_factory=_categories)
    score: NumberCounts | None = None
