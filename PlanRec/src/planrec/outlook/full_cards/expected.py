"""What the next period may cost on each plan of a full card: rate each drawn month, then average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from planrec.billing.cards import BillRequest, FullCard
from planrec.billing.events import Events
from planrec.billing.rating import NOT_SOLD, plan_totals
from planrec.outlook.full_cards.drawn_months import DRAWS, LOOKED_BACK, drawn_months
from planrec.outlook.full_cards.past_use import past_use

__all__ = ["ExpectedBills", "expected_bills"]

_TENTH = (DRAWS + 1) // 10


@dataclass(frozen=True)
class ExpectedBills:
    """Bills of drawn months.

    Attributes
    ----------
    known : int64 array of shape (n_known,)
        Positions of the subscribers with a whole period behind them.
    bills : int64 array of shape (n_plans, n_known, DRAWS)
        Cents of each drawn month; a draw is the same month on all plans.
    """

    known: IntArray
    bills: IntArray

    @property
    def sold(self) -> BoolArray:
        """Whether the plan sells all that the drawn months hold; (n_plans, n_known)."""
        return np.asarray((self.bills != NOT_SOLD).all(axis=2))

    @property
    def mean(self) -> FloatArray:
        """Expected bill in cents; (n_plans, n_known)."""
        return self.bills.mean(axis=2)

    @property
    def interval(self) -> tuple[IntArray, IntArray]:
        """Bounds that hold the next bill in 80 of 100 cases, in cents; (n_plans, n_known) each."""
        ordered = np.sort(self.bills, axis=2)
        return ordered[..., _TENTH - 1], ordered[..., DRAWS - _TENTH]


def expected_bills(card: FullCard, request: BillRequest, events: Events, rng: np.random.Generator) -> ExpectedBills:
    """Return what each subscriber's next period may cost on every plan.

    Parameters
    ----------
    card : FullCard
        Neither prepaid nor with a pool.
    request : BillRequest
        The periods behind, one after the other.
    events : Events
        Their `subscribers` are the request's, in its order.
    rng : numpy.random.Generator
        The same state gives the same bills.

    Raises
    ------
    ConfigError
        As `plan_totals`.
    DataError
        If nobody has a whole period behind them, or as `plan_totals`.
    """
    past = past_use(card, request, events)
    if not past.whole[:, -LOOKED_BACK:].any():
        raise DataError(
            "accounts: nobody has a whole period among the last six listed; list more periods under `bill`."
        )
    months = drawn_months(request, events, past, card.timezone, rng)
    totals = plan_totals(card, months.request, months.events, mark_unsold=True)
    return ExpectedBills(months.known, totals.reshape(len(card.plans), len(months.known), DRAWS))
