"""Pieces of a file must be what the whole would have been, rows and account alike."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from common_utils.tables import Reading, RowReport, write_table
from common_utils.tables.reading import ColumnSource
from planrec.billing import Catalogue
from planrec.months import month_index
from planrec.usage.months_table import asked_until, withheld
from planrec.usage.pieces.stream import UsageStream
from planrec.usage.read import read_usage_table


def write(path: Path, rows: list[dict[str, Any]], *, group: int = 3, schema: pa.Schema | None = None) -> Path:
    whole = {"month": "2025-01", "minutes": 1.0, "messages": 0.0, "megabytes": 5.0}
    pq.write_table(pa.Table.from_pylist([whole | row for row in rows], schema), path, row_group_size=group)
    return path


def ids(stream: UsageStream) -> list[list[str]]:
    return [piece["subscriber_id"].tolist() for piece in stream]


def test_pieces_keep_the_months_of_a_subscriber_together(tmp_path: Path) -> None:
    rows = [{"subscriber_id": s, "month": f"2025-{m:02d}"} for s in "abc" for m in (1, 2)]
    stream = UsageStream(write(tmp_path / "u.parquet", rows), piece_rows=3)
    assert ids(stream) == [["a", "a", "b", "b"], ["c", "c"]]
    assert stream.rows == 6


def test_one_subscriber_larger_than_a_piece_stays_whole(tmp_path: Path) -> None:
    rows = [{"subscriber_id": "a", "month": f"2025-{m:02d}"} for m in range(1, 8)] + [{"subscriber_id": "b"}]
    assert ids(UsageStream(write(tmp_path / "u.parquet", rows), piece_rows=2)) == [["a"] * 7, ["b"]]


def test_a_csv_file_is_cut_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "u.csv"
    lines = [f"{s},2025-0{m},1,0,5\n" for s in "cab" for m in (2, 1)]
    path.write_text("subscriber_id,month,minutes,messages,megabytes\n" + "".join(lines))
    stream = UsageStream(path, piece_rows=3)
    pieces = list(stream)
    assert [piece["subscriber_id"].tolist() for piece in pieces] == [["a", "a", "b", "b"], ["c", "c"]]
    assert pieces[0]["month"].tolist() == ["2025-01", "2025-02"] * 2
    assert stream.report().kept == 6


def test_a_text_of_several_pieces_comes_in_one_array_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common_utils.tables.text.records.PIECE_BYTES", 20)
    path = tmp_path / "u.csv"
    lines = [f"{s},2025-0{m},1,0,5\n" for s in "abcd" for m in (1, 2)]
    path.write_text("subscriber_id,month,minutes,messages,megabytes\n" + "".join(lines))
    for piece in UsageStream(path, piece_rows=3):
        assert isinstance(pa.array(piece["subscriber_id"], pa.large_string()), pa.Array)


def test_rows_in_any_order_are_sorted_and_of_two_that_conflict_none_counts(tmp_path: Path) -> None:
    rows = [
        {"subscriber_id": "b", "minutes": 7.0},
        {"subscriber_id": "a", "minutes": 2.0},
        {"subscriber_id": " b", "minutes": 8.0},
        {"subscriber_id": "b", "minutes": 7.0},
    ]
    stream = UsageStream(write(tmp_path / "u.parquet", rows), piece_rows=1)
    pieces = list(stream)
    assert [piece[["subscriber_id", "minutes"]].to_numpy().tolist() for piece in pieces] == [[["a", 2.0]]]
    assert stream.report().rejected == {"conflicting row for the same key": 3}


def test_ids_of_digits_are_ordered_as_text(tmp_path: Path) -> None:
    rows = [{"subscriber_id": n} for n in (9, 10, 100)]
    stream = UsageStream(write(tmp_path / "u.parquet", rows), piece_rows=1)
    assert ids(stream) == [["10"], ["100"], ["9"]]
    assert stream.report().repaired == {"subscriber_id: whole number read as text": 3}


def test_columns_of_any_type_come_through_the_sorting(tmp_path: Path) -> None:
    rows = [{"subscriber_id": s, "age": None, "Age": True, "region": "n"} for s in ("b", "a")]
    schema = pa.schema(
        [
            ("subscriber_id", pa.dictionary(pa.int8(), pa.string())),
            ("month", pa.string()),
            *((name, pa.float32()) for name in ("minutes", "messages", "megabytes")),
            ("age", pa.null()),
            ("Age", pa.bool_()),
            ("region", pa.dictionary(pa.int8(), pa.string())),
        ]
    )
    path = write(tmp_path / "u.parquet", rows, schema=schema)
    (piece,) = UsageStream(path)
    pd.testing.assert_frame_equal(
        piece.astype({"region": "str", "Age": "float64"}), read_usage_table(path).months.astype({"region": "str"})
    )


def test_a_piece_without_a_usable_row_is_passed_over(tmp_path: Path) -> None:
    rows = [{"subscriber_id": s, "month": "2025-01" if s != "b" else "2025-13"} for s in "abc"]
    stream = UsageStream(write(tmp_path / "u.parquet", rows), piece_rows=1)
    assert ids(stream) == [["a"], ["c"]]
    assert stream.report().rejected == {"month: not a month (YYYY-MM)": 1}


def test_no_usable_row_at_all_is_said_with_the_reasons(tmp_path: Path) -> None:
    rows = [{"subscriber_id": s, "minutes": -1.0} for s in "ab"]
    stream = UsageStream(write(tmp_path / "u.parquet", rows), piece_rows=1)
    with pytest.raises(DataError, match=r"2 rows read, 0 kept(?s:.*)not between 0(?s:.*)No row can be used"):
        list(stream)


def test_a_missing_column_is_said_before_anything_is_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"subscriber_id": ["a"]}), tmp_path / "u.parquet")
    with pytest.raises(DataError, match=r"usage months: missing column\(s\) \['month', "):
        UsageStream(tmp_path / "u.parquet")


def test_plans_of_no_rate_card_are_taken_as_unknown_piece_by_piece(tmp_path: Path, megaline: Catalogue) -> None:
    rows = [{"subscriber_id": s, "current_plan": p} for s, p in (("a", "gone"), ("b", "surf"), ("c", "gone"))]
    path = write(tmp_path / "u.parquet", rows)
    stream = UsageStream(path, catalogue=megaline, piece_rows=1)
    pieces = pd.concat(list(stream), ignore_index=True)
    whole = read_usage_table(path, catalogue=megaline)
    pd.testing.assert_frame_equal(pieces, whole.months)
    assert stream.report() == whole.reports[0]
    assert pieces["current_plan"].isna().tolist() == [True, False, True]


def test_text_that_is_not_utf8_costs_its_row_or_nothing(tmp_path: Path) -> None:
    ids = [b"u1", b"u\xe92", b"u3", b"u1"]
    table = pa.table(
        {
            "subscriber_id": pa.array(ids, pa.binary()).view(pa.string()),
            "city": pa.array([b"K\xf6ln", b"Bonn", b"Bonn", b"Bonn"], pa.binary()).view(pa.string()),
            "month": ["2025-01", "2025-01", "2025-01", "2025-02"],
            **{name: [1.0] * 4 for name in ("minutes", "messages", "megabytes")},
        }
    )
    pq.write_table(table, tmp_path / "usage.parquet")  # not sorted, so that a database sorts it
    stream = UsageStream(tmp_path / "usage.parquet")
    months = pd.concat(list(stream))
    assert months["subscriber_id"].tolist() == ["u1", "u1", "u3"]
    assert months["city"].isna().tolist() == [True, False, False]
    assert stream.report().rejected == {"subscriber_id: characters that are not UTF-8": 1}


def test_a_plan_that_cannot_be_read_is_unknown_and_costs_no_month(tmp_path: Path) -> None:
    lines = (
        "subscriber_id,month,minutes,messages,megabytes,current_plan\nu,2025-01,1,1,1,f\xfcr\nu,2025-02,1,1,1,basic\n"
    )
    (tmp_path / "u.csv").write_bytes(lines.encode("latin-1"))
    read = read_usage_table(tmp_path / "u.csv")
    assert read.months["current_plan"].isna().tolist() == [True, False]
    why = "current_plan: characters that are not UTF-8, taken as unknown"
    assert (read.reports[0].rejected, read.reports[0].repaired) == ({}, {why: 1})
    rows = [{"subscriber_id": "u", "current_plan": True}, {"subscriber_id": "v", "current_plan": False}]
    stream = UsageStream(write(tmp_path / "u.parquet", rows))
    assert ids(stream) == [["u", "v"]]
    assert stream.report().repaired == {"current_plan: bool in the file, taken as unknown": 2}


def test_a_file_damaged_in_the_middle_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "u.parquet", [{"subscriber_id": f"s{n:04d}"} for n in range(2000)], group=100)
    content = bytearray(path.read_bytes())
    content[len(content) // 4 : len(content) // 2] = b"\0" * (len(content) // 2 - len(content) // 4)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"u\.parquet\): cannot be read to its end.*TMPDIR"):
        list(UsageStream(path, piece_rows=100))


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "subscriber_id": st.sampled_from(["a", "b", " b", "c", "", None, "ä", "z"]),
            "month": st.sampled_from(["2025-01", "2025-02", "2025-13", " 2025-01", None]),
            "minutes": st.sampled_from([1.0, 2.0, -1.0, None, float("inf")]),
            "current_plan": st.sampled_from(["x", "y", None]),
            "note": st.sampled_from([1, 2]),
        }
    ),
    min_size=1,
    max_size=25,
)


@given(rows=ROWS, piece_rows=st.integers(1, 8), group=st.integers(1, 8))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_are_the_whole_with_the_same_account(
    tmp_path: Path, rows: list[dict[str, Any]], piece_rows: int, group: int
) -> None:
    path = write(tmp_path / "u.parquet", rows, group=group)
    try:
        whole = read_usage_table(path)
    except DataError:
        with pytest.raises(DataError, match="No row can be used"):
            list(UsageStream(path, piece_rows=piece_rows))
        return
    stream = UsageStream(path, piece_rows=piece_rows)
    pieces = pd.concat([piece.astype({"note": "float64"}) for piece in stream], ignore_index=True)
    pd.testing.assert_frame_equal(pieces, whole.months)
    assert stream.report() == whole.reports[0]


FIELDS = {
    "subscriber_id": ["a", "b", " b", "c", "", "ä", "z", "NULL", '="d"', "d", "'+1", "+1"],
    "month": ["2025-01", "2025-02", "2025-13", " 2025-01", "", "202501", "2025-01-01"],
    "minutes": ["1", "2.5", "-1", "", "x", "1.250", "2,5", " 3", "1e2"],
    "messages": ["0", "0"],
    "megabytes": ["5", "90000000000000000000"],
    "current_plan": ["surf", "ultimate", "SURF", "ghost", ""],
    "age": ["30", "", "x", "300"],
    "points": ["1", "2.5", "", "7.500", "none"],
}
LINES = st.one_of(
    st.tuples(
        *(
            st.sampled_from([one for one in values for _ in range(3 if one == values[0] else 1)])
            for values in FIELDS.values()
        )
    ),
    st.sampled_from([("a", "2025-01", "3"), ("e", "2025-02"), ("a;2025-01;3",), ("",) * 8, tuple(FIELDS), ("a|b|c",)]),
)


@given(lines=st.lists(LINES, min_size=1, max_size=14), piece_rows=st.integers(1, 6), delimiter=st.sampled_from(",;"))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_of_a_text_are_the_whole_with_the_same_account(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    megaline: Catalogue,
    lines: list[tuple[str, ...]],
    piece_rows: int,
    delimiter: str,
) -> None:
    monkeypatch.setattr("common_utils.tables.text.records.PIECE_BYTES", 40 * piece_rows)
    path = tmp_path / "u.csv"
    quoted = [delimiter.join(f'"{f}"' if delimiter in f else f.replace('"', "") for f in line) for line in lines]
    path.write_text("\n".join([delimiter.join(FIELDS), *quoted]), encoding="utf-8")
    assert by_pieces(path, megaline, piece_rows) == as_a_whole(path, megaline)


def as_a_whole(path: Path, catalogue: Catalogue) -> tuple[Any, ...]:
    reading, until = Reading(), month_index("2025-01")
    try:
        data = asked_until(read_usage_table(path, catalogue=catalogue, reading=reading), until, reading=reading)
    except DataError as error:
        return (str(error),)
    assert data.lost is not None
    return account(*withheld(data.months, data.lost, as_of=until), data.reports[0], reading)


def by_pieces(path: Path, catalogue: Catalogue, piece_rows: int) -> tuple[Any, ...]:
    reading = Reading()
    try:
        stream = UsageStream(
            path, piece_rows=piece_rows, catalogue=catalogue, reading=reading, as_of=month_index("2025-01")
        )
        pieces = list(stream)
    except DataError as error:
        return (str(error),)
    months = pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame()
    return account(months, stream.refused, stream.report(), reading)


def account(months: pd.DataFrame, refused: int, report: RowReport, reading: Reading) -> tuple[Any, ...]:
    dtypes = months.dtypes.astype(str).to_dict() if len(months) else {}
    rows = months.astype(object).where(months.notna(), None).to_dict("records")
    told = [one.summary() for one in reading.accounts.reports]
    return rows, dtypes, refused, report, told, reading.accounts.rejects().to_csv()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_mapping_of_a_column_that_is_not_there_is_said(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"u.{ending}"
    row = {"subscriber_id": "a", "month": "2025-01", "minutes": 300.0, "messages": 0.0, "megabytes": 5000.0}
    write_table(pd.DataFrame([row | {"plan_actual": "smart-25"}]), path)
    for written, said in {"plan_actal": "nearest: 'plan_actual'", "tarif": "the file does not have"}.items():
        stream = UsageStream(path, reading=Reading(columns={written: ColumnSource("current_plan")}))
        assert [len(piece) for piece in stream] == [1]
        (note,) = [note for note in stream.report().notes if "data.table.columns names" in note]
        assert note.startswith(f"data.table.columns names {written!r} as current_plan, which the file does not have")
        assert note.endswith(said)
    for written, target in {"user": "subscriber_id", "plan_actual": "current_plan"}.items():  # ours is there, or theirs
        stream = UsageStream(path, reading=Reading(columns={written: ColumnSource(target)}))
        assert [len(piece) for piece in stream] == [1]
        assert not any("data.table.columns names" in note for note in stream.report().notes)
    with pytest.raises(DataError, match=r"missing column.*"):
        UsageStream(path, reading=Reading(columns={"minutes": ColumnSource("current_plan")}))


@pytest.mark.parametrize("other", ["Jose\u0301", "Jos\u200b\u00e9", ' ="Jos\u00e9" '])
def test_ids_that_look_alike_come_in_one_piece(tmp_path: Path, other: str) -> None:
    rows = [
        {"subscriber_id": who, "month": f"2025-0{n}"} for n, who in enumerate(("Jos\u00e9", "Jos\u00e9z", other), 1)
    ]
    stream = UsageStream(write(tmp_path / "u.parquet", rows), piece_rows=1)
    assert ids(stream) == [["Jos\u00e9", "Jos\u00e9"], ["Jos\u00e9z"]]


@pytest.mark.parametrize(
    "kind", [pytest.param(pa.decimal128(38, 0), id="decimal"), pytest.param(pa.binary(), id="binary")]
)
@pytest.mark.parametrize("order", [("1", "2", "1"), ("1", "1", "2")], ids=["unsorted", "sorted"])
def test_ids_as_databases_export_them_come_through_the_sorting(
    tmp_path: Path, kind: Any, order: tuple[str, ...]
) -> None:
    held = [Decimal(who) if pa.types.is_decimal(kind) else who.encode() for who in order]
    months = pa.array([f"2025-0{n}" for n in range(1, 4)])
    amounts = {name: [1.0] * 3 for name in ("minutes", "messages", "megabytes")}
    pq.write_table(
        pa.table({"subscriber_id": pa.array(held, kind), "month": months, **amounts}), tmp_path / "u.parquet"
    )
    assert ids(UsageStream(tmp_path / "u.parquet", piece_rows=1)) == [["1", "1"], ["2"]]


def test_what_is_done_to_every_row_of_a_parquet_file_is_said(tmp_path: Path) -> None:
    table = {"Subscriber ID": ["a"], "month": ["2025-01"], "Minutes": [1.0], "messages": [0.0], "megabytes": [5.0]}
    odd = {"wait": pa.array([1], pa.duration("s"))}
    pq.write_table(pa.table({**table, **odd}), tmp_path / "u.parquet")
    stream = UsageStream(tmp_path / "u.parquet")
    assert ids(stream) == [["a"]]
    assert stream.report().repaired == {
        "header 'Subscriber ID' read as subscriber_id": 1,
        "header 'Minutes' read as minutes": 1,
        "extra column 'wait' dropped": 1,
    }


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_an_optional_column_that_a_part_lacks_is_unknown_for_its_rows(tmp_path: Path, order: str) -> None:
    folder = tmp_path / "usage"
    folder.mkdir()
    write(folder / "0.parquet", [{"subscriber_id": order[0], "Age": 30.0}])
    write(folder / "1.parquet", [{"subscriber_id": order[1]}, {"subscriber_id": "c"}])
    stream = UsageStream(folder, piece_rows=1)
    ages = {row["subscriber_id"]: row["age"] for piece in stream for row in piece.to_dict("records")}
    assert ages[order[0]] == 30
    assert {person for person, age in ages.items() if pd.isna(age)} == {order[1], "c"}
    assert "age: not in the part of the folder, taken as unknown (2; row 2, 3)" in stream.report().summary()


def test_a_column_that_every_row_needs_is_missed_before_anything_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "usage"
    folder.mkdir()
    write(folder / "0.parquet", [{"subscriber_id": "a"}])
    pq.write_table(
        pa.table({"subscriber_id": ["b"], "month": ["2025-01"], "minutes": [1.0], "messages": [0.0]}),
        folder / "1.parquet",
    )
    with pytest.raises(DataError, match=r"some parts of the folder lack \['megabytes'\] \(row 2 to 2\)"):
        UsageStream(folder)
