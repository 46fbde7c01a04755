"""Months of one subscriber rated on every plan at once: those to expect, and behind them those recorded.

`billing.rate`, `outlook.bill_outlook`, `outlook.share_above` and `advice.reasons.line_item_means` say what the figures
are. Bills are whole cents and the number of months to expect is a power of two, so means are exact, and as long as a
bill is below `_EXACT` the sums of squares are as well: they are the same bits in whatever order they are added.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from common_utils.array_types import FloatArray
from planrec.billing import MAX_USAGE, Catalogue
from planrec.billing.month_bills import MICRO
from planrec.outlook.forecast import SCENARIOS

__all__ = ["Rated", "RatedMonths"]

_EXACT = 2.0**19  # cents: SCENARIOS squares of differences below it, in fractions of SCENARIOS, are whole in a double
_WHOLE = 2.0**53  # up to it every whole number is a double


class Rated(NamedTuple):
    """Bills by plan, in cents: of the months to expect, then of those recorded.

    Attributes
    ----------
    mean, spread : list of float
        Of the months to expect.
    dearer : list of float or None
        Share of them that is dearer than on the plan held; None where that is not known.
    items : list of three lists of float
        What they cost beyond the fee by service, on average.
    past_items : list of three lists of float
        The same of the months recorded.
    past_dearer : list of float or None
        How many of those were dearer.
    bills : float64 array of shape (n_plans, SCENARIOS)
        Of the months to expect.
    """

    mean: list[float]
    spread: list[float]
    dearer: list[float] | None
    items: list[list[float]]
    past_items: list[list[float]]
    past_dearer: list[float] | None
    bills: FloatArray


class RatedMonths:
    """Rates months of one subscriber on the plans of a rate card.

    Parameters
    ----------
    catalogue : Catalogue
    """

    def __init__(self, catalogue: Catalogue) -> None:
        p = catalogue.prices
        self._sizes = np.array([[1], [1], [catalogue.rounding.data_unit_megabytes]]) * float(MICRO)
        included = np.stack([p.included_minutes, p.included_messages, p.included_data_units])
        cents = np.stack([p.cents_per_minute, p.cents_per_message, p.cents_per_data_unit])
        self._included = included[:, :, None].astype(np.float64)
        self._cents = cents[:, :, None].astype(np.float64)
        self._fees = p.fee_cents[:, None].astype(np.float64)
        dearest = float(cents.sum(axis=0).max()) * MAX_USAGE + float(self._fees.max())
        self._whole = dearest < _WHOLE / SCENARIOS
        self._weights: dict[int, FloatArray] = {}

    def __call__(self, usage: FloatArray, current: int) -> Rated | None:
        """Return what the months cost; None where only the reference can tell.

        Parameters
        ----------
        usage : float64 array of shape (3, SCENARIOS + n)
            By service: months to expect, then n recorded, n >= 1; overwritten.
        current : int
            Index of the plan held, -1 where unknown.
        """
        recorded = usage.shape[1] - SCENARIOS
        weights = self._weights.get(recorded)
        if weights is None:
            weights = self._weights[recorded] = _weights(recorded)
        usage *= MICRO
        np.rint(usage, out=usage)
        usage /= self._sizes
        units = np.ceil(usage, out=usage)  # exact: below 2**53 a quotient that is not whole is not rounded to a whole
        beyond = units[:, None, :] - self._included
        np.maximum(beyond, 0.0, out=beyond)
        beyond *= self._cents
        totals = np.add.reduce(beyond, axis=0)
        totals += self._fees
        means: list[float] = (totals @ weights[:, 0]).tolist()
        if not self._whole or (max(means) * SCENARIOS >= _EXACT and totals.max() >= _EXACT):
            return None
        bills = totals[:, :SCENARIOS]
        apart = bills - np.array(means)[:, None]
        apart *= apart
        spread = np.sqrt(apart @ weights[:SCENARIOS, 0])
        items = (beyond.reshape(-1, len(weights)) @ weights).T
        items[1] /= recorded
        ahead, past = items.reshape(2, 3, -1).tolist()
        dearer = past_dearer = None
        if current >= 0:
            above = np.greater(totals, totals[current]).astype(np.float64)
            dearer, past_dearer = (above @ weights).T.tolist()
        return Rated(means, spread.tolist(), dearer, ahead, past, past_dearer, bills)


def _weights(recorded: int) -> FloatArray:
    """Weights of the mean over the months to expect, and of the sum over those recorded; one row a month."""
    weights = np.zeros((SCENARIOS + recorded, 2))
    weights[:SCENARIOS, 0], weights[SCENARIOS:, 1] = 1 / SCENARIOS, 1.0
    return weights
