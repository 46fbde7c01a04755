"""Whether a share rose above what it usually is: an exact test with a floor, so that neither noise nor size alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import hypergeom

from common_utils.errors import ConfigError
from common_utils.monitoring.findings import Level

__all__ = ["Rise", "RiseLimits", "judged_rise"]


@dataclass(frozen=True)
class RiseLimits:
    """From when on a rise counts; all of it must hold.

    Attributes
    ----------
    alarm_level, notice_level : float
        Chance of so many, or more, where nothing rose. At 1e-4, sixty checks a month alarm falsely once in 14 years.
    alarm_share, notice_share : float
        Share of the rows, at least.
    times : float
        Times the usual share, at least.
    fewest : int
        Rows affected, at least.
    enough : int
        Rows below which the answer is `insufficient`, however it looks, unless it already alarms.

    Examples
    --------
    >>> RiseLimits().fewest
    5
    """

    alarm_level: float = 1e-4
    notice_level: float = 1e-2
    alarm_share: float = 0.0
    notice_share: float = 0.0
    times: float = 2.0
    fewest: int = 5
    enough: int = 200

    def __post_init__(self) -> None:
        """See that limits are in order."""
        if not 0 < self.alarm_level <= self.notice_level < 1 or self.fewest < 1 or self.enough < 1:
            raise ConfigError(
                f"limits of a rise: {self!r}; give 0 < alarm_level <= notice_level < 1, counts from 1 on."
            )


@dataclass(frozen=True)
class Rise:
    """What was found.

    Attributes
    ----------
    level : {"ok", "insufficient", "notice", "alarm"}
    share, usual : float or None
        None where there are no rows.
    chance : float
        Of so many, or more, where nothing rose.
    """

    level: Level
    share: float | None
    usual: float | None
    chance: float


def judged_rise(
    count: int, rows: int, usual_counts: Sequence[int], usual_rows: Sequence[int], limits: RiseLimits
) -> Rise:
    """Return whether `count` of `rows` is more than the usual share.

    Given how many were affected in all, now and before, those of now are a draw of `rows` from all rows (Fisher's exact
    test): the usual share needs not be known, and none before is an answer as well.

    Parameters
    ----------
    count, rows : int
        Rows affected, and rows; 0 <= count <= rows.
    usual_counts, usual_rows : sequence of int
        The same of earlier periods.
    limits : RiseLimits

    Examples
    --------
    >>> judged_rise(28, 3_345, [13, 10, 12], [3_345] * 3, RiseLimits()).level
    'notice'
    >>> judged_rise(20, 3_345, [0, 0, 0], [3_345] * 3, RiseLimits()).level
    'alarm'
    >>> judged_rise(0, 30, [0], [30], RiseLimits()).level
    'insufficient'
    """
    before, n = sum(usual_counts), sum(usual_rows)
    share, usual = count / rows if rows else None, before / n if n else None
    if share is None or usual is None:
        return Rise("insufficient", share, usual, 1.0)
    chance = float(hypergeom.sf(count - 1, rows + n, count + before, rows))
    big = count >= limits.fewest and share >= limits.times * usual
    level: Level = "ok"
    if big and chance <= limits.alarm_level and share >= limits.alarm_share:
        level = "alarm"
    elif rows < limits.enough or n < limits.enough:
        level = "insufficient"
    elif big and chance <= limits.notice_level and share >= limits.notice_share:
        level = "notice"
    return Rise(level, share, usual, chance)
