"""The last step of writing a bundle: its manifest, everything forced to the disk, and the name of its version."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from common_utils.bundle.arrays import check_array_files
from common_utils.bundle.durable import open_for_all, sync
from common_utils.bundle.manifest import (
    FORMAT,
    MANIFEST,
    MAX_MANIFEST_BYTES,
    SIGNATURE,
    FileEntry,
    content_digest,
    measure_file,
    plain_file_sizes,
    seal_manifest,
)
from common_utils.bundle.signing import Trust
from common_utils.errors import ArtifactError

__all__ = ["seal_folder"]

_SAME_SECOND_TRIES, _SAME_SECOND_PAUSE = 300, 0.1


def seal_folder(
    root: Path, folder: Path, info: Mapping[str, object], clock: Callable[[], datetime], trust: Trust
) -> Path:
    """Write the manifest, force everything to the disk and give the folder its final name.

    Parameters
    ----------
    root : Path
        Artifacts root.
    folder : Path
        In it; holds the contents, nothing else.
    info, clock, trust
        As `bundle.write_bundle` takes them.

    Returns
    -------
    Path
        The folder under its version.

    Raises
    ------
    ArtifactError
        If the folder holds a manifest, an array file claims more than it may, or `info` is too large.
    OSError
        If the disk refuses.
    """
    sizes = plain_file_sizes(folder)
    if taken := sorted({MANIFEST, SIGNATURE} & sizes.keys()):
        raise ArtifactError(f"{root}: `write` made a {taken[0]}, which is written here. Choose another name.")
    files = {name: measure_file(folder, name, size) for name, size in sorted(sizes.items())}
    check_array_files(folder, files)  # what would be refused later never gets a version
    digest = content_digest(files)
    for name in files:
        _finish(folder / name)
    for _ in range(_SAME_SECOND_TRIES):
        created = clock().astimezone(UTC)
        version = f"{created:%Y%m%dT%H%M%SZ}-{digest}"
        data = _manifest_bytes(version, created, files, info)
        _write_sealed(folder, {MANIFEST: data, SIGNATURE: trust.sign(data)})
        open_for_all(folder)
        try:
            folder.rename(root / version)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            time.sleep(_SAME_SECOND_PAUSE)  # the same content was written within this second: take the next one
            continue
        sync(root)
        return root / version
    raise ArtifactError(
        f"{root}: {digest} was written in this second and the clock stands still. Correct it, then run again."
    )


def _manifest_bytes(
    version: str, created: datetime, files: Mapping[str, FileEntry], info: Mapping[str, object]
) -> bytes:
    manifest = {
        "format": FORMAT,
        "version": version,
        "created": created.isoformat(timespec="seconds"),
        "files": {name: {"size": entry.size, "sha256": entry.sha256} for name, entry in files.items()},
        "info": dict(info),
    }
    data = seal_manifest(manifest)
    if len(data) > MAX_MANIFEST_BYTES:
        raise ArtifactError(
            f"{MANIFEST}: {len(data)} bytes, {MAX_MANIFEST_BYTES} allowed. Put large values of `info` in a file."
        )
    return data


def _write_sealed(folder: Path, contents: Mapping[str, bytes | None]) -> None:
    for name, data in contents.items():
        if data is not None:
            (folder / name).unlink(missing_ok=True)
            (folder / name).write_bytes(data)
            _finish(folder / name)
    sync(folder)


def _finish(path: Path) -> None:
    # Read-only: a slip through the fixed links must not change a published model. For all: services are another user.
    path.chmod(0o444)
    sync(path)
