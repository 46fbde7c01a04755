"""Files of a simulated operator with a full card: events, accounts and the card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from common_utils.errors import ConfigError
from common_utils.outputs import write_text
from planrec.billing.complete_cards import load_complete_card
from planrec.columns import MONTH, SUBSCRIBER
from planrec.simulator.events import simulate_events
from planrec.simulator.full_cards.draw import full_events, held_plans
from planrec.simulator.full_cards.traits import EventTraits, refuse_unknown
from planrec.simulator.simulation import Simulation
from planrec.usage.events import CHURN_DATE, REG_DATE

__all__ = ["write_full_card"]


def write_full_card(simulation: Simulation, traits: EventTraits, folder: Path) -> list[Path]:
    """Write events, accounts and the card for the first `event_subscribers` of the settings.

    The events are those of `write_simulation` before its defects, with classes, zones and times. They have a random
    state of their own: the other tables are the same with and without them.

    Returns
    -------
    list of Path
        `events.csv`, `accounts.yaml` and `card.yaml`, as `planrec bill` takes them.

    Raises
    ------
    ConfigError
        If the card cannot be used, is not billed by calendar months, or lacks a plan, class or zone of the traits.
    """
    card = load_complete_card(traits.card)
    refuse_unknown(traits, card)
    if card.period.kind != "calendar_month" or card.prepaid or card.pool is not None:
        raise ConfigError(f"card {card.version}: simulated subscribers are billed by calendar months, line by line.")
    people = simulation.subscribers.head(simulation.config.event_subscribers)
    names = people[SUBSCRIBER].tolist()
    tables = simulate_events(simulation, names, np.random.default_rng(simulation.event_seed))
    rng = np.random.default_rng([simulation.event_seed, 2])
    plans = held_plans(traits, names, rng)
    events = full_events(tables, traits, plans, card.timezone, rng)
    months = sorted(simulation.months[MONTH].unique().tolist())
    written = {
        folder / "events.csv": events.to_csv(index=False, lineterminator="\n"),
        folder / "accounts.yaml": _accounts(people, plans, months),
        folder / "card.yaml": traits.card.read_text(encoding="utf-8"),
    }
    for path, text in written.items():
        write_text(path, text)
    return list(written)


def _accounts(people: pd.DataFrame, plans: dict[str, str], months: list[str]) -> str:
    start = pd.Timestamp(f"{months[0]}-01")
    holders: dict[str, dict[str, str]] = {}
    for who, first, last in zip(people[SUBSCRIBER], people[REG_DATE], people[CHURN_DATE], strict=True):
        holder = {"plan": plans[who]}
        if first > start:
            holder["from"] = str(first.date())
        if not pd.isna(last):
            holder["to"] = str(last.date())
        holders[who] = holder
    return yaml.safe_dump({"bill": months, "subscribers": holders}, sort_keys=False, default_flow_style=None)
