"""A table of usage months: read from a file, checked row by row, accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pandera

from common_utils.tables import TableResult, check_rows, month_column, read_table
from planrec.billing import MAX_USAGE, Catalogue
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
from planrec.usage.months_table import UsageData, usage_months, with_known_plans

__all__ = ["USAGE_TABLE", "check_usage_rows", "read_usage_table"]

USAGE_TABLE = "usage months"  # what messages call it


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
