"""One day's verdict: what every check said of the data up to a day, kept so that asking again answers the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from common_utils.bundle.durable import taking_turns
from common_utils.errors import DataError
from common_utils.monitoring.findings import LEVELS, Finding, Level, blocks_retraining, worst
from common_utils.monitoring.profiles.profile import Profile, same_scale
from common_utils.monitoring.profiles.profile_json import parse_profile, profile_bytes
from common_utils.outputs import write_bytes

__all__ = ["EXIT_CODES", "DayBook", "MonitorDay", "Moved", "since_when"]

EXIT_CODES: Mapping[Level, int] = {"ok": 0, "notice": 0, "alarm": 5, "insufficient": 6}
"""What `monitor` leaves with; a notice is for people to read and wakes nobody."""

_FORMAT = 1
_NAME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.json")
_LOCK = "monitor.lock"
_REMEDY = "Remove the file and ask for that day again."


@dataclass(frozen=True)
class Moved:
    """One feature's shares in the reference and now, for the picture of what moved.

    Attributes
    ----------
    feature : str
    labels : tuple of str
        Of the bins or levels: `up to 3`, `3 to 5`, `missing`.
    before, now : tuple of float
        Share of the subjects in each, in [0, 1]; each sums to 1.
    size : float
        How much it moved: the population stability index, 0 for not at all.
    against : str
        What `before` is: `training`, or the period.
    """

    feature: str
    labels: tuple[str, ...]
    before: tuple[float, ...]
    now: tuple[float, ...]
    size: float
    against: str


@dataclass(frozen=True)
class MonitorDay:
    """What was found on one day.

    Attributes
    ----------
    project, bundle : str
        Package, and the version that was live.
    as_of : str
        The day, `YYYY-MM-DD`.
    period : str
        The last period looked at, such as `2025-10`; empty where there was none.
    inputs : str
        Digest of what was looked at: bundle, tables, settings.
    findings : tuple of Finding
    moved : tuple of Moved
        The largest first.
    kinds : tuple of str
        The kinds of subjects that moved most, in words; none with fewer than 20 subjects.
    effect : tuple of str
        What it does to the answers, in sentences.

    Examples
    --------
    >>> MonitorDay("demo", "v1", "2025-11-01", "2025-10", "0" * 64, ()).level
    'insufficient'
    """

    project: str
    bundle: str
    as_of: str
    period: str
    inputs: str
    findings: tuple[Finding, ...]
    moved: tuple[Moved, ...] = ()
    kinds: tuple[str, ...] = ()
    effect: tuple[str, ...] = ()

    @property
    def level(self) -> Level:
        """The worst level found; `insufficient` hides nothing worse and is never `ok`."""
        return worst(self.findings)

    @property
    def exit_code(self) -> int:
        """What the command leaves with."""
        return EXIT_CODES[self.level]

    @property
    def blocks_retraining(self) -> bool:
        """Whether a model must not learn from this data until somebody has looked."""
        return blocks_retraining(self.findings)

    def at(self, *levels: Level) -> list[Finding]:
        """Return the findings of some levels, the worst first."""
        found = [finding for finding in self.findings if finding.level in levels]
        return sorted(found, key=lambda finding: -LEVELS.index(finding.level))

    def to_dict(self) -> dict[str, Any]:
        """Return what is written: the fields, the level and whether retraining is blocked."""
        return {
            "format": _FORMAT,
            "level": self.level,
            "blocks_retraining": self.blocks_retraining,
            **{f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("findings", "moved")},
            "findings": [finding.to_dict() for finding in self.findings],
            "moved": [vars(moved) for moved in self.moved],
        }


_FIELDS = tuple(f.name for f in fields(MonitorDay))


class DayBook:
    """The folder of days: `days/YYYY-MM-DD.json`, one writer at a time.

    Parameters
    ----------
    folder : Path
        Made when the first day is written.

    Examples
    --------
    >>> import tempfile
    >>> book = DayBook(Path(tempfile.mkdtemp()) / "monitoring")
    >>> book.keep(MonitorDay("demo", "v1", "2025-11-01", "2025-10", "0" * 64, ()))
    >>> [day.as_of for day in book.days()], book.day(date(2025, 11, 1)).level
    (['2025-11-01'], 'insufficient')
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def detector_file(self) -> Path:
        """Where the e-detectors keep their state."""
        return self.folder / "detectors.json"

    @property
    def verdict_file(self) -> Path:
        """What `monitor export` serves."""
        return self.folder / "verdicts.json"

    def report_file(self, as_of: str, ending: str) -> Path:
        """Return where a day's report lies, such as `reports/2025-11-01.html`."""
        return self.folder / "reports" / f"{as_of}.{ending}"

    def writing(self) -> AbstractContextManager[None]:
        """Wait for the turn to write: two runs of one day answer one after the other.

        Raises
        ------
        DataError
            If the folder cannot be made.
        """
        return taking_turns(self.folder, _LOCK, "monitoring.folder")

    def keep(self, day: MonitorDay) -> None:
        """Write a day, whole or not at all."""
        content = json.dumps(day.to_dict(), indent=1, allow_nan=False)
        write_bytes(self._file(day.as_of), content.encode() + b"\n")

    def day(self, as_of: date) -> MonitorDay | None:
        """Return what was found on a day; None where nobody asked.

        Raises
        ------
        DataError
            If the file is not such a record.
        """
        path = self._file(as_of.isoformat())
        return _read(path) if path.exists() else None

    def days(self, until: date | None = None) -> list[MonitorDay]:
        """Return every day, the oldest first; `until` is not included.

        Raises
        ------
        DataError
            As `day`.
        """
        place = self.folder / "days"
        names = sorted(path.name for path in place.iterdir() if _NAME.fullmatch(path.name)) if place.is_dir() else []
        return [_read(place / name) for name in names if until is None or name[:10] < until.isoformat()]

    def last_day(self) -> MonitorDay | None:
        """Return what was found on the last day; None where nobody asked yet.

        Raises
        ------
        DataError
            As `day`.
        """
        place = self.folder / "days"
        names = [path.name for path in place.iterdir() if _NAME.fullmatch(path.name)] if place.is_dir() else []
        return _read(place / max(names)) if names else None

    def keep_profile(self, period: str, profile: Profile) -> None:
        """Keep what a period looked like, for the next one to be compared with; counts only."""
        write_bytes(self.folder / "profiles" / f"{period}.json", profile_bytes(profile))

    def profile_before(self, period: str, reference: Profile) -> tuple[str, Profile] | None:
        """Return the last period before one that was counted on a reference's edges, and its profile.

        Raises
        ------
        DataError
            If a file is not a profile.
        """
        kept = ((name, self._profile(name)) for name in reversed(self._periods_before(period)))
        return next(((name, profile) for name, profile in kept if same_scale(profile, reference)), None)

    def rows_before(self, period: str, most: int = 100) -> list[tuple[str, int]]:
        """Return the last periods before one, the oldest first, and how many rows each had.

        Raises
        ------
        DataError
            As `profile_before`.
        """
        return [(name, self._profile(name).rows) for name in self._periods_before(period)[-most:]]

    def _periods_before(self, period: str) -> list[str]:
        place = self.folder / "profiles"
        return sorted(path.stem for path in place.glob("*.json") if path.stem < period) if place.is_dir() else []

    def _profile(self, period: str) -> Profile:
        path = self.folder / "profiles" / f"{period}.json"
        return parse_profile(path.read_bytes(), str(path))

    def _file(self, as_of: str) -> Path:
        return self.folder / "days" / f"{as_of}.json"


def since_when(findings: Iterable[Finding], before: Sequence[MonitorDay], period: str) -> tuple[Finding, ...]:
    """Return findings with the period since which each has held, from the days before.

    Parameters
    ----------
    findings : iterable of Finding
        One that says so itself stays as it is.
    before : sequence of MonitorDay
        The oldest first; several days that looked at one period count once.
    period : str
        The one looked at now.

    Examples
    --------
    >>> finding = Finding("drift", "age", "notice", .1, .0, None, 400, "age moved.")
    >>> then = MonitorDay("demo", "v1", "2025-11-01", "2025-10", "0" * 64, (finding,))
    >>> since_when([finding], [then], "2025-11")[0].since
    '2025-10'
    """
    return tuple(
        finding
        if finding.since is not None or finding.level not in ("notice", "alarm")
        else replace(finding, since=_since(finding, before, period))
        for finding in findings
    )


def _since(finding: Finding, before: Sequence[MonitorDay], period: str) -> str:
    since = period
    for day in reversed(before):
        if day.period == period:
            continue
        same = [f for f in day.findings if (f.check, f.feature) == (finding.check, finding.feature)]
        if not any(f.level in ("notice", "alarm") for f in same):
            break
        since = day.period
    return since


def _read(path: Path) -> MonitorDay:
    try:
        said = json.loads(path.read_bytes())
        if said["format"] != _FORMAT:
            raise DataError(f"{path}: is of format {str(said['format'])[:20]!a}, not {_FORMAT}. {_REMEDY}")
        return TypeAdapter(MonitorDay).validate_python({name: said[name] for name in _FIELDS})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: is not the record of a day ({type(error).__name__}). {_REMEDY}") from error
