"""Why a plan is advised: line items of the rater, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import floor
from operator import sub
from typing import Literal, NamedTuple

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from planrec.billing import Catalogue, rate, whole_cent
from planrec.outlook import History, share_above

__all__ = [
    "Against",
    "CoveredMeans",
    "ItemMeans",
    "LineItemMeans",
    "MeanBill",
    "closing_cents",
    "expected_sentence",
    "line_item_means",
    "reasons",
    "sentence",
    "sentences",
]

_AT_HAND = 16_384  # amounts whose text is kept: the same are said again and again


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
    further : tuple of ItemMeans
        Of the plans behind those, which have line items of their own; the columns above are fewer by so many.
    """

    fee_cents: FloatArray
    minutes_cents: FloatArray
    messages_cents: FloatArray
    data_cents: FloatArray
    months_dearer: IntArray
    months: IntArray
    further: tuple[ItemMeans, ...] = ()

    def bills(self, rows: IntArray, plans: IntArray) -> list[MeanBill]:
        """Return the mean bill of each row on a plan."""
        few = self.fee_cents.shape[1]
        parts = (self.fee_cents, self.minutes_cents, self.messages_cents, self.data_cents)
        short = plans < few
        at = np.where(short, plans, 0)
        found = [MeanBill()] * len(rows)
        if few:
            found = [MeanBill(*bill) for bill in zip(*(part[rows, at].tolist() for part in parts), strict=True)]
        for place in np.flatnonzero(~short).tolist():
            found[place] = self.further[plans[place] - few].bill(rows[place])
        return found


@dataclass(frozen=True, slots=True)
class ItemMeans:
    """Line items of one plan, averaged over the months given.

    Attributes
    ----------
    names : tuple of str
    cents : float64 array of shape (n, n_items)
    covered : tuple of CoveredMeans
        Of each allowance of the plan.
    """

    names: tuple[str, ...]
    cents: FloatArray
    covered: tuple[CoveredMeans, ...] = ()

    def bill(self, row: int) -> MeanBill:
        """Return the mean bill of a row."""
        return MeanBill(further=tuple(zip(self.names, self.cents[row].tolist(), strict=True)))


class CoveredMeans(NamedTuple):
    """What an allowance covered on average over the months given; float64 array of shape (n,), in the unit."""

    name: str
    unit: Literal["minutes", "messages", "megabytes"]
    amounts: FloatArray


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


def reasons(
    items: LineItemMeans,
    catalogue: Catalogue,
    *,
    row: int,
    plan: int,
    current: int,
    expected_cents: FloatArray | None = None,
) -> str:
    """Return in a sentence what a plan would have cost, and what it is expected to cost.

    Parameters
    ----------
    items : LineItemMeans
        Of the months known.
    catalogue : Catalogue
    row : int
        Which subscriber.
    plan, current : int
        Plan indices; `current` is -1 where unknown.
    expected_cents : float64 array of shape (n, n_plans), optional
        Bills expected of the coming months; None where the months known stand for them.

    Returns
    -------
    str
        Amounts in the catalogue's currency, averaged over the months known.

    Examples
    --------
    >>> from textwrap import fill
    >>> from planrec.outlook import history_of
    >>> history = history_of({"minutes_1": [510.0], "messages_1": [0.0], "megabytes_1": [9000.0]}, 1)
    >>> items = line_item_means(history, megaline, np.array([1]))
    >>> print(fill(reasons(items, megaline, row=0, plan=0, current=1), 112))
    With the usage of the one month known, Surf would have cost 20.30 USD a month (fee 20.00, minutes 0.30, messages
    0.00, data 0.00): 49.70 less than Ultimate.
    >>> text = reasons(items, megaline, row=0, plan=0, current=1, expected_cents=np.array([[2100.0, 7000.0]]))
    >>> print(text.split(". ")[-1])
    Expected from now on: 21.00 USD a month, 49.00 less than Ultimate.
    """
    return sentences(
        items,
        catalogue,
        rows=np.array([row]),
        plans=np.array([plan]),
        current=np.array([current]),
        expected_cents=expected_cents,
    )[0]


def sentences(
    items: LineItemMeans,
    catalogue: Catalogue,
    *,
    rows: IntArray,
    plans: IntArray,
    current: IntArray,
    expected_cents: FloatArray | None = None,
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
    expected_cents : float64 array of shape (n_subscribers, n_plans), optional
        As for `reasons`.

    Examples
    --------
    >>> from planrec.outlook import history_of
    >>> history = history_of({"minutes_1": [510.0], "messages_1": [0.0], "megabytes_1": [9000.0]}, 1)
    >>> items = line_item_means(history, megaline, np.array([1]))
    >>> said = sentences(items, megaline, rows=np.array([0]), plans=np.array([1]), current=np.array([1]))
    >>> print(said[0].split(" (")[0])
    With the usage of the one month known, Ultimate, the plan held today, would have cost 70.00 USD a month
    """
    held = np.maximum(current, 0)
    of_plan, of_held = items.bills(rows, plans), items.bills(rows, held)
    counts = items.months[rows].tolist(), items.months_dearer[rows, plans].tolist()
    ahead: list[tuple[float, float] | None] = [None] * len(rows)
    if expected_cents is not None:
        ahead = list(zip(expected_cents[rows, plans].tolist(), expected_cents[rows, held].tolist(), strict=True))
    names, currency = [plan.name for plan in catalogue.plans], catalogue.currency
    said: list[str] = []
    for plan, now, months, dearer, bill, today, expected in zip(
        plans.tolist(),
        current.tolist(),
        *counts,
        of_plan,
        of_held,
        ahead,
        strict=True,
    ):
        against = None if now < 0 else Against(names[now], today.total, dearer, same=plan == now)
        said.append(sentence(names[plan], currency, months, bill, against, expected))
    return said


class MeanBill(NamedTuple):
    """What a plan would have cost a month, by line item; cents.

    Attributes
    ----------
    fee, minutes, messages, data : float
        Of a plan in the short form.
    further : tuple of (str, float)
        Of another plan: its line items by name, instead of those.
    """

    fee: float = 0.0
    minutes: float = 0.0
    messages: float = 0.0
    data: float = 0.0
    further: tuple[tuple[str, float], ...] = ()

    @property
    def items(self) -> tuple[tuple[str, float], ...]:
        """Line items by name; of another plan than one in the short form those that are not 0."""
        if self.further:
            return tuple(item for item in self.further if item[1]) or self.further[:1]
        return (("fee", self.fee), ("minutes", self.minutes), ("messages", self.messages), ("data", self.data))

    @property
    def total(self) -> int:
        """The bill in whole cents."""
        if self.further:
            return whole_cent(sum(cents for _, cents in self.further))
        return whole_cent(self.fee + self.minutes + self.messages + self.data)


class Against(NamedTuple):
    """The plan held, to be compared with.

    Attributes
    ----------
    name : str
    total : int
        What it would have cost a month, whole cents.
    dearer : int
        Months in which the other plan would have been dearer.
    same : bool
        Whether the other plan is this one.
    """

    name: str
    total: int
    dearer: int
    same: bool


def closing_cents(parts: Sequence[float], total: int) -> list[int]:
    """Return the parts in whole cents, so that they add up to the total; those cut off most get what is left.

    Parameters
    ----------
    parts : sequence of float
        Cents.
    total : int
        Their sum, rounded.

    Examples
    --------
    >>> closing_cents([10.4, 10.4, 10.4], 31)
    [11, 10, 10]
    """
    whole = [*map(floor, parts)]
    left = total - sum(whole)
    if left:
        rounded_up = [*map(sub, whole, parts)]
        if left == 1:
            whole[rounded_up.index(min(rounded_up))] += 1
            return whole
        for place in sorted(range(len(parts)), key=rounded_up.__getitem__)[:left]:
            whole[place] += 1
    return whole


def sentence(
    name: str,
    currency: str,
    months: int,
    bill: MeanBill,
    against: Against | None,
    expected: tuple[float, float] | None = None,
) -> str:
    """Return in a sentence what a plan would have cost, and what it is expected to cost.

    Parameters
    ----------
    name, currency : str
    months : int
        Months known, >= 1.
    bill : MeanBill
        A month.
    against : Against or None
        None where the plan held is not known.
    expected : tuple of float, optional
        Bills expected on this plan and on the one held, cents a month.

    Examples
    --------
    >>> ultra = Against("Ultra", 7000, 0, same=False)
    >>> text = sentence("Surf", "USD", 1, MeanBill(fee=2000.0, minutes=30.0, messages=0.0, data=0.0), ultra)
    >>> print(text.split(", ", 1)[1])
    Surf would have cost 20.30 USD a month (fee 20.00, minutes 0.30, messages 0.00, data 0.00): 49.70 less than Ultra.
    """
    total = bill.total
    items = bill.items
    whole = closing_cents([cents for _, cents in items], total)
    parts = ", ".join([f"{item} {_money(cents)}" for (item, _), cents in zip(items, whole, strict=True)])
    held = against is not None and against.same
    text = (
        f"With the usage of the {f'{months} months' if months > 1 else 'one month'} known, "
        f"{name}{', the plan held today,' if held else ''} would have cost {_money(total)} {currency} a month ({parts})"
    )
    if against is not None and not held:
        saving = against.total - total
        text += f": {_less(saving, against.name)}"
        if against.dearer and months > 1:
            where = "each" if against.dearer == months else f"{against.dearer}"
            text += f", {'but' if saving >= 0 else 'and'} more in {where} of the {months} months"
    if expected is None:
        return text + "."
    ahead = whole_cent(expected[0])
    text += f". Expected from now on: {_money(ahead)} {currency} a month"
    if against is None or held:
        return text + "."
    return f"{text}, {_less(whole_cent(expected[1]) - ahead, against.name)}."


def expected_sentence(name: str, currency: str, expected_cents: int) -> str:
    """Return in a sentence what a plan is expected to cost somebody of whom no month is known.

    Examples
    --------
    >>> expected_sentence("Surf", "USD", 2030)
    'Surf: 20.30 USD a month expected, no month known yet.'
    """
    return f"{name}: {_money(expected_cents)} {currency} a month expected, no month known yet."


def _less(saving: int, name: str) -> str:
    if not saving:
        return f"as much as {name}"
    return f"{_money(abs(saving))} {'less' if saving > 0 else 'more'} than {name}"


@lru_cache(_AT_HAND)
def _money(cents: int) -> str:
    """Return an amount in units of the currency."""
    return f"{cents / 100:z.2f}"
