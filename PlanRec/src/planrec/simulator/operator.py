"""The simulated operator as tables: usage months for training, its truth apart from them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from common_utils.tables import write_table
from planrec.billing import Catalogue
from planrec.columns import (
    ACCEPTED,
    AGE,
    CONTACTS_90D,
    CONTRACT_LEFT,
    CURRENT_PLAN,
    DECISION,
    DECISION_REASONS,
    HOLDOUT,
    MEGABYTES,
    MESSAGES,
    MINUTES,
    MONTH,
    OFFERED_PLAN,
    PARTIAL,
    PROPENSITY,
    SUBSCRIBER,
    TENURE,
)
from planrec.months import month_index, month_text
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.defects import DefectCounts, damaged_events, damaged_months, with_decimal_commas
from planrec.simulator.drift import card_text, rate_cards, recorded_months
from planrec.simulator.events import simulate_events
from planrec.simulator.leaks import with_leaks
from planrec.simulator.market import Market, run_market
from planrec.simulator.simulation import Simulation
from planrec.simulator.truth import truth_tables
from planrec.simulator.usage import BURN_IN, subscriber_ids
from planrec.usage.events import CHURN_DATE, EVENT_TABLES, REG_DATE, SUBSCRIBERS

__all__ = [
    "DEFECTS_FILE",
    "OFFERS_FILE",
    "SUBSCRIBERS_FILE",
    "USAGE_MONTHS_FILE",
    "simulate",
    "write_simulation",
]

USAGE_MONTHS_FILE, _USAGE_MONTHS_CSV = "usage_months.parquet", "usage_months.csv"
OFFERS_FILE, SUBSCRIBERS_FILE = "offers.parquet", "subscribers.parquet"
DEFECTS_FILE = "defects.json"


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
    >>> config = SimulatorConfig(subscribers=10, months=2, joins_late=0, churn={"base": -50})
    >>> operator = simulate(config, card, np.random.default_rng(1))
    >>> len(operator.months), operator.months.month.unique().tolist()
    (20, ['2025-01', '2025-02'])
    """
    market = run_market(config, catalogue, rng)
    cards = rate_cards(config, catalogue)[BURN_IN:]
    catalogue = cards[0]
    ids = np.array(subscriber_ids(config.subscribers), dtype=object)
    first = month_index(config.first_month)
    names = np.array([month_text(first + t) for t in range(config.months + config.later_months)], dtype=object)
    return Simulation(
        months=with_leaks(recorded_months(_months(market, ids, names, catalogue), config), catalogue, config.leaks),
        subscribers=_subscribers(market, ids, names),
        offers=_offers(market, ids, names, catalogue),
        truth=truth_tables(market, ids, names, config, catalogue),
        catalogue=catalogue,
        rate_cards={names[t]: c for t, c in enumerate(cards) if t == 0 or c is not cards[t - 1]},
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
    first = names[np.maximum(people.joined, 0)].astype("datetime64[D]") + (people.first_day - 1).astype(
        "timedelta64[D]"
    )
    after = (names[market.last].astype("datetime64[M]") + np.timedelta64(1, "M")).astype("datetime64[D]")
    frame = pd.DataFrame(
        {
            SUBSCRIBER: ids,
            AGE: people.age.astype(np.float64),
            REG_DATE: first,
            CHURN_DATE: np.where(market.left, after - np.timedelta64(1, "D"), np.datetime64("NaT", "D")),
            HOLDOUT: market.holdout,
        }
    )
    return frame.astype({SUBSCRIBER: "str", REG_DATE: "datetime64[us]", CHURN_DATE: "datetime64[us]"})


def _offers(market: Market, ids: np.ndarray, names: np.ndarray, catalogue: Catalogue) -> pd.DataFrame:
    log, plans = market.offers, np.array([*catalogue.plan_ids, None], dtype=object)
    frame = pd.DataFrame(
        {
            SUBSCRIBER: ids[log.who],
            MONTH: names[log.month],
            CURRENT_PLAN: plans[log.current],
            OFFERED_PLAN: plans[log.offered],
            PROPENSITY: np.round(log.propensity, 9),
            ACCEPTED: log.accepted,
            HOLDOUT: log.holdout,
            CONTACTS_90D: log.contacts,
        }
    )
    text = dict.fromkeys((SUBSCRIBER, MONTH, CURRENT_PLAN, OFFERED_PLAN), "str")
    return frame.astype(text).sort_values([SUBSCRIBER, MONTH], ignore_index=True)


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
        The files: `usage_months.parquet`, `subscribers.parquet`, `offers.parquet`, `rate_cards/<first month>.yaml`, one
        in `truth/` for each table of `Truth`, and for the first `event_subscribers` of the settings
        `events/calls.parquet`, `messages`, `sessions` and `subscribers`, which `read_event_tables` reads.
        With defects also `usage_months.csv` and `defects.json`, which counts the damaged rows of each table.

    Raises
    ------
    DataError
        If a file cannot be written.
    """
    defects = simulation.config.defects
    damage_rng = np.random.default_rng([simulation.event_seed, 1])
    months, commas, ledger = damaged_months(simulation.months, simulation.catalogue, defects, damage_rng)
    tables = {
        folder / USAGE_MONTHS_FILE: months,
        folder / SUBSCRIBERS_FILE: simulation.subscribers,
        folder / OFFERS_FILE: simulation.offers,
        **{folder / "truth" / f"{name}.parquet": frame for name, frame in simulation.truth.tables().items()},
    }
    accounts = {USAGE_MONTHS_FILE: ledger}
    sampled = simulation.subscribers[SUBSCRIBER].head(simulation.config.event_subscribers)
    if len(sampled):
        events = simulate_events(simulation, sampled, np.random.default_rng(simulation.event_seed))
        events, of_events = damaged_events(events, defects, damage_rng)
        for name in (*EVENT_TABLES, SUBSCRIBERS):
            tables[folder / "events" / f"{name}.parquet"] = getattr(events, name)
        accounts |= {f"events/{name}.parquet": account for name, account in of_events.items()}
    for path, frame in tables.items():
        write_table(frame, path)
    cards = {folder / "rate_cards" / f"{month}.yaml": card for month, card in simulation.rate_cards.items()}
    for path, card in cards.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(card_text(card), encoding="utf-8")
    return [*tables, *cards, *_write_defects(months, commas, accounts, folder)]


def _write_defects(
    months: pd.DataFrame, commas: np.ndarray, accounts: dict[str, DefectCounts], folder: Path
) -> list[Path]:
    """Write the ledger, and the usage months as CSV, which alone can hold a decimal comma; nothing if all is well."""
    as_text, of_text = with_decimal_commas(months, commas)
    accounts |= {_USAGE_MONTHS_CSV: {**accounts[USAGE_MONTHS_FILE], **of_text}}
    if not any(count for account in accounts.values() for count in account.values()):
        return []
    written = [folder / _USAGE_MONTHS_CSV, folder / DEFECTS_FILE]
    as_text.to_csv(written[0], sep=";", index=False, lineterminator="\n", encoding="utf-8")
    written[1].write_text(json.dumps(accounts, indent=1) + "\n", encoding="utf-8")
    return written
