"""A query tells which rows no rule is about; the others, gone through alone, give the account of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common_utils.tables import Reading, id_column
from common_utils.tables.pieces.blocks import TableBlocks
from common_utils.tables.reading import ColumnSource

MINUTES = pandera.Column(float, pandera.Check.in_range(0, 100, error="not between"))
SCHEMA = pandera.DataFrameSchema({"who": id_column(), "date": pandera.Column("datetime64[us]"), "minutes": MINUTES})
DAY = np.datetime64("2025-01-01", "us")
ROWS = {
    "Who": ["a", "b", " c", None, "d", "e", "f", "g"],
    "date": pa.array([DAY, DAY, DAY, DAY, None, DAY, DAY, DAY], pa.timestamp("us")),
    "minutes": [1.0, 100.0, 2.0, 3.0, 4.0, float("nan"), -1.0, float("inf")],
}
COLUMNS = {"Who": ColumnSource("who")}


def blocks_of(path: Path, **columns: Any) -> TableBlocks:
    reading = Reading(columns=COLUMNS | columns)
    return TableBlocks(path, SCHEMA, name="calls", reading=reading)


@pytest.mark.parametrize("parts", [1, 2])
def test_clean_rows_and_the_others_make_the_whole(tmp_path: Path, parts: int) -> None:
    path, table = tmp_path / "calls", pa.table(ROWS)
    path.mkdir()
    for part, first in enumerate(range(0, 8, 8 // parts)):
        pq.write_table(table.slice(first, 8 // parts), path / f"{part}.parquet")
    whole, asked = blocks_of(path), blocks_of(path)
    kept = [int(row) for block in whole for row in block.rows]
    scan = asked.scan()
    assert scan is not None
    odd = {"who": "SELECT ' c'"}
    assert duckdb.sql(scan.clean(odd)).fetchall() == [("a", DAY.item(), 1.0), ("b", DAY.item(), 100.0)]
    assert [row[-1] for row in duckdb.sql(scan.numbered(odd)).fetchall()] == [1, 2]

    def others() -> Iterator[Any]:
        yield duckdb.sql(scan.others(odd)).to_arrow_table()

    asked.only(others, clean=2)
    assert [int(row) for block in asked for row in block.rows] == kept[2:] == [3]
    assert asked.report() == whole.report()
    assert asked.rejects().to_csv() == whole.rejects().to_csv()


def test_a_table_without_other_rows_is_accounted_for(tmp_path: Path) -> None:
    pq.write_table(pa.table(ROWS).slice(0, 2), tmp_path / "calls.parquet")
    table = blocks_of(tmp_path / "calls.parquet")
    table.only(lambda: iter(()), clean=table.rows)
    assert list(table) == []
    assert (table.report().read, table.report().kept, len(table.rejects())) == (2, 2, 0)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        pytest.param("Who", pa.array([1, 2]), id="ids-that-are-numbers"),
        pytest.param("date", pa.array([DAY, DAY]).cast(pa.timestamp("us", "UTC")), id="times-with-a-zone"),
        pytest.param("date", pa.array(["2025-01-01"] * 2), id="dates-as-text"),
        pytest.param("minutes", pa.array([1, 2]), id="whole-minutes"),
    ],
)
def test_what_a_query_might_read_otherwise_is_gone_through(tmp_path: Path, column: str, values: Any) -> None:
    table = pa.table(ROWS).slice(0, 2)
    table = table.set_column(table.column_names.index(column), column, values)
    pq.write_table(table, tmp_path / "calls.parquet")
    reading = Reading(columns=COLUMNS, timezone="UTC")
    assert TableBlocks(tmp_path / "calls.parquet", SCHEMA, name="calls", reading=reading).scan() is None


def test_units_and_text_files_are_gone_through(tmp_path: Path) -> None:
    pq.write_table(pa.table(ROWS), tmp_path / "calls[1].parquet")
    assert blocks_of(tmp_path / "calls[1].parquet").scan() is None
    (tmp_path / "calls.csv").write_text("Who,date,minutes\na,2025-01-01,1\n", encoding="utf-8")
    assert blocks_of(tmp_path / "calls.csv").scan() is None
