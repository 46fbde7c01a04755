"""Read usage months: the simulated operator's, a user's own table, a user's own events, the Megaline events."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from common_utils.config import resolve_path
from common_utils.errors import ConfigError
from common_utils.tables import Reading
from planrec.billing import Catalogue
from planrec.config import PlanRecConfig, TableConfig
from planrec.months import month_index
from planrec.simulator.operator import OFFERS_FILE, SUBSCRIBERS_FILE, USAGE_MONTHS_FILE, simulate
from planrec.usage.event_files import read_event_tables, read_megaline
from planrec.usage.months_table import CampaignTables, UsageData, until_last
from planrec.usage.read import read_usage_table

__all__ = ["load_usage", "portfolio_file", "read_simulated"]

_PORTFOLIO_DATA = "PORTFOLIO_DATA"


def portfolio_file(name: str, *, option: str, environ: Mapping[str, str] | None = None) -> Path:
    """Return where a public table lies: in the folder that PORTFOLIO_DATA names, as an absolute path.

    Parameters
    ----------
    name : str
        Of the file.
    option : str
        What a message says may be given instead.
    environ : mapping, optional
        Read instead of `os.environ`.

    Raises
    ------
    ConfigError
        If PORTFOLIO_DATA is not set.

    Examples
    --------
    >>> portfolio_file("table.csv", option="--data", environ={})
    Traceback (most recent call last):
    common_utils.errors.ConfigError: table.csv: give --data, or set PORTFOLIO_DATA to the folder that holds it.
    """
    folder = _portfolio_folder(environ)
    if folder is None:
        raise ConfigError(f"{name}: give {option}, or set {_PORTFOLIO_DATA} to the folder that holds it.")
    return folder / name


def _portfolio_folder(environ: Mapping[str, str] | None) -> Path | None:
    named = (os.environ if environ is None else environ).get(_PORTFOLIO_DATA, "")
    return Path(named).resolve() if named else None


def read_simulated(folder: Path, *, catalogue: Catalogue | None = None, reading: Reading | None = None) -> UsageData:
    """Read the usage months that `planrec simulate` wrote.

    Parameters
    ----------
    folder : Path
    catalogue, reading : optional
        As for `read_usage_table`.

    Raises
    ------
    DataError
        If there are none.
    """
    data = read_usage_table(folder / USAGE_MONTHS_FILE, catalogue=catalogue, reading=reading)
    return UsageData(data.months, data.reports, "simulated operator", campaign=_read_campaign(folder))


def _read_campaign(folder: Path) -> CampaignTables | None:
    """Read the log of offers that `planrec simulate` wrote; None where one of its two files is missing."""
    offers, subscribers = folder / OFFERS_FILE, folder / SUBSCRIBERS_FILE
    if not (offers.is_file() and subscribers.is_file()):
        return None
    return CampaignTables(pd.read_parquet(offers), pd.read_parquet(subscribers))


def load_usage(
    config: PlanRecConfig,
    catalogue: Catalogue,
    project: Path,
    *,
    environ: Mapping[str, str] | None = None,
    reading: Reading | None = None,
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
    reading : Reading, optional
        What the command line says over `data.table`.

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
            return read_simulated(folder, catalogue=catalogue, reading=_of_known_columns(data.table, reading))
        operator = simulate(config.simulator, catalogue, np.random.default_rng(config.training.seed))
        campaign = CampaignTables(operator.offers, operator.subscribers)
        return UsageData(operator.months, (), "simulated operator", campaign=campaign)
    if data.source == "megaline":
        folder = folder or _portfolio_folder(environ)
        if folder is None:
            raise ConfigError(
                f"data.source megaline: set `data.folder` or {_PORTFOLIO_DATA} to the folder of megaline_users.csv."
            )
        rules = data.megaline
        return read_megaline(
            folder,
            catalogue,
            churn_cut=rules.churn_cut,
            empty_months=rules.empty_months,
            reading=_of_known_columns(data.table, reading),
        )
    if folder is None:
        raise ConfigError("data.source table: set `data.folder` to your table of usage months, or folder of events.")
    table = data.table
    said = Reading.of(table) if reading is None else reading.over(table)
    until = None if table.until is None else month_index(table.until)
    if table.kind == "events":
        return read_event_tables(folder, catalogue, reading=said, until=until)
    return until_last(read_usage_table(folder, catalogue=catalogue, reading=said), until, reading=said)


def _of_known_columns(table: TableConfig, reading: Reading | None) -> Reading:
    """Return how a source is read whose columns are known: the mapping of users' tables says nothing of it."""
    said = Reading() if reading is None else reading
    return replace(said, columns={}, max_rejected_share=table.max_rejected_share)
