"""Bills that advice decides by, and which plans have none for a subscriber."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from planrec.outlook import History
from planrec.rules import ExclusionCode

if TYPE_CHECKING:  # the schema of full cards takes a third of a second to build, and most services have none
    from planrec.billing.cell_months import OwnMonths

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
    """

    totals: IntArray
    known: BoolArray
    closed: IntArray | None = None

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
