"""The simulated operator as tables: usage months for training, its truth apart from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from planrec.catalogue import Catalogue
from planrec.columns import (
    AGE,
    CONTRACT_LEFT,
    CURRENT_PLAN,
    DECISION,
    DECISION_REASONS,
    MEGABYTES,
    MESSAGES,
    MINUTES,
    MONTH,
    PARTIAL,
    SUBSCRIBER,
    TENURE,
    USAGE,
)
from planrec.months import month_index, month_text
from planrec.simulate_config import SimulatorConfig
from planrec.simulate_market import Market, run_market
from planrec.simulate_usage import typical_usage

__all__ = ["Simulation", "Truth", "simulate"]

_DECIMALS = 9  # of the truth; beyond them one processor's exp may differ from another's


@dataclass(frozen=True)
class Truth:
    """What only the simulator knows; never part of a training table.

    Attributes
    ----------
    subscribers : DataFrame
        One row per subscriber: segment, typical usage, beliefs and tastes.
    utilities : DataFrame
        One row per decision, sorted by subscriber and month: `subscriber_id`, `month` and one column per plan with its
        utility before the choice noise, missing outside the choice set. The logit of a row is the true choice
        probability.
    """

    subscribers: pd.DataFrame
    utilities: pd.DataFrame


@dataclass(frozen=True)
class Simulation:
    """What a simulated operator recorded, and the truth behind it.

    Attributes
    ----------
    months : DataFrame
        Usage months with every optional column.
    subscribers : DataFrame
        One row per subscriber: `subscriber_id`, `age`, `reg_date` (YYYY-MM-DD, the first day of the table or later).
    truth : Truth
    catalogue : Catalogue
        The rate card that was in force.
    """

    months: pd.DataFrame
    subscribers: pd.DataFrame
    truth: Truth
    catalogue: Catalogue


def simulate(config: SimulatorConfig, catalogue: Catalogue, rng: np.random.Generator) -> Simulation:
    """Simulate an operator.

    Parameters
    ----------
    config : SimulatorConfig
    catalogue : Catalogue
        In each month at least one plan on sale for every age.
    rng : numpy.random.Generator
        The same state gives the same tables.

    Returns
    -------
    Simulation

    Examples
    --------
    >>> from pathlib import Path
    >>> from planrec.catalogue import load_catalogue
    >>> card = load_catalogue(Path(__file__).parents[2] / "configs" / "plans.yaml")
    >>> operator = simulate(SimulatorConfig(subscribers=10, months=2, joins_late=0), card, np.random.default_rng(1))
    >>> len(operator.months), operator.months.month.unique().tolist()
    (20, ['2025-01', '2025-02'])
    """
    market = run_market(config, catalogue, rng)
    width = len(str(config.subscribers - 1))
    ids = np.array([f"S{i:0{width}d}" for i in range(config.subscribers)], dtype=object)
    first = month_index(config.first_month)
    names = np.array([month_text(first + t) for t in range(config.months)], dtype=object)
    truth = Truth(_tastes(market, ids, config), _utilities(market, ids, names, catalogue))
    return Simulation(_months(market, ids, names, catalogue), _subscribers(market, ids, names), truth, catalogue)


def _months(market: Market, ids: np.ndarray, names: np.ndarray, catalogue: Catalogue) -> pd.DataFrame:
    who, when = np.nonzero(market.plan >= 0)  # row-major: by subscriber, then month
    reasons = np.array([None, *DECISION_REASONS], dtype=object)
    plans = np.array(catalogue.plan_ids, dtype=object)
    people = market.people
    frame = pd.DataFrame(
        {
            SUBSCRIBER: ids[who],
            MONTH: names[when],
            MINUTES: market.usage[who, when, 0],
            MESSAGES: market.usage[who, when, 1],
            MEGABYTES: market.usage[who, when, 2],
            CURRENT_PLAN: plans[market.plan[who, when]],
            DECISION: reasons[market.decision[who, when]],
            AGE: people.age[who].astype(np.float64),
            TENURE: market.tenure[who, when].astype(np.float64),
            CONTRACT_LEFT: market.contract_left[who, when].astype(np.float64),
            PARTIAL: (people.joined[who] == when) & (people.first_share[who] < 1),
        }
    )
    return frame.astype(dict.fromkeys((SUBSCRIBER, MONTH, CURRENT_PLAN, DECISION), "str"))


def _subscribers(market: Market, ids: np.ndarray, names: np.ndarray) -> pd.DataFrame:
    people = market.people
    first = [f"{names[max(m, 0)]}-{day:02d}" for m, day in zip(people.joined, people.first_day, strict=True)]
    frame = pd.DataFrame({SUBSCRIBER: ids, AGE: people.age.astype(np.float64), "reg_date": first})
    return frame.astype({SUBSCRIBER: "str", "reg_date": "str"})


def _tastes(market: Market, ids: np.ndarray, config: SimulatorConfig) -> pd.DataFrame:
    segments = np.array([s.name for s in config.segments], dtype=object)
    people, tastes = market.people, market.tastes
    frame = pd.DataFrame({SUBSCRIBER: ids, "segment": segments[people.segment]}).astype("str")
    typical = typical_usage(people)
    for i, service in enumerate(USAGE):
        frame[f"typical_{service}"] = np.round(typical[:, i], _DECIMALS)
    for name in ("overestimation", "price", "flat_rate", "contract", "inertia"):
        frame[name] = np.round(getattr(tastes, name), _DECIMALS)
    return frame


def _utilities(market: Market, ids: np.ndarray, names: np.ndarray, catalogue: Catalogue) -> pd.DataFrame:
    order = np.lexsort((market.chooser[:, 1], market.chooser[:, 0]))
    who, when = market.chooser[order].T
    frame = pd.DataFrame({SUBSCRIBER: ids[who], MONTH: names[when]}).astype("str")
    values = market.utility[order]
    values = np.where(np.isinf(values), np.nan, np.round(values, _DECIMALS))
    return frame.join(pd.DataFrame(values, columns=list(catalogue.plan_ids)))
