"""Tables into a snapshot and out of it: as Parquet, with what the manifest says of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from common_utils.bundle import fingerprint_bytes
from common_utils.datasets.erasures import forgotten_among
from common_utils.datasets.snapshot import Snapshot, SnapshotFile
from common_utils.datasets.store import SnapshotStore
from common_utils.errors import DataError

__all__ = ["TrainingTable", "load_file", "snapshot_tables", "without_subjects"]


@dataclass(frozen=True)
class TrainingTable:
    """A table that something is learnt from.

    Attributes
    ----------
    frame : DataFrame
    subject : str or None
        The column that names whom a row is about, None where no row is about somebody.
    month : str or None
        The column of months.
    """

    frame: pd.DataFrame
    subject: str | None = None
    month: str | None = None


def snapshot_tables(store: SnapshotStore, tables: Mapping[str, TrainingTable], *, source: str) -> Snapshot:
    """Keep tables as a snapshot; the same rows in the same order, and the same libraries, give the same digest.

    Parameters
    ----------
    store : SnapshotStore
    tables : mapping of str to TrainingTable
        By plain name, in any order.
    source : str
        What they were read from, for people.

    Raises
    ------
    DataError, ArtifactError
        As `SnapshotStore.add`; DataError if a table still holds a subject who was forgotten, or that cannot be told.
    """
    _refuse_forgotten(store, tables)
    return store.add(dict(_written(name, table) for name, table in tables.items()), source=source)


def load_file(store: SnapshotStore, file: SnapshotFile) -> pd.DataFrame:
    """Return a table of a snapshot, from bytes that were hashed.

    Raises
    ------
    DataError
        If the file is missing or has another content.
    """
    try:
        data = store.path_of(file).read_bytes()
    except OSError as error:
        raise DataError(f"snapshot: {file.name} cannot be read ({error.strerror}).") from error
    if fingerprint_bytes(data) != file.sha256:
        raise DataError(f"snapshot: {file.name} has another content than its manifest says.")
    return pd.read_parquet(io.BytesIO(data))


def without_subjects(
    store: SnapshotStore, digest: str, is_meant: Callable[[str], bool], *, why: str
) -> tuple[Snapshot | None, int]:
    """Withdraw a snapshot that has rows of a subject; a child without them takes its place.

    Parameters
    ----------
    store : SnapshotStore
    digest : str
        Of the snapshot.
    is_meant : callable
        Tells of a subject, as text, whether it is the one.
    why : str
        For the note.

    Returns
    -------
    tuple of Snapshot or None, and int
        The child, None where no row is the subject's, and the number of rows left out.
    """
    snapshot, gone = store.read(digest), 0
    files: dict[SnapshotFile, bytes] = {}
    for file in snapshot.files:
        frame = load_file(store, file)
        month = _month_column(frame, file.months)
        if file.subject is not None:
            subjects = frame[file.subject]
            meant = {one for one in subjects.unique() if is_meant(str(one))}
            kept = ~subjects.isin(meant)
            gone += int((~kept).sum())
            frame = frame[kept].reset_index(drop=True) if meant else frame
        files |= dict([_written(file.name, TrainingTable(frame, file.subject, month))])
    if not gone:
        return None, 0
    child = store.add(files, source=snapshot.source, parent=digest)
    store.withdraw(digest, why=why, child=child.digest)
    return child, gone


def _refuse_forgotten(store: SnapshotStore, tables: Mapping[str, TrainingTable]) -> None:
    for name, table in sorted(tables.items()):
        if table.subject is None:
            continue
        column = table.frame[table.subject]
        found = forgotten_among(store.folder, map(str, column.unique()), store.keyed)
        if found:
            rows = column.astype(str).isin(found).to_numpy().nonzero()[0]
            raise DataError(
                f"table {name}: still holds {len(found)} subject(s) who were forgotten, in {len(rows)} of "
                f"{len(column)} rows as read, the first of them row {rows[0] + 1}. Remove "
                "their rows from the table, then run again."
            )


def _month_column(frame: pd.DataFrame, months: tuple[str, str] | None) -> str | None:
    """Return the column that a file's months were read from: the child then says its own, as the cleaned table does."""
    for column in frame.columns if months is not None else ():
        texts = frame[column].dropna().astype(str)
        if len(texts) and (texts.min(), texts.max()) == months:
            return str(column)
    return None


def _written(name: str, table: TrainingTable) -> tuple[SnapshotFile, bytes]:
    stream = io.BytesIO()
    table.frame.to_parquet(stream, index=False)
    data = stream.getvalue()
    months: tuple[str, str] | None = None
    if table.month is not None and len(table.frame):
        months = (str(table.frame[table.month].min()), str(table.frame[table.month].max()))
    columns = tuple(str(column) for column in table.frame.columns)
    digest = fingerprint_bytes(data)
    return SnapshotFile(name, digest, len(data), len(table.frame), columns, table.subject, months), data
