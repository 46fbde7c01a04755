"""Files that are something else than a table: packed ones are named, whatever they are called."""

from __future__ import annotations

import bz2
import lzma
import zipfile
from pathlib import Path

import pandera.pandas as pandera
import pyarrow as pa
import pytest
from tests.tables.schemas import CALLS

from common_utils.errors import DataError
from common_utils.tables import read_table

PACKED = {
    "bzip2": bz2.compress(b"id,date,minutes\nu,2025-01-01,2\n"),
    "xz": lzma.compress(b"id,date,minutes\nu,2025-01-01,2\n"),
    "zstd": pa.Codec("zstd").compress(b"id,date,minutes\nu,2025-01-01,2\n", asbytes=True),
    "lz4": pa.Codec("lz4").compress(b"id,date,minutes\nu,2025-01-01,2\n", asbytes=True),
    "7-Zip": b"7z\xbc\xaf\x27\x1c\x00\x04",
}


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "xlsx", "parquet"])
@pytest.mark.parametrize("kind", PACKED)
def test_other_packings_are_named_under_any_name(tmp_path: Path, kind: str, ending: str) -> None:
    path = tmp_path / f"calls.{ending}"
    path.write_bytes(PACKED[kind])
    with pytest.raises(DataError, match=rf"the file is {kind} under another name; unpack it\.$"):
        read_table(path, CALLS, name="calls")


def test_packed_tables_under_their_own_names_are_named(tmp_path: Path) -> None:
    for kind, ending in {"bzip2": "bz2", "xz": "xz", "zstd": "zst"}.items():
        path = tmp_path / f"calls.csv.{ending}"
        path.write_bytes(PACKED[kind])
        with pytest.raises(DataError, match=rf"ends in '\.{ending}'; .*; it holds {kind}; unpack it\.$"):
            read_table(path, CALLS, name="calls")


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "xlsx", "parquet"])
def test_a_zip_is_a_workbook_only_with_sheets_in_it(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"calls.{ending}"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("calls.csv", "id,date,minutes\nu,2025-01-01,2\n")
    with pytest.raises(DataError, match=r"the file is a zip under another name; unpack it\.$"):
        read_table(path, CALLS, name="calls")
    with zipfile.ZipFile(path, "w"):
        pass  # an empty one
    with pytest.raises(DataError, match=r"the file is a zip under another name; unpack it\.$"):
        read_table(path, CALLS, name="calls")


def test_a_table_may_begin_like_a_packed_file(tmp_path: Path) -> None:
    schema = pandera.DataFrameSchema({"BZh9": pandera.Column(str)})
    (tmp_path / "calls.csv").write_text("BZh9\nu\n")
    assert len(read_table(tmp_path / "calls.csv", schema, name="calls").frame) == 1
