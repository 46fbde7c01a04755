"""Who could have left in which month, how they stood then, and who did: every subscriber, contacted or not.

One row per subscriber and month with a month before it. A log of offers holds some hundred people who left; all months
of all subscribers hold many times more, and most of what leaving depends on has nothing to do with an offer.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from planrec.billing import bill_totals
from planrec.campaigns.expected import Foresight
from planrec.campaigns.moments import WINDOW, Campaign
from planrec.columns import (
    ACCEPTED,
    AGE,
    CONTRACT_LEFT,
    DECISION,
    KEY,
    MONTH,
    OFFERED_PLAN,
    SUBSCRIBER,
    TENURE,
)
from planrec.decisions import columns_of, decision_table, plan_indices
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.months import month_indices
from planrec.offers.leaving import bill_rise
from planrec.outlook import bill_outlook, history_of
from planrec.rules import ExclusionCode, exclusions
from planrec.usage.events import CHURN_DATE

__all__ = ["Exposure", "exposure"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """n subscriber months, ordered by subscriber and month.

    Attributes
    ----------
    subscribers : object array of shape (n,)
    month : int64 array of shape (n,)
        Month index; bills are those of the months before it.
    held : int64 array of shape (n,)
        Catalogue position of the plan held in the month.
    overpaid : float64 array of shape (n, n_plans)
        What each plan costs a month beyond the cheapest that may be held, in currency.
    feared : float64 array of shape (n, n_plans)
        Likewise by the months before or by the bills expected, whichever is more, as `Standing.overpaid` has it of an
        answer; `overpaid` where nothing is forecast.
    rise : float64 array of shape (n, n_plans)
        By how much the last bill on each plan lies above the mean of those before it, in currency.
    open : bool array of shape (n, n_plans)
        Plans that may be taken in the month, the one held included.
    tenure_years : float64 array of shape (n,)
    binds : bool array of shape (n,)
        Whether the contract binds beyond the month.
    contacted, accepted : bool arrays of shape (n,)
        Whether an offer was made, and one accepted, in the `WINDOW` months up to this one.
    left : bool array of shape (n,)
        Whether the subscriber left in the month.
    """

    subscribers: NDArray[np.object_]
    month: IntArray
    held: IntArray
    overpaid: FloatArray
    feared: FloatArray
    rise: FloatArray
    open: BoolArray
    tenure_years: FloatArray
    binds: BoolArray
    contacted: BoolArray
    accepted: BoolArray
    left: BoolArray

    def at(self, rows: IntArray | BoolArray) -> Exposure:
        """Return some of the rows, by position or mask."""
        return Exposure(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def months_on(self, steps: int) -> IntArray:
        """Return, for each row, the position of the same subscriber's row `steps` months later; -1 if there is none."""
        later = self._index(self.month + steps)
        return self._index(self.month).get_indexer(later).astype(np.int64)

    def _index(self, month: IntArray) -> pd.MultiIndex:
        return pd.MultiIndex.from_arrays([self.subscribers, month])


def exposure(operator: Campaign, *, history_months: int = 3, foresight: Foresight | None = None) -> Exposure:
    """Return every subscriber month of an operator from its recorded tables alone.

    Parameters
    ----------
    operator : Campaign
        Usage is rated on the rate card of the first month.
    history_months : int
        Months before each month to look at, >= 1.
    foresight : Foresight, optional
        What the bundle will know of the bills to come.

    Raises
    ------
    DataError
        If no subscriber has two months.

    Examples
    --------
    >>> from planrec.simulator.operator import simulate
    >>> from planrec.simulator.config import SimulatorConfig
    >>> operator = simulate(SimulatorConfig(subscribers=300), card, np.random.default_rng(1))
    >>> found = exposure(operator)
    >>> bool(found.left.any()), bool((found.accepted & ~found.contacted).any())
    (True, False)
    """
    months, catalogue = operator.months, operator.catalogue
    longest = history_months if foresight is None else max(history_months, foresight.history_months)
    table = decision_table(months.drop(columns=DECISION, errors="ignore"), history_months=longest)
    table = table.drop(columns=CONTRACT_LEFT).merge(months[[*KEY, CONTRACT_LEFT]], on=list(KEY), how="left")
    held, month = plan_indices(table[CHOSEN_PLAN], catalogue), month_indices(table[MONTH])
    if (held < 0).any():
        raise DataError("usage months: a plan held is missing or not in the rate card; add it, or map its name.")
    columns = columns_of(table)
    history = history_of(columns, history_months)
    totals = bill_totals(history.usage, catalogue)
    bill = bill_outlook(totals, history.known).mean_cents / 100
    may = exclusions(catalogue, month, held, table[AGE].to_numpy(dtype=np.float64)) == ExclusionCode.NONE
    overpaid = feared = _beyond_cheapest(bill, may)
    if foresight is not None:
        expected = foresight.bills(history_of(columns, foresight.history_months), catalogue)
        feared = np.maximum(overpaid, _beyond_cheapest(expected, may))
    rises = [bill_rise(totals[:, :, plan] / 100, history.known) for plan in range(totals.shape[2])]
    contacted, accepted = _lately(operator.offers, table[SUBSCRIBER].to_numpy(dtype=object), month)
    return Exposure(
        subscribers=table[SUBSCRIBER].to_numpy(dtype=object),
        month=month,
        held=held,
        overpaid=overpaid,
        feared=feared,
        rise=np.column_stack(rises),
        open=may,
        tenure_years=(table[TENURE].to_numpy(dtype=np.float64) + 1) / 12,
        binds=table[CONTRACT_LEFT].to_numpy(dtype=np.float64) > 0,
        contacted=contacted,
        accepted=accepted,
        left=_left_in(operator.subscribers, table[SUBSCRIBER], month),
    )


def _beyond_cheapest(bills: FloatArray, may: BoolArray) -> FloatArray:
    return np.maximum(bills - np.where(may, bills, np.inf).min(axis=1, keepdims=True), 0.0)


def _lately(offers: pd.DataFrame, subscribers: NDArray[np.object_], month: IntArray) -> tuple[BoolArray, BoolArray]:
    """Whether an offer was made, and one accepted, in the months up to each row's."""
    made = offers[offers[OFFERED_PLAN].notna()]
    said_yes = made[ACCEPTED].eq(True).to_numpy(dtype=np.bool_)
    rows = pd.MultiIndex.from_arrays([subscribers, month])
    contacted, accepted = np.zeros(len(month), dtype=np.bool_), np.zeros(len(month), dtype=np.bool_)
    when = month_indices(made[MONTH])
    for passed in range(WINDOW):
        at = rows.get_indexer(pd.MultiIndex.from_arrays([made[SUBSCRIBER].to_numpy(dtype=object), when + passed]))
        contacted[at[at >= 0]] = True
        accepted[at[(at >= 0) & said_yes]] = True
    return contacted, accepted


def _left_in(people: pd.DataFrame, subscribers: pd.Series[str], month: IntArray) -> BoolArray:
    dates = people.set_index(SUBSCRIBER)[CHURN_DATE].reindex(subscribers).to_numpy().astype("datetime64[M]")
    at = (dates - np.datetime64("0000-01", "M")).astype(np.float64)
    return ~np.isnat(dates) & (at == month)
