"""Which of many values occur more than once, in bounded memory: hashes kept on the disk, and sorted part by part."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import IntArray

__all__ = ["HashStore", "mixed"]

_PARTS_BITS = 6
_ODD = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio, as in splitmix64
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mixed(*columns: NDArray[np.generic]) -> NDArray[np.uint64]:
    """Return a hash of each row, by splitmix64 over its columns.

    Parameters
    ----------
    columns : arrays of shape (n,)
        Of 8 bytes a value, at least one.

    Examples
    --------
    >>> one, other = mixed(np.array([1, 1]), np.array([2.0, 3.0]))
    >>> one != other, mixed(np.array([1]), np.array([2.0]))[0] == one
    (np.True_, np.True_)
    """
    state = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        state ^= column.view(np.uint64)
        state += _ODD
        state ^= state >> np.uint64(30)
        state *= _FIRST
        state ^= state >> np.uint64(27)
        state *= _SECOND
        state ^= state >> np.uint64(31)
    return state


class HashStore:
    """Hashes of rows, kept in 64 files by their first bits and looked at file by file.

    Used as a context: the files are gone at its end.

    Examples
    --------
    >>> with HashStore() as store:
    ...     store.add(np.array([7, 8, 7], dtype=np.uint64))
    ...     [(found.tolist(), times.tolist()) for found, times in store.counted() if (times > 1).any()]
    [([7, 8], [2, 1])]
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self.rows = 0

    def __enter__(self) -> Self:
        folder = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
        self._paths = [folder / str(part) for part in range(1 << _PARTS_BITS)]
        self._files = [self._open.enter_context(path.open("wb")) for path in self._paths]
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """Take the hashes of some rows."""
        self.rows += len(hashes)
        part = (hashes >> np.uint64(64 - _PARTS_BITS)).astype(np.uint8)
        ordered = hashes[np.argsort(part, kind="stable")]
        ends = np.cumsum(np.bincount(part, minlength=1 << _PARTS_BITS))
        for file, start, end in zip(self._files, [0, *ends[:-1].tolist()], ends.tolist(), strict=True):
            file.write(ordered[start:end].tobytes())

    def counted(self) -> Iterator[tuple[NDArray[np.uint64], IntArray]]:
        """Yield different hashes, and how often each was taken, part by part."""
        for file, path in zip(self._files, self._paths, strict=True):
            file.flush()
            hashes = np.fromfile(path, dtype=np.uint64)
            hashes.sort()
            starts = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1])) if len(hashes) else np.array([], int)
            yield hashes[starts], np.diff(np.append(starts, len(hashes))).astype(np.int64)
