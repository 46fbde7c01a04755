"""Events that cannot be what they should be: a whole export that is there twice, calls in seconds.

Decided from counts of whole tables; what is doubtful is told, what is beyond doubt is refused.
"""

from __future__ import annotations

from dataclasses import replace
from math import gcd

import pandas as pd

from common_utils.errors import DataError
from common_utils.tables import RowReport
from planrec.columns import MINUTES
from planrec.usage.events import DATE

__all__ = ["check_calls", "check_copies"]

_EVENT_ID = "id"
_FEWEST = 10  # different rows from which on it is no chance that each is there as often
_LONG_CALL = 60.0  # minutes; half of all calls longer than that: seconds
_SOME = 20  # calls from which on that is told


def check_copies(events: pd.DataFrame, report: RowReport) -> RowReport:
    """Refuse a table in which every event is there as often, and tell of events that are alike to the second.

    Two equal rows may be two events of a day; a table with an `id` of events tells, and is not looked at.

    Parameters
    ----------
    events : DataFrame
        `subscriber_id`, `date` with or without a time of day, and the amount where there is one.
    report : RowReport
        Of the table.

    Raises
    ------
    DataError
        If all rows, ten different ones at least, are there twice, or three times, and so on.

    Examples
    --------
    >>> one = pd.DataFrame({"subscriber_id": ["a", "a"], "date": pd.to_datetime(["2025-01-01 10:00:01"] * 2)})
    >>> check_copies(one, RowReport("calls", read=2, kept=2)).notes
    ('1 row(s) repeat another to the second; if they are copies, remove them, or bring the id of each event',)
    """
    if _EVENT_ID in events or events.empty:
        return report
    columns = list(events)
    again = int(events.duplicated(columns).sum())
    if not again:
        return report
    if 2 * again >= len(events) and len(events) - again >= _FEWEST:
        counts = events.groupby(columns, dropna=False, sort=False).size()
        if (times := gcd(*counts.tolist())) > 1:
            raise DataError(
                f"{report.summary()}\n{report.table}: every row is there {times} times, as where an export was joined "
                "with itself. Remove the copies, or bring the id of each event as a column `id`."
            )
    timed = events[DATE] != events[DATE].dt.normalize()
    alike = int((events.duplicated(columns) & timed).sum())
    if not alike:
        return report
    said = (
        f"{alike} row(s) repeat another to the second; if they are copies, remove them, or bring the id of each event"
    )
    return replace(report, notes=(*report.notes, said))


def check_calls(calls: pd.DataFrame, report: RowReport) -> RowReport:
    """Tell that half of the calls last longer than an hour: then they are in seconds, or one row stands for a month.

    Parameters
    ----------
    calls : DataFrame
        With `minutes`.
    report : RowReport
        Of the table.

    Examples
    --------
    >>> calls = pd.DataFrame({"minutes": [180.0] * 20})
    >>> check_calls(calls, RowReport("calls", read=20, kept=20)).notes[0].split(";")[0]
    'minutes: half of the calls last longer than an hour'
    """
    lasting = calls.loc[calls[MINUTES] > 0, MINUTES]
    if len(lasting) < _SOME or float(lasting.median()) <= _LONG_CALL:
        return report
    said = (
        "minutes: half of the calls last longer than an hour; are they seconds? Then say the unit with "
        "data.table.columns (calls.billsec: {is: minutes, unit: seconds})"
    )
    return replace(report, notes=(*report.notes, said))
