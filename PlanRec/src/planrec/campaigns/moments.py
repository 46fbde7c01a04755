"""Whom a campaign could have addressed, what was known of them, what they were offered and what became of them.

One row per subscriber and month in which the campaign may address the subscriber: with the operator for a month at
least, free to change plan, no decision of their own that month. The campaign selects among them at random and never
contacts the hold-out, so contacted rows and all rows of the hold-out differ by the contact alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from planrec.billing import Catalogue, bill_totals
from planrec.columns import (
    ACCEPTED,
    AGE,
    CONTACT,
    CONTACTS_90D,
    CONTRACT_LEFT,
    CURRENT_PLAN,
    DECISION,
    HOLDOUT,
    KEY,
    MONTH,
    OFFERED_PLAN,
    PROPENSITY,
    SUBSCRIBER,
    TENURE,
)
from planrec.decisions import alternative_features, columns_of, decision_table, plan_indices
from planrec.months import month_indices
from planrec.offers import Standing
from planrec.offers.leaving import bill_rise
from planrec.outlook import bill_outlook, history_of
from planrec.rules import ExclusionCode, exclusions
from planrec.usage.events import CHURN_DATE

__all__ = ["WINDOW", "Campaign", "CampaignLog", "OfferRows", "offer_rows"]

WINDOW = 3  # months, that of the offer included, in which leaving counts and over which savings are averaged


class Campaign(Protocol):
    """What moments are made from: the tables of a `CampaignLog`, which a simulated operator has too."""

    @property
    def months(self) -> pd.DataFrame:
        """As `CampaignLog`."""
        ...

    @property
    def offers(self) -> pd.DataFrame:
        """As `CampaignLog`."""
        ...

    @property
    def subscribers(self) -> pd.DataFrame:
        """As `CampaignLog`."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """As `CampaignLog`."""
        ...


@dataclass(frozen=True)
class CampaignLog:
    """What an operator recorded of a campaign.

    Attributes
    ----------
    months : DataFrame
        Usage months with every optional column.
    offers : DataFrame
        One row per selected subscriber and month: `subscriber_id`, `month`, `current_plan` (before), `offered_plan`,
        `propensity`, `accepted`, `holdout`, `contacts_90d`.
    subscribers : DataFrame
        `subscriber_id`, `churn_date`, `holdout`.
    catalogue : Catalogue
    """

    months: pd.DataFrame
    offers: pd.DataFrame
    subscribers: pd.DataFrame
    catalogue: Catalogue


@dataclass(frozen=True, slots=True)
class OfferRows:
    """Subscribers at the moments of a campaign; n rows, ordered by subscriber and month.

    Attributes
    ----------
    subscribers : object array of shape (n,)
    month : int64 array of shape (n,)
        Month index of the moment; everything known of the subscriber is from months before.
    current : int64 array of shape (n,)
        Catalogue position of the plan held.
    offerable : bool array of shape (n, n_plans)
        Plans on sale to the subscriber, without the one held.
    alternatives : float64 array of shape (n, n_plans, 8)
        As `alternatives.ALTERNATIVE_FEATURES`, over up to `choice_months` months.
    bill, spread : float64 arrays of shape (n, n_plans)
        Mean and standard deviation of the bill over the months before, their usage rated on each plan; in currency.
    rise : float64 array of shape (n,)
        By how much the last bill on the plan held lies above the mean of the months before it, in currency; 0 where
        it does not, or there is one month only.
    seen : float64 array of shape (n, n_plans)
        As `bill`, but months in which the subscriber was not yet there count as months without usage: what the
        campaign's own policy looks at.
    tenure_years : float64 array of shape (n,)
    selected : bool array of shape (n,)
        Whether the campaign selected the subscriber that month, hold-out included.
    holdout : bool array of shape (n,)
        Whether the subscriber is never contacted.
    offered : int64 array of shape (n,)
        Plan offered; -1 where nobody was contacted.
    propensity : float64 array of shape (n,)
        Chance with which that plan was offered; NaN where nobody was contacted.
    accepted : bool array of shape (n,)
    contacts : float64 array of shape (n,)
        Contacts in the three months before; 0 where the log does not say.
    left : float64 array of shape (n,)
        1 where the subscriber left within `WINDOW` months, 0 where not; NaN where the window outlasts the table.
    """

    subscribers: NDArray[np.object_]
    month: IntArray
    current: IntArray
    offerable: BoolArray
    alternatives: FloatArray
    bill: FloatArray
    spread: FloatArray
    rise: FloatArray
    seen: FloatArray
    tenure_years: FloatArray
    selected: BoolArray
    holdout: BoolArray
    offered: IntArray
    propensity: FloatArray
    accepted: BoolArray
    contacts: FloatArray
    left: FloatArray

    @property
    def contacted(self) -> BoolArray:
        """Whether an offer was made; bool array of shape (n,)."""
        return self.offered >= 0

    @property
    def standing(self) -> Standing:
        """How the subscribers stand with the operator."""
        return Standing(self.current, self.bill, self.offerable, self.rise, self.tenure_years)

    def at(self, rows: NDArray[np.generic]) -> OfferRows:
        """Return some of the rows, by position or mask."""
        return OfferRows(*(getattr(self, f.name)[rows] for f in fields(self)))


def offer_rows(operator: Campaign, *, history_months: int = 3, choice_months: int = 6) -> OfferRows:
    """Return the moments of an operator's campaign, from its recorded tables alone.

    Parameters
    ----------
    operator : Campaign
        With a campaign that selected somebody. Usage is rated on the rate card of the first month.
    history_months : int
        Months before the moment to look at, >= 1.
    choice_months : int
        Likewise for what the answer depends on, >= 1.

    Returns
    -------
    OfferRows

    Raises
    ------
    DataError
        If the campaign selected nobody.

    Examples
    --------
    >>> from planrec.simulator.operator import simulate
    >>> from planrec.simulator.config import SimulatorConfig
    >>> operator = simulate(SimulatorConfig(subscribers=300), card, np.random.default_rng(1))
    >>> rows = offer_rows(operator)
    >>> int(rows.selected.sum()) == len(operator.offers)
    True
    """
    if not len(operator.offers):
        raise DataError("offers: the campaign selected nobody; raise `offers.campaign_share`, or simulate more months.")
    months, catalogue = operator.months, operator.catalogue
    longest = max(history_months, choice_months)
    every = decision_table(months.drop(columns=DECISION), history_months=longest)
    every = every.merge(months[[*KEY, DECISION]], on=list(KEY), how="left")
    undecided = every[DECISION].isna() | (every[DECISION] == CONTACT)
    running = every[MONTH] >= operator.offers[MONTH].min()
    table = every[undecided & running & (every[CONTRACT_LEFT] == 0)]
    table = table.merge(operator.offers.drop(columns=[CURRENT_PLAN, HOLDOUT]), on=list(KEY), how="left", validate="1:1")
    columns = columns_of(table)
    history = history_of(columns, history_months)
    totals = bill_totals(history.usage, catalogue)
    outlook = bill_outlook(totals, history.known)
    current, month = plan_indices(table[CURRENT_PLAN], catalogue), month_indices(table[MONTH])
    held = np.arange(len(table)), current
    offerable = exclusions(catalogue, month, current, table[AGE].to_numpy()) == ExclusionCode.NONE
    offerable[held] = False
    people = operator.subscribers.set_index(SUBSCRIBER).reindex(table[SUBSCRIBER])
    return OfferRows(
        subscribers=table[SUBSCRIBER].to_numpy(dtype=object),
        month=month,
        current=current,
        offerable=offerable,
        alternatives=alternative_features(history_of(columns, choice_months), catalogue, current),
        bill=outlook.mean_cents / 100,
        spread=outlook.spread_cents / 100,
        rise=bill_rise(totals[held[0], :, current] / 100, history.known),
        seen=totals.mean(axis=1) / 100,
        tenure_years=(table[TENURE].to_numpy() + 1) / 12,
        selected=table[ACCEPTED].notna().to_numpy(),
        holdout=people[HOLDOUT].to_numpy(dtype=np.bool_),
        offered=plan_indices(table[OFFERED_PLAN], catalogue),
        propensity=table[PROPENSITY].to_numpy(dtype=np.float64),
        accepted=table[ACCEPTED].eq(True).to_numpy(dtype=np.bool_),  # missing where not selected
        contacts=table[CONTACTS_90D].fillna(0).to_numpy(dtype=np.float64),
        left=_left(people[CHURN_DATE].to_numpy(), month, int(month_indices(months[MONTH]).max())),
    )


def _left(churn_date: NDArray[np.datetime64], month: IntArray, last: int) -> FloatArray:
    months_to = (churn_date.astype("datetime64[M]") - np.datetime64("0000-01", "M")).astype(np.float64)
    gone = ~np.isnat(churn_date) & (months_to < month + WINDOW)
    return np.where(month + WINDOW - 1 <= last, gone.astype(np.float64), np.nan)
