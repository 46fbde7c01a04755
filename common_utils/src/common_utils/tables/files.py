"""What a file is, by what is in it and not by its name; a table comes as CSV, Parquet, .csv.gz or .xlsx."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from common_utils.errors import DataError
from common_utils.tables.parquet_folder import check_folder, parquet_parts
from common_utils.tables.workbook import csv_of_workbook

__all__ = ["TABLE_ENDINGS", "csv_blocks", "kind_of_table"]

TABLE_ENDINGS = (".csv", ".parquet", ".csv.gz", ".xlsx")
_WORKBOOK, _ZIP = "an Excel workbook (.xlsx) or another zip", "a zip"
_PACKED = {
    "bzip2": b"BZh",
    "zstd": b"\x28\xb5\x2f\xfd",
    "xz": b"\xfd7zXZ\x00",
    "lz4": b"\x04\x22\x4d\x18",
    "7-Zip": b"7z\xbc\xaf\x27\x1c",
}
_MAGIC = {
    **_PACKED,
    "gzip": b"\x1f\x8b",
    _WORKBOOK: b"PK\x03\x04",
    _ZIP: b"PK\x05\x06",  # an empty one
    "Parquet": b"PAR1",
    "an old Excel workbook (.xls)": b"\xd0\xcf\x11\xe0",
    "a PDF": b"%PDF",
}
_EXPECTED = {"csv": None, "csv.gz": "gzip", "xlsx": _WORKBOOK, "parquet": "Parquet"}
_BZIP2 = re.compile(rb"BZh[1-9](1AY&|\x17rE8)")  # a table may begin with BZh
_MOST_UNPACKED = 1 << 33
_BLOCK = 1 << 20


def kind_of_table(path: Path, *, name: str) -> Literal["csv", "csv.gz", "xlsx", "parquet", "folder"]:
    """Return how a table is stored.

    Parameters
    ----------
    path : Path
        A file, or a folder of Parquet parts.
    name : str
        What messages call the table.

    Raises
    ------
    DataError
        If it is missing, has another ending, or holds something else than its ending says.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "usage.csv"
    >>> _ = path.write_bytes(gzip.compress(b"a,b"))
    >>> kind_of_table(path, name="usage")
    Traceback (most recent call last):
    common_utils.errors.DataError: usage (usage.csv): the file is gzip under another name; name it usage.csv.gz.
    """
    where, lower = f"{name} ({path.name})", path.name.lower()
    if path.is_dir():
        check_folder(path, where=where)
        if not parquet_parts(path):
            held = sorted({p.suffix or p.name for p in path.iterdir() if p.is_file()})[:5]
            raise DataError(f"{where}: a folder without Parquet parts (it holds {held or 'nothing'}); name a file.")
        return "folder"
    ending = next((e for e in ("csv.gz", "csv", "xlsx", "parquet") if lower.endswith(f".{e}")), None)
    found = _content(path)
    if ending is None:
        hint = f"; it holds {found}{_unpack(found)}" if found else ""
        raise DataError(f"{name}: {path.name} ends in {path.suffix!r}; give a {', '.join(TABLE_ENDINGS)} file{hint}.")
    if found is None or found == _EXPECTED[ending]:
        return ending  # pyright: ignore[reportReturnType] - one of the four
    better = {"gzip": f"name it {path.name}.gz", "Parquet": f"name it {path.stem}.parquet"}.get(
        found, f"name it {path.stem}.xlsx" if found == _WORKBOOK else _unpack(found)[2:] or "save it as CSV"
    )
    raise DataError(f"{where}: the file is {found} under another name; {better}.")


def csv_blocks(path: Path, kind: str, *, name: str) -> tuple[Callable[[], Iterator[bytes]], tuple[str, ...]]:
    """Return what yields the CSV text a file holds, unpacked, block by block, and what a reader should know of it.

    Raises
    ------
    DataError
        If it cannot be read or unpacked; some of that is found once the blocks are asked for.
    """
    where = f"{name} ({path.name})"
    if kind == "xlsx":
        with _told(path, where):
            raw = path.read_bytes()
        data, notes = csv_of_workbook(raw, where=where)
        return lambda: iter([data]), notes
    return lambda: _blocks(path, packed=kind == "csv.gz", where=where), ()


def _blocks(path: Path, *, packed: bool, where: str) -> Iterator[bytes]:
    unpacked = 0
    with _told(path, where), gzip.open(path) if packed else path.open("rb") as file:
        while block := file.read(_BLOCK):
            unpacked += len(block)
            if packed and unpacked >= _MOST_UNPACKED:
                raise DataError(f"{where}: unpacked it is larger than 8 GB; bring it as Parquet.")
            yield block


@contextmanager
def _told(path: Path, where: str) -> Generator[None]:
    """Say in words why a file cannot be read."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{where}: the gzip file is cut short or damaged; pack it again.") from error
    except OSError as error:
        raise DataError(f"{where}: {path} cannot be read: {error.strerror}.") from error


def _content(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError:
        return None  # the reader of that kind says why
    found = next((word for word, magic in _MAGIC.items() if start.startswith(magic)), None)
    if found == "bzip2" and _BZIP2.match(start) is None:
        return None
    return _ZIP if found == _WORKBOOK and _no_workbook(path) else found


def _no_workbook(path: Path) -> bool:
    """Tell whether a zip is whole and holds no workbook; one that cannot be opened may be either."""
    try:
        with zipfile.ZipFile(path) as archive:
            return not any(name.startswith("xl/") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _unpack(found: str) -> str:
    return "; unpack it" if found in _PACKED or found == _ZIP else ""
