"""The figures of notices: every plan on the months of each basis, worked out from the basis and the rate card alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from common_utils.array_types import IntArray
from common_utils.errors import DataError
from planrec.advice.from_cells import CellPricing
from planrec.advice.ranking import rank_plans
from planrec.billing import Catalogue
from planrec.months import month_text
from planrec.notices.notice import Basis, NoticeFigures, PlanCost
from planrec.notices.rated import rated_months
from planrec.rules import ExclusionCode, exclusions, without_detail

__all__ = ["figures_of", "figures_or_reasons"]


def figures_of(bases: Sequence[Basis], catalogue: Catalogue, cells: CellPricing | None = None) -> list[NoticeFigures]:
    """Return the figures of each basis: from it and the rate card alone.

    Parameters
    ----------
    bases : sequence of Basis
    catalogue : Catalogue
    cells : CellPricing, optional
        What prices full plans from the cells of the bases; the catalogue is then its `CellPlans.wide`.

    Raises
    ------
    DataError
        If a basis holds no month, usage of another length than its months, a plan the rate card lacks, cells that do
        not hold together, or if the plan held has no bill.

    Examples
    --------
    >>> from planrec.notices.notice import basis_of, versions_of
    >>> basis = basis_of("a", as_of=date(2018, 3, 1), contract_end=None, current_plan="ultimate", age=None,
    ...                  months=["2018-01", "2018-02"], versions=versions_of(megaline, ""),
    ...                  usage=([510_000_000, 0], [0, 0], [0, 16_384_000_000]))
    >>> figures = figures_of([basis], megaline)[0]  # surf: 20.30 and 30.00
    >>> figures.best.plan_id, figures.best.monthly_cents, figures.best.saving_yearly_cents, str(figures.change_from)
    ('surf', 2515, 53820, '2018-04-01')
    """
    found = figures_or_reasons(bases, catalogue, cells)
    figures = [one for one in found if isinstance(one, NoticeFigures)]
    if len(figures) < len(bases):
        raise DataError(
            f"notices: {len(bases) - len(figures)} basis(es) hold a plan whose bills their cells do not say; leave "
            "these subscribers out, or give the cells of their months."
        )
    return figures


def figures_or_reasons(
    bases: Sequence[Basis], catalogue: Catalogue, cells: CellPricing | None = None
) -> list[NoticeFigures | ExclusionCode]:
    """Return the figures of each basis, or why the plan held has no bill: NEEDS_USAGE_DETAIL or NOT_SOLD.

    Parameters
    ----------
    bases, catalogue, cells
        As `figures_of`.

    Raises
    ------
    DataError
        As `figures_of`, but for plans held without a bill.
    """
    if not bases:
        return []
    _check(bases, catalogue)
    current = np.array([catalogue.index(basis.current_plan) for basis in bases], dtype=np.int64)
    changes = [_change_from(basis) for basis in bases]
    comparison = _Comparison(bases, catalogue, current, cells)
    unpriced = comparison.closed[np.arange(len(bases)), current]
    rules = _excluded(bases, changes, catalogue, current)
    excluded = np.where(rules != ExclusionCode.NONE, rules, comparison.closed)
    best, free = comparison.best(excluded)
    return [
        ExclusionCode(unpriced[i])
        if unpriced[i]
        else NoticeFigures(
            change_from=changes[i],
            current=comparison.tariff(i, int(current[i]), changes[i]),
            best=comparison.tariff(i, int(best[i]), changes[i]),
            best_without_contract=comparison.tariff(i, int(free[i]), changes[i]),
            stay=bool(best[i] == current[i]),
            not_offered={
                **{catalogue.plan_ids[p]: ExclusionCode(excluded[i, p]).name for p in np.flatnonzero(excluded[i])},
                **without_detail(catalogue),
            },
        )
        for i in range(len(bases))
    ]


class _Comparison:
    """Every plan on the months of every basis: the months of all bases in a row, `starts` where each begins."""

    def __init__(
        self, bases: Sequence[Basis], catalogue: Catalogue, current: IntArray, cells: CellPricing | None
    ) -> None:
        self.catalogue, self.current = catalogue, current
        self.counts = np.array([len(basis.months) for basis in bases], dtype=np.int64)
        self.starts = np.cumsum(self.counts) - self.counts
        self.rated = rated_months(bases, catalogue, cells)
        self.closed, totals = self.rated.closed, self.rated.totals
        today = totals[np.arange(len(totals)), np.repeat(current, self.counts)]
        self.dearer = self._per_basis((totals > today[:, None]).astype(np.int64))
        self.items = [self._per_basis(part) for part in self.rated.items]
        count = self.counts[:, None]
        self.monthly = (2 * self._per_basis(totals) + count) // (2 * count)  # half a cent up

    def best(self, excluded: IntArray) -> tuple[IntArray, IntArray]:
        """Return the best plan of each basis, and the best that binds nobody anew; staying is among both."""
        terms = np.array([plan.contract_months for plan in self.catalogue.plans], dtype=np.int64)
        new_terms = np.broadcast_to(terms, self.monthly.shape).copy()
        new_terms[np.arange(len(self.current)), self.current] = 0  # staying binds nobody anew
        # Equal averages are decided by the shorter contract: cents count a thousand times a month.
        key = (1000 * self.monthly + new_terms).astype(np.float64)
        order, _ = rank_plans(key, excluded, self.current, 0)
        free, _ = rank_plans(key, ((excluded > 0) | (new_terms > 0)).astype(np.int64), self.current, 0)
        return order[:, 0], free[:, 0]

    def tariff(self, row: int, plan: int, change: date) -> PlanCost:
        """Return what one plan costs on the months of one basis."""
        start, held, rated = int(self.starts[row]), int(self.current[row]), self.rated
        bills = rated.totals[start : start + int(self.counts[row]), plan].tolist()
        full = plan - len(rated.short_plans)
        items = None if full < 0 else rated.lines(row, full)
        fee, minutes, messages, data = (int(part[row, plan]) if full < 0 else None for part in self.items)
        monthly, today = int(self.monthly[row, plan]), int(self.monthly[row, held])
        chosen = self.catalogue.plans[plan]
        return PlanCost(
            plan_id=chosen.plan_id,
            name=chosen.name,
            contract_months=0 if plan == held else chosen.contract_months,
            monthly_fee_cents=chosen.monthly_fee_cents if full < 0 else rated.fee(full, change),
            bills_cents=tuple(bills),
            fee_cents=fee,
            minutes_cents=minutes,
            messages_cents=messages,
            data_cents=data,
            monthly_cents=monthly,
            yearly_cents=12 * monthly,
            lowest_cents=min(bills),
            highest_cents=max(bills),
            saving_yearly_cents=12 * (today - monthly),
            months_dearer=int(self.dearer[row, plan]),
            items=items,
        )

    def _per_basis(self, values: IntArray) -> IntArray:
        return np.add.reduceat(values, self.starts, axis=0)


def _check(bases: Sequence[Basis], catalogue: Catalogue) -> None:
    torn = sum({len(b.minutes), len(b.messages), len(b.megabytes)} != {len(b.months)} or not b.months for b in bases)
    if torn:
        raise DataError(f"notices: {torn} basis(es) hold no month, or usage that does not fit their months.")
    foreign = sum(catalogue.index(basis.current_plan) < 0 for basis in bases)
    if foreign:
        raise DataError(
            f"notices: {foreign} basis(es) name a plan that rate card {catalogue.version!r} lacks; "
            "give the rate card the notices were written with."
        )


def _change_from(basis: Basis) -> date:
    if basis.contract_end is not None:
        return basis.contract_end + timedelta(days=1)
    return date.fromisoformat(f"{month_text(_month(basis.as_of) + 1)}-01")


def _excluded(bases: Sequence[Basis], changes: Sequence[date], catalogue: Catalogue, current: IntArray) -> IntArray:
    """Return why plans are not offered: now, or on the day of the change."""
    age = np.array([np.nan if basis.age is None else basis.age for basis in bases], dtype=np.float64)
    now, then = (
        exclusions(catalogue, np.array([_month(day) for day in days], dtype=np.int64), current, age)
        for days in ([basis.as_of for basis in bases], changes)
    )
    return np.where(now != ExclusionCode.NONE, now, then)


def _month(day: date) -> int:
    return day.year * 12 + day.month - 1
