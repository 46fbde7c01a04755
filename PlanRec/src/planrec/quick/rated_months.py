"""Months of one subscriber rated on every plan at once: those to expect, and behind them those recorded.

`billing.rate`, `outlook.bill_outlook`, `outlook.share_above` and `advice.reasons.line_item_means` say what the figures
are. Bills are whole cents and the number of months to expect is a power of two, so means are exact, and as long as a
bill is below `_EXACT` the sums of squares are as well: they are the same bits in whatever order they are added. So one
matrix product prices what is used, another takes all means, and a third all sums of squares and products.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from common_utils.array_types import FloatArray
from planrec.billing import MAX_USAGE, Catalogue
from planrec.billing.month_bills import MICRO
from planrec.outlook.forecast import SCENARIOS

__all__ = ["Rated", "RatedMonths"]

_EXACT = 2.0**19  # cents: SCENARIOS squares of differences below it, in fractions of SCENARIOS, are whole in a double
_ZERO = np.array(0.0)  # NumPy takes longer to convert a number
_WHOLE = 2.0**53  # up to it every whole number is a double


class Rated(NamedTuple):
    """Bills by plan, in cents: of the months to expect, then of those recorded.

    Attributes
    ----------
    mean, spread : list of float
        Of the months to expect.
    dearer : list of float or None
        In which share of them the bill is above the one on the plan held; None where that is unknown.
    items : list of three lists of float
        What is billed beyond the fee by service, on average.
    past_items : list of three lists of float
        The same of the months recorded, their sums.
    past_dearer : list of float or None
        How many of those were dearer.
    recorded : float64 array of shape (n_plans, n)
        Bills of the months recorded.
    squared : list of float
        Sums of the squared bills to expect.
    times_held : list of float
        Sums of their products with the bills on the plan held; with those on the last one where that is unknown.
    """

    mean: list[float]
    spread: list[float]
    dearer: list[float] | None
    items: list[list[float]]
    past_items: list[list[float]]
    past_dearer: list[float] | None
    recorded: FloatArray
    squared: list[float]
    times_held: list[float]

    def saving(self, plan: int, held: int) -> tuple[float, float]:
        """Return mean and standard deviation of what a plan saves from month to month: `outlook.saving_outlook`."""
        mean = self.mean[held] - self.mean[plan]
        squares = self.squared[held] - 2.0 * self.times_held[plan] + self.squared[plan]
        return mean, sqrt((squares - mean * mean * SCENARIOS) / SCENARIOS)


class RatedMonths:
    """Rates months of one subscriber on the plans of a rate card.

    Parameters
    ----------
    catalogue : Catalogue
    """

    def __init__(self, catalogue: Catalogue) -> None:
        p, plans = catalogue.prices, len(catalogue.plans)
        self._sizes = np.array([1, 1, catalogue.rounding.data_unit_megabytes]) * float(MICRO)
        included = np.stack([p.included_minutes, p.included_messages, p.included_data_units]).astype(np.float64)
        cents = np.stack([p.cents_per_minute, p.cents_per_message, p.cents_per_data_unit]).astype(np.float64)
        # From units of the services, and 1, to what units beyond those included cost, below 0 where there are none, and
        # 1; nobody uses more than MAX_USAGE. Then from these, and that 1, to bills.
        self._prices = np.zeros((3 * plans + 1, 4))
        for service in range(3):
            rows = self._prices[service * plans : (service + 1) * plans]
            rows[:, service], rows[:, 3] = cents[service], -np.minimum(included[service], MAX_USAGE) * cents[service]
        self._prices[-1, 3] = 1.0
        self._sums = np.concatenate((np.tile(np.eye(plans), 3), p.fee_cents[:, None].astype(np.float64)), axis=1)
        dearest = float(cents.sum(axis=0).max()) * MAX_USAGE + float(p.fee_cents.max())
        self._whole = dearest < _WHOLE / SCENARIOS
        self._plans = plans
        self._sized: dict[int, tuple[FloatArray, FloatArray, FloatArray]] = {}

    def __call__(self, usage: FloatArray, current: int) -> Rated | None:
        """Return what the months cost; None where only the reference can tell.

        Parameters
        ----------
        usage : float64 array of shape (4, SCENARIOS + n)
            By service: months to expect, then n recorded, n >= 1; overwritten. Then a row of ones.
        current : int
            Index of the plan held, -1 where unknown.
        """
        months, n = usage.shape[1], self._plans
        sized = self._sized.get(months)
        if sized is None:
            sized = self._sized[months] = self._of_so_many(months)
        micro, sizes, weights = sized
        units = usage[:3]
        units *= micro
        np.rint(units, out=units)
        units /= sizes
        np.ceil(units, out=units)  # exact: below 2**53 a quotient that is not whole is not rounded to a whole
        k = 3 * n + 1
        figures = np.empty((k + 2 * n, months))
        beyond, totals = figures[:k], figures[k : k + n]
        self._prices.dot(usage, out=beyond)
        np.maximum(beyond, _ZERO, out=beyond)
        self._sums.dot(beyond, out=totals)
        known = current >= 0
        if known:
            np.greater(totals, totals[current], out=figures[k + n :])
        else:
            figures = figures[: k + n]
        ahead, past = figures.dot(weights).T.tolist()
        means: list[float] = ahead[k : k + n]
        if not self._whole or (max(means) * SCENARIOS >= _EXACT and totals.max() >= _EXACT):
            return None
        bills = totals[:, :SCENARIOS]
        products = bills.dot(bills.T)
        squared: list[float] = products.ravel()[:: n + 1].tolist()
        return Rated(
            means,
            [sqrt((square - mean * mean * SCENARIOS) / SCENARIOS) for square, mean in zip(squared, means, strict=True)],
            ahead[k + n :] if known else None,
            [ahead[:n], ahead[n : 2 * n], ahead[2 * n : 3 * n]],
            [past[:n], past[n : 2 * n], past[2 * n : 3 * n]],
            past[k + n :] if known else None,
            totals[:, SCENARIOS:],
            squared,
            products[current].tolist(),
        )

    def _of_so_many(self, months: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return what so many months are multiplied and divided by, and the weights of mean and sum, a row a month.

        The mean is over the months to expect, the sum over those recorded. Arrays of the whole shape, because NumPy
        takes longer to stretch a small one.
        """
        weights = np.zeros((months, 2))
        weights[:SCENARIOS, 0], weights[SCENARIOS:, 1] = 1 / SCENARIOS, 1.0
        return np.full((3, months), float(MICRO)), np.repeat(self._sizes[:, None], months, axis=1), weights
