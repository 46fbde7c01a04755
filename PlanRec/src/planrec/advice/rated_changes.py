"""Bills of months whose usage is changed, and of a plan that is only drafted; of full plans from cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from planrec.advice.engine import Engine, Subscribers
from planrec.advice.plan_bills import PlanBills
from planrec.billing import Catalogue, Plan, bill_totals
from planrec.outlook import History, Outlook, bill_outlook, saving_outlook
from planrec.rules import ExclusionCode

__all__ = ["MONTHS_A_YEAR", "ChangedBills", "MonthRating", "in_a_year", "with_draft"]

T = TypeVar("T", np.float64, np.int64)

MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class ChangedBills:
    """Bills of changed months on every plan; a plan without a bill has no figures."""

    bills: PlanBills

    def outlook(self) -> Outlook:
        """Return mean and spread of the bills."""
        found = bill_outlook(self.bills.totals, self.bills.known)
        if self.bills.closed is None:
            return found
        shut = self.bills.closed != ExclusionCode.NONE
        return Outlook(*(np.where(shut, np.nan, part) for part in (found.mean_cents, found.spread_cents)))

    def saving(self, rows: IntArray, plans: IntArray, held: IntArray) -> Outlook:
        """Return mean and spread of what plans save, as `saving_outlook`."""
        return Outlook(*saving_outlook(self.bills.totals, self.bills.known, rows, plans, held))

    def codes(self, codes: IntArray) -> IntArray:
        """Return why plans are not offered: because they have no bill, before all else."""
        closed = self.bills.closed
        return codes if closed is None else np.where(closed != ExclusionCode.NONE, closed, codes)


@dataclass(frozen=True, slots=True)
class MonthRating:
    """Rates the months of a basis with other usage.

    Attributes
    ----------
    engine : Engine
    people : Subscribers
    basis : History
        The months known of the subscribers, or those of a forecast.
    catalogue : Catalogue
        The engine's, and the draft.
    draft : Plan or None
        The last plan of the catalogue, where there is one more.
    """

    engine: Engine
    people: Subscribers
    basis: History
    catalogue: Catalogue
    draft: Plan | None

    def of(self, changed: History, factors: Sequence[float]) -> ChangedBills:
        """Return the bills of changed months.

        Parameters
        ----------
        changed : History
            The basis with other usage.
        factors : sequence of float
            By which its minutes, messages and megabytes were multiplied.
        """
        cells, people = self.engine.cells, self.people
        if cells is None:
            return ChangedBills(PlanBills(bill_totals(changed.usage, self.catalogue), changed.known))
        month = people.facts.change_month
        bills = cells.changed_bills(people.history, people.cells, self.basis, changed, factors, month)
        if self.draft is None:
            return ChangedBills(bills)
        alone = replace(self.catalogue, plans=(self.draft,), detailed=())
        totals = np.concatenate([bills.totals, bill_totals(changed.usage, alone)], axis=2)
        closed = None if bills.closed is None else with_draft(bills.closed, self.draft, ExclusionCode.NONE)
        return ChangedBills(PlanBills(totals, bills.known, closed))


def in_a_year(usual: Outlook, travel: Outlook) -> Outlook:
    """Return mean and spread of a month drawn from eleven usual ones and one of travel.

    Examples
    --------
    >>> cents = [np.array([[value]]) for value in (1200.0, 0.0, 2400.0)]
    >>> in_a_year(Outlook(cents[0], cents[1]), Outlook(cents[2], cents[1])).mean_cents.tolist()
    [[1300.0]]
    """
    rest = MONTHS_A_YEAR - 1
    mean: FloatArray = (rest * usual.mean_cents + travel.mean_cents) / MONTHS_A_YEAR
    within = (rest * usual.spread_cents**2 + travel.spread_cents**2) / MONTHS_A_YEAR
    between = rest / MONTHS_A_YEAR**2 * (usual.mean_cents - travel.mean_cents) ** 2
    return Outlook(mean, np.sqrt(within + between))


def with_draft(values: NDArray[T], draft: Plan | None, value: float) -> NDArray[T]:
    """Return values of plans with a further column for a plan that is only drafted, if there is one."""
    if draft is None:
        return values
    return np.column_stack([values, np.full(len(values), value, dtype=values.dtype)])
