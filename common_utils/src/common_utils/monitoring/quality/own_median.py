"""Each subject against their own median: a slipped unit that no distribution shows.

Of 3,345 subscribers whose megabytes are recorded as gigabytes for 5 in 100, 169 fall below a hundredth of their own
median of three months; a test of the distribution sees less than a season does. Subjects that fall to exactly nothing
are counted apart: a subscriber abroad is no slipped unit, and without them hardly anybody is ever below a hundredth, so
that a slip of 5 in 1,000 shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from common_utils.array_types import BoolArray, FloatArray
from common_utils.errors import DataError
from common_utils.monitoring.findings import Finding
from common_utils.monitoring.quality.rises import Rise, RiseLimits, judged_rise

__all__ = ["OwnMedianLimits", "check_own_median"]

_MONTHS = 3
_CHECKS = {
    "own_median_below_hundredth": "below a hundredth of their own median of the {n} periods before",
    "own_median_above_hundredfold": "above a hundred times their own median of the {n} periods before",
    "own_median_below_tenth": "below a tenth of their own median of the {n} periods before",
    "own_median_above_tenfold": "above ten times their own median of the {n} periods before",
    "own_median_to_nothing": "at exactly nothing, with use in the {n} periods before",
}
_DO = "Look whether a source changed its unit or sends half of its rows; do not train on this period before."


def _nothing() -> RiseLimits:
    return RiseLimits(times=3.0, fewest=20)


@dataclass(frozen=True)
class OwnMedianLimits:
    """When subjects far from their own median are an alarm.

    Attributes
    ----------
    far : RiseLimits
        Of those far below or above.
    nothing : RiseLimits
        Of those at exactly nothing, which are usual: 1 in 200.
    history : int
        Periods that a median is taken over, >= 1; a subject needs all of them.

    Examples
    --------
    >>> OwnMedianLimits().history
    3
    """

    far: RiseLimits = field(default_factory=RiseLimits)
    nothing: RiseLimits = field(default_factory=_nothing)
    history: int = _MONTHS


def check_own_median(
    values: FloatArray, *, feature: str, periods: Sequence[str], limits: OwnMedianLimits | None = None
) -> list[Finding]:
    """Return five findings on the last period: far below, far above, and at nothing.

    Parameters
    ----------
    values : float64 array of shape (n_subjects, n_periods)
        Amounts >= 0 of each subject in successive periods, NaN where there is none.
    feature : str
    periods : sequence of str
        Of the columns, such as `2025-10`.
    limits : OwnMedianLimits, optional

    Returns
    -------
    list of Finding
        `value` and `usual` are shares of the subjects with a median above 0; `usual` is of the earlier periods that
        were not alarming themselves; `since` the first period of the alarms that last until now; `count` how many
        subjects are affected. `insufficient` where fewer than history + 2 periods are there, or too few subjects.

    Raises
    ------
    DataError
        If shapes do not fit.

    Examples
    --------
    >>> usage = np.full((400, 6), 800.0)
    >>> usage[:20, 5] = 800 / 1024
    >>> found = check_own_median(usage, feature="megabytes", periods=[f"2025-0{month}" for month in range(1, 7)])
    >>> found[0].level, found[0].count, found[0].since, found[0].usual
    ('alarm', 20, '2025-06', 0.0)
    """
    limits = OwnMedianLimits() if limits is None else limits
    if values.ndim != 2 or values.shape[1] != len(periods):
        raise DataError(f"{feature}: values of shape {values.shape} for {len(periods)} periods; give one column each.")
    counted = [_counted(values[:, at - limits.history : at + 1]) for at in range(limits.history, len(periods))]
    return [_finding(check, feature, counted, periods, limits) for check in _CHECKS]


def _counted(values: FloatArray) -> tuple[int, dict[str, int]]:
    """Subjects with a median above 0, and how many of them each check affects, in the last column."""
    known = ~np.isnan(values).any(axis=1)
    median, now = np.median(values[known, :-1], axis=1), values[known, -1]
    ratio = now[median > 0] / median[median > 0]
    some: BoolArray = ratio > 0
    affected = (
        some & (ratio < 1 / 100),
        ratio > 100,
        some & (ratio < 1 / 10),
        ratio > 10,
        ~some,
    )
    return len(ratio), {check: int(hit.sum()) for check, hit in zip(_CHECKS, affected, strict=True)}


def _finding(
    check: str,
    feature: str,
    counted: Sequence[tuple[int, dict[str, int]]],
    periods: Sequence[str],
    limits: OwnMedianLimits,
) -> Finding:
    counts, rows = [affected[check] for _, affected in counted], [n for n, _ in counted]
    within = limits.nothing if check == "own_median_to_nothing" else limits.far
    rise, since = _last(counts, rows, within)
    words = f"{feature}: {counts[-1]:,} of {rows[-1]:,}" if counted else f"{feature}: nobody"
    told = f"{words} subjects are {_CHECKS[check].format(n=limits.history)}"
    usual = "" if rise.usual is None else f"; usually {rise.usual:z.2%}"
    return Finding(
        check=check,
        feature=feature,
        level=rise.level,
        value=rise.share,
        usual=rise.usual,
        since=periods[limits.history + since] if since is not None else None,
        count=counts[-1] if counts else 0,
        sentence=f"{told}{usual}.{f' {_DO}' if rise.level == 'alarm' else ''}",
        blocks_retraining=rise.level == "alarm",
    )


def _last(counts: Sequence[int], rows: Sequence[int], limits: RiseLimits) -> tuple[Rise, int | None]:
    """Judge each period by the sound ones before it; return the last, and where its run of alarms began."""
    sound: list[int] = []
    rise, since = Rise("insufficient", None, None, 1.0), None
    for at, (count, n) in enumerate(zip(counts, rows, strict=True)):
        rise = judged_rise(count, n, [counts[i] for i in sound], [rows[i] for i in sound], limits)
        if rise.level == "alarm":
            since = at if since is None else since
        else:
            sound.append(at)
            since = None
    return rise, since
