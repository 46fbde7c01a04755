"""What a bundle's manifest may say, and how files are compared with it: size first, then hash, then parsing.

Everything here treats a folder as hostile or damaged: limits and name rules hold before a byte is parsed, links and
pipes are refused, and no value of the manifest is used as a path before it was checked.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from common_utils.bundle.names import is_plain_name
from common_utils.bundle.provenance import fingerprint_bytes
from common_utils.errors import ArtifactError

__all__ = [
    "FORMAT",
    "MANIFEST",
    "MAX_MANIFEST_BYTES",
    "MAX_SIGNATURE_BYTES",
    "SIGNATURE",
    "FileEntry",
    "check_entry",
    "content_digest",
    "declared_files",
    "encode_json",
    "is_version",
    "measure_file",
    "open_plain",
    "parse_json",
    "plain_file_sizes",
    "read_manifest",
    "refusal",
    "seal_manifest",
]

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
FORMAT = 1
MAX_MANIFEST_BYTES = 1 << 20
MAX_SIGNATURE_BYTES = 256
MAX_BUNDLE_BYTES = 4 << 30
MAX_FILES = 256

_VERSION = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{12}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEYS = {"format", "version", "created", "files", "info", "checksum"}


@dataclass(frozen=True)
class FileEntry:
    """What is known of one file.

    Attributes
    ----------
    size : int
        Bytes, >= 0.
    sha256 : str
        64 lower-case hexadecimal digits.
    """

    size: int
    sha256: str


def refusal(folder: Path, what: str) -> ArtifactError:
    """Return the error that says what is wrong with a bundle and what to do."""
    return ArtifactError(f"bundle {folder.name}: {what}. Train again, or choose another bundle.")


def is_version(text: str) -> bool:
    """Tell whether a text has the form of a version, so that it is safe as a folder's name.

    Examples
    --------
    >>> is_version("20261123T120102Z-1a2b3c4d5e6f"), is_version("../elsewhere")
    (True, False)
    """
    return is_plain_name(text) and _VERSION.fullmatch(text) is not None


def content_digest(files: Mapping[str, FileEntry]) -> str:
    """Return 12 hexadecimal digits over names and hashes: equal contents, equal digest.

    Examples
    --------
    >>> content_digest({})
    'e3b0c44298fc'
    """
    lines = "".join(f"{files[name].sha256}  {name}\n" for name in sorted(files))
    return fingerprint_bytes(lines.encode())[:12]


def plain_file_sizes(folder: Path) -> dict[str, int]:
    """Return the size in bytes of each file of a folder, the manifest included.

    Raises
    ------
    ArtifactError
        If anything in it is not a plain file with a plain name, or there is too much of it.
    """
    sizes: dict[str, int] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_file(follow_symlinks=False) or not is_plain_name(entry.name):
                raise refusal(
                    folder,
                    f"{entry.name[:80]!r} is not a plain file with a plain name; remove it if it is a stray file",
                )
            sizes[entry.name] = entry.stat(follow_symlinks=False).st_size
            if len(sizes) > MAX_FILES or sum(sizes.values()) > MAX_BUNDLE_BYTES:
                raise refusal(folder, f"it holds more than {MAX_FILES} files or {MAX_BUNDLE_BYTES} bytes")
    return sizes


@contextmanager
def open_plain(folder: Path, name: str) -> Generator[IO[bytes]]:
    """Open a plain file for reading; a link or a pipe in its place is refused, not followed or awaited.

    Raises
    ------
    ArtifactError
        If it is missing or anything else than a plain file.
    """
    try:
        number = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise refusal(folder, f"{name} cannot be opened ({error.strerror})") from error
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise refusal(folder, f"{name} is not a plain file")
    with os.fdopen(number, "rb") as stream:
        yield stream


def measure_file(folder: Path, name: str, limit: int) -> FileEntry:
    """Return size and hash of a file, reading at most one byte past `limit`.

    Raises
    ------
    ArtifactError
        As `open_plain`.
    """
    digest, size = hashlib.sha256(), 0
    with open_plain(folder, name) as stream:
        while piece := stream.read(min(1 << 20, limit + 1 - size)):
            digest.update(piece)
            size += len(piece)
    return FileEntry(size, digest.hexdigest())


def check_entry(folder: Path, name: str, expected: FileEntry, found: FileEntry) -> None:
    """Compare what was found with what the manifest says.

    Raises
    ------
    ArtifactError
        If the size or the hash differs; it names the file.
    """
    if found.size != expected.size:
        count = f"more than {expected.size}" if found.size > expected.size else f"only {found.size}"
        raise refusal(folder, f"{name} has {count} bytes, {MANIFEST} says {expected.size}")
    if found.sha256 != expected.sha256:
        raise refusal(folder, f"{name} has another sha256 than {MANIFEST} says: it was altered or damaged")


def seal_manifest(fields: Mapping[str, object]) -> bytes:
    r"""Return the only bytes that say this: sorted JSON with the sha256 of all other fields as `checksum`.

    Raises
    ------
    ArtifactError
        As `encode_json`.

    Examples
    --------
    >>> seal_manifest({"format": 1})[:27]
    b'{\n "checksum": "01b14c2998f'
    """
    plain = parse_json(Path(MANIFEST), MANIFEST, encode_json(fields, MANIFEST))  # a number as a key becomes text
    return encode_json({**plain, "checksum": fingerprint_bytes(encode_json(plain, MANIFEST))}, MANIFEST)


def read_manifest(folder: Path, data: bytes) -> dict[str, Any]:
    """Return a manifest from its bytes, after checking that not a single one was changed.

    Raises
    ------
    ArtifactError
        If it is not a strict JSON object, or the checksum in it is not that of its fields.
    """
    manifest = parse_json(folder, MANIFEST, data)
    fields = {key: manifest[key] for key in manifest if key != "checksum"} if isinstance(manifest, dict) else {}
    if seal_manifest(fields) != data:
        raise refusal(folder, f"{MANIFEST} does not fit its checksum: it was altered or damaged")
    return manifest


def declared_files(folder: Path, manifest: Mapping[str, Any]) -> dict[str, FileEntry]:
    """Check the shape of a parsed manifest and return the files it lists.

    Raises
    ------
    ArtifactError
        If a field is missing, unknown or of the wrong type, a file name could leave the folder, or the version does
        not end in the digest of the files.
    """
    if set(manifest) != _KEYS or manifest["format"] != FORMAT:
        raise refusal(folder, f"{MANIFEST} is not of format {FORMAT}")
    texts, tables = (manifest["version"], manifest["created"]), (manifest["files"], manifest["info"])
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(table, dict) for table in tables):
        raise refusal(folder, f"{MANIFEST} has a field of the wrong type")
    files: dict[str, FileEntry] = {}
    for name, fields in manifest["files"].items():
        if not is_plain_name(name) or name in (MANIFEST, SIGNATURE):
            raise refusal(folder, f"{MANIFEST} lists {name[:80]!r}, which cannot be a file of a bundle")
        files[name] = _entry(folder, name, fields)
    version = manifest["version"]
    if not is_version(version) or not version.endswith(content_digest(files)):
        raise refusal(folder, f"{MANIFEST} calls itself {version[:80]!r}, which does not fit the files it lists")
    return files


def _entry(folder: Path, name: str, fields: Any) -> FileEntry:
    fields = fields if isinstance(fields, dict) else {}
    size, sha256 = fields.get("size"), fields.get("sha256")
    # type(), not isinstance(): True is an int, too
    if type(size) is not int or size < 0 or not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise refusal(folder, f"{MANIFEST} has no valid size and sha256 for {name!r}")
    return FileEntry(size, sha256)


def parse_json(folder: Path, name: str, data: bytes) -> Any:
    """Return the value of strict JSON in UTF-8.

    Raises
    ------
    ArtifactError
        If it is malformed or nested too deeply, a key is given twice, or a number is NaN or infinite.

    Examples
    --------
    >>> parse_json(Path("bundle"), "metrics.json", b'{"accuracy": 0.5}')
    {'accuracy': 0.5}
    """
    try:
        text = data.decode("utf-8")
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise refusal(folder, f"{name} is not strict JSON ({error})") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):  # 1e400 reads as infinite, too
        raise ValueError(f"{text[:20]} is not a finite number")
    return value


def encode_json(value: Mapping[str, object], what: str) -> bytes:
    r"""Return strict JSON, keys sorted: equal values, equal bytes.

    Raises
    ------
    ArtifactError
        If the value holds NaN or something JSON has no form for.

    Examples
    --------
    >>> encode_json({"seed": 42}, "info")
    b'{\n "seed": 42\n}\n'
    """
    try:
        return (json.dumps(dict(value), indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ArtifactError(f"{what}: cannot be written as JSON ({error}). Give plain JSON values.") from error
