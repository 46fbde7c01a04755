"""One simulated operator, twice: as it is, and as it would be had no plan been launched after training.

Both worlds are drawn from the same random numbers, so they are equal up to the launch: models are fitted once and
judged in both, on subscribers and months they never saw, against the operator's own truth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from common_utils.array_types import FloatArray, IntArray
from common_utils.splits import group_holdout
from planrec.billing import Catalogue
from planrec.billing.catalogue import OnSale
from planrec.columns import AGE, CONTACT, CONTACTS_90D, CURRENT_PLAN, DECISION, KEY, MONTH, SUBSCRIBER
from planrec.config import PlanRecConfig
from planrec.decisions import decision_table, plan_indices
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.months import month_index, month_indices
from planrec.policies.compare import BillsAhead, JudgedDecisions
from planrec.rules import ExclusionCode, exclusions
from planrec.simulator.operator import simulate
from planrec.simulator.simulation import Simulation

__all__ = ["HORIZON", "ContactMoments", "World", "training_side", "two_worlds"]


HORIZON = 3  # months over which a decision is judged
_NEVER = "9999-12"


@dataclass(frozen=True)
class ContactMoments:
    """Subscribers to whom an offer could be made, and the truth about it; n rows, m plans.

    Attributes
    ----------
    rows : DataFrame
        As decision rows.
    current : int64 array of shape (n,)
    contacts : float64 array of shape (n,)
        Contacts in the 90 days before.
    accept : float64 array of shape (n, n_plans)
        True P(accept); NaN where a plan cannot be offered.
    saving_cents : float64 array of shape (n, n_plans)
        What the plan really saves a month over the next three months.
    """

    rows: pd.DataFrame
    current: IntArray
    contacts: FloatArray
    accept: FloatArray
    saving_cents: FloatArray


@dataclass(frozen=True)
class World:
    """The test side of one world.

    Attributes
    ----------
    operator : Simulation
    launched : int64 array
        Positions of the plans launched after training; empty in the world without a launch.
    rows : DataFrame
        Decision rows of unseen subscribers in the test months.
    situation : JudgedDecisions
        Their choice sets and the true bills ahead.
    oracle : float64 array of shape (n, n_plans)
        True choice probabilities.
    moments : ContactMoments
        Of unseen subscribers in the test months.
    everybody : DataFrame
        Rows of all unseen subscribers in the test months, whether they decide or not.
    """

    operator: Simulation
    launched: IntArray
    rows: pd.DataFrame
    situation: JudgedDecisions
    oracle: FloatArray
    moments: ContactMoments
    everybody: pd.DataFrame


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


def training_side(config: PlanRecConfig, operator: Simulation, *, seed: int) -> pd.DataFrame:
    """Return the usage months models may learn from: of seen subscribers, before the first test month."""
    months = operator.months
    seen, _ = group_holdout(months[SUBSCRIBER].to_numpy(), share=config.training.split.test_share, seed=seed)
    months = months.iloc[seen]
    return months[months[MONTH] < config.evaluation.study.first_test_month].reset_index(drop=True)


def _world(config: PlanRecConfig, operator: Simulation, launched: IntArray, first: int, seed: int) -> World:
    months = operator.months
    _, unseen = group_holdout(months[SUBSCRIBER].to_numpy(), share=config.training.split.test_share, seed=seed)
    every = decision_table(months.iloc[unseen].drop(columns=DECISION), history_months=_longest(config))
    every = every.iloc[np.flatnonzero(month_indices(every[MONTH]) >= first)]
    every = every.merge(months[[*KEY, DECISION]], on=list(KEY), how="left")
    own = every[DECISION].notna() & (every[DECISION] != CONTACT)
    rows = every.iloc[np.flatnonzero(own)].drop(columns=DECISION).reset_index(drop=True)
    return World(
        operator=operator,
        launched=launched,
        rows=rows,
        situation=_situation(config, operator, rows, seed),
        oracle=_truth_at(operator.truth.choice_probabilities, rows),
        moments=_moments(operator, every.drop(columns=DECISION)),
        everybody=every.drop(columns=DECISION).reset_index(drop=True),
    )


def _longest(config: PlanRecConfig) -> int:
    return max(config.features.history_months, 6)


def _situation(config: PlanRecConfig, operator: Simulation, rows: pd.DataFrame, seed: int) -> JudgedDecisions:
    catalogue = operator.catalogue
    current = plan_indices(rows[CURRENT_PLAN], catalogue)
    excluded = exclusions(catalogue, month_indices(rows[MONTH]), current, rows[AGE].to_numpy(dtype=np.float64))
    return JudgedDecisions(
        subscribers=rows[SUBSCRIBER].to_numpy(),
        available=excluded == ExclusionCode.NONE,
        chosen=plan_indices(rows[CHOSEN_PLAN], catalogue),
        current=current,
        ahead=BillsAhead(_bills_ahead(operator, rows), np.ones(len(rows), dtype=np.bool_)),
        resamples=config.evaluation.resamples,
        seed=seed,
    )


def _moments(operator: Simulation, every: pd.DataFrame) -> ContactMoments:
    accept = _truth_at(operator.truth.acceptance, every)
    offered = np.flatnonzero(~np.isnan(accept).all(axis=1))
    rows, accept = every.iloc[offered].reset_index(drop=True), accept[offered]
    log = operator.offers.set_index(list(KEY))[CONTACTS_90D]
    contacts = log.reindex(pd.MultiIndex.from_frame(rows[list(KEY)])).fillna(0.0).to_numpy(dtype=np.float64)
    current = plan_indices(rows[CURRENT_PLAN], operator.catalogue)
    ahead = _bills_ahead(operator, rows)
    saving = ahead[np.arange(len(rows)), current][:, None] - ahead
    return ContactMoments(rows, current, contacts, accept, saving)


def _positions(table: pd.DataFrame, rows: pd.DataFrame) -> IntArray:
    index = pd.MultiIndex.from_arrays([table[SUBSCRIBER], month_indices(table[MONTH])])
    wanted = pd.MultiIndex.from_arrays([rows[SUBSCRIBER], month_indices(rows[MONTH])])
    return index.get_indexer(wanted).astype(np.int64)


def _truth_at(table: pd.DataFrame, rows: pd.DataFrame) -> FloatArray:
    """Return a table of the truth by plan at the rows' subscribers and months, NaN where it has none."""
    at = _positions(table, rows)
    values = table.drop(columns=list(KEY)).to_numpy(dtype=np.float64)
    return np.where((at >= 0)[:, None], values[at], np.nan)


def _bills_ahead(operator: Simulation, rows: pd.DataFrame) -> FloatArray:
    """Mean true bill of each plan over the horizon, the decision's own month first; cents."""
    bills = operator.truth.bills
    at = _positions(bills, rows)
    values = bills.drop(columns=list(KEY)).to_numpy(dtype=np.float64)
    return np.mean([values[at + step] for step in range(HORIZON)], axis=0)
