"""Which bundle is live: publish, promote, roll back, and the record of who did it, when, from what to what, and why.

`current` in the artifacts root stays the one pointer; readers need no lock and see the old version or the new one.
Writers take turns by a lock the kernel gives back when a process dies. The record is written first and the pointer
moved second; a process killed in between leaves a record of a change that did not happen, and the next writer adds
a correction. The command line (`command_line/release.py`) calls these functions and nothing else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from common_utils.bundle import Bundle, current_version, open_bundle, set_current
from common_utils.bundle.durable import exclusive, make_folder, open_for_all, remove_stale, sync, temporary_path
from common_utils.bundle.manifest import MANIFEST, SIGNATURE, is_version
from common_utils.bundle.signing import INTEGRITY_ONLY, Trust
from common_utils.errors import ArtifactError, ReleaseConflictError, ReleaseError
from common_utils.releases.author import Author
from common_utils.releases.history import Action, Entry, append_entry, live_by_record, read_history

__all__ = ["ANY", "promote", "publish", "rollback", "versions"]

ANY = "any"
"""What `expected` is where the caller does not care what is live."""

_LOCK = "releases.lock"


def _utc_now() -> datetime:
    return datetime.now(UTC)


def publish(
    root: Path,
    source: Path,
    *,
    author: Author,
    trust: Trust = INTEGRITY_ONLY,
    clock: Callable[[], datetime] = _utc_now,
) -> Bundle:
    """Put a bundle into the artifacts root, whole or not at all, and record it; what is live does not change.

    Parameters
    ----------
    root : Path
        Artifacts root, made if missing.
    source : Path
        The folder of a bundle, anywhere; one that is in the root already is only recorded.
    author : Author
        Who publishes it, and why.
    trust : Trust
        As in `open_bundle`; a bundle it refuses is not published.
    clock : callable
        Says the time of the record (aware, any zone).

    Returns
    -------
    Bundle
        As it stands in the root.

    Raises
    ------
    ArtifactError
        If the bundle does not verify, or the root holds another one under its version.
    ReleaseError
        If the record's chain is broken or the disk refuses.
    """
    bundle = open_bundle(source, trust=trust)
    with _change(root, author, trust, clock, make=True) as change:
        _copy(root, bundle)
        published = open_bundle(root / bundle.version, trust=trust)
        if published.manifest != bundle.manifest:
            raise ArtifactError(f"{root}: holds another bundle {bundle.version}. Train again for a version of its own.")
        if not any(e.action == "publish" and e.to_version == bundle.version for e in change.entries):
            change.record("publish", bundle.version)
    return published


def promote(
    root: Path,
    version: str,
    *,
    author: Author,
    expected: str | None = ANY,
    trust: Trust = INTEGRITY_ONLY,
    clock: Callable[[], datetime] = _utc_now,
) -> Entry | None:
    """Make a bundle of the root the live one.

    Parameters
    ----------
    root : Path
        Artifacts root.
    version : str
        Name of a bundle in it.
    author : Author
        Who decides it, and why.
    expected : str or None
        The version that must be live now (None: none) for the change to happen; ANY where that does not matter.
    trust, clock
        As in `publish`.

    Returns
    -------
    Entry or None
        What was recorded; None where the version was live already.

    Raises
    ------
    ReleaseConflictError
        If another version is live than expected.
    ArtifactError
        If the version is malformed, missing, altered or not trusted.
    ReleaseError
        If the record's chain is broken or the disk refuses.
    """
    with _change(root, author, trust, clock) as change:
        change.compare(expected)
        return None if current_version(root) == version else change.move("promote", version)


def rollback(
    root: Path,
    *,
    author: Author,
    expected: str | None = ANY,
    trust: Trust = INTEGRITY_ONLY,
    clock: Callable[[], datetime] = _utc_now,
) -> Entry:
    """Make the version live again that was live before the current one; a second call goes one further back.

    Parameters
    ----------
    root, author, expected, trust, clock
        As in `promote`.

    Raises
    ------
    ReleaseConflictError, ArtifactError, ReleaseError
        As `promote`, and ReleaseError if nothing was live before.
    """
    with _change(root, author, trust, clock) as change:
        change.compare(expected)
        path = live_by_record(change.entries)
        if len(path) < 2:
            raise ReleaseError(f"{root}: no version was live before the current one. Promote one by its name.")
        return change.move("rollback", path[-2])


def versions(root: Path, *, trust: Trust = INTEGRITY_ONLY) -> list[tuple[str, Bundle | ArtifactError]]:
    """Return every version of a root, oldest first, verified: the bundle, or why it is refused.

    Raises
    ------
    ReleaseError
        If the root cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     versions(Path(folder))
    []
    """
    try:
        names = sorted(path.name for path in root.iterdir() if is_version(path.name))
    except OSError as error:
        raise ReleaseError(f"{root}: cannot be read ({error.strerror}). Name an artifacts root.") from error
    found: list[tuple[str, Bundle | ArtifactError]] = []
    for name in names:
        try:
            found.append((name, open_bundle(root / name, trust=trust)))
        except ArtifactError as error:
            found.append((name, error))
    return found


@dataclass
class _Change:
    """One writer's turn: the record as it stands, in line with the pointer, and what may be done to both."""

    root: Path
    author: Author
    trust: Trust
    clock: Callable[[], datetime]
    entries: tuple[Entry, ...]

    def correct(self) -> None:
        """Record where the pointer stands, if the record says otherwise."""
        live, path = current_version(self.root), live_by_record(self.entries)
        recorded = path[-1] if path else None
        if live != recorded:
            why = "the pointer stood here: it was moved by hand, or the change recorded before was not finished"
            self._append("correct", recorded, live, Author(self.author.who, why))

    def compare(self, expected: str | None) -> None:
        live = current_version(self.root)
        if expected not in (ANY, live):
            raise ReleaseConflictError(
                f"{self.root}: {live or 'no version'} is live, not {(expected or 'no version')[:80]!a} as expected. "
                "Look at the history, then decide again."
            )

    def record(self, action: Action, version: str) -> Entry:
        return self._append(action, current_version(self.root), version, self.author)

    def move(self, action: Action, version: str) -> Entry:
        if not is_version(version):
            raise ReleaseError(
                f"{self.root}: {version[:80]!a} is not a version such as '20261123T120102Z-1a2b3c4d5e6f'. "
                "Choose one that the root holds."
            )
        opened = open_bundle(self.root / version, trust=self.trust)  # before anything is recorded
        if opened.version != version:
            raise ReleaseError(f"{self.root}: {version} holds bundle {opened.version}. Publish that one again.")
        entry = self.record(action, version)
        try:
            set_current(self.root, version, trust=self.trust)
        except ArtifactError:
            self.correct()
            raise
        return entry

    def _append(self, action: Action, before: str | None, after: str | None, author: Author) -> Entry:
        entry = append_entry(
            self.root, self.entries, author, at=self.clock(), action=action, from_version=before, to_version=after
        )
        self.entries = (*self.entries, entry)
        return entry


@contextmanager
def _change(
    root: Path, author: Author, trust: Trust, clock: Callable[[], datetime], *, make: bool = False
) -> Generator[_Change]:
    """Wait for a turn, remove what dead writers left, and hand out the record in line with the pointer."""
    try:
        if make:
            make_folder(root)
        with exclusive(root / _LOCK):
            remove_stale(root)
            change = _Change(root, author, trust, clock, read_history(root))
            change.correct()
            yield change
    except OSError as error:
        raise ReleaseError(
            f"{root}: cannot be changed ({error.strerror or error}). Name an artifacts root, or correct its rights."
        ) from error


def _copy(root: Path, bundle: Bundle) -> None:
    """Copy a bundle's files into the root under its version, unless that is there."""
    target = root / bundle.version
    if os.path.lexists(target):
        return
    temporary = temporary_path(root)
    try:
        temporary.mkdir()
        for name in (*bundle.files, MANIFEST, SIGNATURE):
            if name == SIGNATURE and not (bundle.path / name).exists():
                continue
            shutil.copyfile(bundle.path / name, temporary / name, follow_symlinks=False)
            sync(temporary / name)
        open_for_all(temporary)
        sync(temporary)
        open_bundle(temporary)  # what was copied, before it gets a name that counts
        temporary.rename(target)
        sync(root)
    except OSError as error:
        raise ReleaseError(
            f"{root}: the bundle could not be copied ({error.strerror or error}); nothing was published. "
            "Free space or correct the permissions, then run again."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
