"""One simulated operator, twice: as it is, and as it would be had no plan been launched after training.

Both worlds are drawn from the same random numbers, so they are equal up to the launch: one bundle's models are fitted
once and judged in both, on subscribers and months they never saw, against the operator's own truth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.splits import group_holdout
from planrec.billing import Catalogue
from planrec.billing.catalogue import OnSale
from planrec.columns import (
    AGE,
    CONSENT,
    CONTACTS_90D,
    CURRENT_PLAN,
    DECISION,
    HOLDOUT,
    KEY,
    MONTH,
    OFFERED_PLAN,
    SUBSCRIBER,
)
from planrec.config import PlanRecConfig
from planrec.decisions import columns_of, decision_table, latest_rows, plan_indices
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.months import month_index, month_indices, month_text
from planrec.policies.compare import BillsAhead, JudgedDecisions
from planrec.preparation import longest_history
from planrec.rules import ExclusionCode, Facts, exclusions
from planrec.rules.facts import facts_of
from planrec.simulator.campaign import in_holdout
from planrec.simulator.operator import simulate
from planrec.simulator.simulation import Simulation
from planrec.simulator.truth import LEAVE

__all__ = ["HORIZON", "Moments", "World", "asking_months", "moments_of", "two_worlds"]

HORIZON = 3  # months over which an answer is judged
_NEVER = "9999-12"
_CONSENT = 0.8  # share of subscribers who may be addressed
_CAP_MONTHS = 3  # months that contacts in 90 days are counted over


@dataclass(frozen=True)
class Moments:
    """Unseen subscribers with the operator, at the end of each month before a test month; n rows, m plans.

    Attributes
    ----------
    rows : DataFrame
        As `latest_rows`: what was known at that end.
    as_of : int64 array of shape (n,)
        Month index of that end; a change takes effect in the month after.
    current : int64 array of shape (n,)
    facts : Facts
    bills : float64 array of shape (n, n_plans)
        True mean bill a month over the `HORIZON` months from the change on; cents.
    accept : float64 array of shape (n, n_plans)
        True P(accept) of an offer made in the month of the change; NaN where a plan cannot be offered. The truth is
        written down of those who may change plan (`simulator.offers.truth_of_all`, which the study sets), else of those
        whom the campaign draws or who decide that month, and NaN for all others.
    leave : float64 array of shape (n, 1 + n_plans)
        True chance of leaving within three months, without an offer and by plan offered; NaN likewise.
    """

    rows: pd.DataFrame
    as_of: IntArray
    current: IntArray
    facts: Facts
    bills: FloatArray
    accept: FloatArray
    leave: FloatArray

    @property
    def subscribers(self) -> NDArray[np.object_]:
        """Who stands at the moments; object array of shape (n,)."""
        return self.rows[SUBSCRIBER].to_numpy(dtype=object)

    @property
    def addressed(self) -> BoolArray:
        """Of whom the truth says how an offer would be answered; bool array of shape (n,)."""
        return np.asarray(~np.isnan(self.accept).all(axis=1))


@dataclass(frozen=True)
class World:
    """The test side of one world.

    Attributes
    ----------
    operator : Simulation
    launched : int64 array
        Positions of the plans launched after training; empty in the world without a launch.
    usage : DataFrame
        Usage months of the unseen subscribers with the facts that offers ask for: what a bundle is asked with.
    rows : DataFrame
        Decision rows of unseen subscribers in the test months.
    situation : JudgedDecisions
        Their choice sets and the true bills ahead.
    oracle : float64 array of shape (n, n_plans)
        True choice probabilities.
    moments : Moments
    """

    operator: Simulation
    launched: IntArray
    usage: pd.DataFrame
    rows: pd.DataFrame
    situation: JudgedDecisions
    oracle: FloatArray
    moments: Moments


def two_worlds(config: PlanRecConfig, catalogue: Catalogue, *, seed: int) -> tuple[World, World]:
    """Return an operator's test side without and with the plans launched after training.

    Parameters
    ----------
    config : PlanRecConfig
        `simulator` and `evaluation.study`; the first test month of the world with a launch is that of the launch.
    catalogue : Catalogue
    seed : int
        Of the operator, and of who is unseen.

    Returns
    -------
    tuple of World and World
    """
    first = month_index(config.evaluation.study.first_test_month)
    launched = [i for i, p in enumerate(catalogue.plans) if p.on_sale.first and month_index(p.on_sale.first) >= first]
    plans = tuple(
        p.model_copy(update={"on_sale": OnSale.model_validate({"from": _NEVER})}) if i in launched else p
        for i, p in enumerate(catalogue.plans)
    )
    known = simulate(config.simulator, replace(catalogue, plans=plans), np.random.default_rng(seed))
    full = simulate(config.simulator, catalogue, np.random.default_rng(seed))
    launch = min((month_index(str(catalogue.plans[i].on_sale.first)) for i in launched), default=first)
    return (
        _world(config, known, np.array([], dtype=np.int64), first, seed),
        _world(config, full, np.array(launched, dtype=np.int64), launch, seed),
    )


def _world(config: PlanRecConfig, operator: Simulation, launched: IntArray, first: int, seed: int) -> World:
    months = operator.months
    _, unseen = group_holdout(months[SUBSCRIBER].to_numpy(), share=config.training.split.test_share, seed=seed)
    months = months.iloc[unseen].reset_index(drop=True)
    rows = decision_table(months, history_months=longest_history(config))
    rows = rows.iloc[np.flatnonzero(month_indices(rows[MONTH]) >= first)].reset_index(drop=True)
    usage = asking_months(operator, months)
    return World(
        operator=operator,
        launched=launched,
        usage=usage,
        rows=rows,
        situation=_situation(config, operator, rows, seed),
        oracle=_truth_at(operator.truth.choice_probabilities, rows[SUBSCRIBER], rows[MONTH]),
        moments=moments_of(config, operator, usage, first),
    )


def _situation(config: PlanRecConfig, operator: Simulation, rows: pd.DataFrame, seed: int) -> JudgedDecisions:
    catalogue = operator.catalogue
    current = plan_indices(rows[CURRENT_PLAN], catalogue)
    excluded = exclusions(catalogue, month_indices(rows[MONTH]), current, rows[AGE].to_numpy(dtype=np.float64))
    return JudgedDecisions(
        subscribers=rows[SUBSCRIBER].to_numpy(),
        available=excluded == ExclusionCode.NONE,
        chosen=plan_indices(rows[CHOSEN_PLAN], catalogue),
        current=current,
        ahead=BillsAhead(_bills_ahead(operator, rows[SUBSCRIBER], rows[MONTH]), np.ones(len(rows), dtype=np.bool_)),
        resamples=config.evaluation.resamples,
        seed=seed,
    )


def asking_months(operator: Simulation, months: pd.DataFrame) -> pd.DataFrame:
    """Return usage months as an operator would ask with them: without decisions, with consent, contacts, hold-out.

    Parameters
    ----------
    operator : Simulation
    months : DataFrame
        Of its usage months, whole subscribers.
    """
    number = month_indices(months[MONTH])
    made = operator.offers[operator.offers[OFFERED_PLAN].notna()]
    contacted = pd.MultiIndex.from_arrays([made[SUBSCRIBER], month_indices(made[MONTH])])
    contacts = np.zeros(len(months))
    for back in range(_CAP_MONTHS):
        contacts += pd.MultiIndex.from_arrays([months[SUBSCRIBER], number - back]).isin(contacted)
    held_out = operator.subscribers.set_index(SUBSCRIBER)[HOLDOUT].reindex(months[SUBSCRIBER])
    return months.drop(columns=DECISION).assign(
        **{
            CONSENT: in_holdout(months[SUBSCRIBER], share=_CONSENT, seed=1),
            CONTACTS_90D: contacts,
            HOLDOUT: held_out.to_numpy(dtype=np.bool_),
        }
    )


def moments_of(config: PlanRecConfig, operator: Simulation, usage: pd.DataFrame, first: int) -> Moments:
    """Return the moments of some subscribers' usage months from the end of the month before the first one on.

    Parameters
    ----------
    config : PlanRecConfig
    operator : Simulation
        With at least `HORIZON` - 1 later months.
    usage : DataFrame
        As `asking_months`, of whom it is about.
    first : int
        Index of the first month a change takes effect in; the last is the last of the table.
    """
    last, catalogue = int(month_indices(usage[MONTH]).max()), operator.catalogue
    parts: list[pd.DataFrame] = []
    for as_of in range(first - 1, last):
        known = latest_rows(usage, as_of=as_of, history_months=config.advice.history_months)
        parts.append(known[known[MONTH] == month_text(as_of)])
    rows = pd.concat(parts, ignore_index=True)
    as_of = month_indices(rows[MONTH])
    current = plan_indices(rows[CURRENT_PLAN], catalogue)
    change = pd.Series([month_text(month) for month in (as_of + 1).tolist()])
    leave = operator.truth.churn[[*KEY, LEAVE, *catalogue.plan_ids]]
    return Moments(
        rows=rows,
        as_of=as_of,
        current=current,
        facts=facts_of(columns_of(rows), current, as_of=as_of),
        bills=_bills_ahead(operator, rows[SUBSCRIBER], change),
        accept=_truth_at(operator.truth.acceptance, rows[SUBSCRIBER], change),
        leave=_truth_at(leave, rows[SUBSCRIBER], change),
    )


def _positions(table: pd.DataFrame, subscribers: pd.Series, months: pd.Series) -> IntArray:
    index = pd.MultiIndex.from_arrays([table[SUBSCRIBER], month_indices(table[MONTH])])
    return index.get_indexer(pd.MultiIndex.from_arrays([subscribers, month_indices(months)])).astype(np.int64)


def _truth_at(table: pd.DataFrame, subscribers: pd.Series, months: pd.Series) -> FloatArray:
    """Return a table of the truth at some subscribers and months, NaN where it has none."""
    at = _positions(table, subscribers, months)
    values = table.drop(columns=list(KEY)).to_numpy(dtype=np.float64)
    return np.where((at >= 0)[:, None], values[at], np.nan)


def _bills_ahead(operator: Simulation, subscribers: pd.Series, months: pd.Series) -> FloatArray:
    """Mean true bill of each plan over the horizon, the given month first; cents."""
    bills = operator.truth.bills
    at = _positions(bills, subscribers, months)
    values = bills.drop(columns=list(KEY)).to_numpy(dtype=np.float64)
    return np.mean([values[at + step] for step in range(HORIZON)], axis=0)
