"""What one subscriber's bills say of every plan: means and spreads, of recent and of all months, from tables of cents.

`planrec.decisions.alternative_features` says what they are; a test holds the two equal to the last bit. Every sum is
one of whole numbers below 2**53, so it is exact in whatever order BLAS adds. A month or an amount out of the ordinary
is left to the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from planrec.billing import Catalogue
from planrec.billing.month_bills import MICRO
from planrec.decisions import UsageMonth
from planrec.decisions.alternatives import RECENT_MONTHS, bill_units

__all__ = ["RowBills"]

_AT_HAND = 4096  # units of a service whose cents are at hand; few subscribers use more in a month
_WHOLE = 2.0**53  # up to it every whole number is a double
_SERVICES = 3


class _Steps(NamedTuple):
    """What is done with the usage of so many months, r of which are remembered; `k` are the months of each service.

    Attributes
    ----------
    micro, sizes : float64 arrays of shape (k,)
        Millionths a unit of usage, and of a billed unit.
    first, last : float64 arrays of shape (k,)
        Where a service begins in the table of cents, and where it ends.
    sums : float64 array of shape (4 + r + months, k)
        From cents to sums of bills, remembered and of all months, a row of zeros after each; then to what is squared:
        months x bill less their sum, remembered and of all.
    squares : float64 array of shape (4, r + months)
        From those squares to their sums, a row of zeros before each.
    units : float64 array of shape (4, n_plans)
        What the four are divided by.
    """

    micro: FloatArray
    sizes: FloatArray
    first: FloatArray
    last: FloatArray
    sums: FloatArray
    squares: FloatArray
    units: FloatArray


class RowBills:
    """The first four of `ALTERNATIVE_FEATURES` for one subscriber.

    Parameters
    ----------
    catalogue : Catalogue
    history_months : int
        Months looked at, at most.

    Examples
    --------
    >>> bills = RowBills(megaline, 6)
    >>> bills([UsageMonth(24216, 250.0, 0.0, 7680.0)]).tolist()  # surf, ultimate
    [[0.0, 50.0], [0.0, 0.0], [0.0, 50.0], [0.0, 0.0]]
    """

    def __init__(self, catalogue: Catalogue, history_months: int) -> None:
        p = catalogue.prices
        parts = (
            (p.included_minutes, p.cents_per_minute, p.fee_cents),
            (p.included_messages, p.cents_per_message, 0),
            (p.included_data_units, p.cents_per_data_unit, 0),
        )
        units = [_units_at_hand(p.fee_cents, cents, history_months) for _, cents, _ in parts]
        tables = [
            np.maximum(np.arange(known)[:, None] - included, 0) * cents + fixed
            for known, (included, cents, fixed) in zip(units, parts, strict=True)
        ]
        beyond = np.full((1, len(catalogue.plans)), np.nan)
        self._cents = np.concatenate([part for table in tables for part in (table, beyond)])
        sizes = [MICRO, MICRO, catalogue.rounding.data_unit_megabytes * MICRO]
        counts = range(1, history_months + 1) if min(units) else ()
        self._steps = [_steps(months, sizes, units, len(catalogue.plans)) for months in counts]

    def __call__(self, months: Sequence[UsageMonth]) -> FloatArray | None:
        """Return means above the cheapest plan's and spreads, of the months remembered and then of all.

        Parameters
        ----------
        months : sequence of UsageMonth
            Most recent first, no more than `history_months`.

        Returns
        -------
        float64 array of shape (4, n_plans) or None
            Units of the currency; None where only `alternative_features` can tell.
        """
        if not (months and self._steps):
            return None
        _, minutes, messages, megabytes = zip(*months, strict=True)
        used = (*minutes, *messages, *megabytes)
        if not min(used) >= 0:
            return None
        steps = self._steps[len(months) - 1]
        units = np.array(used) * steps.micro
        np.rint(units, out=units)
        units /= steps.sizes  # exact where whole, and below 2**53 no other quotient is rounded to a whole number
        units += steps.first
        np.ceil(units, out=units)
        np.fmin(units, steps.last, out=units)  # what is no number is beyond the table as well
        sums = np.dot(steps.sums, self._cents.take(units.astype(np.intp), axis=0))
        squares = sums[4:]
        squares *= squares
        found = np.dot(steps.squares, squares)
        np.sqrt(found, out=found)
        means = sums[:4]
        means -= np.minimum.reduce(means, axis=1, keepdims=True)
        found += means
        found /= steps.units
        told: float = found[0, 0] + found[2, 0]
        return found if told == told else None  # beyond the tables lies NaN


def _units_at_hand(fees: IntArray, cents: IntArray, history_months: int) -> int:
    """How many units of a service are tabled, so that all sums stay exact."""
    # n numbers between 0 and b: their n-fold differences from their sum, squared, add up to n**3 b**2 / 4 at most.
    largest = int(np.sqrt(4 * _WHOLE / history_months**3))
    return max(min(_AT_HAND, (largest - int(fees.max())) // _SERVICES // max(int(cents.max()), 1)), 0)


def _steps(months: int, sizes: Sequence[int], units: Sequence[int], n_plans: int) -> _Steps:
    bills = np.tile(np.eye(months), _SERVICES)  # of all services together, one row a month
    parts = bills[:RECENT_MONTHS], bills
    totals = [part.sum(axis=0) for part in parts]
    apart = [len(part) * part - total for part, total in zip(parts, totals, strict=True)]
    counts = [len(part) for part in parts]
    squares = np.zeros((4, sum(counts)))
    squares[1, : counts[0]], squares[3, counts[0] :] = 1.0, 1.0
    divisors = [unit for count in counts for unit in bill_units(np.array(float(count)))]
    ends = np.cumsum([known + 1 for known in units]) - 1
    first, last = (np.repeat(part, months).astype(np.float64) for part in (ends - units, ends))
    return _Steps(
        micro=np.full(_SERVICES * months, float(MICRO)),
        sizes=np.repeat(np.array(sizes, dtype=np.float64), months),
        first=first,
        last=last,
        sums=np.vstack([totals[0], 0 * totals[0], totals[1], 0 * totals[1], *apart]),
        squares=squares,
        units=np.repeat(np.array(divisors)[:, None], n_plans, axis=1),
    )
