"""Whom a campaign could have addressed, what was known of them, what they were offered and what became of them.

One row per subscriber and month in which the campaign may address the subscriber: with the operator for a month at
least, free to change plan, no decision of their own that month. The campaign selects among them at random and never
contacts the hold-out, so contacted rows and all rows of the hold-out differ by the contact alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from planrec.billing import Catalogue, bill_totals
from planrec.campaigns.expected import Foresight
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

__all__ = ["WINDOW", "Campaign", "CampaignLog", "ContactRows", "OfferRows", "offer_rows"]

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
class ContactRows:
    """What the campaign did with n subscribers at their moments, and what they answered.

    Attributes
    ----------
    selected : bool array of shape (n,)
        Whether the campaign selected the subscriber that month, hold-out included.
    holdout : bool array of shape (n,)
        Whether the subscriber is never contacted.
    offered : int64 array of shape (n,)
        Plan offered; -1 where nobody was contacted.
    propensity : float64 array of shape (n,)
        Chance with which that plan was offered; NaN where nobody was contacted.
    accepted : bool array of shape (n,)
    before : float64 array of shape (n,)
        Contacts in the three months before; 0 where the log does not say.
    """

    selected: BoolArray
    holdout: BoolArray
    offered: IntArray
    propensity: FloatArray
    accepted: BoolArray
    before: FloatArray

    @property
    def made(self) -> BoolArray:
        """Whether an offer was made; bool array of shape (n,)."""
        return self.offered >= 0

    def at(self, rows: IntArray | BoolArray) -> ContactRows:
        """Return some of the rows, by position or mask."""
        return ContactRows(
            selected=self.selected[rows],
            holdout=self.holdout[rows],
            offered=self.offered[rows],
            propensity=self.propensity[rows],
            accepted=self.accepted[rows],
            before=self.before[rows],
        )


@dataclass(frozen=True, slots=True)
class OfferRows:
    """Subscribers at the moments of a campaign; n rows, ordered by subscriber and month.

    Attributes
    ----------
    subscribers : object array of shape (n,)
    month : int64 array of shape (n,)
        Month index of the moment; everything known of the subscriber is from months before.
    standing : Standing
        The plan held, its bills and what may be offered, n rows.
    spread : float64 array of shape (n, n_plans)
        Standard deviation of the bills whose mean is `Standing.bill`, in currency.
    seen : float64 array of shape (n, n_plans)
        As `Standing.bill`, but months in which the subscriber was not yet there count as months without usage: what
        the campaign's own policy looks at.
    alternatives : float64 array of shape (n, n_plans, 8)
        As `decisions.alternatives.ALTERNATIVE_FEATURES`, over up to `choice_months` months.
    contacts : ContactRows
        What the campaign did, and what was answered, n rows.
    left : float64 array of shape (n,)
        1 where the subscriber left within `WINDOW` months, 0 where not; NaN where the window outlasts the table.
    """

    subscribers: NDArray[np.object_]
    month: IntArray
    standing: Standing
    spread: FloatArray
    seen: FloatArray
    alternatives: FloatArray
    contacts: ContactRows
    left: FloatArray

    def at(self, rows: IntArray | BoolArray) -> OfferRows:
        """Return some of the rows, by position or mask."""
        return OfferRows(
            subscribers=self.subscribers[rows],
            month=self.month[rows],
            standing=self.standing.at(rows),
            spread=self.spread[rows],
            seen=self.seen[rows],
            alternatives=self.alternatives[rows],
            contacts=self.contacts.at(rows),
            left=self.left[rows],
        )


def offer_rows(
    operator: Campaign, *, history_months: int = 3, choice_months: int = 6, foresight: Foresight | None = None
) -> OfferRows:
    """Return the moments of an operator's campaign, from its recorded tables alone.

    Parameters
    ----------
    operator : Campaign
        With a campaign that selected somebody. Usage is rated on the rate card of the first month.
    history_months : int
        Months before the moment to look at, >= 1.
    choice_months : int
        Likewise for what the answer depends on, >= 1.
    foresight : Foresight, optional
        What the bundle will know of the bills to come; without it `Standing.expected` is None.

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
    >>> int(rows.contacts.selected.sum()) == len(operator.offers)
    True
    """
    if not len(operator.offers):
        raise DataError("offers: the campaign selected nobody; raise `offers.campaign_share`, or simulate more months.")
    months, catalogue = operator.months, operator.catalogue
    longest = max(history_months, choice_months, 1 if foresight is None else foresight.history_months)
    every = decision_table(months.drop(columns=DECISION), history_months=longest)
    every = every.merge(months[[*KEY, DECISION]], on=list(KEY), how="left")
    undecided = every[DECISION].isna() | (every[DECISION] == CONTACT)
    running = every[MONTH] >= operator.offers[MONTH].min()
    table = every[undecided & running & (every[CONTRACT_LEFT] == 0)]
    table = table.merge(operator.offers.drop(columns=[CURRENT_PLAN, HOLDOUT]), on=list(KEY), how="left", validate="1:1")
    columns = columns_of(table)
    history = history_of(columns, history_months)
    expected = None if foresight is None else foresight.bills(history_of(columns, foresight.history_months), catalogue)
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
        standing=Standing(
            current=current,
            bill=outlook.mean_cents / 100,
            offerable=offerable,
            rise=bill_rise(totals[held[0], :, current] / 100, history.known),
            tenure_years=(table[TENURE].to_numpy() + 1) / 12,
            expected=expected,
        ),
        spread=outlook.spread_cents / 100,
        seen=totals.mean(axis=1) / 100,
        alternatives=alternative_features(history_of(columns, choice_months), catalogue, current),
        contacts=_contacts(table, people, catalogue),
        left=_left(people[CHURN_DATE].to_numpy(), month, int(month_indices(months[MONTH]).max())),
    )


def _contacts(table: pd.DataFrame, people: pd.DataFrame, catalogue: Catalogue) -> ContactRows:
    return ContactRows(
        selected=table[ACCEPTED].notna().to_numpy(),
        holdout=people[HOLDOUT].to_numpy(dtype=np.bool_),
        offered=plan_indices(table[OFFERED_PLAN], catalogue),
        propensity=table[PROPENSITY].to_numpy(dtype=np.float64),
        accepted=table[ACCEPTED].eq(True).to_numpy(dtype=np.bool_),  # missing where not selected
        before=table[CONTACTS_90D].fillna(0).to_numpy(dtype=np.float64),
    )


def _left(churn_date: NDArray[np.datetime64], month: IntArray, last: int) -> FloatArray:
    months_to = (churn_date.astype("datetime64[M]") - np.datetime64("0000-01", "M")).astype(np.float64)
    gone = ~np.isnat(churn_date) & (months_to < month + WINDOW)
    return np.where(month + WINDOW - 1 <= last, gone.astype(np.float64), np.nan)
