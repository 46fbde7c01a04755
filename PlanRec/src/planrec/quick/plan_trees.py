"""Trees over the plans of one choice: one search for all plans and numbers, one look-up, one sum.

`planrec.decisions.plan_tables.PlanTables` has the tables, and says what they add up to.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from planrec.decisions import SubscriberRecord
from planrec.decisions.plan_tables import PlanTables

__all__ = ["PlanTrees"]


class PlanTrees:
    """What the trees of a choice model add up to for each plan of one choice set.

    Parameters
    ----------
    tables : PlanTables
    n_plans : int
    """

    def __init__(self, tables: PlanTables, n_plans: int) -> None:
        self._query, self._points = _search(tables.thresholds, n_plans)
        self._of_plan = np.tile(np.arange(n_plans) * len(self._points), (len(self._query), 1))
        self._sums = tables.sums

    def log_odds(self, bills: FloatArray, held: int, above: FloatArray, record: SubscriberRecord) -> FloatArray:
        """Return the sums by plan, float64 array of shape (n_plans,).

        Parameters
        ----------
        bills : float64 array of shape (4, n_plans)
            The first four of `ALTERNATIVE_FEATURES`.
        held : int
            Position of the plan held, -1 where it is not looked at or not known.
        above : float64 array of shape (n_plans,)
            Utility of the logit above the best open plan's.
        record : SubscriberRecord
            Of age and tenure.
        """
        query = self._query.copy()
        numbers = query.imag  # in the order of `choice_sets.NUMBER_FEATURES`
        numbers[:4], numbers[4] = bills, above
        age, tenure = record.age, record.tenure_months
        numbers[5] = bills[0, held] if held >= 0 else nan
        numbers[6] = nan if age is None else age
        numbers[7] = nan if tenure is None else tenure
        places = self._points.searchsorted(query)
        places += self._of_plan
        return np.add.reduce(self._sums(held).take(places), axis=0)


def _search(thresholds: Sequence[FloatArray], n: int) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return the query of n numbers for each column, shape (n_columns, n), and the points it is sought in.

    Complex numbers are sorted by their real and then by their imaginary part: the place of a column is the one, the
    value the other (`common_utils.compiled.row_tables`). A missing value is sorted behind all others.
    """
    places = np.arange(len(thresholds)).astype(np.complex128)
    ends = [np.append(part, np.inf) for part in thresholds]
    points: NDArray[np.complex128] = np.concatenate([np.repeat(places, [len(part) for part in ends]), places])
    points.imag = np.concatenate([*ends, np.full(len(places), np.nan)])
    return np.repeat(places[:, None], n, axis=1), points
