"""Bills that advice decides by, and which plans have none for a subscriber."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from planrec.advice.reasons import LineItemMeans
from planrec.outlook import History
from planrec.rules import ExclusionCode

if TYPE_CHECKING:  # the schema of full cards takes a third of a second to build, and most services have none
    from planrec.billing.cell_months import MonthBills, OwnMonths

__all__ = ["PlanBills", "PricesPlans"]


@dataclass(frozen=True, slots=True)
class PlanBills:
    """What n subscribers would pay on each plan, whatever it was rated from.

    Attributes
    ----------
    totals : int64 array of shape (n, n_months, n_plans)
        Cents; of no meaning where a plan has no bill.
    known : bool array of shape (n, n_months)
    closed : int64 array of shape (n, n_plans) or None
        `ExclusionCode` of why a plan has no bill for a subscriber; None where all have.
    further : tuple of MonthBills
        Bills of the same months on the plans that are priced from cells, the last ones.
    """

    totals: IntArray
    known: BoolArray
    closed: IntArray | None = None
    further: tuple[MonthBills, ...] = ()

    def held(self, current: IntArray) -> IntArray:
        """Return the plan held, -1 where it is unknown or has no bill to be compared with; shape (n,)."""
        if self.closed is None:
            return current
        shut = self.closed[np.arange(len(current)), np.maximum(current, 0)] != ExclusionCode.NONE
        return np.where(shut, -1, current)


class PricesPlans(Protocol):
    """Says what subscribers would pay on plans that minutes, messages and megabytes alone do not price."""

    def bills(self, history: History, own: OwnMonths | None, basis: History, change_month: IntArray) -> PlanBills:
        """Return the bills, as `from_cells.CellPricing.bills`."""
        ...

    def item_means(self, history: History, own: OwnMonths, current: IntArray) -> LineItemMeans:
        """Return what the bills of the months known are made of, as `from_cells.CellPricing.item_means`."""
        ...

    def means(self, history: History, bills: Sequence[MonthBills], current: IntArray) -> LineItemMeans:
        """Return what bills of months are made of, as `from_cells.CellPricing.means`."""
        ...

    def changed_bills(
        self,
        history: History,
        own: OwnMonths | None,
        basis: History,
        changed: History,
        factors: Sequence[float],
        change_month: IntArray,
    ) -> PlanBills:
        """Return the bills with other usage, as `from_cells.CellPricing.changed_bills`."""
        ...
