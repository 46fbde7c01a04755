"""Exact amounts: integer numerators over one denominator, in Python's own integers where 64 bits do not hold them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import IntArray

__all__ = ["Money", "round_charge"]

_SAFE = 2**62


@dataclass(frozen=True)
class Money:
    """Amounts in cents; `numbers / denominator`, exact.

    Attributes
    ----------
    numbers : int64 or object array
        Numerators; objects are Python integers.
    denominator : int
    """

    numbers: NDArray[np.int64] | NDArray[np.object_]
    denominator: int = 1

    @classmethod
    def zeros(cls, n: int) -> Money:
        """Return n amounts of nothing."""
        return cls(np.zeros(n, dtype=np.int64))

    @classmethod
    def of(cls, amount: Fraction, times: IntArray) -> Money:
        """Return an exact amount times whole numbers.

        Examples
        --------
        >>> Money.of(Fraction(1, 3), np.array([1, 2])).rounded().tolist()
        [0, 1]
        """
        return cls(_times(times, amount.numerator), amount.denominator)

    def _over(self, denominator: int) -> NDArray[np.int64] | NDArray[np.object_]:
        return _times(self.numbers, denominator // self.denominator)

    def __add__(self, other: Money) -> Money:
        common = lcm(self.denominator, other.denominator)
        left, right = self._over(common), other._over(common)
        if _largest(left) + _largest(right) >= _SAFE:
            left = left.astype(object)
        return Money(left + right, common)

    def times(self, factor: Fraction) -> Money:
        """Return the amounts times an exact factor."""
        return Money(_times(self.numbers, factor.numerator), self.denominator * factor.denominator)

    def scaled(self, parts: IntArray, wholes: IntArray) -> Money:
        """Return each amount times its own parts / wholes."""
        common = lcm(*np.unique(wholes).tolist()) if len(wholes) else 1
        factors = parts * (common // wholes)
        numbers = self.numbers
        if _largest(numbers) * max(_largest(factors), 1) >= _SAFE:
            numbers = numbers.astype(object)
        return Money(numbers * factors, self.denominator * common)

    def between(self, low: Fraction, high: Fraction | None) -> Money:
        """Return the part of each amount above `low` and not above `high`."""
        bounds = [low] if high is None else [low, high]
        common = lcm(self.denominator, *(b.denominator for b in bounds))
        numbers = self._over(common)
        if _largest(numbers) + max(int(bound * common) for bound in bounds) >= _SAFE:
            numbers = numbers.astype(object)
        top = numbers if high is None else np.minimum(numbers, int(high * common))
        return Money(np.maximum(top - int(low * common), 0), common)

    def where(self, keep: NDArray[np.bool_]) -> Money:
        """Return the amounts where `keep`, nothing elsewhere."""
        return Money(np.where(keep, self.numbers, 0), self.denominator)

    def rounded(self) -> IntArray:
        """Return whole cents, half up and away from zero.

        Examples
        --------
        >>> Money(np.array([5, -5, 4]), 10).rounded().tolist()
        [1, -1, 0]
        """
        numbers = self.numbers
        if 2 * _largest(numbers) + self.denominator >= _SAFE:
            numbers = numbers.astype(object)
        size = (2 * np.abs(numbers) + self.denominator) // (2 * self.denominator)
        return np.asarray(np.where(numbers < 0, -size, size), dtype=np.int64)


def _largest(numbers: NDArray[np.int64] | NDArray[np.object_]) -> int:
    return int(np.abs(numbers).max()) if len(numbers) else 0


def _times(numbers: NDArray[np.int64] | NDArray[np.object_], factor: int) -> NDArray[np.int64] | NDArray[np.object_]:
    if _largest(numbers) * max(abs(factor), 1) >= _SAFE or abs(factor) >= _SAFE:
        numbers = numbers.astype(object)
    return numbers * factor


def round_charge(amounts: IntArray, unit: int, how: str) -> IntArray:
    """Round charges of events to multiples of `unit`, half up or up; amounts are not negative.

    Examples
    --------
    >>> round_charge(np.array([5, 15, 0]), 10, "half_up").tolist(), round_charge(np.array([1, 10]), 10, "up").tolist()
    ([10, 20, 0], [10, 10])
    """
    if how == "up":
        return -(-amounts // unit) * unit
    return (amounts + unit // 2) // unit * unit if unit % 2 == 0 else (2 * amounts + unit) // (2 * unit) * unit
