"""Bills of the months of notices on every plan: of short plans from usage, of full ones from the cells of the bases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import IntArray
from planrec.advice.from_cells import CellPricing, billing_periods, covered
from planrec.billing import Bills, Catalogue, Plan, Usage, rate
from planrec.billing.cards import FullCard
from planrec.billing.cell_months import MonthBills, OwnMonths, bill_months, own_months, scheme_of
from planrec.billing.events import PeriodRule
from planrec.billing.rating import decimal_text
from planrec.months import month_index
from planrec.notices.basis_cells import cells_again
from planrec.notices.notice import MILLIONTHS, Basis, NoticeLine, Unit
from planrec.outlook import History
from planrec.rules import ExclusionCode

__all__ = ["NoticeBills", "cells_fit", "rated_months"]


@dataclass(frozen=True)
class NoticeBills:
    """Bills of the months of n bases on n_plans plans; r months in a row.

    Attributes
    ----------
    totals : int64 array of shape (r, n_plans)
        Cents; of no meaning where a plan is closed.
    closed : int64 array of shape (n, n_plans)
        `ExclusionCode` of why a plan has no bill.
    short_plans : tuple of Plan
        The first of the plans, those in the short form.
    items : tuple of int64 arrays of shape (r, n_short)
        Fee, minutes, messages and data of these; cents.
    full : tuple of MonthBills
        Of the other plans.
    pricing : CellPricing or None
    unit : int
        Parts of a megabyte in which the full plans count data.
    """

    totals: IntArray
    closed: IntArray
    short_plans: tuple[Plan, ...]
    items: tuple[IntArray, ...]
    full: tuple[MonthBills, ...] = ()
    pricing: CellPricing | None = None
    unit: int = MILLIONTHS

    def lines(self, row: int, full: int) -> tuple[NoticeLine, ...]:
        """Return the line items of a basis on one of the full plans."""
        bills, unit = self.full[full], self.unit
        sums = {item: int(cents[row].sum()) for item, cents in bills.items.items()}
        return tuple(
            NoticeLine(item, _quantity(bills, item, row, unit), cents) for item, cents in sums.items() if cents
        )

    def fee(self, full: int, change: date) -> int:
        """Return the monthly fee of one of the full plans on a day, rounded half a cent up."""
        assert self.pricing is not None  # noqa: S101 - full plans come with it
        plans = self.pricing.plans
        return _fee(plans.card, plans.places[full], change)


def rated_months(bases: Sequence[Basis], catalogue: Catalogue, cells: CellPricing | None) -> NoticeBills:
    """Rate the months of bases.

    Parameters
    ----------
    bases : sequence of Basis
        At least one.
    catalogue : Catalogue
    cells : CellPricing or None
        What prices full plans; the catalogue is then its `CellPlans.wide`.

    Raises
    ------
    DataError
        If the cells of a basis do not hold together.
    """
    if cells is None:
        bills = rate(_usage(bases), catalogue)
        nothing = np.zeros((len(bases), len(catalogue.plans)), dtype=np.int64)
        return NoticeBills(bills.total_cents, nothing, catalogue.plans, _line_items(bills))
    plans = cells.plans
    few = len(plans.short.plans)
    history, own = _history(bases), _own(bases, cells)
    found = cells.bills(history, own, history, np.zeros(len(bases), dtype=np.int64))
    closed = np.zeros((len(bases), len(catalogue.plans)), dtype=np.int64) if found.closed is None else found.closed
    bare = np.array([basis.cells is None for basis in bases])
    closed[bare, few:] = ExclusionCode.NEEDS_USAGE_DETAIL
    items: tuple[IntArray, ...] = (np.zeros((int(history.known.sum()), 0), dtype=np.int64),) * 4
    if few:
        items = _line_items(rate(_usage(bases), plans.short))
    full = tuple(bill_months(own, plans.sheets, with_use=True))
    unit = scheme_of(plans.card).unit
    return NoticeBills(found.totals[history.known], closed, plans.short.plans, items, full, cells, unit)


def cells_fit(bases: Sequence[Basis], cells: CellPricing) -> list[bool]:
    """Return whether the cells of each basis are those of its months: what was used in both is the same.

    Raises
    ------
    DataError
        If the cells of a basis do not hold together.
    """
    return covered(_history(bases), _own(bases, cells)).tolist() if bases else []


def _own(bases: Sequence[Basis], cells: CellPricing) -> OwnMonths:
    card, names = cells.plans.card, tuple(map(str, range(len(bases))))
    rows = [() if basis.cells is None else basis.cells.rows for basis in bases]
    return own_months(card, cells_again(rows, scheme_of(card)), names, billing_periods(_months(bases)))


def _months(bases: Sequence[Basis]) -> IntArray:
    """Return the month indices of the bases, -1 beyond their last."""
    found = np.full((len(bases), max(len(basis.months) for basis in bases)), -1, dtype=np.int64)
    for row, basis in zip(found, bases, strict=True):
        row[: len(basis.months)] = [month_index(month) for month in basis.months]
    return found


def _history(bases: Sequence[Basis]) -> History:
    """Return the usage of the bases, their months in the order they have there."""
    known = _months(bases) >= 0
    flat, whole = _usage(bases), [np.zeros(known.shape) for _ in range(3)]
    for one, every in zip((flat.minutes, flat.messages, flat.megabytes), whole, strict=True):
        every[known] = one
    return History(Usage(*whole), known)


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


def _quantity(bills: MonthBills, item: str, row: int, unit: int) -> dict[Unit, str]:
    if item not in bills.use:
        return {}
    seconds, messages, parts = bills.use[item][row].sum(axis=0).tolist()
    told: dict[Unit, str] = {"seconds": f"{seconds}", "messages": f"{messages}", "megabytes": decimal_text(parts, unit)}
    return {name: text for name, text in told.items() if text != "0"}


def _fee(card: FullCard, place: int, change: date) -> int:
    plan, rule = card.plans[place], PeriodRule(card.period)
    period = rule.parse(f"{change:%Y-%m}")
    begun = [c for c in plan.fee_changes if rule.parse(c.from_period) <= period]
    fee = max(begun, key=lambda c: rule.parse(c.from_period)).fee if begun else plan.fee
    return int(Fraction(fee) + Fraction(1, 2))
