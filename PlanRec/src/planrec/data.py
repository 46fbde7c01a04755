"""Read usage months: the simulated operator's, a user's own table, a user's own events, the Megaline events."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera

from common_utils.config import resolve_path
from common_utils.errors import ConfigError
from common_utils.tables import TableResult, check_rows, month_column, read_table
from planrec.billing.catalogue import Catalogue
from planrec.billing.rater import MAX_USAGE
from planrec.columns import (
    AGE,
    CONTRACT_LEFT,
    CURRENT_PLAN,
    DECISION,
    DECISION_REASONS,
    KEY,
    MONTH,
    OPTIONAL,
    PARTIAL,
    REQUIRED,
    SUBSCRIBER,
    TENURE,
    USAGE,
)
from planrec.config import PlanRecConfig
from planrec.simulator.operator import OFFERS_FILE, SUBSCRIBERS_FILE, USAGE_MONTHS_FILE, simulate
from planrec.usage.event_files import read_event_tables, read_megaline
from planrec.usage.months_table import CampaignTables, UsageData, summarise, usage_months, with_known_plans

__all__ = [
    "USAGE_TABLE",
    "UsageData",
    "check_usage_rows",
    "load_usage",
    "read_event_tables",
    "read_megaline",
    "read_simulated",
    "read_usage_table",
    "summarise",
]

USAGE_TABLE = "usage months"  # what messages call it
_PORTFOLIO_DATA = "PORTFOLIO_DATA"


def read_usage_table(
    path: Path, *, columns: Mapping[str, str] | None = None, catalogue: Catalogue | None = None
) -> UsageData:
    r"""Read a table of usage months.

    Parameters
    ----------
    path : Path
        `.csv` or `.parquet`; subscriber_id, month (YYYY-MM), minutes, messages, megabytes, and where known
        current_plan, decision, age, tenure_months, contract_months_left, partial. Minutes are already rounded per
        call where the rate card says so. Further columns are kept: as numbers if every value is one, else as text.
    columns : mapping of str to str, optional
        Column of the file -> our name.
    catalogue : Catalogue, optional
        Which plans there are; a `current_plan` that is none of them is taken as unknown and counted as a repair.

    Returns
    -------
    UsageData
        Rows with a month that does not exist, a missing, negative or endless number, or a second row for the same
        subscriber and month are rejected, with the reason.

    Raises
    ------
    DataError
        If the file cannot be read or no row is left.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "usage.csv"
    >>> _ = path.write_text("user,month,minutes,messages,megabytes\nu1,2025-13,1,1,1\nu1,2025-01,1,1,1\n")
    >>> data = read_usage_table(path, columns={"user": "subscriber_id"})
    >>> len(data.months), data.reports[0].rejected
    (1, {'month: not a month (YYYY-MM)': 1})
    """
    read = read_table(path, _usage_schema(), name=USAGE_TABLE, columns=columns, extra_columns="keep")
    further = [c for c in read.frame.columns if c not in (*REQUIRED, *OPTIONAL)]
    months = read.frame.assign(**{c: _numbers(read.frame[c]) for c in further})
    report = read.report
    if catalogue is not None:
        months, report = with_known_plans(months, report, catalogue)
    return UsageData(usage_months(months), (report,), path.name)


def check_usage_rows(table: Any) -> TableResult:
    """Return the rows of a piece of a Parquet table of usage months that can be used.

    Parameters
    ----------
    table : pyarrow.Table
        Columns as `read_usage_table`, under our names; further ones are kept as they are. All rows of a subscriber and
        month have to be in it. An empty table checks the columns alone.

    Returns
    -------
    TableResult
        Rejected as by `read_usage_table`.

    Raises
    ------
    DataError
        If a column is missing or of another type.

    Examples
    --------
    >>> import pyarrow as pa
    >>> row = {"subscriber_id": "u1", "month": "2025-13", "minutes": 1, "messages": 1, "megabytes": 1}
    >>> check_usage_rows(pa.Table.from_pylist([row])).report.rejected
    {'month: not a month (YYYY-MM)': 1}
    """
    return check_rows(table, _usage_schema(), name=USAGE_TABLE, extra_columns="keep")


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


@cache
def _usage_schema() -> pandera.DataFrameSchema:
    used = pandera.Check.in_range(0, MAX_USAGE, error=f"not between 0 and {MAX_USAGE:,}")
    whole = pandera.Check.ge(0, error="negative")
    age = pandera.Check.in_range(0, 130, error="not between 0 and 130")
    reason = pandera.Check.isin(DECISION_REASONS, error=f"none of {', '.join(DECISION_REASONS)}")
    return pandera.DataFrameSchema(
        {
            SUBSCRIBER: pandera.Column(str),
            MONTH: month_column(),
            **{service: pandera.Column(float, used) for service in USAGE},
            CURRENT_PLAN: pandera.Column(str, nullable=True, required=False),
            DECISION: pandera.Column(str, reason, nullable=True, required=False),
            AGE: pandera.Column(float, age, nullable=True, required=False),
            TENURE: pandera.Column(float, whole, nullable=True, required=False),
            CONTRACT_LEFT: pandera.Column(float, whole, nullable=True, required=False),
            PARTIAL: pandera.Column(bool, required=False),
        },
        unique=list(KEY),
    )


def _numbers(column: pd.Series) -> pd.Series:
    """Return text as numbers where every value is one."""
    numbers = pd.to_numeric(column, errors="coerce")
    lost = numbers.isna() & column.notna() & (column.astype("str").str.strip() != "")
    return column if lost.any() else numbers.astype("float64")
