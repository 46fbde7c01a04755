"""What a table looked like, in counts that can be added up: no value of anybody. Light: neither pandas nor SciPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from common_utils.array_types import IntArray, FloatArray

__all__ = ["CategoryCounts", "NumberCounts", "Profile"]

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
    """A category's counts by level as the reference knows them; the tail, and levels it does not know, in `other`/`unknown`."""

    counts: Mapping[str, int]
    other: int
    unknown: int
    missing: int


@dataclass(frozen=True)
class Profile:
    """Counts of every feature and of the model's score over rows of distinct subjects."""

    rows: int
    subjects: int
    months: tuple[str, ...]
    numbers: Mapping[str, NumberCounts] = field(default_factory=dict)
    categories: Mapping[str, CategoryCounts] = field(default_factory=dict)
    score: NumberCounts | None = None
