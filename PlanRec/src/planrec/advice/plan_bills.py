"""Bills that advice decides by, and which plans have none for a subscriber."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from planrec.rules import ExclusionCode

__all__ = ["PlanBills"]


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
