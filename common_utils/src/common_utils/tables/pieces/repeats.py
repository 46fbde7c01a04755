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

__all__ = ["HashStore"]

_PARTS_BITS = 6


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

    def __enter__(self) -> Self:
        folder = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
        self._paths = [folder / str(part) for part in range(1 << _PARTS_BITS)]
        self._files = [self._open.enter_context(path.open("wb")) for path in self._paths]
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """Take the hashes of some rows."""
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
