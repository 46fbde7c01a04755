"""Bills where cells are at hand: short plans from minutes, messages and megabytes, the others from cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from planrec.advice.plan_bills import PlanBills
from planrec.advice.reasons import CoveredMeans, ItemMeans, LineItemMeans, line_item_means
from planrec.billing import bill_totals
from planrec.billing.cell_months import CellPlans, MonthBills, OwnMonths, bill_months, multiplied_months, scaled_months
from planrec.outlook import SERVICES, History, share_above
from planrec.rules import ExclusionCode

__all__ = ["CellPricing", "billing_periods", "covered"]

_JANUARY_1970 = 1970 * 12  # month indices count from year 0, billing periods from here


def billing_periods(months: IntArray) -> IntArray:
    """Return the billing periods of month indices; -1 stays.

    Examples
    --------
    >>> billing_periods(np.array([1970 * 12 + 2, -1])).tolist()
    [2, -1]
    """
    return np.where(months >= 0, months - _JANUARY_1970, -1)


def covered(history: History, own: OwnMonths) -> BoolArray:
    """Return whether the cells of each subscriber are those of the months known: what was used in both is the same.

    Parameters
    ----------
    history : History
        n rows.
    own : OwnMonths
        Of the same months.

    Returns
    -------
    bool array of shape (n,)
    """
    return ((_usage(history) > 0) == own.used).all(axis=2, where=history.known[..., None].repeat(3, axis=2)).all(axis=1)


@dataclass(frozen=True)
class CellPricing:
    """Prices the plans of `CellPlans.wide`.

    Attributes
    ----------
    plans : CellPlans
    """

    plans: CellPlans

    def bills(self, history: History, own: OwnMonths | None, basis: History, change_month: IntArray) -> PlanBills:
        """Return what each subscriber would pay on every plan.

        Plans in the short form are rated from the basis as without cells, to the cent. The others are rated from cells:
        from those of the months known, each alone, where these are the basis, else from the months scaled to its
        scenarios.

        Parameters
        ----------
        history : History
            The months known, of n subscribers.
        own : OwnMonths or None
            Cells of the same months; None where there are none.
        basis : History
            `history`, or the scenarios of a forecast.
        change_month : int64 array of shape (n,)
            Month index whose prices hold for a forecast.

        Returns
        -------
        PlanBills
            A plan is closed as NEEDS_USAGE_DETAIL for who lacks cells of a month, or whose cells contradict its usage,
            and as NOT_SOLD for who used what it does not sell.
        """
        plans, (n, m) = self.plans, basis.known.shape
        few, many = len(plans.short.plans), len(plans.wide.plans)
        totals = np.zeros((n, m, many), dtype=np.int64)
        closed = np.zeros((n, many), dtype=np.int64)
        totals[..., :few] = bill_totals(basis.usage, plans.short)
        if own is None:
            closed[:, few:] = ExclusionCode.NEEDS_USAGE_DETAIL
            return PlanBills(totals, basis.known, closed)
        rated = own
        if basis is not history:
            period = billing_periods(change_month)
            rated = scaled_months(own, _usage(history), history.known, _usage(basis), period)
        further = bill_months(rated, plans.sheets)
        for k, bills in enumerate(further, start=few):
            totals[..., k] = bills.totals
            closed[bills.unsold.any(axis=1), k] = ExclusionCode.NOT_SOLD
        closed[~covered(history, own), few:] = ExclusionCode.NEEDS_USAGE_DETAIL
        return PlanBills(totals, basis.known, closed, tuple(further))

    def changed_bills(
        self,
        history: History,
        own: OwnMonths | None,
        basis: History,
        changed: History,
        factors: Sequence[float],
        change_month: IntArray,
    ) -> PlanBills:
        """Return what each subscriber would pay with other usage.

        Parameters
        ----------
        history, own, basis, change_month
            As for `bills`.
        changed : History
            The basis with other usage.
        factors : sequence of float
            What minutes, messages and megabytes of the basis were multiplied by: where the months known are the basis,
            their cells are multiplied alike, each month at the prices of its own dates.
        """
        if basis is not history or own is None:
            return self.bills(history, own, changed, change_month)
        found = self.bills(changed, multiplied_months(own, factors), changed, change_month)
        closed = np.zeros(found.totals[:, 0].shape, dtype=np.int64) if found.closed is None else found.closed
        closed[~covered(history, own), len(self.plans.short.plans) :] = ExclusionCode.NEEDS_USAGE_DETAIL
        return PlanBills(found.totals, found.known, closed)

    def item_means(self, history: History, own: OwnMonths, current: IntArray) -> LineItemMeans:
        """Return what the bills of the months known are made of, as `line_item_means` for plans in the short form.

        Parameters
        ----------
        history : History
            n rows, at least one known month each.
        own : OwnMonths
            Cells of the same months.
        current : int64 array of shape (n,)
            Index of the plan held, -1 where unknown.
        """
        return self.means(history, bill_months(own, self.plans.sheets), current)

    def means(self, history: History, bills: Sequence[MonthBills], current: IntArray) -> LineItemMeans:
        """Return what bills of months are made of on average.

        Parameters
        ----------
        history : History
            n rows, at least one known month each: those billed.
        bills : sequence of MonthBills
            Of the plans that cells price, as in `PlanBills.further`.
        current : int64 array of shape (n,)
            Index of the plan held, -1 where unknown.
        """
        plans = self.plans
        nothing, months = np.zeros((len(current), 0)), history.known.sum(axis=1)
        short = LineItemMeans(nothing, nothing, nothing, nothing, nothing.astype(np.int64), months)
        if plans.short.plans:
            short = line_item_means(history, plans.short, np.full(len(current), -1))
        totals = [bill_totals(history.usage, plans.short), np.stack([b.totals for b in bills], axis=2)]
        share = share_above(np.concatenate(totals, axis=2), history.known, current)
        dearer = np.rint(np.nan_to_num(share) * short.months[:, None]).astype(np.int64)
        further = tuple(_means(b, history.known) for b in bills)
        return replace(short, months_dearer=dearer, further=further)


def _means(bills: MonthBills, known: BoolArray) -> ItemMeans:
    count = known.sum(axis=1)[:, None]
    sums = [np.where(known, cents, 0).sum(axis=1) for cents in bills.items.values()]
    covered = (
        CoveredMeans(use.name, use.unit, np.where(known, use.amounts, 0).sum(axis=1) / count[:, 0])
        for use in bills.covered.values()
    )
    return ItemMeans(tuple(bills.items), np.stack(sums, axis=1) / count, tuple(covered))


def _usage(history: History) -> FloatArray:
    return np.stack([getattr(history.usage, service) for service in SERVICES], axis=2)
