"""Read usage months: the simulated operator's, a user's own table, a user's own events, the Megaline events."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from common_utils.config import resolve_path
from common_utils.errors import ConfigError
from planrec.billing import Catalogue
from planrec.config import PlanRecConfig
from planrec.simulator.operator import OFFERS_FILE, SUBSCRIBERS_FILE, USAGE_MONTHS_FILE, simulate
from planrec.usage.event_files import read_event_tables, read_megaline
from planrec.usage.months_table import CampaignTables, UsageData
from planrec.usage.read import read_usage_table

__all__ = ["load_usage", "read_simulated"]

_PORTFOLIO_DATA = "PORTFOLIO_DATA"


def read_simulated(folder: Path, *, catalogue: Catalogue | None = None) -> UsageData:
    """Read the usage months that `planrec simulate` wrote.

    Parameters
    ----------
    folder : Path
    catalogue : Catalogue, optional
        As for `read_usage_table`.

    Raises
    ------
    DataError
        If there are none.
    """
    data = read_usage_table(folder / USAGE_MONTHS_FILE, catalogue=catalogue)
    return UsageData(data.months, data.reports, "simulated operator", campaign=_read_campaign(folder))


def _read_campaign(folder: Path) -> CampaignTables | None:
    """Read the log of offers that `planrec simulate` wrote; None where one of its two files is missing."""
    offers, subscribers = folder / OFFERS_FILE, folder / SUBSCRIBERS_FILE
    if not (offers.is_file() and subscribers.is_file()):
        return None
    return CampaignTables(pd.read_parquet(offers), pd.read_parquet(subscribers))


def load_usage(
    config: PlanRecConfig, catalogue: Catalogue, project: Path, *, environ: Mapping[str, str] | None = None
) -> UsageData:
    """Read the usage months that the settings name.

    Parameters
    ----------
    config : PlanRecConfig
        `data.source` and `data.folder`. Without a folder, `simulator` simulates from `simulator` and
        `training.seed`, and `megaline` reads the folder that PORTFOLIO_DATA names.
    catalogue : Catalogue
        Its plans are the ones there are: a month on any other is kept, its plan unknown.
    project : Path
        Folder that relative paths count from.
    environ : mapping, optional
        Read instead of `os.environ`.

    Raises
    ------
    ConfigError
        If the source needs a folder or file and none is named.
    DataError
        If it cannot be read.
    """
    data = config.data
    folder = None if data.folder is None else resolve_path(project, data.folder)
    if data.source == "simulator":
        if folder is not None:
            return read_simulated(folder, catalogue=catalogue)
        operator = simulate(config.simulator, catalogue, np.random.default_rng(config.training.seed))
        campaign = CampaignTables(operator.offers, operator.subscribers)
        return UsageData(operator.months, (), "simulated operator", campaign=campaign)
    if data.source == "megaline":
        named = (os.environ if environ is None else environ).get(_PORTFOLIO_DATA, "")
        if folder is None and not named:
            raise ConfigError(
                f"data.source megaline: set `data.folder` or {_PORTFOLIO_DATA} to the folder of megaline_users.csv."
            )
        rules = data.megaline
        return read_megaline(
            folder or Path(named), catalogue, churn_cut=rules.churn_cut, empty_months=rules.empty_months
        )
    if folder is None:
        raise ConfigError("data.source table: set `data.folder` to your table of usage months, or folder of events.")
    if data.table.kind == "events":
        return read_event_tables(folder, catalogue, columns=data.table.columns)
    return read_usage_table(folder, columns=data.table.columns, catalogue=catalogue)
