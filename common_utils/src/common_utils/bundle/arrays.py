"""Array files of a bundle: what they claim is compared with limits and with their size before anything is unpacked.

A few hundred bytes of `.npz` can unpack to the whole memory, and a `.npy` header may claim any shape. Headers are
matched against the one form NumPy writes, never evaluated; objects, structures, encryption and links have no place.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from common_utils.bundle.manifest import open_plain, refusal
from common_utils.bundle.names import is_plain_name
from common_utils.errors import ArtifactError

__all__ = ["ARRAY_ENDINGS", "MAX_ARRAYS", "MAX_ARRAY_BYTES", "check_array_files", "check_arrays", "load_arrays"]

ARRAY_ENDINGS = (".npy", ".npz")
MAX_ARRAY_BYTES = 1 << 29
"""Bytes all arrays of one file may take unpacked: 512 MiB."""
MAX_ARRAYS = 1024

_MAX_DIRECTORY_BYTES = 1 << 18
_MAX_HEADER_BYTES = 1 << 12
_END_RECORD = struct.Struct("<4sHHHHIIH")
_HEADER = re.compile(
    rb"\{'descr': '[<|](?P<kind>[biufSU])(?P<width>[0-9]{1,6})', 'fortran_order': (?:False|True), "
    rb"'shape': \((?P<shape>(?:[0-9]{1,15}, ){0,31}(?:[0-9]{1,15},?)?)\), \} *\n"
)
# What zipfile raises on a file that is none, is damaged, or uses a method unknown to it.
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, struct.error)


def check_arrays(folder: Path, name: str, stream: IO[bytes]) -> None:
    """Compare what an array file claims with the limits and with itself; nothing is unpacked but headers.

    Parameters
    ----------
    folder : Path
        Of the bundle, for the message.
    name : str
        Of the file; ends in `.npy` or `.npz`.
    stream : binary file
        At its beginning, seekable.

    Raises
    ------
    ArtifactError
        If it is not such a file, or holds too many or too large arrays, arrays of objects, claims that do not fit the
        bytes there are, or names that are not plain.

    Examples
    --------
    >>> stream = io.BytesIO()
    >>> np.savez(stream, weights=np.zeros(3))
    >>> check_arrays(Path("bundle"), "scorer.npz", io.BytesIO(stream.getvalue()))
    """
    if name.endswith(".npy"):
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        _check_array(folder, name, stream, size)
        return
    _check_directory(folder, name, stream)
    try:
        with zipfile.ZipFile(stream) as archive:
            for member in _members(folder, name, archive):
                with archive.open(member) as inside:
                    _check_array(folder, f"{name}, {member.filename}", inside, member.file_size)
    except _ZIP_ERRORS as error:
        raise _unusable(folder, name, f"it is not a readable archive ({type(error).__name__})") from error


def check_array_files(folder: Path, names: Iterable[str]) -> None:
    """Do `check_arrays` for the array files among the files of a folder.

    Raises
    ------
    ArtifactError
        As `check_arrays`, naming the first file refused.
    """
    for name in names:
        if name.endswith(ARRAY_ENDINGS):
            with open_plain(folder, name) as stream:
                check_arrays(folder, name, stream)


def load_arrays(folder: Path, name: str, data: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a `.npz` file by name, after `check_arrays`.

    Parameters
    ----------
    folder : Path
        Of the bundle, for the message.
    name : str
        Of the file.
    data : bytes
        Its content, as `Bundle.read_bytes` returns it.

    Raises
    ------
    ArtifactError
        As `check_arrays`, and if the content fails its checksum.

    Examples
    --------
    >>> stream = io.BytesIO()
    >>> np.savez(stream, weights=np.arange(3))
    >>> load_arrays(Path("bundle"), "scorer.npz", stream.getvalue())["weights"].tolist()
    [0, 1, 2]
    """
    check_arrays(folder, name, io.BytesIO(data))
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}
    except _ZIP_ERRORS as error:
        raise _unusable(folder, name, f"its content is damaged ({type(error).__name__})") from error


def _check_directory(folder: Path, name: str, stream: IO[bytes]) -> None:
    # zipfile builds an object for each entry of the directory, so its size is looked at first.
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - _END_RECORD.size))
    record = stream.read(_END_RECORD.size)
    stream.seek(0)
    if len(record) < _END_RECORD.size or not record.startswith(b"PK\5\6"):
        raise _unusable(folder, name, "it does not end as an archive does")
    count, directory_bytes = _END_RECORD.unpack(record)[4:6]
    if count > MAX_ARRAYS or directory_bytes > _MAX_DIRECTORY_BYTES:
        raise _unusable(folder, name, f"it lists more than {MAX_ARRAYS} arrays")


def _members(folder: Path, name: str, archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    members = archive.infolist()
    if sum(member.file_size for member in members) > MAX_ARRAY_BYTES:
        raise _unusable(folder, name, f"it claims more than {MAX_ARRAY_BYTES} bytes of arrays")
    if len({member.filename for member in members}) < len(members):
        raise _unusable(folder, name, "an array is in it twice")
    for member in members:
        plain = is_plain_name(member.filename) and member.filename.endswith(".npy")
        known = member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        if not plain or not known or member.flag_bits & 1:
            raise _unusable(folder, name, f"{member.filename[:80]!a} is not a plain array")
        yield member


def _check_array(folder: Path, name: str, stream: IO[bytes], size: int) -> None:
    start = stream.read(8)
    width = {b"\x01\x00": 2, b"\x02\x00": 4}.get(start[6:], 0)  # of the length, by version of the format
    length = int.from_bytes(stream.read(width), "little") if start.startswith(b"\x93NUMPY") else 0
    header = _HEADER.fullmatch(stream.read(length)) if 0 < length <= _MAX_HEADER_BYTES else None
    if header is None:
        raise _unusable(folder, name, "its header is not that of a plain array")
    shape = [int(part) for part in header["shape"].split(b",") if part.strip()]
    item = int(header["width"]) * (4 if header["kind"] == b"U" else 1)
    claimed = math.prod(shape) * item
    if claimed > MAX_ARRAY_BYTES or max(shape, default=0) > MAX_ARRAY_BYTES:
        raise _unusable(folder, name, f"it claims more than {MAX_ARRAY_BYTES} bytes of arrays")
    if 8 + width + length + claimed != size:
        raise _unusable(folder, name, f"it claims {claimed} bytes of numbers and is {size} bytes long")


def _unusable(folder: Path, name: str, why: str) -> ArtifactError:
    return refusal(folder, f"{name} cannot be used: {why}")
