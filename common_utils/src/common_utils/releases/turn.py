"""One writer's turn at an artifacts root: the lock, the record in line with both pointers, and the changes to them.

The record is written first and a pointer moved second. A process killed in between leaves a record of a change that
did not happen, and the next writer adds a correction.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from common_utils.bundle import current_version, open_bundle, set_current
from common_utils.bundle.durable import exclusive, make_folder, remove_stale
from common_utils.bundle.manifest import is_version
from common_utils.bundle.pointer import CHALLENGER, point, pointed_version
from common_utils.bundle.signing import Trust
from common_utils.errors import ArtifactError, ReleaseConflictError, ReleaseError
from common_utils.releases.author import Author
from common_utils.releases.history import Action, Entry, append_entry, read_history
from common_utils.releases.standing import (
    Bars,
    barred_by_record,
    challenger_by_record,
    digest_of,
    live_by_record,
)
from common_utils.releases.unrecorded import left_unrecorded, settle

__all__ = ["ANY", "Change", "change", "utc_now"]

ANY: Final = "any"
"""What `expected` is where the caller does not care what a pointer names."""

_LOCK = "releases.lock"


def utc_now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


@dataclass
class Change:
    """One writer's turn: the record as it stands, in line with the pointers, and what may be done to all three.

    Attributes
    ----------
    root : Path
        Artifacts root.
    author : Author
    trust : Trust
    clock : callable
        Says the time of the record.
    entries : tuple of Entry
        The record; grows with what is done.
    """

    root: Path
    author: Author
    trust: Trust
    clock: Callable[[], datetime]
    entries: tuple[Entry, ...]

    @property
    def bars(self) -> Bars:
        """The digests that may not come back."""
        return barred_by_record(self.entries)

    def correct(self) -> None:
        """Record where the pointers stand, if the record says otherwise."""
        self._correct_live()
        self._record_left()
        self._correct_challenger()

    def compare(self, expected: str | None) -> None:
        """Refuse to go on where another version is live than expected."""
        self._compare(expected, current_version(self.root), "is live")

    def compare_challenger(self, expected: str | None) -> None:
        """Refuse to go on where another version is the challenger than expected."""
        self._compare(expected, pointed_version(self.root, CHALLENGER), "is the challenger")

    def refuse_barred(self, version: str) -> None:
        """Refuse a version whose digest may not come back, and say who can change that."""
        entries = self.bars.get(digest_of(version), ())
        if entries:
            last = entries[-1]
            others = ", ".join(sorted({ascii(entry.who) for entry in entries}))
            raise ReleaseError(
                f"{self.root}: {version} is barred: {last.action} by {last.who!a}, {last.at}, {last.why!a}. Train "
                f"another one; or somebody else than {others} runs `lifecycle pardon {version} --why ...`."
            )

    def check(self, version: str) -> None:
        """Refuse what is not the name of a verified bundle of the root."""
        self.check_name(version)
        opened = open_bundle(self.root / version, trust=self.trust)  # before anything is recorded
        if opened.version != version:
            raise ReleaseError(f"{self.root}: {version} holds bundle {opened.version}. Publish that one again.")

    def check_name(self, version: str) -> None:
        """Refuse what is not the name of a version."""
        if not is_version(version):
            raise ReleaseError(
                f"{self.root}: {version[:80]!a} is not a version such as '20261123T120102Z-1a2b3c4d5e6f'. "
                "Choose one that the root holds."
            )

    def record(self, action: Action, version: str) -> Entry:
        """Record what is done to a version and moves nothing."""
        return self.append(action, current_version(self.root), version)

    def move(self, action: Action, version: str) -> Entry:
        """Make a version the live one; a challenger that goes live is none any more."""
        self.check(version)
        self.refuse_barred(version)
        entry = self.record(action, version)
        try:
            set_current(self.root, version, trust=self.trust)
        except ArtifactError:
            self.correct()
            raise
        self._correct_challenger()
        return entry

    def point_challenger(
        self, action: Action, version: str, to: str | None, evidence: Mapping[str, str] | None = None
    ) -> Entry:
        """Record what is done to a version, and let the challenger's pointer name `to`."""
        entry = self.append(action, pointed_version(self.root, CHALLENGER), version, evidence=evidence)
        try:
            point(self.root, CHALLENGER, to)
        except ArtifactError:
            self.correct()
            raise
        return entry

    def append(
        self,
        action: Action,
        before: str | None,
        after: str | None,
        *,
        author: Author | None = None,
        evidence: Mapping[str, str] | None = None,
    ) -> Entry:
        """Add a line to the record."""
        entry = append_entry(
            self.root,
            self.entries,
            author or self.author,
            at=self.clock(),
            action=action,
            from_version=before,
            to_version=after,
            evidence=evidence,
        )
        self.entries = (*self.entries, entry)
        return entry

    def _compare(self, expected: str | None, found: str | None, what: str) -> None:
        if expected not in (ANY, found):
            raise ReleaseConflictError(
                f"{self.root}: {found or 'no version'} {what}, not {(expected or 'no version')[:80]!a} as expected. "
                "Look at the history, then decide again."
            )

    def _correct_live(self) -> None:
        live, path = current_version(self.root), live_by_record(self.entries)
        recorded = path[-1] if path else None
        if live == recorded:
            return
        who = left_unrecorded(self.root).get(recorded or "")
        if who is None:
            who, why = self.author.who, "it was moved by hand, or the change recorded before was not finished"
        else:
            why = "it was rolled back without a record"
        self.append("correct", recorded, live, author=Author(who, f"the pointer stood here: {why}"))

    def _record_left(self) -> None:
        """Bar what was rolled back while nothing could be recorded."""
        live = current_version(self.root)
        for version, who in left_unrecorded(self.root).items():
            if version != live and digest_of(version) not in self.bars:
                self.append("bar", live, version, author=Author(who, "it was rolled back without a record"))
            settle(self.root, version)

    def _correct_challenger(self) -> None:
        try:
            stands = pointed_version(self.root, CHALLENGER)
        except ArtifactError:  # whoever names a challenger is told; what is live does not depend on it
            return
        if stands is not None and (stands == current_version(self.root) or digest_of(stands) in self.bars):
            point(self.root, CHALLENGER, None)  # what was begun: it went live, or was aborted
            stands = None
        recorded = challenger_by_record(self.entries)
        if stands != recorded:
            why = "the pointer stood here: it was moved by hand, or the change recorded before was not finished"
            self.append("challenge", recorded, stands, author=Author(self.author.who, why))


@contextmanager
def change(
    root: Path, author: Author, trust: Trust, clock: Callable[[], datetime], *, make: bool = False
) -> Generator[Change]:
    """Wait for a turn, remove what dead writers left, and hand out the record in line with the pointers.

    Raises
    ------
    ReleaseError
        If the record's chain is broken or the disk refuses.
    """
    try:
        if make:
            make_folder(root)
        with exclusive(root / _LOCK):
            remove_stale(root)
            turn = Change(root, author, trust, clock, read_history(root))
            turn.correct()
            yield turn
    except OSError as error:
        raise ReleaseError(
            f"{root}: cannot be changed ({error.strerror or error}). Name an artifacts root, or correct its rights."
        ) from error
