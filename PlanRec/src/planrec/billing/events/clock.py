"""Local time of a zone: offsets at instants, local days and clocks, and the instants of local times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from common_utils.array_types import BoolArray, IntArray
from common_utils.errors import ConfigError

__all__ = ["DAY", "LocalClock"]

DAY = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"timezone {name!r} is not known here; write a name such as Europe/Madrid.") from error


@lru_cache(maxsize=4096)
def _year(name: str, year: int) -> tuple[tuple[int, int], ...]:
    """Return (instant, offset) at the year's start and at each change within it, seconds."""
    zone = _zone(name)

    def offset(instant: int) -> int:
        local = (_EPOCH + timedelta(seconds=instant)).astimezone(zone)
        return int((local.utcoffset() or timedelta()).total_seconds())

    start = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp())
    found = [(start, offset(start))]
    for day in range(start, end, DAY):
        low, high = day, day + DAY
        if offset(high) == found[-1][1]:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == found[-1][1] else (low, middle)
        found.append((high, offset(high)))
    return tuple(found)


class LocalClock:
    """Local time of one zone.

    Parameters
    ----------
    name : str
        As `Europe/Madrid`.
    """

    def __init__(self, name: str) -> None:
        _zone(name)
        self.name = name

    def _table(self, low: int, high: int) -> tuple[IntArray, IntArray]:
        first, last = (int(np.datetime64(t, "s").astype("datetime64[Y]").astype(int)) + 1970 for t in (low, high))
        if first < 1971 or last > 2199:
            raise ConfigError("times must lie between 1971 and 2199.")
        steps = [step for year in range(first - 1, last + 2) for step in _year(self.name, year)]
        return np.array([s[0] for s in steps], dtype=np.int64), np.array([s[1] for s in steps], dtype=np.int64)

    def changes(self, low: int, high: int) -> tuple[IntArray, IntArray]:
        """Return instants of changes between two instants, and all offsets in use there; seconds."""
        at, offsets = self._table(low, high)
        return at[(at > low) & (at < high)], np.unique(offsets)

    def offsets(self, instants: IntArray) -> IntArray:
        """Return what local time is ahead of UTC at each instant.

        Parameters
        ----------
        instants : int64 array of shape (n,)
            Seconds since 1970 in UTC.

        Returns
        -------
        int64 array of shape (n,)
            Seconds.

        Examples
        --------
        >>> LocalClock("Europe/Madrid").offsets(np.array([1735689600, 1751328000])).tolist()
        [3600, 7200]
        """
        if not len(instants):
            return np.zeros(0, dtype=np.int64)
        at, offsets = self._table(int(instants.min()), int(instants.max()))
        return offsets[np.searchsorted(at, instants, side="right") - 1]

    def instants(self, local: IntArray) -> tuple[IntArray, BoolArray]:
        """Return the instants of local times, the first of a doubled hour, and which of them exist.

        Parameters
        ----------
        local : int64 array of shape (n,)
            Seconds since 1970 on the local clock.

        Returns
        -------
        int64 array and bool array of shape (n,)

        Examples
        --------
        >>> clock = LocalClock("Europe/Madrid")
        >>> hours = np.array(["2025-03-30T02:30", "2025-10-26T02:30"], dtype="datetime64[s]").astype(np.int64)
        >>> instants, exist = clock.instants(hours)
        >>> exist.tolist(), str(instants[1].astype("datetime64[s]"))
        ([False, True], '2025-10-26T00:30:00')
        """
        before, after = self.offsets(local - DAY), self.offsets(local + DAY)
        early, late = local - np.maximum(before, after), local - np.minimum(before, after)
        early_holds = self.offsets(early) == local - early
        late_holds = self.offsets(late) == local - late
        return np.where(early_holds, early, late), early_holds | late_holds

    def midnight(self, day: int) -> int:
        """Return the first instant of a local day (days since 1970); seconds."""
        local = np.array([day * DAY], dtype=np.int64)
        instants, exists = self.instants(local)
        if exists[0]:
            return int(instants[0])
        at, _ = self.changes(int(local[0]) - DAY, int(local[0]) + DAY)
        return int(at[0])
