"""What services and commands saw on the day before, against traffic after promotion and the day before that.

Who asks is not everybody, so traffic is never held against training. A test needs one row for each subject: a day on
which subjects asked more than once is counted but not judged, and that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

from common_utils.monitoring.drift.comparison import Reference, one_row_each
from common_utils.monitoring.findings import Finding
from common_utils.monitoring.judge import Sight
from common_utils.monitoring.profiles.hours import HourFolder
from common_utils.monitoring.profiles.profile import Profile

__all__ = ["traffic_sight"]

_DAY = timedelta(days=1)
_FIRST_DAYS = 7  # with traffic after promotion, of which the first that can be compared with is taken


def traffic_sight(root: Path, version: str, kinds: Sequence[str], as_of: date, *, table: str) -> Sight:
    """Return what a model was asked on the day before a day.

    Parameters
    ----------
    root : Path
        The folder of the hourly profiles.
    version : str
        Of the model that is live.
    kinds : sequence of str
        What was answered, such as `predict`; the first of which anything was counted is judged.
    as_of : date
        The day after the one that is looked at, UTC.
    table : str
        The option that names a table instead, for what is said where nothing can be judged.

    Raises
    ------
    DataError
        If a profile is damaged.

    Examples
    --------
    >>> sight = traffic_sight(Path("nowhere"), "v1", ["predict"], date(2025, 11, 3), table="--usage")
    >>> sight.findings[0].level, sight.now is None
    ('insufficient', True)
    """
    end = datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
    start, period = end - _DAY, (as_of - _DAY).isoformat()
    for kind in kinds:
        folder = HourFolder(root, version, kind)
        now = folder.between(start, end)
        if now is not None and now.rows:
            return _judgeable(folder, now, start, period, table)
    words = f"Nothing that {version} answered on {period} was counted: was it asked, is monitoring.profiles on, and "
    words += f"does monitoring.folder name the services' volume? A table is looked at with {table} FILE."
    return Sight("", None, (), (_lacking("traffic", 0, words),), population="traffic")


def _judgeable(folder: HourFolder, now: Profile, start: datetime, period: str, table: str) -> Sight:
    if not one_row_each(now):
        words = f"{now.rows:,} answers ({folder.what}) on {period} were about {now.subjects:,} subjects. A test needs "
        words += f"one row for each: keep each subject's last row of the period, and name the table with {table} FILE."
        return Sight(period, None, (), (_lacking("traffic", now.subjects, words),), population="traffic")
    references = _references(folder, start)
    findings: tuple[Finding, ...] = ()
    if not references:
        words = "No earlier day of this model's traffic holds one row for each subject: nothing can be compared. "
        words += f"A table is looked at with {table} FILE."
        findings = (_lacking("traffic_reference", now.subjects, words),)
    return Sight(period, now, references, findings, population="traffic")


def _references(folder: HourFolder, start: datetime) -> tuple[Reference, ...]:
    """Return the model's first day that can be compared with, and the day before; one day where they are the same.

    Days are not joined: who asks on two of them has two rows.
    """
    first = [day for day in sorted({hour.replace(hour=0) for hour in folder.hours()}) if day < start - _DAY]
    found: list[Reference] = []
    asked: tuple[tuple[Literal["after promotion", "period before"], list[datetime]], ...] = (
        ("after promotion", first[:_FIRST_DAYS]),
        ("period before", [start - _DAY]),
    )
    for role, days in asked:
        seen = ((day, folder.between(day, day + _DAY)) for day in days)
        fit = ((day, profile) for day, profile in seen if profile is not None and one_row_each(profile))
        for day, profile in fit:
            found.append(Reference(role, day.date().isoformat(), profile))
            break
    return tuple(found)


def _lacking(check: str, count: int, words: str) -> Finding:
    return Finding(check, "", "insufficient", None, None, None, count, words)
