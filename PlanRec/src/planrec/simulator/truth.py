"""What only the simulator knows, as tables of its own; never part of a table a model is trained on."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from planrec.billing import Catalogue
from planrec.columns import MONTH, SUBSCRIBER, USAGE
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.market import Market
from planrec.simulator.usage import all_segments, typical_usage

__all__ = ["LEAVE", "LEAVE_DECLINED", "Truth", "truth_tables"]

LEAVE, LEAVE_DECLINED = "no_offer", "declined"
_DECIMALS = 9  # beyond them one processor's exp may differ from another's

ObjectArray = NDArray[np.object_]


@dataclass(frozen=True)
class Truth:
    """What only the simulator knows; each table but the first is sorted by `subscriber_id` and `month`.

    Attributes
    ----------
    subscribers : DataFrame
        One row per subscriber: segment, typical usage, beliefs and tastes.
    utilities : DataFrame
        One row per decision and one column per plan: its utility before the choice noise, missing outside the choice
        set.
    choice_probabilities : DataFrame
        Likewise, with the exact probability that each plan is taken: the logit of the utilities, or what the
        satisficing process gives, or, where an offer was answered, that of accepting and of staying; 0 for all others.
    acceptance : DataFrame
        One row per decision of a plan holder and per subscriber selected for an offer: the probability that the offer
        of each plan would be accepted that month, missing for the current plan and outside the choice set.
    churn : DataFrame
        The same rows: the probability of leaving within three months, from that month on and with no further change of
        plan, `no_offer`, `declined` (contacted, but staying on the plan) and by plan offered.
    bills : DataFrame
        One row per subscriber and month from the first one on, months after the table and after leaving included: what
        each plan bills in cents, usage responding to the plan, demand the same for all plans.
    """

    subscribers: pd.DataFrame
    utilities: pd.DataFrame
    choice_probabilities: pd.DataFrame
    acceptance: pd.DataFrame
    churn: pd.DataFrame
    bills: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def truth_tables(
    market: Market, ids: ObjectArray, names: ObjectArray, config: SimulatorConfig, catalogue: Catalogue
) -> Truth:
    """Return the truth of a market.

    Parameters
    ----------
    market : Market
    ids : object array of shape (n,)
        Of the subscribers.
    names : object array of shape (months + later_months,)
        `YYYY-MM` of each month.
    config : SimulatorConfig
    catalogue : Catalogue

    Returns
    -------
    Truth
    """
    plans = list(catalogue.plan_ids)
    deciders = market.chooser[:, 0], market.chooser[:, 1]
    utility = np.where(np.isinf(market.utility), np.nan, market.utility)
    moments = market.moments
    asked = moments.who, moments.month
    leave = np.column_stack([moments.leave, moments.leave_declined, moments.leave_offered])
    return Truth(
        subscribers=_tastes(market, ids, config),
        utilities=_table(*deciders, utility, plans, ids, names),
        choice_probabilities=_table(*deciders, market.chance, plans, ids, names),
        acceptance=_table(*asked, moments.accept, plans, ids, names),
        churn=_table(*asked, leave, [LEAVE, LEAVE_DECLINED, *plans], ids, names),
        bills=_bills(market, plans, ids, names),
    )


def _table(
    who: IntArray, when: IntArray, values: FloatArray, columns: list[str], ids: ObjectArray, names: ObjectArray
) -> pd.DataFrame:
    order = np.lexsort((when, who))
    frame = pd.DataFrame({SUBSCRIBER: ids[who[order]], MONTH: names[when[order]]}).astype("str")
    return frame.join(pd.DataFrame(np.round(values[order], _DECIMALS), columns=columns))


def _bills(market: Market, plans: list[str], ids: ObjectArray, names: ObjectArray) -> pd.DataFrame:
    who, when = np.nonzero(np.arange(len(names)) >= market.people.joined[:, None])
    frame = pd.DataFrame({SUBSCRIBER: ids[who], MONTH: names[when]}).astype("str")
    return frame.join(pd.DataFrame(market.bills[who, when], columns=plans))


def _tastes(market: Market, ids: ObjectArray, config: SimulatorConfig) -> pd.DataFrame:
    segments = np.array([s.name for s in all_segments(config)], dtype=object)
    people, tastes = market.people, market.tastes
    frame = pd.DataFrame({SUBSCRIBER: ids, "segment": segments[people.segment]}).astype("str")
    typical = typical_usage(people)
    for i, service in enumerate(USAGE):
        frame[f"typical_{service}"] = np.round(typical[:, i], _DECIMALS)
    for name in ("overestimation", "price", "flat_rate", "perk", "contract", "inertia"):
        frame[name] = np.round(getattr(tastes, name), _DECIMALS)
    return frame
