"""A table read block by block says what it says when it is read at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from common_utils.tables import Reading, id_column, read_table
from common_utils.tables.pieces.blocks import TableBlocks
from common_utils.tables.pieces.repeats import HashStore

SCHEMA = pandera.DataFrameSchema(
    {
        "who": id_column(),
        "date": pandera.Column("datetime64[us]"),
        "minutes": pandera.Column(float, pandera.Check.ge(0, error="below 0")),
    }
)
IDS = st.sampled_from(["a1", " a1", "b", "", "NULL", "'c", '="d"', "1e+5", "josé", "jose\u0301"])
DATES = st.sampled_from(["2025-01-01", "2025-01-31 10:00:00", "2025-02-30", "", "x"])
MINUTES = st.sampled_from(["0", "1.5", "-1", "", "x", "1e400", " 2"])


def write(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    lines = [",".join(f'"{field.replace(chr(34), 2 * chr(34))}"' for field in row) for row in rows]
    path.write_text("\n".join(["who,date,minutes", *lines]) + "\n", encoding="utf-8")
    return path


def by_blocks(path: Path, rows: int) -> tuple[pd.DataFrame, TableBlocks, list[int]]:
    table = TableBlocks(path, SCHEMA, name="calls", reading=Reading(), block_rows=rows)
    blocks = list(table)
    frames = [pa.table({c: _plain(v) for c, v in block.columns.items()}).to_pandas() for block in blocks]
    return pd.concat(frames, ignore_index=True), table, [int(row) for block in blocks for row in block.rows]


def _plain(values: Any) -> Any:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(st.tuples(IDS, DATES, MINUTES), min_size=1, max_size=12), size=st.integers(1, 5))
def test_blocks_say_what_the_whole_says(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], size: int
) -> None:
    path = write(tmp_path_factory.mktemp("blocks") / "calls.csv", rows)
    try:
        whole = read_table(path, SCHEMA, name="calls")
    except DataError as error:
        if "No row can be used" not in str(error):
            with pytest.raises(DataError, match=r"."):
                by_blocks(path, size)
        return
    frame, table, numbers = by_blocks(path, size)
    report = table.report()
    assert numbers == whole.rows.tolist()
    assert frame.astype({"who": "str"}).to_csv() == whole.frame.to_csv()
    assert (report.read, report.kept, report.rejected) == (whole.report.read, whole.report.kept, whole.report.rejected)
    assert (report.repaired, report.notes) == (whole.report.repaired, whole.report.notes)
    pd.testing.assert_frame_equal(table.rejects(), whole.rejects)


@pytest.mark.parametrize("size", [1, 2, 100])
def test_the_form_of_dates_is_decided_for_the_whole(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "calls.csv", [("a", "2025-01-01", "1"), ("a", "31.01.2025", "1")])
    with pytest.raises(DataError, match=r"1 of its dates are not written YYYY-MM-DD as the other 1 are"):
        TableBlocks(path, SCHEMA, name="calls", reading=Reading(), block_rows=size)


@pytest.mark.parametrize("size", [1, 2, 100])
def test_the_sign_of_decimals_is_decided_for_the_whole(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "calls.csv", [("a", "2025-01-01", "1.250"), ("b", "2025-01-01", "3.250")])
    with pytest.raises(DataError, match="the point may be a thousands separator"):
        by_blocks(path, size)


def test_a_type_is_refused_before_any_row_is_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"who": ["a"], "date": ["2025-01-01"], "minutes": ["1"]}), tmp_path / "calls.parquet")
    with pytest.raises(DataError, match=r"column 'minutes' is string in the file, number is needed"):
        TableBlocks(tmp_path / "calls.parquet", SCHEMA, name="calls", reading=Reading())


def test_a_part_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    dates = pa.array(np.array(["2025-01-01"] * 5000, dtype="datetime64[us]"))
    pq.write_table(pa.table({"who": ["a"] * 5000, "date": dates, "minutes": np.arange(5000.0)}), path)
    data = bytearray(path.read_bytes())
    data[200:4000] = bytes(3800)
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="cut short or damaged"):
        by_blocks(path, 1000)


@settings(deadline=None, max_examples=40)
@given(values=st.lists(st.integers(0, 2**64 - 1), max_size=30), repeated=st.lists(st.integers(0, 5), max_size=10))
def test_hashes_are_counted_however_they_are_cut(values: list[int], repeated: list[int]) -> None:
    hashes = np.array([*values, *repeated], dtype=np.uint64)
    with HashStore() as store:
        for block in np.array_split(hashes, 3):
            store.add(block)
        found = [(int(h), int(n)) for some, counts in store.counted() for h, n in zip(some, counts, strict=True)]
    expected = {int(h): int(n) for h, n in zip(*np.unique(hashes, return_counts=True), strict=True)}
    assert (dict(found), len(found)) == (expected, len(expected))
