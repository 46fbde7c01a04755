"""The simulated operator as tables: usage months for training, its truth apart from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from common_utils.tables import write_table
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
from planrec.events import EVENT_TABLES, REG_DATE, SUBSCRIBERS
from planrec.months import month_index, month_text
from planrec.simulate_config import SimulatorConfig
from planrec.simulate_events import simulate_events
from planrec.simulate_market import Market, run_market
from planrec.simulate_usage import typical_usage

__all__ = ["USAGE_MONTHS_FILE", "Simulation", "Truth", "simulate", "write_simulation"]

USAGE_MONTHS_FILE = "usage_months.parquet"

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
        utility before the choice noise, missing outside the choice set.
    choice_probabilities : DataFrame
        Likewise, with the exact probability that each plan is taken: the logit of the utilities, or what the
        satisficing process gives; 0 outside the choice set.
    """

    subscribers: pd.DataFrame
    utilities: pd.DataFrame
    choice_probabilities: pd.DataFrame


@dataclass(frozen=True)
class Simulation:
    """What a simulated operator recorded, and the truth behind it.

    Attributes
    ----------
    months : DataFrame
        Usage months with every optional column.
    subscribers : DataFrame
        One row per subscriber: `subscriber_id`, `age`, `reg_date` (the first day of the table or later).
    truth : Truth
    catalogue : Catalogue
        The rate card that was in force.
    config : SimulatorConfig
        The settings.
    event_seed : int
        Seed of the events that `write_simulation` draws.
    """

    months: pd.DataFrame
    subscribers: pd.DataFrame
    truth: Truth
    catalogue: Catalogue
    config: SimulatorConfig
    event_seed: int


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
    truth = Truth(
        subscribers=_tastes(market, ids, config),
        utilities=_by_decision(market, market.utility, ids, names, catalogue),
        choice_probabilities=_by_decision(market, market.chance, ids, names, catalogue),
    )
    return Simulation(
        months=_months(market, ids, names, catalogue),
        subscribers=_subscribers(market, ids, names),
        truth=truth,
        catalogue=catalogue,
        config=config,
        event_seed=int(rng.integers(2**63)),
    )


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
    first = names[np.maximum(people.joined, 0)].astype("datetime64[D]") + (people.first_day - 1)
    frame = pd.DataFrame({SUBSCRIBER: ids, AGE: people.age.astype(np.float64), REG_DATE: first})
    return frame.astype({SUBSCRIBER: "str", REG_DATE: "datetime64[us]"})


def _tastes(market: Market, ids: np.ndarray, config: SimulatorConfig) -> pd.DataFrame:
    segments = np.array([s.name for s in config.segments], dtype=object)
    people, tastes = market.people, market.tastes
    frame = pd.DataFrame({SUBSCRIBER: ids, "segment": segments[people.segment]}).astype("str")
    typical = typical_usage(people)
    for i, service in enumerate(USAGE):
        frame[f"typical_{service}"] = np.round(typical[:, i], _DECIMALS)
    for name in ("overestimation", "price", "flat_rate", "perk", "contract", "inertia"):
        frame[name] = np.round(getattr(tastes, name), _DECIMALS)
    return frame


def _by_decision(
    market: Market, values: np.ndarray, ids: np.ndarray, names: np.ndarray, catalogue: Catalogue
) -> pd.DataFrame:
    order = np.lexsort((market.chooser[:, 1], market.chooser[:, 0]))
    who, when = market.chooser[order].T
    frame = pd.DataFrame({SUBSCRIBER: ids[who], MONTH: names[when]}).astype("str")
    values = np.where(np.isinf(values[order]), np.nan, np.round(values[order], _DECIMALS))
    return frame.join(pd.DataFrame(values, columns=list(catalogue.plan_ids)))


def write_simulation(simulation: Simulation, folder: Path) -> list[Path]:
    """Write the tables of an operator as Parquet, the truth in a folder of its own.

    Parameters
    ----------
    simulation : Simulation
    folder : Path
        Made where missing; files of an earlier run are replaced.

    Returns
    -------
    list of Path
        The files: `usage_months.parquet`, `subscribers.parquet`, `truth/subscribers.parquet`,
        `truth/utilities.parquet`, `truth/choice_probabilities.parquet`,
        and for the first `event_subscribers` of the settings `events/calls.parquet`,
        `messages`, `sessions` and `subscribers`, which `planrec.data.read_event_tables` reads.

    Raises
    ------
    DataError
        If a file cannot be written.
    """
    tables = {
        folder / USAGE_MONTHS_FILE: simulation.months,
        folder / "subscribers.parquet": simulation.subscribers,
        folder / "truth" / "subscribers.parquet": simulation.truth.subscribers,
        folder / "truth" / "utilities.parquet": simulation.truth.utilities,
        folder / "truth" / "choice_probabilities.parquet": simulation.truth.choice_probabilities,
    }
    sampled = simulation.subscribers[SUBSCRIBER].head(simulation.config.event_subscribers)
    if len(sampled):
        events = simulate_events(simulation, sampled, np.random.default_rng(simulation.event_seed))
        for name in (*EVENT_TABLES, SUBSCRIBERS):
            tables[folder / "events" / f"{name}.parquet"] = getattr(events, name)
    for path, frame in tables.items():
        write_table(frame, path)
    return list(tables)
