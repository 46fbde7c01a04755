"""What the commands of snapshots show, as plain rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from common_utils.bundle.signing import Trust
from common_utils.datasets.difference import differences
from common_utils.datasets.forgetting import SnapshotHolder
from common_utils.datasets.store import SnapshotStore
from common_utils.errors import ArtifactError, DataError
from common_utils.releases import versions

__all__ = ["compared", "holder", "listed", "refuse_damage", "store", "verified"]

_SHORT = 12


def store(artifacts: Path) -> SnapshotStore:
    """Return the store of an artifacts root."""
    return SnapshotStore.beside(artifacts)


def holder(artifacts: Path, keyed: Callable[[str], Sequence[str]]) -> SnapshotHolder:
    """Return the snapshots of an artifacts root as a holder of personal data."""
    return SnapshotHolder(store(artifacts), keyed)


def listed(artifacts: Path) -> list[dict[str, Any]]:
    """Return a row for each snapshot, the oldest first, then those whose manifest cannot be read.

    No file is hashed, so `not verified` is the best state.

    Examples
    --------
    >>> listed(Path("nowhere"))
    []
    """
    kept = store(artifacts)
    rows, unread = list[dict[str, Any]](), list[dict[str, Any]]()
    for digest in kept.names():
        state = kept.state(digest, hashed=False)
        row: dict[str, Any] = {"snapshot": digest, "state": "not verified" if state == "whole" else state}
        try:
            snapshot = kept.read(digest)
        except DataError:
            unread.append(row | dict.fromkeys(("made", "tables", "rows", "months", "parent", "source")))
            continue
        months = [file.months for file in snapshot.files if file.months]
        rows.append(
            row
            | {
                "made": snapshot.made,
                "tables": ", ".join(file.name for file in snapshot.files),
                "rows": sum(file.rows for file in snapshot.files),
                "months": f"{min(months)[0]} to {max(m[1] for m in months)}" if months else None,
                "parent": snapshot.parent and snapshot.parent[:_SHORT],
                "source": snapshot.source,
            }
        )
    return [*sorted(rows, key=lambda row: (row["made"], row["snapshot"])), *unread]


def verified(artifacts: Path, trust: Trust) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each snapshot and each bundle, and what is damaged, in words; every byte is read."""
    kept, rows, damaged = store(artifacts), list[dict[str, Any]](), list[str]()
    for digest in kept.names():
        state, said = kept.state(digest), ""
        try:
            note = kept.withdrawal(digest)
            said = note.why if note else "; ".join(kept.faults(kept.read(digest)))
        except DataError as error:
            said = str(error)
        if state in ("damaged", "missing"):
            damaged.append(f"{digest[:_SHORT]}: {said}")
        rows.append({"what": "snapshot", "name": digest[:_SHORT], "state": state, "snapshot": None, "said": said})
    for version, bundle in versions(artifacts, trust=trust) if artifacts.is_dir() else ():
        row = {"what": "bundle", "name": version, "state": None, "snapshot": None, "said": ""}
        if isinstance(bundle, ArtifactError):
            rows.append(row | {"state": "refused", "said": str(bundle)})
        else:
            state = kept.state_of(bundle, hashed=True)
            rows.append(row | {"state": state, "snapshot": bundle.snapshot[:_SHORT] or None})
    return rows, damaged


def refuse_damage(damaged: list[str]) -> None:
    """Refuse damaged snapshots.

    Raises
    ------
    DataError

    Examples
    --------
    >>> refuse_damage([])
    """
    if damaged:
        raise DataError(f"snapshots are damaged: {'; '.join(damaged[:5])}. Restore them from a copy, or remove them.")


def compared(artifacts: Path, old: str, new: str) -> list[dict[str, Any]]:
    """Return what changed between two snapshots.

    Raises
    ------
    DataError
        If one is unknown, or a file is missing or damaged.
    """
    kept = store(artifacts)
    digests = [kept.find(start) for start in (old, new)]
    for digest in digests:
        if (note := kept.withdrawal(digest)) is not None:
            instead = f"compare {note.child[:_SHORT]} in its place" if note.child else "compare another one"
            raise DataError(f"snapshot {digest[:_SHORT]}: was withdrawn on {note.at[:10]} ({note.why}); {instead}.")
    return differences(kept, kept.read(digests[0]), kept.read(digests[1]))
