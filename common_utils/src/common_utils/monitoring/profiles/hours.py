"""Hourly profiles in a folder: what services and commands saw, in counts, whole or not at all.

`<folder>/<model version>/<what>/<hour>-<writer>.json`, for example
`data/monitoring/20261123T120102Z-1a2b3c4d5e6f/predict/20261128T20Z-3fa9c0de11aa.json`. Every process writes files of
its own, so that replicas and restarts need no lock; who reads merges them, in any order.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from common_utils.errors import DataError
from common_utils.monitoring.profiles.profile import Profile, merge
from common_utils.monitoring.profiles.profile_json import parse_profile, profile_bytes
from common_utils.outputs import write_bytes

__all__ = ["HourFolder", "hour_of"]

_HOUR = "%Y%m%dT%HZ"
_FILE = re.compile(r"(?P<hour>\d{8}T\d{2}Z)-[0-9a-f]{12}\.json")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


def _writer() -> str:
    return secrets.token_hex(6)


def hour_of(at: datetime) -> datetime:
    """Return the hour that a moment belongs to, UTC.

    Examples
    --------
    >>> hour_of(datetime(2026, 11, 28, 20, 36, tzinfo=UTC)).isoformat()
    '2026-11-28T20:00:00+00:00'
    """
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class HourFolder:
    """The hourly profiles of one kind of answer of one model.

    Attributes
    ----------
    root : Path
        The configured folder; made when something is written.
    version : str
        Of the model: its reference fixes the edges.
    what : str
        What was answered: `predict`, `recommend`.
    writer : str
        Of this process; another one never writes its files.

    Examples
    --------
    >>> import tempfile
    >>> folder = HourFolder(Path(tempfile.mkdtemp()), "v1", "predict")
    >>> at = datetime(2026, 11, 28, 20, 36, tzinfo=UTC)
    >>> folder.write(at, Profile(3, 3, ()))
    >>> folder.between(at, at + timedelta(hours=1)).rows
    3
    """

    root: Path
    version: str
    what: str
    writer: str = field(default_factory=_writer)

    def __post_init__(self) -> None:
        """See that both names can name a folder."""
        for name in (self.version, self.what):
            if not _PART.fullmatch(name):
                raise DataError(f"monitoring: {name!r} cannot name a folder.")

    @property
    def path(self) -> Path:
        """Where the files lie."""
        return self.root / self.version / self.what

    def write(self, at: datetime, profile: Profile) -> None:
        """Write all that this writer saw in the hour of `at`; what it wrote of that hour before is replaced.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        write_bytes(self.path / f"{hour_of(at).strftime(_HOUR)}-{self.writer}.json", profile_bytes(profile))

    def between(self, start: datetime, end: datetime) -> Profile | None:
        """Return what all writers saw in the hours from that of `start` up to `end`, not included; None where nothing.

        Raises
        ------
        DataError
            If a file is damaged, or of another reference; it is named.
        """
        profiles = [
            parse_profile(path.read_bytes(), str(path)) for hour, path in self._files() if hour_of(start) <= hour < end
        ]
        return merge(*profiles) if profiles else None

    def hours(self) -> list[datetime]:
        """Return the hours of which there is a profile, in order."""
        return sorted({hour for hour, _ in self._files()})

    def prune(self, now: datetime, keep_days: int) -> int:
        """Delete the hours that are older, of every model and kind; return how many files."""
        oldest, removed = hour_of(now) - timedelta(days=keep_days), 0
        for path in self.root.glob("*/*/*.json"):
            hour = _hour(path)
            if hour is not None and hour < oldest:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _files(self) -> Iterator[tuple[datetime, Path]]:
        for path in sorted(self.path.glob("*.json")):
            hour = _hour(path)
            if hour is not None:
                yield hour, path


def _hour(path: Path) -> datetime | None:
    """Return the hour that a file's name says; None for a strange file, which is left alone."""
    found = _FILE.fullmatch(path.name)
    if found is None:
        return None
    try:
        return datetime.strptime(found["hour"], _HOUR).replace(tzinfo=UTC)
    except ValueError:
        return None
