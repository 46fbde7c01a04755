"""A folder of Parquet parts, as Spark and hive partitions leave it, read as one table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from numpy.typing import NDArray

from common_utils.array_types import BoolArray
from common_utils.errors import DataError

__all__ = ["NO_GAPS", "Gaps", "ParquetFolder", "check_folder", "check_names", "parquet_parts"]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

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
class Gaps:
    """What the parts of a folder do not have in common.

    Attributes
    ----------
    lacking : mapping of str to tuple of (int, int)
        Columns that some parts do not have, and the rows where they are missing for that reason: numbers in the whole
        table, the first being 1, as first and last of each stretch, in order.
    unlike : mapping of str to tuple of str
        Columns that the parts hold as types that do not go together, and these types; they are left out.

    Examples
    --------
    >>> gaps = Gaps({"Age": ((2, 3),)}, {}).renamed({"Age": "age"})
    >>> gaps.rows("age", np.array([1, 2, 3, 4])).tolist(), gaps.rows("plan", np.array([1])).tolist()
    ([False, True, True, False], [False])
    """

    lacking: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    unlike: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def renamed(self, names: Mapping[str, str]) -> Gaps:
        """Return the same for columns that have other names by now."""
        lacking = {names.get(column, column): rows for column, rows in self.lacking.items()}
        return Gaps(lacking, {names.get(column, column): kinds for column, kinds in self.unlike.items()})

    def rows(self, column: str, rows: NDArray[np.int64]) -> BoolArray:
        """Return which of the rows, by their numbers in the whole table, come from a part without the column."""
        stretches = np.array(self.lacking.get(column, ()), dtype=np.int64).reshape(-1, 2)
        if not len(stretches):
            return np.zeros(len(rows), dtype=np.bool_)
        place = np.searchsorted(stretches[:, 0], rows, side="right") - 1
        return (place >= 0) & (rows <= stretches[place, 1])


NO_GAPS = Gaps()


@dataclass(frozen=True)
class _Rows:
    num_rows: int


@dataclass(frozen=True)
class _Part:
    """A part of a folder: the file, what its folders' names say, and the numbers of its rows in the whole."""

    file: Any
    keys: Mapping[str, str]
    rows: tuple[int, int]


class ParquetFolder:
    """Parts read one after the other, with what a ParquetFile offers to readers.

    Parameters
    ----------
    folder : Path
    name : str
        What messages call the table.

    Attributes
    ----------
    gaps : Gaps
        What the parts do not have in common.

    Raises
    ------
    DataError
        If the folder holds no part; if a part cannot be read, or has two columns of one name; or if only some parts
        lie in folders that say a value, such as `month=2025-01`.
    """

    def __init__(self, folder: Path, *, name: str) -> None:
        self._where = f"{name} ({folder.name})"
        self._parts = self._opened(folder)
        self.schema_arrow: Any
        self.schema_arrow, self.gaps = self._schema()
        self.metadata = _Rows(self._parts[-1].rows[1])

    def iter_batches(self, rows: int, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """Yield record batches of at most so many rows."""
        wanted = self.schema_arrow.names if columns is None else list(columns)
        schema = pa.schema([self.schema_arrow.field(name) for name in wanted])
        for part in self._parts:
            stored = [name for name in wanted if name in part.file.schema_arrow.names]
            # Without a column of its own a part still says how many rows it has.
            read = stored or part.file.schema_arrow.names[:1]
            for batch in part.file.iter_batches(rows, columns=read):
                arrays = [self._column(part, name, batch, schema.field(name).type) for name in wanted]
                yield pa.record_batch(arrays, schema=schema)

    def read(self) -> Any:
        """Return all parts as one table."""
        return pa.Table.from_batches(self.iter_batches(1 << 20), schema=self.schema_arrow)

    def _opened(self, folder: Path) -> list[_Part]:
        paths = parquet_parts(folder)
        if not paths:
            raise DataError(f"{self._where}: {folder} is a folder without Parquet parts; name a file, or the folder.")
        parts: list[_Part] = []
        for path in paths:
            try:
                file = pq.ParquetFile(path, pre_buffer=False)
            except (OSError, pa.ArrowException) as error:
                raise DataError(f"{self._where}: its part {path.name} is cut short or no Parquet file.") from error
            check_names(file.schema_arrow.names, where=self._where)
            before = parts[-1].rows[1] if parts else 0
            keys = _partition(path.relative_to(folder))
            parts.append(_Part(file, keys, (before + 1, before + file.metadata.num_rows)))
        odd = sorted({key for part in parts for key in {*part.keys} ^ {*parts[0].keys}})
        if odd:
            raise DataError(
                f"{self._where}: the names of its folders say {odd[:5]} for some parts only; bring all parts into such "
                "folders, or none."
            )
        return parts

    def _column(self, part: _Part, name: str, batch: Any, kind: Any) -> Any:
        there = name in batch.schema.names
        if name not in part.keys:
            return batch.column(name).cast(kind) if there else pa.nulls(batch.num_rows, kind)
        if there:
            self._check_key(name, part.keys[name], batch.column(name))
        return pa.array([part.keys[name] or None] * batch.num_rows, pa.string())

    def _schema(self) -> tuple[Any, Gaps]:
        schemas = [part.file.schema_arrow.remove_metadata() for part in self._parts]
        keyed = self._parts[0].keys
        fields: list[Any] = []
        lacking: dict[str, tuple[tuple[int, int], ...]] = {}
        unlike: dict[str, tuple[str, ...]] = {}
        for name in dict.fromkeys(name for schema in schemas for name in schema.names):
            if name in keyed:
                fields.append(pa.field(name, pa.string()))
                continue
            without = [part.rows for part, schema in zip(self._parts, schemas, strict=True) if name not in schema.names]
            kinds = [schema.field(name).type for schema in schemas if name in schema.names]
            kind = _common_kind(kinds)
            if kind is None:
                unlike[name] = tuple(dict.fromkeys(map(str, kinds)))
                continue
            fields.append(pa.field(name, kind))
            if rows := tuple((first, last) for first, last in without if last >= first):
                lacking[name] = rows
        keys = [pa.field(name, pa.string()) for name in keyed if name not in {there.name for there in fields}]
        return pa.schema([*fields, *keys]), Gaps(lacking, unlike)

    def _check_key(self, name: str, key: str, values: Any) -> None:
        """Refuse a part that holds another value than the name of its folder says."""
        texts = pc.fill_null(_plain(values).cast(pa.string()), "")
        differ = pc.not_equal(texts, key)
        numbers = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
        if numbers and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", key):
            differ = pc.fill_null(pc.not_equal(values.cast(pa.float64()), float(key)), True)
        if pc.any(differ).as_py():
            raise DataError(
                f"{self._where}: a part in the folder {name}={key} holds other values of {name!r}; correct the one or "
                "the other."
            )


def check_names(names: Sequence[str], *, where: str) -> None:
    """Refuse a column name that a Parquet file has twice.

    Examples
    --------
    >>> check_names(["a", "b", "a"], where="usage")
    Traceback (most recent call last):
    common_utils.errors.DataError: usage: column name(s) given twice: ['a'].
    """
    repeated = sorted({column for column in names if names.count(column) > 1})
    if repeated:
        raise DataError(f"{where}: column name(s) given twice: {repeated[:5]}.")


def _common_kind(kinds: Sequence[Any]) -> Any:
    """Return the type that all parts' values go into, None where there is none."""
    if all(kind == kinds[0] for kind in kinds):
        return kinds[0]
    kinds = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in kinds]
    if all(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind) for kind in kinds):
        return pa.string()
    with suppress(pa.ArrowException):
        unified = pa.unify_schemas([pa.schema([("x", kind)]) for kind in kinds], promote_options="permissive")
        kind = unified.field("x").type
        if pa.types.is_integer(kind) or not any(map(pa.types.is_string, kinds)):
            return kind
    return None


def _plain(values: Any) -> Any:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _partition(path: Path) -> dict[str, str]:
    """Return the columns that the names of folders give, as in month=2025-01/part.parquet."""
    named = (part.partition("=") for part in path.parts[:-1])
    return {key: "" if value == "__HIVE_DEFAULT_PARTITION__" else unquote(value) for key, dash, value in named if dash}
