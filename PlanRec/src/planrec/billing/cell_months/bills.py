"""Bills from cells: plans whose price is a sum over cells; the others are left out, with what they would need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from common_utils.array_types import BoolArray
from common_utils.errors import ConfigError, DataError
from planrec.billing.cards import AccountHolder, BillRequest, FullCard
from planrec.billing.cell_months.scheme import scheme_of
from planrec.billing.cell_months.table import CellMonths, cell_frame
from planrec.billing.detailed_plan import left_out_remark
from planrec.billing.order_free import order_reasons
from planrec.billing.rating import BillBook, Sheet, accounts_of, bill_frame
from planrec.billing.rating.holdings import AccountPeriods

__all__ = ["CellBills", "bill_cells", "bill_cells_on_every_plan", "cell_reasons"]


@dataclass(frozen=True)
class CellBills:
    """Bills of cells.

    Attributes
    ----------
    book : BillBook
    unsold : bool array of shape (n_accounts, n_periods)
        Use that the plan does not sell: the bill does not count.
    left_out : dict of str to list of str
        Plan, with options held, that cells do not price -> why.
    """

    book: BillBook
    unsold: BoolArray
    left_out: dict[str, list[str]]


def cell_reasons(card: FullCard, plan_id: str, options: tuple[str, ...] = ()) -> list[str]:
    """Return why sums by cell do not price a plan with options; empty where they do.

    Parameters
    ----------
    card : FullCard
    plan_id : str
    options : tuple of str
        Options held.

    Examples
    --------
    >>> from planrec.billing.cards import parse_card
    >>> rate = {"kind": "call", "item": "calls", "per_minute": "9", "setup": "15"}
    >>> plan = {"plan_id": "a", "rates": [rate]}
    >>> tree = {"version": "v", "currency": "EUR", "timezone": "Europe/Madrid", "plans": [plan]}
    >>> cell_reasons(parse_card(tree, "card"), "a")
    []
    >>> plan["rates"] = [{**rate, "minimum": "20"}]
    >>> cell_reasons(parse_card(tree, "card"), "a")
    ['plans.a.rates[0].minimum: a least price depends on each call']
    """
    found = order_reasons(card, plan_id, options)
    if card.rounding.each == "event":
        found.append("rounding.each: each charge is rounded, so each use must be known")
    owners = [(f"plans.{p.plan_id}", p) for p in card.plans if p.plan_id == plan_id]
    held = [(f"options.{o.option_id}", o) for o in card.options if o.option_id in options]
    for key, owner in (*owners, *held):
        for i, rate in enumerate(owner.rates):
            if rate.minimum:
                found.append(f"{key}.rates[{i}].minimum: a least price depends on each call")
    return found


def bill_cells(card: FullCard, request: BillRequest, cells: CellMonths) -> CellBills:
    """Bill the cells of accounts by what they hold.

    Parameters
    ----------
    card : FullCard
    request : BillRequest
    cells : CellMonths

    Raises
    ------
    ConfigError
        If the request does not fit the card, or asks for the best combination.
    DataError
        If the cells are those of another scheme, or do not hold together, or a plan does not sell what is used.
    """
    return _bill(card, request, cells, refuse=True)


def bill_cells_on_every_plan(
    card: FullCard, cells: CellMonths, plans: Sequence[str] | None = None
) -> tuple[dict[str, CellBills], dict[str, list[str]]]:
    """Bill each subscriber's cells on each plan of the card, or on those named, without options.

    The subscribers are taken as having been there before and in all periods of the table: no activation, no discount of
    first periods. Periods follow each other, so that what rolls over is carried on.

    Returns
    -------
    dict of str to CellBills
        By plan.
    dict of str to list of str
        Plan that cells do not price -> why.

    Raises
    ------
    DataError
        As `bill_cells`, but for use that a plan does not sell, which is told.
    """
    found: dict[str, CellBills] = {}
    left_out: dict[str, list[str]] = {}
    for plan in card.plans:
        if plans is not None and plan.plan_id not in plans:
            continue
        reasons = cell_reasons(card, plan.plan_id)
        if card.pool is not None:
            reasons.append("pool: the lines that share it are not known")
        if reasons:
            left_out[plan.plan_id] = reasons
            continue
        holder = AccountHolder.model_validate({"plan": plan.plan_id})
        told = {"bill": sorted(cells.periods), "subscribers": dict.fromkeys(cells.subscribers, holder)}
        found[plan.plan_id] = _bill(card, BillRequest.model_validate(told), cells, refuse=False)
    return found, left_out


def _bill(card: FullCard, request: BillRequest, cells: CellMonths, *, refuse: bool) -> CellBills:
    scheme = scheme_of(card)
    if scheme.digest != cells.scheme.digest:
        raise DataError(f"cells: counted by another scheme ({cells.scheme.words}) than the card's ({scheme.words}).")
    if request.choose is not None:
        raise ConfigError("choose: the best combination is found from events; leave it out, or give --events.")
    accounts = accounts_of(card, request)
    priced, left_out = _priced(card, accounts)
    names = tuple(request.subscribers)
    if card.pool is not None and left_out:
        raise ConfigError(
            f"pool: lines share their data, and {next(iter(left_out))} is not priced by cells; use events."
        )
    if card.pool is not None and (
        card.pool.payer not in names or not accounts.present[names.index(card.pool.payer)].all()
    ):
        raise ConfigError(f"pool.payer {card.pool.payer!r}: the payer must be there in all listed periods.")
    if not len(priced):
        plan, reasons = next(iter(left_out.items()))
        raise DataError(f"cells: nobody holds a plan that they price. {left_out_remark(plan, reasons)}")
    accounts = accounts.select(priced)
    sheet = Sheet(card)
    frame = cell_frame(sheet, accounts, cells, names)
    book, unsold = bill_frame(sheet, accounts, frame, tuple(names[i] for i in priced.tolist()), refuse=refuse)
    return CellBills(book, unsold, left_out)


def _priced(card: FullCard, accounts: AccountPeriods) -> tuple[np.ndarray, dict[str, list[str]]]:
    """Return the accounts of which all holdings are priced by cells, and why others are not."""
    numbers, holdings = accounts.holdings
    known: list[bool] = []
    left_out: dict[str, list[str]] = {}
    for plan, held in holdings:
        options = tuple(o.option_id for o, has in zip(card.options, held, strict=True) if has)
        plan_id = card.plans[plan].plan_id
        reasons = cell_reasons(card, plan_id, options)
        known.append(not reasons)
        if reasons:
            left_out["+".join((plan_id, *options))] = reasons
    fits = np.array(known, dtype=bool)[numbers].reshape(accounts.shape)
    return np.flatnonzero(fits.all(axis=1)), left_out
