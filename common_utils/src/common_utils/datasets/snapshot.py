"""What a snapshot says: its files by sha256, with rows, columns and months, and the digest that names it all.

The digest is over the files alone, in the order of their names: the same files have the same digest, whoever took the
snapshot, when, and in whatever order. When it was taken and which snapshot it replaces stand beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from common_utils.bundle import fingerprint_bytes
from common_utils.bundle.manifest import encode_json, parse_json
from common_utils.bundle.names import is_plain_name
from common_utils.errors import ArtifactError, DataError

__all__ = ["FORMAT", "Snapshot", "SnapshotFile", "is_digest"]

FORMAT = 1

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


def is_digest(text: object) -> bool:
    """Tell whether something is a sha256 as we write it.

    Examples
    --------
    >>> is_digest("7" * 64), is_digest("7" * 63), is_digest(None)
    (True, False, False)
    """
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


@dataclass(frozen=True)
class SnapshotFile:
    """One table of a snapshot.

    Attributes
    ----------
    name : str
        What the table is called: a plain name.
    sha256 : str
    size : int
        Bytes.
    rows : int
    columns : tuple of str
    subject : str or None
        The column that names whom a row is about.
    months : tuple of str, or None
        The first and last month, where the table has a column of months.
    """

    name: str
    sha256: str
    size: int
    rows: int
    columns: tuple[str, ...]
    subject: str | None = None
    months: tuple[str, str] | None = None


@dataclass(frozen=True)
class Snapshot:
    """The tables of one training, named by their content.

    Attributes
    ----------
    files : tuple of SnapshotFile
        By name.
    made : str
        When it was taken, ISO 8601, UTC.
    source : str
        What the tables were read from, for people.
    parent : str or None
        Digest of the snapshot this one replaces.

    Examples
    --------
    >>> a, b = (SnapshotFile(name, "7" * 64, 1, 1, ("x",)) for name in "ab")
    >>> Snapshot((a, b), "", "").digest == Snapshot((b, a), "later", "elsewhere").digest
    True
    """

    files: tuple[SnapshotFile, ...]
    made: str
    source: str
    parent: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", tuple(sorted(self.files, key=lambda one: one.name)))

    @property
    def digest(self) -> str:
        """Sha256 over what is said of the files."""
        return fingerprint_bytes(encode_json({"files": _plain(self.files)}, "snapshot"))

    def encode(self) -> bytes:
        """Return the snapshot as the bytes of its manifest, with a checksum over all of it."""
        content = {
            "format": FORMAT,
            "digest": self.digest,
            "files": _plain(self.files),
            "made": self.made,
            "source": self.source,
            "parent": self.parent,
        }
        return encode_json({**content, "checksum": fingerprint_bytes(encode_json(content, "snapshot"))}, "snapshot")

    @classmethod
    def parse(cls, path: Path, data: bytes) -> Snapshot:
        """Return what a manifest says.

        Raises
        ------
        DataError
            If it is not a manifest we wrote, or a byte of it was changed.
        """
        try:
            content = parse_json(path.parent, path.name, data)
        except ArtifactError as error:
            raise DataError(f"snapshot {path.stem[:12]}: its manifest is damaged. Restore it from a copy.") from error
        try:
            found = cls(tuple(map(_file, content["files"])), content["made"], content["source"], content["parent"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"snapshot {path.stem[:12]}: its manifest is not one of ours. Remove it.") from error
        if content.get("format") != FORMAT or found.encode() != data:
            raise DataError(f"snapshot {path.stem[:12]}: its manifest was changed. Restore it from a copy.")
        return found


def _plain(files: Iterable[SnapshotFile]) -> list[dict[str, Any]]:
    return [asdict(one) | {"columns": list(one.columns), "months": one.months and list(one.months)} for one in files]


def _file(said: Mapping[str, Any]) -> SnapshotFile:
    months = said["months"]
    found = SnapshotFile(
        name=said["name"],
        sha256=said["sha256"],
        size=said["size"],
        rows=said["rows"],
        columns=tuple(said["columns"]),
        subject=said["subject"],
        months=None if months is None else (months[0], months[1]),
    )
    if not is_plain_name(found.name) or not is_digest(found.sha256):
        raise ValueError(found.name)
    return found
