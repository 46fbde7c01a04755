"""A model bundle: a folder written whole or not at all, never changed afterwards, verified before it is opened.

An artifacts root holds one folder per version, named `<UTC time>-<digest of the file hashes>`. `current` is a
relative symlink and the only pointer; `model.joblib` and `metrics.json` beside it are fixed links through it, so
publishing is one atomic replacement of one symlink. What a killed process leaves is a hidden folder, which the
next writer removes. Hashes catch damage and mix-ups; they do not prove who wrote a bundle.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import socket
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from common_utils.errors import ArtifactError
from common_utils.manifest import (
    FORMAT,
    MANIFEST,
    MAX_MANIFEST_BYTES,
    FileEntry,
    check_entry,
    content_digest,
    declared_files,
    encode_json,
    is_version,
    measure_file,
    open_plain,
    parse_json,
    plain_file_sizes,
    read_manifest,
    refusal,
    seal_manifest,
)
from common_utils.provenance import fingerprint_bytes, fingerprint_file, git_commit, library_versions

__all__ = [
    "Bundle",
    "FileEntry",
    "current_version",
    "fingerprint_bytes",
    "fingerprint_file",
    "git_commit",
    "library_versions",
    "open_bundle",
    "set_current",
    "write_bundle",
]

POINTER = "current"
FIXED_LINKS = ("model.joblib", "metrics.json")

_STALE_SECONDS = 24 * 3600
_SAME_SECOND_TRIES, _SAME_SECOND_PAUSE = 300, 0.1
_TEMPORARY = re.compile(r"\.tmp-(?P<host>[A-Za-z0-9_.-]+)~(?P<pid>[0-9]{1,10})~[0-9a-f]+")


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Bundle:
    """A verified bundle; made by `open_bundle` and `write_bundle`.

    Attributes
    ----------
    path : Path
        The folder of this version, with no symlink in it.
    version : str
        `<UTC time>-<digest>`, for example `20261123T120102Z-1a2b3c4d5e6f`.
    manifest : read-only mapping
        `manifest.json` as parsed: format, version, created, files, info, checksum.
    files : read-only mapping of str to FileEntry
        Every file but the manifest, by name.
    """

    path: Path
    version: str
    manifest: Mapping[str, Any]
    files: Mapping[str, FileEntry]

    @property
    def info(self) -> Mapping[str, Any]:
        """What the writer recorded: library versions, seed, fingerprints, row counts, as given."""
        return cast("Mapping[str, Any]", self.manifest["info"])

    def read_bytes(self, name: str) -> bytes:
        """Return a file's bytes, hashed after reading: what is parsed is what was verified.

        Raises
        ------
        ArtifactError
            If the bundle has no such file, or the file differs from the manifest by now.
        """
        entry = self.files.get(name)
        if entry is None:
            raise ArtifactError(
                f"{self.version}: no file {name!r}; it has {sorted(self.files)[:5]}. Choose another bundle."
            )
        with open_plain(self.path, name) as stream:
            data = stream.read(entry.size + 1)  # one more: a file that has grown is seen
        check_entry(self.path, name, entry, FileEntry(len(data), fingerprint_bytes(data)))
        return data

    def read_json(self, name: str) -> Any:
        """Return a JSON file's content; duplicate keys and NaN are refused.

        Raises
        ------
        ArtifactError
            As `read_bytes`, and if the file is not strict JSON.
        """
        return parse_json(self.path, name, self.read_bytes(name))


def write_bundle(
    root: Path,
    *,
    info: Mapping[str, object],
    write: Callable[[Path], None],
    clock: Callable[[], datetime] = _utc_now,
) -> Bundle:
    """Write a bundle whole or not at all, and return it verified; the pointer does not move.

    Parameters
    ----------
    root : Path
        Artifacts root, made if missing.
    info : mapping
        JSON values to record in the manifest. `cards.bundle_facts` reads `libraries`, `python`, `git_commit`,
        `seed`, `data_fingerprint`, `config_fingerprint` and `row_counts`.
    write : callable
        Fills the folder it is given with plain files, no subfolders. Whatever it raises leaves nothing behind.
    clock : callable
        Says the time of writing (aware, any zone).

    Returns
    -------
    Bundle
        The new version. Equal file contents give an equal digest, at whatever time they are written.

    Raises
    ------
    ArtifactError
        If `info` is not JSON, `write` leaves something else than plain files, or the disk refuses.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bundle = write_bundle(Path(folder), info={"seed": 42}, write=lambda f: f.joinpath("a").touch())
    ...     sorted(bundle.files), bundle.info["seed"], current_version(Path(folder))
    (['a'], 42, None)
    """
    encode_json(info, "info")  # before the costly part
    try:
        root.mkdir(parents=True, exist_ok=True)
        _remove_stale(root)
        temporary = _temporary_path(root)
        temporary.mkdir()
        try:
            write(temporary)
            folder = _seal(root, temporary, info, clock)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)  # already gone when it was renamed
    except OSError as error:
        raise ArtifactError(
            f"{root}: the bundle could not be written ({error.strerror or error}); nothing was published and the "
            "current one is untouched. Free space or correct the permissions, then run again."
        ) from error
    return open_bundle(folder)


def set_current(root: Path, version: str) -> None:
    """Make a version the current one: one atomic pointer change, only onto a bundle that verifies.

    Raises
    ------
    ArtifactError
        If the version is malformed, missing or altered, or something of the caller's stands where a link belongs.
    """
    if not is_version(version):
        raise ArtifactError(
            f"{root}: {version!r} is not a version such as '20261123T120102Z-1a2b3c4d5e6f'. "
            "Choose a folder of the artifacts root."
        )
    _open_folder(root / version, version)
    links = {name: f"{POINTER}/{name}" for name in FIXED_LINKS}
    for name in (*links, POINTER):
        if os.path.lexists(root / name) and not (root / name).is_symlink():
            raise ArtifactError(
                f"{root / name}: stands where a link belongs and was not made here. Move it away, then run again."
            )
    links[POINTER] = version  # last: this replacement is the publication
    try:
        for name, target in links.items():
            _replace_link(root, name, target)
        _sync(root)
    except OSError as error:
        raise ArtifactError(
            f"{root}: the pointer could not be changed ({error.strerror or error}). "
            "Correct the permissions or free space, then run again."
        ) from error


def current_version(root: Path) -> str | None:
    """Return the version `current` names, or None where nothing was published yet.

    Raises
    ------
    ArtifactError
        If `current` is not a link to a version beside it.
    """
    pointer = root / POINTER
    if not os.path.lexists(pointer):
        return None
    target = str(pointer.readlink()) if pointer.is_symlink() else ""
    if not is_version(target):
        raise ArtifactError(
            f"{pointer}: is not a link to a version beside it. Remove it and publish a bundle of this root again."
        )
    return target


def open_bundle(path: Path) -> Bundle:
    """Verify a bundle, then return it; nothing but the manifest is parsed.

    Parameters
    ----------
    path : Path
        An artifacts root, whose `current` is followed once, or the folder of a bundle (under any name: a copy is
        as good as the original).

    Raises
    ------
    ArtifactError
        If there is no bundle, or a file is missing, extra, not plain, of another size or of another hash.
    """
    if os.path.lexists(path / MANIFEST):
        return _open_folder(path.resolve(), None)
    version = current_version(path)
    if version is None:
        raise ArtifactError(f"{path}: holds no bundle and no current one. Train first, or choose another bundle.")
    return _open_folder(path.resolve() / version, version)


def _open_folder(folder: Path, version: str | None) -> Bundle:
    """Verify a folder from the outside in: what costs nothing first, hashes last."""
    try:
        if folder.is_symlink():
            raise refusal(folder, "the folder is a link")
        sizes = plain_file_sizes(folder)
        if sizes.pop(MANIFEST, MAX_MANIFEST_BYTES + 1) > MAX_MANIFEST_BYTES:
            raise refusal(folder, f"{MANIFEST} is missing or larger than {MAX_MANIFEST_BYTES} bytes")
        with open_plain(folder, MANIFEST) as stream:
            manifest = read_manifest(folder, stream.read(MAX_MANIFEST_BYTES))
        files = declared_files(folder, manifest)
        if version not in (None, manifest["version"]):
            raise refusal(folder, f"{MANIFEST} is that of {manifest['version']}")
        if difference := sorted(sizes.keys() ^ files.keys()):
            raise refusal(folder, f"missing or extra file(s) {difference[:5]}")
        for name, entry in files.items():
            check_entry(folder, name, entry, FileEntry(sizes[name], entry.sha256))
        for name, entry in files.items():
            check_entry(folder, name, entry, measure_file(folder, name, entry.size))
    except OSError as error:
        raise refusal(folder, f"cannot be read ({error.strerror or error})") from error
    return Bundle(folder, manifest["version"], MappingProxyType(manifest), MappingProxyType(files))


def _seal(root: Path, folder: Path, info: Mapping[str, object], clock: Callable[[], datetime]) -> Path:
    """Write the manifest, force everything to the disk and give the folder its final name."""
    sizes = plain_file_sizes(folder)
    if MANIFEST in sizes:
        raise ArtifactError(f"{root}: `write` made a {MANIFEST}, which is written here. Choose another name.")
    files = {name: measure_file(folder, name, size) for name, size in sorted(sizes.items())}
    digest = content_digest(files)
    for name in files:
        _finish(folder / name)
    for _ in range(_SAME_SECOND_TRIES):
        created = clock().astimezone(UTC)
        version = f"{created:%Y%m%dT%H%M%SZ}-{digest}"
        _write_manifest(folder, version, created, files, info)
        try:
            folder.rename(root / version)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            time.sleep(_SAME_SECOND_PAUSE)  # the same content was written within this second: take the next one
            continue
        _sync(root)
        return root / version
    raise ArtifactError(
        f"{root}: {digest} was written in this second and the clock stands still. Correct it, then run again."
    )


def _write_manifest(
    folder: Path, version: str, created: datetime, files: Mapping[str, FileEntry], info: Mapping[str, object]
) -> None:
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
    (folder / MANIFEST).unlink(missing_ok=True)
    (folder / MANIFEST).write_bytes(data)
    _finish(folder / MANIFEST)
    _sync(folder)


def _finish(path: Path) -> None:
    # Read-only: a slip through the fixed links must not change a published model.
    path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)
    _sync(path)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _replace_link(root: Path, name: str, target: str) -> None:
    temporary = _temporary_path(root)
    temporary.symlink_to(target)
    try:
        temporary.replace(root / name)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary_path(root: Path) -> Path:
    return root / f".tmp-{_host()}~{os.getpid()}~{secrets.token_hex(6)}"


def _host() -> str:
    # A process id says nothing on another machine or in another container, so the name says where it counts.
    return re.sub(r"[^A-Za-z0-9_.-]", "_", socket.gethostname()) or "unknown"


def _remove_stale(root: Path) -> None:
    """Remove what dead writers left: their process is gone, or nobody touched it for a day."""
    host = _host()
    for path in root.glob(".tmp-*"):
        match = _TEMPORARY.fullmatch(path.name)
        if match is None:
            continue
        try:
            old = time.time() - path.lstat().st_mtime > _STALE_SECONDS
            if not old and (match["host"] != host or _is_running(int(match["pid"]))):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError:
            continue  # another writer was quicker, or it is another user's: no reason to stop this one


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
