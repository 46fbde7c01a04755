"""A world of twenty features whose law is known, so that a day's counts are drawn as counts: exact, and fast.

A reference is made of values, because its bin edges come from them. A day of n subjects is then one multinomial draw a
feature, from the chances of its bins under the law.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, pdtr

from common_utils.array_types import FloatArray
from common_utils.monitoring.profiles.counting import reference_profile
from common_utils.monitoring.profiles.profile import BinCounts, CategoryCounts, Profile

__all__ = ["FEATURES", "DriftWorld", "Number", "SimulatedCategory", "lognormal"]


@dataclass(frozen=True)
class Number:
    """A number's law.

    Attributes
    ----------
    draw : callable
        (rng, n) -> n values.
    below : callable
        Edges -> chance of a value at or below each.
    missing : float
        Share of subjects without a value.
    """

    draw: Callable[[np.random.Generator, int], FloatArray]
    below: Callable[[FloatArray], FloatArray]
    missing: float = 0.0


@dataclass(frozen=True)
class SimulatedCategory:
    """A category of so many levels, the r-th as common as 1 / r."""

    levels: int
    missing: float = 0.0

    def draw(self, rng: np.random.Generator, n: int) -> NDArray[Any]:
        """Return n levels, `0` the most common; None where there is none."""
        levels = rng.choice(self.levels, n, p=self.shares()).astype(str).astype(object)
        levels[rng.random(n) < self.missing] = None
        return levels

    def shares(self) -> FloatArray:
        """Return the share of each level among subjects that have one."""
        weight = 1 / np.arange(1.0, self.levels + 1)
        return weight / weight.sum()


def lognormal(sigma: float, zeros: float = 0.0, missing: float = 0.0) -> Number:
    """Return the law of exp(sigma z), and of 0 for a share of subjects.

    Examples
    --------
    >>> lognormal(0.7, zeros=0.4).below(np.array([0.0, 1.0])).round(3).tolist()
    [0.4, 0.7]
    """

    def draw(rng: np.random.Generator, n: int) -> FloatArray:
        return np.where(rng.random(n) < zeros, 0.0, np.exp(sigma * rng.standard_normal(n)))

    def below(edges: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore"):
            positive = ndtr(np.log(np.maximum(edges, 0.0)) / sigma)
        return np.where(edges < 0, 0.0, zeros + (1 - zeros) * positive)

    return Number(draw, below, missing)


def _count(mean: float) -> Number:
    return Number(
        lambda rng, n: rng.poisson(mean, n).astype(np.float64),
        lambda edges: np.where(edges < 0, 0.0, pdtr(np.maximum(np.floor(edges), 0), mean)),
    )


def _yes(share: float, missing: float = 0.0) -> Number:
    return Number(
        lambda rng, n: (rng.random(n) < share).astype(np.float64),
        lambda edges: np.where(edges < 0, 0.0, np.where(edges < 1, 1 - share, 1.0)),
        missing,
    )


FEATURES: Mapping[str, Number | SimulatedCategory] = {
    "minutes": lognormal(0.5),
    "messages": lognormal(0.6),
    "megabytes": lognormal(0.7),
    "bill": lognormal(0.8),
    "roaming_minutes": lognormal(1.0, zeros=0.4),
    "premium_cents": lognormal(0.7, zeros=0.4),
    "abroad_megabytes": lognormal(1.2, zeros=0.4, missing=0.02),
    "tenure": lognormal(0.9, missing=0.1),
    "spread": lognormal(1.0, missing=0.001),
    "contract_months": _count(6.0),
    "complaints": _count(0.3),
    "lines": _count(1.5),
    "has_contract": _yes(0.5),
    "has_handset": _yes(0.1, missing=0.01),
    "is_business": _yes(0.01),
    "plan": SimulatedCategory(13),
    "contract_kind": SimulatedCategory(3),
    "region": SimulatedCategory(20, missing=0.01),
    "handset": SimulatedCategory(80),
    "cell": SimulatedCategory(300),
}
"""What gates speak of: 40 % zeros, ties, booleans, rare yes, missing shares, categories of 3 to 300 levels."""


@dataclass
class DriftWorld:
    """One reference of a world, and days after it.

    Parameters
    ----------
    rng : numpy.random.Generator
    rows : int
        Subjects of the reference.
    features : mapping, optional

    Examples
    --------
    >>> world = DriftWorld(np.random.default_rng(0), rows=5_000)
    >>> day = world.day(np.random.default_rng(1), 300, times={"megabytes": 1.5})
    >>> day.subjects, world.reference.subjects, len(day.numbers) + len(day.categories)
    (300, 5000, 20)
    """

    rng: np.random.Generator
    rows: int = 50_000
    features: Mapping[str, Number | SimulatedCategory] = field(default_factory=lambda: dict(FEATURES))
    reference: Profile = field(init=False)

    def __post_init__(self) -> None:
        columns: dict[str, NDArray[Any]] = {}
        self._seen: dict[str, frozenset[str]] = {}
        for name, law in self.features.items():
            columns[name] = (
                law.draw(self.rng, self.rows) if isinstance(law, SimulatedCategory) else _with_gaps(law, self)
            )
            if isinstance(law, SimulatedCategory):
                self._seen[name] = frozenset(level for level in columns[name].tolist() if level)
        self.reference = reference_profile(columns, months=("2025-01",))
        self._known: dict[str, FloatArray] = {}

    def day(self, rng: np.random.Generator, n: int, *, times: Mapping[str, float] | None = None) -> Profile:
        """Return the counts of a day of n subjects; `times` multiplies the values of numbers by name."""
        numbers: dict[str, BinCounts] = {}
        categories: dict[str, CategoryCounts] = {}
        for name, law in self.features.items():
            factor = (times or {}).get(name, 1.0)
            counts = rng.multinomial(n, self._chances(name, law, factor))
            if isinstance(law, Number):
                numbers[name] = BinCounts(self.reference.numbers[name].edges, counts[:-1], int(counts[-1]))
            else:
                known = self.reference.categories[name]
                kept = dict(zip(known.counts, counts[:-3].tolist(), strict=True))
                categories[name] = CategoryCounts(kept, *map(int, counts[-3:]), tail=known.tail)
        return Profile(n, n, ("2025-02",), numbers, categories)

    def _chances(self, name: str, law: Number | SimulatedCategory, factor: float) -> FloatArray:
        key = f"{name} {factor}"
        if key not in self._known:
            self._known[key] = self._law(name, law, factor)
        return self._known[key]

    def _law(self, name: str, law: Number | SimulatedCategory, factor: float) -> FloatArray:
        if isinstance(law, Number):
            below = law.below(self.reference.numbers[name].edges / factor)
            return np.append(np.diff([0.0, *below, 1.0]) * (1 - law.missing), law.missing)
        shares = law.shares() * (1 - law.missing)
        kept = {level: float(shares[int(level)]) for level in self.reference.categories[name].counts}
        seen = sum(float(shares[int(level)]) for level in self._seen[name])
        tail = seen - sum(kept.values())
        return np.maximum([*kept.values(), tail, 1 - law.missing - seen, law.missing], 0.0)


def _with_gaps(law: Number, world: DriftWorld) -> FloatArray:
    return np.where(world.rng.random(world.rows) < law.missing, np.nan, law.draw(world.rng, world.rows))
