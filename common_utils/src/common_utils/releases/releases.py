"""Which bundle is live: publish, promote, roll back, and the record of who did it, when, from what to what, and why.

`current` in the artifacts root stays the one pointer to what is live; readers need no lock and see the old version or
the new one. Writers take turns by a lock the kernel gives back when a process dies (`turn`). The command line
(`command_line/lifecycle/release.py`) calls these functions, those of `challenger` and the one of `unrecorded`, and
nothing else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from common_utils.bundle import Bundle, current_version, open_bundle
from common_utils.bundle.durable import open_for_all, sync, temporary_path
from common_utils.bundle.manifest import MANIFEST, SIGNATURE, is_version
from common_utils.bundle.signing import INTEGRITY_ONLY, Trust
from common_utils.errors import ArtifactError, ReleaseError
from common_utils.releases.author import Author
from common_utils.releases.history import Entry
from common_utils.releases.standing import live_by_record, way_back
from common_utils.releases.turn import ANY, change, utc_now

__all__ = ["promote", "publish", "rollback", "versions"]


def publish(
    root: Path,
    source: Path,
    *,
    author: Author,
    trust: Trust = INTEGRITY_ONLY,
    clock: Callable[[], datetime] = utc_now,
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
    with change(root, author, trust, clock, make=True) as turn:
        _copy(root, bundle)
        published = open_bundle(root / bundle.version, trust=trust)
        if published.manifest != bundle.manifest:
            raise ArtifactError(f"{root}: holds another bundle {bundle.version}. Train again for a version of its own.")
        if not any(e.action == "publish" and e.to_version == bundle.version for e in turn.entries):
            turn.record("publish", bundle.version)
    return published


def promote(
    root: Path,
    version: str,
    *,
    author: Author,
    expected: str | None = ANY,
    trust: Trust = INTEGRITY_ONLY,
    clock: Callable[[], datetime] = utc_now,
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
        If the version is barred, the record's chain is broken, or the disk refuses.
    """
    with change(root, author, trust, clock) as turn:
        turn.compare(expected)
        return None if current_version(root) == version else turn.move("promote", version)


def rollback(
    root: Path,
    *,
    author: Author,
    expected: str | None = ANY,
    trust: Trust = INTEGRITY_ONLY,
    clock: Callable[[], datetime] = utc_now,
) -> Entry:
    """Make the version live again that was live before the current one, and bar the digest of the current one.

    A second call goes one further back; what is barred is passed over.

    Parameters
    ----------
    root, author, expected, trust, clock
        As in `promote`.

    Raises
    ------
    ReleaseConflictError, ArtifactError, ReleaseError
        As `promote`, and ReleaseError if nothing was live before.
    """
    with change(root, author, trust, clock) as turn:
        turn.compare(expected)
        back = way_back(turn.entries, current_version(root))
        if not back:
            before = len(live_by_record(turn.entries)) > 1
            what = (
                "every version that was live before is barred"
                if before
                else "no version was live before the current one"
            )
            raise ReleaseError(f"{root}: {what}. Promote one by its name.")
        return turn.move("rollback", back[0])


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
