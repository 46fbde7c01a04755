"""Rank the plans of a full card for each subscriber by the bills to expect, and say whether to switch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError
from planrec.advice.ranking import enough_gain, sure_gains
from planrec.billing.cards import BillRequest, FullCard
from planrec.billing.events import PeriodRule, day_number
from planrec.outlook.full_cards import ExpectedBills
from planrec.rules import Rules

__all__ = ["FullPlanRank", "rank_full_plans"]


@dataclass(frozen=True)
class FullPlanRank:
    """One plan for one subscriber; cents a period. `rank` is None, and so are the amounts, of a plan that is excluded.

    Attributes
    ----------
    low_cents, high_cents : int or None
        Bounds that hold the next bill in 80 of 100 cases.
    saving_cents : int or None
        What the plan held is expected to cost more.
    advice : {"stay", "switch"}
        The same on all rows of a subscriber.
    excluded : str
        `NOT_SOLD` where the subscriber may use what the plan does not sell, else "".
    """

    subscriber: str
    rank: int | None
    plan: str
    expected_bill_cents: int | None
    low_cents: int | None
    high_cents: int | None
    saving_cents: int | None
    is_current: bool
    advice: Literal["stay", "switch"]
    excluded: str = ""


def rank_full_plans(
    card: FullCard, request: BillRequest, held: IntArray, bills: ExpectedBills, rules: Rules
) -> Iterator[FullPlanRank]:
    """Yield the plans of each subscriber who is still there, the least expected bill first, excluded ones last.

    The advice is to switch to the first plan if its gain is at least the rules' minimum and certain enough; of equal
    bills the plan held comes first, then the card's order.

    Parameters
    ----------
    card : FullCard
    request : BillRequest
    held : int64 array of shape (n_subscribers,)
        Plan held in the last period, position in the card.
    bills : ExpectedBills
    rules : Rules
        `minimum_gain` is looked at; a full card knows no ages and sale windows.

    Raises
    ------
    DataError
        If the plan held does not sell what its subscriber used.
    """
    names, holders = tuple(request.subscribers), tuple(request.subscribers.values())
    rule = PeriodRule(card.period)
    after = int(rule.start(np.array([rule.parse(request.bill[-1]) + 1]))[0])
    mean, sold, bounds = bills.mean.T, bills.sold.T, np.stack(bills.interval, axis=2)
    least = rules.min_gain_cents("advice")
    for row, who in enumerate(bills.known.tolist()):
        last = holders[who].last
        if last is not None and day_number(last) < after:
            continue
        current = int(held[who])
        if not sold[row, current]:
            raise DataError(f"plan {card.plans[current].plan_id!r} does not sell what a subscriber on it used.")
        place = np.arange(len(card.plans))
        order = [k for k in np.lexsort((place, place != current, mean[row])).tolist() if sold[row, k]]
        gain = mean[row, current] - mean[row]
        switch = _worth_it(bills, row, order[0], current, gain, least, rules.minimum_gain.advice_certainty)
        advice: Literal["stay", "switch"] = "switch" if switch else "stay"
        for rank, k in enumerate(order, start=1):
            expected = [int(np.rint(mean[row, p])) for p in (k, current)]
            low, high = bounds[k, row].tolist()
            amounts = (expected[0], low, high, expected[1] - expected[0])
            yield FullPlanRank(names[who], rank, card.plans[k].plan_id, *amounts, k == current, advice)
        for k in np.flatnonzero(~sold[row]).tolist():
            yield FullPlanRank(
                names[who], None, card.plans[k].plan_id, None, None, None, None, False, advice, "NOT_SOLD"
            )


def _worth_it(
    bills: ExpectedBills, row: int, best: int, current: int, gain: FloatArray, least: int, certainty: float
) -> bool:
    """Return whether the best plan's gain is enough and certain."""
    savings = bills.bills[current, row] - bills.bills[best, row]
    mean, spread = np.array([savings.mean()]), np.array([savings.std()])
    one = gain[best : best + 1][:, None]
    sure = sure_gains(one, least, certainty, lambda *_: (mean, spread), np.array([current]))
    return best != current and bool(enough_gain(one, least)[0, 0]) and bool(sure[0, 0])
