"""The features of one record, without a table: plain numbers where an array of one row would cost more than it does.

`DecisionMatrix` says what the features are; a test holds the two equal to the last bit, for any number of months. What
is out of the ordinary (no month, an amount that cannot be rated) is left to it, so there is one answer and one error.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan, sqrt
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
        self._in_order = matrix.history_months < _ADDED_IN_ORDER

    def __call__(self, record: SubscriberRecord) -> list[float]:
        """Return the features of one record, in the order of `matrix.feature_names`.

        Raises
        ------
        DataError
            As `decision_columns` and `DecisionMatrix`.
        """
        months = latest_months(record, self.matrix.history_months)
        services = (
            [float(month.minutes) for month in months],
            [float(month.messages) for month in months],
            [float(month.megabytes) for month in months],
        )
        ordinary = all(0 <= value <= MAX_USAGE for values in services for value in values)
        if not months or not ordinary or len(self._index) == 1:
            return self._by_table(record)
        row: list[float] = []
        means: list[float] = []
        for values in services:
            statistics = self._statistics(values)
            row += statistics
            means.append(statistics[1])
        self._add_bills(row, services, record.current_plan, means)
        known = {AGE: record.age, TENURE: record.tenure_months, CONTRACT_LEFT: record.contract_months_left}
        own = (TENURE, CONTRACT_LEFT) if self.matrix.with_current_plan else ()
        for name in (*own, *self.matrix.extra_columns):
            value = known.get(name)
            row.append(nan if value is None else float(value))
        return row

    def _by_table(self, record: SubscriberRecord) -> list[float]:
        columns = decision_columns(
            [record], history_months=self.matrix.history_months, extra_columns=self.matrix.extra_columns
        )
        return self.matrix(columns)[0].tolist()

    def _total(self, values: Sequence[float]) -> float:
        if self._in_order:
            total = 0.0
            for value in values:  # Python's own sum corrects its rounding, NumPy's does not
                total += value
            return total
        padded = np.zeros(self.matrix.history_months)
        padded[: len(values)] = values
        return float(np.add.reduce(padded))

    def _statistics(self, values: list[float]) -> list[float]:
        """Last, mean, spread, highest, trend and share of zeros, as `formulas` has them."""
        count = len(values)
        centred, squares = self._slopes[count - 1]
        mean = self._total(values) / count
        spread = sqrt(self._total([(value - mean) * (value - mean) for value in values]) / count)
        slope = self._total([c * value for c, value in zip(centred, values, strict=True)]) / squares
        return [values[0], mean, spread, max(values), slope, values.count(0.0) / count]

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
        most = [max(values) for values in units]
        bills: list[float] = []
        for fee, charges in self._plans:
            total = fee * count
            for service, included, cents in charges:
                if most[service] > included:  # most months stay within most allowances
                    for used in units[service]:
                        if used > included:
                            total += (used - included) * cents
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


def _centred(count: int) -> tuple[list[float], float]:
    """Months at 0, -1, -2, ... less their mean, and the sum of their squares (1 where that is 0)."""
    mean = -sum(range(count)) / count
    centred = [-place - mean for place in range(count)]
    return centred, sum(c * c for c in centred) or 1.0
