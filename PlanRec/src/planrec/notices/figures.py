"""The figures of notices: every plan on the months of each basis, worked out from the basis and the rate card alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import IntArray
from common_utils.errors import DataError
from planrec.advice.ranking import rank_plans
from planrec.billing import Bills, Catalogue, Usage, rate
from planrec.months import month_text
from planrec.notices.notice import MILLIONTHS, Basis, NoticeFigures, PlanCost
from planrec.rules import ExclusionCode, exclusions, without_detail

__all__ = ["figures_of"]


def figures_of(bases: Sequence[Basis], catalogue: Catalogue) -> list[NoticeFigures]:
    """Return the figures of each basis: from it and the rate card alone.

    Parameters
    ----------
    bases : sequence of Basis
    catalogue : Catalogue

    Raises
    ------
    DataError
        If a basis holds no month, usage of another length than its months, or a plan the rate card lacks.

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
    if not bases:
        return []
    _check(bases, catalogue)
    current = np.array([catalogue.index(basis.current_plan) for basis in bases], dtype=np.int64)
    changes = [_change_from(basis) for basis in bases]
    comparison = _Comparison(bases, catalogue, current)
    excluded = _excluded(bases, changes, catalogue, current)
    best, free = comparison.best(excluded)
    return [
        NoticeFigures(
            change_from=changes[i],
            current=comparison.tariff(i, int(current[i])),
            best=comparison.tariff(i, int(best[i])),
            best_without_contract=comparison.tariff(i, int(free[i])),
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

    def __init__(self, bases: Sequence[Basis], catalogue: Catalogue, current: IntArray) -> None:
        self.catalogue, self.current = catalogue, current
        self.counts = np.array([len(basis.months) for basis in bases], dtype=np.int64)
        self.starts = np.cumsum(self.counts) - self.counts
        self.bills = rate(_usage(bases), catalogue)
        totals = self.bills.total_cents
        today = totals[np.arange(len(totals)), np.repeat(current, self.counts)]
        self.dearer = self._per_basis((totals > today[:, None]).astype(np.int64))
        self.items = [self._per_basis(part) for part in _line_items(self.bills)]
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

    def tariff(self, row: int, plan: int) -> PlanCost:
        """Return what one plan costs on the months of one basis."""
        start, held = int(self.starts[row]), int(self.current[row])
        bills = self.bills.total_cents[start : start + int(self.counts[row]), plan].tolist()
        fee, minutes, messages, data = (int(part[row, plan]) for part in self.items)
        monthly, today = int(self.monthly[row, plan]), int(self.monthly[row, held])
        chosen = self.catalogue.plans[plan]
        return PlanCost(
            plan_id=chosen.plan_id,
            name=chosen.name,
            contract_months=0 if plan == held else chosen.contract_months,
            monthly_fee_cents=chosen.monthly_fee_cents,
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


def _usage(bases: Sequence[Basis]) -> Usage:
    def flat(parts: Sequence[tuple[int, ...]]) -> NDArray[np.float64]:
        return np.array(list(chain.from_iterable(parts)), dtype=np.float64) / MILLIONTHS

    return Usage(
        flat([basis.minutes for basis in bases]),
        flat([basis.messages for basis in bases]),
        flat([basis.megabytes for basis in bases]),
    )


def _line_items(bills: Bills) -> tuple[IntArray, ...]:
    return bills.fee_cents, bills.minutes_cents, bills.messages_cents, bills.data_cents


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
