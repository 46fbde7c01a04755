"""Which of many values occur more than once, in bounded memory: hashes or rows kept on the disk, looked at in parts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from numpy.typing import NDArray

from common_utils.array_types import IntArray
from common_utils.tables.checks import repeated_rows

__all__ = ["HashStore", "KeptFrames"]

_PARTS_BITS = 6
_ROW = "number of the row"  # no column of a schema


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


class KeptFrames:
    """Rows of tables, kept in files by the first bits of a hash of their key, so that those of a key are together.

    Used as a context: the files are gone at its end.

    Examples
    --------
    >>> schema = pandera.DataFrameSchema({"id": pandera.Column(str, unique=True)})
    >>> with KeptFrames() as frames:
    ...     for row in (1, 5):
    ...         frames.add(pd.DataFrame({"id": ["a"]}), np.array([row]), np.array([7], dtype=np.uint64))
    ...     frames.repeated(schema)
    {'duplicate row': array([5])}
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self._writers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._folder = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, frame: pd.DataFrame, rows: NDArray[np.int64], hashes: NDArray[np.uint64]) -> None:
        """Take rows, their numbers in the file, and the hash of the key of each; all frames have the same columns."""
        table = pa.Table.from_pandas(frame, preserve_index=False).append_column(_ROW, pa.array(rows))
        parts = (hashes >> np.uint64(64 - _PARTS_BITS)).astype(np.int64)
        for part in np.unique(parts).tolist():
            if part not in self._writers:
                path = str(self._folder / str(part))
                self._writers[part] = self._open.enter_context(pa.ipc.new_stream(path, table.schema))
            self._writers[part].write_table(table.filter(pa.array(parts == part)))

    def repeated(self, schema: pandera.DataFrameSchema) -> dict[str, NDArray[np.int64]]:
        """Return the numbers of the rows that repeat another, or contradict one, as `checks.repeated_rows`."""
        found: dict[str, list[NDArray[np.int64]]] = {}
        for part, writer in self._writers.items():
            writer.close()
            with pa.ipc.open_stream(str(self._folder / str(part))) as stream:
                table = stream.read_all()
            rows = table[_ROW].to_numpy()
            for reason, places in repeated_rows(table.drop_columns([_ROW]).to_pandas(), schema).items():
                found.setdefault(reason, []).append(rows[places])
        return {reason: np.sort(np.concatenate(rows)) for reason, rows in found.items()}
