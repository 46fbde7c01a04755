"""A table checked in pieces says what it says when it is read at once, whatever is wrong with it."""

from __future__ import annotations

import errno
import gzip
import os
from collections.abc import Callable
from dataclasses import asdict
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

from common_utils.errors import ConfigError, DataError
from common_utils.tables import Reading, id_column, read_table
from common_utils.tables.pieces.checked import CheckedPieces
from common_utils.tables.pieces.repeats import KeptFrames
from common_utils.tables.reading import ColumnSource
from common_utils.tables.text import records

SCHEMA = pandera.DataFrameSchema(
    {
        "id": id_column(required=False, unique=True),
        "minutes": pandera.Column(float, pandera.Check.ge(0, error="below 0"), metadata={"units": {"m": 1, "h": 60}}),
        "age": pandera.Column(float, pandera.Check.le(99, error="too old"), nullable=True, metadata={"soft": True}),
        "since": pandera.Column("datetime64[us]"),
        "plan": pandera.Column(
            str, pandera.Check.isin(["Surf", "Max"], error="no plan"), metadata={"words": ["Surf", "Max"]}
        ),
    }
)
HEADER = "id,minutes,age,since,plan,line"
ROW = st.tuples(
    st.sampled_from(["a1", " a1", "b", "b", "", "NULL", "1e+5", "josé", "jose\u0301", "c\r1"]),
    st.sampled_from(["0", "1.5", "-1", "", "x", " 2", "1.500", "3,5"]),
    st.sampled_from(["", "7", "100", "old", "7.125"]),
    st.sampled_from(["2025-01-01", "2025-01-31 10:00:00", "2025-02-30", "x"]),
    st.sampled_from(["Surf", "surf", "Max", "gold", ""]),
    st.sampled_from(["1", "2", "3,4"]),
)
Said = tuple[str, object]


def said(read: Callable[[Reading], tuple[pd.DataFrame, list[int], Any]], **how: Any) -> list[Said]:
    """Everything that a reader of a table may come to see."""
    reading = Reading(**how)
    try:
        frame, rows, report = read(reading)
    except (DataError, ConfigError) as error:
        found: list[Said] = [("refused", f"{type(error).__name__}: {error}")]
    else:
        found = [("rows", rows), ("report", asdict(report)), ("summary", report.summary())]
        found += [(str(c), frame[c].astype(object).where(frame[c].notna(), None).tolist()) for c in frame]
        found += [("types", frame.dtypes.astype(str).tolist())]
    accounts = reading.accounts
    return [*found, ("rejects", accounts.rejects().to_dict("list")), ("all", [r.summary() for r in accounts.reports])]


def whole(path: Path, schema: pandera.DataFrameSchema = SCHEMA, **how: Any) -> list[Said]:
    def read(reading: Reading) -> tuple[pd.DataFrame, list[int], Any]:
        result = read_table(path, schema, name="usage", extra_columns="drop", reading=reading)
        return result.frame, result.rows.tolist(), result.report

    return said(read, **how)


def in_pieces(path: Path, rows: int, schema: pandera.DataFrameSchema = SCHEMA, **how: Any) -> list[Said]:
    def read(reading: Reading) -> tuple[pd.DataFrame, list[int], Any]:
        pieces = CheckedPieces(path, schema, name="usage", reading=reading, piece_rows=rows)
        results = list(pieces)
        frame = pd.concat([result.frame for result in results], ignore_index=True)
        return frame, [int(row) for result in results for row in result.rows], pieces.report

    return said(read, **how)


def as_csv(path: Path, rows: list[tuple[str, ...]], header: str = HEADER) -> Path:
    lines = [",".join(f'"{field}"' for field in row) for row in rows]
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8", newline="")
    return path


@pytest.fixture(scope="module", autouse=True)
def _small_pieces() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "PIECE_BYTES", 64)  # a row or two
        yield


@settings(deadline=None, max_examples=15)
@given(rows=st.lists(ROW, min_size=1, max_size=14), size=st.integers(1, 5))
def test_csv_in_pieces_says_what_the_whole_says(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], size: int
) -> None:
    path = as_csv(tmp_path_factory.mktemp("pieces") / "usage.csv", rows)
    assert in_pieces(path, size) == whole(path)
    assert in_pieces(path, size, max_rejected_share=0.3) == whole(path, max_rejected_share=0.3)


@settings(deadline=None, max_examples=15)
@given(rows=st.lists(ROW, min_size=1, max_size=14), size=st.integers(1, 5), typed=st.booleans())
def test_parquet_in_pieces_says_what_the_whole_says(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], size: int, typed: bool
) -> None:
    path = tmp_path_factory.mktemp("pieces") / "usage.parquet"
    columns = dict(zip(HEADER.split(","), map(list, zip(*rows, strict=True)), strict=True))
    minutes = pd.to_numeric(pd.Series(columns["minutes"]), errors="coerce").to_numpy()
    table = pa.table({**columns, "minutes": minutes})
    if typed:  # ids become whole numbers, and months-old ages floats
        ids = pa.array([len(one) for one in columns["id"]], pa.int64())
        table = table.set_column(0, "id", ids).set_column(2, "age", pa.array([float(len(a)) for a in columns["age"]]))
    pq.write_table(table, path, row_group_size=3)
    assert in_pieces(path, size) == whole(path)


TOP = "id,minutes,age,since,plan\n"
SOUND = [("a", "1", "7", "2025-01-01", "Surf", "1"), ("b", "2", "", "2025-01-01", "Max", "2")]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("id,minutes,age,since,plan\n", id="no-rows"),
        pytest.param("id,minutes,age,plan\na,1,2,Surf\n", id="missing-column"),
        pytest.param("id,minutes,age,plan\n", id="missing-column-and-no-rows"),
        pytest.param("a;b;c\n1;2;3\n", id="no-header"),
        pytest.param("ID;Minutes;AGE;since;plan\na;1,5;2;2025-01-01;Surf\nb;2,5;;2025-01-01;Max\n", id="semicolons"),
        pytest.param(
            "id,minutes,age,since,plan\na,1,2\n\nb,1,1,2025-01-01,Max\nb\nid,minutes,age,since,plan\n", id="odd"
        ),
        pytest.param('id,minutes,age,since,plan\n"a,1,2,2025-01-01,Surf\nb,1,1,2025-01-01,Max\n', id="open-quote"),
        pytest.param("id,minutes,age,since,plan\na,1,2,2025-01-01,Surf\nb,1,1,2025-01-01,M\0x\n", id="nul"),
        pytest.param("id,minutes,minutes,since,plan,age\na,1,2,2025-01-01,Surf,1\n", id="twice"),
        pytest.param(f"{TOP}a,1.500,2,2025-01-01,Surf\nb,2.500,3,2025-01-01,Max\n", id="thousands"),
        pytest.param("id,minutes,age,since,plan\na,1,2,2025-01-01,Surf\nb,2,3,01/02/2025,Max\n", id="dates"),
        pytest.param("id,minutes,age,since,plan\na,1,2,2025-01-01T10:00:00Z,Surf\nb,2,3,2025-01-01,Max\n", id="zones"),
        pytest.param("id,minutes,age,since,plan\na,1,2,2025-01-01,Surf", id="cut-short"),
        pytest.param("a,minutes,age,since,plan\nx,1,2,2025-01-01,Surf\n", id="without-id"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_odd_files_are_refused_or_read_alike(tmp_path: Path, content: str, encoding: str) -> None:
    path = tmp_path / "usage.csv"
    path.write_bytes(content.replace("Max", "Máx" if encoding == "cp1252" else "Max").encode(encoding))
    for how in (
        {},
        {"decimal": "comma"},
        {"columns": {"a": ColumnSource("id"), "minutes": ColumnSource("minutes", "h")}},
    ):
        assert in_pieces(path, 1, **how) == whole(path, **how)


def test_packed_damaged_and_partitioned_files_are_read_alike(tmp_path: Path) -> None:
    packed = tmp_path / "usage.csv.gz"
    packed.write_bytes(gzip.compress(as_csv(tmp_path / "usage.csv", SOUND * 9).read_bytes()))
    assert in_pieces(packed, 2) == whole(packed)
    packed.write_bytes(packed.read_bytes()[:-9])
    assert in_pieces(packed, 2) == whole(packed)
    folder = tmp_path / "parts"
    folder.mkdir()
    table = pa.table({"id": ["a", "b"], "minutes": [1.0, 2.0], "since": ["2025-01-01"] * 2, "plan": ["Surf", "max"]})
    pq.write_table(table.append_column("age", pa.array([3.0, None])), folder / "1.parquet")
    pq.write_table(table.set_column(0, "id", pa.array(["a", "c"])), folder / "2.parquet")
    assert in_pieces(folder, 1) == whole(folder)
    one = folder / "1.parquet"
    one.write_bytes(one.read_bytes()[:4] + b"\xff" * 40 + one.read_bytes()[44:])
    assert in_pieces(one, 1) == whole(one)
    assert in_pieces(tmp_path / "none.parquet", 1) == whole(tmp_path / "none.parquet")


def test_an_optional_number_that_no_double_holds_makes_its_column_unknown(tmp_path: Path) -> None:
    table = pa.table({"minutes": [1.0, 2.0], "since": ["2025-01-01"] * 2, "plan": ["Surf"] * 2})
    pq.write_table(table.append_column("age", pa.array([7, 2**60 + 1])), tmp_path / "usage.parquet")
    expected = whole(tmp_path / "usage.parquet")
    assert in_pieces(tmp_path / "usage.parquet", 1) == expected
    assert "age: int64 in the file, taken as unknown" in str(expected)


def test_every_row_of_a_large_repeated_key_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [
        (f"s{number}", str(minutes), "", "2025-01-01", "Surf", "1")
        for number, minutes in zip(rng.integers(0, 60, 120), rng.integers(0, 2, 120), strict=True)
    ]
    path = as_csv(tmp_path / "usage.csv", rows)
    expected = whole(path)
    assert in_pieces(path, 7) == expected
    assert "conflicting row for the same key" in str(expected)


def test_a_composite_key_and_none_at_all(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "usage.csv", [*SOUND, SOUND[0], ("a", "1", "7", "2025-01-01", "Max", "1")])
    both = SCHEMA.update_columns({"id": {"unique": False}})
    assert in_pieces(path, 1, both) == whole(path, both)
    both.unique = ["id", "plan"]
    assert in_pieces(path, 1, both) == whole(path, both)
    assert "'duplicate row': 1" in str(in_pieces(path, 1, both))


def test_two_keys_are_refused(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "usage.csv", SOUND)
    two = SCHEMA.update_column("plan", unique=True)
    with pytest.raises(ConfigError, match=r"usage: the schema has 2 keys, \[\['id'\], \['plan'\]\]"):
        CheckedPieces(path, two, name="usage")


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "usage.csv", SOUND)
    pieces = CheckedPieces(path, SCHEMA, name="usage")
    assert sum(len(piece.rows) for piece in pieces) == sum(len(piece.rows) for piece in pieces) == 2
    as_csv(path, SOUND[:1])
    with pytest.raises(DataError, match=r"usage \(usage.csv\): the file changed while it was read; run it again"):
        list(pieces)


def test_a_full_disk_is_told_and_a_table_without_a_key_needs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = as_csv(tmp_path / "usage.csv", [*SOUND, SOUND[0]])
    monkeypatch.setattr(KeptFrames, "add", full)
    with pytest.raises(DataError, match=r"whether id repeats cannot be told.*No space left.*TMPDIR"):
        CheckedPieces(path, SCHEMA, name="usage")
    monkeypatch.setattr("tempfile.TemporaryDirectory", full)
    with pytest.raises(DataError, match=r"usage \(usage.csv\): whether id repeats cannot be told.*TMPDIR"):
        CheckedPieces(path, SCHEMA, name="usage")
    assert CheckedPieces(path, SCHEMA.update_column("id", unique=False), name="usage").report.kept == 3
