"""Amounts that cannot be in the unit they should have: minutes in seconds, megabytes in bytes or gigabytes.

Decided from counts that add up over blocks of a table; what is odd, `usage.doubts` says.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from common_utils.array_types import IntArray
from common_utils.errors import DataError
from common_utils.tables import RowReport
from common_utils.tables.report import MOST_LISTED, listed_rows
from planrec.columns import MEGABYTES, MESSAGES, MINUTES, MOST_USED
from planrec.usage.doubts import AmountCounts, amount_doubts, by_size, likely_units

__all__ = ["check_amounts", "counts_of"]


def counts_of(months: pd.DataFrame, rows: IntArray | None = None) -> AmountCounts:
    """Return the counts of a block of usage months; `rows` are their numbers in the file.

    Examples
    --------
    >>> counts = counts_of(pd.DataFrame({"minutes": [0.0, 50_000.0], "megabytes": [4.2, 0.0]}))
    >>> int(counts.minutes.sum()), counts.beyond_a_month, int(counts.megabytes.sum())
    (1, 1, 1)
    """
    minutes = months[MINUTES].to_numpy(dtype=np.float64)
    megabytes = months[MEGABYTES].to_numpy(dtype=np.float64)
    too_long, too_much = minutes > MOST_USED[MINUTES], megabytes > MOST_USED[MEGABYTES]
    too_many = (
        months[MESSAGES].to_numpy(dtype=np.float64) > MOST_USED[MESSAGES]
        if MESSAGES in months
        else np.zeros(len(months), dtype=np.bool_)
    )
    odd = too_long | too_much | too_many
    return AmountCounts(
        by_size(minutes),
        by_size(megabytes),
        int(too_long.sum()),
        () if rows is None else tuple(np.sort(rows[odd])[:MOST_LISTED].tolist()),
        (int(too_much.sum()), int(too_many.sum())),
    )


def check_amounts(counts: AmountCounts, report: RowReport, *, accept: bool = False) -> RowReport:
    """Return the account with a note of each doubt about units.

    Parameters
    ----------
    counts : AmountCounts
        Of all blocks.
    report : RowReport
        Of the table.
    accept : bool
        Whether the user says that the amounts are right (`--accept-units`).

    Raises
    ------
    DataError
        If the amounts are impossible in their unit, unless they are accepted.

    Examples
    --------
    >>> counts = counts_of(pd.DataFrame({"minutes": [16_000.0], "megabytes": [0.0]}))
    >>> check_amounts(counts, RowReport("usage", read=1, kept=1)).notes
    ('minutes: half of the months with calls have 6,000 or more; are they seconds?',)
    """
    found = amount_doubts(counts, lambda odd: listed_rows(sorted(counts.rows)[:MOST_LISTED], odd))
    impossible = {doubt.column: doubt.said for doubt in found if doubt.impossible}
    if impossible and not accept:
        units = {MINUTES: counts.minutes, MEGABYTES: counts.megabytes}
        examples = " or ".join(f"{{is: {c}, unit: {likely_units(c, units[c])[0]}}}" for c in impossible)
        raise DataError(
            f"{report.summary()}\n{report.table}: {'; '.join(impossible.values())} Say the unit with "
            f"data.table.columns ({examples}), or take them as they are with --accept-units."
        )
    doubts = [doubt.said for doubt in found if not doubt.impossible]
    return replace(report, notes=(*report.notes, *doubts, *impossible.values()))
