"""Open a Parquet file, or say in words why it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from common_utils.errors import DataError
from common_utils.tables.encodings import readable_table
from common_utils.tables.parquet_folder import NO_GAPS, Gaps, ParquetFolder, check_names

__all__ = ["gaps_of", "no_parquet", "open_parquet", "read_parquet"]


def open_parquet(path: Path, *, name: str) -> Any:
    """Return a Parquet file opened for reading, nothing of it read but its end.

    Parameters
    ----------
    path : Path
        A file, or a folder of parts.
    name : str
        What messages call the table.

    Returns
    -------
    pyarrow.parquet.ParquetFile or ParquetFolder

    Raises
    ------
    DataError
        If it is missing or no Parquet file, has no row, or a column name twice.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "usage.parquet"
    >>> pq.write_table(pa.table({"minutes": [1.0, 2.0]}), path)
    >>> open_parquet(path, name="usage").metadata.num_rows
    2
    """
    if path.is_dir():
        return _checked(ParquetFolder(path, name=name), path, name)
    try:
        # Fetched ahead, every part of a file that was read would stay in memory until its end.
        file = pq.ParquetFile(path, pre_buffer=False)
    except (OSError, pa.ArrowException) as error:
        raise DataError(no_parquet(path, name)) from error
    return _checked(file, path, name)


def _checked(file: Any, path: Path, name: str) -> Any:
    if not file.metadata.num_rows:
        raise DataError(f"{name} ({path.name}): no data rows.")
    check_names(file.schema_arrow.names, where=f"{name} ({path.name})")
    return file


def gaps_of(file: Any) -> Gaps:
    """Return what the parts of an opened Parquet folder do not have in common; a single file has no gaps."""
    return file.gaps if isinstance(file, ParquetFolder) else NO_GAPS


def read_parquet(path: Path, *, name: str) -> tuple[Any, Gaps]:
    """Return the whole of a Parquet file; bytes that are not UTF-8 in its texts read `encodings.LOST`.

    Parameters
    ----------
    path, name
        As `open_parquet`.

    Returns
    -------
    tuple of pyarrow.Table and Gaps
        The rows, and what the parts of a folder do not have in common.

    Raises
    ------
    DataError
        As `open_parquet`, or if it is cut short or damaged.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "usage.parquet"
    >>> pq.write_table(pa.table({"minutes": [1.0, 2.0]}), path)
    >>> read_parquet(path, name="usage")[0].num_rows
    2
    """
    file = open_parquet(path, name=name)
    try:
        return readable_table(file.read().combine_chunks()), gaps_of(file)
    except (OSError, pa.ArrowException) as error:
        raise DataError(no_parquet(path, name)) from error


def no_parquet(path: Path, name: str) -> str:
    """Return what is said of a file that is missing or damaged.

    Examples
    --------
    >>> no_parquet(Path("calls.parquet"), "calls")
    'calls (calls.parquet): calls.parquet is missing, cut short or no Parquet file. Export it again.'
    """
    return f"{name} ({path.name}): {path} is missing, cut short or no Parquet file. Export it again."
