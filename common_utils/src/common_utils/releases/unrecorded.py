"""A roll-back that needs neither the record, nor space on the disk, nor the lock: for a bad release in the night.

It renames one link, and leaves a second link, `rolled-back~<version>`, that says who left which version. The next
writer records both: the correction, and the bar on the version that was left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common_utils.bundle import current_version, open_bundle
from common_utils.bundle.durable import replace_link
from common_utils.bundle.manifest import is_version
from common_utils.bundle.pointer import FIXED_LINKS, POINTER, point
from common_utils.bundle.signing import INTEGRITY_ONLY, Trust
from common_utils.errors import ArtifactError, ConfigError, ReleaseConflictError, ReleaseError
from common_utils.releases.author import Author
from common_utils.releases.history import Entry, salvage_history
from common_utils.releases.standing import barred_by_record, digest_of, way_back

__all__ = ["Unrecorded", "left_unrecorded", "rollback_unrecorded", "settle"]

_MARK = "rolled-back~"


@dataclass(frozen=True)
class Unrecorded:
    """What an unrecorded roll-back did.

    Attributes
    ----------
    from_version, to_version : str
        What was live, and what is live now.
    marked : bool
        Whether the next writer will know; if not, `release bar` has to say it.
    """

    from_version: str
    to_version: str
    marked: bool


def rollback_unrecorded(
    root: Path, *, author: Author, to: str | None = None, expected: str | None = None, trust: Trust = INTEGRITY_ONLY
) -> Unrecorded:
    """Make an earlier version live by the pointer alone: no record is written, none is needed, no lock is waited for.

    Parameters
    ----------
    root : Path
        Artifacts root.
    author : Author
        Who does it; the next writer records it.
    to : str, optional
        The version to go back to; default: what the record, or what is left of it, says was live before.
    expected : str, optional
        The version that must be live now.
    trust : Trust
        As in `open_bundle`.

    Raises
    ------
    ReleaseConflictError
        If another version is live than expected.
    ReleaseError
        If none is live, or none is known to go back to.
    ArtifactError
        If the version named is missing, altered or not trusted, or the pointer cannot be changed.
    """
    live = current_version(root)
    if live is None:
        raise ReleaseError(f"{root}: no version is live. Promote one by its name.")
    if expected not in (None, live):
        raise ReleaseConflictError(f"{root}: {live} is live, not {expected[:80]!a} as expected. Look again.")
    entries = _salvaged(root)
    target = _first_good(root, entries, live, trust) if to is None else _named(root, to, live, entries, trust)
    marked = _mark(root, live, author)
    try:
        point(root, POINTER, target)
    except ArtifactError:  # not even room for a link: the fixed ones give theirs, the next promotion makes them again
        for name in FIXED_LINKS:
            if (root / name).is_symlink():
                (root / name).unlink()
        point(root, POINTER, target)
        marked = marked or _mark(root, live, author)
    return Unrecorded(live, target, marked)


def left_unrecorded(root: Path) -> dict[str, str]:
    """Return the versions that were left without a record, each with who left it.

    Examples
    --------
    >>> left_unrecorded(Path("no-such-root"))
    {}
    """
    return {
        path.name.removeprefix(_MARK): _who(str(path.readlink()))
        for path in sorted(root.glob(f"{_MARK}*"))
        if path.is_symlink() and is_version(path.name.removeprefix(_MARK))
    }


def settle(root: Path, version: str) -> None:
    """Forget that a version was left without a record: it is recorded now."""
    (root / (_MARK + version)).unlink(missing_ok=True)


def _mark(root: Path, version: str, author: Author) -> bool:
    try:
        replace_link(root, _MARK + version, author.who)
    except OSError:  # what counts is the pointer; the caller is told
        return False
    return True


def _who(text: str) -> str:
    try:
        return Author(text, "rolled back").who
    except ConfigError:  # nobody of ours wrote it; a record is made all the same
        return "unknown"


def _salvaged(root: Path) -> Sequence[Entry]:
    try:
        return salvage_history(root)
    except ReleaseError:  # unreadable: then the version has to be named
        return ()


def _first_good(root: Path, entries: Sequence[Entry], live: str, trust: Trust) -> str:
    out = {digest_of(version) for version in (*left_unrecorded(root), live)} | barred_by_record(entries).keys()
    for version in way_back(entries, live):
        if digest_of(version) in out:
            continue
        try:
            _open(root, version, trust)
        except ArtifactError:
            continue  # the one before it may be whole
        return version
    names = (path.name for path in root.iterdir() if is_version(path.name))
    held = sorted((name for name in names if digest_of(name) not in out), reverse=True)
    raise ReleaseError(
        f"{root}: the record names no whole version to go back to. Name one with --to; the root holds {held[:5]}."
    )


def _named(root: Path, version: str, live: str, entries: Sequence[Entry], trust: Trust) -> str:
    if not is_version(version) or version == live:
        raise ReleaseError(f"{root}: {version[:80]!a} is not another version of the root. Name one that it holds.")
    if digest_of(version) in barred_by_record(entries):
        raise ReleaseError(f"{root}: {version} is barred. Name another one.")
    _open(root, version, trust)
    return version


def _open(root: Path, version: str, trust: Trust) -> None:
    if open_bundle(root / version, trust=trust).version != version:
        raise ReleaseError(f"{root}: {version} holds another bundle. Name another one.")
