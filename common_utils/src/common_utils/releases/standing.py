"""What the record of releases says by itself: the way back, the challenger, and which digests may not come back.

An action that this version does not know counts for nothing here: it is never taken for a promotion.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from common_utils.bundle import current_version
from common_utils.bundle.pointer import CHALLENGER, pointed_version
from common_utils.releases.history import Entry, read_history

__all__ = [
    "Bars",
    "ReleaseStanding",
    "barred_by_record",
    "challenger_by_record",
    "digest_of",
    "live_by_record",
    "standing_of",
    "way_back",
]

Bars = dict[str, tuple[Entry, ...]]
"""Barred digests, each with the entries that barred it since it was last pardoned."""

_MOVES_LIVE = ("promote", "rollback", "correct")


@dataclass(frozen=True)
class ReleaseStanding:
    """What both pointers name, and the record.

    Attributes
    ----------
    live, challenger : str or None
        What the pointers name.
    entries : tuple of Entry
        The record, verified.
    barred : tuple of str or None
        Versions last barred, as the record names them; every version with one of their digests is barred. None where
        the record was not asked.
    """

    live: str | None
    challenger: str | None
    entries: tuple[Entry, ...]
    barred: tuple[str, ...] | None

    def bars(self, version: str) -> bool | None:
        """Tell whether a version may not come back; None where the record was not asked."""
        return None if self.barred is None else digest_of(version) in {digest_of(one) for one in self.barred}


def standing_of(root: Path, *, record: bool = True) -> ReleaseStanding:
    """Return what stands in an artifacts root.

    Parameters
    ----------
    root : Path
    record : bool
        False: without the record, where its chain is broken.

    Raises
    ------
    ArtifactError
        If a pointer is not a link to a version, or the record's chain is broken.

    Examples
    --------
    >>> standing_of(Path("no-such-root")).live is None
    True
    """
    entries = read_history(root) if record else ()
    barred = tuple(version_of(bar[-1]) for bar in barred_by_record(entries).values()) if record else None
    return ReleaseStanding(current_version(root), pointed_version(root, CHALLENGER), entries, barred)


def digest_of(version: str) -> str:
    """Return the digest in a version's name: that of its files, so the same training has it again at another time.

    Examples
    --------
    >>> digest_of("20261123T120102Z-1a2b3c4d5e6f")
    '1a2b3c4d5e6f'
    """
    return version.rpartition("-")[2]


def live_by_record(entries: Iterable[Entry]) -> list[str]:
    """Return the versions that a roll-back would go through, the live one last.

    A promotion adds a version; a roll-back or a correction goes back to the version it names, if it was on the way.

    Examples
    --------
    >>> live_by_record([])
    []
    """
    path: list[str] = []
    for entry in entries:
        if entry.action not in _MOVES_LIVE:
            continue
        if entry.to_version is None:
            path = []
        elif entry.action != "promote" and entry.to_version in path:
            while path[-1] != entry.to_version:
                path.pop()
        elif path[-1:] != [entry.to_version]:
            path.append(entry.to_version)
    return path


def challenger_by_record(entries: Iterable[Entry]) -> str | None:
    """Return the version that stands as challenger, or None: an abort ends it, and so does going live.

    Examples
    --------
    >>> challenger_by_record([]) is None
    True
    """
    challenger: str | None = None
    for entry in entries:
        if entry.action == "challenge":
            challenger = entry.to_version
        elif entry.action == "abort" or (entry.action in _MOVES_LIVE and entry.to_version == challenger):
            challenger = None
    return challenger


def barred_by_record(entries: Sequence[Entry]) -> Bars:
    """Return the digests that may not come back by themselves, and what barred them.

    What was rolled back, aborted or barred stays out until it is pardoned. A promotion after that, which only a
    version of this code from before bars could record, lifts the bar as well. A roll-back or an abort that was recorded
    and then not finished bars all the same: somebody judged.

    Examples
    --------
    >>> barred_by_record([])
    {}
    """
    bars: Bars = {}
    for entry in entries:
        digest = digest_of(version_of(entry))
        if entry.action in ("rollback", "abort", "bar"):
            bars[digest] = (*bars.get(digest, ()), entry)
        elif entry.action in ("pardon", "promote"):
            bars.pop(digest, None)
    return bars


def version_of(entry: Entry) -> str:
    """Return the version an entry judges: a roll-back that which was left, every other action that which it names."""
    return (entry.from_version if entry.action == "rollback" else entry.to_version) or ""


def way_back(entries: Sequence[Entry], live: str | None) -> list[str]:
    """Return the versions a roll-back from the live one may go to, the first to try first.

    Parameters
    ----------
    entries : sequence of Entry
    live : str or None
        What the pointer names, whatever the record says.

    Examples
    --------
    >>> way_back([], None)
    []
    """
    path = live_by_record(entries)
    if live in path:
        path = path[: len(path) - path[::-1].index(live)]
    barred = barred_by_record(entries)
    left = "" if live is None else digest_of(live)
    found = (version for version in reversed(path) if digest_of(version) not in barred and digest_of(version) != left)
    return list(dict.fromkeys(found))
