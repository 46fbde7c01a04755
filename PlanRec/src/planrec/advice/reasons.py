"""Why a plan is advised: line items of the rater, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from planrec.billing import Catalogue, rate
from planrec.outlook import History, share_above

__all__ = ["Against", "LineItemMeans", "MeanBill", "line_item_means", "reasons", "sentence", "sentences"]


@dataclass(frozen=True, slots=True)
class LineItemMeans:
    """Line items of each plan, averaged over the months given.

    Attributes
    ----------
    fee_cents, minutes_cents, messages_cents, data_cents : float64 arrays of shape (n, n_plans)
        They add up to the mean bill over these months.
    months_dearer : int64 array of shape (n, n_plans)
        Months that would have cost more than on the current plan; 0 where that is unknown.
    months : int64 array of shape (n,)
        Months known.
    """

    fee_cents: FloatArray
    minutes_cents: FloatArray
    messages_cents: FloatArray
    data_cents: FloatArray
    months_dearer: IntArray
    months: IntArray


def line_item_means(history: History, catalogue: Catalogue, current: IntArray) -> LineItemMeans:
    """Return what the expected bills are made of.

    Parameters
    ----------
    history : History
        n rows, at least one known month each.
    catalogue : Catalogue
    current : int64 array of shape (n,)
        Index of the plan held, -1 where unknown.
    """
    bills = rate(history.usage, catalogue)
    months = history.known.sum(axis=1)
    weight = history.known[..., None]
    fee, minutes, messages, data = (
        np.where(weight, part, 0).sum(axis=1) / months[:, None]
        for part in (bills.fee_cents, bills.minutes_cents, bills.messages_cents, bills.data_cents)
    )
    share = share_above(bills.total_cents, history.known, current)
    dearer = np.rint(np.nan_to_num(share) * months[:, None]).astype(np.int64)
    return LineItemMeans(fee, minutes, messages, data, dearer, months)


def reasons(items: LineItemMeans, catalogue: Catalogue, *, row: int, plan: int, current: int) -> str:
    """Return in a sentence, from the rater's line items, what a plan would have cost.

    Parameters
    ----------
    items : LineItemMeans
    catalogue : Catalogue
    row : int
        Which subscriber.
    plan, current : int
        Plan indices; `current` is -1 where unknown.

    Returns
    -------
    str
        Amounts in the catalogue's currency, averaged over the months known.

    Examples
    --------
    >>> from planrec.outlook import history_of
    >>> history = history_of({"minutes_1": [510.0], "messages_1": [0.0], "megabytes_1": [9000.0]}, 1)
    >>> items = line_item_means(history, megaline, np.array([1]))
    >>> print(reasons(items, megaline, row=0, plan=0, current=1))
    Surf: 20.30 USD a month over 1 month (fee 20.00, minutes 0.30, messages 0.00, data 0.00), 49.70 less than Ultimate.
    """
    return sentences(items, catalogue, rows=np.array([row]), plans=np.array([plan]), current=np.array([current]))[0]


def sentences(
    items: LineItemMeans, catalogue: Catalogue, *, rows: IntArray, plans: IntArray, current: IntArray
) -> list[str]:
    """Return the sentences of `reasons` for many answers at once.

    Parameters
    ----------
    items : LineItemMeans
    catalogue : Catalogue
    rows : int64 array of shape (n,)
        Which subscriber.
    plans, current : int64 arrays of shape (n,)
        Plan indices; `current` is -1 where unknown.

    Examples
    --------
    >>> from planrec.outlook import history_of
    >>> history = history_of({"minutes_1": [510.0], "messages_1": [0.0], "megabytes_1": [9000.0]}, 1)
    >>> items = line_item_means(history, megaline, np.array([1]))
    >>> print(sentences(items, megaline, rows=np.array([0]), plans=np.array([1]), current=np.array([1]))[0])
    Ultimate: 70.00 USD a month over 1 month (fee 70.00, minutes 0.00, messages 0.00, data 0.00), the plan held today.
    """
    parts = (items.fee_cents, items.minutes_cents, items.messages_cents, items.data_cents)
    totals = sum(parts[1:], parts[0]) / 100
    saved = totals[rows, np.maximum(current, 0)] - totals[rows, plans]
    money = [totals[rows, plans].tolist(), *((part[rows, plans] / 100).tolist() for part in parts)]
    counts = items.months[rows].tolist(), items.months_dearer[rows, plans].tolist()
    names = [plan.name for plan in catalogue.plans]
    currency = catalogue.currency
    said: list[str] = []
    for plan, held, saving, n, dearer, total, fee, minutes, messages, data in zip(
        plans.tolist(), current.tolist(), saved.tolist(), *counts, *money, strict=True
    ):
        means = MeanBill(total, fee, minutes, messages, data)
        against = None if held < 0 else Against(names[held], saving, dearer, same=plan == held)
        said.append(sentence(names[plan], currency, n, means, against))
    return said


class Against(NamedTuple):
    """The plan held, to be compared with.

    Attributes
    ----------
    name : str
    saving : float
        By what the other plan is cheaper a month, in units of the currency.
    dearer : int
        Months in which the other plan would have been dearer.
    same : bool
        Whether the other plan is this one.
    """

    name: str
    saving: float
    dearer: int
    same: bool


class MeanBill(NamedTuple):
    """What a plan would have cost a month, in units of the currency; `total` is the sum of its line items."""

    total: float
    fee: float
    minutes: float
    messages: float
    data: float


def sentence(name: str, currency: str, months: int, means: MeanBill, against: Against | None) -> str:
    """Return in a sentence what a plan would have cost.

    Parameters
    ----------
    name, currency : str
    months : int
        Months known, >= 1.
    means : MeanBill
        A month.
    against : Against or None
        None where the plan held is not known.

    Examples
    --------
    >>> bill = MeanBill(total=20.3, fee=20.0, minutes=0.3, messages=0.0, data=0.0)
    >>> sentence("Surf", "USD", 1, bill, Against("Ultra", 49.7, 0, same=False))
    'Surf: 20.30 USD a month over 1 month (fee 20.00, minutes 0.30, messages 0.00, data 0.00), 49.70 less than Ultra.'
    """
    text = (
        f"{name}: {means.total:.2f} {currency} a month over {months} month{'s' if months > 1 else ''} "
        f"(fee {means.fee:.2f}, minutes {means.minutes:.2f}, messages {means.messages:.2f}, data {means.data:.2f})"
    )
    if against is None:
        return text + "."
    if against.same:
        return text + ", the plan held today."
    more = "less" if against.saving >= 0 else "more"
    text += f", {abs(against.saving):.2f} {more} than {against.name}"
    return text + (f"; dearer than {against.name} in {against.dearer} of {months} months." if against.dearer else ".")
