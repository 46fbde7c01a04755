"""The features of one record, without a table: plain numbers where an array of one row would cost more than it does.

`DecisionMatrix` says what the features are; a test holds the two equal to the last bit, for any number of months. What
is out of the ordinary (no month, an amount that cannot be rated) is left to it, so there is one answer and one error.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan, sqrt

import numpy as np

from common_utils.compiled import DecidedColumns
from planrec.billing import MAX_USAGE, UNLIMITED
from planrec.columns import AGE, CONTRACT_LEFT, TENURE
from planrec.decisions import DecisionMatrix, SubscriberRecord, UsageMonth
from planrec.decisions.formulas import FINITE_HEADROOM, decided_by_plan
from planrec.decisions.record import decision_columns, latest_months
from planrec.quick.packed_rates import ADDED_IN_ORDER, PackedRates

__all__ = ["RowFeatures"]

_EXACT = 1 << 53
_UNKNOWN = (nan,) * 6  # bill, spread, above the cheapest, three headrooms of a plan that is not known


class RowFeatures:
    """What `DecisionMatrix` makes of one record, in a fraction of the time.

    Parameters
    ----------
    matrix : DecisionMatrix
        Catalogue, months and columns.

    Attributes
    ----------
    matrix : DecisionMatrix
    names : tuple of str
        Columns of the matrix that a row gives, in order.
    decided : DecidedColumns or None
        The others: the plan held decides them, and is the last number of a row (its position, or the number of plans
        where it is not known). None, and no such number, where the plan held is no feature.

    Examples
    --------
    >>> from planrec.decisions import UsageMonth
    >>> features = RowFeatures(DecisionMatrix(megaline, 1, True))
    >>> row = features(SubscriberRecord([UsageMonth(24216, 510.0, 0.0, 0.0)], "surf"))
    >>> row[features.names.index("current_bill")], row[-1]
    (2030.0, 0)
    """

    def __init__(self, matrix: DecisionMatrix) -> None:
        self.matrix = matrix
        catalogue, p = matrix.catalogue, matrix.catalogue.prices
        self._plans = len(catalogue.plans)
        self._index: dict[str | None, int] = {plan_id: i for i, plan_id in enumerate(catalogue.plan_ids)}
        self.decided = DecidedColumns(*decided_by_plan(catalogue)) if matrix.with_current_plan else None
        by_plan = () if self.decided is None else self.decided.names
        self._free = [place for place, name in enumerate(matrix.feature_names) if name not in by_plan]
        self.names = tuple(matrix.feature_names[place] for place in self._free)
        self._rates = PackedRates(catalogue)
        included = np.array([p.included_minutes, p.included_messages, p.included_data_units])
        sizes = np.array([[1.0], [1.0], [catalogue.rounding.data_unit_megabytes]])
        self._allowances = np.where(included == UNLIMITED, inf, included * sizes).T.tolist()
        self._slopes = [_centred(count) for count in range(1, matrix.history_months + 1)]
        dearest = max(int(c.max()) for c in (p.cents_per_minute, p.cents_per_message, p.cents_per_data_unit))
        # Sums that a double holds exactly are divided alike by Python and NumPy.
        exact = (3 * MAX_USAGE * dearest + int(p.fee_cents.max())) * matrix.history_months < _EXACT
        self._quick = self._plans > 1 and matrix.history_months < ADDED_IN_ORDER and exact
        last = (*((TENURE, CONTRACT_LEFT) if matrix.with_current_plan else ()), *matrix.extra_columns)
        self._last = [name if name in (AGE, TENURE, CONTRACT_LEFT) else None for name in last]

    def __call__(self, record: SubscriberRecord) -> list[float]:
        """Return the features of one record, in the order of `names`, and the case where there are `decided` columns.

        Raises
        ------
        DataError
            As `decision_columns` and `DecisionMatrix`.
        """
        months = latest_months(record, self.matrix.history_months)
        if not months or not self._quick:
            return self._by_table(record)
        try:
            months_bills = self._rates.bills(months)
        except ValueError:
            return self._by_table(record)
        count = len(months)
        bills = [total / count for total in self._rates.by_plan(sum(months_bills))]
        cheapest = min(bills)
        row: list[float] = []
        if self.matrix.usage_statistics:
            _, *services = zip(*months, strict=True)
            for values in services:
                _add_statistics(row, values, *self._slopes[count - 1])
        row.append(count)
        row += [bill - cheapest for bill in bills]
        row += (cheapest, bills.index(cheapest))
        plan = self._index.get(record.current_plan, self._plans)
        if self.decided is not None:
            self._add_current(row, plan, cheapest, months, months_bills)
        for name in self._last:
            value = None if name is None else getattr(record, name)
            row.append(nan if value is None else value)
        if self.decided is not None:
            row.append(plan)
        return row

    def _add_current(
        self, row: list[float], plan: int, cheapest: float, months: list[UsageMonth], months_bills: list[int]
    ) -> None:
        """Append bill, spread, what it is above the cheapest, and the headroom of each service of the plan held."""
        if plan == self._plans:
            row += _UNKNOWN
            return
        count = len(months)
        paid = self._rates.on_plan(months_bills, plan)
        mean = sum(paid) / count
        # One after the other: Python's own sum of floats corrects its rounding, and NumPy's does not.
        squares = minutes = messages = megabytes = 0.0
        for (_, called, sent, used), bill in zip(months, paid, strict=True):
            minutes += called
            messages += sent
            megabytes += used
            squares += (bill - mean) * (bill - mean)
        of_minutes, of_messages, of_data = self._allowances[plan]
        row += (
            mean,
            sqrt(squares / count),
            mean - cheapest,
            min(of_minutes - minutes / count, FINITE_HEADROOM),
            min(of_messages - messages / count, FINITE_HEADROOM),
            min(of_data - megabytes / count, FINITE_HEADROOM),
        )

    def _by_table(self, record: SubscriberRecord) -> list[float]:
        columns = decision_columns(
            [record], history_months=self.matrix.history_months, extra_columns=self.matrix.extra_columns
        )
        row = self.matrix(columns)[0].take(self._free).tolist()
        return row if self.decided is None else [*row, self._index.get(record.current_plan, self._plans)]


def _add_statistics(row: list[float], values: Sequence[float], centred: list[float], squares: float) -> None:
    """Append last, mean, spread, highest, trend and share of zeros, as `formulas` has them."""
    count = len(values)
    total = trend = deviations = 0.0  # one after the other, as above
    for value, step in zip(values, centred, strict=True):
        total += value
        trend += step * value
    mean = total / count
    for value in values:
        deviations += (value - mean) * (value - mean)
    row += (values[0], mean, sqrt(deviations / count), max(values), trend / squares, values.count(0.0) / count)


def _centred(count: int) -> tuple[list[float], float]:
    """Months at 0, -1, -2, ... less their mean, and the sum of their squares (1 where that is 0)."""
    mean = -sum(range(count)) / count
    centred = [-place - mean for place in range(count)]
    return centred, sum(c * c for c in centred) or 1.0
