"""Where snapshots are kept: files under their sha256, a manifest for each snapshot, and notes of withdrawals.

The store of an artifacts root lies beside it, in `<root>-data`, never in it: a service that mounts bundles does not get
the rows they were trained on. Everything is written whole or not at all, and a file that is there is not written again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from common_utils.bundle import Bundle, fingerprint_file
from common_utils.bundle.durable import exclusive, remove_stale, sync, temporary_path
from common_utils.datasets.erasures import FindKeyed, keyed_by, no_keys
from common_utils.datasets.snapshot import Snapshot, SnapshotFile, is_digest
from common_utils.decision_log.config import DecisionsConfig
from common_utils.errors import ArtifactError, DataError

__all__ = ["SnapshotState", "SnapshotStore", "Withdrawal"]

SnapshotState: TypeAlias = Literal["whole", "damaged", "missing", "withdrawn"]
"""What can be said of the data a digest names; `whole` is proven by hashing every byte."""


_OBJECTS, _LOCK, _WITHDRAWN = "objects", "datasets.lock", ".withdrawn.json"


@dataclass(frozen=True)
class Withdrawal:
    """Why a snapshot may not be used any more.

    Attributes
    ----------
    at : str
        When, ISO 8601, UTC.
    why : str
    child : str or None
        Digest of the snapshot that takes its place.
    """

    at: str
    why: str
    child: str | None


@dataclass(frozen=True)
class SnapshotStore:
    """The snapshots of one folder.

    Attributes
    ----------
    folder : Path
        Made with the first snapshot.
    keyed : callable
        Finds the keys that tell whether a table still holds a forgotten subject; without them none is taken once
        somebody was forgotten.

    Examples
    --------
    >>> SnapshotStore.beside(Path("artifacts")).folder
    PosixPath('artifacts-data')
    >>> SnapshotStore(Path("nowhere")).state("7" * 64)
    'missing'
    """

    folder: Path
    keyed: FindKeyed = no_keys

    @classmethod
    def beside(cls, artifacts: Path, keyed: FindKeyed = no_keys) -> SnapshotStore:
        """Return the store of an artifacts root."""
        return cls(artifacts.with_name(f"{artifacts.name}-data"), keyed)

    def keyed_by(self, log: DecisionsConfig, project: str, folder: Path) -> SnapshotStore:
        """Return the store with the keys of a project's decision log; `folder` is the project's."""
        return SnapshotStore(self.folder, keyed_by(log, project, folder))

    def add(self, files: Mapping[SnapshotFile, bytes], *, source: str, parent: str | None = None) -> Snapshot:
        """Keep tables as a snapshot, and return it; one that is there already stays as it is.

        Parameters
        ----------
        files : mapping of SnapshotFile to bytes
        source : str
            What they were read from.
        parent : str, optional
            Digest of the snapshot it replaces.

        Raises
        ------
        DataError
            If the same snapshot was withdrawn.
        ArtifactError
            If the disk refuses.
        """
        made = datetime.now(UTC).isoformat(timespec="microseconds")
        snapshot = Snapshot(tuple(files), made, source, parent)
        withdrawn = self.withdrawal(snapshot.digest)
        if withdrawn is not None:
            raise DataError(
                f"snapshot {snapshot.digest[:12]}: was withdrawn on {withdrawn.at[:10]} ({withdrawn.why}), and the "
                "table still holds the same rows. Remove what had to go from the table, then run again."
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self.folder / _OBJECTS).mkdir(exist_ok=True, mode=0o700)
            with exclusive(self.folder / _LOCK):
                remove_stale(self.folder)
                for file, data in files.items():
                    if not self._is_whole(file):
                        self._write(self.folder / _OBJECTS / file.sha256, data)
                if not self._manifest(snapshot.digest).is_file():
                    self._write(self._manifest(snapshot.digest), snapshot.encode())
        except OSError as error:
            raise self._refused(error) from error
        return self.read(snapshot.digest)

    def names(self) -> list[str]:
        """Return the digests of all snapshots, withdrawn ones included, in order of the alphabet; none is read."""
        return sorted(path.stem for path in self.folder.glob("*.json") if is_digest(path.stem))

    def find(self, start: str) -> str:
        """Return the digest that begins so.

        Raises
        ------
        DataError
            If none does, or several do.
        """
        found = [digest for digest in self.names() if digest.startswith(start)]
        if len(found) != 1:
            what = "several snapshots" if found else "no snapshot"
            raise DataError(f"{self.folder}: {what} begin with {start[:64]!a}; `data list` shows them.")
        return found[0]

    def read(self, digest: str) -> Snapshot:
        """Return a snapshot's manifest, checked.

        Raises
        ------
        DataError
            If it is missing or was changed.
        """
        path = self._manifest(digest)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DataError(f"snapshot {digest[:12]}: {error.strerror}. Name one that `data list` shows.") from error
        snapshot = Snapshot.parse(path, data)
        if snapshot.digest != digest:
            raise DataError(f"snapshot {digest[:12]}: its manifest is that of {snapshot.digest[:12]}. Restore it.")
        return snapshot

    def path_of(self, file: SnapshotFile) -> Path:
        """Return where a file is kept."""
        return self.folder / _OBJECTS / file.sha256

    def faults(self, snapshot: Snapshot) -> list[str]:
        """Return what is wrong with the files of a snapshot, each in words; every byte is read."""
        said: list[str] = []
        for file in snapshot.files:
            if not self.path_of(file).is_file():
                said.append(f"{file.name} is missing")
            elif not self._is_whole(file):
                said.append(f"{file.name} has another content")
        return said

    def state(self, digest: str, *, hashed: bool = True) -> SnapshotState:
        """Return what can be said of the data a digest names; without `hashed`, files only have to be there."""
        if self.withdrawal(digest) is not None:
            return "withdrawn"
        if not self._manifest(digest).is_file():
            return "missing"
        try:
            snapshot = self.read(digest)
        except DataError:
            return "damaged"
        if not all(self.path_of(file).is_file() for file in snapshot.files):
            return "missing"
        return "damaged" if hashed and self.faults(snapshot) else "whole"

    def state_of(self, bundle: Bundle, *, hashed: bool = False) -> str:
        """Return what can be said of the data of a bundle: proven (`hashed`: every byte), there, or what is wrong."""
        if not bundle.snapshot:
            return "names no data"
        state = self.state(bundle.snapshot, hashed=hashed)
        return state if state != "whole" else "proven" if hashed else "there"

    def withdrawal(self, digest: str) -> Withdrawal | None:
        """Return why a snapshot may not be used, or None."""
        path = self.folder / f"{digest}{_WITHDRAWN}"
        try:
            return Withdrawal(**json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            return Withdrawal("unknown", "its note cannot be read", None)

    def withdraw(self, digest: str, *, why: str, child: str | None) -> None:
        """Say that a snapshot may not be used any more, and delete the files no other one needs.

        Raises
        ------
        ArtifactError
            If the disk refuses; run it again.
        """
        note = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "why": why, "child": child}
        try:
            with exclusive(self.folder / _LOCK):
                self._write(self.folder / f"{digest}{_WITHDRAWN}", json.dumps(note).encode())
                self._remove_unneeded()
        except OSError as error:
            raise self._refused(error) from error

    def sweep(self) -> None:
        """Delete files that no usable snapshot needs, as a killed withdrawal may leave.

        Raises
        ------
        ArtifactError
            If the disk refuses.
        """
        if not (self.folder / _OBJECTS).is_dir():
            return
        try:
            with exclusive(self.folder / _LOCK):
                self._remove_unneeded()
        except OSError as error:
            raise self._refused(error) from error

    def _remove_unneeded(self) -> None:
        live = [self.read(digest) for digest in self.names() if self.withdrawal(digest) is None]
        needed = {file.sha256 for snapshot in live for file in snapshot.files}
        for path in (self.folder / _OBJECTS).iterdir():
            if path.name not in needed:
                path.unlink()

    def _is_whole(self, file: SnapshotFile) -> bool:
        path = self.path_of(file)
        return path.is_file() and path.stat().st_size == file.size and fingerprint_file(path) == file.sha256

    def _write(self, path: Path, data: bytes) -> None:
        temporary = temporary_path(self.folder)
        try:
            temporary.write_bytes(data)
            temporary.chmod(0o600)
            sync(temporary)
            temporary.replace(path)
            sync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)

    def _manifest(self, digest: str) -> Path:
        return self.folder / f"{digest}.json"

    def _refused(self, error: OSError) -> ArtifactError:
        return ArtifactError(
            f"{self.folder}: the snapshot could not be written ({error.strerror or error}). Free space or correct the "
            "permissions, then run again."
        )
