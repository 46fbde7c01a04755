"""Whether a table can be trusted although some of its rows were rejected."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from common_utils.errors import DataError
from common_utils.tables.reading import Reading
from common_utils.tables.report import RowReport, summary_with_rows
from common_utils.tables.text.rows import HOLD_NOTHING

__all__ = ["check_share"]


def check_share(
    report: RowReport,
    rejects: pd.DataFrame,
    reading: Reading,
    *,
    wrote: str = "nothing was written",
    every: Callable[[], pd.DataFrame] | None = None,
) -> None:
    """Put the account of a table to the others, and see that not too much of it was rejected.

    Parameters
    ----------
    report : RowReport
    rejects : DataFrame
        Rejected rows; at least the first of each reason, where `every` has them all.
    reading : Reading
    wrote : str
        What becomes of the output where too much was rejected.
    every : callable, optional
        Returns all rejected rows, once somebody asks for them.

    Raises
    ------
    DataError
        If no row is left that was not set aside, or more than `max_rejected_share` of them were rejected; an empty row
        and a header within the file hold nothing that could be lost, and do not count.
    """
    reading.accounts.add(report, rejects if every is None else every)
    rejected = sum(count for reason, count in report.rejected.items() if reason not in HOLD_NOTHING)
    if report.rejected and not report.kept and not report.set_aside:
        raise DataError(
            f"{summary_with_rows(report, rejects)}\nNo row can be used: correct the file, or export it again."
        )
    most = reading.max_rejected_share
    if most is not None and rejected > most * report.read:
        raise DataError(
            f"{summary_with_rows(report, rejects)}\nMore than {100 * most:g} % of the rows "
            f"(data.table.max_rejected_share) are rejected: {wrote}. --rejects FILE lists them."
        )
