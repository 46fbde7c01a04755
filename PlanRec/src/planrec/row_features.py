"""The features of one record, without a table: plain numbers where an array of one row would cost more than it does.

`DecisionMatrix` says what the features are; a test holds the two equal to the last bit, for any number of months. What
is out of the ordinary (no month, an amount that cannot be rated) is left to it, so there is one answer and one error.
"""

from __future__ import annotations

from math import inf, isfinite, nan, sqrt
from typing import TypeAlias

import numpy as np

from planrec.billing import MAX_USAGE
from planrec.catalogue import UNLIMITED
from planrec.columns import AGE, CONTRACT_LEFT, TENURE
from planrec.decision_matrix import DecisionMatrix
from planrec.encoding import SubscriberRecord, decision_columns, latest_months

__all__ = ["RowFeatures"]

_MICRO = 1_000_000
_FINITE_HEADROOM = 1e7  # as in formulas
# NumPy adds fewer than eight numbers one after the other, and more in pairs.
_ADDED_IN_ORDER = 8

_Charge: TypeAlias = tuple[int, int, int]  # service, units included, cents per further one


class RowFeatures:
    """What `DecisionMatrix` makes of one record, in a tenth of the time.

    Parameters
    ----------
    matrix : DecisionMatrix
        Catalogue, months and columns.

    Examples
    --------
    >>> from pathlib import Path
    >>> from planrec.catalogue import load_catalogue
    >>> from planrec.encoding import UsageMonth
    >>> card = load_catalogue(Path(__file__).parents[2] / "configs" / "plans_megaline.yaml")
    >>> features = RowFeatures(DecisionMatrix(card, 1, True))
    >>> row = features(SubscriberRecord([UsageMonth(24216, 510.0, 0.0, 0.0)], "surf"))
    >>> row[features.matrix.feature_names.index("current_bill")]
    2030.0
    """

    def __init__(self, matrix: DecisionMatrix) -> None:
        self.matrix = matrix
        catalogue, p = matrix.catalogue, matrix.catalogue.prices
        unit = catalogue.rounding.data_unit_megabytes
        sizes = np.array([1, 1, unit])
        self._unit = unit * _MICRO
        included = np.array([p.included_minutes, p.included_messages, p.included_data_units])
        cents = np.array([p.cents_per_minute, p.cents_per_message, p.cents_per_data_unit])
        self._plans: list[tuple[int, list[_Charge]]] = [
            (fee, [(service, *charge) for service, charge in enumerate(charges) if charge[1]])
            for fee, charges in zip(
                p.fee_cents.tolist(), np.stack([included, cents], axis=2).swapaxes(0, 1).tolist(), strict=True
            )
        ]
        self._allowances = np.where(included == UNLIMITED, inf, included * sizes[:, None].astype(float)).T.tolist()
        self._held = [
            [float(fee), float(plan.contract_months)]
            for fee, plan in zip(p.fee_cents.tolist(), catalogue.plans, strict=True)
        ]
        self._index = {plan_id: i for i, plan_id in enumerate(catalogue.plan_ids)}
        self._is_current = np.eye(len(catalogue.plans)).tolist()
        self._slopes = [_centred(count) for count in range(1, matrix.history_months + 1)]
        self._quick = len(catalogue.plans) > 1 and matrix.history_months < _ADDED_IN_ORDER
        self._last = (*((TENURE, CONTRACT_LEFT) if matrix.with_current_plan else ()), *matrix.extra_columns)

    def __call__(self, record: SubscriberRecord) -> list[float]:
        """Return the features of one record, in the order of `matrix.feature_names`.

        Raises
        ------
        DataError
            As `decision_columns` and `DecisionMatrix`.
        """
        months = latest_months(record, self.matrix.history_months)
        if not months or not self._quick:
            return self._by_table(record)
        row: list[float] = []
        means: list[float] = []
        services = (
            [float(month.minutes) for month in months],
            [float(month.messages) for month in months],
            [float(month.megabytes) for month in months],
        )
        centred, squares = self._slopes[len(months) - 1]
        for values in services:
            if not (
                min(values) >= 0
                and max(values) <= MAX_USAGE
                and isfinite(mean := _statistics(values, centred, squares, row))
            ):
                return self._by_table(record)
            means.append(mean)
        self._add_bills(row, services, record.current_plan, means)
        known = {AGE: record.age, TENURE: record.tenure_months, CONTRACT_LEFT: record.contract_months_left}
        for name in self._last:
            value = known.get(name)
            row.append(nan if value is None else float(value))
        return row

    def _by_table(self, record: SubscriberRecord) -> list[float]:
        columns = decision_columns(
            [record], history_months=self.matrix.history_months, extra_columns=self.matrix.extra_columns
        )
        return self.matrix(columns)[0].tolist()

    def _add_bills(
        self, row: list[float], services: tuple[list[float], ...], plan_id: str | None, means: list[float]
    ) -> None:
        """Append all that depends on bills: every month is rated on every plan, then averaged."""
        units = [
            [-(-round(value * _MICRO) // size) for value in values]
            for values, size in zip(services, (_MICRO, _MICRO, self._unit), strict=True)
        ]
        bills = self._mean_bills(units)
        cheapest = min(bills)
        row.append(float(len(units[0])))
        row += [bill - cheapest for bill in bills]
        row += [cheapest, float(bills.index(cheapest))]
        if not self.matrix.with_current_plan:
            return
        current = self._index.get(plan_id, -1) if plan_id is not None else -1
        if current < 0:
            row += [0.0] * len(bills)
            row += [nan] * 8
            return
        row += self._is_current[current]
        row += [bills[current], self._spread(units, current, bills[current]), bills[current] - cheapest]
        row += [min(a - m, _FINITE_HEADROOM) for a, m in zip(self._allowances[current], means, strict=True)]
        row += self._held[current]

    def _mean_bills(self, units: list[list[int]]) -> list[float]:
        count = len(units[0])
        ranges = [(min(values), max(values), sum(values)) for values in units]
        bills: list[float] = []
        for fee, charges in self._plans:
            total = fee * count
            for service, included, cents in charges:
                least, most, used = ranges[service]
                if least >= included:  # all months are above the allowance, or, as most are, all within it
                    total += (used - count * included) * cents
                elif most > included:
                    total += sum([used - included for used in units[service] if used > included]) * cents
            bills.append(total / count)
        return bills

    def _spread(self, units: list[list[int]], plan: int, mean: float) -> float:
        fee, charges = self._plans[plan]
        squares = 0.0
        for month in zip(*units, strict=True):
            total = fee
            for service, included, cents in charges:
                if month[service] > included:
                    total += (month[service] - included) * cents
            squares += (total - mean) * (total - mean)
        return sqrt(squares / len(units[0]))


def _statistics(values: list[float], centred: list[float], squares: float, row: list[float]) -> float:
    """Append last, mean, spread, highest, trend and share of zeros, as `formulas` has them; return the mean.

    Python's own sum corrects its rounding and NumPy's does not, so the numbers are added one after the other.
    """
    count = len(values)
    total = trend = deviations = 0.0
    for value, step in zip(values, centred, strict=True):
        total += value
        trend += step * value
    mean = total / count
    for value in values:
        deviations += (value - mean) * (value - mean)
    row += (values[0], mean, sqrt(deviations / count), max(values), trend / squares, values.count(0.0) / count)
    return mean


def _centred(count: int) -> tuple[list[float], float]:
    """Months at 0, -1, -2, ... less their mean, and the sum of their squares (1 where that is 0)."""
    mean = -sum(range(count)) / count
    centred = [-place - mean for place in range(count)]
    return centred, sum(c * c for c in centred) or 1.0
