"""Is a table of records sane: the checks of `common_utils.monitoring.quality`, on what every table project has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common_utils.monitoring.findings import Finding
from common_utils.monitoring.profiles.profile import BinCounts, CategoryCounts, Profile
from common_utils.monitoring.quality.checks import (
    check_impossible,
    check_missing,
    check_repeated,
    check_row_count,
    check_unknown,
)
from common_utils.tables import RowReport

__all__ = ["rejected_finding", "row_count_findings", "table_quality"]

_MOST_PERIODS = 13
_FEWEST = 4  # earlier periods of the kind, before which nothing is usual
_RARE = timedelta(days=20)  # between two periods: months, which fall on any weekday


def table_quality(now: Profile, before: Profile, columns: Mapping[str, NDArray[Any]], *, since: str) -> list[Finding]:
    """Return whether more than before is missing, unknown, or one and the same value.

    Parameters
    ----------
    now, before : Profile
        Of the period, and of the period before or of training, on the same edges.
    columns : mapping of str to array of shape (n,)
        What `now` was counted from.
    since : str
        The period.

    Examples
    --------
    >>> from common_utils.monitoring.profiles.counting import profile_like, reference_profile
    >>> before = reference_profile({"age": np.random.default_rng(0).random(1_000)})
    >>> columns = {"age": np.full(500, 0.5)}
    >>> found = table_quality(profile_like(before, columns), before, columns, since="2025-11-03")
    >>> [(one.check, one.level) for one in found]
    [('missing', 'ok'), ('repeated', 'alarm')]
    """
    found = check_missing(now, before, since=since) + check_unknown(now, before, since=since)
    then = {**before.numbers, **before.categories}
    for name, values in columns.items():
        if name in then:
            found.append(check_repeated(values, _ranks(then[name]), feature=name, since=since))
    return found


def rejected_finding(report: RowReport, *, since: str) -> Finding:
    """Return how many rows hold what the table cannot: they were rejected by its schema, and left out.

    Parameters
    ----------
    report : RowReport
        The account of the rows that were read.
    since : str
        The period.

    Examples
    --------
    >>> rejected_finding(RowReport("demo", 9, 8, rejected={"age: above 130": 1}), since="2025-11-03").level
    'notice'
    """
    rejected = sum(report.rejected.values())
    values = np.repeat([0.0, 1.0], [report.kept, rejected])
    found = check_impossible(values, low=0, high=0, feature="", since=since)
    told = f"{rejected:,} of {len(values):,} rows hold what cannot be, or are there twice, and are left out"
    reasons = ", ".join(f"{reason} ({count:,})" for reason, count in list(report.rejected.items())[:3])
    return replace(found, check="rejected", sentence=f"{told}: {reasons}." if reasons else f"{told}.")


def row_count_findings(rows: int, earlier: Sequence[tuple[str, int]], period: str) -> list[Finding]:
    """Return whether the period has about as many rows as those of its weekday, or of other months, usually have.

    Parameters
    ----------
    rows : int
    earlier : sequence of (str, int)
        Day and rows of earlier periods, the oldest first.
    period : str
        The day.

    Returns
    -------
    list of Finding
        Empty where fewer than 4 earlier periods are of the kind: nothing is usual yet.

    Examples
    --------
    >>> weeks = [("2025-10-06", 990), ("2025-10-13", 1_010), ("2025-10-20", 1_000), ("2025-10-27", 1_005)]
    >>> [found.level for found in row_count_findings(400, weeks, "2025-11-03")]
    ['alarm']
    >>> row_count_findings(400, weeks[:2], "2025-11-03")
    []
    """
    days = [(date.fromisoformat(day), count) for day, count in earlier]
    today = date.fromisoformat(period)
    gaps = [after - before for before, after in pairwise([*(day for day, _ in days), today])]
    rare = bool(gaps) and sorted(gaps)[len(gaps) // 2] >= _RARE
    usual = [count for day, count in days if rare or day.weekday() == today.weekday()][-_MOST_PERIODS:]
    return [check_row_count(rows, usual, since=period)] if len(usual) >= _FEWEST else []


def _ranks(counts: BinCounts | CategoryCounts) -> NDArray[Any]:
    """Return values that stand as often as bins or levels do: no value stood more often than its bin."""
    bins = counts.counts if isinstance(counts, BinCounts) else np.array([*counts.counts.values(), counts.other])
    return np.repeat(np.arange(len(bins), dtype=np.float64), bins)
