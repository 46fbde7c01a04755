"""Is the data sane? Small checks from counts and arrays to findings; an alarm holds retraining back.

No check says anything of a single subject, and none says "ok" of too little. `own_median` has the one that looks at
each subject's own past. Shares are judged by `rises`: an exact test, and a floor below which nothing matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.monitoring.findings import Finding, Level
from common_utils.monitoring.profiles.profile import Profile
from common_utils.monitoring.quality.rises import RiseLimits, judged_rise

__all__ = [
    "ABSENT",
    "CHURN",
    "REPEATED",
    "UNKNOWN",
    "check_freshness",
    "check_impossible",
    "check_missing",
    "check_repeated",
    "check_row_count",
    "check_subjects",
    "check_unknown",
]

ABSENT = RiseLimits(times=1.5, notice_share=0.01, alarm_share=0.05)
"""Missing values: 1 in 100 is worth a word, 5 in 100 an alarm, if half more than usual."""
UNKNOWN = RiseLimits(notice_share=0.0, alarm_share=0.1)
"""Unknown levels: any that is more than noise is worth a word, such as the first holders of a new plan, which are 6 in
100 after three months of the simulated operator; 10 in 100 is an alarm."""
REPEATED = RiseLimits(times=1.5, notice_share=0.05, alarm_share=0.2)
"""One value in many rows: 5 in 100 is worth a word, 20 in 100 an alarm."""
CHURN = RiseLimits(times=2.0, notice_share=0.02, alarm_share=0.1)
"""Subjects gone, and new: 2 in 100 is worth a word, 10 in 100 an alarm, if twice the usual."""

_FEWEST_IMPOSSIBLE, _SHARE_IMPOSSIBLE = 5, 0.001
_FEWEST_COUNTS = 4  # of the same weekday, or months
_HALF, _SLACK, _SPREADS = 0.5, 0.2, 4.0
_NORMAL = 1.4826  # makes a median absolute deviation a standard deviation


def check_missing(
    now: Profile, before: Profile, *, since: str | None = None, limits: RiseLimits = ABSENT
) -> list[Finding]:
    """Return a finding for each feature: whether more of it is missing than before.

    Parameters
    ----------
    now, before : Profile
        On the edges of one reference; `before` may be the reference or the period before.
    since : str, optional
        The period of `now`.
    limits : RiseLimits

    Examples
    --------
    >>> from common_utils.monitoring.profiles.counting import profile_like, reference_profile
    >>> before = reference_profile({"age": np.arange(1000.0)})
    >>> now = profile_like(before, {"age": np.where(np.arange(1000) < 100, np.nan, 1.0)})
    >>> [(found.level, found.value, found.count) for found in check_missing(now, before)]
    [('alarm', 0.1, 100)]
    """
    then = {**before.numbers, **before.categories}
    return [
        _risen(
            "missing", name, (known.missing, now.rows), (then[name].missing, before.rows), "are missing", since, limits
        )
        for name, known in {**now.numbers, **now.categories}.items()
        if name in then
    ]


def check_unknown(
    now: Profile, before: Profile, *, since: str | None = None, limits: RiseLimits = UNKNOWN
) -> list[Finding]:
    """Return a finding for each category: whether more rows than before have a level that training did not know.

    Parameters
    ----------
    now, before, since, limits
        As `check_missing`.

    Examples
    --------
    >>> from common_utils.monitoring.profiles.counting import profile_like, reference_profile
    >>> before = reference_profile({"plan": np.array(["surf"] * 1000, dtype=object)})
    >>> now = profile_like(before, {"plan": np.array(["surf"] * 900 + ["flagship"] * 100, dtype=object)})
    >>> check_unknown(now, before)[0].sentence
    'plan: 100 of 1,000 rows have a level that training did not know; usually 0.00%.'
    """
    return [
        _risen(
            "unknown",
            name,
            (known.unknown, now.rows),
            (before.categories[name].unknown, before.rows),
            "have a level that training did not know",
            since,
            limits,
        )
        for name, known in now.categories.items()
        if name in before.categories
    ]


def check_repeated(
    now: NDArray[Any], before: NDArray[Any], *, feature: str, since: str | None = None, limits: RiseLimits = REPEATED
) -> Finding:
    """Return whether one value stands in more rows than before: a column gone constant, a default written everywhere.

    Parameters
    ----------
    now, before : array of shape (n,), (m,)
        Values of the feature; missing ones are not looked at. The most frequent value is held against the most frequent
        one before, the second against the second: a cohort whose contract months count down repeats no more than usual.
    feature, since, limits
        As `check_missing`.

    Examples
    --------
    >>> before = np.random.default_rng(0).random(500)
    >>> check_repeated(np.where(np.arange(500) < 200, 0.25, before), before, feature="age").level
    'alarm'
    """
    values, old = _there(now), _there(before)
    counts, then = _by_rank(values), _by_rank(old)
    found = (0, 0)
    if len(counts):
        then = np.pad(then, (0, max(len(counts) - len(then), 0)))[: len(counts)]
        at = int(np.argmax(counts / len(values) - then / max(len(old), 1)))
        found = (int(counts[at]), int(then[at]))
    said = "have one and the same value"
    return _risen("repeated", feature, (found[0], len(values)), (found[1], len(old)), said, since, limits)


def check_impossible(values: FloatArray, *, low: float, high: float, feature: str, since: str | None = None) -> Finding:
    """Return how many values cannot be: outside what the feature can hold, or infinite.

    Parameters
    ----------
    values : float64 array of shape (n,)
        Missing ones are not looked at.
    low, high : float
        The least and the most a value can be.
    feature : str
    since : str, optional

    Returns
    -------
    Finding
        A notice for one; an alarm from 5 on, if they are 1 in 1,000.

    Examples
    --------
    >>> check_impossible(np.array([30.0, -1.0, np.nan]), low=0, high=130, feature="age").level
    'notice'
    """
    known = values[~np.isnan(values)]
    count = int(((known < low) | (known > high)).sum())
    share = count / len(known) if len(known) else None
    level: Level = "insufficient" if share is None else "ok"
    if count:
        level = "alarm" if count >= _FEWEST_IMPOSSIBLE and count / len(known) >= _SHARE_IMPOSSIBLE else "notice"
    told = f"{feature}: {count:,} of {len(known):,} values are outside {low:g} to {high:g}."
    return _quality("impossible", feature, level, share, 0.0, since, count, told)


def check_freshness(newest: date | None, as_of: date, *, most_days: int, feature: str = "") -> Finding:
    """Return whether the newest row is as new as it has to be.

    Parameters
    ----------
    newest : date or None
        Of the newest row; None where there is none.
    as_of : date
        The day it is looked at.
    most_days : int
        Days it may be old; a row from after `as_of` is an alarm as well.
    feature : str
        Name of the table, where there are several.

    Examples
    --------
    >>> check_freshness(date(2025, 10, 1), date(2025, 11, 20), most_days=35).level
    'alarm'
    """
    if newest is None:
        return _quality("freshness", feature, "alarm", None, float(most_days), None, 0, "There is no row at all.")
    age = (as_of - newest).days
    level: Level = "ok" if 0 <= age <= most_days else "alarm"
    told = f"The newest row is {age} days old, and may be {most_days}."
    if age < 0:
        told = f"The newest row is dated {-age} days after the day it is looked at."
    return _quality("freshness", feature, level, float(age), float(most_days), None, 1, told)


def check_row_count(rows: int, usual: Sequence[int], *, since: str | None = None, feature: str = "") -> Finding:
    """Return whether a period has about as many rows as such periods usually have.

    Parameters
    ----------
    rows : int
    usual : sequence of int
        Rows of earlier periods of the kind: the same weekday, or months. 4 at least, else `insufficient`.
    since : str, optional
    feature : str
        Name of the table, where there are several.

    Returns
    -------
    Finding
        `usual` is their median. An alarm below half of it or above twice; a notice where it is a fifth away, and more
        than 4 of their robust standard deviations.

    Examples
    --------
    >>> check_row_count(4_000, [9_800, 10_100, 9_900, 10_050], since="2025-11-24").level
    'alarm'
    """
    if len(usual) < _FEWEST_COUNTS and rows:
        told = f"{rows:,} rows; {len(usual)} earlier periods of the kind are too few to say what is usual."
        return _quality("rows", feature, "insufficient", float(rows), None, None, rows, told)
    middle = float(np.median(usual)) if len(usual) else 0.0
    spread = _NORMAL * float(np.median(np.abs(np.array(usual) - middle))) if len(usual) else 0.0
    away = abs(rows - middle)
    level: Level = "ok"
    if not rows or rows < _HALF * middle or rows > middle / _HALF:
        level = "alarm"
    elif away > _SLACK * middle and away > _SPREADS * max(spread, middle**0.5):
        level = "notice"
    return _quality("rows", feature, level, float(rows), middle, since, rows, f"{rows:,} rows; usually {middle:z,.0f}.")


def check_subjects(
    periods: Sequence[NDArray[Any]], *, since: str | None = None, limits: RiseLimits = CHURN
) -> list[Finding]:
    """Return two findings: whether more subjects than usual are gone since the period before, or are new in the last.

    Parameters
    ----------
    periods : sequence of array
        The distinct subjects of successive periods, the last one judged; with fewer than three, `insufficient`.
    since : str, optional
        The last period.
    limits : RiseLimits

    Examples
    --------
    >>> months = [np.arange(start, start + 1000) for start in (0, 5, 10, 300)]
    >>> [(found.check, found.level, found.count) for found in check_subjects(months)]
    [('subjects_gone', 'alarm', 290), ('subjects_new', 'alarm', 290)]
    """
    pairs = list(pairwise(periods))
    gone = [(len(np.setdiff1d(before, now)), len(before)) for before, now in pairs]
    new = [(len(np.setdiff1d(now, before)), len(now)) for before, now in pairs]
    found: list[Finding] = []
    for check, said, counted in (
        ("subjects_gone", "of the period before are gone", gone),
        ("subjects_new", "were not there in the period before", new),
    ):
        last, earlier = (counted[-1], counted[:-1]) if counted else ((0, 0), [])
        usual = (sum(count for count, _ in earlier), sum(rows for _, rows in earlier))
        found.append(_risen(check, "", last, usual, said, since, limits, what="subjects"))
    return found


def _risen(
    check: str,
    feature: str,
    now: tuple[int, int],
    before: tuple[int, int],
    said: str,
    since: str | None,
    limits: RiseLimits,
    *,
    what: str = "rows",
) -> Finding:
    (count, rows), (usual_count, usual_rows) = now, before
    rise = judged_rise(count, rows, [usual_count], [usual_rows], limits)
    name = f"{feature}: " if feature else ""
    usual = "" if rise.usual is None else f"; usually {rise.usual:z.2%}"
    told = f"{name}{count:,} of {rows:,} {what} {said}{usual}."
    return _quality(check, feature, rise.level, rise.share, rise.usual, since, count, told)


def _quality(
    check: str,
    feature: str,
    level: Level,
    value: float | None,
    usual: float | None,
    since: str | None,
    count: int,
    sentence: str,
) -> Finding:
    """Return a finding of quality: it began now if it is one, and an alarm blocks retraining."""
    began = since if level in {"notice", "alarm"} else None
    return Finding(check, feature, level, value, usual, began, count, sentence, blocks_retraining=level == "alarm")


def _by_rank(values: NDArray[Any]) -> IntArray:
    """How often the values stand, the most frequent first."""
    return np.sort(np.unique(values, return_counts=True)[1])[::-1]


def _there(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind == "f":
        return values[~np.isnan(values)]
    if values.dtype.kind == "O":
        return np.array([str(value) for value in values.tolist() if value is not None and value == value])
    return values
