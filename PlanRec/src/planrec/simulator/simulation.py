"""What a simulated operator recorded, as tables, and the truth behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from planrec.billing import Catalogue
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.truth import Truth

__all__ = ["Simulation"]


@dataclass(frozen=True)
class Simulation:
    """What a simulated operator recorded, and the truth behind it.

    Attributes
    ----------
    months : DataFrame
        Usage months with every optional column.
    subscribers : DataFrame
        One row per subscriber: `subscriber_id`, `age`, `reg_date` (the first day of the table or later), `churn_date`
        (the last day with the operator; missing while there), `holdout` (never contacted).
    offers : DataFrame
        The campaign's log, sorted by subscriber and month: `subscriber_id`, `month`, `current_plan` (before),
        `offered_plan`, `propensity` (with which that plan was offered), `accepted`, `holdout` (selected like the
        others, but not contacted: nothing offered), `contacts_90d` (in the three months before).
    truth : Truth
    catalogue : Catalogue
        The rate card that was in force in the first month.
    rate_cards : mapping of str to Catalogue
        Every rate card by the month it came into force; one, unless prices drift.
    config : SimulatorConfig
        The settings.
    event_seed : int
        Seed of the events that `write_simulation` draws.
    """

    months: pd.DataFrame
    subscribers: pd.DataFrame
    offers: pd.DataFrame
    truth: Truth
    catalogue: Catalogue
    rate_cards: Mapping[str, Catalogue]
    config: SimulatorConfig
    event_seed: int
