"""What usage costs on every plan at once, for one subscriber: the plans' cents lie side by side in one long integer.

Adding two such integers adds the cents of all plans, so a month is rated on thirteen plans as quickly as on one.
`billing.bill_totals` says what the bills are; a test holds the two equal to the cent.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from struct import Struct

import numpy as np

from common_utils.array_types import IntArray
from planrec.billing import MAX_USAGE, UNLIMITED, Catalogue
from planrec.billing.rater import MICRO
from planrec.decisions import UsageMonth

__all__ = ["ADDED_IN_ORDER", "PackedRates"]

ADDED_IN_ORDER = 8
"""NumPy adds fewer than eight numbers one after the other, and more in pairs."""


_BITS = 64  # a plan; a hundred months of the largest usage at the highest price fit
_MASK = (1 << _BITS) - 1
_AT_HAND = 4096  # amounts whose cents are worked out once; few subscribers use more units in a month


class PackedRates:
    """Bills of usage months on every plan of a rate card.

    Parameters
    ----------
    catalogue : Catalogue

    Examples
    --------
    >>> rates = PackedRates(megaline)
    >>> bills = rates.bills([UsageMonth(24217, 510, 51, 15361), UsageMonth(24216, 0, 0, 0)])
    >>> rates.on_plan(bills, 0), rates.on_plan(bills, 1)  # 20.00 + .30 + .03 + 10.00, then 20.00
    ([3033, 2000], [7000, 7000])
    >>> rates.by_plan(sum(bills))
    (5033, 14000)
    """

    def __init__(self, catalogue: Catalogue) -> None:
        p = catalogue.prices
        nothing = np.zeros_like(p.fee_cents)
        self._struct = Struct(f"<{len(catalogue.plans)}q")
        self._size = catalogue.rounding.data_unit_megabytes * MICRO
        self._charges = (
            _Charges(p.included_minutes, p.cents_per_minute, p.fee_cents, MICRO),
            _Charges(p.included_messages, p.cents_per_message, nothing, MICRO),
            _Charges(p.included_data_units, p.cents_per_data_unit, nothing, self._size),
        )
        self._at_hand = tuple(charges.at_hand for charges in self._charges)

    def bills(self, months: Sequence[UsageMonth]) -> list[int]:
        """Return the bills of some months, packed: one integer a month.

        Raises
        ------
        ValueError
            If an amount is missing, negative, not finite or above `MAX_USAGE`; `billing` says which.
        """
        minutes, messages, data = self._at_hand
        size = self._size
        try:  # most subscribers have whole minutes and messages, which are the units themselves, and not many
            return [
                minutes[called] + messages[sent] + data[-(-round(used * MICRO) // size) if used >= 0 else -1]
                for _, called, sent, used in months
            ]
        except (KeyError, OverflowError):
            _, *amounts = zip(*months, strict=True)
            parts = (charges(values) for charges, values in zip(self._charges, amounts, strict=True))
            return [sum(part) for part in zip(*parts, strict=True)]

    def by_plan(self, packed: int) -> tuple[int, ...]:
        """Return the cents of a bill, or of a sum of bills, on every plan, in the order of the catalogue."""
        return self._struct.unpack(packed.to_bytes(self._struct.size, "little"))

    def on_plan(self, bills: Sequence[int], plan: int) -> list[int]:
        """Return the cents of each bill on one plan."""
        below = plan * _BITS
        return [packed >> below & _MASK for packed in bills]


class _Charges:
    """Cents of one service: those beyond the allowances, and a fixed part."""

    def __init__(self, included: IntArray, cents: IntArray, fixed: IntArray, size: int) -> None:
        self._size = size
        plans = list(zip(included.tolist(), cents.tolist(), fixed.tolist(), strict=True))
        # Between two allowances the cents of every plan lie on a line, and so does the long integer.
        self._allowances = sorted({allowance for allowance, _, _ in plans if allowance != UNLIMITED})
        self._lines = [
            (
                _packed(
                    [fixed - (allowance * cents if allowance <= above else 0) for allowance, cents, fixed in plans]
                ),
                _packed([cents if allowance <= above else 0 for allowance, cents, _ in plans]),
            )
            for above in (-1, *self._allowances)
        ]
        self.at_hand: dict[float, int] = {units: self._of(units) for units in range(_AT_HAND)}  # 3.0 finds 3

    def __call__(self, values: Sequence[float]) -> list[int]:
        if not (min(values) >= 0 and max(values) <= MAX_USAGE):
            raise ValueError("an amount that cannot be rated")
        size, at_hand = self._size, self.at_hand
        # Rounding refuses NaN, as the comparisons do not.
        units = [-(-round(value * MICRO) // size) for value in values]
        return [at_hand[each] if each < _AT_HAND else self._of(each) for each in units]

    def _of(self, units: int) -> int:
        start, slope = self._lines[bisect_left(self._allowances, units)]
        return start + units * slope


def _packed(cents: list[int]) -> int:
    """Return 64 bits a plan, the first plan lowest; a negative number borrows, and a sum that is none gives it back."""
    return sum(each << place * _BITS for place, each in enumerate(cents))
