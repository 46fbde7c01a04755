"""Amounts that are unlikely in the unit they should have: thousands of miles, gigabytes, cents.

A schema says in the metadata of a column, under `usual`, between which bounds half of a table's amounts may lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera

from common_utils.errors import DataError
from common_utils.tables import RowReport
from common_utils.units.factors import Units

__all__ = ["check_amounts"]

_ENOUGH = 100  # amounts from which on a median is more than chance
_SOME = 20  # amounts from which on it is more than chance that most are out of range
_OUT_OF_RANGE = "not between "  # how schemas word it
_FAR = 5.0  # times a bound: what lies beyond is no odd table, but another unit


def check_amounts(
    frame: pd.DataFrame, schema: pandera.DataFrameSchema, report: RowReport, *, accept: bool = False
) -> RowReport:
    """Return the account of a table with a note of each column whose unit is in doubt.

    Parameters
    ----------
    frame : DataFrame
        Rows kept, in our units; amounts of 0 say nothing and do not count.
    schema : pandera.DataFrameSchema
        With `usual` and `units` in the metadata of a column.
    report : RowReport
    accept : bool
        Whether the user says that the amounts are right (`--accept-units`).

    Raises
    ------
    DataError
        If at least 100 amounts of a column have a median five times beyond its bounds, or 20 of an optional one, and
        more than half, are out of its range, unless that is accepted.

    Examples
    --------
    >>> metadata = {"usual": (1000.0, 400_000.0), "units": {"miles": 1, "thousand_miles": 1000}}
    >>> schema = pandera.DataFrameSchema({"odometer": pandera.Column(float, metadata=metadata)})
    >>> cars = pd.DataFrame({"odometer": [120.0, 80.0, 95.0]})
    >>> check_amounts(cars, schema, RowReport("cars", read=3, kept=3)).notes
    ('odometer: half of the 3 amounts are 95 miles or less, and 1,000 is usual; are they thousand_miles?',)
    """
    doubts: list[str] = []
    impossible: list[str] = []
    for column, declared in schema.columns.items():
        metadata: Mapping[str, Any] = declared.metadata or {}
        if "usual" not in metadata or column not in frame:
            continue
        amounts = frame[column].to_numpy(dtype=np.float64)
        if said := _beyond(column, report, int(np.isfinite(amounts).sum())):
            impossible.append(said)
            continue
        amounts = amounts[amounts > 0]
        if not amounts.size:
            continue
        median, (low, high) = float(np.median(amounts)), metadata["usual"]
        if low <= median <= high:
            continue
        said = f"{column}: {_doubt(amounts.size, median, low, high, metadata['units'])}"
        far = not low / _FAR <= median <= high * _FAR
        (impossible if far and amounts.size >= _ENOUGH else doubts).append(said)
    if impossible and not accept:
        raise DataError(
            f"{report.summary()}\n{report.table}: {'; '.join(impossible)} Say the unit with data.table.columns "
            "({is: our name, unit: its unit}), or take the amounts as they are with --accept-units."
        )
    return replace(report, notes=(*report.notes, *doubts, *impossible))


def _beyond(column: str, report: RowReport, held: int) -> str:
    """Return what is odd where most amounts of an optional column became unknown, "" where nothing is."""
    lost = sum(count for why, count in report.repaired.items() if why.startswith(f"{column}: {_OUT_OF_RANGE}"))
    if lost < _SOME or lost <= held:
        return ""
    return f"{column}: {lost} of {lost + held} amounts are out of its range; are they in another unit?"


def _doubt(count: int, median: float, low: float, high: float, units: Units) -> str:
    ours, *others = units
    likely = [unit for unit in others if low <= median * float(units[unit]) <= high and unit != "hh:mm:ss"]
    compared = f"{median:,.6g} {ours} or {'less' if median < low else 'more'}"
    usual = f"{low if median < low else high:,.6g}"
    return (
        f"half of the {count} amounts are {compared}, and {usual} is usual; "
        f"are they {' or '.join(likely) if likely else 'in another unit'}?"
    )
