"""A model bundle: a folder written whole or not at all, never changed afterwards, verified before it is opened.

An artifacts root holds one folder per version, named `<UTC time>-<digest of the file hashes>`. `current` is a
relative symlink and the only pointer; `model.joblib` and `metrics.json` beside it are fixed links through it, so
publishing is one atomic replacement of one symlink. What a killed process leaves is a hidden folder, which the
next writer removes. Hashes catch damage and mix-ups; who wrote a bundle is what `manifest.sig` proves (`signing`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from numpy.typing import NDArray

from common_utils.bundle.arrays import check_array_files, load_arrays
from common_utils.bundle.durable import (
    make_folder,
    remove_stale,
    temporary_path,
)
from common_utils.bundle.manifest import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    MAX_SIGNATURE_BYTES,
    SIGNATURE,
    FileEntry,
    check_entry,
    declared_files,
    encode_json,
    is_version,
    measure_file,
    open_plain,
    parse_json,
    plain_file_sizes,
    read_manifest,
    refusal,
)
from common_utils.bundle.pointer import current_version, move_pointer
from common_utils.bundle.provenance import fingerprint_bytes
from common_utils.bundle.seal import seal_folder
from common_utils.bundle.signing import INTEGRITY_ONLY, Trust
from common_utils.errors import ArtifactError, PortfolioError

__all__ = [
    "Bundle",
    "open_bundle",
    "set_current",
    "write_bundle",
]


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
        Every file but the manifest and its signature, by name.
    signed_by : str or None
        Id of the key that signed it; None where none was asked for and none of ours did.
    """

    path: Path
    version: str
    manifest: Mapping[str, Any]
    files: Mapping[str, FileEntry]
    signed_by: str | None = None

    @property
    def info(self) -> Mapping[str, Any]:
        """What the writer recorded: library versions, seed, fingerprints, row counts, as given."""
        return cast("Mapping[str, Any]", self.manifest["info"])

    @property
    def snapshot(self) -> str:
        """Digest of the data it was trained on; empty where the writer named none."""
        named = self.info.get("snapshot")
        return named if isinstance(named, str) else ""

    @contextmanager
    def fitting(self, name: str) -> Generator[None]:
        r"""Say of a verified file that cannot be made into what this code expects that an older version wrote it.

        Parameters
        ----------
        name : str
            The file.

        Raises
        ------
        ArtifactError
            In place of any of our errors raised inside, with its words.

        Examples
        --------
        >>> import tempfile
        >>> bundle = write_bundle(Path(tempfile.mkdtemp()), info={}, write=lambda f: f.joinpath("a").touch())
        >>> try:
        ...     with bundle.fitting("config.yaml"):
        ...         raise ArtifactError("rounds: unknown setting.")
        ... except ArtifactError as error:
        ...     str(error).partition("its ")[2]
        'config.yaml does not fit this one: rounds: unknown setting.\nTrain again, or choose another bundle.'
        """
        try:
            yield
        except PortfolioError as error:
            commit = self.info.get("git_commit")
            what = str(error).removeprefix(f"bundle {self.version}: ").removeprefix(f"{name}: ")
            what = what.removesuffix("; train again.").removesuffix(" Correct it and try again.")
            written = f"written {str(self.manifest['created'])[:10]}" + (f", commit {commit[:8]}" if commit else "")
            raise ArtifactError(
                f"bundle {self.version} is from an older version of the code ({written}), and its {name} does not fit "
                f"this one: {what}\nTrain again, or choose another bundle."
            ) from error

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
                f"{self.version}: no file {name[:80]!a}; it has {sorted(self.files)[:5]}. If an older version wrote "
                "it, train again; else choose another bundle."
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

    def read_arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """Return the arrays of a `.npz` file by name; sizes are checked before anything is unpacked.

        Raises
        ------
        ArtifactError
            As `read_bytes` and `arrays.load_arrays`.
        """
        return load_arrays(self.path, name, self.read_bytes(name))


def write_bundle(
    root: Path,
    *,
    info: Mapping[str, object],
    write: Callable[[Path], None],
    clock: Callable[[], datetime] = _utc_now,
    trust: Trust = INTEGRITY_ONLY,
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
    trust : Trust
        Its first key signs; without a key the bundle is not signed.

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
        make_folder(root)
        remove_stale(root)
        temporary = temporary_path(root)
        temporary.mkdir()
        try:
            write(temporary)
            folder = seal_folder(root, temporary, info, clock, trust)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)  # already gone when it was renamed
    except OSError as error:
        raise ArtifactError(
            f"{root}: the bundle could not be written ({error.strerror or error}); nothing was published and the "
            "current one is untouched. Free space or correct the permissions, then run again."
        ) from error
    return open_bundle(folder, trust=trust)


def set_current(root: Path, version: str, *, trust: Trust = INTEGRITY_ONLY) -> None:
    """Make a version the current one: one atomic pointer change, only onto a bundle that verifies.

    Nothing is recorded; `releases.promote` does that and calls this.

    Parameters
    ----------
    root : Path
        Artifacts root.
    version : str
        Name of a bundle in it.
    trust : Trust
        As in `open_bundle`.

    Raises
    ------
    ArtifactError
        If the version is malformed, missing or altered, or something of the caller's stands where a link belongs.
    """
    if not is_version(version):
        raise ArtifactError(
            f"{root}: {version[:80]!a} is not a version such as '20261123T120102Z-1a2b3c4d5e6f'. "
            "Choose a folder of the artifacts root."
        )
    _open_folder(root / version, version, trust)
    move_pointer(root, version)


def open_bundle(path: Path, *, trust: Trust = INTEGRITY_ONLY) -> Bundle:
    """Verify a bundle, then return it; nothing but the manifest is parsed.

    In this order: kinds, number and sizes of files; the signature; the manifest; sizes and hashes it lists; what array
    files claim. The first that does not hold ends it.

    Parameters
    ----------
    path : Path
        An artifacts root, whose `current` is followed once, or the folder of a bundle (under any name: a copy is
        as good as the original).
    trust : Trust
        Whose signatures count and whether one is needed. What a service opens, and what is unpickled, should come
        with the configured one; the default checks hashes only.

    Raises
    ------
    ArtifactError
        If there is no bundle, a file is missing, extra, not plain, of another size or of another hash, the signature
        is refused, or an array file claims more than it may.
    """
    if os.path.lexists(path / MANIFEST):
        return _open_folder(path.resolve(), None, trust)
    version = current_version(path)
    if version is None:
        raise ArtifactError(f"{path}: holds no bundle and no current one. Train first, or choose another bundle.")
    return _open_folder(path.resolve() / version, version, trust)


def _open_folder(folder: Path, version: str | None, trust: Trust) -> Bundle:
    """Verify a folder from the outside in: what costs nothing first, hashes last."""
    try:
        if folder.is_symlink():
            raise refusal(folder, "the folder is a link")
        sizes = plain_file_sizes(folder)
        data = _read_limited(folder, MANIFEST, sizes, MAX_MANIFEST_BYTES)
        if data is None:
            raise refusal(folder, f"{MANIFEST} is missing")
        signed_by = trust.signer(folder, data, _read_limited(folder, SIGNATURE, sizes, MAX_SIGNATURE_BYTES))
        manifest = read_manifest(folder, data)
        files = declared_files(folder, manifest)
        if version not in (None, manifest["version"]):
            raise refusal(folder, f"{MANIFEST} is that of {manifest['version']}")
        if difference := sorted(sizes.keys() ^ files.keys()):
            what = f"missing or extra file(s) {difference[:5]}"
            if files.keys() <= sizes.keys():  # nothing is lost: a file manager's or a synchroniser's notes, for example
                what += "; remove what is extra if it is a stray file"
            raise refusal(folder, what)
        for name, entry in files.items():
            check_entry(folder, name, entry, FileEntry(sizes[name], entry.sha256))
        for name, entry in files.items():
            check_entry(folder, name, entry, measure_file(folder, name, entry.size))
        check_array_files(folder, files)
    except OSError as error:
        raise refusal(folder, f"cannot be read ({error.strerror or error})") from error
    return Bundle(folder, manifest["version"], MappingProxyType(manifest), MappingProxyType(files), signed_by)


def _read_limited(folder: Path, name: str, sizes: dict[str, int], limit: int) -> bytes | None:
    """Take a file out of the list and return its bytes, None if it is not there."""
    size = sizes.pop(name, None)
    if size is None:
        return None
    if size > limit:
        raise refusal(folder, f"{name} is larger than {limit} bytes")
    with open_plain(folder, name) as stream:
        return stream.read(limit)
