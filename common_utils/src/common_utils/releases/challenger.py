"""The challenger, and what may not come back: challenge, abort, bar, pardon.

The same means as for the live version: one atomic pointer, one line in the record before it moves, compare-and-set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from common_utils.bundle import current_version
from common_utils.bundle.pointer import CHALLENGER, pointed_version
from common_utils.bundle.signing import INTEGRITY_ONLY, Trust
from common_utils.errors import ReleaseError
from common_utils.releases.author import Author
from common_utils.releases.history import Entry
from common_utils.releases.standing import digest_of
from common_utils.releases.turn import ANY, change, utc_now

__all__ = ["abort", "bar", "challenge", "challenger_version", "pardon"]


def challenger_version(root: Path) -> str | None:
    """Return the version that `challenger` names, or None.

    Raises
    ------
    ArtifactError
        If `challenger` is not a link to a version beside it.
    """
    return pointed_version(root, CHALLENGER)


def challenge(
    root: Path,
    version: str,
    *,
    author: Author,
    expected: str | None = ANY,
    evidence: Mapping[str, str] | None = None,
    trust: Trust = INTEGRITY_ONLY,
    clock: Callable[[], datetime] = utc_now,
) -> Entry | None:
    """Make a bundle of the root the challenger; it takes the place of the one before, which may come back.

    Parameters
    ----------
    root : Path
        Artifacts root.
    version : str
        Name of a bundle in it, which is not live.
    author : Author
        Who decides it, and why.
    expected : str or None
        The version that must be the challenger now (None: none) for the change to happen; ANY where it does not matter.
    evidence : mapping of str to str, optional
        sha256 of what the decision rests on, by name.
    trust, clock
        As in `promote`.

    Returns
    -------
    Entry or None
        What was recorded; None where the version was the challenger already.

    Raises
    ------
    ReleaseConflictError
        If another version is the challenger than expected.
    ArtifactError
        If the version is malformed, missing, altered or not trusted.
    ReleaseError
        If it is live or barred, the record's chain is broken, or the disk refuses.
    """
    with change(root, author, trust, clock) as turn:
        turn.compare_challenger(expected)
        turn.check(version)
        turn.refuse_barred(version)
        if version == current_version(root):
            raise ReleaseError(f"{root}: {version} is live; it cannot challenge itself. Name another version.")
        if version == challenger_version(root):
            return None
        return turn.point_challenger("challenge", version, version, evidence)


def abort(
    root: Path,
    *,
    author: Author,
    expected: str | None = ANY,
    evidence: Mapping[str, str] | None = None,
    trust: Trust = INTEGRITY_ONLY,
    clock: Callable[[], datetime] = utc_now,
) -> Entry:
    """End the challenge: there is no challenger, and the digest of the one there was is barred.

    Parameters
    ----------
    root, author, expected, evidence, trust, clock
        As in `challenge`.

    Raises
    ------
    ReleaseConflictError
        If another version is the challenger than expected.
    ReleaseError
        If there is none, the record's chain is broken, or the disk refuses.
    """
    with change(root, author, trust, clock) as turn:
        turn.compare_challenger(expected)
        version = challenger_version(root)
        if version is None:
            raise ReleaseError(f"{root}: there is no challenger to abort. Look at the history.")
        return turn.point_challenger("abort", version, None, evidence)


def bar(
    root: Path,
    version: str,
    *,
    author: Author,
    evidence: Mapping[str, str] | None = None,
    trust: Trust = INTEGRITY_ONLY,
    clock: Callable[[], datetime] = utc_now,
) -> Entry:
    """Keep a digest from being promoted or made a challenger, under whatever version it comes back.

    Parameters
    ----------
    root, author, evidence, trust, clock
        As in `challenge`.
    version : str
        A version; the root need not hold it any more.

    Raises
    ------
    ReleaseError
        If the digest is live or that of the challenger, the record's chain is broken, or the disk refuses.
    """
    with change(root, author, trust, clock) as turn:
        turn.check_name(version)
        live, challenger = current_version(root), challenger_version(root)
        if live is not None and digest_of(version) == digest_of(live):
            raise ReleaseError(f"{root}: {live} is live. Roll back, which bars it, or promote another one first.")
        if challenger is not None and digest_of(version) == digest_of(challenger):
            raise ReleaseError(f"{root}: {challenger} is the challenger. Run `release abort`, which bars it.")
        return turn.append("bar", live, version, evidence=evidence)


def pardon(
    root: Path,
    version: str,
    *,
    author: Author,
    evidence: Mapping[str, str] | None = None,
    trust: Trust = INTEGRITY_ONLY,
    clock: Callable[[], datetime] = utc_now,
) -> Entry:
    """Let a barred digest be promoted or made a challenger again; it takes another name than those who barred it.

    Parameters
    ----------
    root, author, evidence, trust, clock
        As in `challenge`.
    version : str
        A version with the barred digest.

    Raises
    ------
    ReleaseError
        If the digest is not barred, the author barred it, the record's chain is broken, or the disk refuses.
    """
    with change(root, author, trust, clock) as turn:
        turn.check_name(version)
        entries = turn.bars.get(digest_of(version), ())
        if not entries:
            raise ReleaseError(f"{root}: {version} is not barred. Look at the history.")
        if _name(author.who) in {_name(entry.who) for entry in entries}:
            raise ReleaseError(
                f"{root}: {author.who!a} barred {version} ({entries[-1].action}, {entries[-1].at}); somebody else has "
                "to pardon it, with --who."
            )
        return turn.append("pardon", current_version(root), version, evidence=evidence)


def _name(who: str) -> str:
    return " ".join(who.casefold().split())
