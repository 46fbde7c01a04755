"""What one subscriber's bills say of every plan: means and spreads, recorded and believed, from tables of cents.

`planrec.decisions.alternative_features` says what they are; a test holds the two equal to the last bit. A month or an
amount out of the ordinary is left to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common_utils.array_types import FloatArray
from planrec.billing import Catalogue
from planrec.billing.month_bills import MICRO
from planrec.decisions import UsageMonth
from planrec.decisions.alternatives import BELIEF_FACTORS, RECENT_MONTHS
from planrec.outlook.questionnaire import OVERESTIMATION

__all__ = ["RowBills"]

_AT_HAND = 4096  # units of a service whose cents are at hand; few subscribers use more in a month
_EXACT_CENTS = 2_500_000  # squares of such cents, in sixty-fourths, and eight of them added up, stay whole in a double
_MOST = 1e12  # of all amounts together; a month beyond the tables is found later
_ADDED_IN_ORDER = 4  # NumPy adds so few numbers one after the other, with zeros behind them or not


class RowBills:
    """The first four of `ALTERNATIVE_FEATURES` for one subscriber.

    Parameters
    ----------
    catalogue : Catalogue

    Examples
    --------
    >>> bills = RowBills(megaline)
    >>> bills([UsageMonth(24216, 250.0, 0.0, 7680.0)]).tolist()  # surf, ultimate
    [[0.0, 50.0], [0.0, 0.0], [0.0, 50.0], [0.0, 0.0]]
    """

    def __init__(self, catalogue: Catalogue) -> None:
        p, n = catalogue.prices, len(catalogue.plans)
        fees = int(p.fee_cents.max())
        dearest = max(int(c.max()) for c in (p.cents_per_minute, p.cents_per_message, p.cents_per_data_unit))
        units = max(min(_AT_HAND, (_EXACT_CENTS - fees) // max(dearest, 1)), 0)
        each = np.arange(units)[:, None]
        parts = (
            (p.included_minutes, p.cents_per_minute, p.fee_cents),
            (p.included_messages, p.cents_per_message, 0),
            (p.included_data_units, p.cents_per_data_unit, 0),
        )
        tables = [np.maximum(each - included, 0) * cents + fixed for included, cents, fixed in parts]
        self._cents = np.concatenate(tables).astype(np.float64)
        size = catalogue.rounding.data_unit_megabytes
        self._sizes = np.array([MICRO, MICRO, size * MICRO], dtype=np.int64)
        self._round_up = self._sizes - 1
        self._first = np.array([0, units, 2 * units])
        factors = [sorted(set(column)) for column in BELIEF_FACTORS.T.tolist()]
        self._units, self._factors = units, factors
        every_pair = len(BELIEF_FACTORS) == len(set(map(tuple, BELIEF_FACTORS.tolist()))) == 8
        two_points = every_pair and [len(values) for values in factors] == [2, 2, 2]
        self._quick = n > 1 and units > 0 and two_points and RECENT_MONTHS < _ADDED_IN_ORDER

    def __call__(self, months: Sequence[UsageMonth]) -> FloatArray | None:
        """Return means above the cheapest plan's and spreads, believed and then recorded.

        Parameters
        ----------
        months : sequence of UsageMonth
            Most recent first.

        Returns
        -------
        float64 array of shape (4, n_plans) or None
            Units of the currency; None where only `alternative_features` can tell.
        """
        if not months or not self._quick:
            return None
        used = [amount for _, *of_month in months for amount in of_month]
        # A sum is NaN where one value is, which no comparison of them would tell.
        if not (min(used) >= 0 and sum(used) < _MOST):
            return None
        units = np.rint(np.array(self._believed(used, len(months)) + used) * MICRO).astype(np.int64).reshape(-1, 3)
        units += self._round_up
        units //= self._sizes
        if units.max() >= self._units:
            return None
        units += self._first
        cells = self._cents.take(units, axis=0)  # a row for low and high belief and each month, services, plans
        bills = np.add.reduce(cells, axis=1)
        found = np.empty((4, bills.shape[1]))
        np.add(bills[0], bills[1], out=found[0])
        found[0] *= 0.5
        apart = cells[1] - cells[0]
        apart *= apart
        np.add.reduce(apart, axis=0, out=found[1])
        found[1] *= 0.25
        recorded, count = bills[2:], float(len(months))
        mean = np.add.reduce(recorded, axis=0, out=found[2])
        mean /= count
        recorded -= mean
        recorded *= recorded
        np.add.reduce(recorded, axis=0, out=found[3])
        found[3] /= count
        means, spreads = found[0::2], found[1::2]
        means -= np.minimum.reduce(means, axis=1, keepdims=True)
        np.sqrt(spreads, out=spreads)
        found /= 100
        return found

    def _believed(self, used: list[float], known: int) -> list[float]:
        """Return the low belief of each service and then the high one, from amounts month by month."""
        low: list[float] = []
        high: list[float] = []
        count = min(known, RECENT_MONTHS)
        for service, (least, most) in enumerate(self._factors):
            total = 0.0
            for value in used[service : 3 * count : 3]:
                total += value
            believed = total / count * OVERESTIMATION
            # As NumPy rounds to two decimals.
            low.append(round(believed * least * 100) / 100)
            high.append(round(believed * most * 100) / 100)
        return low + high
