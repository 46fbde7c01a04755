"""Objects as bytes for another process of the same run; of a piece of a table only the piece travels."""

from __future__ import annotations

import io
import pickle
from typing import Any

import pyarrow as pa

__all__ = ["packed", "unpacked"]


def packed(value: object) -> memoryview:
    """Return an object as bytes, with every table in it as an Arrow stream.

    Examples
    --------
    >>> piece = pa.table({"minutes": range(1000)}).slice(2, 1)
    >>> unpacked(packed([piece]))[0].to_pylist(), len(packed(piece)) < 1000
    ([{'minutes': 2}], True)
    """
    file = io.BytesIO()
    _Packer(file, pickle.HIGHEST_PROTOCOL).dump(value)
    return file.getbuffer()


def unpacked(data: bytes | memoryview) -> Any:
    """Return the object of `packed`; only ever from a process that this run started, since these bytes can do all."""
    return pickle.loads(data)  # noqa: S301 - written by our own process


class _Packer(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:
        if not isinstance(obj, pa.Table):
            return NotImplemented
        size = pa.MockOutputStream()
        _write(obj, size)
        buffer = pa.allocate_buffer(size.size())  # as large as it will be: growing copies it again and again
        _write(obj, pa.FixedSizeBufferWriter(buffer))
        return _table, (pickle.PickleBuffer(buffer),)


def _write(table: Any, sink: Any) -> None:
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def _table(data: Any) -> Any:
    return pa.ipc.open_stream(data).read_all()
