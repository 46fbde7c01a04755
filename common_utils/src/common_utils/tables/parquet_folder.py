"""A folder of Parquet parts, as Spark and hive partitions leave it, read as one table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from common_utils.errors import DataError

__all__ = ["ParquetFolder", "check_folder", "parquet_parts"]

_MAGIC = b"PAR1"
# Formats that keep a log of which files count: files of deleted or replaced rows lie beside the others.
_LOGS = {
    "_delta_log": "a Delta Lake table",
    ".hoodie": "a Hudi table",
    "_spark_metadata": "a sink of a Spark stream",
    "metadata/*.metadata.json": "an Iceberg table",
    "metadata/version-hint.text": "an Iceberg table",
    "snapshot/snapshot-*": "a Paimon table",
    "_versions": "a Lance table",
}
_ACID = re.compile(r"(delete_delta|delta|base)_[0-9]{7,}(_[0-9]+)*")
_BESIDE = (".md", ".crc", ".md5", ".sha1", ".sha256", ".sql", ".log")  # what holds no rows
_MOST_NAMED = 5


def parquet_parts(folder: Path) -> list[Path]:
    """Return the Parquet parts of a folder and of the folders in it, by name; what starts with _ or . is none.

    A part ends in .parquet, in small or capital letters, or is Parquet by what is in it.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "_SUCCESS").touch()
    >>> parquet_parts(folder)
    []
    """
    return [path for path in _files(folder) if _is_part(path)]


def check_folder(folder: Path, *, where: str) -> None:
    """Refuse a folder whose rows are not those of all its Parquet parts.

    Parameters
    ----------
    folder : Path
    where : str
        What messages call it.

    Raises
    ------
    DataError
        If a log says which of its files count (Delta Lake, Iceberg, Hudi and others), here, in a folder of it or in
        one it is a partition of; or if it holds files beside the parts that may have rows.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "_delta_log").mkdir()
    >>> check_folder(folder, where="usage")
    Traceback (most recent call last):
    common_utils.errors.DataError: usage: the folder is a Delta Lake table (_delta_log), whose log says which files \
count; deleted rows would come back. Export the table as Parquet or CSV and name that.
    """
    known = _logged(folder)
    if known is not None:
        log, what = known
        raise DataError(
            f"{where}: the folder is {what} ({log}), whose log says which files count; deleted rows would come "
            "back. Export the table as Parquet or CSV and name that."
        )
    files = _files(folder)
    parts = [path for path in files if _is_part(path)]
    others = [p for p in files if p not in parts and p.stat().st_size and not p.name.lower().endswith(_BESIDE)]
    if parts and others:
        named = ", ".join(str(path.relative_to(folder)) for path in others[:_MOST_NAMED])
        more = ", …" if len(others) > _MOST_NAMED else ""
        raise DataError(
            f"{where}: beside {len(parts)} Parquet part(s) the folder holds {len(others)} file(s) that are none: "
            f"{named}{more}. Rows in them would be lost: convert them to Parquet, or move them away."
        )


def _logged(folder: Path) -> tuple[str, str] | None:
    """Return the log that says which files of a folder count, and what keeps one like it."""
    above = folder.resolve()
    places = [above]
    while "=" in above.name or above.name == "data" or above.name.startswith("bucket-"):
        above = above.parent
        places.append(above)
    places += [path for path in folder.rglob("*") if path.is_dir()]
    for place in places:
        if _ACID.fullmatch(place.name) and place != places[0]:
            return place.name, "a transactional Hive table"
        found = next((log for log in _LOGS if any(place.glob(log))), None)
        if found is not None:
            return found, _LOGS[found]
    return None


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder and of the folders in it, by name; what starts with _ or . is left out."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(p for p in found if not any(part[0] in "_." for part in p.relative_to(folder).parts))


def _is_part(path: Path) -> bool:
    if path.suffix.lower() == ".parquet":
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


@dataclass(frozen=True)
class _Rows:
    num_rows: int


class ParquetFolder:
    """Parts read one after the other, with what a ParquetFile offers to readers.

    Parameters
    ----------
    folder : Path
    name : str
        What messages call the table.

    Raises
    ------
    DataError
        If there is no part, one cannot be read, or the parts have other columns or types.
    """

    def __init__(self, folder: Path, *, name: str) -> None:
        self._where = f"{name} ({folder.name})"
        paths = parquet_parts(folder)
        if not paths:
            raise DataError(f"{self._where}: {folder} is a folder without Parquet parts; name a file, or the folder.")
        self._parts: list[Any] = []
        self._keys: list[dict[str, str]] = []
        for path in paths:
            try:
                self._parts.append(pq.ParquetFile(path, pre_buffer=False))
            except (OSError, pa.ArrowException) as error:
                raise DataError(f"{self._where}: its part {path.name} is cut short or no Parquet file.") from error
            self._keys.append(_partition(path.relative_to(folder)))
        self.schema_arrow: Any = self._schema()
        self.metadata = _Rows(sum(part.metadata.num_rows for part in self._parts))

    def iter_batches(self, rows: int, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """Yield record batches of at most so many rows."""
        wanted = self.schema_arrow.names if columns is None else list(columns)
        schema = pa.schema([self.schema_arrow.field(name) for name in wanted])
        for part, keys in zip(self._parts, self._keys, strict=True):
            stored = [name for name in wanted if name not in keys]
            for batch in part.iter_batches(rows, columns=stored):
                arrays = [
                    pa.array([keys[name]] * batch.num_rows, pa.string())
                    if name in keys
                    else batch.column(name).cast(schema.field(name).type)
                    for name in wanted
                ]
                yield pa.record_batch(arrays, schema=schema)

    def read(self) -> Any:
        """Return all parts as one table."""
        return pa.Table.from_batches(self.iter_batches(1 << 20), schema=self.schema_arrow)

    def _schema(self) -> Any:
        schemas = [part.schema_arrow.remove_metadata() for part in self._parts]
        first = schemas[0]
        for number, schema in enumerate(schemas[1:], start=2):
            odd = sorted({*schema.names} ^ {*first.names})
            if odd or sorted(self._keys[number - 1]) != sorted(self._keys[0]):
                raise DataError(f"{self._where}: its parts differ in columns ({odd[:5]}); export it as one table.")
        fields = [pa.field(name, self._kind(name, [s.field(name).type for s in schemas])) for name in first.names]
        keys = [pa.field(name, pa.string()) for name in self._keys[0] if name not in first.names]
        return pa.schema([*fields, *keys])

    def _kind(self, name: str, kinds: Sequence[Any]) -> Any:
        if all(kind == kinds[0] for kind in kinds):
            return kinds[0]
        with suppress(pa.ArrowException):
            unified = pa.unify_schemas([pa.schema([(name, kind)]) for kind in kinds], promote_options="permissive")
            if pa.types.is_integer(unified.field(name).type) or not any(map(pa.types.is_string, kinds)):
                return unified.field(name).type
        raise DataError(f"{self._where}: its parts hold {name!r} as different types; export it as one table.")


def _partition(path: Path) -> dict[str, str]:
    """Return the columns that the names of folders give, as in month=2025-01/part.parquet."""
    named = (part.partition("=") for part in path.parts[:-1])
    return {key: "" if value == "__HIVE_DEFAULT_PARTITION__" else unquote(value) for key, dash, value in named if dash}
