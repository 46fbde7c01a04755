"""Snapshots as a holder of personal data: what they hold of a subject, and how they forget one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from common_utils.datasets.erasures import add_erasure
from common_utils.datasets.store import SnapshotStore
from common_utils.datasets.tables import load_file, without_subjects
from common_utils.errors import DataError

__all__ = ["SnapshotHolder"]

WHY = "a subject was forgotten"


@dataclass(frozen=True)
class SnapshotHolder:
    """The snapshots of a store, for the log's `show` and `forget`.

    Attributes
    ----------
    store : SnapshotStore
    keyed : callable
        From a subject's name to its keyed forms, as the log names it.
    """

    store: SnapshotStore
    keyed: Callable[[str], Sequence[str]]

    def held(self, subjects: Sequence[str]) -> list[str]:
        """Return a line for each snapshot with rows of a subject."""
        lines: list[str] = []
        for digest in self._usable():
            rows = 0
            for file in self.store.read(digest).files:
                if file.subject is not None:
                    values = load_file(self.store, file)[file.subject]
                    rows += int(values.isin([one for one in values.unique() if self._is(str(one), subjects)]).sum())
            if rows:
                lines.append(f"{rows:,} row(s) of the data a model was trained on, snapshot {digest[:12]}")
        return lines

    def forget(self, subjects: Sequence[str]) -> int:
        """Withdraw each snapshot with rows of a subject, put one without them in its place, and count the rows.

        That the subject was forgotten is noted, so that no table which still holds the subject is learnt from.
        """
        add_erasure(self.store.folder, subjects, self.keyed)
        gone = 0
        for digest in self._usable():
            try:
                gone += without_subjects(self.store, digest, lambda one: self._is(one, subjects), why=WHY)[1]
            except DataError:  # what cannot be read may hold the subject
                self.store.withdraw(digest, why=f"damaged when {WHY}", child=None)
        self.store.sweep()
        return gone

    def _usable(self) -> list[str]:
        return [digest for digest in self.store.names() if self.store.withdrawal(digest) is None]

    def _is(self, subject: str, subjects: Sequence[str]) -> bool:
        return not set(self.keyed(subject)).isdisjoint(subjects)
