"""A table of usage months: read from a file, checked row by row, accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandera.pandas as pandera
from numpy.typing import NDArray

from common_utils.tables import Reading, TableResult, check_rows, id_column, month_column, read_table
from common_utils.tables.convert import number_or_text
from common_utils.tables.parquet_folder import NO_GAPS, Gaps
from common_utils.tables.read import PieceOfText
from common_utils.units import factors as units
from planrec.billing import MAX_USAGE, Catalogue
from planrec.columns import (
    AGE,
    CONSENT,
    CONTACTS_90D,
    CONTRACT_LEFT,
    CURRENT_PLAN,
    DECISION,
    DECISION_REASONS,
    HOLDOUT,
    KEY,
    MESSAGES,
    MINUTES,
    MONTH,
    MOST,
    PARTIAL,
    SUBSCRIBER,
    TENURE,
    USAGE,
)
from planrec.usage.amounts import check_amounts, counts_of
from planrec.usage.months_table import UsageData, gap_notes, usage_months, with_known_plans

__all__ = [
    "RAN_OUT",
    "USAGE_TABLE",
    "amount_units",
    "check_usage_rows",
    "optional_facts",
    "read_usage_table",
    "usage_schema",
]

USAGE_TABLE = "usage months"  # what messages call it
RAN_OUT = "below 0, taken as 0: the contract ran out"


def amount_units(column: str, *, gigabyte: int = units.GIGABYTE) -> units.Units:
    """Return the units an amount may be written in, each with how much of ours it is.

    Parameters
    ----------
    column : str
        `minutes`, `messages` or `megabytes`.
    gigabyte : int
        Megabytes of a GB: the rate card's `data_unit_megabytes`.

    Examples
    --------
    >>> amount_units("minutes")["seconds"], amount_units("megabytes")["MB_decimal"]
    (Fraction(1, 60), Fraction(15625, 16384))
    """
    if column == MINUTES:
        return units.MINUTES
    return units.count_of(column) if column == MESSAGES else units.megabytes(gigabyte)


def optional_facts() -> dict[str, pandera.Column]:
    """Return the columns whose odd values become unknown, counted as repairs, and never cost the row."""
    soft = {"soft": True}

    def number(*checks: pandera.Check, **metadata: object) -> pandera.Column:
        return pandera.Column(float, list(checks), nullable=True, required=False, metadata={**soft, **metadata})

    def within(column: str) -> pandera.Check:
        return pandera.Check.in_range(0, MOST[column], error=f"not between 0 and {MOST[column]:,}")

    def answer() -> pandera.Column:
        return pandera.Column("boolean", nullable=True, required=False, metadata=soft)

    return {
        AGE: number(within(AGE)),
        TENURE: number(within(TENURE)),
        CONTRACT_LEFT: number(within(CONTRACT_LEFT), floor=0, floor_reason=RAN_OUT),
        PARTIAL: pandera.Column(
            bool,
            required=False,
            metadata={**soft, "default": False, "default_reason": "taken as a whole month"},
        ),
        CONSENT: answer(),
        CONTACTS_90D: number(within(CONTACTS_90D)),
        HOLDOUT: answer(),
    }


def read_usage_table(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    catalogue: Catalogue | None = None,
    reading: Reading | None = None,
    keep_plans: bool = False,
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
        Which plans there are; a `current_plan` that is none of them is taken as unknown and counted as a repair. Its
        data unit is a GB.
    reading : Reading, optional
        How the columns are written, and how much may be rejected.
    keep_plans : bool
        Whether plans that are not in the catalogue stay as they are.

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
    schema = usage_schema(units.GIGABYTE if catalogue is None else catalogue.rounding.data_unit_megabytes)
    read = read_table(path, schema, name=USAGE_TABLE, columns=columns, extra_columns="keep", reading=reading)
    further = [c for c in read.frame.columns if c not in schema.columns]
    months = read.frame.assign(**{c: number_or_text(read.frame[c]) for c in further})
    report = read.report
    if catalogue is not None:
        months, report = with_known_plans(months, report, catalogue, keep=keep_plans, rows=read.rows)
    accept = reading is not None and reading.accept_units
    report = check_amounts(counts_of(months, read.rows), report, accept=accept)
    months = usage_months(months)
    report = replace(report, notes=(*report.notes, *gap_notes(months)))
    if reading is not None:
        reading.accounts.add(report, read.rejects)
    return UsageData(months, (report,), path.name, lost=read.lost)


def check_usage_rows(
    table: Any,
    *,
    reading: Reading | None = None,
    rows: NDArray[np.int64] | None = None,
    gigabyte: int = units.GIGABYTE,
    gaps: Gaps = NO_GAPS,
    text: PieceOfText | None = None,
) -> TableResult:
    """Return the rows of a piece of a table of usage months that can be used.

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
    return check_rows(
        table,
        usage_schema(gigabyte),
        name=USAGE_TABLE,
        extra_columns="keep",
        reading=reading,
        rows=rows,
        gaps=gaps,
        text=text,
    )


@cache
def usage_schema(gigabyte: int = units.GIGABYTE) -> pandera.DataFrameSchema:
    """Return the schema of usage months; `gigabyte` is the megabytes of a GB."""
    used = pandera.Check.in_range(0, MAX_USAGE, error=f"not between 0 and {MAX_USAGE:,}")
    reason = pandera.Check.isin(DECISION_REASONS, error=f"none of {', '.join(DECISION_REASONS)}")
    amounts = {
        service: pandera.Column(float, used, metadata={"units": amount_units(service, gigabyte=gigabyte)})
        for service in USAGE
    }
    return pandera.DataFrameSchema(
        {
            SUBSCRIBER: id_column(),
            MONTH: month_column(),
            **amounts,
            CURRENT_PLAN: pandera.Column(str, nullable=True, required=False, metadata={"soft": True}),
            DECISION: pandera.Column(str, reason, nullable=True, required=False, metadata={"soft": True}),
            **optional_facts(),
        },
        unique=list(KEY),
    )
