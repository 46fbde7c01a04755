"""The two files of a compiled model: plain arrays in `scorer.npz`, their meaning in `scorer.json`; no pickle."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from common_utils.errors import ArtifactError

__all__ = ["ARRAYS_FILE", "META_FILE", "ArrayStore", "read_arrays", "read_meta", "written_arrays", "written_meta"]

ARRAYS_FILE = "scorer.npz"
META_FILE = "scorer.json"

_KINDS = "biuf"


class ArrayStore:
    """Arrays by number, so that a description can point at them.

    Parameters
    ----------
    arrays : mapping of str to array, optional
        Arrays that are there already.

    Examples
    --------
    >>> store = ArrayStore()
    >>> key = store.put(np.array([1.0, 2.0]))
    >>> key, store.get(key, "f", 1).tolist()
    ('a0', [1.0, 2.0])
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        self.arrays: dict[str, NDArray[Any]] = dict(arrays or {})

    def put(self, array: NDArray[Any]) -> str:
        """Keep an array and return its key."""
        key = f"a{len(self.arrays)}"
        self.arrays[key] = array
        return key

    def get(self, key: object, kind: str, ndim: int) -> NDArray[Any]:
        """Return an array of that dtype kind and number of dimensions.

        Raises
        ------
        ArtifactError
            If there is no such array.
        """
        array = self.arrays.get(str(key))
        if array is None or array.dtype.kind != kind or array.ndim != ndim:
            raise ArtifactError(f"scorer: array {key!r} is missing or of another type; train and compile it again.")
        return array


def written_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return the bytes of `scorer.npz`; equal arrays give equal bytes."""
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **cast("dict[str, Any]", dict(arrays)))
    return stream.getvalue()


def read_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of `scorer.npz`.

    Raises
    ------
    ArtifactError
        If it is not such a file, a member is compressed (it could unfold to any size) or holds anything but numbers.

    Examples
    --------
    >>> read_arrays(written_arrays({"a0": np.array([1, 2])}))
    {'a0': array([1, 2])}
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                raise ArtifactError(f"scorer: {ARRAYS_FILE} is compressed; write it with `CompiledModel.save`.")
        with np.load(io.BytesIO(data), allow_pickle=False) as opened:
            arrays = {name: np.asarray(opened[name]) for name in opened.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ArtifactError(f"scorer: {ARRAYS_FILE} cannot be read ({type(error).__name__}); train again.") from error
    if strange := [name for name, array in arrays.items() if array.dtype.kind not in _KINDS]:
        raise ArtifactError(f"scorer: {ARRAYS_FILE} holds no numbers in {strange[:5]}; train and compile it again.")
    return arrays


def written_meta(meta: Mapping[str, object]) -> bytes:
    """Return the bytes of `scorer.json`."""
    return (json.dumps(meta, indent=1, allow_nan=False) + "\n").encode()


def read_meta(data: bytes) -> dict[str, Any]:
    """Return the content of `scorer.json`.

    Raises
    ------
    ArtifactError
        If it is not a JSON object.

    Examples
    --------
    >>> read_meta(b'{"format": 1}')
    {'format': 1}
    """
    try:
        meta = json.loads(data)
    except ValueError as error:
        raise ArtifactError(f"scorer: {META_FILE} is not JSON; train and compile it again.") from error
    if not isinstance(meta, dict):
        raise ArtifactError(f"scorer: {META_FILE} holds no object; train and compile it again.")
    return cast("dict[str, Any]", meta)
